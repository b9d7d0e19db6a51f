//! A scripted CoAP hub, written from the RFCs with the other codec: enough of EnOS to sign devices in, activate them,
//! take posts in blocks, and hand out commands.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use coap_lite::{CoapOption, MessageClass, MessageType, Packet, RequestType, ResponseType};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::sim::hub::{DEVICE_SECRET, PRODUCT_SECRET};

const REQUEST_TAG: u16 = 292;
const COMMAND_PATH: u16 = 2100;
const COMMAND: u16 = 2102;

/// How the hub behaves, and what it has seen.
pub struct Hub {
    pub secure: bool,
    /// Datagrams on their way, with the address that they go to.
    pub out: Vec<(u16, Vec<u8>)>,
    /// Addresses signed in, and their mode.
    pub sessions: BTreeMap<u16, u8>,
    /// What was answered to a message of this address and Message ID.
    pub answered: BTreeMap<(u16, u16), Vec<Vec<u8>>>,
    /// Bodies that come in blocks: next offset and bytes.
    uploads: BTreeMap<(u16, Vec<u8>), Vec<u8>>,
    /// Bodies that go in blocks.
    downloads: BTreeMap<u16, (ResponseType, Vec<u8>)>,
    pub activated: bool,
    /// Posts stored, by id, with their parameters.
    pub posts: BTreeMap<String, Value>,
    /// Ids of posts in the order they came, repetitions by another exchange included.
    pub came: Vec<String>,
    pub answers: Vec<(String, Value)>,
    pub info_replies: usize,
    pub commands: VecDeque<(String, String)>,
    pub fetched: usize,
    pub signed_in: usize,
    /// Modes of the handshakes.
    pub modes: Vec<u8>,
    pub lifetimes: Vec<u64>,
    pub requests: usize,
    pub repeated: usize,
    pub resets: usize,
    pub acks: usize,
    pub largest: usize,
    pub blocks: usize,
    next_id: u16,
    // How it behaves.
    /// The code of replies to posts.
    pub code: i64,
    /// In place of a reply to posts: class and detail.
    pub refuses: Option<ResponseType>,
    pub refuses_sign_in: bool,
    /// Answers come in a message of their own.
    pub separate: bool,
    /// … without an acknowledgement before.
    pub silent_ack: bool,
    /// Commands lie in option 2102.
    pub inline: bool,
    /// The largest block exponent that it takes and sends.
    pub exponent: u8,
    /// Tells a smaller size with 4.13 in place of 2.31.
    pub shrinks_by_413: bool,
    /// So many uploads lose their blocks (4.08).
    pub incomplete: usize,
    /// So many requests are answered with 4.01, and their address forgotten.
    pub forgets: usize,
    /// Answers larger than this go in blocks.
    pub whole: usize,
    pub padding: usize,
    pub resets_all: bool,
    pub mute: bool,
    /// Spoils answers.
    pub spoil: Option<Spoil>,
}

/// What is wrong with an answer to a post.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Spoil {
    Token,
    Id,
    Critical,
    /// Block2 of another number, with more to come.
    Block,
    NeverEnds,
    NoEnvelope,
    OtherRequest,
    Etag,
}

impl Hub {
    pub fn new(secure: bool) -> Self {
        Self {
            secure,
            out: Vec::new(),
            sessions: BTreeMap::new(),
            answered: BTreeMap::new(),
            uploads: BTreeMap::new(),
            downloads: BTreeMap::new(),
            activated: false,
            posts: BTreeMap::new(),
            came: Vec::new(),
            answers: Vec::new(),
            info_replies: 0,
            commands: VecDeque::new(),
            fetched: 0,
            signed_in: 0,
            modes: Vec::new(),
            lifetimes: Vec::new(),
            requests: 0,
            repeated: 0,
            resets: 0,
            acks: 0,
            largest: 0,
            blocks: 0,
            next_id: 7_000,
            code: 200,
            refuses: None,
            refuses_sign_in: false,
            separate: false,
            silent_ack: false,
            inline: false,
            exponent: 5,
            shrinks_by_413: false,
            incomplete: 0,
            forgets: 0,
            whole: 900,
            padding: 0,
            resets_all: false,
            mute: false,
            spoil: None,
        }
    }

    /// The key of a DTLS handshake must be this one; false if the hub refuses it.
    pub fn handshake(&mut self, address: u16, identity: &str, key: &[u8; 16]) -> bool {
        let fields: Vec<&str> = identity.split(',').collect();
        let [pk, dk, mode, lifetime] = fields[..] else { panic!("{identity}") };
        assert_eq!((pk, dk), ("pk", "dk"));
        self.lifetimes.push(lifetime.parse().unwrap());
        let mode: u8 = mode.parse().unwrap();
        self.modes.push(mode);
        let secret = if mode == 3 { PRODUCT_SECRET } else { DEVICE_SECRET };
        let right = Sha256::digest(secret.as_bytes())[8..24] == key[..];
        if !right || mode == 3 && self.activated {
            return false;
        }
        self.activated |= mode == 2;
        self.signed_in += 1;
        self.sessions.insert(address, mode);
        true
    }

    pub fn command(&mut self, id: &str, path: &str, params: Value) {
        let payload = json!({"id": id, "version": "1.0", "params": params}).to_string();
        self.commands.push_back((format!("/topic/sys/pk/dk/thing/service/{path}"), payload));
    }

    /// Sends a datagram that nobody asked for.
    pub fn send(&mut self, address: u16, bytes: &[u8]) {
        self.out.push((address, bytes.to_vec()));
    }

    pub fn on_datagram(&mut self, address: u16, bytes: &[u8]) {
        self.largest = self.largest.max(bytes.len());
        let packet = Packet::from_bytes(bytes).expect("the device sends valid CoAP");
        let id = packet.header.message_id;
        if self.mute {
            return;
        }
        match packet.header.get_type() {
            MessageType::Acknowledgement => {
                self.acks += 1;
                return;
            }
            MessageType::Reset => {
                self.resets += 1;
                return;
            }
            kind => assert_eq!(kind, MessageType::Confirmable),
        }
        self.requests += 1;
        if self.resets_all {
            self.out.push((address, empty(MessageType::Reset, id)));
            return;
        }
        if let Some(again) = self.answered.get(&(address, id)) {
            self.repeated += 1;
            self.out.extend(again.iter().map(|bytes| (address, bytes.clone())));
            return;
        }
        let answer = self.answer(address, &packet);
        let mut sent = Vec::new();
        if let Some(mut answer) = answer {
            answer.set_token(packet.get_token().to_vec());
            answer.header.message_id = id;
            answer.header.set_type(MessageType::Acknowledgement);
            match self.spoil {
                Some(Spoil::Token) => answer.set_token(vec![1, 2, 3, 4]),
                Some(Spoil::Id) => answer.header.message_id = id.wrapping_add(1),
                _ => {}
            }
            if self.separate {
                if !self.silent_ack {
                    sent.push(empty(MessageType::Acknowledgement, id));
                }
                self.next_id += 1;
                answer.header.message_id = self.next_id;
                answer.header.set_type(MessageType::Confirmable);
            }
            sent.push(answer.to_bytes_unlimited().unwrap());
        }
        self.out.extend(sent.iter().map(|bytes| (address, bytes.clone())));
        self.answered.insert((address, id), sent);
    }

    fn answer(&mut self, address: u16, packet: &Packet) -> Option<Packet> {
        let segments: Vec<String> = packet
            .get_option(CoapOption::UriPath)
            .map(|path| path.iter().map(|s| String::from_utf8(s.clone()).unwrap()).collect())
            .unwrap_or_default();
        let path: Vec<&str> = segments.iter().map(String::as_str).collect();
        let post = packet.header.code == MessageClass::Request(RequestType::Post);
        if let ["auth", pk, dk] = path[..] {
            assert!(post && !self.secure);
            return Some(self.sign_in(address, pk, dk, &packet.payload));
        }
        let known = self.sessions.contains_key(&address);
        if !known || self.forgets > 0 {
            self.forgets = self.forgets.saturating_sub(1);
            self.sessions.remove(&address);
            self.uploads.retain(|(from, _), _| *from != address);
            return Some(plain(ResponseType::Unauthorized));
        }
        if let Some(block) = number(packet, CoapOption::Block2).filter(|block| block >> 4 > 0) {
            return Some(self.next_piece(address, block));
        }
        if !post {
            let answer = self.fetch(&path, self.sessions[&address]);
            return Some(self.in_pieces(address, answer));
        }
        assert_eq!(number(packet, CoapOption::ContentFormat), Some(50));
        let body = match number(packet, CoapOption::Block1) {
            None => packet.payload.clone(),
            Some(block) => match self.piece(address, block, packet) {
                Ok(body) => body,
                Err(answer) => return Some(answer),
            },
        };
        let mut answer = self.message(&path, &body);
        if let Some(block) = number(packet, CoapOption::Block1) {
            answer.add_option(CoapOption::Block1, uint(block));
        }
        Some(self.in_pieces(address, answer))
    }

    fn sign_in(&mut self, address: u16, pk: &str, dk: &str, payload: &[u8]) -> Packet {
        assert_eq!((pk, dk), ("pk", "dk"));
        let value: Value = serde_json::from_slice(payload).unwrap();
        let lifetime = value["lifetime"].as_u64().unwrap();
        assert_eq!(value["secureMode"], 2);
        let content = format!("deviceKeydklifetime{lifetime}productKeypksecureMode2{DEVICE_SECRET}");
        let sign: String =
            Sha256::digest(content.as_bytes()).iter().map(|byte| format!("{byte:02X}")).collect();
        if value["sign"] != sign.as_str() || self.refuses_sign_in {
            return plain(ResponseType::Unauthorized);
        }
        self.lifetimes.push(lifetime);
        self.signed_in += 1;
        self.sessions.insert(address, 2);
        let mut answer = plain(ResponseType::Changed);
        self.hint(&mut answer);
        answer
    }

    fn piece(&mut self, address: u16, block: u32, packet: &Packet) -> Result<Vec<u8>, Packet> {
        self.blocks += 1;
        let (number, more, exponent) = (block >> 4, block & 8 != 0, (block & 7) as u8);
        let offset = (number as usize) << (4 + exponent);
        if exponent > self.exponent && self.shrinks_by_413 {
            let mut answer = plain(ResponseType::RequestEntityTooLarge);
            answer.add_option(CoapOption::Block1, uint(u32::from(self.exponent)));
            return Err(answer);
        }
        let tag = packet.get_first_option(CoapOption::Unknown(REQUEST_TAG)).expect("a tag").clone();
        let key = (address, tag);
        if number == 0 {
            self.uploads.insert(key.clone(), Vec::new());
        }
        let lost = self.incomplete > 0 && number == 1;
        if lost {
            self.incomplete -= 1;
            self.uploads.remove(&key);
        }
        let Some(body) = self.uploads.get_mut(&key).filter(|body| body.len() == offset) else {
            return Err(plain(ResponseType::RequestEntityIncomplete));
        };
        assert!(!more || packet.payload.len() == 16 << exponent);
        body.extend_from_slice(&packet.payload);
        if !more {
            return Ok(self.uploads.remove(&key).unwrap());
        }
        let mut answer = plain(ResponseType::Continue);
        let asked = exponent.min(self.exponent);
        answer.add_option(CoapOption::Block1, uint(number << 4 | 8 | u32::from(asked)));
        Err(answer)
    }

    /// The first piece of an answer that is too large for one datagram.
    fn in_pieces(&mut self, address: u16, mut answer: Packet) -> Packet {
        if self.spoil == Some(Spoil::Block) {
            answer.add_option(CoapOption::Block2, uint(3 << 4 | 8 | 2));
        }
        if answer.payload.len() <= self.whole
            || self.spoil.is_some_and(|spoil| spoil != Spoil::Etag && spoil != Spoil::NeverEnds)
        {
            return answer;
        }
        let MessageClass::Response(code) = answer.header.code else { panic!() };
        let body = std::mem::take(&mut answer.payload);
        self.downloads.insert(address, (code, body));
        self.next_piece(address, u32::from(self.exponent))
    }

    fn next_piece(&mut self, address: u16, block: u32) -> Packet {
        let (number, exponent) = (block >> 4, block & 7);
        let Some((code, body)) = self.downloads.get(&address) else {
            return plain(ResponseType::NotFound);
        };
        let (code, offset) = (*code, (number as usize) << (4 + exponent));
        let endless = self.spoil == Some(Spoil::NeverEnds);
        let mut piece: Vec<u8> = body.iter().skip(offset).take(16 << exponent).copied().collect();
        if endless {
            piece.resize(16 << exponent, b'x');
        }
        let more = endless || offset + piece.len() < body.len();
        let mut answer = plain(code);
        answer.payload = piece;
        if self.spoil == Some(Spoil::Etag) {
            answer.add_option(CoapOption::ETag, uint(number + 1));
        }
        answer.add_option(CoapOption::Block2, uint(number << 4 | u32::from(more) << 3 | exponent));
        answer
    }

    fn fetch(&mut self, path: &[&str], mode: u8) -> Packet {
        let mut answer = plain(ResponseType::Content);
        if path[1..].join("/") == "ext/session/pk/dk/thing/activate/info" {
            if mode != 3 {
                return plain(ResponseType::Forbidden);
            }
            answer.payload = json!({"id": "90000000001", "version": "1.0", "method": "thing.activate.info",
                "params": {"assetId": "a", "productKey": "pk", "deviceKey": "dk", "deviceSecret": DEVICE_SECRET}})
            .to_string()
            .into_bytes();
            return answer;
        }
        let wanted = format!("/{}", path.join("/"));
        match self.commands.iter().position(|(path, _)| *path == wanted) {
            Some(at) => {
                self.fetched += 1;
                answer.payload = self.commands.remove(at).unwrap().1.into_bytes();
            }
            None => answer = plain(ResponseType::NotFound),
        }
        self.hint(&mut answer);
        answer
    }

    fn message(&mut self, path: &[&str], body: &[u8]) -> Packet {
        assert_eq!(path[0], "topic");
        let topic = format!("/{}", path[1..].join("/"));
        let value: Value = serde_json::from_slice(body).unwrap();
        let mut answer = plain(ResponseType::Changed);
        if topic.ends_with("/thing/activate/info_reply") {
            assert_eq!(value["code"], 200);
            self.activated = true;
            self.info_replies += 1;
            return answer;
        }
        let asks = topic.ends_with("/thing/measurepoint/post") || topic.ends_with("/thing/tag/query");
        if asks {
            if let Some(code) = self.refuses {
                return plain(code);
            }
            let id = value["id"].as_str().unwrap().to_owned();
            self.came.push(id.clone());
            self.posts.insert(id.clone(), value["params"].clone());
            let mut reply = json!({"id": id, "code": self.code, "data": "x".repeat(self.padding)});
            match self.spoil {
                Some(Spoil::NoEnvelope) => reply = json!([]),
                Some(Spoil::OtherRequest) => reply["id"] = "1".into(),
                _ => {}
            }
            answer.payload = reply.to_string().into_bytes();
            if self.spoil == Some(Spoil::Critical) {
                answer.add_option(CoapOption::Unknown(2_101), b"x".to_vec());
            }
        } else {
            self.answers.push((topic, value));
        }
        self.hint(&mut answer);
        answer
    }

    fn hint(&mut self, answer: &mut Packet) {
        let Some((path, payload)) = self.commands.front().cloned() else { return };
        answer.add_option(CoapOption::Unknown(COMMAND_PATH), path.into_bytes());
        if self.inline {
            answer.add_option(CoapOption::Unknown(COMMAND), payload.into_bytes());
            self.commands.pop_front();
            self.fetched += 1;
        }
    }

    /// Addresses that a datagram was sent to.
    pub fn addresses(&self) -> BTreeSet<u16> {
        self.out.iter().map(|(address, _)| *address).collect()
    }
}

fn plain(code: ResponseType) -> Packet {
    let mut packet = Packet::new();
    packet.header.code = MessageClass::Response(code);
    packet
}

pub fn empty(kind: MessageType, id: u16) -> Vec<u8> {
    let mut packet = Packet::new();
    packet.header.code = MessageClass::Empty;
    packet.header.set_type(kind);
    packet.header.message_id = id;
    packet.to_bytes().unwrap()
}

fn number(packet: &Packet, option: CoapOption) -> Option<u32> {
    let value = packet.get_first_option(option)?;
    Some(value.iter().fold(0, |number, byte| number << 8 | u32::from(*byte)))
}

fn uint(number: u32) -> Vec<u8> {
    number.to_be_bytes().into_iter().skip_while(|byte| *byte == 0).collect()
}
