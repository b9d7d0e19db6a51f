//! CoAP over DTLS on real sockets: OpenSSL's client with a lossy network, libcoap's clients, the command line.
#![allow(clippy::unwrap_used, reason = "a failure is to panic")]

mod support;

use std::ffi::OsStr;
use std::net::{SocketAddr, UdpSocket};
use std::os::unix::ffi::OsStrExt as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use mock_hub::Hub;
use serde_json::Value;
use support::dtls_client::{self, CBC, CCM8, DtlsClient, POST, request, response};
use support::process::{Folder, Process, command};
use support::{PATIENCE, SEED, await_journal, http, journal, tcp};

const TOPIC: &str = "/topic/sys/pk1/d1/thing/measurepoint/post";

/// A client on a socket.
struct Connected {
    socket: UdpSocket,
    client: DtlsClient,
}

impl Connected {
    /// Shakes hands; `lose` says of each datagram, numbered from 0 in the order in which they are met, whether it is lost.
    fn shake(hub: SocketAddr, mut client: DtlsClient, lose: impl Fn(usize) -> bool) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.connect(hub).unwrap();
        let deadline = Instant::now() + PATIENCE;
        let mut met = 0;
        let mut lost = || {
            met += 1;
            lose(met - 1)
        };
        let mut room = [0; 2_048];
        while !client.done && client.over.is_none() {
            assert!(Instant::now() < deadline, "the handshake does not end");
            for datagram in client.transmit() {
                if !lost() {
                    socket.send(&datagram).unwrap();
                }
            }
            // OpenSSL's client resends after a second; nothing but time tells it to.
            socket.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
            match socket.recv(&mut room) {
                Ok(_) if lost() => {}
                Ok(count) => drop(client.receive(&room[..count])),
                Err(_) => client.look(),
            }
        }
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        Self { socket, client }
    }

    /// Asks and gives the answer.
    fn ask(&mut self, plain: &[u8]) -> (u16, u16, Vec<u8>) {
        let sealed = self.client.seal(plain);
        self.socket.send(&sealed).unwrap();
        let mut room = [0; 2_048];
        loop {
            let count = self.socket.recv(&mut room).unwrap();
            if let Some(answer) = self.client.receive(&room[..count]).pop() {
                return response(&answer);
            }
            // What the hub said again in the handshake.
            assert!(self.client.over.is_none(), "{:?}", self.client.over);
            if let Some(again) = self.client.transmit().pop() {
                self.socket.send(&again).unwrap();
            }
        }
    }
}

fn post(id: u16) -> Vec<u8> {
    request(POST, id, TOPIC, &support::post(&id.to_string(), 21.5))
}

/// The device d1 of pk1 as the hub has it.
fn latest(hub: &Hub) -> Value {
    let (status, body) = http(&mut tcp(hub.http()), "GET", "/hub/v1/state", "");
    assert_eq!(status, 200);
    let state: Value = serde_json::from_str(&body).unwrap();
    let devices = state["devices"].as_array().unwrap().clone();
    devices.into_iter().find(|device| device["deviceKey"] == "d1" && device["productKey"] == "pk1").unwrap()
}

#[test]
fn a_device_posts_over_both_suites() {
    for suite in [CCM8, CBC] {
        let hub = support::hub();
        let client = DtlsClient::new("pk1,d1,2,300", "secret-d1", suite);
        let mut device = Connected::shake(hub.coaps(), client, |_| false);
        assert_eq!(device.client.suite(), suite);
        let (code, message_id, payload) = device.ask(&post(7));
        let reply: Value = serde_json::from_slice(&payload).unwrap();
        assert_eq!((code, message_id), (204, 7));
        assert_eq!((&reply["id"], &reply["code"]), (&Value::from("7"), &Value::from(200)));
        assert_eq!(latest(&hub)["measurepoints"]["temp"]["value"], 21.5, "{}", latest(&hub));
        device.socket.send(&device.client.close()).unwrap();
        await_journal(&hub, "disconnect", "close_notify");
    }
}

/// Each datagram of the handshake is lost once, the hub's last one too.
#[test]
fn a_lossy_network_costs_time_and_nothing_else() {
    std::thread::scope(|scope| {
        for lost in 0..6 {
            scope.spawn(move || {
                let hub = support::hub();
                let client = DtlsClient::new("pk1,d1,2,300", "secret-d1", CCM8);
                let mut device = Connected::shake(hub.coaps(), client, |number| number == lost);
                assert!(device.client.done, "{lost}: {:?}", device.client.over);
                assert_eq!(device.ask(&post(1)).0, 204, "{lost}");
                assert_eq!(journal(&hub, "connect").len(), 1, "{lost}");
            });
        }
    });
}

#[test]
fn a_wrong_key_is_told_within_the_clients_first_resends() {
    let hub = support::hub();
    let client = DtlsClient::new("pk1,d1,2,300", "wrong", CCM8);
    let device = Connected::shake(hub.coaps(), client, |_| false);
    assert!(device.client.over.is_some_and(|over| over.contains("decrypt error")));
    await_journal(&hub, "refused", "key is wrong");
}

#[test]
fn a_thousand_connects_leave_nothing_behind() {
    let folder = Folder::new("dtls");
    let seed = folder.file("seed.json");
    std::fs::write(&seed, SEED).unwrap();
    let hub = Process::start(&["--seed", &seed]);
    let coaps: SocketAddr = hub.ready["coaps"].as_str().unwrap().parse().unwrap();
    let connect = |count: u16| {
        for number in 0..count {
            let client = DtlsClient::new("pk1,d1,2,300", "secret-d1", CCM8);
            let mut device = Connected::shake(coaps, client, |_| false);
            assert_eq!(device.ask(&post(number)).0, 204);
        }
        resident_kb(hub.child.id())
    };
    let before = connect(300);
    let grown = connect(1_000).saturating_sub(before);
    // What the journal keeps of a thousand sign-ins and posts is most of it; an association takes above ten kB.
    assert!(grown < 6_000, "{grown} kB");
}

fn resident_kb(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// Strangers: libcoap's client over OpenSSL and over GnuTLS.
#[test]
fn libcoap_signs_in_posts_and_is_refused() {
    for program in ["coap-client-openssl", "coap-client-gnutls"] {
        if !is_there(program) {
            assert!(std::env::var_os("CI").is_none(), "{program} is missing: install libcoap3-bin");
            eprintln!("skipped: {program} is not installed (libcoap3-bin)");
            continue;
        }
        let hub = support::hub();
        let run = |key: &[u8], identity: &str| {
            let payload = String::from_utf8(support::post("3", 4.5)).unwrap();
            let output = Command::new(program)
                .args(["-m", "post", "-t", "50", "-B", "8", "-u", identity, "-k"])
                .arg(OsStr::from_bytes(key))
                .args(["-e", &percent(&payload)])
                .arg(format!("coaps://{}{TOPIC}", hub.coaps()))
                .stdin(Stdio::null())
                .output()
                .unwrap();
            String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
        };
        let key = dtls_client::key("secret-d1");
        assert!(!key.contains(&0), "the client takes its key as a text");
        let said = run(&key, "pk1,d1,2,300");
        assert!(said.contains(r#""code":200"#), "{program}: {said}");
        assert_eq!(latest(&hub)["measurepoints"]["temp"]["value"], 4.5);
        run(&key, "pk1,nobody,2,300");
        await_journal(&hub, "refused", "pk1/nobody does not exist");
        run(b"0123456789abcdef", "pk1,d1,2,300");
        await_journal(&hub, "refused", "key is wrong");
    }
}

fn is_there(program: &str) -> bool {
    Command::new(program).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok()
}

/// What the client takes as text, with everything escaped that it could read otherwise.
fn percent(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

#[test]
fn the_command_line_puts_it_beside_plain_coap() {
    let hub = Process::start(&[]);
    assert!(hub.ready["coaps"].as_str().unwrap().parse::<SocketAddr>().unwrap().port() > 0);
    let (_, body) = http(&mut tcp(hub.http()), "GET", "/hub/v1/state", "");
    let state: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(state["coaps"], hub.ready["coaps"]);
    drop(hub);
    let hub = Process::start(&["--coaps", "[::1]:0"]);
    assert!(hub.ready["coaps"].as_str().unwrap().starts_with("[::1]:"));
    let refused = command(&["serve", "--coaps", "0.0.0.0:0"]).output().unwrap();
    assert!(String::from_utf8_lossy(&refused.stderr).contains("--coaps 0.0.0.0:0 can be reached"));
}
