//! What stands around a scenario: hub, servers, certificates, driver, and their names for the texts.

use std::collections::BTreeMap;
use std::error::Error;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tokio::net::TcpSocket;

use super::text::Texts;
use super::{Over, Scenario, ServerSpec};
use crate::driver::Driver;
use crate::peer::certificate::{Authority, KeyKind};
use crate::peer::datagrams::{self, Datagrams};
use crate::peer::hub::Hub;
use crate::peer::net::{Manner, Server, tls_server};
use crate::peer::scratch::Scratch;

/// What a scenario is run with.
#[derive(Clone, Debug)]
pub struct Tools {
    /// The hub's program.
    pub hub: PathBuf,
    /// The seed the hub starts with.
    pub seed: PathBuf,
    /// The driver's program and its arguments.
    pub driver: Vec<PathBuf>,
    /// Whether tshark is there to read what was on the wire.
    pub tshark: bool,
}

/// Everything a scenario runs among; dropping it ends it all.
pub(super) struct World {
    pub(super) driver: Driver,
    pub(super) servers: BTreeMap<String, Server>,
    pub(super) datagrams: BTreeMap<String, Datagrams>,
    pub(super) hub: Hub,
    pub(super) texts: Texts,
    /// Where the hub's traffic is written.
    pub(super) captures: Option<PathBuf>,
    pub(super) scratch: Scratch,
    _nobody: TcpSocket,
}

impl World {
    pub(super) fn new(scenario: &Scenario, tools: &Tools) -> Result<Self, Box<dyn Error>> {
        let scratch = Scratch::new()?;
        let captures = scratch.path().join("captures");
        std::fs::create_dir(&captures)?;
        let captures = tools.tshark.then_some(captures);
        let hub = Hub::start_captured(&tools.hub, &tools.seed, scenario.strict, captures.as_deref())?;
        let mut texts = Texts::default();
        let ready = hub.ready();
        texts.set("mqtt", ready.mqtt.to_string());
        texts.set("mqtts", ready.mqtts.to_string());
        let over = scenario.transport();
        let target = match over {
            Over::Tcp => ready.mqtt,
            Over::Coap => ready.coap,
            Over::Coaps => ready.coaps,
        };
        texts.set("hub", format!("{}://{target}", over.scheme()));
        texts.set("scheme", over.scheme());
        texts.set("mqtts_port", ready.mqtts.port().to_string());
        texts.set("coap", ready.coap.to_string());
        texts.set("coaps", ready.coaps.to_string());
        texts.set("scratch", path(scratch.path()));
        texts.set("ca", path(&scratch.write("ca.pem", &ready.ca_pem)?));
        let stranger = Authority::new("a stranger's authority")?;
        texts.set("stranger_ca", path(&scratch.write("stranger-ca.pem", stranger.pem())?));
        let (nobody, address) = nobody()?;
        texts.set("nobody", address.to_string());
        for (name, spec) in &scenario.certificates {
            let identity = match &*spec.of {
                "hub" => hub.client_certificate(&spec.product_key, &spec.device_key)?,
                "stranger" => stranger.client(&spec.device_key)?,
                other => return Err(format!("a certificate is of `hub` or `stranger`, not `{other}`").into()),
            };
            texts.set(
                format!("cert.{name}"),
                path(&scratch.write(&format!("{name}.cert.pem"), &identity.certificate)?),
            );
            texts
                .set(format!("key.{name}"), path(&scratch.write(&format!("{name}.key.pem"), &identity.key)?));
        }
        let (mut servers, mut datagrams) = (BTreeMap::new(), BTreeMap::new());
        for (name, spec) in &scenario.servers {
            let manner = match spec {
                ServerSpec::DatagramRelay => Some(datagrams::Manner::Relay(target)),
                ServerSpec::DatagramReset => Some(datagrams::Manner::Reset),
                ServerSpec::DatagramSilent => Some(datagrams::Manner::Silent),
                _ => None,
            };
            if let Some(manner) = manner {
                let server = Datagrams::start(manner)?;
                texts.set(name.as_str(), server.address().to_string());
                datagrams.insert(name.clone(), server);
                continue;
            }
            let server = server(spec, &hub, &stranger, &texts)?;
            texts.set(name.as_str(), server.address().to_string());
            texts.set(format!("{name}_port"), server.address().port().to_string());
            servers.insert(name.clone(), server);
        }
        let (program, arguments) = tools.driver.split_first().ok_or("no driver")?;
        let driver = Driver::start(Command::new(program).args(arguments))?;
        Ok(Self { driver, servers, datagrams, hub, texts, captures, scratch, _nobody: nobody })
    }

    /// The hub's certificate authority is made anew at each start.
    pub(super) fn hub_restarted(&mut self) -> Result<(), Box<dyn Error>> {
        let ca = self.texts.fill("${ca}")?;
        std::fs::write(ca, &self.hub.ready().ca_pem)?;
        Ok(())
    }
}

fn server(
    spec: &ServerSpec,
    hub: &Hub,
    stranger: &Authority,
    texts: &Texts,
) -> Result<Server, Box<dyn Error>> {
    let loopback = IpAddr::from([127, 0, 0, 1]);
    let (at, manner) = match spec {
        ServerSpec::Relay { to, at } => {
            let target = match &**to {
                "mqtt" => hub.ready().mqtt,
                "mqtts" => hub.ready().mqtts,
                other => return Err(format!("a relay goes to `mqtt` or `mqtts`, not to `{other}`").into()),
            };
            (at.parse()?, Manner::Relay(target))
        }
        ServerSpec::Tls { version, key, names, expired } => {
            let versions = match &**version {
                "1.2" => [&rustls::version::TLS12],
                "1.3" => [&rustls::version::TLS13],
                other => return Err(format!("`{other}` is no version of TLS served here").into()),
            };
            let kind = match &**key {
                "p256" => KeyKind::P256,
                "rsa" => KeyKind::Rsa,
                other => return Err(format!("`{other}` is no kind of key").into()),
            };
            let identity = stranger.server(names, kind, *expired)?;
            (loopback, Manner::Tls(hub.ready().mqtt, tls_server(&identity, &versions)?))
        }
        ServerSpec::Proxy { credentials } => (loopback, Manner::Proxy { credentials: credentials.clone() }),
        ServerSpec::CloseAfterFirst => (loopback, Manner::CloseAfterFirst),
        ServerSpec::Silent => (loopback, Manner::Silent),
        ServerSpec::Answer { hex, messages, deaf } => {
            let mut answer = bytes(hex)?;
            for (topic, payload) in messages {
                answer.extend(publish(topic, &texts.fill(payload)?));
            }
            (loopback, Manner::Answer { bytes: answer, deaf: *deaf })
        }
        ServerSpec::Drip { hex, pause_ms } => {
            (loopback, Manner::Drip(bytes(hex)?, Duration::from_millis(*pause_ms)))
        }
        ServerSpec::DatagramRelay | ServerSpec::DatagramReset | ServerSpec::DatagramSilent => {
            return Err("a server of datagrams speaks no TCP".into());
        }
    };
    Ok(Server::start(at, manner)?)
}

/// An address where nobody listens, and nobody else can as long as the socket is held.
fn nobody() -> std::io::Result<(TcpSocket, SocketAddr)> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::from(([127, 0, 0, 1], 0)))?;
    let address = socket.local_addr()?;
    Ok((socket, address))
}

/// A PUBLISH at QoS 0 (MQTT 3.1.1 §3.3).
fn publish(topic: &str, payload: &str) -> Vec<u8> {
    let mut packet = vec![0x30];
    let mut left = 2 + topic.len() + payload.len();
    loop {
        let more = left > 127;
        packet.push((left & 127) as u8 | if more { 128 } else { 0 });
        left >>= 7;
        if !more {
            break;
        }
    }
    packet.extend([(topic.len() >> 8) as u8, topic.len() as u8]);
    packet.extend(topic.bytes().chain(payload.bytes()));
    packet
}

fn bytes(hex: &str) -> Result<Vec<u8>, String> {
    let digits: Vec<u8> = hex.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    let pairs = digits.chunks(2).map(|pair| {
        let text = std::str::from_utf8(pair).ok().filter(|text| text.len() == 2)?;
        u8::from_str_radix(text, 16).ok()
    });
    let bytes: Option<Vec<u8>> = pairs.collect();
    bytes.filter(|bytes| !bytes.is_empty()).ok_or_else(|| format!("\"{hex}\" is no hexadecimal text"))
}

fn path(path: &Path) -> String {
    path.display().to_string()
}
