//! Scenarios: data files that say what is done, to whom, and what must come of it.
//!
//! Owns the file format (`README.md`), the runner and its judgement. Refuses to know a language: a driver is a
//! process that speaks lines.

mod grammar;
mod judge;
mod report;
mod run;
mod setup;
mod text;

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

pub use report::{Cell, Table};
pub use run::{Failed, run};
pub use setup::Tools;

/// One file of `scenarios`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// The file's name without its ending.
    #[serde(skip)]
    pub name: String,
    /// What it shows, in one sentence.
    pub about: String,
    /// The rules it holds against client and hub: file and section of `protocol/`, or a decision.
    pub covers: Vec<String>,
    /// Ids of the requirement table that it proves.
    #[serde(default)]
    pub proves: Vec<String>,
    /// Longest time for all of it, in seconds.
    #[serde(default = "default_bound")]
    pub bound_s: u64,
    /// The hub refuses what the documents forbid.
    #[serde(default)]
    pub strict: bool,
    /// The hub has something to say against what the device sends; otherwise its journal must hold no warning.
    #[serde(default)]
    pub warned: bool,
    /// Something else than whole packets reaches the hub's MQTT port; otherwise tshark must decode everything.
    #[serde(default)]
    pub garbled: bool,
    /// Transports that it runs over, one row of the table for each; `${hub}` is the hub's URL then.
    #[serde(default = "default_over")]
    pub over: Vec<Over>,
    /// Servers beside the hub, by name.
    #[serde(default)]
    pub servers: BTreeMap<String, ServerSpec>,
    /// Client certificates, by name.
    #[serde(default)]
    pub certificates: BTreeMap<String, CertificateSpec>,
    /// Runs all steps for each number of a range.
    pub each: Option<Each>,
    /// What is done, in order.
    pub steps: Vec<Step>,
}

/// A transport that a scenario runs over.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Over {
    /// MQTT over TCP.
    Tcp,
    /// CoAP over UDP.
    Coap,
    /// CoAP over DTLS.
    Coaps,
}

impl Over {
    /// The scheme of its URL.
    #[must_use]
    pub fn scheme(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Coap => "coap",
            Self::Coaps => "coaps",
        }
    }
}

fn default_over() -> Vec<Over> {
    vec![Over::Tcp]
}

/// Numbers for which the steps are run, one after the other.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Each {
    /// The number's name in texts.
    pub name: String,
    /// The first one.
    pub from: u64,
    /// The last one.
    pub to: u64,
}

fn default_bound() -> u64 {
    30
}

/// A server on a free loopback port.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", tag = "is")]
pub enum ServerSpec {
    /// Carries everything to the hub; a `relay` step breaks it.
    Relay {
        /// `mqtt` or `mqtts`.
        #[serde(default = "default_target")]
        to: String,
        /// A loopback address to listen at.
        #[serde(default = "default_listen")]
        at: String,
    },
    /// Speaks TLS of its own and carries what is inside to the hub's `mqtt`.
    Tls {
        /// `1.2` or `1.3`.
        version: String,
        /// `p256` or `rsa`.
        key: String,
        /// The names of its certificate.
        #[serde(default = "default_names")]
        names: Vec<String>,
        /// Whether its certificate has expired.
        #[serde(default)]
        expired: bool,
    },
    /// An HTTP proxy.
    Proxy {
        /// User and password that it demands, in base64 as on the wire.
        #[serde(default)]
        credentials: Option<String>,
    },
    /// Reads what comes first, then closes.
    CloseAfterFirst,
    /// Never reads nor writes.
    Silent,
    /// Reads all and answers once, with bytes and then with messages at QoS 0.
    Answer {
        /// Hexadecimal digits.
        hex: String,
        /// Topic and payload of each message.
        #[serde(default)]
        messages: Vec<(String, String)>,
        /// Reads nothing any more once it has answered.
        #[serde(default)]
        deaf: bool,
    },
    /// Sends these bytes one by one, for ever.
    Drip {
        /// Hexadecimal digits.
        hex: String,
        /// Pause between two bytes, in milliseconds.
        pause_ms: u64,
    },
    /// Carries datagrams to the port of the scenario's transport; a `relay` step loses some or moves on.
    DatagramRelay,
    /// Answers every datagram with RST.
    DatagramReset,
    /// Reads datagrams and says nothing.
    DatagramSilent,
}

fn default_target() -> String {
    "mqtt".to_owned()
}

fn default_listen() -> String {
    "127.0.0.1".to_owned()
}

fn default_names() -> Vec<String> {
    vec!["127.0.0.1".to_owned()]
}

/// A client certificate.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CertificateSpec {
    /// `hub`: applied for through the hub's REST; `stranger`: of an authority nobody knows.
    pub of: String,
    /// The product whose device it is for.
    #[serde(default)]
    pub product_key: String,
    /// The device, which is the common name too.
    pub device_key: String,
}

/// One step: one act, and what must come of it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// A request to the driver.
    pub drive: Option<Words>,
    /// Waits for the driver's next event of this name and client; every word must fit.
    pub event: Option<Words>,
    /// No event of this name and client has come that was not asked for.
    pub quiet: Option<Words>,
    /// Calls a route of the hub by GET.
    pub get: Option<String>,
    /// Calls a route of the hub by POST.
    pub post: Option<String>,
    /// The body of `post`.
    pub body: Option<Value>,
    /// Orders a fault of the hub: the body of `POST /hub/v1/faults`. Each must have struck at the end.
    pub fault: Option<Value>,
    /// Takes every fault away; those that stand must have struck.
    #[serde(default)]
    pub heal: bool,
    /// Stops or moves the hub's clock: the body of `POST /hub/v1/clock`.
    pub clock: Option<Value>,
    /// `stop`, `start` or `restart`.
    pub hub: Option<String>,
    /// A relay's name and what it does: `cut`, `refuse`, `accept`, `hold`, `carry`, `cut-after up|down BYTES`; one of
    /// datagrams `cut`, `carry`, `move`, `lose up|down BEHIND`.
    pub relay: Option<Words>,
    /// Waits for the answer of the act that was started under this name.
    pub finish: Option<String>,

    /// Starts the act and goes on; `finish` takes its answer.
    #[serde(rename = "as")]
    pub name: Option<String>,
    /// The results of `drive`, word by word; without it any results will do.
    pub gives: Option<Words>,
    /// The error of `drive`; without it the verb must succeed.
    pub fails: Option<Fails>,
    /// What the hub's reply must hold, by JSON pointer.
    pub is: Option<BTreeMap<String, Value>>,
    /// Asks again until `is` or `gives` holds, as long as the scenario's time lasts.
    #[serde(default)]
    pub until: bool,
    /// Keeps parts of the hub's reply for `${NAME}`, by JSON pointer.
    #[serde(default)]
    pub keep: BTreeMap<String, String>,
}

/// Words: a text that is split at blanks, or a list whose words may hold blanks.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum Words {
    /// Split at blanks.
    Text(String),
    /// As given.
    List(Vec<String>),
}

impl Words {
    pub(crate) fn list(&self) -> Vec<String> {
        match self {
            Self::Text(text) => text.split_whitespace().map(str::to_owned).collect(),
            Self::List(list) => list.clone(),
        }
    }
}

/// What an error must be.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fails {
    /// Number of the error table.
    pub kind: u16,
    /// The hub's code, 0 if none.
    #[serde(default)]
    pub hub_code: i64,
    /// What the message must hold: words of the cause and of the next step.
    pub says: Vec<String>,
}

impl Scenario {
    /// It over each of its transports: all but MQTT's are told by their names.
    fn rows(self) -> impl Iterator<Item = Self> {
        self.over.clone().into_iter().map(move |over| {
            let name = match over {
                Over::Tcp => self.name.clone(),
                _ => format!("{}/{}", self.name, over.scheme()),
            };
            Self { name, over: vec![over], ..self.clone() }
        })
    }

    /// The transport it runs over.
    pub(crate) fn transport(&self) -> Over {
        self.over.first().copied().unwrap_or(Over::Tcp)
    }
}

/// Reads every scenario of a folder, in the order of their names. A file that cannot be read is an error.
pub fn load(folder: &Path) -> io::Result<Vec<Scenario>> {
    let mut scenarios = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_none_or(|extension| extension != "toml") {
            continue;
        }
        let text = std::fs::read_to_string(&path)?;
        let named = |reason: String| io::Error::other(format!("{}: {reason}", path.display()));
        let mut scenario: Scenario = toml::from_str(&text).map_err(|error| named(error.to_string()))?;
        scenario.name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        check(&scenario).map_err(named)?;
        scenarios.extend(scenario.rows());
    }
    scenarios.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(scenarios)
}

/// What a file may say that no type forbids.
fn check(scenario: &Scenario) -> Result<(), String> {
    if scenario.steps.is_empty() || scenario.covers.is_empty() {
        return Err("a scenario has steps, and says what it covers".to_owned());
    }
    if scenario.over.is_empty() {
        return Err("`over` names a transport".to_owned());
    }
    if scenario.each.as_ref().is_some_and(|each| each.from > each.to) {
        return Err("`each` counts upwards".to_owned());
    }
    for (at, step) in scenario.steps.iter().enumerate() {
        let acts = [
            step.drive.is_some(),
            step.event.is_some(),
            step.quiet.is_some(),
            step.get.is_some(),
            step.post.is_some(),
            step.fault.is_some(),
            step.heal,
            step.clock.is_some(),
            step.hub.is_some(),
            step.relay.is_some(),
            step.finish.is_some(),
        ];
        if acts.iter().filter(|is| **is).count() != 1 {
            return Err(format!("step {}: each step has one act", at + 1));
        }
        let asks =
            (step.get.is_some() && step.is.is_some()) || (step.drive.is_some() && step.gives.is_some());
        if step.until && (!asks || step.name.is_some()) {
            return Err(format!(
                "step {}: `until` belongs to `get` and `is`, or `drive` and `gives`",
                at + 1
            ));
        }
        if step.fails.as_ref().is_some_and(|fails| fails.says.len() < 2) {
            return Err(format!("step {}: an error says its cause and the next step", at + 1));
        }
    }
    Ok(())
}
