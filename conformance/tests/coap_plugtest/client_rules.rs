//! What the list does not ask: the client against servers that break RFC 7252, RFC 7959 or EnOS's rules.

use std::time::Duration;

use conformance::coap::{Block, Kind, Message, code, option};
use enos_runtime::{ErrorKind, Point};
use serde_json::{Value, json};

use crate::client::{PATIENCE, Server, accepted, acknowledged, command, connecting, hint, post, reply};
use crate::hub::DEVICE;
use crate::{Case, cases};

pub(crate) const CASES: &[Case] = cases! { "client":
    "RFC 7252 §3", "other versions, format errors, noise: nothing, or RST to a CON", client_takes_no_nonsense;
    "RFC 7252 §4.2", "RST to a CON: the exchange is over, and goes again with a new token", client_after_a_reset;
    "RFC 7252 §4.2", "an ACK, a response or a token that belongs to nothing settles nothing", client_takes_no_strays;
    "RFC 7252 §4.7", "one request at a time (NSTART 1), however many posts wait", client_asks_one_by_one;
    "RFC 7252 §5.4.1", "an unknown critical option in a response: it is rejected, and settles nothing", client_and_critical_options;
    "RFC 7252 §5.9", "codes without payload come out as errors of their kind", client_and_error_codes;
    "RFC 7252 §4.1", "a request to the client is rejected", client_serves_nothing;
    "RFC 7959 §2.4", "Block2 of another ETag, or another block: given up, and begun anew at the next hint", client_and_odd_blocks;
    "RFC 7959 §2.5", "4.08 in the middle: the body goes again from block 0", client_begins_again;
    "EnOS A.6", "4.01: signs in again once, then the post goes again; twice is refused", client_signs_in_again;
    "EnOS A.3", "4.01 to the sign-in: refused at once, and not tried again", client_is_refused;
    "EnOS A.5", "a hint where nothing waits any more, and one that names no topic", client_and_empty_hints;
};

// Proves: COAP-3-4 COAP-4.2-7
fn client_takes_no_nonsense() {
    let mut server = Server::start();
    let client = server.signed_in();
    let vectors: Value =
        serde_json::from_str(include_str!("../../vectors/coap.json")).expect("the vectors are JSON");
    let fate = post(&client, Point::new("starts", 1));
    let request = server.request();
    let mut resets = Vec::new();
    for vector in vectors["vectors"].as_array().expect("vectors") {
        let Some(hex) = vector["input"][0].as_str().filter(|_| vector["result"] == "invalid") else {
            continue;
        };
        if vector["verb"] == "coap_datagram" {
            let pairs =
                (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hex"));
            server.peer.send_bytes(&pairs.collect::<Vec<u8>>()).expect("sent");
            if vector["output"][0] == "rejected" {
                resets.push(Message::empty(Kind::Rst, 1));
            }
        }
    }
    server.send(&accepted(&request));
    acknowledged(&fate);
    let id = server.id();
    server.send(&Message::empty(Kind::Con, id));
    let mut came = Vec::new();
    loop {
        match server.next() {
            pong if pong == Message::empty(Kind::Rst, id) => break,
            other => came.push(other),
        }
    }
    // A retransmission of a slow machine is nothing that nonsense caused.
    came.retain(|came| *came != request);
    assert_eq!(came, resets);
}

// Proves: COAP-4.2-8
fn client_after_a_reset() {
    let mut server = Server::start();
    let client = server.signed_in();
    let fate = post(&client, Point::new("starts", 1));
    let request = server.request();
    server.send(&Message::empty(Kind::Rst, request.id));
    // The link is lost by it: a new sign-in, then the post again, the same message in a new exchange.
    loop {
        let next = server.request();
        assert_ne!((next.id, &next.token), (request.id, &request.token));
        if next.path().starts_with("/auth/") {
            server.send(&next.piggybacked(code::CHANGED));
        } else {
            assert_eq!((next.path(), &next.payload), (request.path(), &request.payload));
            server.send(&accepted(&next));
            break;
        }
    }
    acknowledged(&fate);
}

// Proves: COAP-5.3.2-2 COAP-4.2-9
fn client_takes_no_strays() {
    let mut server = Server::start();
    let client = server.signed_in();
    let fate = post(&client, Point::new("starts", 1));
    let request = server.request();
    let mut other_token = accepted(&request);
    other_token.token[0] ^= 1;
    let mut other_id = accepted(&request);
    other_id.id ^= 1;
    for stray in [
        Message::empty(Kind::Ack, request.id ^ 1),
        Message::empty(Kind::Rst, request.id ^ 1),
        other_id,
        other_token,
        Message::new(Kind::Non, code::CHANGED, 9, &[1, 2, 3]),
    ] {
        server.send(&stray);
    }
    let id = server.id();
    server.send(&Message::empty(Kind::Con, id));
    loop {
        let came = server.next();
        if came == Message::empty(Kind::Rst, id) {
            break;
        }
    }
    assert!(fate.try_recv().is_err(), "a stray settled the post");
    server.send(&accepted(&request));
    acknowledged(&fate);
}

// Proves: COAP-4.7-1
fn client_asks_one_by_one() {
    let mut server = Server::start();
    let client = server.signed_in();
    let fates: Vec<_> = (0..5).map(|number| post(&client, Point::new("starts", number))).collect();
    for _ in 0..5 {
        let request = server.request();
        // Whatever else it had to say would come before the answer to a ping.
        let id = server.id();
        server.send(&Message::empty(Kind::Con, id));
        let mut next = server.next();
        while next == request {
            next = server.next();
        }
        assert_eq!(next, Message::empty(Kind::Rst, id));
        server.send(&accepted(&request));
    }
    fates.iter().for_each(acknowledged);
}

// Proves: COAP-5.4.1-4 COAP-5.4.1-5
fn client_and_critical_options() {
    let mut server = Server::start();
    let client = server.signed_in();
    let fate = post(&client, Point::new("starts", 1));
    let request = server.request();
    server.send(&accepted(&request).with(65_000, &b"elective"[..]));
    acknowledged(&fate);
    let fate = post(&client, Point::new("starts", 2));
    let request = server.request();
    server.send(&accepted(&request).with(65_001, &b"critical"[..]));
    // On an ACK it cannot be told so: the post ends with what was wrong.
    let error = fate.recv_timeout(PATIENCE).expect("an end").expect_err("an answer that nobody understands");
    assert!(error.kind == ErrorKind::Malformed && error.message.contains("critical"), "{error}");
    let fate = post(&client, Point::new("starts", 3));
    let request = server.request();
    server.send(&Message::empty(Kind::Ack, request.id));
    let id = server.id();
    let separate = Message::new(Kind::Con, code::CHANGED, id, &request.token);
    server.send(&separate.with(65_001, &b"critical"[..]).with_payload(reply(&request)));
    assert_eq!(server.next(), Message::empty(Kind::Rst, id));
    let error = fate.recv_timeout(PATIENCE).expect("an end").expect_err("an answer that nobody understands");
    assert_eq!(error.kind, ErrorKind::Malformed, "{error}");
}

// Proves: ENOS-COAP-A4-8
fn client_and_error_codes() {
    let mut server = Server::start();
    let client = server.signed_in();
    for (class, detail, kind) in [
        (4, 0, ErrorKind::HubRejected),
        (4, 3, ErrorKind::NotAuthorized),
        (4, 4, ErrorKind::HubRejected),
        (4, 5, ErrorKind::HubRejected),
        (4, 13, ErrorKind::PayloadTooLarge),
        (4, 29, ErrorKind::RateLimited),
        (5, 0, ErrorKind::HubRejected),
    ] {
        let fate = post(&client, Point::new("starts", 1));
        let request = server.request();
        server.send(&request.piggybacked(code::of(class, detail)));
        let error = fate.recv_timeout(Duration::from_secs(20)).expect("an end").expect_err("refused");
        let number = i64::from(class) * 100 + i64::from(detail);
        assert_eq!((error.kind, error.hub_code), (kind, number), "{error}");
    }
}

// Proves: COAP-4.2-10
fn client_serves_nothing() {
    let mut server = Server::start();
    let _client = server.signed_in();
    for method in [code::GET, code::POST, code::PUT] {
        let request =
            Message::new(Kind::Con, method, server.id(), &[1]).with_path("/topic").with_payload("{}");
        server.send(&request);
        let came = server.next();
        let refused = came == Message::empty(Kind::Rst, request.id)
            || (came.id == request.id && came.code >= code::BAD_REQUEST);
        assert!(refused, "{came:?}");
    }
}

// Proves: BLOCK-2.4-7 BLOCK-2.4-8
fn client_and_odd_blocks() {
    let mut server = Server::start();
    let client = server.signed_in();
    client.on_service("reboot", |_call, reply| reply.ok(&[])).expect("a handler");
    let text = json!({ "t": "u".repeat(100) });
    let long = json!({ "id": "9", "version": "1.0", "method": "thing.service.reboot", "params": text });
    let long = long.to_string();
    let parts: Vec<&[u8]> = long.as_bytes().chunks(64).collect();
    // At first the second block is of another body, then it is another block than was asked for.
    for (second, shift) in [("e2", 0), ("e1", 1), ("e1", 0)] {
        let fate = post(&client, Point::new("starts", 1));
        let request = server.request();
        server.send(&accepted(&request).with(option::HINT, hint().as_bytes()));
        acknowledged(&fate);
        for (number, part) in parts.iter().enumerate() {
            let request = server.request();
            assert_eq!((request.code, request.path()), (code::GET, hint()), "{request:?}");
            assert_eq!(request.block(option::BLOCK2).map_or(0, |block| block.number), number as u32);
            let (etag, shift) = if number == 1 { (second, shift) } else { ("e1", 0) };
            let block = Block::new(number as u32 + shift, number + 1 < parts.len(), 64);
            let answer = request.piggybacked(code::CONTENT).with(option::ETAG, etag.as_bytes());
            server.send(&answer.with_block(option::BLOCK2, block).with_payload(*part));
            if (etag, shift) != ("e1", 0) {
                break;
            }
        }
    }
    // Only what came whole and of one body was taken for a command.
    let answer = server.request();
    assert_eq!((&answer.json()["id"], &answer.json()["code"]), (&json!("9"), &json!(200)), "{answer:?}");
    server.send(&answer.piggybacked(code::CHANGED));
}

// Proves: BLOCK-2.9.2-1
fn client_begins_again() {
    let mut server = Server::start();
    let client = server.signed_in();
    let text = "x".repeat(1_800);
    let fate = post(&client, Point::new("log", text.as_str()));
    let first = server.request();
    server.send(
        &first
            .piggybacked(code::CONTINUE)
            .with_block(option::BLOCK1, first.block(option::BLOCK1).expect("Block1")),
    );
    let second = server.request();
    assert_eq!(second.block(option::BLOCK1).map(|block| block.number), Some(1));
    server.send(&second.piggybacked(code::INCOMPLETE));
    let mut whole = Vec::new();
    loop {
        let request = server.request();
        let block = request.block(option::BLOCK1).expect("Block1");
        assert_eq!(block.number as usize * block.size, whole.len(), "{request:?}");
        whole.extend(&request.payload);
        if block.more {
            server.send(&request.piggybacked(code::CONTINUE).with_block(option::BLOCK1, block));
            continue;
        }
        let body: Value = serde_json::from_slice(&whole).expect("JSON");
        assert_eq!(body["params"]["measurepoints"]["log"], text);
        let reply = json!({ "id": body["id"], "code": 200, "data": "" }).to_string();
        server.send(&request.piggybacked(code::CHANGED).with_payload(reply));
        break;
    }
    acknowledged(&fate);
}

// Proves: ENOS-COAP-A4-9 ENOS-COAP-A4-10
fn client_signs_in_again() {
    let mut server = Server::start();
    let client = server.signed_in();
    let fate = post(&client, Point::new("starts", 1));
    let first = server.request();
    server.send(&first.piggybacked(code::UNAUTHORIZED));
    let auth = server.request();
    assert!(auth.path().starts_with("/auth/"), "{auth:?}");
    server.send(&auth.piggybacked(code::CHANGED));
    let again = server.request();
    assert_eq!((&again.payload, again.path()), (&first.payload, first.path()));
    assert_ne!(again.id, first.id);
    server.send(&accepted(&again));
    acknowledged(&fate);

    let fate = post(&client, Point::new("starts", 2));
    let mut refused = 0;
    // At the second 4.01 the post is refused, and not asked a third time.
    let end = loop {
        match fate.recv_timeout(Duration::ZERO) {
            Ok(end) => break end,
            Err(_) => {
                let Some(next) = server.peer.message(Duration::from_millis(100)).expect("CoAP") else {
                    continue;
                };
                let is_auth = next.path().starts_with("/auth/");
                refused += u32::from(!is_auth);
                server.send(&next.piggybacked(if is_auth { code::CHANGED } else { code::UNAUTHORIZED }));
            }
        }
    };
    let error = end.expect_err("refused");
    assert_eq!((error.kind, refused), (ErrorKind::SignatureRejected, 2), "{error}");
}

// Proves: ENOS-COAP-A3-6
fn client_is_refused() {
    let mut server = Server::start();
    let client = server.client(&DEVICE);
    let connecting = connecting(&client);
    let auth = server.request();
    server.send(&auth.piggybacked(code::UNAUTHORIZED));
    let error = connecting.join().expect("no panic").expect_err("refused");
    assert_eq!(error.kind, ErrorKind::SignatureRejected, "{error}");
    assert!(error.message.contains("4.01") && error.message.contains("Check"), "{error}");
    assert_eq!(server.peer.message(Duration::from_millis(600)).expect("CoAP"), None, "it tries again");
}

// Proves: ENOS-COAP-A5-6 ENOS-COAP-A5-7
fn client_and_empty_hints() {
    let mut server = Server::start();
    let client = server.signed_in();
    client.on_service("reboot", |_call, reply| reply.ok(&[])).expect("a handler");
    let fate = post(&client, Point::new("starts", 1));
    let request = server.request();
    server.send(&accepted(&request).with(option::HINT, hint().as_bytes()));
    acknowledged(&fate);
    let get = server.request();
    assert_eq!(get.code, code::GET);
    server.send(&get.piggybacked(code::NOT_FOUND));
    // Hints that name nothing of EnOS: the post is settled, and the client lives on.
    for odd in [
        &b""[..],
        b"/",
        b"topic",
        b"/nowhere/x",
        b"/topic/sys/other/device/thing/service/reboot",
        &[0xFF; 3],
        &[b'/'; 1_000],
    ] {
        let fate = post(&client, Point::new("starts", 2));
        let request = loop {
            let next = server.request();
            if next.code == code::POST && next.path().ends_with("/measurepoint/post") {
                break next;
            }
            // It may ask there, as the hub said.
            server.send(&next.piggybacked(code::NOT_FOUND));
        };
        server
            .send(&request.piggybacked(code::CHANGED).with(option::HINT, odd).with_payload(reply(&request)));
        acknowledged(&fate);
    }
    let fate = post(&client, Point::new("starts", 3));
    let request = loop {
        let next = server.request();
        if next.code == code::POST && next.path().ends_with("/measurepoint/post") {
            break next;
        }
        server.send(&next.piggybacked(code::NOT_FOUND));
    };
    server.send(
        &accepted(&request)
            .with(option::HINT, hint().as_bytes())
            .with(option::COMMAND, command("4", 1).as_bytes()),
    );
    acknowledged(&fate);
    let answer = server.request();
    assert_eq!(answer.json()["id"], "4", "{answer:?}");
    server.send(&answer.piggybacked(code::CHANGED));
}
