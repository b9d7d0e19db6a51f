//! The cases of the list with the hub as server.

use std::path::{Path, PathBuf};

use conformance::coap::enos::{Device, points};
use conformance::coap::{Block, Kind, Message, Peer, code, option};
use conformance::peer::hub::Hub;
use serde_json::{Value, json};

use crate::{Case, cases};

pub(crate) const CASES: &[Case] = cases! { "hub":
    "TD_COAP_CORE_01", "GET, CON: a waiting command is fetched; response on the ACK", core_01_get_con;
    "TD_COAP_CORE_02", "DELETE, CON: refused with 4.05 on the ACK", core_02_delete_con;
    "TD_COAP_CORE_03", "PUT, CON: refused with 4.05, nothing stored", core_03_put_con;
    "TD_COAP_CORE_04", "POST, CON: 2.04 with the reply on the ACK, stored", core_04_post_con;
    "TD_COAP_CORE_05", "GET, NON: answered by a NON with a Message ID of its own", core_05_get_non;
    "TD_COAP_CORE_06", "DELETE, NON: refused with 4.05 in a NON", core_06_delete_non;
    "TD_COAP_CORE_07", "PUT, NON: refused with 4.05 in a NON", core_07_put_non;
    "TD_COAP_CORE_08", "POST, NON: 2.04 in a NON, stored", core_08_post_non;
    "TD_COAP_CORE_10", "tokens of 1 to 8 bytes come back as they were", core_10_token;
    "TD_COAP_CORE_12", "an empty token comes back empty", core_12_no_token;
    "TD_COAP_CORE_13", "each segment is a Uri-Path; a slash inside one is no border", core_13_uri_path;
    "TD_COAP_CORE_14", "Uri-Query is known, so no bad option, and names nothing of EnOS", core_14_uri_query;
    "TD_COAP_CORE_15", "lossy, piggybacked: the same request again gets the same answer, stored once", core_15_lossy;
    "TD_COAP_CORE_20", "Accept: JSON is given, another format is 4.06 or a bad option", core_20_accept;
    "TD_COAP_CORE_31", "ping: RST with its Message ID and nothing else", core_31_ping;
    "TD_COAP_BLOCK_01", "GET, Block2, early negotiation at 64 bytes", block_01_get_early;
    "TD_COAP_BLOCK_02", "GET, Block2, late negotiation: the client goes on with 128", block_02_get_late;
    "TD_COAP_BLOCK_03", "PUT, Block1: refused with 4.05 at the first block", block_03_put;
    "TD_COAP_BLOCK_04", "POST, Block1 at 512: 2.31 for each, the reply with the last, stored once", block_04_post;
    "TD_COAP_BLOCK_06", "GET, Block2 at 16 bytes, the smallest", block_06_get_16;
};

/// A device of the plant.
pub(crate) const DEVICE: Device<'static> =
    Device { product_key: "Tq4zR9Lw", device_key: "t-1", secret: "u8Yp2QvKs0t1" };

/// A hub of its own and a peer that signed in as the plant's first device.
pub(crate) struct Kit {
    pub(crate) hub: Hub,
    pub(crate) peer: Peer,
    id: u16,
}

fn start(strict: bool) -> Hub {
    let program = PathBuf::from(env!("CARGO_BIN_EXE_conformance-hub"));
    let seed = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds/plant.json");
    Hub::start(&program, &seed, strict).expect("a hub")
}

impl Kit {
    /// A peer that has not signed in.
    pub(crate) fn stranger() -> Self {
        Self::at(start(false))
    }

    /// The same at a hub that refuses what the documents forbid.
    pub(crate) fn strict() -> Self {
        Self::at(start(true))
    }

    fn at(hub: Hub) -> Self {
        let peer = Peer::to(hub.ready().coap).expect("a socket");
        Self { hub, peer, id: 100 }
    }

    pub(crate) fn signed_in() -> Self {
        let mut kit = Self::stranger();
        let auth = DEVICE.auth(kit.id(), &[1], 3600);
        let answer = kit.peer.ask(&auth).expect("an answer");
        assert_eq!((answer.kind, answer.code), (Kind::Ack, code::CHANGED), "{answer:?}");
        kit
    }

    /// A Message ID that was not used yet.
    pub(crate) fn id(&mut self) -> u16 {
        self.id += 1;
        self.id
    }

    pub(crate) fn ask(&mut self, message: &Message) -> Message {
        self.peer.ask(message).expect("an answer")
    }

    /// Sends it and shows everything that comes of it.
    pub(crate) fn all(&mut self, datagram: &[u8]) -> Vec<Message> {
        let id = self.id();
        self.peer.send_bytes(datagram).expect("sent");
        self.peer.until_pong(id).expect("the hub answers a ping")
    }

    /// A post of `starts`.
    pub(crate) fn post(&mut self, token: &[u8], starts: u32) -> Message {
        let body = points("7", &json!({ "starts": starts }), 1_700_000_000_000 + i64::from(starts));
        DEVICE.post(self.id(), token, body)
    }

    fn with(&mut self, kind: Kind, method: u8) -> Message {
        let body = points("7", &json!({ "starts": 3 }), 1_700_000_000_003);
        let mut message = DEVICE.post(self.id(), &[7, 7], body);
        (message.kind, message.code) = (kind, method);
        message
    }

    /// Posts that the hub stored.
    pub(crate) fn accepted(&self) -> u64 {
        let state = self.hub.call("GET", "/hub/v1/state", "").expect("REST");
        state["devices"][4]["posts"]["accepted"].as_u64().unwrap_or_else(|| panic!("{state}"))
    }

    /// The newest value of a point.
    pub(crate) fn latest(&self, point: &str) -> Value {
        let state = self.hub.call("GET", "/hub/v1/state", "").expect("REST");
        state["devices"][4]["measurepoints"][point]["value"].clone()
    }

    /// Caches a command that sets `log` to so many letters.
    pub(crate) fn command(&self, letters: usize) {
        let path = "/connect-service/v2.1/commands?action=setMeasurepoint&productKey=Tq4zR9Lw&deviceKey=t-1\
                    &measurepointId=log&pendingTtl=600";
        let body = json!({ "value": "y".repeat(letters) }).to_string();
        let reply = self.hub.call("POST", path, &body).expect("REST");
        assert_eq!(reply["code"], 0, "{reply}");
    }

    /// The path that the next response hints at, with a large command behind it.
    pub(crate) fn hinted(&mut self, letters: usize) -> String {
        self.command(letters);
        let post = self.post(&[1], 1);
        let answer = self.ask(&post);
        answer.text(option::HINT).unwrap_or_else(|| panic!("no hint: {answer:?}")).to_owned()
    }

    pub(crate) fn get(&mut self, path: &str) -> Message {
        Message::new(Kind::Con, code::GET, self.id(), &[0xF0]).with_path(path)
    }

    /// Fetches block after block from `first`, at `size`; gives the whole.
    pub(crate) fn blocks(&mut self, path: &str, mut answer: Message, size: usize) -> Vec<u8> {
        let mut whole = Vec::new();
        loop {
            assert_eq!(answer.code, code::CONTENT, "{answer:?}");
            let block = answer.block(option::BLOCK2).unwrap_or_else(|| panic!("no Block2: {answer:?}"));
            assert_eq!(block.number as usize * block.size, whole.len(), "{answer:?}");
            assert!(block.more == (answer.payload.len() == block.size) || !block.more, "{answer:?}");
            whole.extend(&answer.payload);
            if !block.more {
                return whole;
            }
            let next = Block::new((whole.len() / size) as u32, false, size);
            let get = self.get(path).with_block(option::BLOCK2, next);
            answer = self.ask(&get);
            assert_eq!(answer.block(option::BLOCK2).map(|block| block.size), Some(size), "{answer:?}");
        }
    }
}

/// On the acknowledgement of the request, with its token.
fn rides(answer: &Message, request: &Message, code: u8) {
    assert_eq!((answer.kind, answer.code), (Kind::Ack, code), "{answer:?}");
    assert_eq!((answer.id, &answer.token), (request.id, &request.token), "{answer:?}");
}

/// In a NON of its own, with the request's token.
fn apart(answer: &Message, request: &Message, code: u8) {
    assert_eq!((answer.kind, answer.code, &answer.token), (Kind::Non, code, &request.token), "{answer:?}");
}

// Proves: COAP-5.2.1-1 COAP-5.3.1-1 ENOS-COAP-A5-3
fn core_01_get_con() {
    let mut kit = Kit::signed_in();
    let path = kit.hinted(1_100);
    let get = kit.get(&path);
    let answer = kit.ask(&get);
    rides(&answer, &get, code::CONTENT);
    assert!(!answer.payload.is_empty());
}

// Proves: COAP-5.8-1
fn core_02_delete_con() {
    let mut kit = Kit::signed_in();
    let request = kit.with(Kind::Con, code::DELETE);
    let answer = kit.ask(&request);
    rides(&answer, &request, code::METHOD_NOT_ALLOWED);
}

// Proves: COAP-5.8-1 ENOS-COAP-A4-4
fn core_03_put_con() {
    let mut kit = Kit::signed_in();
    let request = kit.with(Kind::Con, code::PUT);
    let answer = kit.ask(&request);
    rides(&answer, &request, code::METHOD_NOT_ALLOWED);
    assert!(answer.payload.is_empty(), "{answer:?}");
    assert_eq!(kit.accepted(), 0);
}

// Proves: COAP-5.2.1-1 ENOS-COAP-A4-1 ENOS-COAP-A4-2
fn core_04_post_con() {
    let mut kit = Kit::signed_in();
    let request = kit.post(&[9, 8, 7], 3);
    let answer = kit.ask(&request);
    rides(&answer, &request, code::CHANGED);
    assert_eq!((&answer.json()["id"], &answer.json()["code"]), (&json!("7"), &json!(200)), "{answer:?}");
    assert_eq!((kit.accepted(), kit.latest("starts")), (1, json!(3)));
}

// Proves: COAP-5.2.3-1
fn core_05_get_non() {
    let mut kit = Kit::signed_in();
    let path = kit.hinted(1_100);
    let mut get = kit.get(&path);
    get.kind = Kind::Non;
    let answer = kit.ask(&get);
    apart(&answer, &get, code::CONTENT);
}

// Proves: COAP-5.8-1
fn core_06_delete_non() {
    let mut kit = Kit::signed_in();
    let request = kit.with(Kind::Non, code::DELETE);
    let answer = kit.ask(&request);
    apart(&answer, &request, code::METHOD_NOT_ALLOWED);
}

// Proves: COAP-5.8-1
fn core_07_put_non() {
    let mut kit = Kit::signed_in();
    let request = kit.with(Kind::Non, code::PUT);
    let answer = kit.ask(&request);
    apart(&answer, &request, code::METHOD_NOT_ALLOWED);
    assert_eq!(kit.accepted(), 0);
}

// Proves: COAP-5.2.3-1
fn core_08_post_non() {
    let mut kit = Kit::signed_in();
    let mut request = kit.post(&[5], 4);
    request.kind = Kind::Non;
    let answer = kit.ask(&request);
    apart(&answer, &request, code::CHANGED);
    // The same NON again is the same request.
    let again = kit.all(&request.bytes());
    assert!(again.iter().all(|again| again.code == code::CHANGED && again.kind == Kind::Non), "{again:?}");
    assert_eq!(kit.accepted(), 1);
}

// Proves: COAP-5.3.1-2
fn core_10_token() {
    let mut kit = Kit::signed_in();
    for length in 1..=8_u8 {
        let token: Vec<u8> = (0..length).map(|byte| byte ^ 0xA5).collect();
        let request = kit.post(&token, u32::from(length));
        let answer = kit.ask(&request);
        rides(&answer, &request, code::CHANGED);
    }
}

// Proves: COAP-5.3.1-2
fn core_12_no_token() {
    let mut kit = Kit::signed_in();
    let request = kit.post(&[], 1);
    let answer = kit.ask(&request);
    rides(&answer, &request, code::CHANGED);
}

// Proves: COAP-6.5-1 ENOS-COAP-A4-5
fn core_13_uri_path() {
    let mut kit = Kit::signed_in();
    let mut request = kit.post(&[1], 1);
    request.options.retain(|(number, _)| *number != option::URI_PATH);
    let request = request.with(option::URI_PATH, &b"topic/sys/Tq4zR9Lw/t-1/thing/measurepoint/post"[..]);
    let answer = kit.ask(&request);
    assert!(matches!(answer.code, code::NOT_FOUND | code::BAD_REQUEST), "{answer:?}");
    assert_eq!(kit.accepted(), 0);
    // A device key in UTF-8 with a blank is one segment, as it is.
    let device = Device { device_key: "风机 1", secret: "u8Yp2QvKs0t3", ..DEVICE };
    let auth = device.auth(kit.id(), &[2], 3600);
    let answer = kit.ask(&auth);
    rides(&answer, &auth, code::CHANGED);
}

fn core_14_uri_query() {
    let mut kit = Kit::signed_in();
    let request =
        kit.post(&[1], 1).with(option::URI_QUERY, &b"first=1"[..]).with(option::URI_QUERY, &b"second=2"[..]);
    let answer = kit.ask(&request);
    rides(&answer, &request, code::CHANGED);
    assert_eq!(kit.accepted(), 1);
}

// Proves: COAP-4.5-1 COAP-4.5-2 ENOS-COAP-A1-1
fn core_15_lossy() {
    let mut kit = Kit::signed_in();
    let request = kit.post(&[1, 2], 5);
    let first = kit.ask(&request);
    rides(&first, &request, code::CHANGED);
    for _ in 0..4 {
        assert_eq!(kit.ask(&request), first);
    }
    assert_eq!(kit.accepted(), 1);
    // Another Message ID is another request.
    let mut other = request.clone();
    other.id = kit.id();
    rides(&kit.ask(&other), &other, code::CHANGED);
    assert_eq!(kit.accepted(), 2);
}

// Proves: COAP-5.10.4-1
fn core_20_accept() {
    let mut kit = Kit::signed_in();
    let path = kit.hinted(1_100);
    let xml = kit.get(&path).with_uint(option::ACCEPT, 41);
    let answer = kit.ask(&xml);
    assert!(matches!(answer.code, code::BAD_OPTION) || answer.code == code::of(4, 6), "{answer:?}");
    let json = kit.get(&path).with_uint(option::ACCEPT, 50);
    let answer = kit.ask(&json);
    rides(&answer, &json, code::CONTENT);
}

// Proves: COAP-4.3-1
fn core_31_ping() {
    let mut kit = Kit::stranger();
    let id = kit.id();
    kit.peer.send(&Message::empty(Kind::Con, id)).expect("sent");
    let pong = kit.peer.take().expect("a pong");
    assert_eq!(pong, Message::empty(Kind::Rst, id));
    assert_eq!(pong.bytes().len(), 4);
}

// Proves: BLOCK-2.4-1 BLOCK-2.4-2
fn block_01_get_early() {
    let mut kit = Kit::signed_in();
    let path = kit.hinted(1_300);
    let get = kit.get(&path).with_block(option::BLOCK2, Block::new(0, false, 64));
    let first = kit.ask(&get);
    assert_eq!(first.block(option::BLOCK2), Some(Block::new(0, true, 64)), "{first:?}");
    let whole: Value = serde_json::from_slice(&kit.blocks(&path, first, 64)).expect("JSON");
    assert_eq!(whole["params"]["log"], "y".repeat(1_300), "{whole}");
}

// Proves: BLOCK-2.4-3
fn block_02_get_late() {
    let mut kit = Kit::signed_in();
    let path = kit.hinted(1_300);
    let get = kit.get(&path);
    let first = kit.ask(&get);
    let block = first.block(option::BLOCK2).expect("Block2");
    assert!(block.number == 0 && block.more && first.bytes().len() <= 1_152, "{first:?}");
    let whole: Value = serde_json::from_slice(&kit.blocks(&path, first, 128)).expect("JSON");
    assert_eq!(whole["params"]["log"], "y".repeat(1_300), "{whole}");
}

fn block_03_put() {
    let mut kit = Kit::signed_in();
    let body = points("9", &json!({ "log": "x".repeat(1_000) }), 1_700_000_000_000);
    let mut put = DEVICE
        .post(kit.id(), &[3], &body.as_bytes()[..512])
        .with_block(option::BLOCK1, Block::new(0, true, 512));
    put.code = code::PUT;
    let answer = kit.ask(&put);
    rides(&answer, &put, code::METHOD_NOT_ALLOWED);
}

/// Sends a body in blocks; gives the last answer.
pub(crate) fn upload(kit: &mut Kit, body: &[u8], size: usize) -> Message {
    let last = body.len().div_ceil(size) - 1;
    for (number, part) in body.chunks(size).enumerate() {
        let block = Block::new(number as u32, number < last, size);
        let post = DEVICE.post(kit.id(), &[4, number as u8], part).with_block(option::BLOCK1, block);
        let answer = kit.ask(&post);
        if number == last {
            return answer;
        }
        rides(&answer, &post, code::CONTINUE);
        let echoed = answer.block(option::BLOCK1).unwrap_or_else(|| panic!("no Block1: {answer:?}"));
        assert_eq!((echoed.number, echoed.size), (block.number, size), "{answer:?}");
    }
    unreachable!("a body has a last block")
}

// Proves: BLOCK-2.5-1 BLOCK-2.9.1-1 ENOS-COAP-A1-3
fn block_04_post() {
    let mut kit = Kit::signed_in();
    let body = points("9", &json!({ "log": "x".repeat(3_000) }), 1_700_000_000_000);
    let answer = upload(&mut kit, body.as_bytes(), 512);
    assert_eq!(answer.code, code::CHANGED, "{answer:?}");
    assert_eq!(answer.json()["code"], 200, "{answer:?}");
    assert_eq!((kit.accepted(), kit.latest("log")), (1, json!("x".repeat(3_000))));
}

// Proves: BLOCK-2.2-1
fn block_06_get_16() {
    let mut kit = Kit::signed_in();
    let path = kit.hinted(1_100);
    let get = kit.get(&path).with_block(option::BLOCK2, Block::new(0, false, 16));
    let first = kit.ask(&get);
    let whole: Value = serde_json::from_slice(&kit.blocks(&path, first, 16)).expect("JSON");
    assert_eq!(whole["params"]["log"], "y".repeat(1_100), "{whole}");
}
