//! The dial and the link against a DTLS server in this process, whose datagrams the tests hold back, repeat and spoil.

use super::super::wait::{Cancel, Spare};
use super::super::{Psk, Target, dial};
use super::*;
use crate::link::{Unheard, dtls_server};
use crate::tls::{SystemRoots, Tls};
use dimpl::{Dtls, Output, PskResolver};
use std::net::UdpSocket as StdSocket;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::JoinHandle;
use std::time::Duration;
use zeroize::Zeroizing;

const LONG: Duration = Duration::from_secs(30);
const KEY: [u8; 16] = [7; 16];
const IDENTITY: &str = "pk,dk,2,3600";

/// What a test does to the datagram with this number (from 0, of this direction).
type Meddle = Box<dyn FnMut(usize, &[u8]) -> Vec<Vec<u8>> + Send>;

fn honest() -> Meddle {
    Box::new(|_, datagram| vec![datagram.to_vec()])
}

#[derive(Default)]
struct Known {
    identity: &'static str,
    key: [u8; 16],
}

impl PskResolver for Known {
    fn resolve(&self, identity: &[u8]) -> Option<Vec<u8>> {
        (identity == self.identity.as_bytes()).then(|| self.key.to_vec())
    }
}

/// A DTLS server for one client, which answers each message with the same message, and "bye" with close_notify.
struct Server {
    address: SocketAddr,
    /// Encrypted bytes as they were sent, for a test to send again.
    sent: Receiver<Vec<u8>>,
    stop: Sender<()>,
    thread: Option<JoinHandle<()>>,
    socket: Arc<StdSocket>,
}

impl Server {
    fn new(known: Known, mut outward: Meddle, mut inward: Meddle) -> Self {
        let socket = Arc::new(StdSocket::bind("127.0.0.1:0").unwrap());
        let address = socket.local_addr().unwrap();
        let (stop, stopped) = mpsc::channel::<()>();
        let (tell, sent) = mpsc::channel();
        let own = socket.clone();
        let thread = std::thread::spawn(move || {
            let config = dtls_server(Arc::new(known));
            let mut dtls = Dtls::new_12_psk(Arc::new(config), Instant::now());
            let (mut block, mut out) = ([0; 4096], [0; 4096]);
            let (mut heard, mut said) = (0, 0);
            let mut client = None;
            own.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
            while matches!(stopped.try_recv(), Err(mpsc::TryRecvError::Empty)) {
                let mut failed = dtls.handle_timeout(Instant::now()).is_err();
                if let Ok((count, from)) = own.recv_from(&mut block) {
                    client = Some(from);
                    for datagram in inward(heard, &block[..count]) {
                        failed |= dtls.handle_packet(&datagram).is_err();
                    }
                    heard += 1;
                }
                loop {
                    match dtls.poll_output(&mut out) {
                        Output::Packet(packet) => {
                            let _ = tell.send(packet.to_vec());
                            for datagram in outward(said, packet) {
                                own.send_to(&datagram, client.unwrap()).unwrap();
                            }
                            said += 1;
                        }
                        Output::ApplicationData(b"bye") => dtls.close().unwrap(),
                        Output::ApplicationData(data) => {
                            let data = data.to_vec();
                            dtls.send_application_data(&data).unwrap();
                        }
                        Output::Timeout(_) => break,
                        _ => {}
                    }
                }
                if failed {
                    return;
                }
            }
        });
        Self { address, sent, stop, thread: Some(thread), socket }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.stop.send(());
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            assert!(ended.is_ok() || std::thread::panicking());
        }
    }
}

/// A place to wait, and a link in it.
struct Way {
    wait: Wait,
    link: Link,
}

fn plan(handshake: Duration) -> Plan {
    Plan {
        tls: Tls::new().setup().unwrap(),
        proxy: None,
        address_timeout: handshake,
        handshake_timeout: handshake,
        total_timeout: LONG,
        unheard: Unheard::default(),
    }
}

fn target(address: SocketAddr, scheme: Scheme) -> Target {
    let psk = Psk { identity: IDENTITY.to_owned(), key: Zeroizing::new(KEY) };
    Target { scheme, host: address.ip().to_string(), port: address.port(), psk: Some(psk) }
}

fn dial_in(plan: &Plan, target: &Target) -> Result<Way, Down> {
    let mut wait = Wait::new(&Spare::default(), &Arc::new(Cancel::default()))?;
    let link = dial(plan, target, &SystemRoots::default(), &mut wait)?;
    Ok(Way { wait, link })
}

fn secured_to(server: &Server) -> Result<Way, Down> {
    dial_in(&plan(LONG), &target(server.address, Scheme::Coaps))
}

impl Way {
    fn say(&mut self, message: &[u8]) {
        assert_eq!(self.link.write(message).unwrap(), message.len());
    }

    /// The next message that comes, into a buffer of this size.
    fn hear_into(&mut self, size: usize) -> Result<Vec<u8>, Down> {
        let mut buffer = vec![0; size];
        let end = Instant::now() + LONG;
        loop {
            let received = self.link.read(&mut buffer)?;
            if received.count > 0 {
                buffer.truncate(received.count);
                return Ok(buffer);
            }
            assert!(Instant::now() < end, "nothing came");
            if !received.more {
                self.wait.until(end)?;
            }
        }
    }

    fn hear(&mut self) -> Result<Vec<u8>, Down> {
        self.hear_into(1_500)
    }
}

fn refused(server: &Server, handshake: Duration) -> Down {
    dial_in(&plan(handshake), &target(server.address, Scheme::Coaps)).err().expect("no session")
}

const GOOD: Known = Known { identity: IDENTITY, key: KEY };

#[test]
fn messages_go_both_ways_and_close_notify_ends_the_link() {
    let server = Server::new(GOOD, honest(), honest());
    let mut way = secured_to(&server).unwrap();
    for message in [&b"one"[..], &[0x41; 1_024]] {
        way.say(message);
        assert_eq!(way.hear().unwrap(), message);
    }
    assert_eq!(way.link.deadline(), None, "an idle session asks for no timer");
    way.say(b"bye");
    let down = way.hear().unwrap_err();
    assert_eq!(down.fault, LinkFault::PeerClosed);
    assert!(down.text.contains("close_notify"), "{}", down.text);
}

#[test]
fn a_handshake_outlives_lost_datagrams() {
    let lossy = || -> Meddle {
        Box::new(|number, datagram| match number {
            0 | 2 => Vec::new(),
            _ => vec![datagram.to_vec()],
        })
    };
    let server = Server::new(GOOD, lossy(), lossy());
    let mut way = secured_to(&server).unwrap();
    way.say(b"through");
    assert_eq!(way.hear().unwrap(), b"through");
}

#[test]
fn a_wrong_key_is_told_and_no_secret_is_shown() {
    let server = Server::new(Known { key: [8; 16], ..GOOD }, honest(), honest());
    let down = refused(&server, Duration::from_secs(3));
    assert_eq!((down.fault, down.cause), (LinkFault::Timeout, Some(Cause::PskRefused)), "{}", down.text);
    assert!(down.text.contains("Check the device secret"), "{}", down.text);
    let psk = Psk { identity: IDENTITY.to_owned(), key: Zeroizing::new(KEY) };
    let shown = format!("{down:?} {psk:?}");
    assert!(shown.contains(IDENTITY) && !shown.contains("7, 7"), "{shown}");
}

#[test]
fn alerts_for_identity_and_key_are_final() {
    let alert = |description| -> Meddle {
        // The answer to ClientHello is a fatal alert, which no key protects yet.
        Box::new(move |_, _| vec![vec![21, 254, 253, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 2, description]])
    };
    for (description, fault, cause) in [
        (115, LinkFault::Tls, Cause::PskIdentityRefused),
        (51, LinkFault::Tls, Cause::PskRefused),
        (40, LinkFault::Tls, Cause::NoCommonDtls),
        (80, LinkFault::Connect, Cause::TlsFailed),
    ] {
        let server = Server::new(GOOD, alert(description), honest());
        let down = refused(&server, LONG);
        assert_eq!((down.fault, down.cause), (fault, Some(cause)), "{description}: {}", down.text);
    }
}

#[test]
fn silence_and_a_closed_port_are_told_apart() {
    let silent = StdSocket::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap();
    let down = dial_in(&plan(Duration::from_millis(50)), &target(address, Scheme::Coaps)).err().unwrap();
    assert_eq!((down.fault, down.cause), (LinkFault::Timeout, Some(Cause::NoAnswer)), "{}", down.text);
    drop(silent);
    let down = dial_in(&plan(LONG), &target(address, Scheme::Coaps)).err().unwrap();
    assert_eq!((down.fault, down.cause), (LinkFault::Connect, Some(Cause::ConnectionRefused)));
    // In clear the dial succeeds, and the first message meets the closed port.
    let mut way = dial_in(&plan(LONG), &target(address, Scheme::Coap)).unwrap();
    way.say(b"hello");
    let down = way.hear().unwrap_err();
    assert_eq!((down.fault, down.cause), (LinkFault::Connect, Some(Cause::ConnectionRefused)));
}

#[test]
fn what_is_replayed_spoiled_or_strange_is_dropped_and_the_session_goes_on() {
    let server = Server::new(GOOD, honest(), honest());
    let mut way = secured_to(&server).unwrap();
    while server.sent.try_recv().is_ok() {}
    way.say(b"once");
    assert_eq!(way.hear().unwrap(), b"once");
    let record = server.sent.recv_timeout(LONG).unwrap();
    let mut spoiled = record.clone();
    *spoiled.last_mut().unwrap() ^= 1;
    spoiled[10] = 99;
    let client = local(&way);
    let plain_alert = vec![21, 254, 253, 0, 0, 0, 0, 0, 0, 0, 9, 0, 2, 2, 51];
    for strange in [record, spoiled, b"GET / HTTP/1.1".to_vec(), vec![0; 3_000], Vec::new(), plain_alert] {
        server.socket.send_to(&strange, client).unwrap();
    }
    way.say(b"twice");
    assert_eq!(way.hear().unwrap(), b"twice");
    let Link::Datagrams(datagrams) = &way.link else { panic!("no datagrams") };
    assert_eq!(datagrams.dropped(), 6);
}

#[test]
fn a_message_larger_than_the_buffer_is_dropped() {
    let server = Server::new(GOOD, honest(), honest());
    let mut way = secured_to(&server).unwrap();
    way.say(&[1; 1_000]);
    way.say(b"small");
    assert_eq!(way.hear_into(500).unwrap(), b"small");
}

#[test]
fn a_cancelled_handshake_ends_at_once() {
    let silent = StdSocket::bind("127.0.0.1:0").unwrap();
    let cancel = Arc::new(Cancel::default());
    cancel.cancel();
    let mut wait = Wait::new(&Spare::default(), &cancel).unwrap();
    let target = target(silent.local_addr().unwrap(), Scheme::Coaps);
    let down = dial(&plan(LONG), &target, &SystemRoots::default(), &mut wait).err().unwrap();
    assert!(down.text.contains("called off"), "{}", down.text);
}

#[test]
fn an_address_over_which_nothing_was_heard_gives_way_to_the_next() {
    let dead = StdSocket::bind("127.0.0.1:0").unwrap();
    let good = StdSocket::bind("127.0.0.2:0").unwrap();
    let addresses = [dead.local_addr().unwrap(), good.local_addr().unwrap()];
    let plan = plan(LONG);
    let target = target(addresses[0], Scheme::Coap);
    let peer = || {
        let mut wait = Wait::new(&Spare::default(), &Arc::new(Cancel::default())).unwrap();
        let link = establish(&plan, &target, &mut wait, &addresses, Instant::now() + LONG, &mut |_| ());
        let Ok(Link::Datagrams(datagrams)) = link else { panic!("no link") };
        datagrams.peer()
    };
    assert_eq!([peer(), peer(), peer()], [addresses[0], addresses[1], addresses[0]]);
}

fn local(way: &Way) -> SocketAddr {
    let Link::Datagrams(datagrams) = &way.link else { panic!("no datagrams") };
    datagrams.local()
}

/// libcoap takes its key as text.
const SHARED: &str = "sixteen-byte-key";

/// libcoap's example server with our key, on a port that was free a moment ago.
struct Libcoap(std::process::Child, SocketAddr);

impl Drop for Libcoap {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Libcoap {
    fn start(program: &str) -> Option<Self> {
        // DTLS has the port above CoAP's.
        let port = loop {
            let port = StdSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            if port < u16::MAX && StdSocket::bind(("127.0.0.1", port + 1)).is_ok() {
                break port;
            }
        };
        let arguments = ["-A", "127.0.0.1", "-p", &port.to_string(), "-k", SHARED, "-h", "hint"];
        let mut command = std::process::Command::new(program);
        command.args(arguments).stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
        match command.spawn() {
            Ok(child) => Some(Self(child, SocketAddr::from(([127, 0, 0, 1], port + 1)))),
            Err(error) if std::env::var("CI").is_ok_and(|ci| ci == "true") => {
                panic!("{program}: {error}. Install the package libcoap3-bin")
            }
            Err(error) => {
                eprintln!("skipped: {program}: {error}. The package libcoap3-bin has it");
                None
            }
        }
    }
}

/// Two other implementations of DTLS speak to ours: OpenSSL and GnuTLS, both under libcoap.
#[test]
fn libcoap_answers_over_openssl_and_gnutls() {
    for program in ["coap-server-openssl", "coap-server-gnutls"] {
        let Some(server) = Libcoap::start(program) else { continue };
        let mut target = target(server.1, Scheme::Coaps);
        let mut key = [0; 16];
        key.copy_from_slice(SHARED.as_bytes());
        target.psk = Some(Psk { identity: IDENTITY.to_owned(), key: Zeroizing::new(key) });
        let end = Instant::now() + LONG;
        let mut way = loop {
            match dial_in(&plan(LONG), &target) {
                Ok(way) => break way,
                // It has not opened its port yet.
                Err(down) if down.cause == Some(Cause::ConnectionRefused) && Instant::now() < end => {
                    std::thread::yield_now();
                }
                Err(down) => panic!("{program}: {}", down.text),
            }
        };
        // CON GET of the root; ACK with 2.05 (RFC 7252 §3).
        way.say(&[0x40, 0x01, 0x12, 0x34]);
        assert_eq!(way.hear().unwrap().get(..4), Some(&[0x60, 0x45, 0x12, 0x34][..]), "{program}");
        target.psk = Some(Psk { identity: IDENTITY.to_owned(), key: Zeroizing::new([9; 16]) });
        let down = dial_in(&plan(Duration::from_secs(2)), &target).err().expect("a wrong key");
        assert_eq!(down.cause, Some(Cause::PskRefused), "{program}: {}", down.text);
    }
}
