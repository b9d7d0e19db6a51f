//! The servers that are loaded: the hub, mosquitto, bare rustls; each a process on the servers' core.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;

use super::{begin, devices, mosquitto};
use crate::bench::plan::RUN_LIMIT;
use crate::bench::process::Helper;
use crate::bench::report::OURS;
use crate::bench::{Outcome, machine};
use crate::peer::certificate::{self, Identity};
use crate::peer::http;
use crate::peer::scratch::Scratch;

/// The hub's command line in this package's build.
const PROGRAM: &str = "conformance-hub";

/// A server that accepts connections; dropping it ends it.
pub(super) struct Server {
    process: Helper,
    /// Plain MQTT; of a TLS server, its only address.
    pub(super) mqtt: SocketAddr,
    /// MQTT over TLS.
    pub(super) mqtts: SocketAddr,
    /// REST, if there is any.
    pub(super) http: Option<SocketAddr>,
    /// Whom TLS peers are to trust.
    pub(super) ca: String,
    /// A client's certificate, of a server that has one for everybody.
    client: Option<Identity>,
    /// The server's files.
    _files: Scratch,
}

impl Server {
    /// Starts a hub with that many devices of either product; `kept` writes everything to disk.
    pub(super) fn hub(plain: u32, mutual: u32, kept: bool) -> Outcome<Self> {
        let program = std::env::current_exe()?.with_file_name(PROGRAM);
        // Beside the program: the system's temporary folder may be memory.
        let files = Scratch::within(&std::env::current_exe()?.with_file_name(""))?;
        let seed = files.write("seed.json", &devices::seed(plain, mutual))?;
        let data = files.path().join("data");
        let (seed, data) = (seed.to_string_lossy(), data.to_string_lossy());
        let mut arguments = vec!["serve", "--seed", &seed];
        if kept {
            arguments.extend(["--data", &data])
        } else {
            arguments.push("--memory")
        }
        for listener in ["--mqtt", "--mqtts", "--coap", "--http", "--https"] {
            arguments.extend([listener, "127.0.0.1:0"]);
        }
        let mut process = Helper::server(&program, &arguments)?;
        let ready: Value = serde_json::from_str(&process.line(RUN_LIMIT)?)?;
        let text = |key: &str| ready[key].as_str().unwrap_or_default();
        let http = text("http").trim_start_matches("http://").parse()?;
        begin()?;
        Ok(Self {
            process,
            mqtt: text("mqtt").parse()?,
            mqtts: text("mqtts").parse()?,
            http: Some(http),
            ca: text("ca_pem").to_owned(),
            client: None,
            _files: files,
        })
    }

    /// Starts the server that devices connect to over TCP.
    pub(super) fn plain(peer: &str, devices: u32) -> Outcome<Self> {
        match peer {
            OURS => Self::hub(devices, 0, false),
            "mosquitto" => Self::mosquitto(),
            _ => Err(format!("no server \"{peer}\" over TCP").into()),
        }
    }

    fn mosquitto() -> Outcome<Self> {
        let files = Scratch::new()?;
        let (process, address) = mosquitto::start(&files)?;
        begin()?;
        let (mqtt, mqtts) = (address, address);
        Ok(Self { process, mqtt, mqtts, http: None, ca: String::new(), client: None, _files: files })
    }

    /// Starts the server that devices connect to over TLS; `role` of [`super::acceptor`].
    pub(super) fn secured(peer: &str, devices: u32, mutual: bool, role: &str) -> Outcome<Self> {
        match peer {
            OURS if mutual => Self::hub(0, devices, false),
            OURS => Self::hub(devices, 0, false),
            "rustls" => Self::acceptor(role),
            _ => Err(format!("no server \"{peer}\" over TLS").into()),
        }
    }

    fn acceptor(role: &str) -> Outcome<Self> {
        let mut process = Helper::again(&["acceptor", role])?;
        let ready: Value = serde_json::from_str(&process.line(RUN_LIMIT)?)?;
        let text = |key: &str| ready[key].as_str().unwrap_or_default().to_owned();
        begin()?;
        let address = text("tls").parse()?;
        let client = Identity { certificate: text("client_certificate"), key: text("client_key") };
        Ok(Self {
            process,
            mqtt: address,
            mqtts: address,
            http: None,
            ca: text("ca"),
            client: Some(client),
            _files: Scratch::new()?,
        })
    }

    /// A client certificate for a device of the second product.
    pub(super) fn identity(&self, device_key: &str) -> Outcome<Identity> {
        if let Some(client) = &self.client {
            return Ok(client.clone());
        }
        let http = self.http.ok_or("a server without REST")?;
        let (csr, key) = certificate::request(device_key)?;
        let path = format!(
            "/connect-service/v2.1/certificates?action=apply&productKey={}&deviceKey={device_key}",
            devices::MUTUAL_KEY
        );
        let body = serde_json::json!({ "csr": csr }).to_string();
        let reply = http::call(http, "POST", &path, &[], &body, RUN_LIMIT)?;
        let reply: Value = serde_json::from_str(&reply.body)?;
        match reply["data"]["cert"].as_str() {
            Some(certificate) => Ok(Identity { certificate: certificate.to_owned(), key }),
            None => Err(format!("no certificate for {device_key}: {reply}").into()),
        }
    }

    /// User and system time that it has used so far.
    pub(super) fn cpu_time(&self) -> Outcome<Duration> {
        machine::cpu_time_of(self.process.id())
    }

    /// Its memory, in kB.
    pub(super) fn resident_kb(&self) -> Outcome<f64> {
        machine::resident_kb_of(self.process.id())
    }
}
