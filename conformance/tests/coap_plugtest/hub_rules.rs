//! What the list does not ask: the hub against datagrams that break RFC 7252, RFC 7959 or EnOS's rules.

use conformance::coap::enos::{Device, points};
use conformance::coap::{Block, Kind, Message, Peer, code, option};
use serde_json::{Value, json};

use crate::hub::{DEVICE, Kit, upload};
use crate::{Case, cases};

pub(crate) const CASES: &[Case] = cases! { "hub":
    "RFC 7252 §3", "another version is ignored in silence", other_versions_are_ignored;
    "RFC 7252 §3, §4", "format errors: a CON gets RST, anything else nothing", format_errors_are_rejected;
    "RFC 7252 §4.2", "ACK and RST that belong to nothing, and responses nobody asked for", strays_do_nothing;
    "RFC 7252 §4.4", "the same Message ID of another endpoint is another message", endpoints_are_told_apart;
    "RFC 7252 §5.4.1", "an unknown critical option is 4.02, an unknown elective one nothing", unknown_options;
    "RFC 7252 §5.4.3", "options of a forbidden length, and too many of one, count as unknown", odd_options;
    "RFC 7252 §5.9.2", "paths that are none: 4.04; what is no post: 4.00", wrong_paths_and_bodies;
    "RFC 7252 §11.3", "a stranger's datagram is never answered by more than three times its bytes", small_answers_to_strangers;
    "RFC 7959 §2.2", "the reserved block size is 4.00", the_reserved_size_is_refused;
    "RFC 7959 §2.5", "a gap is 4.08; block 0 begins again", a_gap_is_incomplete;
    "RFC 9175 §3.3", "a late block of another body does not mix in (Request-Tag)", a_late_block_of_another_body;
    "RFC 7959 §2.5", "a block of another length than its size is 4.00", a_short_block_is_refused;
    "RFC 7959 §2.9.3", "a body without end is 4.13 in time", a_body_without_end_is_too_large;
    "RFC 7959 §2.4", "a block behind the end is 4.00", a_block_behind_the_end;
    "RFC 7959 §2.5", "blocks of two devices do not mix; a repeated block counts once", blocks_do_not_mix;
    "EnOS A.3", "wrong sign, unknown device, bodies that are none: no session", sign_in_is_checked;
    "EnOS A.1", "strict: lifetimes are 30 to 86,400 s", lifetimes_have_limits;
    "EnOS A.4", "without a session 4.01, on another device's topic 4.03", who_may_post;
    "EnOS A.5", "one command after the other, until none is hinted at; 4.04 then", commands_one_by_one;
    "EnOS A.5", "a hint and the command beside it, and the answer reaches the caller", an_inline_command;
};

// Proves: COAP-3-1
fn other_versions_are_ignored() {
    let mut kit = Kit::signed_in();
    let post = kit.post(&[1], 1).bytes();
    for version in [0, 2, 3] {
        let mut other = post.clone();
        other[0] = other[0] & 0x3F | version << 6;
        assert_eq!(kit.all(&other), []);
    }
    for short in [&[][..], &[0x40], &[0x40, 1], &[0x40, 1, 0]] {
        assert_eq!(kit.all(short), []);
    }
    assert_eq!(kit.accepted(), 0);
}

// Proves: COAP-3-2 COAP-3-3 COAP-3.1-1 COAP-4.1-1 COAP-4.2-1 COAP-4.2-2 COAP-4.3-2
fn format_errors_are_rejected() {
    let vectors: Value =
        serde_json::from_str(include_str!("../../vectors/coap.json")).expect("the vectors are JSON");
    let mut kit = Kit::signed_in();
    let mut count = 0;
    for vector in vectors["vectors"].as_array().expect("vectors") {
        let rejected = vector["verb"] == "coap_datagram" && vector["output"][0] == "rejected";
        let Some(hex) = vector["input"][0].as_str().filter(|_| rejected) else { continue };
        let pairs =
            (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hex"));
        let mut datagram: Vec<u8> = pairs.collect();
        for kind in [Kind::Con, Kind::Non, Kind::Ack, Kind::Rst] {
            let id = 40_000 + count;
            count += 1;
            datagram[0] = datagram[0] & 0xCF | (kind as u8) << 4;
            datagram[2..4].copy_from_slice(&u16::to_be_bytes(id));
            let came = kit.all(&datagram);
            let wanted = if kind == Kind::Con { vec![Message::empty(Kind::Rst, id)] } else { vec![] };
            // A NON may be rejected by RST, too.
            let may = kind == Kind::Non && came == [Message::empty(Kind::Rst, id)];
            assert!(came == wanted || may, "{} as {kind:?}: {came:?}", vector["id"]);
        }
    }
    assert!(count >= 40, "{count}");
    assert_eq!(kit.accepted(), 0);
}

// Proves: COAP-4.2-3 COAP-4.2-4
fn strays_do_nothing() {
    let mut kit = Kit::signed_in();
    let id = kit.id();
    for stray in [
        Message::empty(Kind::Ack, id),
        Message::empty(Kind::Rst, id),
        Message::new(Kind::Ack, code::CHANGED, id, &[1]),
        Message::new(Kind::Non, code::CONTENT, id, &[9]),
    ] {
        let came = kit.all(&stray.bytes());
        // A NON may be rejected by RST.
        let may = stray.kind == Kind::Non && came == [Message::empty(Kind::Rst, id)];
        assert!(came.is_empty() || may, "{stray:?}: {came:?}");
    }
    let response = Message::new(Kind::Con, code::CONTENT, kit.id(), &[9]);
    assert_eq!(kit.all(&response.bytes()), [Message::empty(Kind::Rst, response.id)]);
    // Requests ride on CON and NON only (§4.2, table 1).
    for kind in [Kind::Ack, Kind::Rst] {
        let mut request = kit.post(&[1], 1);
        request.kind = kind;
        assert_eq!(kit.all(&request.bytes()), []);
    }
    assert_eq!(kit.accepted(), 0);
}

// Proves: COAP-4.4-1
fn endpoints_are_told_apart() {
    let mut kit = Kit::signed_in();
    let mut other = Peer::to(kit.hub.ready().coap).expect("a socket");
    let second = Device { device_key: "t-2", secret: "u8Yp2QvKs0t2", ..DEVICE };
    assert_eq!(other.ask(&second.auth(1, &[1], 3600)).expect("an answer").code, code::CHANGED);
    let body = |starts: u32| points("7", &json!({ "starts": starts }), 1_700_000_000_000);
    let (first, second) = (DEVICE.post(2, &[1], body(1)), second.post(2, &[1], body(2)));
    kit.peer.send(&first).expect("sent");
    other.send(&second).expect("sent");
    for answer in [kit.peer.take(), other.take()] {
        let answer = answer.expect("an answer");
        assert_eq!((answer.code, &answer.json()["code"]), (code::CHANGED, &json!(200)), "{answer:?}");
    }
    let state = kit.hub.call("GET", "/hub/v1/state", "").expect("REST");
    for (device, starts) in [(4, 1), (5, 2)] {
        assert_eq!(state["devices"][device]["measurepoints"]["starts"]["value"], starts, "{state}");
    }
}

// Proves: COAP-5.4.1-1 COAP-5.4.1-2 COAP-5.4.1-3
fn unknown_options() {
    let mut kit = Kit::signed_in();
    // An odd number is critical.
    let critical = kit.post(&[1], 1).with(65_001, &b"x"[..]);
    let answer = kit.ask(&critical);
    assert_eq!(
        (answer.kind, answer.code, answer.id),
        (Kind::Ack, code::BAD_OPTION, critical.id),
        "{answer:?}"
    );
    assert_eq!(kit.accepted(), 0);
    let mut non = kit.post(&[2], 1).with(65_001, &b"x"[..]);
    non.kind = Kind::Non;
    let came = kit.all(&non.bytes());
    assert!(came.iter().all(|came| came.kind == Kind::Rst || came.code == code::BAD_OPTION), "{came:?}");
    assert_eq!(kit.accepted(), 0);
    let elective = kit.post(&[3], 1).with(65_000, &b"x"[..]).with(option::OBSERVE, &b""[..]);
    assert_eq!(kit.ask(&elective).code, code::CHANGED);
    assert_eq!(kit.accepted(), 1);
}

// Proves: COAP-5.4.3-1 COAP-5.4.5-1
fn odd_options() {
    let mut kit = Kit::signed_in();
    let long = "p".repeat(256);
    for odd in [
        kit.post(&[1], 1).with(option::URI_PORT, &[1, 2, 3][..]),
        kit.post(&[2], 1).with(option::URI_HOST, &b"a"[..]).with(option::URI_HOST, &b"b"[..]),
        kit.post(&[3], 1).with(option::URI_PATH, long.as_bytes()),
        kit.post(&[4], 1).with(option::BLOCK1, &[0, 0, 0, 6][..]),
    ] {
        let answer = kit.ask(&odd);
        assert!(
            matches!(answer.code, code::BAD_OPTION | code::BAD_REQUEST | code::NOT_FOUND),
            "{odd:?}: {answer:?}"
        );
    }
    assert_eq!(kit.accepted(), 0);
    // Content-Format is elective: one that is too long is none, and of two the first counts.
    let twice = kit.post(&[5], 1).with_uint(option::CONTENT_FORMAT, 41);
    assert_eq!(kit.ask(&twice).code, code::CHANGED);
}

// Proves: COAP-5.9.2-1 ENOS-COAP-A4-5 ENOS-COAP-A4-6
fn wrong_paths_and_bodies() {
    let mut kit = Kit::signed_in();
    for path in ["/", "/nowhere", "/topic", "/topic/sys", "/.well-known/core"] {
        let id = kit.id();
        let request = Message::new(Kind::Con, code::POST, id, &[1]).with_path(path).with_payload("{}");
        let answer = kit.ask(&request);
        assert_eq!((answer.code, answer.payload.len()), (code::NOT_FOUND, 0), "{path}: {answer:?}");
    }
    for body in ["", "{", "\u{0}", "[1]"] {
        let id = kit.id();
        let answer = kit.ask(&DEVICE.post(id, &[2], body));
        let refused = answer.code == code::BAD_REQUEST && answer.payload.is_empty();
        // What can be read at all may get a reply with the hub's code.
        let replied = answer.code == code::CHANGED
            && answer.json()["code"] != 200
            && answer.json()["code"] != Value::Null;
        assert!(refused || replied, "{body:?}: {answer:?}");
    }
    assert_eq!(kit.accepted(), 0);
}

// Proves: COAP-11.3-1
fn small_answers_to_strangers() {
    let kit = Kit::signed_in();
    kit.command(600);
    let mut stranger = Peer::to(kit.hub.ready().coap).expect("a socket");
    let core = Message::new(Kind::Con, code::GET, 1, &[]).with_path("/.well-known/core");
    let get =
        Message::new(Kind::Con, code::GET, 2, &[1]).with_path(&DEVICE.path("thing/service/measurepoint/set"));
    let mut forged = DEVICE.auth(3, &[1], 3600);
    forged.payload[50] ^= 1;
    let mut bad_option = DEVICE.post(5, &[1], "{}");
    bad_option.options.push((65_001, b"x".to_vec()));
    let requests = [core, get, forged, DEVICE.post(4, &[1], "{}"), bad_option];
    let ping = Message::empty(Kind::Con, 6);
    for request in requests.iter().chain([&ping]) {
        let bytes = request.bytes();
        stranger.send_bytes(&bytes).expect("sent");
        let answers = if *request == ping {
            vec![stranger.take().expect("a pong")]
        } else {
            stranger.until_pong(request.id + 1_000).expect("a pong")
        };
        let sum: usize = answers.iter().map(|answer| answer.bytes().len()).sum();
        assert!(sum <= 3 * bytes.len(), "{} bytes for {}: {answers:?}", sum, bytes.len());
        assert!(answers.iter().all(|answer| answer.option(option::COMMAND).is_none()), "{answers:?}");
    }
}

// Proves: BLOCK-2.2-2
fn the_reserved_size_is_refused() {
    let mut kit = Kit::signed_in();
    for number in [option::BLOCK1, option::BLOCK2] {
        let request = kit.post(&[1], 1).with_uint(number, 7);
        let answer = kit.ask(&request);
        assert_eq!(answer.code, code::BAD_REQUEST, "{answer:?}");
    }
    assert_eq!(kit.accepted(), 0);
}

fn block(kit: &mut Kit, number: u32, more: bool, part: &[u8]) -> Message {
    let post = DEVICE
        .post(kit.id(), &[4, number as u8], part)
        .with_block(option::BLOCK1, Block::new(number, more, 512));
    kit.ask(&post)
}

// Proves: BLOCK-2.5-2 BLOCK-2.5-3
fn a_gap_is_incomplete() {
    let mut kit = Kit::signed_in();
    let body = points("9", &json!({ "log": "x".repeat(1_500) }), 1_700_000_000_000).into_bytes();
    let parts: Vec<&[u8]> = body.chunks(512).collect();
    assert_eq!(block(&mut kit, 1, true, parts[1]).code, code::INCOMPLETE);
    assert_eq!(block(&mut kit, 0, true, parts[0]).code, code::CONTINUE);
    assert_eq!(block(&mut kit, 2, true, parts[2]).code, code::INCOMPLETE);
    assert_eq!(kit.accepted(), 0);
    // From the start it works, also if it had begun before.
    assert_eq!(block(&mut kit, 0, true, parts[0]).code, code::CONTINUE);
    assert_eq!(block(&mut kit, 0, true, parts[0]).code, code::CONTINUE);
    assert_eq!(block(&mut kit, 1, true, parts[1]).code, code::CONTINUE);
    assert_eq!(block(&mut kit, 2, true, parts[2]).code, code::CONTINUE);
    assert_eq!(block(&mut kit, 3, false, parts[3]).code, code::CHANGED);
    assert_eq!((kit.accepted(), kit.latest("log")), (1, json!("x".repeat(1_500))));
}

// Proves: BLOCK-TAG-2
fn a_late_block_of_another_body() {
    let mut kit = Kit::signed_in();
    let body =
        |letter: &str| points("9", &json!({ "log": letter.repeat(700) }), 1_700_000_000_000).into_bytes();
    let (late, own) = (body("a"), body("b"));
    let part = |kit: &mut Kit, of: &[u8], tag: u8, number: u32| {
        let part = of.chunks(512).nth(number as usize).expect("a block");
        let block = Block::new(number, number == 0, 512);
        let post = DEVICE.post(kit.id(), &[tag], part).with_block(option::BLOCK1, block);
        kit.ask(&post.with(option::REQUEST_TAG, &[0, tag][..]))
    };
    assert_eq!(part(&mut kit, &own, 2, 0).code, code::CONTINUE);
    // What was given up long ago comes at last, in between.
    assert_eq!(part(&mut kit, &late, 1, 0).code, code::CONTINUE);
    assert_eq!(part(&mut kit, &own, 2, 1).code, code::CHANGED);
    assert_eq!((kit.accepted(), kit.latest("log")), (1, json!("b".repeat(700))));
}

// Proves: BLOCK-2.5-4
fn a_short_block_is_refused() {
    let mut kit = Kit::signed_in();
    let answer = block(&mut kit, 0, true, &[b'{'; 100]);
    assert_eq!(answer.code, code::BAD_REQUEST, "{answer:?}");
    assert_eq!(kit.accepted(), 0);
}

// Proves: BLOCK-2.9.3-1
fn a_body_without_end_is_too_large() {
    let mut kit = Kit::signed_in();
    // 512 KB is the largest message of EnOS.
    for number in 0..2_000 {
        let post = DEVICE.post(kit.id(), &[5], vec![b'x'; 1_024]);
        let post = post.with_block(option::BLOCK1, Block::new(number, true, 1_024));
        let answer = kit.ask(&post);
        if answer.code == code::TOO_LARGE {
            assert!(number <= 512, "block {number}");
            return;
        }
        assert!(matches!(answer.code, code::CONTINUE), "{answer:?}");
    }
    panic!("it takes 2 MB");
}

// Proves: BLOCK-2.4-4
fn a_block_behind_the_end() {
    let mut kit = Kit::signed_in();
    let path = kit.hinted(1_300);
    let get = kit.get(&path).with_block(option::BLOCK2, Block::new(0, false, 512));
    assert_eq!(kit.ask(&get).code, code::CONTENT);
    let get = kit.get(&path).with_block(option::BLOCK2, Block::new(99, false, 512));
    let answer = kit.ask(&get);
    assert!(matches!(answer.code, code::BAD_REQUEST | code::INCOMPLETE), "{answer:?}");
}

// Proves: BLOCK-2.5-5 COAP-4.5-1
fn blocks_do_not_mix() {
    let mut kit = Kit::signed_in();
    let mut other = Peer::to(kit.hub.ready().coap).expect("a socket");
    let second = Device { device_key: "t-2", secret: "u8Yp2QvKs0t2", ..DEVICE };
    assert_eq!(other.ask(&second.auth(1, &[1], 3600)).expect("an answer").code, code::CHANGED);
    let body =
        |letter: &str| points("9", &json!({ "log": letter.repeat(900) }), 1_700_000_000_000).into_bytes();
    let (a, b) = (body("a"), body("b"));
    let last = a.chunks(512).count() - 1;
    for (number, (first, theirs)) in a.chunks(512).zip(b.chunks(512)).enumerate() {
        let of = Block::new(number as u32, number < last, 512);
        let mine = DEVICE.post(kit.id(), &[4], first).with_block(option::BLOCK1, of);
        let theirs = second.post(50 + number as u16, &[4], theirs).with_block(option::BLOCK1, of);
        let answer = kit.ask(&mine);
        assert_eq!(kit.ask(&mine), answer);
        let wanted = if number < last { code::CONTINUE } else { code::CHANGED };
        assert_eq!((answer.code, other.ask(&theirs).expect("an answer").code), (wanted, wanted));
    }
    let state = kit.hub.call("GET", "/hub/v1/state", "").expect("REST");
    for (device, letter) in [(4, "a"), (5, "b")] {
        let device = &state["devices"][device];
        assert_eq!(device["measurepoints"]["log"]["value"], letter.repeat(900));
        assert_eq!(device["posts"]["accepted"], 1);
    }
}

// Proves: ENOS-COAP-A3-3
fn lifetimes_have_limits() {
    for lifetime in [0, 29, 86_401] {
        let mut kit = Kit::strict();
        let answer = kit.ask(&DEVICE.auth(1, &[1], lifetime));
        assert_eq!(answer.code, code::BAD_REQUEST, "{lifetime}: {answer:?}");
        let post = kit.post(&[2], 1);
        assert_eq!(kit.ask(&post).code, code::UNAUTHORIZED, "{lifetime}");
    }
    for lifetime in [30, 86_400] {
        assert_eq!(Kit::strict().ask(&DEVICE.auth(1, &[1], lifetime)).code, code::CHANGED, "{lifetime}");
    }
}

// Proves: ENOS-COAP-A3-1 ENOS-COAP-A3-2 ENOS-COAP-A3-3
fn sign_in_is_checked() {
    let mut kit = Kit::stranger();
    let wrong = Device { secret: "another", ..DEVICE };
    let unknown = Device { device_key: "nobody", ..DEVICE };
    for refused in [wrong.auth(1, &[1], 3600), unknown.auth(2, &[2], 3600)] {
        let answer = kit.ask(&refused);
        assert_eq!((answer.code, answer.payload.len()), (code::UNAUTHORIZED, 0), "{answer:?}");
    }
    let good = DEVICE.auth(6, &[4], 3600);
    for (id, body) in [
        (8, good.json().to_string().replace("3600", "3601")),
        (9, "{}".to_owned()),
        (10, "no JSON".to_owned()),
    ] {
        let mut odd = good.clone();
        (odd.id, odd.payload) = (id, body.into_bytes());
        let answer = kit.ask(&odd);
        assert!(matches!(answer.code, code::BAD_REQUEST | code::UNAUTHORIZED), "{odd:?}: {answer:?}");
    }
    let post = kit.post(&[5], 1);
    assert_eq!(kit.ask(&post).code, code::UNAUTHORIZED);
    for lifetime in [30, 86_400] {
        let id = kit.id();
        assert_eq!(kit.ask(&DEVICE.auth(id, &[6], lifetime)).code, code::CHANGED, "{lifetime}");
    }
    let post = kit.post(&[7], 1);
    assert_eq!(kit.ask(&post).code, code::CHANGED);
}

// Proves: ENOS-COAP-A4-3 ENOS-COAP-A3-4
fn who_may_post() {
    let mut kit = Kit::signed_in();
    let mut stranger = Peer::to(kit.hub.ready().coap).expect("a socket");
    let post = kit.post(&[1], 1);
    let answer = stranger.ask(&post).expect("an answer");
    assert_eq!((answer.code, answer.payload.len()), (code::UNAUTHORIZED, 0), "{answer:?}");
    let second = Device { device_key: "t-2", ..DEVICE };
    let id = kit.id();
    let answer = kit.ask(&second.post(id, &[2], points("7", &json!({ "starts": 1 }), 1_700_000_000_000)));
    assert!(matches!(answer.code, code::FORBIDDEN | code::UNAUTHORIZED), "{answer:?}");
    assert_eq!(kit.accepted(), 0);
    assert_eq!(kit.ask(&post).code, code::CHANGED);
}

// Proves: ENOS-COAP-A5-2 ENOS-COAP-A5-3 ENOS-COAP-A5-4
fn commands_one_by_one() {
    let mut kit = Kit::signed_in();
    kit.command(1_100);
    let mut path = kit.hinted(1_200);
    for letters in [1_100, 1_200] {
        let get = kit.get(&path);
        let first = kit.ask(&get);
        let size = first.block(option::BLOCK2).expect("Block2").size;
        let whole = kit.blocks(&path, first, size);
        let command: Value = serde_json::from_slice(&whole).expect("JSON");
        assert_eq!(command["params"]["log"].as_str().map(str::len), Some(letters), "{command}");
        let reply = json!({ "id": command["id"], "code": 200, "data": {} }).to_string();
        let id = kit.id();
        let answer = kit.ask(&DEVICE.to("thing/service/measurepoint/set_reply", id, &[8], reply));
        assert_eq!((answer.code, answer.payload.len()), (code::CHANGED, 0), "{answer:?}");
        match answer.text(option::HINT) {
            Some(next) if letters == 1_100 => path = next.to_owned(),
            hint => assert!(hint.is_none() && letters == 1_200, "{answer:?}"),
        }
    }
    let get = kit.get(&path);
    assert_eq!(kit.ask(&get).code, code::NOT_FOUND);
}

// Proves: ENOS-COAP-A5-1 ENOS-COAP-A5-2
fn an_inline_command() {
    let mut kit = Kit::signed_in();
    let path = "/connect-service/v2.1/commands?action=invokeService&productKey=Tq4zR9Lw&deviceKey=t-1\
                &serviceId=reboot&pendingTtl=600";
    let reply = kit.hub.call("POST", path, r#"{"inputData":{"delay":3}}"#).expect("REST");
    let command = reply["data"]["commandId"].as_str().unwrap_or_else(|| panic!("{reply}")).to_owned();
    let post = kit.post(&[1], 1);
    let answer = kit.ask(&post);
    assert_eq!(answer.text(option::HINT), Some(&*DEVICE.path("thing/service/reboot")), "{answer:?}");
    assert!(answer.bytes().len() <= 1_024);
    let inline: Value =
        serde_json::from_slice(answer.option(option::COMMAND).expect("the command")).expect("JSON");
    assert_eq!(
        (&inline["method"], &inline["params"]),
        (&json!("thing.service.reboot"), &json!({ "delay": 3 }))
    );
    let reply = json!({ "id": inline["id"], "code": 200, "data": { "accepted": true } }).to_string();
    let id = kit.id();
    let answer = kit.ask(&DEVICE.to("thing/service/reboot_reply", id, &[2], reply));
    assert_eq!((answer.code, answer.option(option::HINT)), (code::CHANGED, None), "{answer:?}");
    let path = format!(
        "/connect-service/v2.1/commands?action=get&productKey=Tq4zR9Lw&deviceKey=t-1&commandId={command}"
    );
    let told = kit.hub.call("GET", &path, "").expect("REST");
    assert_eq!(
        (&told["data"]["state"], &told["data"]["outputData"]["accepted"]),
        (&json!(5), &json!(true)),
        "{told}"
    );
    // A body in blocks is a post like any other.
    let body = points("9", &json!({ "log": "z".repeat(700) }), 1_700_000_000_009);
    assert_eq!(upload(&mut kit, body.as_bytes(), 256).code, code::CHANGED);
}
