//! The engine over CoAP, step by step, against a scripted hub.

#![allow(clippy::unwrap_used)]

mod coap_sim;
mod sim;

use coap_lite::{MessageType, Packet, ResponseType};
use coap_sim::hub::{Spoil, empty};
use coap_sim::{Pair, activation, config, device};
use enos_core::engine::{Engine, Input, LinkError, Memory, Request, RequestError, Room, Warning};
use enos_core::{ConfigError, ErrorKind, Limits, LinkFault};
use serde_json::json;
use sim::{Told, check_grammar};

/// Memory of a board, as large as CoAP needs it.
type Board = Room<4096, 1040, 2048, 4, 2>;

fn online(secure: bool) -> Pair<'static> {
    let mut pair = Pair::heap(config(secure, device()));
    pair.connect();
    assert_eq!(pair.take(), [Told::Connecting, Told::Online]);
    pair
}

fn acknowledged(id: u32) -> Told {
    Told::Acknowledged(id, String::new())
}

fn timers(pair: &Pair<'_>) -> Vec<u64> {
    pair.sent.windows(2).map(|two| two[1].0 - two[0].0).collect()
}

// Proves: ENOS-COAP-A3-5 ENOS-COAP-A4-7
#[test]
fn signs_in_and_posts_over_both_bindings_and_both_memories() {
    for secure in [false, true] {
        let mut board = Box::new(Board::new());
        let limits = Limits {
            receive: 4_096,
            transmit: 1_040,
            outbox: 2_048,
            requests: 4,
            calls: 2,
            ..Limits::DEFAULT
        };
        let (lent, heap) = (board.lend(), Memory::heap(&limits));
        let mut bytes = Vec::new();
        for memory in [lent, heap] {
            let mut pair = Pair::new(config(secure, device()), memory);
            pair.handle("reboot");
            pair.auto_answer = Some(200);
            pair.connect();
            assert_eq!(pair.take(), [Told::Connecting, Told::Online]);
            pair.hub.command("1", "reboot", json!({}));
            let (first, second) = (pair.post(), pair.post_text(&"y".repeat(1_200), 600_000));
            pair.settle();
            let told = pair.take();
            assert!(told.contains(&acknowledged(first)) && told.contains(&acknowledged(second)), "{told:?}");
            assert_eq!(told.len(), 3);
            assert_eq!(pair.hub.answers.len(), 1);
            assert_eq!(pair.hub.answers[0].0, "/sys/pk/dk/thing/service/reboot_reply");
            assert_eq!(pair.hub.signed_in, 1);
            assert_eq!(pair.hub.lifetimes, [3_600]);
            assert_eq!(pair.hub.blocks, 3);
            bytes.push(pair.sent);
        }
        assert!(bytes[0] == bytes[1], "the same bytes at the same times");
    }
}

// Proves: ENOS-COAP-A3-6
#[test]
fn a_refused_sign_in_is_final_and_says_why() {
    let mut pair = Pair::heap(config(false, device()));
    pair.hub.refuses_sign_in = true;
    pair.connect();
    pair.pass(600_000);
    let told = pair.take();
    let [Told::Connecting, Told::ConnectFailed { kind: 401, hub_code: 401, retry: false, text }] = &told[..]
    else {
        panic!("{told:?}")
    };
    assert!(text.contains("4.01") && text.contains("wrong secret"), "{text}");
    assert_eq!(pair.dials.len(), 1);
}

// Proves: ENOS-COAP-A4-8
#[test]
fn codes_without_payload_have_their_kinds() {
    for (code, kind, number) in [
        (ResponseType::BadRequest, 601, 400),
        (ResponseType::Forbidden, 405, 403),
        (ResponseType::NotFound, 601, 404),
        (ResponseType::MethodNotAllowed, 601, 405),
        (ResponseType::RequestEntityTooLarge, 603, 413),
        (ResponseType::TooManyRequests, 602, 429),
        (ResponseType::InternalServerError, 601, 500),
        (ResponseType::ServiceUnavailable, 601, 503),
    ] {
        let mut pair = online(false);
        pair.hub.refuses = Some(code);
        let id = pair.post();
        pair.settle();
        assert_eq!(pair.take(), [Told::Rejected(id, kind, number, String::new())], "{code:?}");
        pair.hub.refuses = None;
        let id = pair.post();
        pair.settle();
        assert_eq!(pair.take(), [acknowledged(id)], "the next one goes its way");
    }
    let mut pair = online(false);
    pair.hub.code = 1204;
    let id = pair.post();
    pair.settle();
    assert_eq!(pair.take(), [Told::Rejected(id, 604, 1204, String::new())], "the reply's own code");
}

// Proves: ENOS-COAP-A4-9
#[test]
fn after_4_01_it_signs_in_again_and_the_post_goes_once_more() {
    for secure in [false, true] {
        let mut pair = online(secure);
        pair.hub.forgets = 1;
        let (id, text) = (pair.post(), pair.post_text(&"z".repeat(1_500), 600_000));
        pair.pass(5_000);
        let told = pair.take();
        assert_eq!(told, [acknowledged(id), acknowledged(text)], "no word of it: {secure}");
        assert_eq!(pair.hub.signed_in, 2);
        assert_eq!(pair.dials.len(), if secure { 2 } else { 1 });
        assert_eq!(pair.hub.came.len(), 2);
    }
}

#[test]
fn an_answer_outlives_another_handshake() {
    let mut pair = Pair::heap(config(true, device()));
    pair.handle("reboot");
    pair.connect();
    pair.hub.command("1", "reboot", json!({}));
    pair.post();
    pair.settle();
    let Some(Told::Command { call, .. }) = pair.take().pop() else { panic!() };
    pair.hub.forgets = 1;
    pair.answer(call, 200);
    pair.pass(5_000);
    assert_eq!((pair.hub.answers.len(), pair.engine.stats().dropped_answers), (1, 0));
    assert_eq!((pair.dials.len(), pair.take()), (2, vec![]));
}

// Proves: ENOS-COAP-A4-10
#[test]
fn a_second_4_01_ends_the_post_and_nothing_else() {
    for secure in [false, true] {
        let mut pair = online(secure);
        pair.hub.forgets = 2;
        let id = pair.post();
        pair.pass(5_000);
        assert_eq!(pair.take(), [Told::Rejected(id, 401, 401, String::new())], "{secure}");
        let next = pair.post();
        pair.pass(5_000);
        assert_eq!(pair.take(), [acknowledged(next)], "{secure}");
    }
}

#[test]
fn a_secret_that_was_changed_ends_the_session() {
    let mut pair = online(false);
    pair.hub.forgets = 1;
    pair.hub.refuses_sign_in = true;
    pair.post();
    pair.settle();
    assert_eq!(pair.take(), [Told::Offline { kind: 401, will_retry: true }]);
    pair.hub.refuses_sign_in = false;
    pair.pass(400_000);
    let told = pair.take();
    assert!(matches!(told[..], [Told::Connecting, Told::Online, Told::Acknowledged(..)]), "{told:?}");
}

// Proves: COAP-4.2-6 COAP-4.8-1
#[test]
fn an_unanswered_message_goes_again_with_doubled_pauses() {
    let mut pair = online(false);
    pair.hub.mute = true;
    pair.sent.clear();
    let id = pair.post();
    pair.pass(100_000);
    let pauses = timers(&pair);
    assert!((2_000..=3_000).contains(&pauses[0]), "{pauses:?}");
    for two in pauses[..4].windows(2) {
        assert_eq!(two[1], 2 * two[0], "{pauses:?}");
    }
    assert!(pair.sent[..5].iter().all(|(_, bytes)| *bytes == pair.sent[0].1), "the same bytes");
    let told = pair.take();
    assert_eq!(told[0], Told::Offline { kind: 304, will_retry: true });
    assert_eq!(pair.hang_ups, 1);
    // Nothing is lost: it goes again in another session, in another exchange.
    pair.hub.mute = false;
    pair.pass(300_000);
    let told = pair.take();
    assert!(told.contains(&Told::Online) && told.contains(&acknowledged(id)), "{told:?}");
    assert_eq!(pair.hub.came.len(), 1);
}

#[test]
fn short_time_outs_do_not_hide_a_dead_hub() {
    let mut pair = online(false);
    pair.hub.mute = true;
    for timeout_ms in [5_000, 1_000] {
        let noticed = (0..6).any(|_| {
            let id = pair.post_text("x", timeout_ms);
            pair.pass(u64::from(timeout_ms) + 500);
            !matches!(pair.take()[..], [Told::Failed(failed, 305)] if failed == id)
        });
        assert!(noticed, "{timeout_ms}");
        pair.hub.mute = false;
        pair.pass(300_000);
        assert!(pair.take().contains(&Told::Online));
        pair.hub.mute = true;
    }
}

// Proves: COAP-4.5-4 COAP-4.7-1
#[test]
fn lost_and_doubled_datagrams_settle_each_post_once() {
    for secure in [false, true] {
        let mut pair = online(secure);
        pair.doubles = true;
        pair.lose_up = vec![true, false, true, false];
        pair.lose_down = vec![true, false, false, true];
        let ids: Vec<_> = (0..4).map(|_| pair.post()).collect();
        pair.pass(60_000);
        assert_eq!(pair.take(), ids.iter().map(|id| acknowledged(*id)).collect::<Vec<_>>());
        assert_eq!(pair.hub.came.len(), 4, "no post was processed twice");
        assert!(pair.hub.repeated > 0);
    }
}

// Proves: COAP-4.2-5 COAP-4.5-3 COAP-5.2.2-1
#[test]
fn separate_answers_are_acknowledged_each_time_they_come() {
    for silent_ack in [false, true] {
        let mut pair = online(false);
        (pair.hub.separate, pair.hub.silent_ack, pair.doubles) = (true, silent_ack, true);
        let ids = [pair.post(), pair.post()];
        pair.settle();
        assert_eq!(pair.take(), ids.map(acknowledged));
        assert_eq!((pair.hub.resets, pair.hub.came.len()), (0, 2));
        assert!(pair.hub.acks >= 4, "{} acknowledgements", pair.hub.acks);
    }
}

#[test]
fn an_acknowledged_request_waits_without_being_sent_again() {
    let mut pair = online(false);
    pair.hub.separate = true;
    // The acknowledgement comes, the answer does not.
    pair.lose_down = vec![false, true];
    let id = pair.post_text("x", 50_000);
    let sent = pair.sent.len();
    pair.pass(49_000);
    assert_eq!(pair.sent.len(), sent + 1);
    pair.pass(2_000);
    assert_eq!(pair.take(), [Told::Failed(id, 305)]);
    let late = pair.post();
    pair.settle();
    assert_eq!(pair.take(), [acknowledged(late)]);
}

// Proves: COAP-4.2-4 COAP-4.2-7 COAP-4.2-9 COAP-4.2-10 COAP-4.3-3 COAP-3-4
#[test]
fn what_nobody_asked_for_is_rejected_or_passed_over() {
    let mut pair = online(false);
    let reset = |id: u16| Some(empty(MessageType::Reset, id));
    for (bytes, answer) in [
        (&b"\x40\x00\x00\x07"[..], reset(7)), // ping
        (b"\x44\x45\x00\x08abcd", reset(8)),  // a response that was not asked for
        (b"\x54\x45\x00\x09abcd", None),      // the same, not confirmable
        (b"\x64\x45\x00\x09abcd", None),      // the same, on an acknowledgement
        (b"\x40\x01\x00\x0A", reset(10)),     // a request to the device
        (b"\x50\x01\x00\x0A", None),
        (b"\x40\x01\x00\x0B\xFF", reset(11)), // a format error
        (b"\x50\x01\x00\x0B\xFF", None),
        (b"\x60\x01\x00\x0B\xFF", None),
        (b"\x80\x01\x00\x0C", None), // another version
        (b"\x40\x01\x00", None),     // no header
        (b"\x60\x00\x00\x0D", None), // ACK and RST of nothing
        (b"\x70\x00\x00\x0D", None),
        (b"\x40\xE1\x00\x0E", reset(14)), // a reserved class
    ] {
        pair.sent.clear();
        pair.receive(bytes);
        pair.settle();
        let sent: Vec<_> = pair.sent.iter().map(|(_, bytes)| bytes.clone()).collect();
        assert_eq!(sent, answer.into_iter().collect::<Vec<_>>(), "{}", bytes.escape_ascii());
    }
    assert_eq!(pair.take(), []);
    let stats = pair.engine.stats();
    assert_eq!((stats.dropped_malformed, stats.dropped_stray), (8, 5));
    let id = pair.post();
    pair.settle();
    assert_eq!(pair.take(), [acknowledged(id)]);
}

// Proves: COAP-5.3.2-2 COAP-5.4.1-4 BLOCK-2.4-7
#[test]
fn answers_that_are_not_right_settle_nothing_or_fail_with_a_reason() {
    for (spoil, told) in [
        (Spoil::Token, None),
        (Spoil::Id, None),
        (Spoil::Critical, Some(501)),
        (Spoil::Block, Some(501)),
        (Spoil::NoEnvelope, Some(501)),
        (Spoil::OtherRequest, Some(501)),
        (Spoil::Etag, Some(501)),
        (Spoil::NeverEnds, Some(603)),
    ] {
        let limits = Limits { receive: 20_000, ..Limits::DEFAULT };
        let mut pair = Pair::new(config(false, device()), Memory::heap(&limits));
        pair.connect();
        pair.take();
        pair.hub.spoil = Some(spoil);
        pair.hub.padding = 1_000;
        let id = pair.post_text("x", 60_000);
        pair.settle();
        assert_eq!(
            pair.take(),
            told.map(|kind| Told::Failed(id, kind)).into_iter().collect::<Vec<_>>(),
            "{spoil:?}"
        );
        pair.hub.spoil = None;
        pair.hub.padding = 0;
        pair.pass(61_000);
        pair.take();
        let id = pair.post();
        pair.settle();
        assert_eq!(pair.take(), [acknowledged(id)], "{spoil:?}: the next one goes its way");
    }
}

// Proves: COAP-4.2-8
#[test]
fn a_peer_that_answers_all_with_rst_is_left_alone_for_ever_longer() {
    let mut pair = Pair::heap(config(false, device()));
    pair.hub.resets_all = true;
    pair.connect();
    pair.pass(1_800_000);
    let told = pair.take();
    check_grammar(&told);
    assert!(
        told.iter()
            .any(|told| matches!(told, Told::ConnectFailed { kind: 304, text, .. } if text.contains("RST")))
    );
    sim::check_dials(&pair.dials);
    assert!(pair.sent.len() < 100, "{} datagrams", pair.sent.len());
    pair.hub.resets_all = false;
    let id = pair.post();
    pair.pass(400_000);
    assert!(pair.take().contains(&acknowledged(id)));
    // Once online: the post goes again.
    pair.hub.resets_all = true;
    let id = pair.post();
    pair.pass(1_000);
    assert_eq!(pair.take()[..1], [Told::Offline { kind: 304, will_retry: true }]);
    pair.hub.resets_all = false;
    pair.pass(400_000);
    assert!(pair.take().contains(&acknowledged(id)));
}

// Proves: BLOCK-2.5-6 BLOCK-2.5-7 BLOCK-2.5-8 BLOCK-2.9.2-1 ENOS-COAP-A1-4
#[test]
fn a_large_post_goes_in_blocks_as_small_as_the_hub_wants() {
    for (exponent, by_413, incomplete) in [
        (5, false, 0),
        (4, false, 0),
        (2, false, 0),
        (0, false, 0),
        (3, true, 0),
        (5, false, 2),
        (2, true, 1),
    ] {
        let mut pair = online(false);
        pair.hub.exponent = exponent;
        pair.hub.shrinks_by_413 = by_413;
        pair.hub.incomplete = incomplete;
        let text = "abcdefghij".repeat(300);
        let id = pair.post_text(&text, 600_000);
        pair.settle();
        assert_eq!(pair.take(), [acknowledged(id)], "{exponent} {by_413} {incomplete}");
        assert_eq!(pair.hub.posts[&id.to_string()]["measurepoints"]["t"], text.as_str());
        assert_eq!(pair.hub.came.len(), 1);
        assert!(pair.hub.largest <= 1_024, "{}", pair.hub.largest);
    }
}

#[test]
fn a_hub_that_loses_every_block_ends_the_post() {
    let mut pair = online(false);
    pair.hub.incomplete = 1_000;
    let id = pair.post_text(&"x".repeat(2_000), 600_000);
    pair.settle();
    assert_eq!(pair.take(), [Told::Rejected(id, 601, 408, String::new())]);
    assert!(pair.hub.blocks <= 12);
}

// Proves: BLOCK-2.4-5 BLOCK-2.4-6
#[test]
fn a_large_answer_comes_in_blocks() {
    for (exponent, large_post) in [(5, false), (2, false), (4, true)] {
        let mut pair = online(false);
        pair.hub.exponent = exponent;
        pair.hub.padding = 3_000;
        let text = "q".repeat(if large_post { 2_000 } else { 1 });
        let id = pair.post_text(&text, 600_000);
        pair.settle();
        let [Told::Acknowledged(settled, data)] = &pair.take()[..] else { panic!() };
        assert_eq!((*settled, data.len()), (id, 3_002));
        // By its options the hub knows which answer goes on: those of the request come again, save Block1 and Size1.
        let last = Packet::from_bytes(&pair.sent.last().unwrap().1).unwrap();
        let options: Vec<u16> = last.options().map(|(number, _)| *number).collect();
        assert_eq!(options, if large_post { vec![11, 12, 23, 292] } else { vec![11, 12, 23] });
        assert_eq!(pair.hub.came.len(), 1);
    }
}

// Proves: COAP-5.3.1-3 COAP-4.4-2
#[test]
fn each_message_has_its_own_token_and_id() {
    let mut pair = online(false);
    for _ in 0..50 {
        pair.post();
    }
    pair.post_text(&"x".repeat(5_000), 600_000);
    pair.settle();
    let packets: Vec<_> = pair.sent.iter().map(|(_, bytes)| Packet::from_bytes(bytes).unwrap()).collect();
    let mut ids: Vec<_> = packets.iter().map(|packet| packet.header.message_id).collect();
    let mut tokens: Vec<_> = packets.iter().map(|packet| packet.get_token().to_vec()).collect();
    assert!(tokens.iter().all(|token| token.len() == 4));
    ids.sort_unstable();
    ids.dedup();
    tokens.sort_unstable();
    tokens.dedup();
    assert_eq!((ids.len(), tokens.len()), (packets.len(), packets.len()));
}

#[test]
fn the_blocks_of_one_body_have_one_tag_and_another_body_another() {
    let mut pair = online(false);
    pair.hub.incomplete = 1;
    let ids = [2_000, 1_500].map(|n| pair.post_text(&"x".repeat(n), 600_000));
    pair.settle();
    assert_eq!(pair.take(), ids.map(acknowledged));
    let tag = |bytes: &[u8]| {
        let packet = Packet::from_bytes(bytes).unwrap();
        packet.get_first_option(coap_lite::CoapOption::Unknown(292)).cloned()
    };
    let mut tags: Vec<_> = pair.sent.iter().filter_map(|(_, bytes)| tag(bytes)).collect();
    // Two blocks of the first body until the hub loses them, all five, then the four of the second.
    assert_eq!(tags.len(), 2 + 5 + 4);
    assert!(tags.iter().all(|tag| tag.len() == 2));
    tags.dedup();
    assert_eq!(tags.len(), 3, "{tags:?}");
}

// Proves: ENOS-COAP-A5-5 COAP-5.8.1-1
#[test]
fn commands_are_fetched_until_none_waits_and_answered() {
    for (secure, inline) in [(true, false), (false, true), (false, false)] {
        let mut pair = Pair::heap(config(secure, device()));
        pair.handle("reboot");
        pair.auto_answer = Some(200);
        pair.hub.inline = inline;
        pair.connect();
        for round in 0..5 {
            pair.hub.command(&round.to_string(), "reboot", json!({"n": round}));
        }
        // One hint, in the answer to a post, is enough.
        pair.post();
        pair.settle();
        let told = pair.take();
        let commands: Vec<_> = told
            .iter()
            .filter_map(|told| match told {
                Told::Command { what, params, .. } => Some((what.as_str(), params.clone())),
                _ => None,
            })
            .collect();
        assert_eq!(commands, (0..5).map(|n| ("reboot", format!(r#"{{"n":{n}}}"#))).collect::<Vec<_>>());
        assert_eq!(pair.hub.answers.len(), 5, "{secure} {inline}");
        assert_eq!(pair.hub.fetched, 5);
    }
}

// Proves: ENOS-COAP-A5-6 ENOS-COAP-A5-7
#[test]
fn hints_that_lead_nowhere_harm_nothing() {
    let mut pair = online(true);
    pair.handle("reboot");
    for (path, warning) in [
        ("/topic/sys/pk/dk/thing/service/gone", None),
        ("/topic/sys/other/one/thing/service/reboot", None),
        ("nonsense", Some(Warning::MalformedMessage)),
        ("/topic", Some(Warning::MalformedMessage)),
        ("", Some(Warning::MalformedMessage)),
    ] {
        pair.hub.commands.push_back((path.to_owned(), "{}".to_owned()));
        let before = pair.sent.len();
        let id = pair.post();
        // Somebody else takes it before the device asks.
        pair.drain();
        pair.hub.commands.clear();
        pair.settle();
        let mut wanted = vec![acknowledged(id)];
        wanted.extend(warning.map(Told::Warning));
        assert_eq!(pair.take(), wanted, "{path}");
        assert!(pair.sent.len() <= before + 2, "{path}");
    }
}

#[test]
fn a_hub_that_hints_for_ever_keeps_no_post_waiting() {
    let mut pair = Pair::heap(config(true, device()));
    pair.handle("reboot");
    pair.auto_answer = Some(200);
    pair.connect();
    for round in 0..40 {
        pair.hub.command(&round.to_string(), "reboot", json!({}));
    }
    let ids: Vec<_> = (0..5).map(|_| pair.post()).collect();
    pair.settle();
    let told = pair.take();
    let last = told.iter().position(|told| *told == acknowledged(ids[4])).unwrap();
    let commands = told.iter().filter(|told| matches!(told, Told::Command { .. })).count();
    assert_eq!(commands, 40);
    assert!(last < 16, "the posts had their turn: {last}");
}

#[test]
fn activates_over_dtls_and_never_bricks() {
    let mut pair = Pair::heap(config(true, activation()));
    let id = pair.post();
    pair.connect();
    pair.pass(5_000);
    assert_eq!(pair.take(), [Told::Connecting, Told::Activated, Told::Online, acknowledged(id)]);
    assert_eq!(pair.stored, [sim::hub::DEVICE_SECRET]);
    assert_eq!((pair.hub.info_replies, pair.hub.signed_in), (1, 2));

    // The last word is lost each time: the first handshake with the device's secret counts.
    let mut pair = Pair::heap(config(true, activation()));
    pair.lose_up = vec![false, true, true, true];
    pair.connect();
    pair.pass(20_000);
    assert_eq!(pair.take(), [Told::Connecting, Told::Activated, Told::Online]);
    assert_eq!((pair.hub.info_replies, pair.hub.activated), (0, true));

    // The store fails: it stays in mode 3 and asks again; then the power goes, and all begins anew.
    let mut pair = Pair::heap(config(true, activation()));
    pair.store_works = false;
    pair.connect();
    pair.pass(10_000);
    assert!(!pair.hub.activated && pair.stored.is_empty());
    pair.link = false;
    pair.input(Input::LinkDown(LinkError::Fault(LinkFault::Lost)));
    pair.pass(200_000);
    assert!(pair.hub.modes.len() > 1 && pair.hub.modes.iter().all(|mode| *mode == 3), "{:?}", pair.hub.modes);
    let hub = std::mem::replace(&mut pair.hub, coap_sim::hub::Hub::new(true));
    let mut again = Pair::heap(config(true, activation()));
    again.hub = hub;
    again.connect();
    again.pass(5_000);
    assert!(again.take().contains(&Told::Online));
    assert_eq!(again.stored, [sim::hub::DEVICE_SECRET]);
}

#[test]
fn what_is_not_offered_over_coap_says_so_at_once() {
    let new = |config| Engine::new(config, [0; 32], Memory::heap(&Limits::DEFAULT)).err();
    let Some(error @ ConfigError::Unsupported(text)) = new(config(false, activation())) else { panic!() };
    assert!(text.contains("coaps://") && text.contains("ssl://"), "{text}");
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    for (lifetime_s, datagram, fits) in [
        (29, 1_024, false),
        (30, 1_024, true),
        (86_400, 256, true),
        (86_401, 1_024, false),
        (60, 255, false),
        (60, 1_025, false),
    ] {
        let mut config = config(false, device());
        (config.coap.lifetime_s, config.coap.datagram) = (lifetime_s, datagram);
        assert_eq!(new(config).is_none(), fits, "{lifetime_s} {datagram}");
    }
    let mut small = Box::new(Room::<1024, 1040, 768, 4, 1>::new());
    let error = Engine::new(config(false, device()), [0; 32], small.lend()).err();
    assert_eq!(error, Some(ConfigError::Memory("receive")));
    let mut small = Box::new(Room::<2048, 200, 768, 4, 1>::new());
    let error = Engine::new(config(false, device()), [0; 32], small.lend()).err();
    assert_eq!(error, Some(ConfigError::Memory("transmit")));
}

#[test]
fn a_device_that_is_silent_signs_in_again_before_its_lifetime_ends() {
    for secure in [false, true] {
        let mut config = config(secure, device());
        config.coap.lifetime_s = 400;
        let mut pair = Pair::heap(config);
        pair.connect();
        pair.take();
        pair.pass(1_000_000);
        assert_eq!(pair.take(), [], "no word of it");
        // Each 300 s.
        assert_eq!(pair.hub.signed_in, 4, "{secure}");
        assert_eq!(pair.dials.len(), if secure { 4 } else { 1 });
        // A request renews it.
        let before = pair.hub.signed_in;
        for _ in 0..10 {
            pair.pass(150_000);
            pair.post();
            pair.settle();
        }
        assert!(pair.hub.signed_in - before <= 1, "{secure}");
        // The hub cannot be reached then: it is told honestly.
        pair.take();
        pair.hub.mute = true;
        pair.hub.secure = secure;
        pair.pass(500_000);
        if !secure {
            assert_eq!(pair.take()[0], Told::Offline { kind: 304, will_retry: true });
        }
    }
}

#[test]
fn a_link_that_cannot_be_renewed_is_told_once() {
    let mut config = config(true, device());
    config.coap.lifetime_s = 400;
    let mut pair = Pair::heap(config);
    pair.connect();
    // The device's secret is changed at the hub: the next handshake fails.
    pair.pass(299_000);
    let told = pair.take();
    assert_eq!(told, [Told::Connecting, Told::Online]);
    pair.drain();
    pair.now += 2_000;
    pair.input(Input::LinkDown(LinkError::Fault(LinkFault::Lost)));
    pair.link = false;
    pair.settle();
    assert_eq!(pair.take(), [Told::Offline { kind: 304, will_retry: true }]);
    pair.pass(10_000);
    assert_eq!(pair.take(), [Told::Connecting, Told::Online]);
    // Closed while the other handshake is under way.
    pair.pass(295_000);
    pair.request(Request::Close { timeout_ms: 1_000 }).unwrap();
    pair.pass(10_000);
    let told = pair.take();
    assert_eq!(told, [Told::Offline { kind: 104, will_retry: false }, Told::Closed]);
}

#[test]
fn a_sleepy_device_says_nothing_by_itself_and_signs_in_late() {
    for secure in [false, true] {
        let mut config = config(secure, device());
        (config.coap.lifetime_s, config.coap.sleepy) = (60, true);
        let mut pair = Pair::heap(config);
        pair.handle("reboot");
        pair.auto_answer = Some(200);
        pair.connect();
        pair.hub.command("1", "reboot", json!({}));
        let id = pair.post();
        let sleep = pair.request(Request::Sleep { timeout_ms: 10_000 }).unwrap().0;
        pair.settle();
        let told = pair.take();
        let Some(Told::Slept(asked, Ok([up, down, out, back, _]))) = told.last() else { panic!("{told:?}") };
        assert_eq!(*asked, sleep);
        assert!(told.contains(&acknowledged(id)));
        let count = pair.sent.len() as u64;
        assert_eq!((*up, *down), (count, count), "{secure}");
        assert_eq!(*out, pair.sent.iter().map(|(_, bytes)| bytes.len() as u64).sum::<u64>());
        assert!(*back > 0 && pair.hub.answers.len() == 1);
        pair.sent.clear();
        pair.pass(10_000_000);
        assert_eq!((pair.sent.len(), pair.take().len()), (0, 0));
        assert_eq!(pair.drain(), None, "nothing wakes it");
        // After the lifetime's end it signs in first.
        let id = pair.post();
        pair.request(Request::Sleep { timeout_ms: 10_000 }).unwrap();
        pair.pass(1);
        let told = pair.take();
        assert!(
            matches!(told[..], [Told::Acknowledged(settled, _), Told::Slept(_, Ok(_))] if settled == id),
            "{told:?}"
        );
        assert_eq!(pair.hub.signed_in, 2, "{secure}");
    }
}

#[test]
fn radio_on_is_the_time_that_an_answer_was_waited_for() {
    let mut pair = online(false);
    let slept = pair.request(Request::Sleep { timeout_ms: 1 }).unwrap().0;
    pair.settle();
    assert_eq!(pair.take(), [Told::Slept(slept, Ok([1, 1, pair.sent[0].1.len() as u64, 8, 0]))]);
    pair.lose_up = vec![true];
    pair.post();
    pair.pass(10_000);
    pair.pass(1_000_000);
    pair.request(Request::Sleep { timeout_ms: 1 }).unwrap();
    pair.settle();
    let told = pair.take();
    let Some(Told::Slept(_, Ok([2, 1, _, _, radio]))) = told.last() else { panic!("{told:?}") };
    assert!((2_000..=3_000).contains(radio), "{radio}");
    assert_eq!(pair.engine.stats().radio_on_ms, *radio);
    assert_eq!((pair.engine.stats().datagrams_sent, pair.engine.stats().datagrams_received), (3, 2));
}

#[test]
fn a_sleep_has_its_time_and_one_is_enough() {
    let mut pair = online(false);
    pair.hub.mute = true;
    pair.post();
    let sleep = pair.request(Request::Sleep { timeout_ms: 10_000 }).unwrap().0;
    let again = pair.request(Request::Sleep { timeout_ms: 10_000 });
    assert!(matches!(again, Err(RequestError::State(_))));
    pair.pass(10_000);
    assert_eq!(pair.take(), [Told::Slept(sleep, Err(305))]);
    let sleep = pair.request(Request::Sleep { timeout_ms: 600_000 }).unwrap().0;
    pair.request(Request::Close { timeout_ms: 1_000 }).unwrap();
    pair.pass(10_000);
    let told = pair.take();
    assert_eq!(
        told.iter().filter(|told| matches!(told, Told::Slept(id, _) if *id == sleep)).count(),
        1,
        "{told:?}"
    );
    assert_eq!(told.last(), Some(&Told::Closed));
    assert_eq!(pair.request(Request::Sleep { timeout_ms: 1 }), Err(RequestError::Closed));
}

#[test]
fn the_rate_of_enos_is_kept() {
    let mut config = config(false, device());
    config.coap.bytes_per_second = 2_000;
    let mut pair = Pair::heap(config);
    pair.connect();
    for _ in 0..60 {
        pair.post_text(&"x".repeat(500), 600_000);
    }
    let start = pair.now;
    pair.settle();
    pair.pass(60_000);
    let bytes: usize = pair.sent.iter().map(|(_, bytes)| bytes.len()).sum();
    let took = pair.sent.last().unwrap().0 - start;
    assert!(bytes as u64 <= 2_000 * took / 1_000 + 4_000, "{bytes} bytes in {took} ms");
    assert!(took > 15_000, "{took}");
    assert_eq!(pair.hub.came.len(), 60);
}

#[test]
fn ids_run_out_before_they_are_used_again() {
    let mut pair = online(false);
    let mut stalled = None;
    for _ in 0..700 {
        for _ in 0..100 {
            pair.post();
        }
        pair.settle();
        pair.sent.clear();
        if pair.engine.stats().open_requests > 0 {
            stalled.get_or_insert(pair.hub.came.len());
            // After its lifetime the hub has forgotten an id, too.
            pair.hub.answered.clear();
            pair.pass(250_000);
        }
    }
    let stalled = stalled.expect("ids are used again");
    assert!((61_300..=65_536).contains(&stalled), "{stalled}");
    assert_eq!((pair.hub.came.len(), pair.hub.repeated), (70_000, 0));
}

#[test]
fn closes_once_all_is_settled() {
    for secure in [false, true] {
        let mut pair = online(secure);
        pair.lose_up = vec![true];
        let id = pair.post();
        pair.request(Request::Close { timeout_ms: 60_000 }).unwrap();
        pair.pass(10_000);
        assert_eq!(
            pair.take(),
            [acknowledged(id), Told::Offline { kind: 104, will_retry: false }, Told::Closed]
        );
    }
}
