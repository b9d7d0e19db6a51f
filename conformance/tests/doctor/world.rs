//! What the doctor's patients live among: a hub, its authority and a stranger's, canaries in place of secrets.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use conformance::peer::certificate::{Authority, Identity, KeyKind};
use conformance::peer::hub::{Hub, Ready, Rest};
use conformance::peer::net::{Manner, Server, tls_server};
use conformance::peer::scratch::Scratch;
use enos_runtime::{Client, ClientBuilder, Login, Tls};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::{Value, json};

/// Every secret has this word in it.
pub(crate) const CANARY: &str = "cAnArY";
pub(crate) const DEVICE_SECRET: &str = "cAnArY-device-secret";
pub(crate) const PRODUCT_SECRET: &str = "cAnArY-product-secret";
pub(crate) const PROXY_PASSWORD: &str = "cAnArY-proxy-password";

/// Long enough for a handshake on a busy machine, and a test may spend it.
pub(crate) const SHORT: Duration = Duration::from_millis(700);
/// Long enough for anything that works.
pub(crate) const SOON: Duration = Duration::from_secs(20);

/// A hub and what certificates need.
pub(crate) struct World {
    hub: Mutex<Hub>,
    pub(crate) ready: Ready,
    pub(crate) rest: Rest,
    pub(crate) ours: Authority,
    stranger: Authority,
    next: AtomicU32,
    /// Servers live as long as the world: a patient may dial late.
    servers: Mutex<Vec<Server>>,
    /// Key texts, which no report may hold.
    pub(crate) keys: Mutex<Vec<String>>,
    _scratch: Scratch,
}

/// Products of the seed: plain, asking for certificates, with dynamic activation, and without.
pub(crate) const PLAIN: &str = "PlainPk1";
pub(crate) const MUTUAL: &str = "MutualPk";
pub(crate) const DYNAMIC: &str = "DynamicP";

/// Devices of each product.
const DEVICES: u32 = 120;

impl World {
    pub(crate) fn new() -> Self {
        let scratch = Scratch::new().expect("a folder");
        let seed = scratch.write("seed.json", &seed().to_string()).expect("a seed");
        let hub = Hub::start(Path::new(env!("CARGO_BIN_EXE_conformance-hub")), &seed, false).expect("a hub");
        let ours = Authority::new("our authority").expect("an authority");
        let stranger = Authority::new("a stranger's authority").expect("an authority");
        let (ready, rest) = (hub.ready().clone(), hub.rest().expect("a hub"));
        let (servers, keys, next) = (Mutex::default(), Mutex::default(), AtomicU32::new(0));
        Self { hub: Mutex::new(hub), ready, rest, ours, stranger, next, servers, keys, _scratch: scratch }
    }

    /// The key of a device that no other patient is.
    pub(crate) fn device(&self) -> String {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        assert!(number < DEVICES, "the seed has no more devices");
        format!("d-{number}")
    }

    pub(crate) fn tcp(&self) -> String {
        format!("tcp://{}", self.ready.mqtt)
    }

    pub(crate) fn ssl(&self) -> String {
        format!("ssl://{}", self.ready.mqtts)
    }

    pub(crate) fn ca(&self) -> Tls {
        Tls::new().ca(self.ready.ca_pem.clone())
    }

    pub(crate) fn our_ca(&self) -> Tls {
        Tls::new().ca(self.ours.pem())
    }

    pub(crate) fn stranger_ca(&self) -> Tls {
        Tls::new().ca(self.stranger.pem())
    }

    /// A patient with the right secret, at this URL.
    pub(crate) fn at(&self, url: &str) -> ClientBuilder {
        self.as_device(url, PLAIN, &self.device())
    }

    pub(crate) fn as_device(&self, url: &str, product_key: &str, device_key: &str) -> ClientBuilder {
        Client::builder(url).login(Login::device_secret(product_key, device_key, DEVICE_SECRET))
    }

    pub(crate) fn serve(&self, manner: Manner) -> SocketAddr {
        self.serve_at(Ipv4Addr::LOCALHOST.into(), manner)
    }

    pub(crate) fn serve_at(&self, at: IpAddr, manner: Manner) -> SocketAddr {
        let server = Server::start(at, manner).expect("a server");
        let address = server.address();
        self.servers.lock().expect("servers").push(server);
        address
    }

    /// A server that answers whatever comes with these bytes.
    pub(crate) fn answering(&self, bytes: &[u8]) -> SocketAddr {
        self.serve(Manner::Answer { bytes: bytes.to_vec(), deaf: false })
    }

    /// TLS with a certificate of our authority in front of the hub's port in clear.
    pub(crate) fn tls(&self, identity: &Identity) -> String {
        let versions = &[&rustls::version::TLS12, &rustls::version::TLS13];
        let config = tls_server(identity, versions).expect("TLS");
        let address = self.serve(Manner::Tls(self.ready.mqtt, config));
        format!("ssl://localhost:{}", address.port())
    }

    /// The same, in one version, and clients must show a certificate of our authority.
    pub(crate) fn mutual(&self, version: &'static rustls::SupportedProtocolVersion) -> String {
        let identity =
            self.ours.server(&["localhost".to_owned()], KeyKind::P256, false).expect("a certificate");
        let pem = |text: &str| CertificateDer::from_pem_slice(text.as_bytes()).expect("PEM");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut roots = rustls::RootCertStore::empty();
        roots.add(pem(self.ours.pem())).expect("a root");
        let verifier =
            rustls::server::WebPkiClientVerifier::builder_with_provider(roots.into(), provider.clone())
                .build()
                .expect("a verifier");
        let config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[version])
            .expect("a version")
            .with_client_cert_verifier(verifier)
            .with_single_cert(
                vec![pem(&identity.certificate)],
                PrivateKeyDer::from_pem_slice(identity.key.as_bytes()).expect("a key"),
            )
            .expect("TLS");
        let address = self.serve(Manner::Tls(self.ready.mqtt, Arc::new(config)));
        format!("ssl://localhost:{}", address.port())
    }

    /// A client certificate of the hub's authority for this device.
    pub(crate) fn client_certificate(&self, product_key: &str, device_key: &str) -> Identity {
        self.hub.lock().expect("the hub").client_certificate(product_key, device_key).expect("a certificate")
    }

    /// Remembers a key that no report may hold, and makes TLS settings of the identity.
    pub(crate) fn shown(&self, tls: Tls, identity: &Identity) -> Tls {
        let body = identity.key.lines().nth(1).unwrap_or_default().to_owned();
        self.keys.lock().expect("keys").push(body);
        tls.client(identity.certificate.clone(), identity.key.clone())
    }

    /// Orders a fault for this device, as often as it fits.
    pub(crate) fn fault(&self, fault: Value, device_key: &str) {
        self.fault_of(fault, PLAIN, device_key);
    }

    pub(crate) fn fault_of(&self, mut fault: Value, product_key: &str, device_key: &str) {
        fault["device"] = format!("{product_key}/{device_key}").into();
        let reply = self.rest.call("POST", "/hub/v1/faults", &fault.to_string()).expect("a hub");
        assert!(reply["id"].is_number(), "{reply}");
    }

    /// Waits until the hub says this of a device.
    pub(crate) fn until(&self, product_key: &str, device_key: &str, status: &str) {
        let path = format!(
            "/connect-service/v2.1/devices?action=get&productKey={product_key}&deviceKey={device_key}"
        );
        let end = Instant::now() + SOON;
        loop {
            let reply = self.rest.call("GET", &path, "").expect("a hub");
            if reply["data"]["status"] == status {
                return;
            }
            assert!(Instant::now() < end, "not {status}: {reply}");
        }
    }

    /// Waits until a command of a device is in this state.
    pub(crate) fn until_answered(&self, device_key: &str, command: &str, state: i32) {
        let path = format!(
            "/connect-service/v2.1/commands?action=get&productKey={PLAIN}&deviceKey={device_key}&commandId={command}"
        );
        let end = Instant::now() + SOON;
        loop {
            let reply = self.rest.call("GET", &path, "").expect("a hub");
            if reply["data"]["state"] == state {
                return;
            }
            assert!(Instant::now() < end, "{reply}");
        }
    }

    pub(crate) fn device_action(&self, action: &str, product_key: &str, device_key: &str) {
        let path = format!(
            "/connect-service/v2.1/devices?action={action}&productKey={product_key}&deviceKey={device_key}"
        );
        let reply = self.rest.call("POST", &path, "{}").expect("a hub");
        assert_eq!(reply["code"], 0, "{reply}");
    }
}

/// A port that nobody listens on.
pub(crate) fn nobody() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port")
}

/// An address that drops what comes: its queue of connections is full, and Linux answers no more.
pub(crate) struct BlackHole {
    pub(crate) address: SocketAddr,
    _listener: TcpListener,
    _queue: Vec<TcpStream>,
}

impl BlackHole {
    pub(crate) fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a listener");
        let address = listener.local_addr().expect("an address");
        let mut queue = Vec::new();
        // Whoever gets no answer in this time found the queue full.
        while let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_millis(300)) {
            queue.push(stream);
            assert!(queue.len() < 10_000, "the queue has no end");
        }
        Self { address, _listener: listener, _queue: queue }
    }
}

fn seed() -> Value {
    let devices = [PLAIN, MUTUAL, DYNAMIC].iter().flat_map(|product_key| {
        (0..DEVICES).map(move |number| {
            json!({"productKey": product_key, "deviceKey": format!("d-{number}"), "deviceSecret": DEVICE_SECRET})
        })
    });
    let product = |key: &str| json!({"productKey": key, "productSecret": PRODUCT_SECRET, "modelId": "m"});
    let mut mutual = product(MUTUAL);
    mutual["biDirectionalAuth"] = true.into();
    let mut dynamic = product(DYNAMIC);
    dynamic["dynamicActivateEnabled"] = true.into();
    json!({
        "version": 1, "orgId": "o1",
        "models": [{"modelId": "m", "measurepoints": {"temp": {"identifier": "temp", "dataType": "DOUBLE"}},
                    "services": {"reboot": {"identifier": "reboot", "callType": "SYNC"}}}],
        "products": [product(PLAIN), mutual, dynamic],
        "devices": devices.collect::<Vec<_>>(),
    })
}
