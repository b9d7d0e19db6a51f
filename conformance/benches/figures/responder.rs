//! The server of every measurement: it accepts, acknowledges and answers at once, and knows nothing of the SDK.
//!
//! Any CONNECT is accepted. Every QoS 1 publish gets its PUBACK; every publish under `/sys/` or `/ext/` that
//! has an `"id"` gets `{"id":…,"code":200,"data":""}` on `…_reply` with QoS 0, with or without a SUBSCRIBE.
//! All answers to one read leave in one write. A client id made by `payload::commanded_device` gets service
//! commands pushed, QoS 0, and a line of figures is printed when the last one is answered.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::Instant;

use conformance::bench::mqtt::{self, Packet, kind};
use conformance::bench::sample::{Sample, percentile};
use conformance::bench::{Outcome, machine, payload};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::NoServerSessionStorage;
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// Bytes asked of the socket at a time.
const READ: usize = 64 * 1024;
/// The longest packet taken.
const LONGEST: usize = 1024 * 1024;
/// Clients that may be connected at once.
const MOST_CLIENTS: u64 = 4_000;
/// Stack of a connection's thread: thousands of clients are served.
const STACK: usize = 256 * 1024;

/// Serves until the process is ended; first prints one line of JSON with its addresses and CA.
pub(crate) fn serve() -> Outcome<()> {
    machine::allow_sockets(MOST_CLIENTS)?;
    let (config, ca) = test_identity()?;
    let tcp = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let tls = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let ready = serde_json::json!({
        "tcp": tcp.local_addr()?.to_string(),
        "tls": tls.local_addr()?.to_string(),
        "ca": ca,
    });
    println!("{ready}");
    thread::spawn(move || {
        accept(&tls, move |socket| {
            let session = ServerConnection::new(Arc::clone(&config))?;
            converse(StreamOwned::new(session, socket))
        })
    });
    accept(&tcp, converse)
}

fn accept(
    listener: &TcpListener,
    talk: impl Fn(TcpStream) -> Outcome<()> + Clone + Send + 'static,
) -> Outcome<()> {
    loop {
        let (socket, _) = listener.accept()?;
        socket.set_nodelay(true)?;
        let talk = talk.clone();
        thread::Builder::new().stack_size(STACK).spawn(move || {
            if let Err(error) = talk(socket) {
                eprintln!("responder: {error}");
            }
        })?;
    }
}

/// TLS 1.3 with a fresh P-256 CA and server certificate, without tickets: each handshake is a full one.
fn test_identity() -> Outcome<(Arc<ServerConfig>, String)> {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
    let key = KeyPair::generate()?;
    let certificate =
        CertificateParams::new(["localhost".to_owned(), "127.0.0.1".to_owned()])?.signed_by(&key, &ca)?;
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)?;
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok((Arc::new(config), ca.pem()))
}

/// Talks to one client until it leaves; an error if it owes answers then.
fn converse(stream: impl Read + Write) -> Outcome<()> {
    let mut client = Client::default();
    let left = exchange(stream, &mut client)?;
    match client.commands {
        Some(commands) if commands.answered < commands.total => {
            Err(format!("a client {left} after {} of {} commands", commands.answered, commands.total).into())
        }
        _ => Ok(()),
    }
}

/// Serves one client and says how it left.
fn exchange(mut stream: impl Read + Write, client: &mut Client) -> Outcome<&'static str> {
    let mut bytes = vec![0; READ];
    let mut filled = 0;
    let mut out = Vec::with_capacity(READ);
    loop {
        if filled == bytes.len() {
            if filled >= LONGEST {
                return Err("a packet of more than 1 MB".into());
            }
            bytes.resize(filled * 2, 0);
        }
        let read = match stream.read(bytes.get_mut(filled..).unwrap_or_default()) {
            Ok(0) => return Ok("hung up"),
            Ok(read) => read,
            // Clients may be killed or simply go.
            Err(_) => return Ok("broke off"),
        };
        filled += read;
        out.clear();
        let taken = mqtt::each_packet(bytes.get(..filled).unwrap_or_default(), |packet| {
            client.take(packet, &mut out)
        })?;
        bytes.copy_within(taken..filled, 0);
        filled -= taken;
        if let Some(commands) = &mut client.commands {
            commands.push_more(&mut out)?;
        }
        // Before the write: who has answered all may have hung up already.
        if let Some(figures) = client.commands.as_mut().and_then(Commands::figures_once) {
            println!("{}", figures.to_line());
        }
        if stream.write_all(&out).and_then(|()| stream.flush()).is_err() {
            return Ok("took no more");
        }
        if client.gone {
            return Ok("signed off");
        }
    }
}

/// What is known of a client.
#[derive(Default)]
struct Client {
    commands: Option<Commands>,
    topic: String,
    gone: bool,
}

impl Client {
    /// Handles one packet, appending what is due to `out`.
    fn take(&mut self, packet: Packet<'_>, out: &mut Vec<u8>) -> Outcome<()> {
        match packet.kind() {
            kind::CONNECT => {
                let (client_id, user) = packet.connect()?;
                out.extend_from_slice(&[kind::CONNACK << 4, 2, 0, 0]);
                self.commands = payload::commands_wanted(client_id).map(|wanted| Commands::new(wanted, user));
            }
            kind::PUBLISH => self.publish(packet, out)?,
            kind::SUBSCRIBE => {
                let filters = packet.filters()?;
                mqtt::put_header(out, 0x90, 2 + filters)?;
                out.extend_from_slice(&packet.identifier()?.to_be_bytes());
                out.extend(std::iter::repeat_n(1, filters));
            }
            kind::UNSUBSCRIBE => {
                mqtt::put_header(out, 0xb0, 2)?;
                out.extend_from_slice(&packet.identifier()?.to_be_bytes());
            }
            kind::PINGREQ => out.extend_from_slice(&[0xd0, 0]),
            kind::PUBACK => {}
            kind::DISCONNECT => self.gone = true,
            other => return Err(format!("a packet of kind {other}").into()),
        }
        Ok(())
    }

    fn publish(&mut self, packet: Packet<'_>, out: &mut Vec<u8>) -> Outcome<()> {
        let publish = packet.publish()?;
        if let Some(identifier) = publish.identifier {
            mqtt::put_puback(out, identifier);
        }
        if !publish.topic.starts_with("/sys/") && !publish.topic.starts_with("/ext/") {
            return Ok(());
        }
        let Some(id) = payload::id_of(publish.payload) else { return Ok(()) };
        if publish.topic.ends_with("_reply") {
            return self.commands.as_mut().map_or(Ok(()), |commands| commands.answered(id));
        }
        self.topic.clear();
        self.topic.push_str(publish.topic);
        self.topic.push_str("_reply");
        mqtt::put_publish(out, &self.topic, None, payload::answer(id).as_bytes())
    }
}

/// Commands pushed to one client, and when they were answered.
struct Commands {
    topic: String,
    total: u32,
    window: u32,
    /// When command n was sent; its length is how many were.
    sent: Vec<Instant>,
    round_trips: Vec<f64>,
    answered: u32,
    /// When the first third was answered: what is reported begins there.
    began: Option<Instant>,
    reported: bool,
}

impl Commands {
    fn new((total, window): (u32, u16), user: &str) -> Self {
        let (device_key, product_key) = user.split_once('&').unwrap_or((user, payload::PRODUCT_KEY));
        Self {
            topic: payload::command_topic(product_key, device_key),
            total,
            window: window.into(),
            sent: Vec::new(),
            round_trips: Vec::new(),
            answered: 0,
            began: None,
            reported: false,
        }
    }

    /// Appends commands until the window is full or all are sent.
    fn push_more(&mut self, out: &mut Vec<u8>) -> Outcome<()> {
        let now = Instant::now();
        loop {
            let next = u32::try_from(self.sent.len())?;
            if next >= self.total || next - self.answered >= self.window {
                return Ok(());
            }
            mqtt::put_publish(out, &self.topic, None, payload::command(next).as_bytes())?;
            self.sent.push(now);
        }
    }

    fn answered(&mut self, id: &str) -> Outcome<()> {
        let sent = self.sent.get(id.parse::<usize>()?).ok_or("an answer to a command never sent")?;
        self.answered += 1;
        if self.answered > self.total / 3 {
            self.began.get_or_insert_with(Instant::now);
            self.round_trips.push(sent.elapsed().as_secs_f64() * 1e6);
        }
        if usize::try_from(self.answered)? > self.sent.len() {
            return Err("a command was answered twice".into());
        }
        Ok(())
    }

    /// `per_second`, `p50_us` and `p99_us` over the last two thirds, once all are answered.
    fn figures_once(&mut self) -> Option<Sample> {
        if self.reported || self.answered < self.total {
            return None;
        }
        self.reported = true;
        let seconds = self.began?.elapsed().as_secs_f64();
        let counted = self.round_trips.len() as f64;
        let p50 = percentile(&mut self.round_trips, 0.5)?;
        let p99 = percentile(&mut self.round_trips, 0.99)?;
        Some(Sample::of("per_second", counted / seconds).with("p50_us", p50).with("p99_us", p99))
    }
}
