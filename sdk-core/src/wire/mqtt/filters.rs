//! The packets that hold a list: SUBSCRIBE, SUBACK, UNSUBSCRIBE.
//!
//! Each list is checked whole when the packet is decoded, and walked in place afterwards.

use super::decode::Reader;
use super::{DecodeError, QoS, SUBACK_FAILURE};

/// A SUBSCRIBE packet (§3.8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subscribe<'a> {
    /// Packet identifier, never 0.
    pub packet_id: u16,
    list: &'a [u8],
}

impl<'a> Subscribe<'a> {
    pub(super) fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let packet_id = r.packet_id()?;
        let list = r.rest();
        let mut rest = Reader(list);
        if list.is_empty() {
            return Err(DecodeError::NoFilter);
        }
        while !rest.0.is_empty() {
            subscription(&mut rest)?;
        }
        Ok(Subscribe { packet_id, list })
    }

    /// The topic filters with the QoS asked for, in the order of the packet; at least one.
    pub fn filters(&self) -> SubscribeFilters<'a> {
        SubscribeFilters(self.list)
    }
}

/// Walks the filters of a SUBSCRIBE.
#[derive(Clone, Debug)]
pub struct SubscribeFilters<'a>(&'a [u8]);

impl<'a> Iterator for SubscribeFilters<'a> {
    type Item = (&'a str, QoS);

    fn next(&mut self) -> Option<Self::Item> {
        let mut r = Reader(self.0);
        let item = subscription(&mut r).ok()?;
        self.0 = r.0;
        Some(item)
    }
}

/// An UNSUBSCRIBE packet (§3.10).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unsubscribe<'a> {
    /// Packet identifier, never 0.
    pub packet_id: u16,
    list: &'a [u8],
}

impl<'a> Unsubscribe<'a> {
    pub(super) fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let packet_id = r.packet_id()?;
        let list = r.rest();
        let mut rest = Reader(list);
        if list.is_empty() {
            return Err(DecodeError::NoUnsubscribeFilter);
        }
        while !rest.0.is_empty() {
            filter(&mut rest)?;
        }
        Ok(Unsubscribe { packet_id, list })
    }

    /// The topic filters, in the order of the packet; at least one.
    pub fn filters(&self) -> UnsubscribeFilters<'a> {
        UnsubscribeFilters(self.list)
    }
}

/// Walks the filters of an UNSUBSCRIBE.
#[derive(Clone, Debug)]
pub struct UnsubscribeFilters<'a>(&'a [u8]);

impl<'a> Iterator for UnsubscribeFilters<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<Self::Item> {
        let mut r = Reader(self.0);
        let item = filter(&mut r).ok()?;
        self.0 = r.0;
        Some(item)
    }
}

/// A SUBACK packet (§3.9).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SubAck<'a> {
    /// Packet identifier of the SUBSCRIBE, never 0.
    pub packet_id: u16,
    codes: &'a [u8],
}

impl<'a> SubAck<'a> {
    pub(super) fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let packet_id = r.packet_id()?;
        let codes = r.rest();
        if codes.is_empty() {
            return Err(DecodeError::BodyTooShort);
        }
        if codes.iter().any(|&code| code > 2 && code != SUBACK_FAILURE) {
            return Err(DecodeError::SubAckCode);
        }
        Ok(SubAck { packet_id, codes })
    }

    /// The QoS granted to each filter, `None` where it was refused; at least one.
    pub fn granted(&self) -> SubAckCodes<'a> {
        SubAckCodes(self.codes.iter())
    }

    /// The codes as sent: 0x00, 0x01, 0x02 or 0x80.
    pub fn codes(&self) -> &'a [u8] {
        self.codes
    }
}

/// Walks the answers of a SUBACK.
#[derive(Clone, Debug)]
pub struct SubAckCodes<'a>(core::slice::Iter<'a, u8>);

impl Iterator for SubAckCodes<'_> {
    type Item = Option<QoS>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next().map(|&code| QoS::from_bits(code))
    }
}

fn subscription<'a>(r: &mut Reader<'a>) -> Result<(&'a str, QoS), DecodeError> {
    let filter = filter(r)?;
    let qos = QoS::from_bits(r.u8()?).ok_or(DecodeError::RequestedQos)?;
    Ok((filter, qos))
}

/// A topic filter: text whose wildcards stand alone in their level (§4.7.1).
fn filter<'a>(r: &mut Reader<'a>) -> Result<&'a str, DecodeError> {
    let filter = r.text()?;
    if filter.is_empty() {
        return Err(DecodeError::EmptyTopic);
    }
    let mut levels = filter.split('/').peekable();
    while let Some(level) = levels.next() {
        if level.contains('#') && (level.len() > 1 || levels.peek().is_some()) {
            return Err(DecodeError::MultiLevelWildcard);
        }
        if level.contains('+') && level.len() > 1 {
            return Err(DecodeError::SingleLevelWildcard);
        }
    }
    Ok(filter)
}
