//! Packets out of received bytes, without copying.

use super::filters::{SubAck, Subscribe, Unsubscribe};
use super::{Connect, DecodeError, Packet, Publish, QoS, Will, first};

/// The first two to five bytes of a packet: type, flags and length of what follows (§2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FixedHeader {
    /// Packet type and flags; checked by [`FixedHeader::parse`].
    pub first: u8,
    /// Length of this header: 2 to 5.
    pub header_len: usize,
    /// Length of what follows.
    pub body_len: usize,
}

impl FixedHeader {
    /// Reads the header at the start of `bytes`; `None` means that more bytes are needed.
    ///
    /// The first byte is checked as soon as it is there, so that a peer which speaks another protocol is
    /// refused at once.
    pub fn parse(bytes: &[u8]) -> Result<Option<FixedHeader>, DecodeError> {
        let Some((&first, rest)) = bytes.split_first() else { return Ok(None) };
        check_first(first)?;
        let mut body_len = 0;
        for (place, &byte) in rest.iter().take(4).enumerate() {
            body_len |= usize::from(byte & 0x7F) << (7 * place);
            if byte < 0x80 {
                return Ok(Some(FixedHeader { first, header_len: place + 2, body_len }));
            }
        }
        if rest.len() >= 4 { Err(DecodeError::LengthTooLong) } else { Ok(None) }
    }

    /// Length of the whole packet.
    #[inline]
    pub fn total(&self) -> usize {
        self.header_len + self.body_len
    }

    /// Whether this is a PUBLISH.
    #[inline]
    pub fn is_publish(&self) -> bool {
        self.first & 0xF0 == first::PUBLISH
    }
}

/// What stands before the payload of a PUBLISH.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublishHead<'a> {
    /// Quality of service.
    pub qos: QoS,
    /// Sent before.
    pub dup: bool,
    /// Topic name, without wildcards.
    pub topic: &'a str,
    /// Packet identifier; 0 at QoS 0, never 0 otherwise.
    pub packet_id: u16,
    /// Where the payload starts in the body.
    pub payload_at: usize,
}

/// Decodes a packet whose body has fully arrived: `body` is exactly `header.body_len` bytes.
///
/// Strict: whatever the standard calls malformed is an error, and so is a body of another length.
pub fn decode<'a>(header: FixedHeader, body: &'a [u8]) -> Result<Packet<'a>, DecodeError> {
    check_first(header.first)?;
    if body.len() < header.body_len {
        return Err(DecodeError::BodyTooShort);
    }
    if body.len() > header.body_len {
        return Err(DecodeError::BodyTooLong);
    }
    if header.is_publish() {
        let head = decode_publish_head(header, body)?.ok_or(DecodeError::BodyTooShort)?;
        return Ok(Packet::Publish(Publish {
            dup: head.dup,
            qos: head.qos,
            retain: header.first & 0x01 != 0,
            topic: head.topic,
            packet_id: head.packet_id,
            payload: body.get(head.payload_at..).unwrap_or_default(),
        }));
    }
    let mut r = Reader(body);
    let packet = match header.first {
        first::PUBACK => Packet::PubAck(r.packet_id()?),
        first::PUBREC => Packet::PubRec(r.packet_id()?),
        first::PUBREL => Packet::PubRel(r.packet_id()?),
        first::PUBCOMP => Packet::PubComp(r.packet_id()?),
        first::UNSUBACK => Packet::UnsubAck(r.packet_id()?),
        first::PINGREQ => Packet::PingReq,
        first::PINGRESP => Packet::PingResp,
        first::DISCONNECT => Packet::Disconnect,
        first::CONNACK => connack(&mut r)?,
        first::SUBACK => Packet::SubAck(SubAck::decode(&mut r)?),
        first::SUBSCRIBE => Packet::Subscribe(Subscribe::decode(&mut r)?),
        first::UNSUBSCRIBE => Packet::Unsubscribe(Unsubscribe::decode(&mut r)?),
        first::CONNECT => Packet::Connect(connect(&mut r)?),
        _ => return Err(DecodeError::ReservedType),
    };
    r.end()?;
    Ok(packet)
}

/// Reads topic, packet identifier and payload offset of a PUBLISH whose payload has not fully arrived.
///
/// `None` means that more bytes are needed. Serves to acknowledge and skip a message that is too large.
/// The header must be one of a PUBLISH, else [`DecodeError::ReservedType`].
pub fn decode_publish_head<'a>(
    header: FixedHeader,
    body_so_far: &'a [u8],
) -> Result<Option<PublishHead<'a>>, DecodeError> {
    if !header.is_publish() {
        return Err(DecodeError::ReservedType);
    }
    check_first(header.first)?;
    let qos = QoS::from_bits(header.first >> 1 & 0x03).ok_or(DecodeError::PublishQos)?;
    let id_len = if qos == QoS::AtMostOnce { 0 } else { 2 };
    if header.body_len < 2 + id_len {
        return Err(DecodeError::BodyTooShort);
    }
    let mut r = Reader(body_so_far);
    let Ok(topic_len) = r.u16() else { return Ok(None) };
    let payload_at = 2 + usize::from(topic_len) + id_len;
    if header.body_len < payload_at {
        return Err(DecodeError::BodyTooShort);
    }
    if body_so_far.len() < payload_at {
        return Ok(None);
    }
    let topic = topic_name(r.take(topic_len.into())?)?;
    let packet_id = if qos == QoS::AtMostOnce { 0 } else { r.packet_id()? };
    Ok(Some(PublishHead { qos, dup: header.first & 0x08 != 0, topic, packet_id, payload_at }))
}

/// Packet type and flags (§2.2.1, §2.2.2).
fn check_first(first: u8) -> Result<(), DecodeError> {
    match first {
        0x30..=0x3F if first & 0x06 == 0x06 => Err(DecodeError::PublishQos),
        0x38 | 0x39 => Err(DecodeError::DupAtQos0),
        0x30..=0x3F => Ok(()),
        0x00..=0x0F | 0xF0..=0xFF => Err(DecodeError::ReservedType),
        0x62 | 0x82 | 0xA2 => Ok(()),
        0x60..=0x6F | 0x80..=0x8F | 0xA0..=0xAF => Err(DecodeError::ReservedFlags),
        _ if first & 0x0F == 0 => Ok(()),
        _ => Err(DecodeError::ReservedFlags),
    }
}

/// §3.2.
fn connack<'a>(r: &mut Reader<'a>) -> Result<Packet<'a>, DecodeError> {
    let flags = r.u8()?;
    let code = r.u8()?;
    if flags > 1 {
        return Err(DecodeError::ConnAckFlags);
    }
    if flags == 1 && code != 0 {
        return Err(DecodeError::SessionPresentOnRefusal);
    }
    Ok(Packet::ConnAck { session_present: flags == 1, code })
}

/// §3.1.
fn connect<'a>(r: &mut Reader<'a>) -> Result<Connect<'a>, DecodeError> {
    if r.binary()? != b"MQTT" {
        return Err(DecodeError::ProtocolName);
    }
    if r.u8()? != 4 {
        return Err(DecodeError::ProtocolLevel);
    }
    let flags = r.u8()?;
    let (has_username, has_password, has_will) = (flags & 0x80 != 0, flags & 0x40 != 0, flags & 0x04 != 0);
    let (will_retain, will_qos) = (flags & 0x20 != 0, flags >> 3 & 0x03);
    if flags & 0x01 != 0 {
        return Err(DecodeError::ConnectReservedFlag);
    }
    if has_password && !has_username {
        return Err(DecodeError::PasswordWithoutUsername);
    }
    if !has_will && will_qos != 0 {
        return Err(DecodeError::WillQosWithoutWill);
    }
    if !has_will && will_retain {
        return Err(DecodeError::WillRetainWithoutWill);
    }
    let will_qos = QoS::from_bits(will_qos).ok_or(DecodeError::WillQos)?;
    let keep_alive_s = r.u16()?;
    let client_id = r.text()?;
    let will = if has_will {
        Some(Will {
            topic: topic_name(r.binary()?)?,
            message: r.binary()?,
            qos: will_qos,
            retain: will_retain,
        })
    } else {
        None
    };
    let username = if has_username { Some(r.text()?) } else { None };
    let password = if has_password { Some(r.binary()?) } else { None };
    Ok(Connect { client_id, username, password, will, clean_session: flags & 0x02 != 0, keep_alive_s })
}

/// A topic that messages are sent to: text without wildcards (§4.7).
fn topic_name(bytes: &[u8]) -> Result<&str, DecodeError> {
    if bytes.is_empty() {
        return Err(DecodeError::EmptyTopic);
    }
    let topic = utf8(bytes)?;
    if bytes.iter().fold(false, |seen, &b| seen | (b == b'+') | (b == b'#')) {
        return Err(DecodeError::WildcardInTopic);
    }
    Ok(topic)
}

fn utf8(bytes: &[u8]) -> Result<&str, DecodeError> {
    let text = core::str::from_utf8(bytes).map_err(|_| DecodeError::InvalidUtf8)?;
    if bytes.iter().fold(false, |seen, &b| seen | (b == 0)) {
        return Err(DecodeError::NulInText);
    }
    Ok(text)
}

/// Checked reader over a packet's body.
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn u8(&mut self) -> Result<u8, DecodeError> {
        let (&byte, rest) = self.0.split_first().ok_or(DecodeError::BodyTooShort)?;
        self.0 = rest;
        Ok(byte)
    }

    pub(super) fn u16(&mut self) -> Result<u16, DecodeError> {
        let (bytes, rest) = self.0.split_first_chunk::<2>().ok_or(DecodeError::BodyTooShort)?;
        self.0 = rest;
        Ok(u16::from_be_bytes(*bytes))
    }

    pub(super) fn packet_id(&mut self) -> Result<u16, DecodeError> {
        match self.u16()? {
            0 => Err(DecodeError::ZeroPacketId),
            id => Ok(id),
        }
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], DecodeError> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(DecodeError::BodyTooShort)?;
        self.0 = rest;
        Ok(taken)
    }

    /// Bytes behind a two-byte length (§1.5.3).
    fn binary(&mut self) -> Result<&'a [u8], DecodeError> {
        let len = self.u16()?;
        self.take(len.into())
    }

    pub(super) fn text(&mut self) -> Result<&'a str, DecodeError> {
        utf8(self.binary()?)
    }

    pub(super) fn rest(&mut self) -> &'a [u8] {
        core::mem::take(&mut self.0)
    }

    fn end(&self) -> Result<(), DecodeError> {
        if self.0.is_empty() { Ok(()) } else { Err(DecodeError::BodyTooLong) }
    }
}
