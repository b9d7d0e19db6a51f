//! Our MQTT packets against rumqttc's codec: what either writes, the other reads as the same packet.

#![allow(clippy::unwrap_used)]

use bytes::{Bytes, BytesMut};
use enos_core::wire::Full;
use enos_core::wire::mqtt::{self, FixedHeader, Packet, QoS, Will};
use rumqttc::mqttbytes::{QoS as PeerQoS, v4 as peer};

fn ours(encode: impl FnOnce(&mut [u8]) -> Result<usize, Full>) -> Vec<u8> {
    let mut out = vec![0; 4096];
    let len = encode(&mut out).unwrap();
    out.truncate(len);
    out
}

fn read(bytes: &[u8]) -> Packet<'_> {
    let header = FixedHeader::parse(bytes).unwrap().unwrap();
    mqtt::decode(header, &bytes[header.header_len..]).unwrap()
}

/// Both must write the same bytes and read them as their own packet.
fn agree(ours: &[u8], packet: Option<Packet<'_>>, theirs: &peer::Packet) {
    let mut written = BytesMut::new();
    theirs.write(&mut written, 4096).unwrap();
    assert_eq!(ours, &written[..], "{theirs:?}");
    assert_eq!(&peer::Packet::read(&mut written, 4096).unwrap(), theirs);
    let read = read(ours);
    assert_eq!(packet.unwrap_or(read), read);
}

// Proves: MQTT-3.1.3-1
#[test]
fn sign_on() {
    let mut theirs = peer::Connect::new("dk|securemode=2,signmethod=sha256,timestamp=1|");
    theirs.keep_alive = 60;
    theirs.set_login("dk&pk", "0123456789abcdef");
    let mut connect = mqtt::Connect {
        client_id: "dk|securemode=2,signmethod=sha256,timestamp=1|",
        username: Some("dk&pk"),
        password: Some(b"0123456789abcdef"),
        will: None,
        clean_session: true,
        keep_alive_s: 60,
    };
    let bytes = ours(|out| mqtt::connect(out, &connect));
    agree(&bytes, Some(Packet::Connect(connect)), &peer::Packet::Connect(theirs.clone()));

    theirs.clean_session = false;
    theirs.last_will = Some(peer::LastWill::new("a/b", "gone", PeerQoS::ExactlyOnce, true));
    connect.clean_session = false;
    connect.will = Some(Will { topic: "a/b", message: b"gone", qos: QoS::ExactlyOnce, retain: true });
    let bytes = ours(|out| mqtt::connect(out, &connect));
    agree(&bytes, Some(Packet::Connect(connect)), &peer::Packet::Connect(theirs));

    for (code, theirs) in [
        (mqtt::connack_code::ACCEPTED, peer::ConnectReturnCode::Success),
        (mqtt::connack_code::BAD_PROTOCOL_VERSION, peer::ConnectReturnCode::RefusedProtocolVersion),
        (mqtt::connack_code::IDENTIFIER_REJECTED, peer::ConnectReturnCode::BadClientId),
        (mqtt::connack_code::SERVER_UNAVAILABLE, peer::ConnectReturnCode::ServiceUnavailable),
        (mqtt::connack_code::BAD_USER_NAME_OR_PASSWORD, peer::ConnectReturnCode::BadUserNamePassword),
        (mqtt::connack_code::NOT_AUTHORIZED, peer::ConnectReturnCode::NotAuthorized),
    ] {
        let session_present = code == mqtt::connack_code::ACCEPTED;
        let theirs = peer::Packet::ConnAck(peer::ConnAck::new(theirs, session_present));
        let bytes = ours(|out| mqtt::connack(out, session_present, code));
        agree(&bytes, Some(Packet::ConnAck { session_present, code }), &theirs);
    }
}

#[test]
fn messages() {
    let payload = "x".repeat(300);
    for (qos, peer_qos) in [
        (QoS::AtMostOnce, PeerQoS::AtMostOnce),
        (QoS::AtLeastOnce, PeerQoS::AtLeastOnce),
        (QoS::ExactlyOnce, PeerQoS::ExactlyOnce),
    ] {
        for payload in ["", "{}", payload.as_str()] {
            let mut theirs =
                peer::Publish::from_bytes("/sys/pk/温度/x", peer_qos, Bytes::from(payload.to_owned()));
            theirs.dup = qos != QoS::AtMostOnce;
            theirs.retain = payload.is_empty();
            theirs.pkid = if qos == QoS::AtMostOnce { 0 } else { 0xFFFE };
            let publish = mqtt::Publish {
                dup: theirs.dup,
                qos,
                retain: theirs.retain,
                topic: "/sys/pk/温度/x",
                packet_id: theirs.pkid,
                payload: payload.as_bytes(),
            };
            let bytes = ours(|out| mqtt::publish(out, &publish));
            agree(&bytes, Some(Packet::Publish(publish)), &peer::Packet::Publish(theirs));
        }
    }
}

#[test]
fn acknowledgements_and_signs_of_life() {
    let id = 0x1234;
    for (bytes, packet, theirs) in [
        (ours(|o| mqtt::puback(o, id)), Packet::PubAck(id), peer::Packet::PubAck(peer::PubAck::new(id))),
        (ours(|o| mqtt::pubrec(o, id)), Packet::PubRec(id), peer::Packet::PubRec(peer::PubRec::new(id))),
        (ours(|o| mqtt::pubrel(o, id)), Packet::PubRel(id), peer::Packet::PubRel(peer::PubRel::new(id))),
        (ours(|o| mqtt::pubcomp(o, id)), Packet::PubComp(id), peer::Packet::PubComp(peer::PubComp::new(id))),
        (
            ours(|o| mqtt::unsuback(o, id)),
            Packet::UnsubAck(id),
            peer::Packet::UnsubAck(peer::UnsubAck::new(id)),
        ),
        (ours(mqtt::pingreq), Packet::PingReq, peer::Packet::PingReq),
        (ours(mqtt::pingresp), Packet::PingResp, peer::Packet::PingResp),
        (ours(mqtt::disconnect), Packet::Disconnect, peer::Packet::Disconnect),
    ] {
        agree(&bytes, Some(packet), &theirs);
    }
}

#[test]
fn lists_of_filters() {
    // Few enough for a one-byte length, and more.
    for count in [1, 3, 40] {
        let filters: Vec<_> = (0..count).map(|number| format!("/sys/pk/{number}/+/#")).collect();
        let mut theirs = peer::Subscribe::new(filters[0].clone(), PeerQoS::AtLeastOnce);
        for filter in &filters[1..] {
            theirs.add(filter.clone(), PeerQoS::AtLeastOnce);
        }
        theirs.pkid = 7;
        let bytes = ours(|out| {
            let mut w = mqtt::SubscribeWriter::new(out, 7)?;
            for filter in &filters {
                w.filter(QoS::AtLeastOnce, |w| w.bytes(filter.as_bytes()))?;
            }
            Ok(w.finish())
        });
        agree(&bytes, None, &peer::Packet::Subscribe(theirs));
        let Packet::Subscribe(packet) = read(&bytes) else { panic!("a SUBSCRIBE") };
        assert!(packet.filters().eq(filters.iter().map(|filter| (filter.as_str(), QoS::AtLeastOnce))));

        let mut theirs = peer::Unsubscribe::new(filters[0].clone());
        theirs.topics = filters.clone();
        theirs.pkid = 8;
        let bytes = ours(|out| {
            let mut w = mqtt::UnsubscribeWriter::new(out, 8)?;
            for filter in &filters {
                w.filter(|w| w.bytes(filter.as_bytes()))?;
            }
            Ok(w.finish())
        });
        agree(&bytes, None, &peer::Packet::Unsubscribe(theirs));
        let Packet::Unsubscribe(packet) = read(&bytes) else { panic!("an UNSUBSCRIBE") };
        assert!(packet.filters().eq(filters.iter().map(String::as_str)));
    }
    let granted = [Some(QoS::AtMostOnce), Some(QoS::AtLeastOnce), Some(QoS::ExactlyOnce), None];
    let theirs = [PeerQoS::AtMostOnce, PeerQoS::AtLeastOnce, PeerQoS::ExactlyOnce];
    let mut theirs: Vec<_> = theirs.into_iter().map(peer::SubscribeReasonCode::Success).collect();
    theirs.push(peer::SubscribeReasonCode::Failure);
    let bytes = ours(|out| mqtt::suback(out, 9, &granted));
    agree(&bytes, None, &peer::Packet::SubAck(peer::SubAck::new(9, theirs)));
    let Packet::SubAck(packet) = read(&bytes) else { panic!("a SUBACK") };
    assert!(packet.granted().eq(granted));
}
