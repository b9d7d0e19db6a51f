//! Plays one session against a hub and judges each answer by what the recorded client needs.

use std::collections::BTreeMap;
use std::thread::JoinHandle;

use conformance::peer::hub::Hub;
use serde_json::{Value, json};

use crate::client::{Client, Login, Message};
use crate::differences::Judged;
use crate::session::{Event, Payload, Session};

/// How a session went.
#[derive(Default)]
pub(crate) struct Outcome {
    /// Every answer.
    pub(crate) judged: Vec<Judged>,
    /// Events behind a refused CONNECT, which no client sends.
    pub(crate) skipped: usize,
}

/// A command that an application gave.
struct Command {
    topic: String,
    /// As it was captured.
    captured: Value,
    /// As it came from this hub.
    came: Option<Value>,
    rest: JoinHandle<std::io::Result<Value>>,
}

/// A session in play.
struct Replay<'a> {
    hub: &'a Hub,
    name: String,
    client: Option<Client>,
    keys: (String, String),
    granted: BTreeMap<String, u8>,
    heard: Vec<Message>,
    commands: Vec<Command>,
    /// Commands that the client never answered: given at the end, since they block others.
    unanswered: Vec<(String, Value)>,
    activation_id: Option<String>,
    outcome: Outcome,
}

/// Plays a session. An error is what no list of differences can excuse.
pub(crate) fn play(hub: &Hub, session: &Session) -> Result<Outcome, String> {
    let mut replay = Replay {
        hub,
        name: session.name(),
        client: None,
        keys: Default::default(),
        granted: BTreeMap::new(),
        heard: Vec::new(),
        commands: Vec::new(),
        unanswered: Vec::new(),
        activation_id: None,
        outcome: Outcome::default(),
    };
    for (at, event) in session.events.iter().enumerate() {
        let rest = &session.events[at + 1..];
        replay.event(event, rest).map_err(|why| format!("{}: event {}: {why}", session.name(), at + 1))?;
    }
    replay.end_of_connection().map_err(|why| format!("{}: at its end: {why}", session.name()))?;
    Ok(replay.outcome)
}

impl Replay<'_> {
    fn judge(&mut self, event: String, wanted: impl Into<String>, came: impl Into<String>) {
        let session = self.name.clone();
        self.outcome.judged.push(Judged { session, event, wanted: wanted.into(), came: came.into() });
    }

    fn client(&mut self) -> Result<&mut Client, String> {
        self.client.as_mut().ok_or_else(|| "there is no connection".to_owned())
    }

    fn event(&mut self, event: &Event, rest: &[Event]) -> Result<(), String> {
        if let Event::Connect { flags, keepalive, client_id, username, password, level } = event {
            let (flags, keep_alive_s, level) = (*flags, *keepalive, *level);
            let login = Login { level, flags, keep_alive_s, client_id, user_name: username, password };
            return self.connect(&login);
        }
        if self.client.is_none() {
            let counts = !matches!(event, Event::Closed | Event::Kick | Event::Disconnect);
            self.outcome.skipped += usize::from(counts);
            return Ok(());
        }
        match event {
            Event::Subscribe { filters } => self.subscribe(filters),
            Event::Unsubscribe { filters } => {
                let filters: Vec<&str> = filters.iter().map(String::as_str).collect();
                let mut heard = std::mem::take(&mut self.heard);
                self.client()?.unsubscribe(&filters, &mut heard)?;
                self.heard = heard;
                self.granted.retain(|filter, _| !filters.contains(&filter.as_str()));
                self.judge(format!("UNSUBSCRIBE {}", filters.join(" ")), "UNSUBACK", "UNSUBACK");
                Ok(())
            }
            Event::Publish { topic, qos, payload } => self.publish(topic, *qos, payload),
            Event::Send { topic, payload } => self.send(topic, payload, rest),
            Event::Disconnect => {
                self.end_of_commands()?;
                match self.client.take() {
                    Some(client) => client.disconnect(),
                    None => Ok(()),
                }
            }
            // A broken link, or an end that nobody announced.
            Event::Kick | Event::Closed => self.end_of_connection(),
            Event::Connect { .. } => Ok(()),
        }
    }

    fn connect(&mut self, login: &Login<'_>) -> Result<(), String> {
        self.end_of_connection()?;
        let (mut client, code, present) = Client::connect(self.hub.ready().mqtt, login)?;
        let session = if present { ", session present" } else { "" };
        self.judge(format!("CONNECT {}", login.client_id), "CONNACK 0", format!("CONNACK {code}{session}"));
        self.granted.clear();
        if code != 0 {
            // The hub closes behind a refusal.
            return client.closed();
        }
        let (device, product) = login.user_name.rsplit_once('&').ok_or("a user name without `&`")?;
        self.keys = (product.to_owned(), device.to_owned());
        self.client = Some(client);
        if login.client_id.contains("securemode=3") {
            self.activation()?;
        }
        Ok(())
    }

    /// The activation message comes at once, unasked for, in the form that the vendor's C client searches.
    fn activation(&mut self) -> Result<(), String> {
        let message = self.hear()?;
        let (product, device) = &self.keys;
        let topic = format!("/ext/session/{product}/{device}/thing/activate/info");
        let text = String::from_utf8(message.payload).map_err(|error| error.to_string())?;
        let value: Value = serde_json::from_str(&text).map_err(|error| format!("{error}: {text}"))?;
        let id = number_text(&value["id"])?;
        let params = &value["params"];
        let whole = message.topic == topic
            && value["version"] == "1.0"
            && value["method"] == "thing.activate.info"
            && params["productKey"] == product.as_str()
            && params["deviceKey"] == device.as_str()
            && params["assetId"].is_string()
            && params["deviceSecret"].is_string()
            && text.contains("\"deviceSecret\":\"")
            && text.len() < 1000;
        let came =
            if whole { "the activation message".to_owned() } else { format!("{} {text}", message.topic) };
        self.activation_id = Some(id);
        self.judge("CONNECT with the product secret".to_owned(), "the activation message", came);
        Ok(())
    }

    fn subscribe(&mut self, filters: &[(String, u8)]) -> Result<(), String> {
        let asked: Vec<(&str, u8)> = filters.iter().map(|(filter, qos)| (filter.as_str(), *qos)).collect();
        let mut heard = std::mem::take(&mut self.heard);
        let codes = self.client()?.subscribe(&asked, &mut heard)?;
        self.heard = heard;
        if codes.len() != asked.len() {
            return Err(format!("{} codes for {} filters", codes.len(), asked.len()));
        }
        for ((filter, qos), code) in asked.into_iter().zip(codes) {
            self.judge(format!("SUBSCRIBE {filter}"), format!("granted {qos}"), granted(code));
            if code < 3 {
                self.granted.insert(filter.to_owned(), code);
            }
        }
        Ok(())
    }

    fn publish(&mut self, topic: &str, qos: u8, payload: &Payload) -> Result<(), String> {
        let event = format!("PUBLISH {topic}");
        let value = payload.text().and_then(|text| serde_json::from_str::<Value>(&without_nan(text)).ok());
        let is_answer = match &value {
            Some(value) => value.get("method").is_none(),
            None => topic.ends_with("_reply"),
        };
        if is_answer {
            return self.answer(event, topic, qos, payload, value.as_ref());
        }
        let mut heard = std::mem::take(&mut self.heard);
        self.client()?.publish(topic, qos, &payload.bytes(), &mut heard)?;
        self.heard = heard;
        let reply = self.hear()?;
        if reply.topic != format!("{topic}_reply") {
            return Err(format!("the reply came on {}", reply.topic));
        }
        let Some(request) = value else {
            self.judge(event, "a raw reply", code_of(&reply).unwrap_or_else(|| "a raw reply".to_owned()));
            return Ok(());
        };
        let came = check_reply(&request, &reply)?;
        self.judge(event, "code 200", came);
        Ok(())
    }

    /// What the device answered to a command: nothing comes back, and whoever gave the command learns of it.
    fn answer(
        &mut self,
        event: String,
        topic: &str,
        qos: u8,
        payload: &Payload,
        value: Option<&Value>,
    ) -> Result<(), String> {
        let captured_id = value.map(|value| value["id"].clone());
        let known = captured_id
            .as_ref()
            .and_then(|id| self.commands.iter().position(|command| command.captured["id"] == *id));
        let mut bytes = payload.bytes();
        let mut command = known.map(|at| self.commands.remove(at));
        let this_hubs_id = match &mut command {
            Some(command) => {
                self.await_command(command)?;
                command.came.as_ref().map(|came| number_text(&came["id"])).transpose()?
            }
            None if topic.ends_with("thing/activate/info_reply") => self.activation_id.clone(),
            None => None,
        };
        if let (Some(ours), Some(Value::String(captured)), Some(text)) =
            (this_hubs_id, captured_id, payload.text())
        {
            bytes = text.replace(&captured, &ours).into_bytes();
        }
        let mut heard = std::mem::take(&mut self.heard);
        self.client()?.publish(topic, qos, &bytes, &mut heard)?;
        self.client()?.ping(&mut heard)?;
        let came = match heard.iter().find(|message| message.topic.starts_with(topic)) {
            Some(reply) => code_of(reply).unwrap_or_else(|| "a message".to_owned()),
            None => "no reply".to_owned(),
        };
        heard.retain(|message| !message.topic.starts_with(topic));
        self.heard = heard;
        self.judge(event, "no reply", came);
        if let (Some(command), Some(value)) = (command, value) {
            let reply = finish(command.rest)?;
            let wanted = outcome_of(value);
            let came = format!("code {}", reply["code"]);
            if let (Some(data), "code 0") = (value.get("data").filter(|data| data.is_object()), &*wanted) {
                let set = command.topic.ends_with("measurepoint/set");
                if !set && reply["data"]["outputData"] != *data {
                    return Err(format!("the caller got {reply} of {data}"));
                }
            }
            self.judge(format!("REST caller of {}", command.topic), wanted, came);
        }
        Ok(())
    }

    /// The broker sent a command: an application gives it to this hub.
    fn send(&mut self, topic: &str, payload: &Payload, rest: &[Event]) -> Result<(), String> {
        let captured: Value =
            payload.text().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
        if self.rest_call(topic, &captured).is_none() {
            return self.pushed(topic, payload);
        }
        let id = captured["id"].as_str().unwrap_or_default();
        let answered = rest.iter().any(|event| match event {
            Event::Publish { payload, .. } => payload.text().is_some_and(|text| text.contains(id)),
            _ => false,
        });
        if !answered {
            self.unanswered.push((topic.to_owned(), captured));
            return Ok(());
        }
        let mut command = self.order(topic, captured, 20)?;
        // One at a time: only the first is sure to be under way.
        if self.commands.is_empty() {
            self.await_command(&mut command)?;
        }
        self.commands.push(command);
        Ok(())
    }

    /// What no application can order goes out as the recording broker sent it.
    fn pushed(&mut self, topic: &str, payload: &Payload) -> Result<(), String> {
        let (product, device) = &self.keys;
        let text = String::from_utf8(payload.bytes()).map_err(|error| error.to_string())?;
        let body = json!({ "productKey": product, "deviceKey": device, "topic": topic, "payloadText": text, "qos": 0 });
        let reply = self.hub.call("POST", "/hub/v1/publish", &body.to_string());
        let reply = reply.map_err(|error| error.to_string())?;
        if reply.get("error").is_some() {
            self.judge(format!("SEND {topic}"), "as captured", reply["error"].to_string());
            return Ok(());
        }
        let message = self.hear()?;
        let same = message.topic == topic && message.payload == text.as_bytes();
        self.judge(
            format!("SEND {topic}"),
            "as captured",
            if same { "as captured" } else { "another message" },
        );
        Ok(())
    }

    /// The REST call that gives a command, without its time-out.
    fn rest_call(&self, topic: &str, captured: &Value) -> Option<(String, Value)> {
        let (product, device) = &self.keys;
        let keys = format!("productKey={product}&deviceKey={device}");
        let name = topic.strip_prefix(&format!("/sys/{product}/{device}/thing/service/"))?;
        let params = &captured["params"];
        Some(match name {
            "measurepoint/get" => {
                (format!("/hub/v1/measurepoint-get?{keys}"), json!({ "measurepointIds": params }))
            }
            "measurepoint/set" => {
                let (point, value) = params.as_object()?.iter().next()?;
                let call = format!("action=setMeasurepoint&{keys}&measurepointId={point}");
                (format!("/connect-service/v2.1/commands?{call}"), json!({ "value": value }))
            }
            service => {
                let call = format!("action=invokeService&{keys}&serviceId={service}");
                (format!("/connect-service/v2.1/commands?{call}"), json!({ "inputData": params }))
            }
        })
    }

    fn order(&self, topic: &str, captured: Value, timeout_s: u32) -> Result<Command, String> {
        let (path, body) = self.rest_call(topic, &captured).ok_or("no route gives this command")?;
        let rest = self.hub.rest().map_err(|error| error.to_string())?;
        let call = move || rest.call("POST", &format!("{path}&timeout={timeout_s}"), &body.to_string());
        let rest = std::thread::spawn(call);
        Ok(Command { topic: topic.to_owned(), captured, came: None, rest })
    }

    /// Waits until the hub has sent a command, which must be as it was captured but for its id.
    fn await_command(&mut self, command: &mut Command) -> Result<(), String> {
        while command.came.is_none() {
            let message = self.hear()?;
            if message.topic != command.topic {
                let other = self.commands.iter_mut().find(|other| other.topic == message.topic);
                let other = other.ok_or_else(|| format!("a message on {}", message.topic))?;
                other.came =
                    Some(serde_json::from_slice(&message.payload).map_err(|error| error.to_string())?);
                continue;
            }
            command.came = Some(serde_json::from_slice(&message.payload).map_err(|error| error.to_string())?);
        }
        let mut came = command.came.clone().unwrap_or_default();
        number_text(&came["id"])?;
        came["id"] = command.captured["id"].clone();
        let shown = if came == command.captured { "as captured".to_owned() } else { came.to_string() };
        self.judge(format!("SEND {}", command.topic), "as captured", shown);
        Ok(())
    }

    /// The next message, held against what holds for each of them.
    fn hear(&mut self) -> Result<Message, String> {
        let mut heard = std::mem::take(&mut self.heard);
        let message = self.client()?.hear(&mut heard)?;
        self.heard = heard;
        let granted = self.granted.get(&message.topic).copied().unwrap_or(1);
        if message.retain || message.dup || message.qos > granted {
            return Err(format!("sent at QoS {} of {granted}, or with a flag: {message:?}", message.qos));
        }
        Ok(message)
    }

    /// The commands that the client never answers fail for whoever gave them.
    fn end_of_commands(&mut self) -> Result<(), String> {
        if self.client.is_none() {
            return Ok(());
        }
        for (topic, captured) in std::mem::take(&mut self.unanswered) {
            let mut command = self.order(&topic, captured, 1)?;
            self.await_command(&mut command)?;
            let reply = finish(command.rest)?;
            let came = if reply["code"] == 0 { "success" } else { "a failure" };
            self.judge(format!("REST caller of {topic}"), "a failure", came);
        }
        Ok(())
    }

    fn end_of_connection(&mut self) -> Result<(), String> {
        self.end_of_commands()?;
        self.client = None;
        match self.heard.first() {
            Some(message) => Err(format!("nobody asked for {message:?}")),
            None => Ok(()),
        }
    }
}

fn finish(rest: JoinHandle<std::io::Result<Value>>) -> Result<Value, String> {
    rest.join().map_err(|_| "the REST call panicked".to_owned())?.map_err(|error| error.to_string())
}

/// The REST code that a device's answer leads to: 200, 0 and none at all are success.
fn outcome_of(answer: &Value) -> String {
    let code = match &answer["code"] {
        Value::String(text) => text.parse().unwrap_or(0),
        code => code.as_i64().unwrap_or(0),
    };
    format!("code {}", if code == 200 { 0 } else { code })
}

fn granted(code: u8) -> String {
    if code < 3 { format!("granted {code}") } else { "refused".to_owned() }
}

/// Python writes NaN and infinities, which this reader of JSON does not know.
fn without_nan(text: &str) -> String {
    text.replace("-Infinity", "0").replace("Infinity", "0").replace("NaN", "0")
}

/// An id: a JSON string of decimal digits.
fn number_text(id: &Value) -> Result<String, String> {
    let text = id.as_str().ok_or_else(|| format!("the id {id} is no string"))?;
    let decimal = (1..=31).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    if decimal { Ok(text.to_owned()) } else { Err(format!("the id {text:?} is no decimal number")) }
}

fn code_of(reply: &Message) -> Option<String> {
    let value: Value = serde_json::from_slice(&reply.payload).ok()?;
    value.get("code").map(|code| format!("code {code}"))
}

/// A reply as every vendor's client can read it; gives its code.
fn check_reply(request: &Value, reply: &Message) -> Result<String, String> {
    let value: Value = serde_json::from_slice(&reply.payload).map_err(|error| error.to_string())?;
    let id = request["id"].as_str().unwrap_or_default();
    let code = value["code"].as_i64().ok_or_else(|| format!("the code is no integer: {value}"))?;
    let message = value.get("message").is_none_or(Value::is_string);
    if value["id"] != id
        || value.get("data").is_none()
        || !message
        || (code == 200) == value.get("message").is_some()
    {
        return Err(format!("a reply that no client reads: {value}, to id {id}"));
    }
    Ok(format!("code {code}"))
}
