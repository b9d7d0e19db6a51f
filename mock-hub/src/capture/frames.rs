//! TCP segments and UDP datagrams in IP packets (RFC 9293, RFC 768, RFC 791, RFC 8200), with good checksums.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

pub(super) const FIN: u8 = 0x01;
pub(super) const SYN: u8 = 0x02;
pub(super) const PSH: u8 = 0x08;
pub(super) const ACK: u8 = 0x10;

const TCP: u8 = 6;
const UDP: u8 = 17;
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
        with_header(self.source.ip(), self.target.ip(), TCP, tcp, 16)
    }
}

/// The IP packet that carries a UDP datagram.
pub(super) fn datagram(source: SocketAddr, target: SocketAddr, data: &[u8]) -> Vec<u8> {
    let length = (8 + data.len()) as u16;
    let mut udp = Vec::with_capacity(usize::from(length));
    udp.extend_from_slice(&source.port().to_be_bytes());
    udp.extend_from_slice(&target.port().to_be_bytes());
    udp.extend_from_slice(&length.to_be_bytes());
    udp.extend_from_slice(&[0, 0]);
    udp.extend_from_slice(data);
    with_header(source.ip(), target.ip(), UDP, udp, 6)
}

/// Puts the IP header in front of what `protocol` sends; its checksum belongs at `at`.
fn with_header(source: IpAddr, target: IpAddr, protocol: u8, mut body: Vec<u8>, at: usize) -> Vec<u8> {
    let (mut packet, pseudo) = match (source, target) {
        (IpAddr::V4(source), IpAddr::V4(target)) => {
            let addresses = [source.octets(), target.octets()].concat();
            (v4(&addresses, protocol, body.len()), addresses)
        }
        (source, target) => {
            let addresses = [wide(source).octets(), wide(target).octets()].concat();
            (v6(&addresses, protocol, body.len()), addresses)
        }
    };
    let tail = [&[0, protocol], &(body.len() as u16).to_be_bytes()[..]].concat();
    let sum = checksum(&[&pseudo, &tail, &body]);
    // A UDP checksum of 0 would say that there is none (RFC 768).
    let sum = if protocol == UDP && sum == 0 { 0xFFFF } else { sum };
    body[at..at + 2].copy_from_slice(&sum.to_be_bytes());
    packet.extend_from_slice(&body);
    packet
}

fn wide(address: IpAddr) -> Ipv6Addr {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped(),
        IpAddr::V6(address) => address,
    }
}

fn v4(addresses: &[u8], protocol: u8, length: usize) -> Vec<u8> {
    let total = (20 + length) as u16;
    let [high, low] = total.to_be_bytes();
    // Don't fragment, so the identification may be 0.
    let mut header = vec![0x45, 0, high, low, 0, 0, 0x40, 0, HOPS, protocol, 0, 0];
    header.extend_from_slice(addresses);
    let sum = checksum(&[&header]);
    header[10..12].copy_from_slice(&sum.to_be_bytes());
    header
}

fn v6(addresses: &[u8], protocol: u8, length: usize) -> Vec<u8> {
    let [high, low] = (length as u16).to_be_bytes();
    let mut header = vec![0x60, 0, 0, 0, high, low, protocol, HOPS];
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
    fn a_datagram_has_its_length_and_a_sum_that_adds_up() {
        for (client, version, header) in [("127.0.0.1:4000", 4, 20), ("[::1]:4000", 6, 40)] {
            let client: SocketAddr = client.parse().unwrap();
            for data in [&b"abc"[..], b"abcd"] {
                let frame = datagram(client, SocketAddr::new(client.ip(), 5683), data);
                assert_eq!((frame[0] >> 4, frame.len()), (version, header + 8 + data.len()));
                assert_eq!(frame[header..header + 6], [0x0F, 0xA0, 0x16, 0x33, 0, 8 + data.len() as u8]);
                let addresses = &frame[header - if version == 4 { 8 } else { 32 }..header];
                assert_eq!(checksum(&[addresses, &[0, UDP, 0, 8 + data.len() as u8], &frame[header..]]), 0);
            }
        }
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
