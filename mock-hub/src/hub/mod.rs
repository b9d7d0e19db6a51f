//! A running hub: sockets, cloud and certificate authority behind one handle that any thread may hold.
//!
//! The hub lives on a thread of its own with its own runtime, so it can be started and dropped anywhere, in a
//! plain test as well as inside somebody else's runtime.

mod error;
mod thread;
mod timer;

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;

use serde::Serialize;
use tokio::sync::watch;

use crate::capture::Capture;
use crate::clock::Clock;
use crate::domain::{Cloud, CloudOptions, Entry, EntryKind};
use crate::fabric::{DeviceId, Fabric};
use crate::front::{Front, Limits, mqtt};
use crate::pki::{Pki, PkiError, Revocation};
use crate::store::Sqlite;

pub use error::StartError;

/// One thing for each socket of the hub.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sockets<T> {
    pub(crate) mqtt: T,
    pub(crate) mqtts: T,
    pub(crate) coap: T,
    #[cfg(feature = "coaps")]
    pub(crate) coaps: T,
    pub(crate) http: T,
    pub(crate) https: T,
}

/// What a hub is started with; made by [`Hub::builder`].
#[derive(Debug, Clone)]
pub struct Builder {
    addresses: Sockets<SocketAddr>,
    seeds: Vec<String>,
    data: Option<PathBuf>,
    strict: bool,
    capture: Option<PathBuf>,
    clock: Clock,
}

impl Builder {
    /// Free ports on 127.0.0.1, so that many hubs can run side by side.
    #[must_use]
    pub fn ephemeral(mut self) -> Self {
        let any = local(0);
        self.addresses = Sockets {
            mqtt: any,
            mqtts: any,
            coap: any,
            #[cfg(feature = "coaps")]
            coaps: any,
            http: any,
            https: any,
        };
        self
    }

    /// Where devices connect by plain MQTT.
    #[must_use]
    pub fn mqtt(mut self, address: SocketAddr) -> Self {
        self.addresses.mqtt = address;
        self
    }

    /// Where devices connect by MQTT over TLS.
    #[must_use]
    pub fn mqtts(mut self, address: SocketAddr) -> Self {
        self.addresses.mqtts = address;
        self
    }

    /// Where devices reach the hub by plain CoAP (UDP).
    #[must_use]
    pub fn coap(mut self, address: SocketAddr) -> Self {
        self.addresses.coap = address;
        self
    }

    /// Where devices reach the hub by CoAP over DTLS (UDP).
    #[cfg(feature = "coaps")]
    #[must_use]
    pub fn coaps(mut self, address: SocketAddr) -> Self {
        self.addresses.coaps = address;
        self
    }

    /// Where applications reach the REST routes.
    #[must_use]
    pub fn http(mut self, address: SocketAddr) -> Self {
        self.addresses.http = address;
        self
    }

    /// Where applications reach the REST routes over TLS.
    #[must_use]
    pub fn https(mut self, address: SocketAddr) -> Self {
        self.addresses.https = address;
        self
    }

    /// Adds a seed (JSON): models, products, devices and applications that are there from the start.
    #[must_use]
    pub fn seed_json(mut self, json: impl Into<String>) -> Self {
        self.seeds.push(json.into());
        self
    }

    /// Keeps everything in this folder, which is made if need be: what was answered survives the death of the
    /// process. What is in it already stays beside the seeds. Without a folder the hub leaves no file behind.
    #[must_use]
    pub fn data(mut self, folder: impl Into<PathBuf>) -> Self {
        self.data = Some(folder.into());
        self
    }

    /// Refuses what the vendor's documents forbid, instead of warning of it.
    #[must_use]
    pub fn strict(mut self, strict: bool) -> Self {
        self.strict = strict;
        self
    }

    /// Writes all MQTT and CoAP traffic into a pcapng file, with TLS and DTLS taken off and secrets masked; one that is there is
    /// replaced.
    #[must_use]
    pub fn capture(mut self, path: impl Into<PathBuf>) -> Self {
        self.capture = Some(path.into());
        self
    }

    /// The hub's time; the machine's if not given.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Starts the hub and returns when it accepts connections.
    ///
    /// # Errors
    /// A seed is wrong, the data folder is not for this hub, the capture cannot be written, an address cannot be
    /// listened on, or the system lacks threads or random bytes.
    pub fn start(self) -> Result<Hub, StartError> {
        let fabric = Fabric::new();
        let options = CloudOptions { strict: self.strict };
        let cloud = match &self.data {
            None => Cloud::new(self.clock.clone(), fabric.clone(), options),
            Some(folder) => {
                let store = Sqlite::open(folder).map_err(|fault| StartError::Data(fault.to_string()))?;
                Cloud::open(Box::new(store), self.clock.clone(), fabric.clone(), options).map_err(
                    |error| StartError::Data(format!("the data folder {}: {error}", folder.display())),
                )?
            }
        };
        for seed in &self.seeds {
            cloud.load_seed(seed).map_err(StartError::Seed)?;
        }
        cloud.store.wait().map_err(|fault| StartError::Data(fault.to_string()))?;
        let revoked = Arc::new(Ordered(cloud.clone()));
        let pki = Arc::new(Pki::with_revocation(self.clock.clone(), revoked).map_err(StartError::Pki)?);
        let capture = self.capture.as_deref().map(|path| start_capture(path, &cloud)).transpose()?;
        let front = Arc::new(Front {
            cloud: cloud.clone(),
            fabric: fabric.clone(),
            clock: self.clock.clone(),
            sessions: mqtt::Sessions::default(),
            capture,
            limits: Limits::default(),
        });
        let (stop, stopping) = watch::channel(false);
        let (report, started) = mpsc::sync_channel(1);
        let (wanted, authority) = (self.addresses, pki.clone());
        let thread = std::thread::Builder::new()
            .name("mock-hub".to_owned())
            .spawn(move || thread::run(front, wanted, &authority, stopping, &report))
            .map_err(StartError::System)?;
        // Nothing reported means that the thread panicked; the hook has told how.
        let lost = || StartError::System(io::Error::other("the hub's thread ended at once"));
        let addresses = started.recv().unwrap_or_else(|_| Err(lost()))?;
        Ok(Hub { addresses, cloud, fabric, pki, clock: self.clock, stop, thread: Some(thread) })
    }
}

/// The revocations that were ordered of the cloud.
struct Ordered(Arc<Cloud>);

impl Revocation for Ordered {
    fn is_any(&self) -> bool {
        self.0.faults.revokes()
    }

    fn is_revoked(&self, leaf: &[u8]) -> bool {
        self.0.is_certificate_revoked(leaf)
    }
}

/// A running hub; dropping it closes every connection, stops its threads and waits for them.
pub struct Hub {
    addresses: Sockets<SocketAddr>,
    cloud: Arc<Cloud>,
    fabric: Fabric,
    pki: Arc<Pki>,
    clock: Clock,
    stop: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
}

impl Hub {
    /// A hub on 127.0.0.1 with the documented ports 11883, 18883, 5683, 5684, 8080 and 8443, and no seed.
    #[must_use]
    pub fn builder() -> Builder {
        let addresses = Sockets {
            mqtt: local(11_883),
            mqtts: local(18_883),
            coap: local(5_683),
            #[cfg(feature = "coaps")]
            coaps: local(5_684),
            http: local(8_080),
            https: local(8_443),
        };
        let (seeds, clock) = (Vec::new(), Clock::system());
        Builder { addresses, seeds, data: None, strict: false, capture: None, clock }
    }

    /// Where devices connect by plain MQTT.
    #[must_use]
    pub fn mqtt(&self) -> SocketAddr {
        self.addresses.mqtt
    }

    /// Where devices connect by MQTT over TLS.
    #[must_use]
    pub fn mqtts(&self) -> SocketAddr {
        self.addresses.mqtts
    }

    /// Where devices reach the hub by plain CoAP (UDP).
    #[must_use]
    pub fn coap(&self) -> SocketAddr {
        self.addresses.coap
    }

    /// Where devices reach the hub by CoAP over DTLS (UDP).
    #[cfg(feature = "coaps")]
    #[must_use]
    pub fn coaps(&self) -> SocketAddr {
        self.addresses.coaps
    }

    /// Where applications reach the REST routes.
    #[must_use]
    pub fn http(&self) -> SocketAddr {
        self.addresses.http
    }

    /// Where applications reach the REST routes over TLS.
    #[must_use]
    pub fn https(&self) -> SocketAddr {
        self.addresses.https
    }

    /// The certificate that TLS peers of this hub are to trust, as PEM.
    #[must_use]
    pub fn ca_pem(&self) -> &str {
        self.pki.ca_pem()
    }

    /// The cloud behind the sockets.
    #[must_use]
    pub fn cloud(&self) -> &Arc<Cloud> {
        &self.cloud
    }

    /// Where devices are connected.
    #[must_use]
    pub fn fabric(&self) -> &Fabric {
        &self.fabric
    }

    /// The authority behind [`ca_pem`](Self::ca_pem).
    #[must_use]
    pub fn pki(&self) -> &Pki {
        &self.pki
    }

    /// The hub's time.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Issues a client certificate for a device: certificate and private key, both PEM.
    ///
    /// # Errors
    /// The device key does not fit into a certificate, or the system gives no random bytes.
    pub fn issue_client_certificate(&self, device: &DeviceId) -> Result<(String, String), PkiError> {
        self.pki.issue_client(device)
    }

    /// The line that tells a parent process that the hub is ready: one JSON object, no line end.
    #[must_use]
    pub fn ready_line(&self) -> String {
        let ready = Ready {
            ready: true,
            version: env!("CARGO_PKG_VERSION"),
            mqtt: self.mqtt().to_string(),
            mqtts: self.mqtts().to_string(),
            coap: self.coap().to_string(),
            #[cfg(feature = "coaps")]
            coaps: self.coaps().to_string(),
            http: format!("http://{}", self.http()),
            https: format!("https://{}", self.https()),
            ca_pem: self.ca_pem(),
        };
        serde_json::to_string(&ready).unwrap_or_default()
    }

    /// Whether the hub still serves; it stops by itself only after a bug.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.thread.as_ref().is_some_and(|thread| !thread.is_finished())
    }
}

impl Drop for Hub {
    fn drop(&mut self) {
        self.stop.send_replace(true);
        if let Some(thread) = self.thread.take() {
            // A panic over there has been reported by the panic hook already.
            let _ = thread.join();
        }
    }
}

impl fmt::Debug for Hub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hub({})", self.addresses.mqtt)
    }
}

fn start_capture(path: &Path, cloud: &Arc<Cloud>) -> Result<Arc<Capture>, StartError> {
    let noted = cloud.clone();
    let failed = move |text| noted.note(Entry::new(EntryKind::Admin, text));
    Capture::create(path, cloud.clock.clone(), failed)
        .map_err(|error| StartError::Capture { path: path.to_owned(), error })
}

fn local(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

#[derive(Serialize)]
struct Ready<'a> {
    ready: bool,
    version: &'a str,
    mqtt: String,
    mqtts: String,
    coap: String,
    #[cfg(feature = "coaps")]
    coaps: String,
    http: String,
    https: String,
    ca_pem: &'a str,
}
