//! Our client against Debian's mosquitto, on TCP and on TLS, with a hub's part played by rumqttc through the broker.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::Command;
use std::sync::mpsc::{Receiver, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use conformance::peer::certificate::{Authority, KeyKind};
use conformance::peer::child::Child;
use conformance::peer::scratch::Scratch;
use enos_runtime::{Client, ClientBuilder, ErrorKind, Lifecycle, Login, Point, PostOptions, Tls};
use serde_json::json;

use crate::device::Device;
use crate::{DEVICE, PRODUCT, SECRET, topic};

const PATIENCE: Duration = Duration::from_secs(20);

/// The broker, running; dropping it ends it.
struct Broker {
    child: Option<Child>,
    plain: SocketAddr,
    tls: SocketAddr,
    scratch: Scratch,
}

/// Where Debian puts it; `None` with a printed reason if it is not there, which CI does not accept.
fn program() -> Option<PathBuf> {
    let found = ["/usr/sbin/mosquitto", "/usr/local/sbin/mosquitto", "/usr/bin/mosquitto"]
        .into_iter()
        .map(PathBuf::from)
        .find(|path| path.exists());
    if found.is_none() {
        let reason = "mosquitto is not installed: install the Debian package mosquitto";
        assert!(std::env::var("CI").as_deref() != Ok("true"), "{reason}");
        println!("skipped: {reason}");
    }
    found
}

/// A port that was free a moment ago; mosquitto cannot pick one itself.
fn free() -> SocketAddr {
    TcpListener::bind(("127.0.0.1", 0)).and_then(|listener| listener.local_addr()).expect("a free port")
}

impl Broker {
    /// Starts a broker; `general` are lines of its configuration for all, `tls` those of the TLS listener.
    fn start(scratch: Scratch, general: &str, tls: &str) -> Option<Self> {
        let program = program()?;
        for _ in 0..5 {
            let (plain, secured) = (free(), free());
            let text = format!(
                "user root\nlog_dest stderr\nper_listener_settings false\n{general}\n\
                 listener {} 127.0.0.1\nlistener {} 127.0.0.1\n{tls}\n",
                plain.port(),
                secured.port()
            );
            let file = scratch.write("mosquitto.conf", &text).expect("a file");
            let child =
                Child::start("mosquitto", Command::new(&program).arg("-c").arg(file)).expect("mosquitto");
            let until = Instant::now() + PATIENCE;
            loop {
                if [plain, secured].iter().all(|address| TcpStream::connect(address).is_ok()) {
                    return Some(Self { child: Some(child), plain, tls: secured, scratch });
                }
                // Another process may have taken a port meanwhile: then it ends at once.
                match child.line(Instant::now() + Duration::from_millis(20)) {
                    Err(conformance::peer::child::Silence::Ended) => break,
                    _ => assert!(Instant::now() < until, "mosquitto is not ready: {}", child.errors()),
                }
            }
        }
        panic!("mosquitto found no free ports in five tries");
    }

    /// Ends it in order, so that it keeps its sessions, and starts it again with the same configuration.
    fn restart(&mut self, between: impl FnOnce()) {
        if let Some(mut child) = self.child.take() {
            child.terminate();
            assert!(child.ended(PATIENCE).expect("an end in time"), "mosquitto failed: {}", child.errors());
        }
        between();
        let file = self.scratch.path().join("mosquitto.conf");
        let program = program().expect("it was there before");
        let child = Child::start("mosquitto", Command::new(program).arg("-c").arg(file)).expect("mosquitto");
        let until = Instant::now() + PATIENCE;
        while TcpStream::connect(self.plain).is_err() {
            assert!(Instant::now() < until, "mosquitto does not come back: {}", child.errors());
            std::thread::park_timeout(Duration::from_millis(20));
        }
        self.child = Some(child);
    }
}

/// A hub's part: replies 200 to posts and tells what they were. Ends when the broker closes. Its session lasts, so
/// that the broker keeps for it what comes while it is away.
fn responder(broker: &Broker) -> (Receiver<serde_json::Value>, JoinHandle<()>) {
    let post = topic("thing/measurepoint/post");
    let mut hub =
        Device::lasting(broker.plain, "responder").connected().subscribed(std::slice::from_ref(&post));
    let (told, posts) = channel();
    let thread = std::thread::spawn(move || {
        loop {
            let came = hub.wait(|packet| match packet {
                rumqttc::Packet::Publish(publish) => serde_json::from_slice(&publish.payload).ok(),
                _ => None::<serde_json::Value>,
            });
            let Ok(envelope) = came else { return };
            let reply = json!({"id": envelope["id"], "code": 200, "data": ""});
            hub.send(&format!("{post}_reply"), reply.to_string());
            if told.send(envelope).is_err() {
                return;
            }
        }
    });
    (posts, thread)
}

fn client(url: &str) -> ClientBuilder {
    Client::builder(url)
        .login(Login::device_secret(PRODUCT, DEVICE, SECRET))
        .backoff(Duration::from_millis(50), Duration::from_millis(200))
        .dial_budget(8, Duration::from_secs(1))
}

fn posts_and_answers(broker: &Broker, client: &Client) {
    let (posts, _thread) = responder(broker);
    client
        .on_service("reboot", |call, reply| {
            assert_eq!(call.args()["delay"], 3);
            reply.ok(&[("accepted", true.into())])
        })
        .expect("a handler");
    client.connect(PATIENCE).expect("a connection");
    client.post_measurepoints(&[Point::new("temp", 21.5)]).expect("a post");
    let envelope = posts.recv_timeout(PATIENCE).expect("the post");
    assert_eq!(envelope["params"]["measurepoints"], json!({"temp": 21.5}));
    assert_eq!(
        (&envelope["version"], &envelope["method"]),
        (&json!("1.0"), &json!("thing.measurepoint.post"))
    );

    let service = topic("thing/service/reboot");
    let answers = format!("{service}_reply");
    let mut caller =
        Device::plain(broker.plain, "caller", None).connected().subscribed(std::slice::from_ref(&answers));
    let command = json!({"id": "90000000001", "version": "1.0", "method": "thing.service.reboot", "params": {"delay": 3}});
    caller.send(&service, command.to_string());
    let answer = caller.message(&answers);
    assert_eq!((&answer["id"], &answer["code"]), (&json!("90000000001"), &json!(200)), "{answer}");
    assert_eq!(answer["data"], json!({"accepted": true}));
}

#[test]
fn over_tcp_it_posts_takes_commands_and_survives_a_restart() {
    let scratch = Scratch::new().expect("a folder");
    let general =
        format!("allow_anonymous true\npersistence true\npersistence_location {}/", scratch.path().display());
    let Some(mut broker) = Broker::start(scratch, &general, "") else { return };
    let client = client(&format!("tcp://{}", broker.plain)).build().expect("a client");
    let (step, steps) = channel();
    client.on_lifecycle(move |now| drop(step.send(now.clone()))).expect("a handler");
    posts_and_answers(&broker, &client);
    let (settled, fates) = channel();
    broker.restart(|| {
        loop {
            match steps.recv_timeout(PATIENCE).expect("a step") {
                Lifecycle::Offline { will_retry, .. } => {
                    assert!(will_retry);
                    break;
                }
                _ => continue,
            }
        }
        for number in 0..20 {
            let settled = settled.clone();
            let options = PostOptions::new().timeout(PATIENCE);
            let submitted =
                client.submit_measurepoints(&[Point::new("starts", number)], options, move |fate| {
                    drop(settled.send(fate))
                });
            submitted.expect("room for twenty posts");
        }
    });
    let (_posts, _thread) = responder(&broker);
    for _ in 0..20 {
        fates.recv_timeout(PATIENCE).expect("each post has an end").expect("nothing is lost");
    }
    client.post_measurepoints(&[Point::new("starts", 21)]).expect("a post after the restart");
    client.close(PATIENCE).expect("an end in order");
}

#[test]
fn over_tls_it_checks_the_broker_and_shows_its_certificate() {
    let authority = Authority::new("a broker's authority").expect("an authority");
    let names = ["127.0.0.1".to_owned()];
    for (kind, version) in [(KeyKind::P256, "tlsv1.3"), (KeyKind::Rsa, "tlsv1.2")] {
        let scratch = Scratch::new().expect("a folder");
        let server = authority.server(&names, kind, false).expect("a certificate");
        let device = authority.client(DEVICE).expect("a certificate");
        let file =
            |name: &str, content: &str| scratch.write(name, content).expect("a file").display().to_string();
        let tls = format!(
            "cafile {}\ncertfile {}\nkeyfile {}\nrequire_certificate true\ntls_version {version}",
            file("ca.pem", authority.pem()),
            file("cert.pem", &server.certificate),
            file("key.pem", &server.key)
        );
        let Some(broker) = Broker::start(scratch, "allow_anonymous true", &tls) else { return };
        let url = format!("ssl://{}", broker.tls);
        let trusting = Tls::new().ca(authority.pem());
        let shown = trusting.clone().client(device.certificate, device.key);
        let secured = client(&url).tls(shown).build().expect("a client");
        posts_and_answers(&broker, &secured);
        secured.close(PATIENCE).expect("an end in order");

        let silent = client(&url).tls(trusting).build().expect("a client");
        let error = silent.connect(PATIENCE).expect_err("mosquitto demands a certificate");
        assert_eq!(error.kind, ErrorKind::TlsFailed, "{error}");
        assert!(error.message.contains("client certificate"), "{error}");

        let other = Authority::new("another authority").expect("an authority");
        let careful = client(&url).tls(Tls::new().ca(other.pem())).build().expect("a client");
        let error = careful.connect(PATIENCE).expect_err("nobody knows this authority");
        assert_eq!(error.kind, ErrorKind::TlsFailed, "{error}");
        assert!(
            error.message.contains("not trusted") && error.message.contains("Give the hub's CA"),
            "{error}"
        );
    }
}

#[test]
fn a_broker_that_refuses_it_is_told_apart() {
    let Some(program) = program() else { return };
    let scratch = Scratch::new().expect("a folder");
    let passwords = scratch.path().join("passwords");
    let tool = program.with_file_name("mosquitto_passwd");
    let tool = if tool.exists() { tool } else { PathBuf::from("/usr/bin/mosquitto_passwd") };
    let made = Command::new(tool)
        .args(["-b", "-c"])
        .arg(&passwords)
        .args([&format!("{DEVICE}&{PRODUCT}"), "no sign is ever this"])
        .output()
        .expect("mosquitto_passwd");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let general = format!("allow_anonymous false\npassword_file {}", passwords.display());
    let Some(broker) = Broker::start(scratch, &general, "") else { return };
    let client = client(&format!("tcp://{}", broker.plain)).build().expect("a client");
    let error = client.connect(PATIENCE).expect_err("the password is another");
    // MQTT 3.1.1 §3.2.2.3: mosquitto answers 5 where EnOS answers 4.
    assert_eq!((error.kind, error.hub_code), (ErrorKind::DeviceDisabled, 5), "{error}");
    assert!(error.message.contains("CONNACK 5"), "{error}");
}
