//! The session alone, against datagrams made by hand.

extern crate std;
use super::*;
use crate::region::Region;
use crate::session::{Exchange, Kind};
use crate::wire::coap::{
    Block, CoapOption, MessageClass, MessageWriter, RequestType, ResponseType, decode, option,
};
use std::vec::Vec;

const ACK: MessageType = MessageType::Acknowledgement;

fn settings() -> CoapConfig {
    CoapConfig { bytes_per_second: 0, ..CoapConfig::DEFAULT }
}

/// A session over DTLS that is signed in, and its transmit buffer.
fn online() -> (Coap, Tx<'static>) {
    let memory = Vec::leak(std::vec![0; 1_100]);
    let mut session = Coap::new(settings(), true, 10_000, Jitter::new([9; 32]));
    assert!(session.start(0, false, false));
    (session, Tx::new(Region::lent(memory)))
}

fn exchange<'a>(topic: &'a str, payload: &'a [u8]) -> Exchange<'a> {
    Exchange { token: Some(Token(3)), topic, payload, kind: Kind::Ask, repeated: false }
}

/// What leaves now.
fn send(session: &mut Coap, now: u64, tx: &Tx<'_>) -> Vec<u8> {
    let datagram = session.offer(now, tx).to_vec();
    if !datagram.is_empty() {
        session.on_sent(now, datagram.len());
    }
    datagram
}

/// Asks, and gives Message ID and token.
fn ask(session: &mut Coap, now: u64, payload: &[u8], tx: &mut Tx<'_>) -> (u16, Vec<u8>) {
    assert_eq!(session.needs(now, true), Needs::Message);
    assert!(session.write_message(now, &exchange("/sys/pk/dk/thing/measurepoint/post", payload), tx));
    let datagram = send(session, now, tx);
    let message = decode(&datagram).expect("a message");
    (message.id, message.token.to_vec())
}

fn response(
    kind: MessageType,
    code: ResponseType,
    id: u16,
    token: &[u8],
    options: &[(u16, &[u8])],
    payload: &[u8],
) -> Vec<u8> {
    let mut out = std::vec![0; 1_200];
    let mut w = MessageWriter::new(&mut out, kind, MessageClass::Response(code), id, token).expect("room");
    for (number, value) in options {
        w.option(*number, value).expect("room");
    }
    let n = w.finish(payload).expect("room");
    out.truncate(n);
    out
}

// Proves: COAP-5.3.2-1 COAP-5.4.1-5
#[test]
fn only_what_fits_the_open_request_answers_it() {
    let (mut session, mut tx) = online();
    let (id, token) = ask(&mut session, 0, b"{}", &mut tx);
    let other = [token[0] ^ 1, token[1], token[2], token[3]];
    for (datagram, rejected) in [
        (response(ACK, ResponseType::Changed, id, &other, &[], b"x"), false),
        (response(ACK, ResponseType::Changed, id ^ 1, &token, &[], b"x"), false),
        (response(ACK, ResponseType::Changed, id, &token[..3], &[], b"x"), false),
        (response(MessageType::Reset, ResponseType::Changed, id, &token, &[], b"x"), false),
        (response(MessageType::NonConfirmable, ResponseType::Changed, 5, &other, &[], b"x"), false),
        (response(MessageType::Confirmable, ResponseType::Changed, 6, &other, &[], b"x"), true),
    ] {
        assert!(matches!(session.on_datagram(1, &datagram, &mut tx), Heard::Stray));
        let answer = send(&mut session, 1, &tx);
        assert_eq!(answer.first().copied(), rejected.then_some(0x70), "{datagram:?}");
    }
    // Elective options are passed over, in whatever number they come.
    let elective: &[(u16, &[u8])] = &[(6, b"1"), (14, b"2"), (14, b"3"), (65_000, b"4")];
    let right = response(ACK, ResponseType::Changed, id, &token, elective, b"right");
    assert!(matches!(
        session.on_datagram(2, &right, &mut tx),
        Heard::Reply { token: Token(3), payload: b"right" }
    ));
    assert!(matches!(session.on_datagram(3, &right, &mut tx), Heard::Stray), "once");
    assert!(!session.is_busy());
}

// Proves: COAP-5.2.3-2
#[test]
fn a_separate_answer_that_is_not_confirmable_is_not_acknowledged() {
    let (mut session, mut tx) = online();
    let (id, token) = ask(&mut session, 0, b"{}", &mut tx);
    let acknowledgement = crate::wire::coap::empty(ACK, id);
    assert!(matches!(session.on_datagram(1, &acknowledgement, &mut tx), Heard::Accepted(Token(3))));
    let answer = response(MessageType::NonConfirmable, ResponseType::Changed, 1, &token, &[], b"x");
    assert!(matches!(session.on_datagram(2, &answer, &mut tx), Heard::Reply { .. }));
    assert!(send(&mut session, 2, &tx).is_empty());
}

#[test]
fn critical_options_that_are_unknown_doubled_or_malformed_spoil_an_answer() {
    for options in [
        &[(2_101_u16, &b"x"[..])][..],
        &[(11, b"a")],
        &[(23, b"\x00"), (23, b"\x00")],
        &[(27, b"\x07")],
        &[(23, b"\x00\x00\x00\x00")],
    ] {
        for kind in [ACK, MessageType::Confirmable] {
            let (mut session, mut tx) = online();
            let (id, token) = ask(&mut session, 0, b"{}", &mut tx);
            let datagram = response(kind, ResponseType::Changed, id, &token, options, b"x");
            let heard = session.on_datagram(1, &datagram, &mut tx);
            assert!(matches!(heard, Heard::Failed { token: Some(Token(3)), .. }), "{options:?} {heard:?}");
            let wanted = (kind == MessageType::Confirmable).then_some(0x70);
            assert_eq!(send(&mut session, 1, &tx).first().copied(), wanted, "rejected");
        }
    }
}

#[test]
fn what_continues_must_be_the_block_that_was_sent() {
    let block = |number, exponent| {
        let value = number << 4 | 8 | exponent;
        [value as u8]
    };
    for (echoed, goes_on) in [
        (Some(block(0, 5)), true),
        (Some(block(0, 3)), true),
        (Some(block(0, 6)), false),
        (Some(block(1, 5)), false),
        (None, false),
    ] {
        let (mut session, mut tx) = online();
        let (id, token) = ask(&mut session, 0, &[b'x'; 3_000], &mut tx);
        let options: Vec<(u16, &[u8])> = echoed.iter().map(|value| (27, &value[..])).collect();
        let datagram = response(ACK, ResponseType::Continue, id, &token, &options, b"");
        let heard = session.on_datagram(1, &datagram, &mut tx);
        assert_eq!(matches!(heard, Heard::Nothing), goes_on, "{echoed:?} {heard:?}");
        assert_eq!(session.needs(1, true) == Needs::Message && session.is_busy(), goes_on);
        if goes_on {
            session.write_message(
                1,
                &exchange("/sys/pk/dk/thing/measurepoint/post", &[b'x'; 3_000]),
                &mut tx,
            );
            let datagram = send(&mut session, 1, &tx);
            let next =
                decode(&datagram).expect("a message").block(27).expect("well-formed").expect("a block");
            assert_eq!((next.offset(), next.more), (512, true));
        }
    }
    // 2.31 to what was no block.
    let (mut session, mut tx) = online();
    let (id, token) = ask(&mut session, 0, b"{}", &mut tx);
    let datagram = response(ACK, ResponseType::Continue, id, &token, &[], b"");
    assert!(matches!(session.on_datagram(1, &datagram, &mut tx), Heard::Failed { .. }));
}

#[test]
fn a_final_answer_before_the_last_block_is_no_success() {
    let (mut session, mut tx) = online();
    let (id, token) = ask(&mut session, 0, &[b'x'; 3_000], &mut tx);
    let datagram = response(ACK, ResponseType::Changed, id, &token, &[], b"x");
    assert!(matches!(session.on_datagram(1, &datagram, &mut tx), Heard::Failed { .. }));
}

#[test]
fn blocks_of_an_answer_must_follow_each_other() {
    let (mut session, mut tx) = online();
    let (id, token) = ask(&mut session, 0, b"{}", &mut tx);
    let block = |number: u8| [number << 4 | 8 | 1];
    let first = response(ACK, ResponseType::Changed, id, &token, &[(23, &block(0))], &[b'a'; 32]);
    assert!(matches!(session.on_datagram(1, &first, &mut tx), Heard::Part(part) if part.len() == 32));
    session.write_message(1, &exchange("/sys/pk/dk/thing/measurepoint/post", b"{}"), &mut tx);
    let datagram = send(&mut session, 1, &tx);
    let asked = decode(&datagram).expect("a message");
    assert_eq!(asked.block(23), Ok(Some(Block { number: 1, more: false, exponent: 1 })));
    assert!(asked.payload.is_empty() && asked.option(option::REQUEST_TAG).is_none());
    assert_eq!(
        asked.option(CoapOption::ContentFormat.into()),
        Some(&[50][..]),
        "by it a hub knows the answer"
    );
    let skipped =
        response(ACK, ResponseType::Changed, asked.id, asked.token, &[(23, &block(2))], &[b'a'; 32]);
    assert!(matches!(session.on_datagram(2, &skipped, &mut tx), Heard::Failed { .. }));
    // A block that is shorter than it says.
    let (id, token) = ask(&mut session, 3, b"{}", &mut tx);
    let short = response(ACK, ResponseType::Changed, id, &token, &[(23, &block(0))], &[b'a'; 31]);
    assert!(matches!(session.on_datagram(4, &short, &mut tx), Heard::Failed { .. }));
}

#[test]
fn replies_leave_first_and_are_few() {
    let (mut session, mut tx) = online();
    assert_eq!(session.needs(0, true), Needs::Message);
    assert!(session.write_message(0, &exchange("/a", b"{}"), &mut tx));
    for id in 0..REPLIES as u16 {
        assert!(session.can_hear());
        session.on_datagram(0, &crate::wire::coap::empty(MessageType::Confirmable, id), &mut tx);
    }
    assert!(!session.can_hear(), "nothing more is read until some have left");
    for id in 0..REPLIES as u8 {
        assert_eq!(send(&mut session, 0, &tx), [0x70, 0, 0, id]);
    }
    assert_eq!(send(&mut session, 0, &tx).first(), Some(&0x44), "then the request");
    assert!(send(&mut session, 0, &tx).is_empty());
}

#[test]
fn first_time_outs_are_spread() {
    let (mut session, _) = online();
    let drawn: Vec<u32> = (0..200).map(|_| session.first_timeout()).collect();
    assert!(drawn.iter().all(|ms| (2_000..=3_000).contains(ms)));
    assert!(drawn.iter().any(|ms| *ms < 2_100) && drawn.iter().any(|ms| *ms > 2_900));
}

#[test]
fn the_room_of_a_path_is_enough() {
    let topic =
        std::format!("/sys/{}/{}/thing/service/{}_reply", "p".repeat(64), "d".repeat(255), "s".repeat(128));
    let memory = Vec::leak(std::vec![0; path_room(topic.len()) + 16 + 2]);
    let mut tx = Tx::new(Region::lent(memory));
    let (mut session, _) = online();
    session.needs(0, true);
    assert!(session.write_message(0, &exchange(&topic, &[b'x'; 500]), &mut tx), "with one block of 16 bytes");
    let message = decode(tx.pending()).expect("a message");
    assert!(matches!(message.block(27), Ok(Some(Block { exponent: 0 | 1, .. }))));
    assert_eq!(message.code, MessageClass::Request(RequestType::Post));
    assert!(message.option(option::REQUEST_TAG).is_some());
}

#[test]
fn a_hint_without_a_path_or_with_a_strange_one_is_malformed() {
    let (mut session, _) = online();
    let datagram = |options: &[(u16, &[u8])]| response(ACK, ResponseType::Changed, 1, b"abcd", options, b"");
    for (options, hint) in [
        (&[][..], Hint::Nothing),
        (&[(2_102, &b"{}"[..])], Hint::Malformed),
        (&[(2_100, b"/topic/\xFF")], Hint::Malformed),
        (&[(2_100, &[b'/'; 600])], Hint::Malformed),
        (&[(2_100, b"/topical/x")], Hint::Malformed),
        (&[(2_100, b"/topic/a"), (2_102, b"{}")], Hint::Command { topic: "/a", payload: b"{}" }),
        (&[(2_100, b"/topic/a")], Hint::Nothing),
    ] {
        assert_eq!(session.on_hint(&datagram(options)), hint, "{options:?}");
    }
    assert_eq!(session.fetched_path(), b"/a");
    assert_eq!(session.needs(0, false), Needs::Fetch);
}
