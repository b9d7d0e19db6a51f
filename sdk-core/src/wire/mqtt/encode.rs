//! Packets into the caller's slice.
//!
//! Every function returns the packet's length, or [`Full`]. What is written is what was asked for: that a
//! topic has no wildcard, an identifier is not 0 and a password has a user name is the caller's word.

use super::{Connect, MAX_REMAINING_LENGTH, Publish, QoS, SUBACK_FAILURE, first};
use crate::wire::{Full, Writer};

/// Writes a CONNECT of protocol level 4 (§3.1).
pub fn connect(out: &mut [u8], p: &Connect<'_>) -> Result<usize, Full> {
    let will_len = p.will.map_or(0, |will| 4 + will.topic.len() + will.message.len());
    let body_len = 12
        + p.client_id.len()
        + will_len
        + p.username.map_or(0, |text| 2 + text.len())
        + p.password.map_or(0, |bytes| 2 + bytes.len());
    let mut flags = u8::from(p.clean_session) << 1
        | u8::from(p.username.is_some()) << 7
        | u8::from(p.password.is_some()) << 6;
    if let Some(will) = p.will {
        flags |= 0x04 | (will.qos as u8) << 3 | u8::from(will.retain) << 5;
    }
    let mut w = Writer::new(out);
    header(&mut w, first::CONNECT, body_len)?;
    w.bytes(b"\x00\x04MQTT\x04")?;
    w.byte(flags)?;
    w.u16_be(p.keep_alive_s)?;
    field(&mut w, p.client_id.as_bytes())?;
    if let Some(will) = p.will {
        field(&mut w, will.topic.as_bytes())?;
        field(&mut w, will.message)?;
    }
    if let Some(username) = p.username {
        field(&mut w, username.as_bytes())?;
    }
    if let Some(password) = p.password {
        field(&mut w, password)?;
    }
    Ok(w.len())
}

/// Writes a CONNACK (§3.2).
pub fn connack(out: &mut [u8], session_present: bool, code: u8) -> Result<usize, Full> {
    short(out, [first::CONNACK, 2, session_present.into(), code])
}

/// Length of a whole PUBLISH; `None` beyond the largest remaining length or a topic above 65,535 bytes.
#[inline]
pub fn publish_len(topic_len: usize, qos: QoS, payload_len: usize) -> Option<usize> {
    let body_len = publish_body_len(topic_len, qos, payload_len)?;
    Some(1 + length_len(body_len) + body_len)
}

/// Writes a PUBLISH (§3.3); at QoS 0 the packet identifier is left out.
#[inline]
pub fn publish(out: &mut [u8], p: &Publish<'_>) -> Result<usize, Full> {
    let body_len = publish_body_len(p.topic.len(), p.qos, p.payload.len()).ok_or(Full)?;
    let mut w = Writer::new(out);
    header(
        &mut w,
        first::PUBLISH | u8::from(p.dup) << 3 | (p.qos as u8) << 1 | u8::from(p.retain),
        body_len,
    )?;
    field(&mut w, p.topic.as_bytes())?;
    if p.qos != QoS::AtMostOnce {
        w.u16_be(p.packet_id)?;
    }
    w.bytes(p.payload)?;
    Ok(w.len())
}

/// Writes a PUBACK (§3.4).
pub fn puback(out: &mut [u8], packet_id: u16) -> Result<usize, Full> {
    acknowledgement(out, first::PUBACK, packet_id)
}

/// Writes a PUBREC (§3.5).
pub fn pubrec(out: &mut [u8], packet_id: u16) -> Result<usize, Full> {
    acknowledgement(out, first::PUBREC, packet_id)
}

/// Writes a PUBREL (§3.6).
pub fn pubrel(out: &mut [u8], packet_id: u16) -> Result<usize, Full> {
    acknowledgement(out, first::PUBREL, packet_id)
}

/// Writes a PUBCOMP (§3.7).
pub fn pubcomp(out: &mut [u8], packet_id: u16) -> Result<usize, Full> {
    acknowledgement(out, first::PUBCOMP, packet_id)
}

/// Writes an UNSUBACK (§3.11).
pub fn unsuback(out: &mut [u8], packet_id: u16) -> Result<usize, Full> {
    acknowledgement(out, first::UNSUBACK, packet_id)
}

/// Writes a SUBACK (§3.9): for each filter the QoS granted, `None` where it is refused.
pub fn suback(out: &mut [u8], packet_id: u16, granted: &[Option<QoS>]) -> Result<usize, Full> {
    let mut w = Writer::new(out);
    header(&mut w, first::SUBACK, 2 + granted.len())?;
    w.u16_be(packet_id)?;
    for qos in granted {
        w.byte(qos.map_or(SUBACK_FAILURE, |qos| qos as u8))?;
    }
    Ok(w.len())
}

/// Writes a PINGREQ (§3.12).
pub fn pingreq(out: &mut [u8]) -> Result<usize, Full> {
    short(out, [first::PINGREQ, 0])
}

/// Writes a PINGRESP (§3.13).
pub fn pingresp(out: &mut [u8]) -> Result<usize, Full> {
    short(out, [first::PINGRESP, 0])
}

/// Writes a DISCONNECT (§3.14).
pub fn disconnect(out: &mut [u8]) -> Result<usize, Full> {
    short(out, [first::DISCONNECT, 0])
}

/// Writes a SUBSCRIBE filter by filter (§3.8).
pub struct SubscribeWriter<'o>(ListWriter<'o>);

impl<'o> SubscribeWriter<'o> {
    /// Starts a packet at the beginning of `out`.
    pub fn new(out: &'o mut [u8], packet_id: u16) -> Result<Self, Full> {
        Ok(SubscribeWriter(ListWriter::new(out, first::SUBSCRIBE, packet_id)?))
    }

    /// Adds one filter, written by `write`. On [`Full`] the packet stays as it was before the call.
    pub fn filter(
        &mut self,
        qos: QoS,
        write: impl FnOnce(&mut Writer<'_>) -> Result<(), Full>,
    ) -> Result<(), Full> {
        self.0.item(|w| text(w, write).and_then(|()| w.byte(qos as u8)))
    }

    /// Closes the packet and returns its length; 0 if no filter was added, since such a packet is not one.
    pub fn finish(self) -> usize {
        self.0.finish()
    }
}

/// Writes an UNSUBSCRIBE filter by filter (§3.10).
pub struct UnsubscribeWriter<'o>(ListWriter<'o>);

impl<'o> UnsubscribeWriter<'o> {
    /// Starts a packet at the beginning of `out`.
    pub fn new(out: &'o mut [u8], packet_id: u16) -> Result<Self, Full> {
        Ok(UnsubscribeWriter(ListWriter::new(out, first::UNSUBSCRIBE, packet_id)?))
    }

    /// Adds one filter, written by `write`. On [`Full`] the packet stays as it was before the call.
    pub fn filter(&mut self, write: impl FnOnce(&mut Writer<'_>) -> Result<(), Full>) -> Result<(), Full> {
        self.0.item(|w| text(w, write))
    }

    /// Closes the packet and returns its length; 0 if no filter was added, since such a packet is not one.
    pub fn finish(self) -> usize {
        self.0.finish()
    }
}

/// A packet of unknown length: two bytes are kept for the header, and the body moves up if it needs more.
struct ListWriter<'o> {
    first: u8,
    w: Writer<'o>,
    items: bool,
}

impl<'o> ListWriter<'o> {
    /// First byte and a remaining length of one byte.
    const HEADER: usize = 2;

    fn new(out: &'o mut [u8], first: u8, packet_id: u16) -> Result<Self, Full> {
        let mut w = Writer::new(out);
        w.bytes(&[first, 0])?;
        w.u16_be(packet_id)?;
        Ok(ListWriter { first, w, items: false })
    }

    fn item(&mut self, write: impl FnOnce(&mut Writer<'o>) -> Result<(), Full>) -> Result<(), Full> {
        let before = self.w.len();
        let written = write(&mut self.w).and_then(|()| self.grown_header().map(|_| ()));
        match written {
            Ok(()) => self.items = true,
            Err(Full) => self.w.truncate(before),
        }
        written
    }

    /// How far the body must move, if there is room for that.
    fn grown_header(&self) -> Result<usize, Full> {
        let body_len = self.w.len().saturating_sub(Self::HEADER);
        let growth = length_len(body_len) - 1;
        if body_len > MAX_REMAINING_LENGTH || growth > self.w.remaining() { Err(Full) } else { Ok(growth) }
    }

    fn finish(mut self) -> usize {
        if !self.items {
            return 0;
        }
        let body_len = self.w.len().saturating_sub(Self::HEADER);
        // Checked after each item, so there is room.
        let growth = self.grown_header().unwrap_or_default();
        if growth > 0 && self.w.room(growth).is_ok() {
            self.w.written_since(Self::HEADER).copy_within(..body_len, growth);
        }
        let len = self.w.len();
        self.w.truncate(0);
        // Writes over bytes that are already there.
        let _ = header(&mut self.w, self.first, body_len);
        len
    }
}

#[inline]
fn publish_body_len(topic_len: usize, qos: QoS, payload_len: usize) -> Option<usize> {
    if topic_len > usize::from(u16::MAX) || payload_len > MAX_REMAINING_LENGTH {
        return None;
    }
    let body_len = 2 + topic_len + if qos == QoS::AtMostOnce { 0 } else { 2 } + payload_len;
    (body_len <= MAX_REMAINING_LENGTH).then_some(body_len)
}

/// How many bytes a remaining length takes (§2.2.3).
#[inline]
fn length_len(body_len: usize) -> usize {
    match body_len {
        0..=127 => 1,
        128..=16_383 => 2,
        16_384..=2_097_151 => 3,
        _ => 4,
    }
}

/// First byte and remaining length; refuses at once what will not fit.
#[inline]
fn header(w: &mut Writer<'_>, first: u8, mut body_len: usize) -> Result<(), Full> {
    if body_len > MAX_REMAINING_LENGTH || 1 + length_len(body_len) + body_len > w.remaining() {
        return Err(Full);
    }
    w.byte(first)?;
    while body_len > 127 {
        w.byte((body_len & 0x7F) as u8 | 0x80)?;
        body_len >>= 7;
    }
    w.byte(body_len as u8)
}

/// Bytes behind a two-byte length (§1.5.3).
#[inline]
fn field(w: &mut Writer<'_>, bytes: &[u8]) -> Result<(), Full> {
    w.u16_be(u16::try_from(bytes.len()).map_err(|_| Full)?)?;
    w.bytes(bytes)
}

/// Text of unknown length behind its two-byte length.
fn text<'o>(w: &mut Writer<'o>, write: impl FnOnce(&mut Writer<'_>) -> Result<(), Full>) -> Result<(), Full> {
    let start = w.len();
    w.u16_be(0)?;
    write(w)?;
    let len = w.len().checked_sub(start + 2).and_then(|len| u16::try_from(len).ok()).ok_or(Full)?;
    if let Some(place) = w.written_since(start).first_chunk_mut::<2>() {
        *place = len.to_be_bytes();
    }
    Ok(())
}

fn acknowledgement(out: &mut [u8], first: u8, packet_id: u16) -> Result<usize, Full> {
    let [high, low] = packet_id.to_be_bytes();
    short(out, [first, 2, high, low])
}

fn short<const N: usize>(out: &mut [u8], packet: [u8; N]) -> Result<usize, Full> {
    *out.first_chunk_mut::<N>().ok_or(Full)? = packet;
    Ok(N)
}
