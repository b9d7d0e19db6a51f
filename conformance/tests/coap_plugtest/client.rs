//! The cases of the list with the SDK as client, against a server that does as the case says.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use conformance::coap::enos::{Device, points, sign};
use conformance::coap::{Block, Kind, Message, Peer, code, option};
use enos_runtime::{Client, Delivery, Error, Login, Point, PostOptions};
use serde_json::{Value, json};

use crate::hub::DEVICE;
use crate::{Case, cases};

pub(crate) const CASES: &[Case] = cases! { "client":
    "TD_COAP_CORE_01", "GET, CON: a hinted command is fetched and answered", core_01_client_get;
    "TD_COAP_CORE_04", "POST, CON: sign-in and post as the vectors have them, byte by byte", core_04_client_post;
    "TD_COAP_CORE_09", "separate response, CON: acknowledged, and the post is settled by it", core_09_separate;
    "TD_COAP_CORE_10", "each request has a token of its own, of 1 to 8 bytes, and an id of its own", core_10_client_tokens;
    "TD_COAP_CORE_11", "separate responses in another order than the requests' tokens say", core_11_separate_token;
    "TD_COAP_CORE_13", "each segment of a topic is a Uri-Path, UTF-8 as it is", core_13_client_path;
    "TD_COAP_CORE_15", "lossy, piggybacked: the same bytes again after 2 to 3 s, then twice that", core_15_client_lossy;
    "TD_COAP_CORE_16", "lossy, separate: a response that comes again is acknowledged again, taken once", core_16_client_lossy;
    "TD_COAP_CORE_17", "separate response in a NON: taken, and not acknowledged", core_17_separate_non;
    "TD_COAP_CORE_31", "a server's ping is answered by RST", core_31_client_ping;
    "TD_COAP_BLOCK_01", "GET, Block2: a large command is fetched block by block", block_01_client_get;
    "TD_COAP_BLOCK_04", "POST, Block1 at 512 with Size1, no datagram above 1,024 bytes", block_04_client_post;
    "TD_COAP_BLOCK_05", "POST, both ways: Block1 up, and the reply in Block2", block_05_client_both;
    "TD_COAP_BLOCK_06", "POST, Block1: the server asks for 16 bytes at its first answer", block_06_client_16;
};

pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// The scripted side.
pub(crate) struct Server {
    pub(crate) peer: Peer,
    id: u16,
}

/// How a post ended.
pub(crate) type Fate = Receiver<Result<Delivery, Error>>;

impl Server {
    pub(crate) fn start() -> Self {
        Self { peer: Peer::listen().expect("a socket"), id: 60_000 }
    }

    /// A client of this server that has not connected.
    pub(crate) fn client(&self, device: &Device<'_>) -> Arc<Client> {
        let url = format!("coap://{}", self.peer.address().expect("an address"));
        let login = Login::device_secret(device.product_key, device.device_key, device.secret);
        let client = Client::builder(&url)
            .login(login)
            .backoff(Duration::from_millis(50), Duration::from_millis(200))
            .dial_budget(8, Duration::from_secs(1))
            .build();
        Arc::new(client.expect("a client"))
    }

    /// The next message; all of them are CoAP and small.
    pub(crate) fn next(&mut self) -> Message {
        let message = self.peer.take().expect("a message");
        assert!(message.bytes().len() <= 1_024, "{} bytes: {message:?}", message.bytes().len());
        message
    }

    /// The next request; what acknowledges something is passed over.
    pub(crate) fn request(&mut self) -> Message {
        let message = self.next();
        assert!(message.is_request() && message.kind == Kind::Con, "a request was wanted: {message:?}");
        message
    }

    pub(crate) fn send(&self, message: &Message) {
        self.peer.send(message).expect("sent");
    }

    /// A Message ID of the server's own.
    pub(crate) fn id(&mut self) -> u16 {
        self.id += 1;
        self.id
    }

    /// Lets the client sign in.
    pub(crate) fn connected(&mut self, client: &Arc<Client>) {
        let connecting = connecting(client);
        let auth = self.request();
        assert!(auth.path().starts_with("/auth/"), "{auth:?}");
        self.send(&auth.piggybacked(code::CHANGED));
        connecting.join().expect("no panic").expect("signed in");
    }

    /// A client that has signed in.
    pub(crate) fn signed_in(&mut self) -> Arc<Client> {
        let client = self.client(&DEVICE);
        self.connected(&client);
        client
    }
}

pub(crate) fn connecting(client: &Arc<Client>) -> thread::JoinHandle<Result<(), Error>> {
    let client = client.clone();
    thread::spawn(move || client.connect(PATIENCE))
}

/// Posts, and gives where its end will be told.
pub(crate) fn post(client: &Client, point: Point<'_>) -> Fate {
    let (told, fate) = channel();
    let options = PostOptions::new().timeout(PATIENCE);
    client.submit_measurepoints(&[point], options, move |end| drop(told.send(end))).expect("room");
    fate
}

/// The post has been acknowledged, or will be at once.
pub(crate) fn acknowledged(fate: &Fate) {
    let end = fate.recv_timeout(PATIENCE).expect("an end");
    assert!(matches!(end.expect("acknowledged"), Delivery::Acknowledged { .. }));
}

/// The reply of a hub that takes everything.
pub(crate) fn reply(request: &Message) -> String {
    reply_to(&request.json()["id"])
}

fn reply_to(id: &Value) -> String {
    json!({ "id": id, "code": 200, "data": "" }).to_string()
}

pub(crate) fn accepted(request: &Message) -> Message {
    request.piggybacked(code::CHANGED).with_uint(option::CONTENT_FORMAT, 50).with_payload(reply(request))
}

pub(crate) fn command(id: &str, delay: u32) -> String {
    json!({ "id": id, "version": "1.0", "method": "thing.service.reboot", "params": { "delay": delay } })
        .to_string()
}

pub(crate) fn hint() -> String {
    DEVICE.path("thing/service/reboot")
}

// Proves: ENOS-COAP-A5-5 COAP-5.8.1-1
fn core_01_client_get() {
    let mut server = Server::start();
    let client = server.signed_in();
    client.on_service("reboot", |_call, reply| reply.ok(&[("accepted", true.into())])).expect("a handler");
    let fate = post(&client, Point::new("starts", 1));
    let request = server.request();
    server.send(&accepted(&request).with(option::HINT, hint().as_bytes()));
    acknowledged(&fate);
    let get = server.request();
    assert_eq!((get.code, get.path(), get.payload.len()), (code::GET, hint(), 0), "{get:?}");
    server.send(
        &get.piggybacked(code::CONTENT).with_uint(option::CONTENT_FORMAT, 50).with_payload(command("77", 3)),
    );
    let answer = server.request();
    assert_eq!((answer.code, answer.path()), (code::POST, format!("{}_reply", hint())), "{answer:?}");
    assert_eq!((&answer.json()["id"], &answer.json()["code"]), (&json!("77"), &json!(200)), "{answer:?}");
    server.send(&answer.piggybacked(code::CHANGED));
}

// Proves: COAP-5.10.3-1 ENOS-COAP-A3-5 ENOS-COAP-A4-7
fn core_04_client_post() {
    let mut server = Server::start();
    let client = server.client(&DEVICE);
    let connecting = connecting(&client);
    let auth = server.request();
    let wanted = DEVICE.auth(auth.id, &auth.token, 3_600);
    assert_eq!(auth, wanted);
    assert_eq!(auth.json()["sign"], sign(&DEVICE, 3_600));
    server.send(&auth.piggybacked(code::CHANGED));
    connecting.join().expect("no panic").expect("signed in");
    let (told, fate) = channel();
    let options = PostOptions::new()
        .timeout(PATIENCE)
        .time(std::time::UNIX_EPOCH + Duration::from_millis(1_700_000_000_000));
    client
        .submit_measurepoints(&[Point::new("temp", 21.5)], options, move |end| drop(told.send(end)))
        .expect("room");
    let request = server.request();
    let body: Value = request.json();
    let id = body["id"].as_str().unwrap_or_default().to_owned();
    assert_eq!(
        body,
        serde_json::from_str::<Value>(&points(&id, &json!({ "temp": 21.5 }), 1_700_000_000_000))
            .expect("JSON")
    );
    let wanted = DEVICE.post(request.id, &request.token, request.payload.clone());
    assert_eq!(request, wanted);
    server.send(&accepted(&request));
    acknowledged(&fate);
}

// Proves: COAP-5.2.2-1 COAP-4.2-5
fn core_09_separate() {
    let mut server = Server::start();
    let client = server.signed_in();
    let fate = post(&client, Point::new("starts", 1));
    let request = server.request();
    server.send(&Message::empty(Kind::Ack, request.id));
    assert!(fate.try_recv().is_err(), "an empty ACK settles nothing");
    let id = server.id();
    server.send(&Message::new(Kind::Con, code::CHANGED, id, &request.token).with_payload(reply(&request)));
    assert_eq!(server.next(), Message::empty(Kind::Ack, id));
    acknowledged(&fate);
}

// Proves: COAP-5.3.1-3 COAP-4.4-2
fn core_10_client_tokens() {
    let mut server = Server::start();
    let client = server.signed_in();
    let (mut tokens, mut ids) = (vec![], vec![]);
    for number in 0..20 {
        let fate = post(&client, Point::new("starts", number));
        let request = server.request();
        assert!((1..=8).contains(&request.token.len()), "{request:?}");
        server.send(&accepted(&request));
        acknowledged(&fate);
        tokens.push(request.token);
        ids.push(request.id);
    }
    for list in [tokens.len(), ids.len()] {
        assert_eq!(list, 20);
    }
    tokens.sort();
    tokens.dedup();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!((tokens.len(), ids.len()), (20, 20));
}

// Proves: COAP-5.3.2-1
fn core_11_separate_token() {
    let mut server = Server::start();
    let client = server.signed_in();
    let fate = post(&client, Point::new("starts", 1));
    let request = server.request();
    server.send(&Message::empty(Kind::Ack, request.id));
    let id = server.id();
    // A response to something else: it is rejected, and settles nothing.
    let mut other = request.token.clone();
    other[0] ^= 0xFF;
    server.send(&Message::new(Kind::Con, code::CHANGED, id, &other).with_payload(reply(&request)));
    assert_eq!(server.next(), Message::empty(Kind::Rst, id));
    assert!(fate.try_recv().is_err());
    let id = server.id();
    server.send(&Message::new(Kind::Con, code::CHANGED, id, &request.token).with_payload(reply(&request)));
    assert_eq!(server.next(), Message::empty(Kind::Ack, id));
    acknowledged(&fate);
}

// Proves: COAP-6.4-1 ENOS-COAP-A4-7
fn core_13_client_path() {
    let mut server = Server::start();
    let device = Device { device_key: "风机 1", ..DEVICE };
    let client = server.client(&device);
    let connecting = connecting(&client);
    let auth = server.request();
    assert_eq!(auth, device.auth(auth.id, &auth.token, 3_600));
    server.send(&auth.piggybacked(code::CHANGED));
    connecting.join().expect("no panic").expect("signed in");
    let fate = post(&client, Point::new("starts", 1));
    let request = server.request();
    let segments: Vec<&[u8]> = request
        .options
        .iter()
        .filter(|(number, _)| *number == option::URI_PATH)
        .map(|(_, value)| &**value)
        .collect();
    let wanted = ["topic", "sys", "Tq4zR9Lw", "风机 1", "thing", "measurepoint", "post"].map(str::as_bytes);
    assert_eq!(segments, wanted);
    server.send(&accepted(&request));
    acknowledged(&fate);
}

// Proves: COAP-4.2-6 COAP-4.8-1
fn core_15_client_lossy() {
    let mut server = Server::start();
    let client = server.signed_in();
    let fate = post(&client, Point::new("starts", 1));
    let request = server.request();
    let first = Instant::now();
    assert_eq!(server.next(), request);
    let waited = first.elapsed();
    // ACK_TIMEOUT 2 s, times 1 to 1.5; a loaded machine may be late, never early.
    assert!(waited >= Duration::from_millis(1_950), "{waited:?}");
    let second = Instant::now();
    assert_eq!(server.next(), request);
    assert!(second.elapsed() >= Duration::from_millis(3_900), "{:?}", second.elapsed());
    server.send(&accepted(&request));
    acknowledged(&fate);
}

// Proves: COAP-4.5-3 COAP-4.5-4
fn core_16_client_lossy() {
    let mut server = Server::start();
    let client = server.signed_in();
    client.on_service("reboot", |_call, reply| reply.ok(&[])).expect("a handler");
    let fate = post(&client, Point::new("starts", 1));
    let request = server.request();
    server.send(&Message::empty(Kind::Ack, request.id));
    let id = server.id();
    let separate = Message::new(Kind::Con, code::CHANGED, id, &request.token)
        .with(option::HINT, hint().as_bytes())
        .with(option::COMMAND, command("5", 1).as_bytes())
        .with_payload(reply(&request));
    // Its acknowledgement is lost twice.
    let (mut acks, mut answers) = (0, Vec::new());
    for _ in 0..3 {
        server.send(&separate);
    }
    while acks < 3 || answers.is_empty() {
        let came = server.next();
        if came == Message::empty(Kind::Ack, id) {
            acks += 1;
        } else {
            server.send(&came.piggybacked(code::CHANGED));
            answers.push(came);
        }
    }
    acknowledged(&fate);
    // The command was taken once: the next thing that the client says is a new post.
    let fate = post(&client, Point::new("starts", 2));
    let next = server.request();
    assert!(next.path().ends_with("/measurepoint/post"), "{next:?}");
    server.send(&accepted(&next));
    acknowledged(&fate);
    assert_eq!((answers.len(), &answers[0].json()["id"]), (1, &json!("5")), "{answers:?}");
}

// Proves: COAP-5.2.3-2
fn core_17_separate_non() {
    let mut server = Server::start();
    let client = server.signed_in();
    let fate = post(&client, Point::new("starts", 1));
    let request = server.request();
    server.send(&Message::empty(Kind::Ack, request.id));
    let id = server.id();
    server.send(&Message::new(Kind::Non, code::CHANGED, id, &request.token).with_payload(reply(&request)));
    acknowledged(&fate);
    let fate = post(&client, Point::new("starts", 2));
    let next = server.request();
    server.send(&accepted(&next));
    acknowledged(&fate);
}

// Proves: COAP-4.3-3
fn core_31_client_ping() {
    let mut server = Server::start();
    let _client = server.signed_in();
    let id = server.id();
    server.send(&Message::empty(Kind::Con, id));
    assert_eq!(server.next(), Message::empty(Kind::Rst, id));
}

// Proves: BLOCK-2.4-5
fn block_01_client_get() {
    let mut server = Server::start();
    let client = server.signed_in();
    let (told, heard) = channel();
    client
        .on_service("reboot", move |call, reply| {
            drop(told.send(call.args()["text"].as_str().map(str::to_owned)));
            reply.ok(&[])
        })
        .expect("a handler");
    let fate = post(&client, Point::new("starts", 1));
    let request = server.request();
    server.send(&accepted(&request).with(option::HINT, hint().as_bytes()));
    let text = "t".repeat(1_500);
    let body =
        json!({ "id": "8", "version": "1.0", "method": "thing.service.reboot", "params": { "text": text } })
            .to_string();
    let blocks: Vec<&[u8]> = body.as_bytes().chunks(256).collect();
    for (number, part) in blocks.iter().enumerate() {
        let get = server.request();
        assert_eq!((get.code, get.path()), (code::GET, hint()), "{get:?}");
        let asked = get.block(option::BLOCK2);
        if number > 0 {
            let asked = asked.unwrap_or_else(|| panic!("no Block2: {get:?}"));
            assert_eq!((asked.number, asked.more, asked.size), (number as u32, false, 256), "{get:?}");
        }
        let block = Block::new(number as u32, number + 1 < blocks.len(), 256);
        let answer = get.piggybacked(code::CONTENT).with(option::ETAG, &b"e1"[..]);
        server.send(&answer.with_block(option::BLOCK2, block).with_payload(*part));
    }
    acknowledged(&fate);
    assert_eq!(heard.recv_timeout(PATIENCE).expect("the command"), Some(text));
    let answer = server.request();
    assert_eq!(
        (answer.path(), &answer.json()["id"]),
        (format!("{}_reply", hint()), &json!("8")),
        "{answer:?}"
    );
    server.send(&answer.piggybacked(code::CHANGED));
}

/// Takes a body in blocks and answers each, at a size that the server asks for; gives body and last request.
fn download(server: &mut Server, size: usize) -> (Vec<u8>, Message) {
    let (mut whole, mut tag) = (Vec::new(), None);
    loop {
        let request = server.request();
        // One body, one tag: what is late of another one cannot be taken for a part of it.
        let own = request.option(option::REQUEST_TAG).expect("a Request-Tag").to_vec();
        assert_eq!(*tag.get_or_insert_with(|| own.clone()), own, "{request:?}");
        let block = request.block(option::BLOCK1).unwrap_or_else(|| panic!("no Block1: {request:?}"));
        assert_eq!(block.number as usize * block.size, whole.len(), "{request:?}");
        assert!(!block.more || request.payload.len() == block.size, "{request:?}");
        if whole.is_empty() {
            assert_eq!(block.size, 512, "{request:?}");
        } else {
            assert_eq!(block.size, size, "{request:?}");
        }
        // What came is taken whole; smaller blocks go on behind it (RFC 7959 §2.3, figure 9).
        whole.extend(&request.payload);
        if !block.more {
            return (whole, request);
        }
        let echo = Block::new(block.number, true, size.min(block.size));
        server.send(&request.piggybacked(code::CONTINUE).with_block(option::BLOCK1, echo));
    }
}

fn large(client: &Client) -> (String, Fate) {
    let text = "x".repeat(1_800);
    let fate = post(client, Point::new("log", text.as_str()));
    (text, fate)
}

// Proves: BLOCK-2.5-6 BLOCK-2.5-7 BLOCK-TAG-1 ENOS-COAP-A1-4
fn block_04_client_post() {
    let mut server = Server::start();
    let client = server.signed_in();
    let (text, fate) = large(&client);
    let (whole, last) = download(&mut server, 512);
    let body: Value = serde_json::from_slice(&whole).expect("JSON");
    assert_eq!(body["params"]["measurepoints"]["log"], text);
    let block = last.block(option::BLOCK1).expect("Block1");
    server.send(
        &last
            .piggybacked(code::CHANGED)
            .with_block(option::BLOCK1, block)
            .with_payload(reply_to(&body["id"])),
    );
    acknowledged(&fate);
}

// Proves: BLOCK-2.4-6
fn block_05_client_both() {
    let mut server = Server::start();
    let client = server.signed_in();
    let (_, fate) = large(&client);
    let (whole, last) = download(&mut server, 512);
    let body: Value = serde_json::from_slice(&whole).expect("JSON");
    let answer = json!({ "id": body["id"], "code": 200, "data": "", "message": "m".repeat(700) }).to_string();
    let blocks: Vec<&[u8]> = answer.as_bytes().chunks(512).collect();
    let block = last.block(option::BLOCK1).expect("Block1");
    let first = last.piggybacked(code::CHANGED).with_block(option::BLOCK1, block);
    server.send(&first.with_block(option::BLOCK2, Block::new(0, true, 512)).with_payload(blocks[0]));
    let next = server.request();
    let asked = next.block(option::BLOCK2).unwrap_or_else(|| panic!("no Block2: {next:?}"));
    assert_eq!(
        (next.code, next.path(), asked),
        (code::POST, last.path(), Block::new(1, false, 512)),
        "{next:?}"
    );
    server.send(
        &next
            .piggybacked(code::CHANGED)
            .with_block(option::BLOCK2, Block::new(1, false, 512))
            .with_payload(blocks[1]),
    );
    acknowledged(&fate);
}

// Proves: BLOCK-2.5-8
fn block_06_client_16() {
    let mut server = Server::start();
    let client = server.signed_in();
    let (text, fate) = large(&client);
    let (whole, last) = download(&mut server, 16);
    let body: Value = serde_json::from_slice(&whole).expect("JSON");
    assert_eq!(body["params"]["measurepoints"]["log"], text);
    let block = last.block(option::BLOCK1).expect("Block1");
    server.send(
        &last
            .piggybacked(code::CHANGED)
            .with_block(option::BLOCK1, block)
            .with_payload(reply_to(&body["id"])),
    );
    acknowledged(&fate);
}
