//! MQTT packets as the world sees them: cut out of streams, named for people, judged by a parser that neither the
//! SDK nor the hub knows (rumqttc's).

use bytes::BytesMut;
use rumqttc::Packet;

pub(super) const CONNECT: u8 = 1;
pub(super) const CONNACK: u8 = 2;
pub(super) const PUBLISH: u8 = 3;
pub(super) const PUBACK: u8 = 4;

const NAMES: [&str; 16] = [
    "0",
    "CONNECT",
    "CONNACK",
    "PUBLISH",
    "PUBACK",
    "PUBREC",
    "PUBREL",
    "PUBCOMP",
    "SUBSCRIBE",
    "SUBACK",
    "UNSUBSCRIBE",
    "UNSUBACK",
    "PINGREQ",
    "PINGRESP",
    "DISCONNECT",
    "15",
];

/// The length of the packet that `bytes` start with, as soon as it can be told; the error means that there is none.
fn length(bytes: &[u8]) -> Result<Option<usize>, ()> {
    let mut length = 0;
    for at in 0..4 {
        let Some(byte) = bytes.get(1 + at) else { return Ok(None) };
        length |= usize::from(byte & 0x7F) << (7 * at);
        if byte & 0x80 == 0 {
            return Ok(Some(2 + at + length));
        }
    }
    Err(())
}

/// Cuts a stream into packets.
#[derive(Debug, Default)]
pub(super) struct Framer {
    held: Vec<u8>,
    lost: bool,
}

impl Framer {
    /// Takes bytes and gives each packet that they complete. Behind something that is no packet nothing follows.
    pub(super) fn push(&mut self, bytes: &[u8], mut each: impl FnMut(&[u8])) {
        if self.lost {
            return;
        }
        self.held.extend_from_slice(bytes);
        let mut used = 0;
        loop {
            match length(&self.held[used..]) {
                Ok(Some(length)) if self.held.len() - used >= length => {
                    each(&self.held[used..used + length]);
                    used += length;
                }
                Ok(_) => break,
                Err(()) => {
                    self.lost = true;
                    break;
                }
            }
        }
        self.held.drain(..used);
    }
}

/// A PUBLISH.
#[derive(Clone, Copy, Debug)]
pub(super) struct Publish<'a> {
    pub(super) topic: &'a str,
    /// 0 at QoS 0.
    pub(super) id: u16,
    pub(super) dup: bool,
    pub(super) payload: &'a [u8],
}

impl<'a> Publish<'a> {
    pub(super) fn is_reply(&self) -> bool {
        self.topic.ends_with("_reply")
    }

    pub(super) fn is_post(&self) -> bool {
        self.topic.ends_with("/thing/measurepoint/post")
    }

    /// A command on its way to a device.
    pub(super) fn is_command(&self) -> bool {
        self.topic.contains("/thing/service/") && !self.is_reply()
    }

    /// An answer to a command.
    pub(super) fn is_answer(&self) -> bool {
        self.topic.contains("/thing/service/") && self.is_reply()
    }

    pub(super) fn is_activation(&self) -> bool {
        self.topic.ends_with("/thing/activate/info")
    }

    /// The `id` of the envelope.
    pub(super) fn message_id(&self) -> Option<&'a str> {
        let text = std::str::from_utf8(self.payload).ok()?;
        let rest = &text[text.find("\"id\":\"")? + 6..];
        rest.get(..rest.find('"')?)
    }
}

pub(super) fn kind(packet: &[u8]) -> u8 {
    packet.first().map_or(0, |head| head >> 4)
}

fn body(packet: &[u8]) -> Option<&[u8]> {
    let head = packet.iter().skip(1).position(|byte| byte & 0x80 == 0)? + 2;
    packet.get(head..)
}

pub(super) fn publish(packet: &[u8]) -> Option<Publish<'_>> {
    if kind(packet) != PUBLISH {
        return None;
    }
    let body = body(packet)?;
    let length = usize::from(u16::from_be_bytes([*body.first()?, *body.get(1)?]));
    let topic = std::str::from_utf8(body.get(2..2 + length)?).ok()?;
    let rest = body.get(2 + length..)?;
    let dup = packet[0] & 8 != 0;
    if packet[0] & 6 == 0 {
        return Some(Publish { topic, id: 0, dup, payload: rest });
    }
    let id = u16::from_be_bytes([*rest.first()?, *rest.get(1)?]);
    Some(Publish { topic, id, dup, payload: &rest[2..] })
}

/// The packet identifier of a packet that is little else.
pub(super) fn lone_id(packet: &[u8]) -> Option<u16> {
    let body = body(packet)?;
    Some(u16::from_be_bytes([*body.first()?, *body.get(1)?]))
}

/// Why a packet is no MQTT 3.1.1, by a stranger's parser; what it reads must be what it would write.
pub(super) fn fault(packet: &[u8]) -> Option<String> {
    let mut stream = BytesMut::from(packet);
    let read = match Packet::read(&mut stream, usize::MAX) {
        Ok(read) => read,
        Err(error) => return Some(format!("{error:?}")),
    };
    if !stream.is_empty() {
        return Some("bytes are left over".to_owned());
    }
    let mut written = BytesMut::with_capacity(packet.len());
    match read.write(&mut written, usize::MAX) {
        Ok(_) if written == packet => None,
        Ok(_) => Some(format!("it reads {read:?}, which is written otherwise")),
        Err(error) => Some(format!("{error:?}")),
    }
}

/// A packet in words that hold no secret.
pub(super) fn describe(packet: &[u8]) -> String {
    let name = NAMES[usize::from(kind(packet))];
    let flags = packet.first().map_or(0, |head| head & 15);
    if let Some(publish) = publish(packet) {
        let (topic, id, size) = (publish.topic, publish.id, publish.payload.len());
        let dup = if publish.dup { " dup" } else { "" };
        let message = publish.message_id().unwrap_or("-");
        return format!("PUBLISH q{}{dup} #{id} {topic} id={message} ({size} B)", (flags >> 1) & 3);
    }
    match (kind(packet), body(packet)) {
        (CONNACK, Some([present, code])) => format!("CONNACK {code} present={present}"),
        (CONNECT, _) => "CONNECT".to_owned(),
        (_, Some([high, low, ..])) => format!("{name} #{}", u16::from_be_bytes([*high, *low])),
        _ => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_cut_into_its_packets_wherever_its_bytes_are_cut() {
        let stream = [&[0xC0, 0][..], &[0x40, 2, 0, 7], &[0x30, 4, 0, 1, b't', b'x']].concat();
        for cut in 0..=stream.len() {
            let (mut framer, mut seen) = (Framer::default(), Vec::new());
            for part in [&stream[..cut], &stream[cut..]] {
                framer.push(part, |packet| seen.push(describe(packet)));
            }
            assert_eq!(seen, ["PINGREQ", "PUBACK #7", "PUBLISH q0 #0 t id=- (1 B)"]);
        }
    }

    #[test]
    fn the_stranger_finds_what_is_no_packet() {
        assert_eq!(fault(&[0x40, 2, 0, 7]), None);
        assert_eq!(fault(&[0xD0, 0]), None);
        for bad in [&[0x40, 1, 0][..], &[0x32, 3, 0, 1, b't'], &[0xF0, 0], &[0x42, 2, 0, 7]] {
            assert!(fault(bad).is_some(), "{bad:02x?}");
        }
    }
}
