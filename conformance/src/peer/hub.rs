//! The hub as a process of its own, as a user runs it, and its HTTP side.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::{Value, json};

use super::application::Application;
use super::certificate::{self, Identity};
use super::child::Child;
use super::http;

const START: Duration = Duration::from_secs(20);
const STOP: Duration = Duration::from_secs(10);
const CALL: Duration = Duration::from_secs(70);

/// Where the hub listens and whom its TLS peers are to trust, as its ready line says.
#[derive(Clone, Debug, Deserialize)]
pub struct Ready {
    /// Plain MQTT.
    pub mqtt: SocketAddr,
    /// MQTT over TLS.
    pub mqtts: SocketAddr,
    /// Plain CoAP.
    pub coap: SocketAddr,
    /// CoAP over DTLS.
    pub coaps: SocketAddr,
    /// `http://HOST:PORT` of REST and control.
    pub http: String,
    /// The hub's certificate authority.
    pub ca_pem: String,
}

/// A hub's process; dropping it ends it.
#[derive(Debug)]
pub struct Hub {
    program: PathBuf,
    seed: PathBuf,
    strict: bool,
    /// Where each start writes its traffic, and how many starts there were.
    captures: Option<(PathBuf, u32)>,
    ready: Ready,
    http: SocketAddr,
    child: Option<Child>,
}

impl Hub {
    /// Starts a hub on free ports and returns when it accepts connections.
    pub fn start(program: &Path, seed: &Path, strict: bool) -> io::Result<Self> {
        Self::start_captured(program, seed, strict, None)
    }

    /// The same; each start, the first and later ones, writes its MQTT traffic to a file of its own in a folder.
    pub fn start_captured(
        program: &Path,
        seed: &Path,
        strict: bool,
        captures: Option<&Path>,
    ) -> io::Result<Self> {
        let captures = captures.map(|folder| (folder.to_owned(), 1));
        let (child, ready, http) = launch(program, seed, strict, captures.as_ref(), None)?;
        let (program, seed) = (program.to_owned(), seed.to_owned());
        Ok(Self { program, seed, strict, captures, ready, http, child: Some(child) })
    }

    /// What its ready line said.
    pub fn ready(&self) -> &Ready {
        &self.ready
    }

    /// Ends it as an operator does; all it knows is gone, since it keeps its world in memory.
    pub fn stop(&mut self) -> io::Result<()> {
        let Some(mut child) = self.child.take() else { return Ok(()) };
        child.terminate();
        if child.ended(STOP)? {
            Ok(())
        } else {
            Err(io::Error::other(format!("the hub failed: {}", child.errors())))
        }
    }

    /// Whether it runs, as far as its handle knows.
    pub fn is_up(&self) -> bool {
        self.child.is_some()
    }

    /// Starts it again on the ports it had.
    pub fn start_again(&mut self) -> io::Result<()> {
        if let Some((_, starts)) = &mut self.captures {
            *starts += 1;
        }
        let ports = Some((&self.ready, self.http));
        let (child, ready, http) =
            launch(&self.program, &self.seed, self.strict, self.captures.as_ref(), ports)?;
        self.ready = ready;
        self.http = http;
        self.child = Some(child);
        Ok(())
    }

    /// Calls a route; the reply's body as JSON, or as a JSON string if it is none.
    pub fn call(&self, method: &str, path: &str, body: &str) -> io::Result<Value> {
        self.rest()?.call(method, path, body)
    }

    /// Its HTTP side, for calls from other threads.
    pub fn rest(&self) -> io::Result<Rest> {
        let application = match self.strict {
            true => Some(Application::new(self.http, "conformance", "conformance-secret", "o1", CALL)?),
            false => None,
        };
        Ok(Rest { address: self.http, application })
    }

    /// A client certificate of this device, applied for through REST. Common name is the device key unless another
    /// is given.
    pub fn client_certificate(&self, product_key: &str, device_key: &str) -> io::Result<Identity> {
        let (csr, key) = certificate::request(device_key).map_err(io::Error::other)?;
        let path = format!(
            "/connect-service/v2.1/certificates?action=apply&productKey={product_key}&deviceKey={device_key}"
        );
        let reply = self.call("POST", &path, &json!({ "csr": csr }).to_string())?;
        match reply["data"]["cert"].as_str() {
            Some(certificate) => Ok(Identity { certificate: certificate.to_owned(), key }),
            None => Err(io::Error::other(format!("no certificate for {product_key}/{device_key}: {reply}"))),
        }
    }
}

/// The HTTP side of a hub. A strict hub is called by an application that signs.
#[derive(Clone, Debug)]
pub struct Rest {
    address: SocketAddr,
    application: Option<Application>,
}

impl Rest {
    /// Calls a route; the reply's body as JSON, or as a JSON string if it is none.
    pub fn call(&self, method: &str, path: &str, body: &str) -> io::Result<Value> {
        let (path, headers) = match &self.application {
            Some(application) => application.sign(path, body),
            None => (path.to_owned(), Vec::new()),
        };
        let reply = http::call(self.address, method, &path, &headers, body, CALL)?;
        Ok(serde_json::from_str(&reply.body).unwrap_or(Value::String(reply.body)))
    }
}

fn launch(
    program: &Path,
    seed: &Path,
    strict: bool,
    captures: Option<&(PathBuf, u32)>,
    ports: Option<(&Ready, SocketAddr)>,
) -> io::Result<(Child, Ready, SocketAddr)> {
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    let [mqtt, mqtts, coap, coaps, http] =
        ports.map_or([any; 5], |(ready, http)| [ready.mqtt, ready.mqtts, ready.coap, ready.coaps, http]);
    let mut command = Command::new(program);
    command.arg("serve").arg("--memory").arg("--seed").arg(seed);
    let listeners = [
        ("--mqtt", mqtt),
        ("--mqtts", mqtts),
        ("--coap", coap),
        ("--coaps", coaps),
        ("--http", http),
        ("--https", any),
    ];
    for (flag, address) in listeners {
        command.arg(flag).arg(address.to_string());
    }
    if strict {
        command.arg("--strict");
    }
    if let Some((folder, start)) = captures {
        command.arg("--capture").arg(folder.join(format!("{start}.pcapng")));
    }
    let child = Child::start("the hub", &mut command)?;
    let line = child
        .line(Instant::now() + START)
        .map_err(|why| io::Error::other(format!("the hub is not ready ({why:?}): {}", child.errors())))?;
    let ready: Ready = serde_json::from_str(&line)
        .map_err(|error| io::Error::other(format!("the hub's ready line cannot be read: {error}: {line}")))?;
    let http = ready.http.strip_prefix("http://").and_then(|address| address.parse().ok());
    let http =
        http.ok_or_else(|| io::Error::other(format!("the hub's HTTP address is \"{}\"", ready.http)))?;
    Ok((child, ready, http))
}
