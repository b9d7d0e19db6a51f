//! Set-ups that are wrong in one way each.

use std::net::Ipv6Addr;
use std::time::Duration;

use conformance::peer::certificate::{Identity, KeyKind};
use conformance::peer::net::Manner;
use enos_runtime::doctor::{Cause, Report, Stage};
use enos_runtime::{Client, Login, MemorySecretStore, Proxy};
use rcgen::{CertificateParams, DnType, KeyPair, date_time_ymd};
use rustls::version::{TLS12, TLS13};
use serde_json::json;

use crate::world::{
    BlackHole, DEVICE_SECRET, DYNAMIC, MUTUAL, PLAIN, PRODUCT_SECRET, PROXY_PASSWORD, SHORT, SOON, World,
    nobody,
};

/// The longest diagnosis: the default.
const TIME: Duration = Duration::ZERO;

/// One planted fault.
pub(crate) struct Planted {
    pub(crate) name: &'static str,
    pub(crate) stage: Stage,
    pub(crate) cause: Cause,
    /// Words that the verdict must have.
    pub(crate) says: &'static [&'static str],
    pub(crate) examine: fn(&World) -> Report,
}

fn ours(world: &World, names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> Identity {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    world.ours.made(names, change).expect("a certificate")
}

fn good_server(world: &World) -> Identity {
    world.ours.server(&["localhost".to_owned()], KeyKind::P256, false).expect("a certificate")
}

fn through(world: &World, proxy: Proxy) -> Report {
    world.at(&world.tcp()).proxy(proxy).handshake_timeout(SHORT).doctor(TIME)
}

fn connected(world: &World, device_key: &str) -> Client {
    let client = world.as_device(&world.tcp(), PLAIN, device_key).build().expect("settings");
    client.connect(SOON).expect("a connection");
    client
}

/// A tail that is no check of a name server: a label has 63 bytes at the most (RFC 1035 §2.3.4).
fn no_name() -> String {
    format!("{}.invalid", "nowhere".repeat(10))
}

/// All of them.
pub(crate) const PLANTED: &[Planted] = &[
    Planted {
        name: "hub URL without a scheme",
        stage: Stage::Configuration,
        cause: Cause::InvalidConfiguration,
        says: &["scheme"],
        examine: |world| world.at("localhost:11883").doctor(TIME),
    },
    Planted {
        name: "client key of another certificate",
        stage: Stage::Configuration,
        cause: Cause::InvalidConfiguration,
        says: &["does not belong"],
        examine: |world| {
            let (one, other) = (ours(world, &["d"], |_| ()), ours(world, &["d"], |_| ()));
            let mixed = Identity { certificate: one.certificate, key: other.key };
            world.at(&world.ssl()).tls(world.shown(world.ca(), &mixed)).doctor(TIME)
        },
    },
    Planted {
        name: "client was closed",
        stage: Stage::Configuration,
        cause: Cause::ClientClosed,
        says: &["closed", "new client"],
        examine: |world| {
            let client = connected(world, &world.device());
            client.close(SOON).expect("closed");
            client.doctor(TIME)
        },
    },
    Planted {
        name: "name without address",
        stage: Stage::Name,
        cause: Cause::NameNotFound,
        says: &["nowhere", "has no address", "DNS"],
        examine: |world| world.at(&format!("tcp://{}:11883", no_name())).doctor(TIME),
    },
    Planted {
        name: "closed port",
        stage: Stage::Tcp,
        cause: Cause::ConnectionRefused,
        says: &["refused", "port"],
        examine: |world| world.at(&format!("tcp://{}", nobody())).doctor(TIME),
    },
    Planted {
        name: "black hole",
        stage: Stage::Tcp,
        cause: Cause::ConnectTimeout,
        says: &["firewall"],
        examine: |world| {
            let hole = BlackHole::new();
            world.at(&format!("tcp://{}", hole.address)).address_timeout(SHORT).doctor(TIME)
        },
    },
    Planted {
        name: "hub has IPv6 only, URL says IPv4",
        stage: Stage::Tcp,
        cause: Cause::ConnectionRefused,
        says: &["127.0.0.1", "refused"],
        examine: |world| {
            let six = world.serve_at(Ipv6Addr::LOCALHOST.into(), Manner::Relay(world.ready.mqtt));
            world.at(&format!("tcp://127.0.0.1:{}", six.port())).doctor(TIME)
        },
    },
    Planted {
        name: "proxy is down",
        stage: Stage::Tcp,
        cause: Cause::ProxyUnreachable,
        says: &["the proxy", "refused"],
        examine: |world| through(world, Proxy::new("127.0.0.1", nobody().port())),
    },
    Planted {
        name: "proxy's name has no address",
        stage: Stage::Name,
        cause: Cause::NameNotFound,
        says: &["the proxy"],
        examine: |world| through(world, Proxy::new(no_name(), 3128)),
    },
    Planted {
        name: "proxy needs a login",
        stage: Stage::Proxy,
        cause: Cause::ProxyLoginRequired,
        says: &["407", "password"],
        examine: |world| {
            let proxy = world.serve(Manner::Proxy { credentials: Some("bGV0Om1l".into()) });
            through(world, Proxy::new("127.0.0.1", proxy.port()))
        },
    },
    Planted {
        name: "proxy refuses the login",
        stage: Stage::Proxy,
        cause: Cause::ProxyLoginRefused,
        says: &["407", "password"],
        examine: |world| {
            let proxy = world.serve(Manner::Proxy { credentials: Some("bGV0Om1l".into()) });
            through(world, Proxy::new("127.0.0.1", proxy.port()).login("user", PROXY_PASSWORD))
        },
    },
    Planted {
        name: "proxy forbids the hub, and repeats the login",
        stage: Stage::Proxy,
        cause: Cause::ProxyForbidden,
        says: &["403"],
        examine: |world| {
            let text = format!("HTTP/1.1 403 {PROXY_PASSWORD}\r\nX: user:{PROXY_PASSWORD}\r\n\r\n");
            let proxy = world.answering(text.as_bytes());
            through(world, Proxy::new("127.0.0.1", proxy.port()).login("user", PROXY_PASSWORD))
        },
    },
    Planted {
        name: "proxy cannot reach the hub",
        stage: Stage::Proxy,
        cause: Cause::ProxyCannotReachHub,
        says: &["502"],
        examine: |world| {
            let proxy = world.serve(Manner::Proxy { credentials: None });
            let proxy = Proxy::new("127.0.0.1", proxy.port());
            world.at("tcp://hub.invalid:11883").proxy(proxy).doctor(TIME)
        },
    },
    Planted {
        name: "proxy is an SSH server",
        stage: Stage::Proxy,
        cause: Cause::ProxyFailed,
        says: &["no HTTP"],
        examine: |world| {
            let proxy = world.answering(b"SSH-2.0-OpenSSH_9\r\n");
            through(world, Proxy::new("127.0.0.1", proxy.port()))
        },
    },
    Planted {
        name: "proxy is silent",
        stage: Stage::Proxy,
        cause: Cause::ProxySilent,
        says: &["did not answer CONNECT"],
        examine: |world| through(world, Proxy::new("127.0.0.1", world.serve(Manner::Silent).port())),
    },
    Planted {
        name: "untrusted issuer",
        stage: Stage::Tls,
        cause: Cause::HubCertificateUntrusted,
        says: &["not trusted", "CA"],
        examine: |world| world.at(&world.ssl()).tls(world.stranger_ca()).doctor(TIME),
    },
    Planted {
        name: "captive portal in place of the hub's TLS",
        stage: Stage::Tls,
        cause: Cause::HubCertificateUntrusted,
        says: &["captive portal"],
        examine: |world| world.at(&world.tls(&good_server(world))).tls(world.ca()).doctor(TIME),
    },
    Planted {
        name: "hub's certificate has expired",
        stage: Stage::Tls,
        cause: Cause::HubCertificateExpired,
        says: &["expired", "days ago", "clock"],
        examine: |world| {
            let server = world.ours.server(&["localhost".to_owned()], KeyKind::P256, true).expect("one");
            world.at(&world.tls(&server)).tls(world.our_ca()).doctor(TIME)
        },
    },
    Planted {
        name: "clock is behind the hub's certificate",
        stage: Stage::Clock,
        cause: Cause::ClockBehind,
        says: &["this device's clock says 20", "becomes valid in", "NTP"],
        examine: |world| {
            let server = ours(world, &["localhost"], |params| {
                params.not_before = date_time_ymd(2090, 1, 1);
                params.not_after = date_time_ymd(2091, 1, 1);
            });
            world.at(&world.tls(&server)).tls(world.our_ca()).doctor(TIME)
        },
    },
    Planted {
        name: "hub's certificate is for another name",
        stage: Stage::Tls,
        cause: Cause::HubCertificateMisnamed,
        says: &["localhost", "hub.example"],
        examine: |world| {
            let server = ours(world, &["hub.example"], |_| ());
            world.at(&world.tls(&server)).tls(world.our_ca()).doctor(TIME)
        },
    },
    Planted {
        name: "TLS to a port in clear",
        stage: Stage::Tls,
        cause: Cause::NotTls,
        says: &["TLS", "tcp://"],
        examine: |world| {
            let url = world.tcp().replace("tcp://", "ssl://");
            world.at(&url).tls(world.ca()).doctor(TIME)
        },
    },
    Planted {
        name: "TLS to an HTTP server",
        stage: Stage::Tls,
        cause: Cause::NotTls,
        says: &["TLS"],
        examine: |world| {
            let port = world.answering(b"HTTP/1.1 400 Bad Request\r\n\r\n").port();
            world.at(&format!("ssl://localhost:{port}")).tls(world.ca()).doctor(TIME)
        },
    },
    Planted {
        name: "in clear to a TLS port",
        stage: Stage::Tls,
        cause: Cause::TlsExpected,
        says: &["speaks TLS", "ssl://"],
        examine: |world| world.at(&world.ssl().replace("ssl://", "tcp://")).doctor(TIME),
    },
    Planted {
        name: "peer that never answers the TLS handshake",
        stage: Stage::Tls,
        cause: Cause::TlsTimeout,
        says: &["TLS"],
        examine: |world| {
            let port = world.serve(Manner::Silent).port();
            let tls = world.ca();
            world.at(&format!("ssl://localhost:{port}")).tls(tls).handshake_timeout(SHORT).doctor(TIME)
        },
    },
    Planted {
        name: "client certificate missing, TLS 1.2",
        stage: Stage::Tls,
        cause: Cause::ClientCertificateRequired,
        says: &["client certificate"],
        examine: |world| world.at(&world.mutual(&TLS12)).tls(world.our_ca()).doctor(TIME),
    },
    Planted {
        name: "client certificate missing, TLS 1.3",
        stage: Stage::Tls,
        cause: Cause::ClientCertificateRequired,
        says: &["client certificate"],
        examine: |world| world.at(&world.mutual(&TLS13)).tls(world.our_ca()).doctor(TIME),
    },
    Planted {
        name: "client certificate of a stranger, TLS 1.3",
        stage: Stage::Tls,
        cause: Cause::ClientCertificateRefused,
        says: &["refused the client certificate"],
        examine: |world| {
            let client = self_signed("d", |_| ());
            world.at(&world.mutual(&TLS13)).tls(world.shown(world.our_ca(), &client)).doctor(TIME)
        },
    },
    Planted {
        name: "client certificate has expired",
        stage: Stage::Tls,
        cause: Cause::ClientCertificateExpired,
        says: &["has expired", "client certificate"],
        examine: |world| {
            let client = ours(world, &["d"], |params| {
                params.not_before = date_time_ymd(2020, 1, 1);
                params.not_after = date_time_ymd(2021, 1, 1);
            });
            world.at(&world.mutual(&TLS12)).tls(world.shown(world.our_ca(), &client)).doctor(TIME)
        },
    },
    Planted {
        name: "client certificate was revoked",
        stage: Stage::Tls,
        cause: Cause::ClientCertificateRevoked,
        says: &["revoked"],
        examine: |world| {
            let device = world.device();
            let client = world.client_certificate(MUTUAL, &device);
            world.fault_of(json!({"kind": "certificate_revoked"}), MUTUAL, &device);
            let tls = world.shown(world.ca(), &client);
            world.as_device(&world.ssl(), MUTUAL, &device).tls(tls).doctor(TIME)
        },
    },
    Planted {
        name: "client certificate missing at a product that asks for it",
        stage: Stage::SignIn,
        cause: Cause::NotAuthorized,
        says: &["CONNACK 5", "client certificate, and none is set"],
        examine: |world| world.as_device(&world.ssl(), MUTUAL, &world.device()).tls(world.ca()).doctor(TIME),
    },
    Planted {
        name: "client certificate of another device",
        stage: Stage::SignIn,
        cause: Cause::NotAuthorized,
        says: &["CONNACK 5", "another device's"],
        examine: |world| {
            let client = world.client_certificate(MUTUAL, &world.device());
            let tls = world.shown(world.ca(), &client);
            world.as_device(&world.ssl(), MUTUAL, &world.device()).tls(tls).doctor(TIME)
        },
    },
    Planted {
        name: "HTTP server on the port",
        stage: Stage::SignIn,
        cause: Cause::HttpPort,
        says: &["HTTP", "captive portal"],
        examine: |world| {
            let port = world.answering(b"HTTP/1.1 302 Found\r\nLocation: http://portal/\r\n\r\n").port();
            world.at(&format!("tcp://localhost:{port}")).doctor(TIME)
        },
    },
    Planted {
        name: "SSH server on the port",
        stage: Stage::SignIn,
        cause: Cause::NotMqtt,
        says: &["no MQTT"],
        examine: |world| {
            let port = world.answering(b"SSH-2.0-OpenSSH_9\r\n").port();
            world.at(&format!("tcp://localhost:{port}")).doctor(TIME)
        },
    },
    Planted {
        name: "peer that never answers",
        stage: Stage::SignIn,
        cause: Cause::NoConnack,
        says: &["no answer to the sign-in"],
        examine: |world| {
            let port = world.serve(Manner::Silent).port();
            world.at(&format!("tcp://localhost:{port}")).sign_in_timeout(SHORT).doctor(TIME)
        },
    },
    Planted {
        name: "peer that takes the connection and closes it",
        stage: Stage::SignIn,
        cause: Cause::ClosedBeforeConnack,
        says: &["closed it without an answer", "ssl://"],
        examine: |world| {
            let port = world.serve(Manner::CloseAfterFirst).port();
            world.at(&format!("tcp://localhost:{port}")).doctor(TIME)
        },
    },
    Planted {
        name: "wrong secret",
        stage: Stage::SignIn,
        cause: Cause::CredentialsRefused,
        says: &["CONNACK 4", "wrong secret"],
        examine: |world| {
            let login = Login::device_secret(PLAIN, world.device(), "cAnArY-wrong");
            Client::builder(world.tcp()).login(login).doctor(TIME)
        },
    },
    Planted {
        name: "secret with a line end",
        stage: Stage::SignIn,
        cause: Cause::WhiteSpace,
        says: &["white space", "line end"],
        examine: |world| {
            let login = Login::device_secret(PLAIN, world.device(), format!("{DEVICE_SECRET}\n"));
            Client::builder(world.tcp()).login(login).doctor(TIME)
        },
    },
    Planted {
        name: "secret was renewed in the cloud",
        stage: Stage::SignIn,
        cause: Cause::CredentialsRefused,
        says: &["CONNACK 4", "renewed"],
        examine: |world| {
            let device = world.device();
            world.fault(json!({"kind": "secret_rotated", "secret": "cAnArY-another"}), &device);
            world.as_device(&world.tcp(), PLAIN, &device).doctor(TIME)
        },
    },
    Planted {
        name: "unknown device",
        stage: Stage::SignIn,
        cause: Cause::CredentialsRefused,
        says: &["CONNACK 4", "unknown device"],
        examine: |world| world.as_device(&world.tcp(), PLAIN, "nobody").doctor(TIME),
    },
    Planted {
        name: "disabled device",
        stage: Stage::SignIn,
        cause: Cause::NotAuthorized,
        says: &["CONNACK 5", "disabled"],
        examine: |world| {
            let device = world.device();
            world.device_action("disable", PLAIN, &device);
            world.as_device(&world.tcp(), PLAIN, &device).doctor(TIME)
        },
    },
    Planted {
        name: "hub blocks the device",
        stage: Stage::SignIn,
        cause: Cause::HubUnavailable,
        says: &["CONNACK 3", "five minutes"],
        examine: |world| {
            let device = world.device();
            world.fault(json!({"kind": "block", "time": 300_000}), &device);
            world.as_device(&world.tcp(), PLAIN, &device).doctor(TIME)
        },
    },
    Planted {
        name: "product does not allow the activation",
        stage: Stage::SignIn,
        cause: Cause::ActivationRefused,
        says: &["last attempt", "CONNACK 5"],
        examine: |world| {
            let store = MemorySecretStore::new();
            let login = Login::dynamic_activation(PLAIN, world.device(), PRODUCT_SECRET, store);
            let client = Client::builder(world.tcp()).login(login).build().expect("settings");
            client.connect(SOON).expect_err("refused");
            client.doctor(TIME)
        },
    },
    Planted {
        name: "wrong product secret",
        stage: Stage::SignIn,
        cause: Cause::CredentialsRefused,
        says: &["last attempt", "CONNACK 4"],
        examine: |world| {
            let store = MemorySecretStore::new();
            let login = Login::dynamic_activation(DYNAMIC, world.device(), "cAnArY-wrong", store);
            let client = Client::builder(world.tcp()).login(login).build().expect("settings");
            client.connect(SOON).expect_err("refused");
            client.doctor(TIME)
        },
    },
    Planted {
        name: "dial budget used up",
        stage: Stage::SignIn,
        cause: Cause::BudgetSpent,
        says: &["as often as EnOS allows", "room for the next is in"],
        examine: |world| {
            let builder = world.at(&world.tcp()).dial_budget(1, Duration::from_secs(120));
            let client = builder.build().expect("settings");
            assert!(client.doctor(TIME).healthy());
            client.doctor(TIME)
        },
    },
    Planted {
        name: "no reply to requests",
        stage: Stage::Reply,
        cause: Cause::NoReply,
        says: &["acknowledged", "no reply"],
        examine: |world| {
            let device = world.device();
            world.fault(json!({"kind": "no_reply"}), &device);
            world.as_device(&world.tcp(), PLAIN, &device).doctor(Duration::from_secs(5))
        },
    },
    Planted {
        name: "no reply to requests of an online client",
        stage: Stage::Reply,
        cause: Cause::NoReply,
        says: &["acknowledged", "no reply"],
        examine: |world| {
            let device = world.device();
            let client = connected(world, &device);
            world.fault(json!({"kind": "no_reply"}), &device);
            client.doctor(Duration::from_secs(5))
        },
    },
    Planted {
        name: "hub forgets the connection at the first request",
        stage: Stage::Reply,
        cause: Cause::LinkDead,
        says: &["neither an acknowledgement"],
        examine: |world| {
            let device = world.device();
            let fault = json!({"kind": "half_open", "packet": "PUBLISH", "direction": "up", "hold": 60_000});
            world.fault(fault, &device);
            world.as_device(&world.tcp(), PLAIN, &device).doctor(Duration::from_secs(5))
        },
    },
    Planted {
        name: "hub asks for fewer messages",
        stage: Stage::Reply,
        cause: Cause::RateLimited,
        says: &["429"],
        examine: |world| {
            let device = world.device();
            world.fault(json!({"kind": "rate_limit"}), &device);
            world.as_device(&world.tcp(), PLAIN, &device).doctor(TIME)
        },
    },
    Planted {
        name: "hub cannot store",
        stage: Stage::Reply,
        cause: Cause::HubError,
        says: &["500"],
        examine: |world| {
            let device = world.device();
            world.fault(json!({"kind": "reply_code", "code": 500}), &device);
            world.as_device(&world.tcp(), PLAIN, &device).doctor(TIME)
        },
    },
    Planted {
        name: "way to the hub is closed behind an online client",
        stage: Stage::Tcp,
        cause: Cause::ConnectionRefused,
        says: &["refused"],
        examine: |world| {
            let builder = |url: &str| world.at(url);
            let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
            let address = listener.local_addr().expect("an address");
            let client = builder(&format!("tcp://{address}")).build().expect("settings");
            let hub = world.ready.mqtt;
            // Carries one connection, and then nobody listens any more.
            std::thread::spawn(move || {
                let (near, _) = listener.accept().expect("the client");
                drop(listener);
                crate::carry(near, std::net::TcpStream::connect(hub).expect("the hub"));
            });
            client.connect(SOON).expect("a connection");
            client.doctor(TIME)
        },
    },
];

/// A certificate that nobody issued but itself.
fn self_signed(name: &str, change: impl FnOnce(&mut CertificateParams)) -> Identity {
    let mut params = CertificateParams::new(vec![name.to_owned()]).expect("a name");
    params.distinguished_name.push(DnType::CommonName, name);
    change(&mut params);
    let key = KeyPair::generate().expect("a key");
    let certificate = params.self_signed(&key).expect("a certificate").pem();
    Identity { certificate, key: key.serialize_pem() }
}
