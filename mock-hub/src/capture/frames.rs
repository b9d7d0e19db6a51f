//! TCP segments in IP packets (RFC 9293, RFC 791, RFC 8200), with good checksums.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

pub(super) const FIN: u8 = 0x01;
pub(super) const SYN: u8 = 0x02;
pub(super) const PSH: u8 = 0x08;
pub(super) const ACK: u8 = 0x10;

const TCP: u8 = 6;
const HOPS: u8 = 64;

/// One segment on its way.
pub(super) struct Segment<'a> {
    pub(super) source: SocketAddr,
    pub(super) target: SocketAddr,
    pub(super) sequence: u32,
    pub(super) acknowledged: u32,
    pub(super) flags: u8,
    pub(super) data: &'a [u8],
}

impl Segment<'_> {
    /// The IP packet that carries it.
    pub(super) fn frame(&self) -> Vec<u8> {
        let length = 20 + self.data.len();
        let mut tcp = Vec::with_capacity(length);
        tcp.extend_from_slice(&self.source.port().to_be_bytes());
        tcp.extend_from_slice(&self.target.port().to_be_bytes());
        tcp.extend_from_slice(&self.sequence.to_be_bytes());
        tcp.extend_from_slice(&self.acknowledged.to_be_bytes());
        // Five words of header, the largest window, checksum below, no urgent data.
        tcp.extend_from_slice(&[5 << 4, self.flags, 0xFF, 0xFF, 0, 0, 0, 0]);
        tcp.extend_from_slice(self.data);
        let (mut packet, pseudo) = match (self.source.ip(), self.target.ip()) {
            (IpAddr::V4(source), IpAddr::V4(target)) => {
                let addresses = [source.octets(), target.octets()].concat();
                (v4(&addresses, length), addresses)
            }
            (source, target) => {
                let addresses = [wide(source).octets(), wide(target).octets()].concat();
                (v6(&addresses, length), addresses)
            }
        };
        let tail = [&[0, TCP], &(length as u16).to_be_bytes()[..]].concat();
        let sum = checksum(&[&pseudo, &tail, &tcp]);
        tcp[16..18].copy_from_slice(&sum.to_be_bytes());
        packet.extend_from_slice(&tcp);
        packet
    }
}

fn wide(address: IpAddr) -> Ipv6Addr {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped(),
        IpAddr::V6(address) => address,
    }
}

fn v4(addresses: &[u8], length: usize) -> Vec<u8> {
    let total = (20 + length) as u16;
    let [high, low] = total.to_be_bytes();
    // Don't fragment, so the identification may be 0.
    let mut header = vec![0x45, 0, high, low, 0, 0, 0x40, 0, HOPS, TCP, 0, 0];
    header.extend_from_slice(addresses);
    let sum = checksum(&[&header]);
    header[10..12].copy_from_slice(&sum.to_be_bytes());
    header
}

fn v6(addresses: &[u8], length: usize) -> Vec<u8> {
    let [high, low] = (length as u16).to_be_bytes();
    let mut header = vec![0x60, 0, 0, 0, high, low, TCP, HOPS];
    header.extend_from_slice(addresses);
    header
}

/// The Internet checksum (RFC 1071); every part but the last has an even length.
fn checksum(parts: &[&[u8]]) -> u16 {
    let mut sum = 0_u32;
    for pair in parts.iter().flat_map(|part| part.chunks(2)) {
        let low = pair.get(1).copied().unwrap_or(0);
        sum += u32::from(u16::from_be_bytes([pair[0], low]));
        sum = (sum & 0xFFFF) + (sum >> 16);
    }
    !(sum as u16)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of RFC 1071 §3.
    #[test]
    fn the_checksum_is_that_of_the_standard() {
        assert_eq!(checksum(&[&[0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7]]), !0xddf2);
    }

    #[test]
    fn both_families_have_their_headers() {
        for (client, hub, version, header) in
            [("127.0.0.1:4000", "127.0.0.1:1883", 4, 20), ("[::1]:4000", "[::1]:1883", 6, 40)]
        {
            let segment = Segment {
                source: client.parse().unwrap(),
                target: hub.parse().unwrap(),
                sequence: 1,
                acknowledged: 2,
                flags: PSH | ACK,
                data: b"abc",
            };
            let frame = segment.frame();
            assert_eq!((frame[0] >> 4, frame.len()), (version, header + 20 + 3));
            assert_eq!(frame[header..header + 4], [0x0F, 0xA0, 0x07, 0x5B]);
        }
    }
}
