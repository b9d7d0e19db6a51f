//! MQTT 3.1.1 control packets: borrowed reading of what a client sends, writing of what the hub sends.
//!
//! Reading is lenient where vendor clients differ and the meaning is clear (DUP on QoS 0, the older protocol
//! name `MQIsdp`), and names the statement of the standard that a refused packet breaks.

use std::fmt;

use super::reader::Reader;

pub(super) const CONNECT: u8 = 0x10;
pub(super) const CONNACK: u8 = 0x20;
pub(super) const PUBLISH: u8 = 0x30;
pub(super) const PUBACK: u8 = 0x40;
pub(super) const PUBREC: u8 = 0x50;
pub(super) const PUBREL: u8 = 0x60;
pub(super) const PUBCOMP: u8 = 0x70;
pub(super) const SUBSCRIBE: u8 = 0x80;
pub(super) const SUBACK: u8 = 0x90;
pub(super) const UNSUBSCRIBE: u8 = 0xA0;
pub(super) const UNSUBACK: u8 = 0xB0;
pub(super) const PINGREQ: u8 = 0xC0;
pub(super) const PINGRESP: u8 = 0xD0;
pub(super) const DISCONNECT: u8 = 0xE0;

/// SUBACK's answer to a filter that is refused.
pub(super) const SUBSCRIPTION_REFUSED: u8 = 0x80;

/// What is wrong with a packet, and which statement of MQTT 3.1.1 says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Malformed {
    pub(super) what: &'static str,
    pub(super) statement: &'static str,
}

impl Malformed {
    pub(super) const fn new(what: &'static str, statement: &'static str) -> Self {
        Self { what, statement }
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} [{}]", self.what, self.statement)
    }
}

/// One whole packet cut out of the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Frame<'a> {
    /// First byte: type and flags.
    pub(super) head: u8,
    /// What follows the fixed header.
    pub(super) body: &'a [u8],
    /// Length with the fixed header.
    pub(super) length: usize,
}

/// Why no frame could be cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unframed {
    /// More bytes are needed.
    Incomplete,
    /// The packet is longer than the limit given.
    TooLong(usize),
    /// The length is not a length.
    Malformed(Malformed),
}

/// Cuts the first packet out of `bytes`; its remaining length may not be over `limit`.
pub(super) fn frame(bytes: &[u8], limit: usize) -> Result<Frame<'_>, Unframed> {
    let (&head, rest) = bytes.split_first().ok_or(Unframed::Incomplete)?;
    let mut length = 0usize;
    for (index, &byte) in rest.iter().take(4).enumerate() {
        length |= usize::from(byte & 0x7F) << (7 * index);
        if byte & 0x80 == 0 {
            if length > limit {
                return Err(Unframed::TooLong(length));
            }
            let start = index + 1;
            let body = rest.get(start..start + length).ok_or(Unframed::Incomplete)?;
            return Ok(Frame { head, body, length: 1 + start + length });
        }
    }
    if rest.len() < 4 {
        return Err(Unframed::Incomplete);
    }
    Err(Unframed::Malformed(Malformed::new("the remaining length has more than four bytes", "section 2.2.3")))
}

/// A packet of a client, its fields borrowed from the bytes read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Packet<'a> {
    Connect(Connect<'a>),
    Publish(Publish<'a>),
    PubAck(u16),
    PubRec(u16),
    PubRel(u16),
    PubComp(u16),
    Subscribe { id: u16, filters: Filters<'a> },
    Unsubscribe { id: u16, filters: Filters<'a> },
    PingReq,
    Disconnect,
}

/// The fields of a CONNECT that the hub looks at; a will is read and has no meaning in EnOS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Connect<'a> {
    /// Protocol level as sent: 3 for `MQIsdp`, 4 for MQTT 3.1.1.
    pub(super) level: u8,
    /// Whether the hub speaks it; if not, nothing behind it was read, and return code 1 is due.
    pub(super) supported: bool,
    pub(super) clean_session: bool,
    pub(super) keep_alive_s: u16,
    pub(super) client_id: &'a str,
    pub(super) has_will: bool,
    pub(super) user_name: &'a str,
    pub(super) password: &'a [u8],
}

/// A PUBLISH of a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Publish<'a> {
    pub(super) topic: &'a str,
    pub(super) payload: &'a [u8],
    pub(super) qos: u8,
    /// Packet identifier; 0 at QoS 0.
    pub(super) id: u16,
}

/// The topic filters of a SUBSCRIBE (with the wanted QoS) or an UNSUBSCRIBE (QoS 0), checked when the packet
/// was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Filters<'a> {
    rest: &'a [u8],
    with_qos: bool,
}

impl<'a> Iterator for Filters<'a> {
    type Item = (&'a str, u8);

    fn next(&mut self) -> Option<Self::Item> {
        let mut reader = Reader::new(self.rest);
        let filter = reader.text().ok()?;
        let qos = if self.with_qos { reader.byte().ok()? } else { 0 };
        self.rest = reader.rest();
        Some((filter, qos))
    }
}

/// Reads the packet in a frame.
pub(super) fn decode<'a>(frame: &Frame<'a>) -> Result<Packet<'a>, Malformed> {
    let mut reader = Reader::new(frame.body);
    let flags = frame.head & 0x0F;
    let packet = match frame.head & 0xF0 {
        CONNECT => {
            exact_flags(flags, 0, "MQTT-2.2.2-2")?;
            Packet::Connect(connect(&mut reader)?)
        }
        PUBLISH => Packet::Publish(publish(flags, &mut reader)?),
        PUBACK => Packet::PubAck(lone_id(flags, 0, &mut reader)?),
        PUBREC => Packet::PubRec(lone_id(flags, 0, &mut reader)?),
        PUBREL => Packet::PubRel(lone_id(flags, 0b0010, &mut reader)?),
        PUBCOMP => Packet::PubComp(lone_id(flags, 0, &mut reader)?),
        SUBSCRIBE => {
            exact_flags(flags, 0b0010, "MQTT-3.8.1-1")?;
            let id = reader.packet_identifier()?;
            Packet::Subscribe { id, filters: filters(&mut reader, true)? }
        }
        UNSUBSCRIBE => {
            exact_flags(flags, 0b0010, "MQTT-3.10.1-1")?;
            let id = reader.packet_identifier()?;
            Packet::Unsubscribe { id, filters: filters(&mut reader, false)? }
        }
        PINGREQ => {
            exact_flags(flags, 0, "MQTT-2.2.2-2")?;
            Packet::PingReq
        }
        DISCONNECT => {
            exact_flags(flags, 0, "MQTT-3.14.1-1")?;
            Packet::Disconnect
        }
        0x00 | 0xF0 => return Err(Malformed::new("a reserved packet type", "section 2.2.1")),
        _ => return Err(Malformed::new("a packet that only a server sends", "section 2.2.1")),
    };
    if !reader.rest().is_empty() {
        return Err(Malformed::new("bytes are left over at the end of the packet", "section 2.2.3"));
    }
    Ok(packet)
}

fn exact_flags(flags: u8, wanted: u8, statement: &'static str) -> Result<(), Malformed> {
    if flags == wanted {
        Ok(())
    } else {
        Err(Malformed::new("reserved flag bits are not as fixed", statement))
    }
}

fn lone_id(flags: u8, wanted: u8, reader: &mut Reader<'_>) -> Result<u16, Malformed> {
    exact_flags(flags, wanted, "MQTT-2.2.2-2")?;
    reader.packet_identifier()
}

fn connect<'a>(reader: &mut Reader<'a>) -> Result<Connect<'a>, Malformed> {
    let name = reader.text()?;
    let level = reader.byte()?;
    if !matches!(name, "MQTT" | "MQIsdp") {
        return Err(Malformed::new("the protocol name is neither MQTT nor MQIsdp", "MQTT-3.1.2-1"));
    }
    let supported = matches!((name, level), ("MQTT", 4) | ("MQIsdp", 3));
    let mut connect = Connect {
        level,
        supported,
        clean_session: true,
        keep_alive_s: 0,
        client_id: "",
        has_will: false,
        user_name: "",
        password: &[],
    };
    if !supported {
        // Another level may carry fields of its own.
        reader.skip_all();
        return Ok(connect);
    }
    let flags = reader.byte()?;
    if level == 4 && flags & 0x01 != 0 {
        return Err(Malformed::new("the reserved CONNECT flag is set", "MQTT-3.1.2-3"));
    }
    connect.clean_session = flags & 0x02 != 0;
    connect.has_will = flags & 0x04 != 0;
    let (will_qos, will_retain) = ((flags >> 3) & 0x03, flags & 0x20 != 0);
    if will_qos == 3 {
        return Err(Malformed::new("the will's QoS is 3", "MQTT-3.1.2-14"));
    }
    if !connect.has_will && (will_qos != 0 || will_retain) {
        return Err(Malformed::new("will flags without a will", "MQTT-3.1.2-13"));
    }
    let (has_password, has_user_name) = (flags & 0x40 != 0, flags & 0x80 != 0);
    if level == 4 && has_password && !has_user_name {
        return Err(Malformed::new("a password without a user name", "MQTT-3.1.2-22"));
    }
    connect.keep_alive_s = reader.number()?;
    connect.client_id = reader.text()?;
    if connect.has_will {
        reader.text()?;
        reader.block()?;
    }
    if has_user_name {
        connect.user_name = reader.text()?;
    }
    if has_password {
        connect.password = reader.block()?;
    }
    Ok(connect)
}

fn publish<'a>(flags: u8, reader: &mut Reader<'a>) -> Result<Publish<'a>, Malformed> {
    let qos = (flags >> 1) & 0x03;
    if qos == 3 {
        return Err(Malformed::new("the QoS is 3", "MQTT-3.3.1-4"));
    }
    let topic = reader.text()?;
    if topic.is_empty() {
        return Err(Malformed::new("the topic name is empty", "MQTT-4.7.3-1"));
    }
    if topic.bytes().any(|byte| byte == b'+' || byte == b'#') {
        return Err(Malformed::new("the topic name holds a wildcard", "MQTT-3.3.2-2"));
    }
    let id = if qos == 0 { 0 } else { reader.packet_identifier()? };
    Ok(Publish { topic, payload: reader.skip_all(), qos, id })
}

fn filters<'a>(reader: &mut Reader<'a>, with_qos: bool) -> Result<Filters<'a>, Malformed> {
    let filters = Filters { rest: reader.rest(), with_qos };
    if filters.rest.is_empty() {
        let statement = if with_qos { "MQTT-3.8.3-3" } else { "MQTT-3.10.3-2" };
        return Err(Malformed::new("there is no topic filter", statement));
    }
    while !reader.rest().is_empty() {
        reader.text()?;
        if with_qos && reader.byte()? > 2 {
            return Err(Malformed::new("the wanted QoS is over 2", "MQTT-3-8.3-4"));
        }
    }
    Ok(filters)
}

/// Appends a CONNACK.
pub(super) fn put_connack(out: &mut Vec<u8>, session_present: bool, code: u8) {
    out.extend_from_slice(&[CONNACK, 2, u8::from(session_present), code]);
}

/// Appends a packet that is a packet identifier and nothing else; `head` holds type and flags.
pub(super) fn put_id(out: &mut Vec<u8>, head: u8, id: u16) {
    let [high, low] = id.to_be_bytes();
    out.extend_from_slice(&[head, 2, high, low]);
}

/// Appends a PINGRESP.
pub(super) fn put_pingresp(out: &mut Vec<u8>) {
    out.extend_from_slice(&[PINGRESP, 0]);
}

/// Appends a SUBACK with one code per filter.
pub(super) fn put_suback(out: &mut Vec<u8>, id: u16, codes: &[u8]) {
    out.push(SUBACK);
    put_length(out, 2 + codes.len());
    out.extend_from_slice(&id.to_be_bytes());
    out.extend_from_slice(codes);
}

/// Appends a PUBLISH; `id` is given exactly when the QoS is 1. False, and nothing appended, if the topic or
/// the whole is too long for MQTT.
#[must_use]
pub(super) fn put_publish(
    out: &mut Vec<u8>,
    topic: &str,
    payload: &[u8],
    id: Option<u16>,
    dup: bool,
) -> bool {
    let Ok(topic_length) = u16::try_from(topic.len()) else { return false };
    let length = 2 + topic.len() + if id.is_some() { 2 } else { 0 } + payload.len();
    if length > LONGEST {
        return false;
    }
    out.push(PUBLISH | u8::from(id.is_some()) << 1 | u8::from(dup) << 3);
    put_length(out, length);
    out.extend_from_slice(&topic_length.to_be_bytes());
    out.extend_from_slice(topic.as_bytes());
    if let Some(id) = id {
        out.extend_from_slice(&id.to_be_bytes());
    }
    out.extend_from_slice(payload);
    true
}

/// Largest remaining length (section 2.2.3).
const LONGEST: usize = 268_435_455;

fn put_length(out: &mut Vec<u8>, mut length: usize) {
    loop {
        let byte = (length & 0x7F) as u8;
        length >>= 7;
        if length == 0 {
            out.push(byte);
            return;
        }
        out.push(byte | 0x80);
    }
}
