//! A scripted hub on loopback: raw MQTT bytes over TCP or TLS, as well or as badly behaved as a test wants.

use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

/// The bound on everything that waits here.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) trait Stream: Read + Write + Send {}
impl<S: Read + Write + Send> Stream for S {}

/// A listening hub; it ends when dropped.
pub(crate) struct Hub {
    pub(crate) address: SocketAddr,
    accepted: Arc<AtomicUsize>,
    ending: Arc<AtomicBool>,
    sockets: Arc<Mutex<Vec<TcpStream>>>,
    thread: Option<JoinHandle<()>>,
}

impl Hub {
    /// Runs `script` for each connection, on a thread of its own, with the number of the connection from 0.
    pub(crate) fn start(script: impl Fn(usize, Conn) + Send + Sync + 'static) -> Self {
        Self::listen(move |number, socket| script(number, Conn::plain(socket)))
    }

    /// The same over TLS. What the handshake says is not the script's business.
    pub(crate) fn tls(
        config: Arc<ServerConfig>,
        script: impl Fn(usize, Conn) + Send + Sync + 'static,
    ) -> Self {
        Self::listen(move |number, socket| {
            let tls = ServerConnection::new(config.clone()).unwrap();
            script(number, Conn { stream: Box::new(StreamOwned::new(tls, socket)), unread: Vec::new() });
        })
    }

    /// A hub that serves as it should.
    pub(crate) fn good() -> Self {
        Self::start(|_, conn| conn.serve())
    }

    fn listen(talk: impl Fn(usize, TcpStream) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (accepted, ending) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
        let sockets = Arc::new(Mutex::new(Vec::new()));
        let (count, end, list, talk) = (accepted.clone(), ending.clone(), sockets.clone(), Arc::new(talk));
        let thread = std::thread::spawn(move || {
            let mut talks = Vec::new();
            for socket in listener.incoming() {
                if end.load(Ordering::SeqCst) {
                    break;
                }
                let socket = socket.unwrap();
                socket.set_read_timeout(Some(PATIENCE)).unwrap();
                socket.set_nodelay(true).unwrap();
                let handle = socket.try_clone().unwrap();
                list.lock().unwrap().push(socket.try_clone().unwrap());
                let number = count.fetch_add(1, Ordering::SeqCst);
                let talk = talk.clone();
                talks.push(std::thread::spawn(move || {
                    talk(number, socket);
                    // Other handles are open still.
                    let _ = handle.shutdown(Shutdown::Both);
                }));
            }
            drop(listener);
            for talk in talks {
                let _ = talk.join();
            }
        });
        Self { address, accepted, ending, sockets, thread: Some(thread) }
    }

    pub(crate) fn tcp_url(&self) -> String {
        format!("tcp://{}", self.address)
    }

    pub(crate) fn tls_url(&self, host: &str) -> String {
        format!("ssl://{host}:{}", self.address.port())
    }

    /// How many connections there were.
    pub(crate) fn accepted(&self) -> usize {
        self.accepted.load(Ordering::SeqCst)
    }

    /// Cuts all connections.
    pub(crate) fn cut(&self) {
        for socket in self.sockets.lock().unwrap().drain(..) {
            let _ = socket.shutdown(Shutdown::Both);
        }
    }
}

impl Drop for Hub {
    fn drop(&mut self) {
        self.ending.store(true, Ordering::SeqCst);
        self.cut();
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// One connection.
pub(crate) struct Conn {
    pub(crate) stream: Box<dyn Stream>,
    unread: Vec<u8>,
}

/// One packet: its first byte and what follows the length.
pub(crate) struct Packet {
    pub(crate) first: u8,
    pub(crate) body: Vec<u8>,
}

pub(crate) const CONNECT: u8 = 1;
pub(crate) const PUBLISH: u8 = 3;
pub(crate) const SUBSCRIBE: u8 = 8;
pub(crate) const PINGREQ: u8 = 12;
pub(crate) const DISCONNECT: u8 = 14;

impl Packet {
    pub(crate) fn kind(&self) -> u8 {
        self.first >> 4
    }

    /// Topic, packet identifier and payload of a PUBLISH.
    pub(crate) fn publish(&self) -> (&str, Option<u16>, &str) {
        let length = usize::from(u16::from_be_bytes([self.body[0], self.body[1]]));
        let topic = std::str::from_utf8(&self.body[2..2 + length]).unwrap();
        let rest = &self.body[2 + length..];
        let (id, payload) = match self.first & 0x06 {
            0 => (None, rest),
            _ => (Some(u16::from_be_bytes([rest[0], rest[1]])), &rest[2..]),
        };
        (topic, id, std::str::from_utf8(payload).unwrap())
    }

    /// The client id of a CONNECT.
    pub(crate) fn client_id(&self) -> &str {
        let length = usize::from(u16::from_be_bytes([self.body[10], self.body[11]]));
        std::str::from_utf8(&self.body[12..12 + length]).unwrap()
    }
}

/// The message id inside an envelope.
pub(crate) fn message_id(payload: &str) -> String {
    let tree: serde_json::Value = serde_json::from_str(payload).unwrap();
    tree["id"].as_str().unwrap().to_owned()
}

/// A PUBLISH of QoS 0.
pub(crate) fn publish(topic: &str, payload: &str) -> Vec<u8> {
    let mut body = Vec::new();
    body.extend_from_slice(&(topic.len() as u16).to_be_bytes());
    body.extend_from_slice(topic.as_bytes());
    body.extend_from_slice(payload.as_bytes());
    let mut packet = vec![0x30];
    let mut length = body.len();
    loop {
        let low = (length % 128) as u8;
        length /= 128;
        packet.push(low | if length > 0 { 0x80 } else { 0 });
        if length == 0 {
            break;
        }
    }
    packet.extend_from_slice(&body);
    packet
}

impl Conn {
    pub(crate) fn plain(socket: TcpStream) -> Self {
        Self { stream: Box::new(socket), unread: Vec::new() }
    }

    /// The next packet; `None` once the client is gone.
    pub(crate) fn packet(&mut self) -> Option<Packet> {
        loop {
            if let Some((packet, taken)) = first_packet(&self.unread) {
                self.unread.drain(..taken);
                return Some(packet);
            }
            let mut block = [0; 16 * 1024];
            match self.stream.read(&mut block) {
                Ok(0) | Err(_) => return None,
                Ok(count) => self.unread.extend_from_slice(&block[..count]),
            }
        }
    }

    /// The next packet of a kind; others are answered as they should be.
    pub(crate) fn expect(&mut self, kind: u8) -> Option<Packet> {
        loop {
            let packet = self.packet()?;
            if packet.kind() == kind {
                return Some(packet);
            }
            self.answer(&packet, 200);
        }
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) -> bool {
        self.stream.write_all(bytes).and_then(|()| self.stream.flush()).is_ok()
    }

    /// Takes CONNECT and accepts it.
    pub(crate) fn accept(&mut self) -> Option<Packet> {
        let connect = self.packet()?;
        assert_eq!(connect.kind(), CONNECT);
        self.send(&[0x20, 2, 0, 0]).then_some(connect)
    }

    /// Answers one packet as a hub does; replies carry this code.
    pub(crate) fn answer(&mut self, packet: &Packet, code: u32) {
        match packet.kind() {
            PUBLISH => {
                let (topic, id, payload) = packet.publish();
                let mut out = Vec::new();
                if let Some(id) = id {
                    out.extend_from_slice(&[0x40, 2]);
                    out.extend_from_slice(&id.to_be_bytes());
                }
                if !topic.ends_with("_reply") {
                    let id = message_id(payload);
                    let reply = format!(r#"{{"id":"{id}","code":{code},"message":"scripted","data":""}}"#);
                    out.extend_from_slice(&publish(&format!("{topic}_reply"), &reply));
                }
                self.send(&out);
            }
            SUBSCRIBE => {
                let mut filters = 0;
                let mut at = 2;
                while at < packet.body.len() {
                    at += 3 + usize::from(u16::from_be_bytes([packet.body[at], packet.body[at + 1]]));
                    filters += 1;
                }
                let mut out = vec![0x90, 2 + filters, packet.body[0], packet.body[1]];
                out.extend(std::iter::repeat_n(1, usize::from(filters)));
                self.send(&out);
            }
            PINGREQ => {
                self.send(&[0xD0, 0]);
            }
            _ => {}
        }
    }

    /// Accepts, and answers everything with 200 until the client goes.
    pub(crate) fn serve(mut self) {
        if self.accept().is_some() {
            self.serve_on();
        }
    }

    /// Answers everything with 200 until the client goes.
    pub(crate) fn serve_on(mut self) {
        while let Some(packet) = self.packet() {
            if packet.kind() == DISCONNECT {
                return;
            }
            self.answer(&packet, 200);
        }
    }
}

fn first_packet(bytes: &[u8]) -> Option<(Packet, usize)> {
    let (mut length, mut at) = (0_usize, 1);
    loop {
        let byte = *bytes.get(at)?;
        length |= usize::from(byte & 0x7F) << (7 * (at - 1));
        at += 1;
        if byte & 0x80 == 0 {
            break;
        }
    }
    let body = bytes.get(at..at + length)?.to_vec();
    Some((Packet { first: bytes[0], body }, at + length))
}

/// Certificates of one test.
pub(crate) struct Authority {
    issuer: rcgen::CertifiedIssuer<'static, rcgen::KeyPair>,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = rcgen::CertificateParams::default();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("test CA {}", NEXT.fetch_add(1, Ordering::SeqCst));
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        let key = rcgen::KeyPair::generate().unwrap();
        Self { issuer: rcgen::CertifiedIssuer::self_signed(params, key).unwrap() }
    }

    pub(crate) fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// A certificate for these names, changed as wanted, and its key.
    pub(crate) fn issue(
        &self,
        names: &[&str],
        change: impl FnOnce(&mut rcgen::CertificateParams),
    ) -> (rcgen::Certificate, rcgen::KeyPair) {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = rcgen::CertificateParams::new(names).unwrap();
        change(&mut params);
        let key = rcgen::KeyPair::generate().unwrap();
        (params.signed_by(&key, &self.issuer).unwrap(), key)
    }

    /// A server's TLS; with `clients`, those must show a certificate of this authority.
    pub(crate) fn server(
        &self,
        (certificate, key): (rcgen::Certificate, rcgen::KeyPair),
        versions: &[&'static rustls::SupportedProtocolVersion],
        clients: Option<&Authority>,
    ) -> Arc<ServerConfig> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder =
            ServerConfig::builder_with_provider(provider.clone()).with_protocol_versions(versions).unwrap();
        let builder = match clients {
            None => builder.with_no_client_auth(),
            Some(authority) => {
                let mut roots = rustls::RootCertStore::empty();
                roots.add(authority.issuer.der().clone()).unwrap();
                let verifier =
                    rustls::server::WebPkiClientVerifier::builder_with_provider(roots.into(), provider)
                        .build()
                        .unwrap();
                builder.with_client_cert_verifier(verifier)
            }
        };
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        Arc::new(builder.with_single_cert(vec![certificate.der().clone()], key).unwrap())
    }
}
