//! A hub in this process and a client that speaks bytes, so that tests see what is on the wire.
#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "each test binary uses a part of it, and a failure is to panic"
)]

pub(crate) mod coap;
pub(crate) mod dtls_client;
pub(crate) mod process;

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use mock_hub::Hub;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use sha2::{Digest, Sha256};

/// A product with and one without what each test needs; the devices of `pk1` sign in with `secret-<key>`.
pub(crate) const SEED: &str = r#"{
  "models": [{"modelId": "m",
    "measurepoints": {"temp": {"identifier": "temp", "dataType": "DOUBLE"}},
    "services": {"reboot": {"identifier": "reboot", "callType": "SYNC", "inputData": [], "outputData": []}}}],
  "products": [
    {"productKey": "pk1", "productSecret": "ps1", "productName": "p", "modelId": "m",
     "dynamicActivateEnabled": true},
    {"productKey": "pk2", "productSecret": "ps2", "productName": "q", "modelId": "m",
     "biDirectionalAuth": true}],
  "devices": [
    {"productKey": "pk1", "deviceKey": "d1", "deviceSecret": "secret-d1"},
    {"productKey": "pk1", "deviceKey": "d2", "deviceSecret": "secret-d2"},
    {"productKey": "pk2", "deviceKey": "t1", "deviceSecret": "secret-t1"},
    {"productKey": "pk2", "deviceKey": "t2", "deviceSecret": "secret-t2"}]
}"#;

pub(crate) const POST: &str = "/sys/pk1/d1/thing/measurepoint/post";

/// How long a test waits for anything before it fails.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) fn hub() -> Hub {
    Hub::builder().ephemeral().seed_json(SEED).start().unwrap()
}

/// A credential of `auth.md` §2: client id, user name, password.
pub(crate) struct Login {
    pub(crate) client_id: String,
    pub(crate) user_name: String,
    pub(crate) password: String,
}

pub(crate) fn login(product_key: &str, device_key: &str, mode: u8, secret: &str) -> Login {
    let content = format!(
        "clientId{device_key}deviceKey{device_key}productKey{product_key}timestamp1700000000000{secret}"
    );
    let digest = Sha256::digest(content.as_bytes());
    Login {
        client_id: format!("{device_key}|securemode={mode},signmethod=sha256,timestamp=1700000000000|"),
        user_name: format!("{device_key}&{product_key}"),
        password: digest.iter().map(|byte| format!("{byte:02x}")).collect(),
    }
}

/// The static login of a device of the seed.
pub(crate) fn device(product_key: &str, device_key: &str) -> Login {
    login(product_key, device_key, 2, &format!("secret-{device_key}"))
}

pub(crate) fn string(text: &str) -> Vec<u8> {
    let mut bytes = u16::try_from(text.len()).unwrap().to_be_bytes().to_vec();
    bytes.extend_from_slice(text.as_bytes());
    bytes
}

/// A packet from its first byte and the parts of its body.
pub(crate) fn packet(head: u8, parts: &[&[u8]]) -> Vec<u8> {
    let mut length: usize = parts.iter().map(|part| part.len()).sum();
    let mut bytes = vec![head];
    loop {
        let byte = u8::try_from(length & 0x7F).unwrap();
        length >>= 7;
        bytes.push(if length > 0 { byte | 0x80 } else { byte });
        if length == 0 {
            break;
        }
    }
    bytes.extend(parts.iter().copied().flatten());
    bytes
}

pub(crate) fn connect(login: &Login, clean: bool, keep_alive_s: u16) -> Vec<u8> {
    let flags = if clean { 0xC2 } else { 0xC0 };
    packet(
        0x10,
        &[
            b"\x00\x04MQTT\x04",
            &[flags],
            &keep_alive_s.to_be_bytes(),
            &string(&login.client_id),
            &string(&login.user_name),
            &string(&login.password),
        ],
    )
}

pub(crate) fn publish(topic: &str, id: u16, payload: &[u8]) -> Vec<u8> {
    if id == 0 {
        packet(0x30, &[&string(topic), payload])
    } else {
        packet(0x32, &[&string(topic), &id.to_be_bytes(), payload])
    }
}

pub(crate) fn subscribe(id: u16, filter: &str, qos: u8) -> Vec<u8> {
    packet(0x82, &[&id.to_be_bytes(), &string(filter), &[qos]])
}

/// A post of one value of `temp`.
pub(crate) fn post(message_id: &str, value: f64) -> Vec<u8> {
    format!(
        r#"{{"id":"{message_id}","version":"1.0","method":"thing.measurepoint.post","params":{{"measurepoints":{{"temp":{value}}},"time":1700000000000}}}}"#
    )
    .into_bytes()
}

/// A packet as it came.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Packet {
    pub(crate) head: u8,
    pub(crate) body: Vec<u8>,
}

impl Packet {
    /// The first packet of `bytes`, if it is whole, and its length.
    pub(crate) fn cut(bytes: &[u8]) -> Option<(Self, usize)> {
        let (mut length, mut at) = (0usize, 1);
        loop {
            let byte = *bytes.get(at)?;
            length |= usize::from(byte & 0x7F) << (7 * (at - 1));
            at += 1;
            if byte & 0x80 == 0 {
                break;
            }
        }
        let body = bytes.get(at..at + length)?.to_vec();
        Some((Self { head: bytes[0], body }, at + length))
    }

    /// Topic, packet identifier (0 at QoS 0) and payload of a PUBLISH.
    pub(crate) fn published(&self) -> (String, u16, Vec<u8>) {
        assert_eq!(self.head & 0xF0, 0x30, "no PUBLISH: {self:?}");
        let length = usize::from(u16::from_be_bytes([self.body[0], self.body[1]]));
        let topic = String::from_utf8(self.body[2..2 + length].to_vec()).unwrap();
        let rest = &self.body[2 + length..];
        if self.head & 0x06 == 0 {
            return (topic, 0, rest.to_vec());
        }
        (topic, u16::from_be_bytes([rest[0], rest[1]]), rest[2..].to_vec())
    }
}

/// A client that sends bytes as told and reads packets.
pub(crate) struct Client<S>(pub(crate) S);

pub(crate) fn tcp(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

/// A client's stream over TLS, with a client certificate and its key if given.
pub(crate) fn tls(
    hub: &Hub,
    address: SocketAddr,
    identity: Option<(&str, &str)>,
) -> StreamOwned<ClientConnection, TcpStream> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(hub.ca_pem().as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    let config = match identity {
        None => builder.with_no_client_auth(),
        Some((certificate, key)) => builder
            .with_client_auth_cert(
                vec![CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap()],
                PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap(),
            )
            .unwrap(),
    };
    let session =
        ClientConnection::new(Arc::new(config), ServerName::try_from("localhost").unwrap()).unwrap();
    StreamOwned::new(session, tcp(address))
}

/// A client that has said nothing yet.
pub(crate) fn client(hub: &Hub) -> Client<TcpStream> {
    Client(tcp(hub.mqtt()))
}

/// A client that is signed in with a clean session.
pub(crate) fn signed_in(hub: &Hub, login: &Login) -> Client<TcpStream> {
    let mut client = client(hub);
    client.send(&connect(login, true, 60));
    assert_eq!(client.packet(), Packet { head: 0x20, body: vec![0, 0] });
    client
}

impl<S: Read + Write> Client<S> {
    pub(crate) fn send(&mut self, bytes: &[u8]) {
        self.try_send(bytes).unwrap();
    }

    /// Sends, unless the hub is gone.
    pub(crate) fn try_send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes)?;
        self.0.flush()
    }

    /// The next packet.
    pub(crate) fn packet(&mut self) -> Packet {
        let mut head = [0];
        self.0.read_exact(&mut head).unwrap();
        let mut length = 0usize;
        for shift in [0, 7, 14, 21] {
            let mut byte = [0];
            self.0.read_exact(&mut byte).unwrap();
            length |= usize::from(byte[0] & 0x7F) << shift;
            if byte[0] & 0x80 == 0 {
                break;
            }
        }
        let mut body = vec![0; length];
        self.0.read_exact(&mut body).unwrap();
        Packet { head: head[0], body }
    }

    /// Fails unless the hub closes the connection, with nothing more said.
    pub(crate) fn closed(&mut self) {
        let mut rest = Vec::new();
        match self.0.read_to_end(&mut rest) {
            Ok(_) => assert!(rest.is_empty(), "said before the end: {rest:02x?}"),
            Err(error) => {
                let reset = matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::UnexpectedEof);
                assert!(reset, "not closed: {error}");
            }
        }
    }

    /// A round trip: what was sent before has been dealt with when it returns.
    pub(crate) fn ping(&mut self) {
        self.send(&[0xC0, 0]);
        assert_eq!(self.packet(), Packet { head: 0xD0, body: vec![] });
    }
}

/// An HTTP request over a stream; gives status and body. The hub closes behind the answer.
pub(crate) fn http(stream: &mut (impl Read + Write), method: &str, path: &str, body: &str) -> (u16, String) {
    let length = body.len();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: hub\r\nConnection: close\r\nContent-Type: application/json\r\n\
         Content-Length: {length}\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

/// The same on a connection of its own; nothing if the hub is gone or goes meanwhile.
pub(crate) fn try_http(address: SocketAddr, method: &str, path: &str, body: &str) -> Option<(u16, String)> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    let length = body.len();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: hub\r\nConnection: close\r\nContent-Type: application/json\r\n\
         Content-Length: {length}\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    Some((head.split(' ').nth(1)?.parse().ok()?, body.to_owned()))
}

/// The texts of the journal's entries of one kind, oldest first.
pub(crate) fn journal(hub: &Hub, kind: &str) -> Vec<String> {
    let path = format!("/hub/v1/journal?kind={kind}&limit=1000");
    let (status, body) = http(&mut tcp(hub.http()), "GET", &path, "");
    assert_eq!(status, 200, "{body}");
    let read: serde_json::Value = serde_json::from_str(&body).unwrap();
    let found = &read["entries"];
    found.as_array().unwrap().iter().map(|entry| entry["text"].as_str().unwrap().to_owned()).collect()
}

/// Waits until an entry of a kind holds a text: what a closed connection led to is written behind its close.
pub(crate) fn await_journal(hub: &Hub, kind: &str, wanted: &str) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let texts = journal(hub, kind);
        if texts.iter().any(|text| text.contains(wanted)) {
            return;
        }
        assert!(Instant::now() < deadline, "\"{wanted}\" is not in {texts:#?}");
    }
}
