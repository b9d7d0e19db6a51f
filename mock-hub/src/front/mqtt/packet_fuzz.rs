//! What must hold for any bytes that a client sends.

use super::packet::{Frame, Packet, Unframed, decode, frame, put_publish};

/// Longest remaining length in this target.
const LIMIT: usize = 64 * 1024;

/// A frame is cut the same way whatever comes behind it and never before it is whole; what was read holds what the
/// standard promises; a message that was read is written and read again alike.
pub(crate) fn packet(data: &[u8]) {
    let cut = match frame(data, LIMIT) {
        Ok(cut) => cut,
        Err(Unframed::Incomplete) => return assert!(data.len() < 5 + LIMIT, "a whole packet is incomplete"),
        Err(Unframed::TooLong(length)) => return assert!(length > LIMIT),
        Err(Unframed::Malformed(malformed)) => return assert!(!malformed.statement.is_empty()),
    };
    assert!(cut.length <= data.len() && cut.body.len() < cut.length && cut.body.len() <= LIMIT);
    assert_eq!(frame(&data[..cut.length], LIMIT), Ok(cut));
    assert_eq!(frame(&data[..cut.length - 1], LIMIT), Err(Unframed::Incomplete));
    match decode(&cut) {
        Ok(packet) => check(&cut, &packet),
        Err(malformed) => {
            assert!(malformed.statement.starts_with("MQTT-") || malformed.statement.starts_with("section "));
        }
    }
}

fn check(cut: &Frame<'_>, packet: &Packet<'_>) {
    match packet {
        Packet::Publish(publish) => {
            assert!(publish.qos <= 2 && (publish.qos == 0) == (publish.id == 0));
            assert!(!publish.topic.is_empty() && !publish.topic.contains(['#', '+', '\0']));
            // The hub writes QoS 0 and 1 only, and never retained.
            let mut out = Vec::new();
            let id = (publish.qos == 1).then_some(publish.id);
            assert!(put_publish(&mut out, publish.topic, publish.payload, id, cut.head & 8 != 0));
            let again = frame(&out, LIMIT).expect("what the hub writes is whole");
            assert_eq!(again.length, out.len());
            let Ok(Packet::Publish(again)) = decode(&again) else {
                panic!("the hub cannot read its own message")
            };
            assert_eq!((again.topic, again.payload), (publish.topic, publish.payload));
            assert!(publish.qos == 2 || again == *publish);
        }
        Packet::Subscribe { id, filters } | Packet::Unsubscribe { id, filters } => {
            assert_ne!(*id, 0);
            let (mut count, mut bytes) = (0, 2);
            let subscribes = matches!(packet, Packet::Subscribe { .. });
            for (filter, qos) in filters.clone() {
                assert!(qos <= 2 && !filter.contains('\0'));
                count += 1;
                bytes += 2 + filter.len() + usize::from(subscribes);
            }
            assert!(count > 0 && bytes == cut.body.len(), "a filter was lost");
        }
        Packet::PubAck(id) | Packet::PubRec(id) | Packet::PubRel(id) | Packet::PubComp(id) => {
            assert!(*id != 0 && cut.body.len() == 2);
        }
        Packet::Connect(connect) => {
            assert!(connect.supported || (connect.client_id.is_empty() && connect.password.is_empty()));
            assert!(connect.level != 4 || connect.password.is_empty() || cut.body[7] & 0x80 != 0);
        }
        Packet::PingReq | Packet::Disconnect => assert!(cut.body.is_empty()),
    }
}
