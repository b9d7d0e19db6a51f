//! The session by itself, packet by packet.

use super::*;
use crate::error::Cause;
use crate::region::Region;
use crate::session::Up;
use crate::session::buffers::Tx;
use crate::session::outbox::Token;
use crate::wire::mqtt::{self, Connect, Packet, Publish, QoS};

const ACCEPTED: Packet<'static> = Packet::ConnAck { session_present: false, code: 0 };

fn connect(clean_session: bool) -> Connect<'static> {
    Connect { client_id: "c", username: None, password: None, will: None, clean_session, keep_alive_s: 60 }
}

fn message(qos: QoS, packet_id: u16) -> Packet<'static> {
    Packet::Publish(Publish { dup: false, qos, retain: false, topic: "t", packet_id, payload: b"" })
}

/// A session that has said CONNECT at `now`, all of it sent.
fn signing_in(session: &mut Mqtt, now: u64, clean: bool, tx: &mut Tx<'_>) {
    assert!(session.start(now, &connect(clean), tx));
    let sent = tx.pending().len();
    tx.sent(sent);
}

fn session() -> Mqtt {
    Mqtt::new(60, 10_000, 10_000, 8)
}

#[test]
fn own_identifiers_lie_above_the_places_and_go_round() {
    let mut session = session();
    assert_eq!((session.subscribe_id(), session.subscribe_id()), (9, 10));
    session.next_own_id = u16::MAX - 1;
    assert_eq!((session.subscribe_id(), session.subscribe_id()), (u16::MAX, 9));
}

#[test]
fn connack_is_waited_for_as_long_as_agreed() {
    let (mut memory, mut session) = ([0; 64], session());
    let mut tx = Tx::new(Region::lent(&mut memory));
    signing_in(&mut session, 5, true, &mut tx);
    assert_eq!(session.deadline(), Some(10_005));
    assert!(session.silence(10_004).is_none());
    let late = session.silence(10_005).expect("it is late");
    assert_eq!(late.cause, Cause::NoConnAck(10_000));
}

// Proves: MQTT-3.2.2-1
#[test]
fn a_session_that_was_not_asked_for_is_a_fault() {
    for (clean, present, good) in
        [(true, true, false), (true, false, true), (false, true, true), (false, false, true)]
    {
        let (mut memory, mut session) = ([0; 64], session());
        let mut tx = Tx::new(Region::lent(&mut memory));
        signing_in(&mut session, 0, clean, &mut tx);
        let up = session.on_packet(0, Packet::ConnAck { session_present: present, code: 0 }, &mut tx);
        assert_eq!(matches!(up, Up::Online { session_present } if session_present == present), good);
        assert_eq!(matches!(up, Up::Fault(_)), !good);
    }
}

// Proves: MQTT-3.2.0-1
#[test]
fn nothing_comes_before_connack_and_none_comes_twice() {
    let (mut memory, mut session) = ([0; 64], session());
    let mut tx = Tx::new(Region::lent(&mut memory));
    signing_in(&mut session, 0, true, &mut tx);
    assert!(matches!(session.on_packet(0, message(QoS::AtMostOnce, 0), &mut tx), Up::Fault(_)));
    signing_in(&mut session, 0, true, &mut tx);
    assert!(matches!(session.on_packet(0, ACCEPTED, &mut tx), Up::Online { .. }));
    assert!(matches!(session.on_packet(0, ACCEPTED, &mut tx), Up::Fault(_)));
}

// Proves: MQTT-3.14.4-2
#[test]
fn without_a_link_and_behind_disconnect_nothing_is_heard() {
    let (mut memory, mut session) = ([0; 64], session());
    let mut tx = Tx::new(Region::lent(&mut memory));
    assert!(matches!(session.on_packet(0, message(QoS::AtLeastOnce, 1), &mut tx), Up::Nothing));
    signing_in(&mut session, 0, true, &mut tx);
    session.on_packet(0, ACCEPTED, &mut tx);
    assert!(session.leave(&mut tx) && session.leave(&mut tx));
    assert_eq!(tx.pending(), b"\xE0\x00", "one DISCONNECT");
    assert!(matches!(session.on_packet(0, message(QoS::AtLeastOnce, 1), &mut tx), Up::Nothing));
    assert_eq!(tx.pending(), b"\xE0\x00", "and nothing behind it");
    assert_eq!(session.deadline(), None);
}

#[test]
fn acknowledgements_name_the_place_of_the_outbox() {
    let (mut memory, mut session) = ([0; 64], session());
    let mut tx = Tx::new(Region::lent(&mut memory));
    signing_in(&mut session, 0, true, &mut tx);
    session.on_packet(0, ACCEPTED, &mut tx);
    for (id, token) in
        [(1, Some(Token(0))), (3, Some(Token(2))), (8, Some(Token(7))), (9, None), (u16::MAX, None)]
    {
        let accepted = match session.on_packet(0, Packet::PubAck(id), &mut tx) {
            Up::Accepted(token) => Some(token),
            Up::Nothing => None,
            _ => panic!("{id}"),
        };
        assert_eq!(accepted, token, "{id}");
    }
}

// Proves: MQTT-4.3.3-2
#[test]
fn receipts_last_as_long_as_the_session_at_the_hub() {
    let (mut memory, mut session) = ([0; 64], session());
    let mut tx = Tx::new(Region::lent(&mut memory));
    // The same message once more: on a session that went on it is known, on a new one it is another.
    for (present, known) in [(false, false), (true, true), (false, false)] {
        signing_in(&mut session, 0, false, &mut tx);
        session.on_packet(0, Packet::ConnAck { session_present: present, code: 0 }, &mut tx);
        let up = session.on_packet(0, message(QoS::ExactlyOnce, 5), &mut tx);
        assert_eq!(matches!(up, Up::Nothing), known, "session present: {present}");
        let sent = tx.pending().len();
        tx.sent(sent);
        session.down();
    }
}

#[test]
fn what_leaves_behind_a_ping_does_not_push_its_clock() {
    let (mut memory, mut session) = ([0; 64], session());
    let mut tx = Tx::new(Region::lent(&mut memory));
    signing_in(&mut session, 0, true, &mut tx);
    session.on_packet(0, ACCEPTED, &mut tx);
    assert!(session.ping(45_000, &mut tx) && !session.ping(45_001, &mut tx));
    session.on_sent(45_000, 2);
    session.on_sent(50_000, 10);
    assert!(session.silence(54_999).is_none());
    assert_eq!(session.silence(55_000).map(|error| error.cause), Some(Cause::PeerSilent));
    session.on_packet(54_000, Packet::PingResp, &mut tx);
    assert!(session.silence(55_000).is_none());
}

#[test]
fn without_a_keep_alive_nobody_pings() {
    let (mut memory, mut session) = ([0; 64], Mqtt::new(0, 10_000, 10_000, 8));
    let mut tx = Tx::new(Region::lent(&mut memory));
    signing_in(&mut session, 0, true, &mut tx);
    session.on_packet(0, ACCEPTED, &mut tx);
    assert_eq!(session.deadline(), None);
    assert!(!session.ping(u64::MAX, &mut tx));
}

#[test]
fn the_room_of_a_connect_is_what_it_can_take() {
    let long = [b'x'; 100];
    for (username, password) in [(None, None), (Some(""), Some(&b""[..])), (Some("user"), Some(&long[..]))] {
        let connect = Connect { username, password, ..connect(true) };
        let mut out = [0; 256];
        let len = mqtt::connect(&mut out, &connect).expect("room");
        // Two bytes of fixed header up to 127 bytes, five at the most.
        assert_eq!(connect_len(&connect), len + 3);
    }
}

// Proves: DEVICE-7
#[test]
fn a_refused_subscription_is_told_and_no_fault() {
    let (mut memory, mut session) = ([0; 64], session());
    let mut tx = Tx::new(Region::lent(&mut memory));
    signing_in(&mut session, 0, true, &mut tx);
    session.on_packet(0, ACCEPTED, &mut tx);
    for (bytes, refused) in [(&b"\x90\x04\x00\x09\x01\x80"[..], 1), (b"\x90\x04\x00\x09\x80\x80", 2)] {
        let header = mqtt::FixedHeader::parse(bytes).expect("good").expect("whole");
        let suback = mqtt::decode(header, &bytes[header.header_len..]).expect("good");
        assert!(matches!(session.on_packet(0, suback, &mut tx), Up::SubscriptionsRefused(n) if n == refused));
    }
    assert!(session.ping(45_000, &mut tx), "it is still online");
}
