//! As much of MQTT 3.1.1 as the responder and the raw-socket floor need.
//!
//! It refuses malformed lengths and nothing else: it is a yardstick, not an implementation.

use super::{Failure, Outcome};

/// CONNECT, CONNACK and so on, as the upper four bits of a packet's first byte (MQTT 3.1.1 §2.2.1).
pub mod kind {
    #![allow(missing_docs)]
    pub const CONNECT: u8 = 1;
    pub const CONNACK: u8 = 2;
    pub const PUBLISH: u8 = 3;
    pub const PUBACK: u8 = 4;
    pub const SUBSCRIBE: u8 = 8;
    pub const SUBACK: u8 = 9;
    pub const UNSUBSCRIBE: u8 = 10;
    pub const PINGREQ: u8 = 12;
    pub const DISCONNECT: u8 = 14;
}

/// One packet, borrowed from the bytes read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet<'a> {
    /// The first byte: kind and flags.
    pub first: u8,
    /// All behind the fixed header.
    pub body: &'a [u8],
    /// How many bytes the packet takes, its fixed header included.
    pub len: usize,
}

impl<'a> Packet<'a> {
    /// The first packet of `bytes`; `None` if more bytes are needed.
    pub fn first_of(bytes: &'a [u8]) -> Outcome<Option<Self>> {
        let Some(&first) = bytes.first() else { return Ok(None) };
        let (mut length, mut shift, mut header) = (0_usize, 0, 1);
        loop {
            let Some(&byte) = bytes.get(header) else { return Ok(None) };
            length |= usize::from(byte & 0x7f) << shift;
            header += 1;
            if byte & 0x80 == 0 {
                break;
            }
            shift += 7;
            if shift > 21 {
                return Err("a remaining length of more than four bytes".into());
            }
        }
        let len = header + length;
        Ok(bytes.get(header..len).map(|body| Self { first, body, len }))
    }

    /// The packet's kind, one of [`kind`].
    pub fn kind(&self) -> u8 {
        self.first >> 4
    }

    /// The packet identifier at the start of the body of PUBACK, SUBSCRIBE, UNSUBSCRIBE.
    pub fn identifier(&self) -> Outcome<u16> {
        Reader(self.body).u16()
    }

    /// The parts of a PUBLISH.
    pub fn publish(&self) -> Outcome<Publish<'a>> {
        let mut reader = Reader(self.body);
        let topic = reader.text()?;
        let qos = self.first >> 1 & 3;
        let identifier = if qos == 0 { None } else { Some(reader.u16()?) };
        Ok(Publish { topic, identifier, payload: reader.0 })
    }

    /// Client id and user name of a CONNECT; an absent user name is empty.
    pub fn connect(&self) -> Outcome<(&'a str, &'a str)> {
        let mut reader = Reader(self.body);
        reader.text()?;
        reader.take(1)?;
        let flags = reader.take(1)?.first().copied().unwrap_or(0);
        reader.take(2)?;
        let client_id = reader.text()?;
        if flags & 0x04 != 0 {
            reader.text()?;
            reader.text()?;
        }
        let user = if flags & 0x80 == 0 { "" } else { reader.text()? };
        Ok((client_id, user))
    }

    /// How many filters a SUBSCRIBE holds.
    pub fn filters(&self) -> Outcome<usize> {
        let mut reader = Reader(self.body);
        reader.u16()?;
        let mut filters = 0;
        while !reader.0.is_empty() {
            reader.text()?;
            reader.take(1)?;
            filters += 1;
        }
        Ok(filters)
    }
}

/// A PUBLISH, borrowed from the bytes read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Publish<'a> {
    /// Its topic.
    pub topic: &'a str,
    /// Its packet identifier, if its QoS is not 0.
    pub identifier: Option<u16>,
    /// What it carries.
    pub payload: &'a [u8],
}

/// Hands each complete packet of `bytes` to `each` and says how many bytes they took.
pub fn each_packet(bytes: &[u8], mut each: impl FnMut(Packet<'_>) -> Outcome<()>) -> Outcome<usize> {
    let mut taken = 0;
    while let Some(packet) = Packet::first_of(bytes.get(taken..).unwrap_or_default())? {
        taken += packet.len;
        each(packet)?;
    }
    Ok(taken)
}

/// Appends a CONNECT with clean session and a keep alive of 60 s.
pub fn put_connect(out: &mut Vec<u8>, client_id: &str, user: &str) -> Outcome<()> {
    let length = 10 + 2 + client_id.len() + 2 + user.len();
    put_header(out, kind::CONNECT << 4, length)?;
    put_text(out, "MQTT")?;
    out.extend_from_slice(&[4, 0x82, 0, 60]);
    put_text(out, client_id)?;
    put_text(out, user)
}

/// Appends a CONNECT with clean session, user name and password, and a keep alive in seconds.
pub fn put_signed_connect(
    out: &mut Vec<u8>,
    client_id: &str,
    user: &str,
    password: &str,
    keep_alive_s: u16,
) -> Outcome<()> {
    let length = 10 + 2 + client_id.len() + 2 + user.len() + 2 + password.len();
    put_header(out, kind::CONNECT << 4, length)?;
    put_text(out, "MQTT")?;
    let [high, low] = keep_alive_s.to_be_bytes();
    out.extend_from_slice(&[4, 0xc2, high, low]);
    put_text(out, client_id)?;
    put_text(out, user)?;
    put_text(out, password)
}

/// Appends a SUBSCRIBE to one filter.
pub fn put_subscribe(out: &mut Vec<u8>, identifier: u16, filter: &str, qos: u8) -> Outcome<()> {
    put_header(out, kind::SUBSCRIBE << 4 | 2, 2 + 2 + filter.len() + 1)?;
    out.extend_from_slice(&identifier.to_be_bytes());
    put_text(out, filter)?;
    out.push(qos);
    Ok(())
}

/// Appends a PUBLISH: QoS 1 with that packet identifier, QoS 0 without one.
pub fn put_publish(out: &mut Vec<u8>, topic: &str, identifier: Option<u16>, payload: &[u8]) -> Outcome<()> {
    let (flags, extra) = if identifier.is_some() { (2, 2) } else { (0, 0) };
    put_header(out, kind::PUBLISH << 4 | flags, 2 + topic.len() + extra + payload.len())?;
    put_text(out, topic)?;
    if let Some(identifier) = identifier {
        out.extend_from_slice(&identifier.to_be_bytes());
    }
    out.extend_from_slice(payload);
    Ok(())
}

/// Appends a PUBACK.
pub fn put_puback(out: &mut Vec<u8>, identifier: u16) {
    let [high, low] = identifier.to_be_bytes();
    out.extend_from_slice(&[kind::PUBACK << 4, 2, high, low]);
}

/// Appends a DISCONNECT.
pub fn put_disconnect(out: &mut Vec<u8>) {
    out.extend_from_slice(&[kind::DISCONNECT << 4, 0]);
}

/// Appends a fixed header for a body of that length.
pub fn put_header(out: &mut Vec<u8>, first: u8, mut length: usize) -> Outcome<()> {
    if length >= 1 << 28 {
        return Err("a packet of more than 256 MB".into());
    }
    out.push(first);
    loop {
        let low = (length & 0x7f) as u8;
        length >>= 7;
        out.push(if length == 0 { low } else { low | 0x80 });
        if length == 0 {
            return Ok(());
        }
    }
}

fn put_text(out: &mut Vec<u8>, text: &str) -> Outcome<()> {
    out.extend_from_slice(&u16::try_from(text.len())?.to_be_bytes());
    out.extend_from_slice(text.as_bytes());
    Ok(())
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], Failure> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or("a packet ends early")?;
        self.0 = rest;
        Ok(taken)
    }

    fn u16(&mut self) -> Result<u16, Failure> {
        let bytes: [u8; 2] = self.take(2)?.try_into()?;
        Ok(u16::from_be_bytes(bytes))
    }

    fn text(&mut self) -> Result<&'a str, Failure> {
        let length = self.u16()?;
        Ok(std::str::from_utf8(self.take(length.into())?)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_survive_the_wire_at_every_cut() {
        let mut bytes = Vec::new();
        put_connect(&mut bytes, "t-1", "t-1&pk").unwrap();
        put_publish(&mut bytes, "/sys/a", Some(258), &[b'x'; 300]).unwrap();
        put_publish(&mut bytes, "/sys/b", None, b"y").unwrap();
        put_puback(&mut bytes, 258);
        put_disconnect(&mut bytes);
        for cut in 0..=bytes.len() {
            let mut kinds = Vec::new();
            let taken = each_packet(&bytes[..cut], |packet| {
                kinds.push(packet.kind());
                match kinds.len() {
                    1 => assert_eq!(packet.connect()?, ("t-1", "t-1&pk")),
                    2 => {
                        let publish = packet.publish()?;
                        assert_eq!((publish.topic, publish.identifier), ("/sys/a", Some(258)));
                        assert_eq!(publish.payload.len(), 300);
                    }
                    3 => assert_eq!(packet.publish()?.identifier, None),
                    4 => assert_eq!(packet.identifier()?, 258),
                    _ => {}
                }
                Ok(())
            })
            .unwrap();
            assert!(taken <= cut);
            assert_eq!(kinds, [1, 3, 3, 4, 14][..kinds.len()]);
            assert_eq!(kinds.len() == 5, cut == bytes.len());
        }
    }

    #[test]
    fn malformed_packets_are_refused() {
        assert!(Packet::first_of(&[0x30, 0xff, 0xff, 0xff, 0xff, 1]).is_err());
        let short = Packet::first_of(&[0x32, 3, 0, 9, b'a']).unwrap().unwrap();
        assert!(short.publish().is_err());
    }
}
