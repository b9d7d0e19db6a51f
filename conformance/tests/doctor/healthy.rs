//! Set-ups that are right, each in another way: no false alarm.

use std::net::Ipv6Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use conformance::peer::certificate::KeyKind;
use conformance::peer::net::Manner;
use enos_runtime::doctor::{Report, Session};
use enos_runtime::{Client, Lifecycle, Login, MemorySecretStore, Point, PostOptions, Proxy, Runtime};
use rustls::version::{TLS12, TLS13};
use serde_json::json;

use crate::world::{DYNAMIC, MUTUAL, PLAIN, PRODUCT_SECRET, PROXY_PASSWORD, SOON, World};

const TIME: Duration = Duration::ZERO;
/// States of a command, as the hub numbers them.
const SUCCEEDED: i32 = 5;
const FAILED: i32 = 6;

/// One set-up that works.
pub(crate) struct Healthy {
    pub(crate) name: &'static str,
    pub(crate) session: Session,
    /// Sign-in and reply are tried.
    pub(crate) complete: bool,
    pub(crate) says: &'static [&'static str],
    pub(crate) examine: fn(&World) -> Report,
}

fn in_version(world: &World, version: &'static rustls::SupportedProtocolVersion) -> Report {
    let identity = world.ours.server(&["localhost".to_owned()], KeyKind::P256, false).expect("one");
    let config = conformance::peer::net::tls_server(&identity, &[version]).expect("TLS");
    let port = world.serve(Manner::Tls(world.ready.mqtt, config)).port();
    world.at(&format!("ssl://localhost:{port}")).tls(world.our_ca()).doctor(TIME)
}

pub(crate) const HEALTHY: &[Healthy] = &[
    Healthy {
        name: "in clear",
        session: Session::Own,
        complete: true,
        says: &["goes in clear"],
        examine: |world| {
            let device = world.device();
            let client = world.as_device(&world.tcp(), PLAIN, &device).build().expect("settings");
            let report = client.doctor(TIME);
            // Signed off, though the client lives.
            world.until(PLAIN, &device, "offline");
            report
        },
    },
    Healthy {
        name: "TLS 1.2",
        session: Session::Own,
        complete: true,
        says: &["TLS 1.2", "our authority", "within the hub's certificate"],
        examine: |world| in_version(world, &TLS12),
    },
    Healthy {
        name: "TLS 1.3",
        session: Session::Own,
        complete: true,
        says: &["TLS 1.3", "our authority"],
        examine: |world| in_version(world, &TLS13),
    },
    Healthy {
        name: "client certificate at a product that asks for it",
        session: Session::Own,
        complete: true,
        says: &["its client certificate is"],
        examine: |world| {
            let device = world.device();
            let client = world.client_certificate(MUTUAL, &device);
            let tls = world.shown(world.ca(), &client);
            world.as_device(&world.ssl(), MUTUAL, &device).tls(tls).doctor(TIME)
        },
    },
    Healthy {
        name: "client certificate that the handshake asks for, TLS 1.3",
        session: Session::Own,
        complete: true,
        says: &["TLS 1.3"],
        examine: |world| {
            let client = world.ours.client("d").expect("a certificate");
            let tls = world.shown(world.our_ca(), &client);
            world.at(&world.mutual(&TLS13)).tls(tls).doctor(TIME)
        },
    },
    Healthy {
        name: "through a proxy with a login, TLS",
        session: Session::Own,
        complete: true,
        says: &["opened the way to the hub", "through the proxy"],
        examine: |world| {
            // user:cAnArY-proxy-password
            let credentials = Some("dXNlcjpjQW5BclktcHJveHktcGFzc3dvcmQ=".to_owned());
            let proxy = world.serve(Manner::Proxy { credentials });
            let proxy = Proxy::new("127.0.0.1", proxy.port()).login("user", PROXY_PASSWORD);
            world.at(&world.ssl()).tls(world.ca()).proxy(proxy).doctor(TIME)
        },
    },
    Healthy {
        name: "to be activated: not signed in, not activated",
        session: Session::None,
        complete: false,
        says: &["not activated yet", "only once"],
        examine: |world| {
            let device = world.device();
            let login = Login::dynamic_activation(DYNAMIC, &device, PRODUCT_SECRET, MemorySecretStore::new());
            let client = Client::builder(world.tcp()).login(login).build().expect("settings");
            let report = client.doctor(TIME);
            world.until(DYNAMIC, &device, "inactive");
            // And it can be activated still.
            client.connect(SOON).expect("an activation");
            report
        },
    },
    Healthy {
        name: "activated at an earlier start",
        session: Session::Own,
        complete: true,
        says: &["dynamic activation", "CONNACK 0"],
        examine: |world| {
            let (device, store) = (world.device(), Arc::new(MemorySecretStore::new()));
            let client = || {
                let login = Login::dynamic_activation(DYNAMIC, &device, PRODUCT_SECRET, store.clone());
                Client::builder(world.tcp()).login(login).build().expect("settings")
            };
            let first = client();
            first.connect(SOON).expect("an activation");
            first.close(SOON).expect("closed");
            client().doctor(TIME)
        },
    },
    Healthy {
        name: "kept session, which is there afterwards",
        session: Session::Own,
        complete: true,
        says: &["CONNACK 0"],
        examine: |world| {
            let builder = world.at(&world.tcp()).clean_session(false);
            builder.build().expect("settings").doctor(TIME)
        },
    },
    Healthy {
        name: "online client, which stays online",
        session: Session::Live,
        complete: true,
        says: &["would throw it out"],
        examine: |world| {
            let client = world.at(&world.ssl()).tls(world.ca()).build().expect("settings");
            let lost = Arc::new(AtomicUsize::new(0));
            let count = lost.clone();
            client
                .on_lifecycle(move |step| {
                    if !matches!(step, Lifecycle::Connecting | Lifecycle::Online) {
                        count.fetch_add(1, Ordering::SeqCst);
                    }
                })
                .expect("a handler");
            client.connect(SOON).expect("a connection");
            let report = client.doctor(TIME);
            client.post_measurepoints(&[Point::new("temp", 1.5)]).expect("a post");
            assert_eq!(lost.load(Ordering::SeqCst), 0, "the doctor disturbed the session");
            assert_eq!(client.stats().expect("counters").reconnects, 0);
            report
        },
    },
    Healthy {
        name: "client that heals, asked to connect now",
        session: Session::Joined,
        complete: true,
        says: &["asked to do so now"],
        examine: |world| {
            let relay = conformance::peer::net::Server::relay(world.ready.mqtt).expect("a relay");
            let (tell, hear) = std::sync::mpsc::channel();
            let client = world
                .at(&format!("tcp://{}", relay.address()))
                .backoff(Duration::from_secs(60), Duration::from_secs(60))
                .build()
                .expect("settings");
            client
                .on_lifecycle(move |step| {
                    if matches!(step, Lifecycle::Offline { .. }) {
                        let _ = tell.send(());
                    }
                })
                .expect("a handler");
            client.connect(SOON).expect("a connection");
            relay.cut();
            hear.recv_timeout(SOON).expect("a lost connection");
            client.doctor(TIME)
        },
    },
    Healthy {
        name: "shared runtime, from a callback",
        session: Session::Live,
        complete: true,
        says: &[],
        examine: |world| {
            let runtime = Runtime::new().expect("threads");
            let client = world.at(&world.tcp()).runtime(&runtime).build().expect("settings");
            client.connect(SOON).expect("a connection");
            let (tell, hear) = std::sync::mpsc::channel();
            let patient = client.clone();
            client
                .submit_measurepoints(&[Point::new("temp", 1.5)], Default::default(), move |_| {
                    let _ = tell.send(patient.doctor(TIME));
                })
                .expect("a post");
            hear.recv_timeout(SOON).expect("a report")
        },
    },
    Healthy {
        name: "name with addresses of both kinds, hub on one",
        session: Session::Own,
        complete: true,
        says: &["localhost has"],
        examine: |world| {
            let url = format!("tcp://localhost:{}", world.ready.mqtt.port());
            world.at(&url).doctor(TIME)
        },
    },
    Healthy {
        name: "IPv6 address",
        session: Session::Own,
        complete: true,
        says: &["[::1]"],
        examine: |world| {
            let six = world.serve_at(Ipv6Addr::LOCALHOST.into(), Manner::Relay(world.ready.mqtt));
            world.at(&format!("tcp://[::1]:{}", six.port())).doctor(TIME)
        },
    },
    Healthy {
        name: "a command that waits goes to the client's handler, which may be slow",
        session: Session::Own,
        complete: true,
        says: &["CONNACK 0"],
        examine: |world| {
            let (device, command) = commanded(world);
            let client = world.as_device(&world.tcp(), PLAIN, &device).build().expect("settings");
            let (tell, hear) = std::sync::mpsc::channel();
            client
                .on_service("reboot", move |call, responder| {
                    // Longer than the doctor takes to sign off.
                    std::thread::park_timeout(Duration::from_millis(900));
                    let _ = tell.send(call.device().clone());
                    responder.ok(&[])
                })
                .expect("a handler");
            let report = client.doctor(TIME);
            let handle = hear.recv_timeout(SOON).expect("the command");
            world.until_answered(&device, &command, SUCCEEDED);
            // The handle that came with the command is the client's, and lives on.
            client.connect(SOON).expect("a connection");
            handle.post_measurepoints(&[Point::new("temp", 1.5)]).expect("a post");
            report
        },
    },
    Healthy {
        name: "a command that comes while the client's only callback asks the doctor",
        session: Session::Own,
        complete: true,
        says: &["CONNACK 0"],
        examine: |world| {
            let (device, command) = commanded(world);
            let client = world.as_device(&world.tcp(), PLAIN, &device).build().expect("settings");
            client.on_service("reboot", |_, responder| responder.ok(&[])).expect("a handler");
            let (tell, hear) = std::sync::mpsc::channel();
            let patient = client.clone();
            let report = move |_| {
                let _ = tell.send(patient.doctor(TIME));
            };
            let short = PostOptions::new().timeout(Duration::from_millis(1));
            client.submit_measurepoints(&[Point::new("temp", 1.5)], short, report).expect("a post");
            let report = hear.recv_timeout(SOON).expect("a report");
            // Refused with 1102, not left to run out of its time.
            world.until_answered(&device, &command, FAILED);
            report
        },
    },
];

/// A device that is active and offline, and a command that waits for it.
fn commanded(world: &World) -> (String, String) {
    let device = world.device();
    let first = world.as_device(&world.tcp(), PLAIN, &device).build().expect("settings");
    first.connect(SOON).expect("a connection");
    first.close(SOON).expect("closed");
    let path = format!(
        "/connect-service/v2.1/commands?action=invokeService&serviceId=reboot&pendingTtl=600&productKey={PLAIN}&deviceKey={device}"
    );
    let reply = world.rest.call("POST", &path, &json!({"inputData": {}}).to_string()).expect("a hub");
    let command = reply["data"]["commandId"].as_str().unwrap_or_else(|| panic!("{reply}")).to_owned();
    (device, command)
}
