//! The codec against itself, against the standard's rules and against anything at all.

use super::*;
use crate::wire::Full;
use proptest::collection::vec;
use proptest::prelude::*;
extern crate std;
use std::string::String;
use std::vec::Vec;

/// Header and packet of bytes that hold exactly one.
fn whole(bytes: &[u8]) -> Result<Packet<'_>, DecodeError> {
    let header = FixedHeader::parse(bytes)?.expect("a whole header");
    decode(header, &bytes[header.header_len..])
}

fn encoded(encode: impl Fn(&mut [u8]) -> Result<usize, Full>) -> Vec<u8> {
    let mut out = std::vec![0; 70_000];
    let len = encode(&mut out).unwrap();
    out.truncate(len);
    // Whatever has less room is refused, and nothing beyond the packet is needed.
    for room in [0, 1, len / 2, len - 1] {
        assert_eq!(encode(&mut std::vec![0; room]), Err(Full), "{room} of {len}");
    }
    assert_eq!(encode(&mut std::vec![0; len]), Ok(len));
    out
}

fn publish_packet(qos: QoS) -> Publish<'static> {
    let packet_id = if qos == QoS::AtMostOnce { 0 } else { 0x1234 };
    Publish { dup: false, qos, retain: false, topic: "a/b", packet_id, payload: b"{}" }
}

// Proves: MQTT-2.2.2-1 MQTT-2.3.1-5 MQTT-3.1.3-1 MQTT-4.3.1-1
#[test]
fn packets_look_as_the_standard_draws_them() {
    let connect_packet = Connect {
        client_id: "c",
        username: Some("u"),
        password: Some(b"p"),
        will: Some(Will { topic: "w", message: b"m", qos: QoS::AtLeastOnce, retain: true }),
        clean_session: true,
        keep_alive_s: 60,
    };
    let connect_bytes = b"\x10\x19\x00\x04MQTT\x04\xEE\x00\x3C\x00\x01c\x00\x01w\x00\x01m\x00\x01u\x00\x01p";
    assert_eq!(encoded(|out| connect(out, &connect_packet)), connect_bytes);
    assert_eq!(whole(connect_bytes), Ok(Packet::Connect(connect_packet)));

    for (bytes, packet) in [
        (encoded(|out| connack(out, true, 0)), Packet::ConnAck { session_present: true, code: 0 }),
        (encoded(|out| connack(out, false, 5)), Packet::ConnAck { session_present: false, code: 5 }),
        (encoded(|out| puback(out, 0x1234)), Packet::PubAck(0x1234)),
        (encoded(|out| pubrec(out, 0x1234)), Packet::PubRec(0x1234)),
        (encoded(|out| pubrel(out, 0x1234)), Packet::PubRel(0x1234)),
        (encoded(|out| pubcomp(out, 0x1234)), Packet::PubComp(0x1234)),
        (encoded(|out| unsuback(out, 0x1234)), Packet::UnsubAck(0x1234)),
        (encoded(pingreq), Packet::PingReq),
        (encoded(pingresp), Packet::PingResp),
        (encoded(disconnect), Packet::Disconnect),
    ] {
        assert_eq!(whole(&bytes), Ok(packet));
    }
    assert_eq!(encoded(|out| pubrel(out, 0x1234)), b"\x62\x02\x12\x34");

    let qos0 = publish_packet(QoS::AtMostOnce);
    assert_eq!(encoded(|out| publish(out, &qos0)), b"\x30\x07\x00\x03a/b{}");
    let qos1 = Publish { dup: true, retain: true, ..publish_packet(QoS::AtLeastOnce) };
    assert_eq!(encoded(|out| publish(out, &qos1)), b"\x3B\x09\x00\x03a/b\x12\x34{}");
    assert_eq!(publish_len(3, QoS::AtLeastOnce, 2), Some(11));

    let bytes = encoded(|out| suback(out, 7, &[Some(QoS::AtLeastOnce), None]));
    assert_eq!(bytes, b"\x90\x04\x00\x07\x01\x80");
    let Ok(Packet::SubAck(ack)) = whole(&bytes) else { panic!("a SUBACK") };
    assert_eq!(ack.granted().collect::<Vec<_>>(), [Some(QoS::AtLeastOnce), None]);
    assert_eq!((ack.packet_id, ack.codes()), (7, &[1, 0x80][..]));
}

// Proves: MQTT-1.5.3-1 MQTT-1.5.3-2 MQTT-2.2.2-2 MQTT-2.3.1-1 MQTT-3-8.3-4 MQTT-3.1.2-1 MQTT-3.1.2-11
// Proves: MQTT-3.1.2-13 MQTT-3.1.2-14 MQTT-3.1.2-15 MQTT-3.1.2-19 MQTT-3.1.2-22 MQTT-3.1.2-3 MQTT-3.10.1-1
// Proves: MQTT-3.10.3-1 MQTT-3.10.3-2 MQTT-3.14.1-1 MQTT-3.2.2-4 MQTT-3.3.1-2 MQTT-3.3.1-4 MQTT-3.3.2-1
// Proves: MQTT-3.3.2-2 MQTT-3.6.1-1 MQTT-3.8.1-1 MQTT-3.8.3-1 MQTT-3.8.3-3 MQTT-3.9.3-2 MQTT-4.7.1-1
// Proves: MQTT-4.7.1-2 MQTT-4.7.1-3 MQTT-4.7.3-1 MQTT-4.7.3-2
#[test]
fn every_refusal() {
    let cases: &[(DecodeError, &[u8])] = &[
        (DecodeError::InvalidUtf8, b"\x30\x03\x00\x01\xFF"),
        // A surrogate, U+D800, in UTF-8's form.
        (DecodeError::InvalidUtf8, b"\x30\x05\x00\x03\xED\xA0\x80"),
        (DecodeError::NulInText, b"\x30\x05\x00\x03a\0b"),
        (DecodeError::ReservedType, b"\x00\x00"),
        (DecodeError::ReservedType, b"\xF0\x00"),
        (DecodeError::ReservedFlags, b"\x41\x02\x00\x01"),
        (DecodeError::ReservedFlags, b"\x60\x02\x00\x01"),
        (DecodeError::ReservedFlags, b"\x80\x06\x00\x01\x00\x01a\x00"),
        (DecodeError::ReservedFlags, b"\xA3\x05\x00\x01\x00\x01a"),
        (DecodeError::ReservedFlags, b"\xE1\x00"),
        (DecodeError::LengthTooLong, b"\x30\xFF\xFF\xFF\xFF"),
        (DecodeError::LengthTooLong, b"\xD0\x80\x80\x80\x80\x00"),
        (DecodeError::BodyTooShort, b"\x40\x01\x01"),
        (DecodeError::BodyTooShort, b"\x20\x00"),
        (DecodeError::BodyTooShort, b"\x30\x01\x00"),
        (DecodeError::BodyTooShort, b"\x30\x04\x00\x03ab"),
        (DecodeError::BodyTooShort, b"\x32\x03\x00\x01a"),
        (DecodeError::BodyTooShort, b"\x90\x02\x00\x01"),
        (DecodeError::BodyTooShort, b"\x82\x05\x00\x01\x00\x01a"),
        (DecodeError::BodyTooShort, b"\x10\x0C\x00\x04MQTT\x04\x80\x00\x00\x00\x00"),
        (DecodeError::BodyTooLong, b"\xD0\x01\x00"),
        (DecodeError::BodyTooLong, b"\x20\x03\x00\x00\x00"),
        (DecodeError::BodyTooLong, b"\x40\x03\x00\x01\x00"),
        (DecodeError::BodyTooLong, b"\x10\x0D\x00\x04MQTT\x04\x02\x00\x00\x00\x00\x00"),
        (DecodeError::ZeroPacketId, b"\x40\x02\x00\x00"),
        (DecodeError::ZeroPacketId, b"\x32\x05\x00\x01a\x00\x00"),
        (DecodeError::ZeroPacketId, b"\x82\x06\x00\x00\x00\x01a\x00"),
        (DecodeError::ProtocolName, b"\x10\x0E\x00\x06MQIsdp\x03\x02\x00\x00\x00\x00"),
        (DecodeError::ProtocolLevel, b"\x10\x0C\x00\x04MQTT\x05\x02\x00\x00\x00\x00"),
        (DecodeError::ConnectReservedFlag, b"\x10\x0C\x00\x04MQTT\x04\x03\x00\x00\x00\x00"),
        (DecodeError::WillQosWithoutWill, b"\x10\x0C\x00\x04MQTT\x04\x0A\x00\x00\x00\x00"),
        (DecodeError::WillQos, b"\x10\x0C\x00\x04MQTT\x04\x1E\x00\x00\x00\x00"),
        (DecodeError::WillRetainWithoutWill, b"\x10\x0C\x00\x04MQTT\x04\x22\x00\x00\x00\x00"),
        (DecodeError::PasswordWithoutUsername, b"\x10\x0C\x00\x04MQTT\x04\x42\x00\x00\x00\x00"),
        (DecodeError::ConnAckFlags, b"\x20\x02\x02\x00"),
        (DecodeError::SessionPresentOnRefusal, b"\x20\x02\x01\x05"),
        (DecodeError::DupAtQos0, b"\x38\x03\x00\x01a"),
        (DecodeError::PublishQos, b"\x36\x05\x00\x01a\x00\x01"),
        (DecodeError::PublishQos, b"\x3E\x05\x00\x01a\x00\x01"),
        (DecodeError::WildcardInTopic, b"\x30\x03\x00\x01#"),
        (DecodeError::WildcardInTopic, b"\x30\x05\x00\x03a/+"),
        (DecodeError::NoFilter, b"\x82\x02\x00\x01"),
        (DecodeError::RequestedQos, b"\x82\x06\x00\x01\x00\x01a\x03"),
        (DecodeError::RequestedQos, b"\x82\x06\x00\x01\x00\x01a\x81"),
        (DecodeError::SubAckCode, b"\x90\x03\x00\x01\x03"),
        (DecodeError::NoUnsubscribeFilter, b"\xA2\x02\x00\x01"),
        (DecodeError::MultiLevelWildcard, b"\x82\x08\x00\x01\x00\x03#/a\x00"),
        (DecodeError::MultiLevelWildcard, b"\xA2\x06\x00\x01\x00\x02a#"),
        (DecodeError::SingleLevelWildcard, b"\x82\x07\x00\x01\x00\x02a+\x00"),
        (DecodeError::EmptyTopic, b"\x30\x02\x00\x00"),
        (DecodeError::EmptyTopic, b"\xA2\x04\x00\x01\x00\x00"),
    ];
    for (error, bytes) in cases {
        assert_eq!(whole(bytes), Err(*error), "{bytes:02X?}");
    }
    for error in DecodeError::ALL {
        assert!(cases.iter().any(|(case, _)| case == error), "no case for {error:?}");
        assert!(std::format!("{error}").ends_with(&std::format!("[{}]", error.statement())));
    }
}

#[test]
fn a_body_of_another_length_is_refused() {
    let header = FixedHeader::parse(b"\x40\x02").unwrap().unwrap();
    assert_eq!(decode(header, b"\x00"), Err(DecodeError::BodyTooShort));
    assert_eq!(decode(header, b"\x00\x01\x02"), Err(DecodeError::BodyTooLong));
    assert_eq!(decode_publish_head(header, b"\x00\x01"), Err(DecodeError::ReservedType));
}

#[test]
fn a_head_that_cannot_fit_its_body_is_refused_at_once() {
    for (first, body_len, fits) in [(0x30, 4, false), (0x30, 5, true), (0x32, 6, false), (0x32, 7, true)] {
        let header = FixedHeader { first, header_len: 2, body_len };
        let head = decode_publish_head(header, b"\x00\x03");
        assert_eq!(head, if fits { Ok(None) } else { Err(DecodeError::BodyTooShort) }, "{body_len}");
    }
}

#[test]
fn lengths_at_the_edges() {
    for (body_len, bytes) in [
        (0, &b"\x30\x00"[..]),
        (127, b"\x30\x7F"),
        (128, b"\x30\x80\x01"),
        (16_383, b"\x30\xFF\x7F"),
        (16_384, b"\x30\x80\x80\x01"),
        (2_097_151, b"\x30\xFF\xFF\x7F"),
        (2_097_152, b"\x30\x80\x80\x80\x01"),
        (MAX_REMAINING_LENGTH, b"\x30\xFF\xFF\xFF\x7F"),
    ] {
        let header = FixedHeader { first: 0x30, header_len: bytes.len(), body_len };
        assert_eq!(FixedHeader::parse(bytes), Ok(Some(header)));
        assert_eq!(header.total(), bytes.len() + body_len);
        for cut in 0..bytes.len() {
            assert_eq!(FixedHeader::parse(&bytes[..cut]), Ok(None));
        }
    }
    assert_eq!(publish_len(3, QoS::AtMostOnce, MAX_REMAINING_LENGTH - 5), Some(MAX_REMAINING_LENGTH + 5));
    assert_eq!(publish_len(3, QoS::AtMostOnce, MAX_REMAINING_LENGTH - 4), None);
    assert_eq!(publish_len(3, QoS::AtLeastOnce, MAX_REMAINING_LENGTH - 6), None);
    assert_eq!(publish_len(3, QoS::AtLeastOnce, usize::MAX), None);
    assert_eq!(publish_len(65_536, QoS::AtMostOnce, 0), None);
    for payload_len in [0, 120, 121, 122, 123, 16_376, 16_377, 16_378] {
        let payload = std::vec![b'x'; payload_len];
        let p = Publish { payload: &payload, ..publish_packet(QoS::AtLeastOnce) };
        let bytes = encoded(|out| publish(out, &p));
        assert_eq!(Some(bytes.len()), publish_len(3, QoS::AtLeastOnce, payload_len));
        assert_eq!(whole(&bytes), Ok(Packet::Publish(p)));
    }
}

// Proves: MQTT-4.7.3-3
#[test]
fn text_beyond_its_length_field_is_refused() {
    let topic = "x".repeat(65_536);
    let mut out = std::vec![0; 70_000];
    assert_eq!(publish(&mut out, &Publish { topic: &topic, ..publish_packet(QoS::AtMostOnce) }), Err(Full));
    let mut w = SubscribeWriter::new(&mut out, 1).unwrap();
    assert_eq!(w.filter(QoS::AtLeastOnce, |w| w.bytes(topic.as_bytes())), Err(Full));
    assert_eq!(w.finish(), 0);
}

#[test]
fn subscribe_grows_its_header_only_when_needed() {
    for count in 1..200 {
        let mut out = std::vec![0xEE; 8 * count + 5];
        let mut w = SubscribeWriter::new(&mut out, 9).unwrap();
        for number in 0..count {
            w.filter(QoS::AtLeastOnce, |w| w.bytes(std::format!("f/{number:03}").as_bytes())).unwrap();
        }
        let len = w.finish();
        let header_len = FixedHeader::parse(&out).unwrap().unwrap().header_len;
        assert_eq!(len, header_len + 2 + 8 * count);
        assert_eq!(header_len, if 2 + 8 * count > 127 { 3 } else { 2 });
        let Ok(Packet::Subscribe(packet)) = whole(&out[..len]) else { panic!("a SUBSCRIBE") };
        let filters: Vec<_> = packet.filters().map(|(filter, qos)| (String::from(filter), qos)).collect();
        let expected: Vec<_> = (0..count).map(|n| (std::format!("f/{n:03}"), QoS::AtLeastOnce)).collect();
        assert_eq!((packet.packet_id, filters), (9, expected));
    }
}

#[test]
fn a_filter_that_does_not_fit_leaves_the_packet_as_it_was() {
    for room in 4..140 {
        let mut out = std::vec![0; room];
        let mut w = UnsubscribeWriter::new(&mut out, 9).unwrap();
        let mut added = 0;
        while w.filter(|w| w.bytes(b"0123456")).is_ok() {
            added += 1;
        }
        assert_eq!(w.filter(|_| Err(Full)), Err(Full));
        let len = w.finish();
        let growth = usize::from(2 + 9 * added > 127);
        assert_eq!(len, if added == 0 { 0 } else { 4 + 9 * added + growth });
        // It was full: one more would not have fitted.
        assert!(4 + 9 * (added + 1) + usize::from(2 + 9 * (added + 1) > 127) > room);
        if added > 0 {
            let Ok(Packet::Unsubscribe(packet)) = whole(&out[..len]) else { panic!("an UNSUBSCRIBE") };
            assert_eq!(packet.filters().collect::<Vec<_>>(), std::vec!["0123456"; added]);
        }
    }
    assert!(SubscribeWriter::new(&mut [0; 3], 1).is_err());
}

#[test]
fn a_password_is_not_printed() {
    let packet = Connect {
        client_id: "c",
        username: Some("u"),
        password: Some(b"hidden"),
        will: None,
        clean_session: true,
        keep_alive_s: 0,
    };
    let shown = std::format!("{packet:?}");
    assert!(!shown.contains("hidden") && !shown.contains("104, 105"), "{shown}");
}

fn qos() -> impl Strategy<Value = QoS> {
    prop_oneof![Just(QoS::AtMostOnce), Just(QoS::AtLeastOnce), Just(QoS::ExactlyOnce)]
}

const TOPIC: &str = "[^\0+#]{1,40}";

proptest! {
    #[test]
    fn publish_reads_back(
        topic in TOPIC, payload in vec(any::<u8>(), 0..300), qos in qos(), id in 1..=u16::MAX,
        dup in any::<bool>(), retain in any::<bool>(), cut in any::<prop::sample::Index>(),
    ) {
        let packet_id = if qos == QoS::AtMostOnce { 0 } else { id };
        let dup = dup && qos != QoS::AtMostOnce;
        let p = Publish { dup, qos, retain, topic: &topic, packet_id, payload: &payload };
        let bytes = encoded(|out| publish(out, &p));
        prop_assert_eq!(whole(&bytes), Ok(Packet::Publish(p)));

        // A cut anywhere asks for more; once the head is there, it can be told.
        let cut = cut.index(bytes.len());
        match FixedHeader::parse(&bytes[..cut]).unwrap() {
            None => prop_assert!(cut < bytes.len() - topic.len()),
            Some(header) => {
                prop_assert!(header.is_publish() && header.total() == bytes.len());
                let payload_at = header.body_len - payload.len();
                let head = decode_publish_head(header, &bytes[header.header_len..cut]).unwrap();
                let told = (cut - header.header_len >= payload_at)
                    .then_some(PublishHead { qos, dup, topic: &topic, packet_id, payload_at });
                prop_assert_eq!(head, told);
            }
        }
    }

    // Proves: MQTT-3.1.2-20
    #[test]
    fn connect_reads_back(
        client_id in "[^\0]{0,30}", username in prop::option::of("[^\0]{0,30}"),
        password in prop::option::of(vec(any::<u8>(), 0..70)),
        will in prop::option::of((TOPIC, vec(any::<u8>(), 0..30), qos(), any::<bool>())),
        clean_session in any::<bool>(), keep_alive_s in any::<u16>(),
    ) {
        let p = Connect {
            client_id: &client_id,
            username: username.as_deref(),
            password: password.as_deref().filter(|_| username.is_some()),
            will: will.as_ref().map(|(topic, message, qos, retain)| {
                Will { topic, message, qos: *qos, retain: *retain }
            }),
            clean_session,
            keep_alive_s,
        };
        let bytes = encoded(|out| connect(out, &p));
        prop_assert_eq!(whole(&bytes), Ok(Packet::Connect(p)));
    }

    #[test]
    fn any_bytes_are_a_packet_or_an_error(bytes in vec(any::<u8>(), 0..64)) {
        if let Ok(Some(header)) = FixedHeader::parse(&bytes) {
            let body = &bytes[header.header_len..];
            let _ = decode_publish_head(header, body);
            let _ = decode(header, body);
            let _ = decode(FixedHeader { body_len: body.len(), ..header }, body);
        }
    }
}
