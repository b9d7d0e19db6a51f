//! What must hold for any bytes at all: one function for each decoder.
//!
//! Run by `tests/fuzz.rs` for a bounded time on every toolchain, and by libFuzzer for as long as one likes.
#![allow(dead_code)]

use enos_core::json::{JsonKind, Members, Raw, Text};
use enos_core::topic::{self, Kind};
use enos_core::wire::Writer;
use enos_core::wire::coap::{self, Block, DecodeError, MessageWriter};
use enos_core::wire::mqtt::{self, FixedHeader, Packet};

/// A packet that decodes must encode to bytes that decode to the same packet.
pub(crate) fn mqtt(data: &[u8]) {
    let Ok(Some(header)) = FixedHeader::parse(data) else { return };
    let body = &data[header.header_len..];
    if header.is_publish() {
        publish_heads(header, &body[..body.len().min(header.body_len)]);
    }
    // Most random lengths are wrong; the length that is there is worth a try as well.
    for header in [header, FixedHeader { body_len: body.len(), ..header }] {
        if let Ok(packet) = mqtt::decode(header, &body[..body.len().min(header.body_len)]) {
            let mut out = vec![0; data.len() + 8];
            let len = encode(&mut out, &packet);
            let again = FixedHeader::parse(&out[..len]).expect("our own header").expect("a whole one");
            assert_eq!(again.total(), len);
            assert_eq!(mqtt::decode(again, &out[again.header_len..len]), Ok(packet));
        }
    }
}

/// The head that is told early must be the head of the whole.
fn publish_heads(header: FixedHeader, body: &[u8]) {
    let mut told = None;
    for cut in 0..=body.len().min(80) {
        match mqtt::decode_publish_head(header, &body[..cut]) {
            Ok(None) => assert_eq!(told, None, "a head that was there is gone"),
            Ok(Some(head)) => {
                assert!(head.payload_at <= header.body_len);
                assert!(told.is_none_or(|told| told == head));
                told = Some(head);
            }
            Err(_) => {
                assert_eq!(told, None, "a head that was there is refused");
                assert!(mqtt::decode(FixedHeader { body_len: body.len(), ..header }, body).is_err());
                return;
            }
        }
    }
}

fn encode(out: &mut [u8], packet: &Packet<'_>) -> usize {
    let written = match packet {
        Packet::Connect(connect) => mqtt::connect(out, connect),
        Packet::ConnAck { session_present, code } => mqtt::connack(out, *session_present, *code),
        Packet::Publish(publish) => mqtt::publish(out, publish),
        Packet::PubAck(id) => mqtt::puback(out, *id),
        Packet::PubRec(id) => mqtt::pubrec(out, *id),
        Packet::PubRel(id) => mqtt::pubrel(out, *id),
        Packet::PubComp(id) => mqtt::pubcomp(out, *id),
        Packet::Subscribe(subscribe) => {
            let mut w = mqtt::SubscribeWriter::new(out, subscribe.packet_id).expect("room");
            for (filter, qos) in subscribe.filters() {
                w.filter(qos, |w| w.bytes(filter.as_bytes())).expect("room");
            }
            Ok(w.finish())
        }
        Packet::SubAck(ack) => mqtt::suback(out, ack.packet_id, &ack.granted().collect::<Vec<_>>()),
        Packet::Unsubscribe(unsubscribe) => {
            let mut w = mqtt::UnsubscribeWriter::new(out, unsubscribe.packet_id).expect("room");
            for filter in unsubscribe.filters() {
                w.filter(|w| w.bytes(filter.as_bytes())).expect("room");
            }
            Ok(w.finish())
        }
        Packet::UnsubAck(id) => mqtt::unsuback(out, *id),
        Packet::PingReq => mqtt::pingreq(out),
        Packet::PingResp => mqtt::pingresp(out),
        Packet::Disconnect => mqtt::disconnect(out),
    };
    written.expect("room for what was there before")
}

/// A datagram that decodes must encode to the same message, and its block options to the same values.
pub(crate) fn coap(data: &[u8]) {
    let message = match coap::decode(data) {
        Ok(message) => message,
        Err(DecodeError::Short | DecodeError::Version(_)) => return assert_eq!(coap::sender(data), None),
        Err(_) => return assert!(coap::sender(data).is_some()),
    };
    assert_eq!(coap::sender(data), Some((message.kind, message.id)));
    let mut out = vec![0; data.len() + 8];
    let mut w =
        MessageWriter::new(&mut out, message.kind, message.code, message.id, message.token).expect("room");
    let (mut last, mut count) = (0, 0);
    for (number, value) in message.options() {
        assert!(number >= last);
        (last, count) = (number, count + 1);
        w.option(number, value).expect("room");
        if let Some(block) = Block::from_value(value) {
            let mut out = [0; 16];
            let mut w = MessageWriter::new(&mut out, message.kind, message.code, 1, &[]).expect("room");
            w.block(23, block).expect("room");
            let n = w.finish(&[]).expect("room");
            assert_eq!(coap::decode(&out[..n]).expect("our own").block(23), Ok(Some(block)));
        }
    }
    let n = w.finish(message.payload).expect("room for what was there before");
    let again = coap::decode(&out[..n]).expect("our own");
    assert_eq!((again.kind, again.code, again.id), (message.kind, message.code, message.id));
    assert_eq!((again.token, again.payload), (message.token, message.payload));
    assert!(again.options().eq(message.options()));
    assert_eq!(again.options().count(), count);
}

/// What the reader accepts once it must accept again, piece by piece.
pub(crate) fn json(data: &[u8]) {
    let whole = Raw::parse(data);
    let mut failed = None;
    match Members::new(data) {
        Ok(mut members) => loop {
            match members.next() {
                Ok(Some((key, value))) => {
                    text(&key);
                    assert_eq!(Raw::parse(value.as_bytes()), Ok(value));
                }
                Ok(None) => break,
                Err(error) => {
                    failed = Some(error);
                    break;
                }
            }
        },
        Err(error) => failed = Some(error),
    }
    match whole {
        Ok(value) => {
            assert_eq!(failed.is_none(), value.kind() == JsonKind::Object, "{failed:?}");
            walk(&value);
        }
        Err(error) => assert_eq!(failed, Some(error)),
    }
}

fn walk(value: &Raw<'_>) {
    match value.kind() {
        JsonKind::Object => {
            let mut members = value.members().expect("an object");
            while let Some((key, value)) = members.next().expect("checked before") {
                text(&key);
                walk(&value);
            }
        }
        JsonKind::Array => {
            let mut elements = value.elements().expect("an array");
            while let Some(value) = elements.next().expect("checked before") {
                walk(&value);
            }
        }
        JsonKind::String => text(&value.as_text().expect("a string")),
        JsonKind::Number => {
            assert!(value.as_str().parse::<f64>().is_ok());
            assert_eq!(value.as_i64(), value.as_str().parse().ok());
        }
        JsonKind::Bool => assert!(matches!(value.as_str(), "true" | "false")),
        JsonKind::Null => assert_eq!(value.as_str(), "null"),
    }
}

fn text(text: &Text<'_>) {
    let mut out = vec![0; text.raw().len()];
    let len = text.unescape(&mut out).expect("never longer than its raw form");
    let plain = std::str::from_utf8(&out[..len]).expect("UTF-8");
    assert!(text.eq_str(plain));
    assert_eq!(text.as_plain().is_some(), !text.raw().contains('\\'));
}

/// A topic that is understood must be written back byte for byte.
pub(crate) fn topic(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Some(parsed) = topic::parse(text) else { return };
    let mut out = vec![0; data.len() + 16];
    let mut w = Writer::new(&mut out);
    let write = if parsed.reply { topic::write_reply } else { topic::write };
    write(&mut w, parsed.product_key, parsed.device_key, parsed.kind).expect("room");
    assert_eq!(w.as_slice(), data);

    let mut out = vec![0; data.len() + 16];
    let mut w = Writer::new(&mut out);
    topic::write_method(&mut w, parsed.kind).expect("a method is shorter than its topic");
    assert_eq!(!w.is_empty(), parsed.kind.has_method());
    if let Kind::EventPost(id) | Kind::Service(id) | Kind::Rrpc(id) = parsed.kind {
        assert!(!id.is_empty() && !id.contains('/'));
    }
}
