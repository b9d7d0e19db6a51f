//! Golden vectors through a driver's lines: what is signed, built and read must come out byte for byte.
//!
//! `vectors.json` holds what the vendor's own code gives; the other files of the folder pin choices of ours, in the
//! form of `style.md` §10, and name the verb that they are for.

use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::Value;

use crate::driver::{Answer, Driver};

/// Longest wait for one answer.
const PATIENCE: Duration = Duration::from_secs(20);

/// What a vector wants.
#[derive(Clone, Debug)]
enum Wanted {
    /// These results.
    Results(Vec<String>),
    /// The same, whatever the case of its letters.
    AnyCase(String),
    /// An error of this kind.
    Error(u16),
}

/// One request to a driver and what must come of it.
#[derive(Clone, Debug)]
pub struct Check {
    /// Which vector it is of.
    pub id: String,
    words: Vec<String>,
    wanted: Wanted,
}

/// All checks of one group of vectors.
#[derive(Clone, Debug)]
pub struct Group {
    /// The group's name in the table.
    pub name: String,
    /// The verb it needs.
    pub verb: String,
    /// Its checks; never empty.
    pub checks: Vec<Check>,
}

impl Group {
    /// Runs the checks; says which failed and how.
    pub fn run(&self, driver: &mut Driver) -> Result<usize, String> {
        let mut faults = Vec::new();
        for check in &self.checks {
            let answer =
                driver.ask(&check.words, Instant::now() + PATIENCE).map_err(|error| error.to_string())?;
            let fits = match (&answer, &check.wanted) {
                (Answer::Ok(came), Wanted::Results(wanted)) => came == wanted,
                (Answer::Ok(came), Wanted::AnyCase(wanted)) => {
                    matches!(&**came, [one] if one.eq_ignore_ascii_case(wanted))
                }
                (Answer::Err(failure), Wanted::Error(kind)) => failure.kind == kind.to_string(),
                _ => false,
            };
            if !fits {
                faults.push(format!(
                    "{}: {:?} gave {answer:?}, wanted {:?}",
                    check.id, check.words, check.wanted
                ));
            }
        }
        match faults.len() {
            0 => Ok(self.checks.len()),
            count => {
                faults.truncate(5);
                Err(format!(
                    "{count} of {} vectors failed:\n    {}",
                    self.checks.len(),
                    faults.join("\n    ")
                ))
            }
        }
    }
}

/// Every group of the folder.
pub fn load(folder: &Path) -> io::Result<Vec<Group>> {
    let mut groups = golden(&read(&folder.join("vectors.json"))?)?;
    let mut files: Vec<_> =
        std::fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>()?;
    files.sort();
    for file in files {
        let name = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        if file.extension().is_some_and(|is| is == "json") && !matches!(&*name, "vectors" | "captures") {
            let parsed: File = serde_json::from_value(read(&file)?)
                .map_err(|error| io::Error::other(format!("{}: {error}", file.display())))?;
            groups.extend(parsed.groups(&name)?);
        }
    }
    match groups.iter().find(|group| group.checks.is_empty()) {
        Some(group) => Err(io::Error::other(format!("the vectors of {} are empty", group.name))),
        None => Ok(groups),
    }
}

fn read(path: &Path) -> io::Result<Value> {
    let text = std::fs::read_to_string(path)?;
    serde_json::from_str(&text).map_err(|error| io::Error::other(format!("{}: {error}", path.display())))
}

/// A file of our own vectors.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(rename = "about")]
    _about: String,
    /// The verb of all, unless each vector names its own.
    verb: Option<String>,
    vectors: Vec<Vector>,
}

/// Verbs of `coap.json` that no driver has: what an engine does inside, for tests of engine, hub and codec.
const INSIDE: &[&str] = &["coap_datagram", "coap_auth_payload"];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Vector {
    id: String,
    verb: Option<String>,
    #[serde(rename = "comment")]
    _comment: String,
    #[serde(rename = "flags")]
    _flags: Vec<String>,
    input: Vec<String>,
    /// Results; for an invalid one the error's kind.
    output: Vec<String>,
    result: Outcome,
}

#[derive(Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Outcome {
    Valid,
    Invalid,
}

impl File {
    /// A group for each verb that a driver has.
    fn groups(self, name: &str) -> io::Result<Vec<Group>> {
        let mut groups: Vec<Group> = Vec::new();
        for vector in self.vectors {
            let verb = vector.verb.clone().or_else(|| self.verb.clone());
            let verb = verb.ok_or_else(|| io::Error::other(format!("{}: no verb", vector.id)))?;
            if INSIDE.contains(&&*verb) {
                continue;
            }
            let check = vector.check(&verb)?;
            match groups.iter_mut().find(|group| group.verb == verb) {
                Some(group) => group.checks.push(check),
                None => {
                    let own = if self.verb.is_some() { name.to_owned() } else { verb.replace('_', "-") };
                    groups.push(Group { name: format!("vectors/{own}"), verb, checks: vec![check] });
                }
            }
        }
        Ok(groups)
    }
}

impl Vector {
    fn check(self, verb: &str) -> io::Result<Check> {
        let wanted = match (self.result, &*self.output) {
            (Outcome::Valid, _) => Wanted::Results(self.output),
            (Outcome::Invalid, [kind]) => Wanted::Error(
                kind.parse().map_err(|_| io::Error::other(format!("{}: no kind of error", self.id)))?,
            ),
            (Outcome::Invalid, _) => {
                return Err(io::Error::other(format!("{}: an invalid one gives a kind", self.id)));
            }
        };
        let words = std::iter::once(verb.to_owned()).chain(self.input).collect();
        Ok(Check { id: self.id, words, wanted })
    }
}

/// The groups of `vectors.json` that concern a client.
fn golden(vectors: &Value) -> io::Result<Vec<Group>> {
    let list = |name: &str| -> io::Result<&Vec<Value>> {
        vectors[name].as_array().ok_or_else(|| io::Error::other(format!("vectors.json has no `{name}`")))
    };
    let group = |name: &str, verb: &str, checks| Group {
        name: format!("vectors/{name}"),
        verb: verb.to_owned(),
        checks,
    };
    let signs = list("sign")?.iter().map(sign).collect();
    let sub_devices = list("subDevice")?.iter().flat_map(sub_device).collect();
    let http = list("httpAuth")?.iter().map(http).collect();
    let connects: Vec<&Value> = list("connect")?.iter().collect();
    let usernames = connects.iter().map(|vector| username(vector)).collect();
    let client_ids = connects.iter().filter_map(|vector| client_id(vector)).collect();
    let passwords = connects.iter().filter_map(|vector| password(vector)).collect();
    let topics = list("topics")?.iter().map(topic).collect();
    let parsed = list("topics")?.iter().flat_map(parsed).collect();
    let strangers = list("negativeTopics")?.iter().map(|topic| Check {
        id: topic.to_string(),
        words: words(&["topic_parse", text(topic)]),
        wanted: Wanted::Results(words(&["none"])),
    });
    Ok(vec![
        group("sign", "sign", signs),
        group("sub-device", "sign", sub_devices),
        group("http", "sign", http),
        group("username", "username", usernames),
        group("client-id", "client_id", client_ids),
        group("password", "password", passwords),
        group("topics", "topic", topics),
        group("topics-parsed", "topic_parse", parsed),
        group("no-topics", "topic_parse", strangers.collect()),
    ])
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

fn signed(id: &str, sdk: &str, method: &str, secret: &str, pairs: &[(&str, &str)], wanted: &str) -> Check {
    // The one client whose method name means a real HMAC (`auth.md` §1).
    let method = if (sdk, method) == ("node", "hmacsha1") { "real-hmac-sha1" } else { method };
    let mut line = words(&["sign", method, secret]);
    line.extend(pairs.iter().flat_map(|(name, value)| [(*name).to_owned(), (*value).to_owned()]));
    Check { id: id.to_owned(), words: line, wanted: Wanted::AnyCase(wanted.to_owned()) }
}

fn sign(vector: &Value) -> Check {
    let params = vector["params"].as_object().into_iter().flatten();
    let pairs: Vec<_> = params.map(|(name, value)| (name.as_str(), text(value))).collect();
    let (name, sdk) = (text(&vector["name"]), text(&vector["sdk"]));
    signed(name, sdk, text(&vector["signMethod"]), text(&vector["secret"]), &pairs, text(&vector["sign"]))
}

fn sub_device(vector: &Value) -> Vec<Check> {
    let (params, inputs) = (&vector["expectedParams"], &vector["inputs"]);
    let method = params["signMethod"].as_str().or(params["signmethod"].as_str()).unwrap_or_default();
    let timestamp =
        params["timestamp"].as_str().map_or_else(|| params["timestamp"].to_string(), str::to_owned);
    let devices = params["subDevices"].as_array().map_or(std::slice::from_ref(params), Vec::as_slice);
    let checks = devices.iter().map(|device| {
        let dk = text(&device["deviceKey"]);
        let secret = ["secret", "productSecret", "ds", "ps"]
            .iter()
            .find_map(|key| inputs[key].as_str())
            .or_else(|| inputs["secrets"][dk].as_str())
            .unwrap_or_default();
        let pairs = [
            ("clientId", text(&params["clientId"])),
            ("timestamp", timestamp.as_str()),
            ("productKey", text(&device["productKey"])),
            ("deviceKey", dk),
        ];
        signed(text(&vector["name"]), text(&vector["sdk"]), method, secret, &pairs, text(&device["sign"]))
    });
    checks.collect()
}

fn http(vector: &Value) -> Check {
    let lifetime = vector["lifetime"].to_string();
    let pairs = [
        ("deviceKey", text(&vector["deviceKey"])),
        ("lifetime", lifetime.as_str()),
        ("productKey", text(&vector["productKey"])),
        ("signMethod", "sha256"),
    ];
    signed(text(&vector["name"]), "java", "sha256", text(&vector["secret"]), &pairs, text(&vector["sign"]))
}

fn username(vector: &Value) -> Check {
    Check {
        id: text(&vector["name"]).to_owned(),
        words: words(&["username", text(&vector["deviceKey"]), text(&vector["productKey"])]),
        wanted: Wanted::Results(words(&[text(&vector["username"])])),
    }
}

/// Ours are `sha256` and whole numbers as time stamps; what else the vendor's clients send is the hub's to accept.
fn is_ours(vector: &Value) -> bool {
    text(&vector["signMethod"]) == "sha256" && text(&vector["timestamp"]).parse::<u64>().is_ok()
}

fn client_id(vector: &Value) -> Option<Check> {
    let [client, mode, timestamp] =
        ["signedClientId", "secureMode", "timestamp"].map(|key| text(&vector[key]));
    is_ours(vector).then(|| Check {
        id: text(&vector["name"]).to_owned(),
        words: words(&["client_id", client, mode, timestamp]),
        wanted: Wanted::Results(words(&[text(&vector["mqttClientId"])])),
    })
}

fn password(vector: &Value) -> Option<Check> {
    let keys = ["signedClientId", "deviceKey", "productKey", "timestamp", "secret"];
    let mut line = words(&["password"]);
    line.extend(keys.iter().map(|key| text(&vector[key]).to_owned()));
    is_ours(vector).then(|| Check {
        id: text(&vector["name"]).to_owned(),
        words: line,
        wanted: Wanted::AnyCase(text(&vector["password"]).to_owned()),
    })
}

fn topic(vector: &Value) -> Check {
    // Names such as "event.post dotted id" tell one row of a kind from another.
    let kind = text(&vector["kind"]).split(' ').next().unwrap_or_default();
    let argument = vector["args"].as_object().and_then(|args| args.values().next()).map_or("", text);
    let method = vector["method"].as_str().unwrap_or_default();
    Check {
        id: text(&vector["kind"]).to_owned(),
        words: words(&["topic", kind, argument, text(&vector["productKey"]), text(&vector["deviceKey"])]),
        wanted: Wanted::Results(words(&[text(&vector["topic"]), text(&vector["replyTopic"]), method])),
    }
}

/// The topic and its reply taken apart: product key, device key (none on the integration channel), method, way.
fn parsed(vector: &Value) -> [Check; 2] {
    let (topic, reply) = (text(&vector["topic"]), text(&vector["replyTopic"]));
    let device_key = if topic.contains("/integration/") { "" } else { text(&vector["deviceKey"]) };
    let method = vector["method"].as_str().unwrap_or_default();
    let check = |topic: &str, method: &str, way: &str| Check {
        id: topic.to_owned(),
        words: words(&["topic_parse", topic]),
        wanted: Wanted::Results(words(&[text(&vector["productKey"]), device_key, method, way])),
    };
    let answer = if topic == reply {
        check(reply, method, "request")
    } else if topic.contains("/thing/service/") && !topic.contains("/thing/service/measurepoint/") {
        // To a device everything below `thing/service/` is a command.
        check(reply, &format!("{method}_reply"), "request")
    } else {
        check(reply, method, "reply")
    };
    [check(topic, method, "request"), answer]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_golden_file_is_taken_whole() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors");
        let groups = load(&folder).unwrap();
        let count =
            |name: &str| groups.iter().find(|group| group.name == name).map(|group| group.checks.len());
        assert_eq!(count("vectors/sign"), Some(30));
        assert_eq!(count("vectors/sub-device"), Some(33));
        assert_eq!(count("vectors/http"), Some(3));
        assert_eq!(count("vectors/username"), Some(33));
        assert_eq!(count("vectors/client-id"), Some(24));
        assert_eq!(count("vectors/topics"), Some(45));
        assert_eq!(count("vectors/topics-parsed"), Some(90));
        assert_eq!(count("vectors/no-topics"), Some(5));
        assert!(groups.len() > 8, "no vectors of our own");
    }
}
