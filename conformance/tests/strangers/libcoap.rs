//! CoAP against libcoap's own programs, of its OpenSSL and its GnuTLS build: our client and `coap-server`, our hub and
//! `coap-client`, in plain and over DTLS.

use std::ffi::OsStr;
use std::net::{SocketAddr, UdpSocket};
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use conformance::coap::enos::{Device, psk};
use conformance::peer::child::Child;
use conformance::peer::scratch::Scratch;
use enos_runtime::{Client, ErrorKind, Login, Point, PostOptions};
use serde_json::{Value, json};

use crate::{DEVICE, PRODUCT, SECRET, hub, invoke, latest, topic};

const PATIENCE: Duration = Duration::from_secs(20);
const BUILDS: [&str; 2] = ["openssl", "gnutls"];
const SELF: Device<'static> = Device { product_key: PRODUCT, device_key: DEVICE, secret: SECRET };

/// Where Debian puts it; `None` with a printed reason if it is not there, which CI does not accept.
fn program(name: &str, build: &str) -> Option<PathBuf> {
    let path = PathBuf::from(format!("/usr/bin/{name}-{build}"));
    if path.exists() {
        return Some(path);
    }
    let reason = format!("{name}-{build} is not installed: install the Debian package libcoap3-bin");
    assert!(std::env::var("CI").as_deref() != Ok("true"), "{reason}");
    println!("skipped: {reason}");
    None
}

/// Two ports in a row that were free a moment ago: libcoap takes the next one for DTLS.
fn free_pair() -> u16 {
    loop {
        let socket = UdpSocket::bind(("127.0.0.1", 0)).expect("a free port");
        let port = socket.local_addr().expect("an address").port();
        if port.is_multiple_of(2) && UdpSocket::bind(("127.0.0.1", port + 1)).is_ok() {
            return port;
        }
    }
}

/// One run of `coap-client`: what it printed of the response's payload.
struct Tool {
    program: PathBuf,
    scratch: Scratch,
}

impl Tool {
    fn new(build: &str) -> Option<Self> {
        Some(Self { program: program("coap-client", build)?, scratch: Scratch::new().expect("a folder") })
    }

    /// Runs it; what it says at the end of its patience is a failure of the test.
    fn run(&self, url: &str, arguments: &[&OsStr], body: Option<&str>) -> String {
        let mut command = Command::new(&self.program);
        command.args(["-B", "20", "-v", "6"]).args(arguments);
        if let Some(body) = body {
            command
                .args(["-m", "post", "-t", "50", "-f"])
                .arg(self.scratch.write("body", body).expect("a file"));
        }
        let output = command.arg(url).output().expect("coap-client runs");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
        said
    }
}

/// libcoap's server; resources come to be by PUT and POST.
struct Server {
    _child: Child,
    plain: SocketAddr,
    tool: Tool,
}

impl Server {
    fn start(build: &str) -> Option<Self> {
        let (program, tool) = (program("coap-server", build)?, Tool::new(build)?);
        let key = psk(SECRET);
        for _ in 0..5 {
            let port = free_pair();
            let mut command = Command::new(&program);
            command.args(["-A", "127.0.0.1", "-d", "100", "-p"]).arg(port.to_string());
            command.arg("-k").arg(OsStr::from_bytes(&key));
            let child = Child::start("coap-server", &mut command).expect("coap-server");
            let plain = SocketAddr::from(([127, 0, 0, 1], port));
            let mut peer = conformance::coap::Peer::to(plain).expect("a socket");
            let until = Instant::now() + PATIENCE;
            // It is ready when it answers a ping.
            let mut id = 0;
            while Instant::now() < until {
                id += 1;
                let ping = conformance::coap::Message::empty(conformance::coap::Kind::Con, id);
                // Nobody may listen yet.
                let _ = peer.send(&ping);
                if let Ok(Some(_)) = peer.message(Duration::from_millis(50)) {
                    return Some(Self { _child: child, plain, tool });
                }
                if child.line(Instant::now()) == Err(conformance::peer::child::Silence::Ended) {
                    break;
                }
            }
        }
        panic!("coap-server found no free ports in five tries");
    }

    fn url(&self, path: &str) -> String {
        format!("coap://{}{path}", self.plain)
    }

    /// Makes a resource, so that a POST to it changes and does not create it.
    fn make(&self, path: &str) {
        self.tool.run(&self.url(path), &["-m", "put", "-e", "empty"].map(OsStr::new), None);
    }

    /// What it stores there.
    fn stored(&self, path: &str) -> Value {
        let file = self.tool.scratch.path().join("stored");
        self.tool.run(&self.url(path), &[OsStr::new("-o"), file.as_os_str()], None);
        let text = std::fs::read_to_string(file).expect("a payload");
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
    }
}

fn client(url: &str, secret: &str) -> Client {
    Client::builder(url)
        .login(Login::device_secret(PRODUCT, DEVICE, secret))
        .backoff(Duration::from_millis(50), Duration::from_millis(200))
        .dial_budget(8, Duration::from_secs(1))
        .build()
        .expect("a client")
}

/// Posts small and large: libcoap stores what came, byte by byte, and answers 2.04 with no reply of EnOS in it.
fn posts(server: &Server, client: &Client) {
    let path = format!("/topic{}", topic("thing/measurepoint/post"));
    for points in [json!({ "temp": 21.5 }), json!({ "log": "x".repeat(3_000) })] {
        let options = PostOptions::new().timeout(Duration::from_secs(5));
        let point = match points["log"].as_str() {
            Some(text) => Point::new("log", text),
            None => Point::new("temp", 21.5),
        };
        let error =
            client.post_measurepoints_with(&[point], options).expect_err("libcoap does not speak EnOS");
        assert!(matches!(error.kind, ErrorKind::Malformed | ErrorKind::Timeout), "{error}");
        let stored = server.stored(&path);
        assert_eq!(stored["params"]["measurepoints"], points, "{stored}");
        assert_eq!(
            (&stored["version"], &stored["method"]),
            (&json!("1.0"), &json!("thing.measurepoint.post"))
        );
    }
}

#[test]
fn our_client_signs_in_and_posts_to_its_server() {
    for build in BUILDS {
        let Some(server) = Server::start(build) else { return };
        let auth = format!("/auth/{PRODUCT}/{DEVICE}");
        server.make(&auth);
        server.make(&format!("/topic{}", topic("thing/measurepoint/post")));
        let client = client(&server.url(""), SECRET);
        client.connect(PATIENCE).expect("signed in");
        assert_eq!(server.stored(&auth), SELF.auth(1, &[], 3_600).json());
        posts(&server, &client);
        client.close(PATIENCE).expect("an end in order");
    }
}

#[test]
fn our_client_shakes_hands_with_its_server() {
    for build in BUILDS {
        let Some(server) = Server::start(build) else { return };
        server.make(&format!("/topic{}", topic("thing/measurepoint/post")));
        let url = format!("coaps://127.0.0.1:{}", server.plain.port() + 1);
        let secured = client(&url, SECRET);
        secured.connect(PATIENCE).expect("a handshake");
        posts(&server, &secured);
        secured.close(PATIENCE).expect("an end in order");
        let error = client(&url, "another").connect(Duration::from_secs(8)).expect_err("another key");
        assert!(
            matches!(error.kind, ErrorKind::TlsFailed | ErrorKind::SignatureRejected | ErrorKind::Timeout),
            "{error}"
        );
    }
}

/// What a device does by hand at our hub, each line a run of the tool on the same local port.
fn device(tool: &Tool, base: &str, local: &[&OsStr], signs_in: bool) {
    let hub = hub();
    let address = if base == "coap" { hub.ready().coap } else { hub.ready().coaps };
    let url = |path: &str| format!("{base}://{address}{path}");
    if signs_in {
        let auth = SELF.auth(1, &[], 3_600);
        let body = String::from_utf8(auth.payload.clone()).expect("text");
        let said = tool.run(&url(&auth.path()), local, Some(&body));
        assert!(said.contains("c:2.04"), "{said}");
    }
    let path = url(&format!("/topic{}", topic("thing/measurepoint/post")));
    let post = |id: &str, points: Value| {
        json!({ "id": id, "version": "1.0", "method": "thing.measurepoint.post",
                "params": { "measurepoints": points, "time": 1_700_000_000_000_i64 } })
        .to_string()
    };
    let said = tool.run(&path, local, Some(&post("1", json!({ "temp": 21.5 }))));
    assert!(said.contains("c:2.04") && said.contains("200"), "{said}");
    assert_eq!(latest(&hub, "temp")["value"], 21.5);
    for size in ["64", "512", "1024"] {
        let block = [local, &["-b", size].map(OsStr::new)].concat();
        let text = size.repeat(1_500);
        let said = tool.run(&path, &block, Some(&post(size, json!({ "log": text }))));
        assert!(said.contains("c:2.04") && said.contains("Block1:"), "{said}");
        assert_eq!(latest(&hub, "log")["value"], text);
    }
    // A command is hinted at, and fetched in blocks.
    let given = hub
        .call(
            "POST",
            &format!(
                "/connect-service/v2.1/commands?action=setMeasurepoint&productKey={PRODUCT}&deviceKey={DEVICE}\
                 &measurepointId=log&pendingTtl=600"
            ),
            &json!({ "value": "y".repeat(3_000) }).to_string(),
        )
        .expect("REST");
    assert_eq!(given["code"], 0, "{given}");
    let said = tool.run(&path, local, Some(&post("2", json!({ "temp": 2 }))));
    let hint = format!("/topic{}", topic("thing/service/measurepoint/set"));
    assert!(said.contains("2100") || said.contains(&hint), "{said}");
    let file = tool.scratch.path().join("command");
    let said = tool.run(&url(&hint), &[local, &[OsStr::new("-o"), file.as_os_str()]].concat(), None);
    let text = std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{error}: {said}"));
    let command: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(command["params"]["log"], "y".repeat(3_000), "{command}");
    let answer = json!({ "id": command["id"], "code": 200, "data": {} }).to_string();
    let said = tool.run(&url(&format!("{hint}_reply")), local, Some(&answer));
    assert!(said.contains("c:2.04"), "{said}");
    assert!(
        hub.call("POST", &format!("{}&pendingTtl=1", invoke("nowhere")), "{}").expect("REST")["code"] != 0
    );
}

#[test]
fn our_hub_serves_its_client() {
    for build in BUILDS {
        let Some(tool) = Tool::new(build) else { return };
        // The session belongs to the address.
        let port =
            UdpSocket::bind(("127.0.0.1", 0)).and_then(|socket| socket.local_addr()).expect("a port").port();
        let port = port.to_string();
        device(&tool, "coap", &["-a", "127.0.0.1", "-p", &port].map(OsStr::new), true);
        // Each run is a handshake of its own, so any address will do.
        let (identity, key) = (SELF.identity(2, 3_600), psk(SECRET));
        let secured = [OsStr::new("-u"), OsStr::new(&identity), OsStr::new("-k"), OsStr::from_bytes(&key)];
        device(&tool, "coaps", &secured, false);
    }
}
