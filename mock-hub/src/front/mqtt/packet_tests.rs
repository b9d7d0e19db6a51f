//! Packets byte by byte: what is read, what is refused and by which statement, and that no bytes can panic.

use proptest::prelude::*;

use super::packet::*;

const LIMIT: usize = 1024;

fn read(bytes: &[u8]) -> Result<Packet<'_>, Malformed> {
    let frame = frame(bytes, LIMIT).unwrap_or_else(|error| panic!("{error:?}"));
    assert_eq!(frame.length, bytes.len(), "a test packet is one whole frame");
    decode(&frame)
}

fn statement(bytes: &[u8]) -> &'static str {
    read(bytes).map_or_else(|malformed| malformed.statement, |packet| panic!("accepted: {packet:?}"))
}

/// A packet of `head` and `body`, short enough for a one-byte length.
fn packet(head: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![head, u8::try_from(body.len()).unwrap()];
    bytes.extend_from_slice(body);
    bytes
}

fn connect_body(flags: u8) -> Vec<u8> {
    let mut body = b"\x00\x04MQTT\x04".to_vec();
    body.push(flags);
    body.extend_from_slice(b"\x00\x3C\x00\x02id");
    body
}

#[test]
fn a_connect_of_the_vendors_kind_is_read() {
    let mut body = connect_body(0xC2);
    body.extend_from_slice(b"\x00\x05dk&pk\x00\x02pw");
    let bytes = packet(CONNECT, &body);
    let Ok(Packet::Connect(connect)) = read(&bytes) else { panic!("no CONNECT") };
    assert!(connect.supported && connect.clean_session && !connect.has_will);
    assert_eq!((connect.keep_alive_s, connect.client_id), (60, "id"));
    assert_eq!((connect.user_name, connect.password), ("dk&pk", &b"pw"[..]));
}

// Proves: MQTT-3.1.2-2
#[test]
fn the_older_protocol_name_is_read_and_other_levels_are_told_apart() {
    let bytes = packet(CONNECT, b"\x00\x06MQIsdp\x03\x00\x00\x00\x00\x01a");
    let Ok(Packet::Connect(connect)) = read(&bytes) else { panic!("no CONNECT") };
    assert!(connect.supported && !connect.clean_session);
    let bytes = packet(CONNECT, b"\x00\x04MQTT\x05\xC2\x00\x3C\x05\x11\x00\x00\x00\x0A\x00\x01a");
    let Ok(Packet::Connect(connect)) = read(&bytes) else { panic!("no CONNECT") };
    assert!(!connect.supported && connect.level == 5);
}

#[test]
fn a_will_is_read_over() {
    let mut body = connect_body(0xEE);
    body.extend_from_slice(b"\x00\x01w\x00\x02\xFF\x00\x00\x01u\x00\x01p");
    let bytes = packet(CONNECT, &body);
    let Ok(Packet::Connect(connect)) = read(&bytes) else { panic!("no CONNECT") };
    assert!(connect.has_will);
    assert_eq!((connect.user_name, connect.password), ("u", &b"p"[..]));
}

// Proves: MQTT-1.5.3-1 MQTT-1.5.3-2 MQTT-3.1.2-1 MQTT-3.1.2-11 MQTT-3.1.2-13 MQTT-3.1.2-14 MQTT-3.1.2-22
// Proves: MQTT-3.1.2-3 MQTT-3.1.3-4
#[test]
fn a_broken_connect_names_its_statement() {
    let cases: [(&[u8], &str); 5] = [
        (b"\x00\x04MQTX\x04\x02\x00\x3C\x00\x00", "MQTT-3.1.2-1"),
        (b"\x00\x04MQTT\x04\x03\x00\x3C\x00\x00", "MQTT-3.1.2-3"),
        (b"\x00\x04MQTT\x04\x0A\x00\x3C\x00\x00", "MQTT-3.1.2-13"),
        (b"\x00\x04MQTT\x04\x1E\x00\x3C\x00\x00\x00\x01w\x00\x00", "MQTT-3.1.2-14"),
        (b"\x00\x04MQTT\x04\x42\x00\x3C\x00\x00\x00\x01p", "MQTT-3.1.2-22"),
    ];
    for (body, wanted) in cases {
        assert_eq!(statement(&packet(CONNECT, body)), wanted);
    }
    assert_eq!(statement(&packet(CONNECT | 1, &connect_body(2))), "MQTT-2.2.2-2");
    assert_eq!(statement(&packet(CONNECT, b"\x00\x04MQTT\x04\x02\x00\x3C\x00\x01\xFF")), "MQTT-1.5.3-1");
    assert_eq!(statement(&packet(CONNECT, b"\x00\x04MQTT\x04\x02\x00\x3C\x00\x01\x00")), "MQTT-1.5.3-2");
}

// Proves: MQTT-2.3.1-5
#[test]
fn publishes_are_read_without_a_copy() {
    let bytes = packet(PUBLISH | 0b1011, b"\x00\x02/t\x00\x07hello");
    let wanted = Publish { topic: "/t", payload: b"hello", qos: 1, id: 7 };
    assert_eq!(read(&bytes), Ok(Packet::Publish(wanted)));
    let bytes = packet(PUBLISH, b"\x00\x02/t");
    assert_eq!(read(&bytes), Ok(Packet::Publish(Publish { topic: "/t", payload: b"", qos: 0, id: 0 })));
}

// Proves: MQTT-2.2.2-2 MQTT-2.3.1-1 MQTT-3-8.3-4 MQTT-3.10.1-1 MQTT-3.10.3-2 MQTT-3.14.1-1 MQTT-3.3.1-4
// Proves: MQTT-3.3.2-2 MQTT-3.6.1-1 MQTT-3.8.1-1 MQTT-3.8.3-3 MQTT-4.7.1-1 MQTT-4.7.3-1
#[test]
fn a_broken_packet_names_its_statement() {
    let cases: [(u8, &[u8], &str); 16] = [
        (PUBLISH | 0b0110, b"\x00\x02/t\x00\x01", "MQTT-3.3.1-4"),
        (PUBLISH, b"\x00\x02/#", "MQTT-3.3.2-2"),
        (PUBLISH, b"\x00\x00", "MQTT-4.7.3-1"),
        (PUBLISH | 0b0010, b"\x00\x02/t\x00\x00", "MQTT-2.3.1-1"),
        (PUBLISH | 0b0010, b"\x00\x02/t\x00", "section 2.2.3"),
        (PUBACK | 1, b"\x00\x01", "MQTT-2.2.2-2"),
        (PUBACK, b"\x00\x01\x00", "section 2.2.3"),
        (PUBREL, b"\x00\x01", "MQTT-2.2.2-2"),
        (SUBSCRIBE, b"\x00\x01\x00\x01a\x00", "MQTT-3.8.1-1"),
        (SUBSCRIBE | 2, b"\x00\x01", "MQTT-3.8.3-3"),
        (SUBSCRIBE | 2, b"\x00\x01\x00\x01a\x03", "MQTT-3-8.3-4"),
        (UNSUBSCRIBE | 2, b"\x00\x01", "MQTT-3.10.3-2"),
        (UNSUBSCRIBE, b"\x00\x01\x00\x01a", "MQTT-3.10.1-1"),
        (DISCONNECT | 1, b"", "MQTT-3.14.1-1"),
        (SUBACK, b"\x00\x01\x00", "section 2.2.1"),
        (0xF0, b"", "section 2.2.1"),
    ];
    for (head, body, wanted) in cases {
        assert_eq!(statement(&packet(head, body)), wanted, "{head:#04x} {body:02x?}");
    }
}

#[test]
fn filters_come_out_in_order() {
    let bytes = packet(SUBSCRIBE | 2, b"\x00\x09\x00\x02/a\x01\x00\x02/+\x00");
    let Ok(Packet::Subscribe { id, filters }) = read(&bytes) else { panic!("no SUBSCRIBE") };
    assert_eq!((id, filters.collect::<Vec<_>>()), (9, vec![("/a", 1), ("/+", 0)]));
    let bytes = packet(UNSUBSCRIBE | 2, b"\x00\x09\x00\x02/a\x00\x02/b");
    let Ok(Packet::Unsubscribe { filters, .. }) = read(&bytes) else { panic!("no UNSUBSCRIBE") };
    assert_eq!(filters.map(|(filter, _)| filter).collect::<Vec<_>>(), ["/a", "/b"]);
}

#[test]
fn frames_wait_for_all_of_their_bytes_and_respect_the_limit() {
    let bytes = packet(PUBLISH, b"\x00\x02/thello");
    for cut in 0..bytes.len() {
        assert_eq!(frame(&bytes[..cut], LIMIT), Err(Unframed::Incomplete));
    }
    assert_eq!(frame(&[PUBLISH, 0x81, 0x08], LIMIT), Err(Unframed::TooLong(1025)));
    let five = frame(&[PUBLISH, 0xFF, 0xFF, 0xFF, 0xFF, 0x01], LIMIT);
    assert!(matches!(five, Err(Unframed::Malformed(_))));
}

// Proves: MQTT-4.7.3-3
#[test]
fn what_does_not_fit_into_a_publish_leaves_no_trace() {
    let mut out = Vec::new();
    assert!(!put_publish(&mut out, &"t".repeat(65_536), b"", None, false));
    assert!(out.is_empty());
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        if let Ok(frame) = frame(&bytes, LIMIT) {
            prop_assert!(frame.length <= bytes.len());
            match decode(&frame) {
                Ok(Packet::Subscribe { filters, .. } | Packet::Unsubscribe { filters, .. }) => {
                    prop_assert!(filters.count() > 0);
                }
                Ok(_) => {}
                Err(malformed) => prop_assert!(!malformed.statement.is_empty()),
            }
        }
    }

    #[test]
    fn a_written_publish_reads_back(
        topic in "[a-z/]{1,200}",
        payload in prop::collection::vec(any::<u8>(), 0..600),
        id in prop::option::of(1..=u16::MAX),
        dup in any::<bool>(),
    ) {
        let mut out = Vec::new();
        prop_assert!(put_publish(&mut out, &topic, &payload, id, dup));
        let wanted = Publish {
            topic: &topic, payload: &payload, qos: u8::from(id.is_some()), id: id.unwrap_or(0),
        };
        prop_assert_eq!(read(&out), Ok(Packet::Publish(wanted)));
    }
}
