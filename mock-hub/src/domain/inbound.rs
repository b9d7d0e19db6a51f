//! What a device publishes: which rule takes it, and what it is answered (`payloads.md` §1, `docs-mqtt.md` §11).

use std::borrow::Cow;

use serde_json::json;

use crate::enos::payload::{self, MAX_PAYLOAD};
use crate::enos::topic::{self, Kind};
use crate::fabric::Outbound;
use crate::journal;

use crate::store::{Change, StoreFault};

use super::device::{Device, DeviceState};
use super::properties::{Refusal, Verb};
use super::rule::{self, Rule};
use super::{Cloud, Denied, Entry, EntryKind, SignedIn, first_time, point};

/// A post may be this far ahead of the hub's clock before it is warned of.
const FUTURE_MS: i64 = 10 * 60_000;
/// Remembers that this warning was given; the rules of `rules.md` have the bits of their numbers.
const FUTURE_BIT: u32 = 1;

/// A post that was right and could not be kept. The vendor's pages have no code for it; 500 is what the REST codes
/// (device code + 11000, 99500 for an internal error) and HTTP agree on best.
const NOT_KEPT: u32 = 500;

/// What a request is refused with.
struct Fault {
    code: u32,
    message: String,
}

impl Fault {
    fn new(code: u32, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    fn rule(code: u32, rule: &Rule) -> Self {
        Self::new(code, format!("rule {}: {}", rule.number, rule.text))
    }
}

/// A request that was served.
struct Served {
    /// What the journal says.
    text: &'static str,
    /// The reply's data as JSON text.
    data: Cow<'static, str>,
}

impl Cloud {
    /// Takes a message of a signed-in device and gives what it is answered.
    ///
    /// Replies go out whether or not the device subscribed to them. An answer to a command is never replied to.
    pub fn message(&self, who: &SignedIn, topic: &str, payload: &[u8], qos: u8) -> Vec<Outbound> {
        let kind = topic::parse(topic).map(|cut| cut.kind);
        match (self.may_publish(who, topic), kind) {
            (Ok(()), Some(Kind::ActivationReply)) => self.activation_reply(who, topic, payload, qos),
            (Ok(()), Some(Kind::Reply(segments))) => self.command_answer(who, topic, segments, payload, qos),
            (Ok(()), kind) => {
                let kind = kind.unwrap_or(Kind::Other(topic));
                if let Some(strike) = self.faults.on_request(&who.device) {
                    return self.spoilt_request(&strike, who, topic, kind, payload, qos);
                }
                return vec![self.request(who, topic, Ok(kind), payload, qos)];
            }
            // A reply to a reply would go round for ever.
            (Err(denied), _) if topic.ends_with("_reply") => {
                let shown = journal::Message::new(topic, "", qos, payload, Some(i64::from(denied.code)));
                let entry = Entry::new(EntryKind::Refused, format!("answer ignored: {denied}"));
                self.note(entry.device(&who.device).message(shown));
            }
            (Err(denied), _) => return vec![self.request(who, topic, Err(denied), payload, qos)],
        }
        Vec::new()
    }

    pub(super) fn request(
        &self,
        who: &SignedIn,
        topic: &str,
        kind: Result<Kind<'_>, Denied>,
        payload: &[u8],
        qos: u8,
    ) -> Outbound {
        let text = String::from_utf8_lossy(payload);
        let (id, outcome) = match payload::request(&text) {
            Ok(request) => {
                let was_utf8 = matches!(text, Cow::Borrowed(_));
                let outcome = self.judge_request(who, topic, kind, payload, was_utf8, &request);
                (request.id, outcome)
            }
            Err((error, id)) => {
                let outcome = before_reading(kind, payload)
                    .and_then(|_| Err(Fault::new(1220, format!("the payload is no JSON: {error}"))));
                (id, outcome)
            }
        };
        let (code, reply) = match &outcome {
            Ok(served) => (200, payload::reply_with(&id, 200, &served.data, None)),
            Err(fault) => (fault.code, payload::reply(&id, fault.code, Some(&fault.message))),
        };
        match code {
            200 => self.metrics.requests_accepted.add(1),
            _ => self.metrics.requests_refused.add(code),
        }
        let entry = match outcome {
            Ok(served) => Entry::new(EntryKind::MessageIn, served.text),
            Err(fault) => {
                let fix = fix(fault.code, topic);
                let text = format!("refused with {}: {}. Fix: {fix}", fault.code, fault.message);
                Entry::new(EntryKind::Refused, text)
            }
        };
        let shown = journal::Message::new(topic, &id, qos, payload, Some(i64::from(code)));
        self.note(entry.device(&who.device).message(shown));
        let mut reply_topic = String::with_capacity(topic.len() + 6);
        reply_topic.push_str(topic);
        reply_topic.push_str("_reply");
        Outbound { topic: reply_topic, payload: reply, qos: qos.min(who.qos_cap) }
    }

    fn judge_request(
        &self,
        who: &SignedIn,
        topic: &str,
        kind: Result<Kind<'_>, Denied>,
        payload: &[u8],
        was_utf8: bool,
        request: &payload::Request<'_>,
    ) -> Result<Served, Fault> {
        match before_reading(kind, payload)? {
            Kind::MeasurepointPost => {
                self.judge_post(who, topic, was_utf8, request)?;
                Ok(Served { text: "measurepoint post accepted, replied 200", data: "\"\"".into() })
            }
            Kind::Other(segments) if topic.starts_with("/sys/") => {
                let verb = Verb::of(segments).ok_or_else(|| not_served(topic))?;
                self.check_envelope(who, topic, &topic::method_of(segments), was_utf8, request)?;
                let data = self.judge_properties(who, verb, request)?;
                Ok(Served { text: verb.served(), data: data.into() })
            }
            _ => Err(not_served(topic)),
        }
    }

    /// A device and its tags or attributes; gives the reply's data.
    fn judge_properties(
        &self,
        who: &SignedIn,
        verb: Verb,
        request: &payload::Request<'_>,
    ) -> Result<String, Fault> {
        let params = request.params.ok_or_else(|| Fault::new(1206, "the request has no params"))?;
        self.may_change(&who.target.state())?;
        self.serve_properties(who, verb, params).map_err(|refusal| match refusal {
            Refusal::Form(text) => Fault::new(1206, text),
            Refusal::Model(text) => Fault::new(1204, text),
            Refusal::Gone => Fault::new(705, "the device was deleted"),
        })
    }

    /// Whether the device is one whose messages are taken, and the store one that can keep them.
    fn may_change(&self, state: &DeviceState) -> Result<(), Fault> {
        if state.deleted {
            return Err(Fault::new(705, "the device was deleted"));
        }
        if state.disabled {
            return Err(Fault::new(723, "the device was disabled"));
        }
        self.store.ready().map_err(|fault| Fault::new(NOT_KEPT, fault.to_string()))
    }

    fn judge_post(
        &self,
        who: &SignedIn,
        topic: &str,
        was_utf8: bool,
        request: &payload::Request<'_>,
    ) -> Result<(), Fault> {
        self.check_envelope(who, topic, "thing.measurepoint.post", was_utf8, request)
            .map_err(|fault| self.refuse_post(who, fault))?;
        let Some(params) = request.params else {
            return Err(self.refuse_post(who, Fault::new(1206, "the request has no params")));
        };
        let model = &who.target.product.model;
        let now = self.clock.now_ms();
        let post = match point::read(params, model, self.options.strict, now) {
            Ok(post) => post,
            Err(fault) => return Err(self.refuse_post(who, Fault::new(fault.code, fault.message))),
        };
        if let Some((rule, place)) = &post.tolerated {
            self.warn(&who.target, rule, topic, &request.id, place);
        }
        self.warn_of_future(who, topic, &request.id, post.time, now);
        let mut state = who.target.state();
        if let Err(fault) = self.may_change(&state) {
            self.count_refused(&who.target, &mut state);
            return Err(fault);
        }
        let posted = state.points.store(who.target.key, post, now);
        self.store.append(Change::Post(posted));
        Ok(())
    }

    fn count_refused(&self, device: &Device, state: &mut DeviceState) {
        state.points.refused += 1;
        self.store.append_with(|| Change::Counters(device.key, state.points.counters()));
    }

    /// Warns of a time that later posts will not reach for long: until then the latest value stands still.
    ///
    /// No rule of strict mode: the documents allow any time, and the vendor's C client sends odd ones
    /// (`behaviour.md` §5).
    fn warn_of_future(&self, who: &SignedIn, topic: &str, id: &str, time: i64, now_ms: u64) {
        let ahead_ms = time.saturating_sub(i64::try_from(now_ms).unwrap_or(i64::MAX));
        if ahead_ms <= FUTURE_MS || !first_time(&who.target, FUTURE_BIT) {
            return;
        }
        let fix = "send milliseconds since 1970 in UTC, and set the device's clock";
        let text = format!(
            "the time {time} is {} s ahead of the hub's clock: values with an earlier time no longer become the \
             latest. Fix: {fix}",
            ahead_ms / 1_000
        );
        let detail = json!({"topic": topic, "id": id, "fix": fix});
        self.note(Entry::new(EntryKind::Warning, text).device(&who.device).detail(detail));
    }

    /// What a reply that says 200 must say instead, when what it tells of could not be kept; nothing if it says
    /// something else. It may be kept all the same, once the store can: what is answered so, the device sends again,
    /// and a sample counts once.
    pub(crate) fn not_kept(
        &self,
        who: &SignedIn,
        topic: &str,
        reply: &[u8],
        fault: &StoreFault,
    ) -> Option<Vec<u8>> {
        let text = std::str::from_utf8(reply).ok()?;
        let told = payload::answer(text).ok().filter(|_| topic.ends_with("_reply"))?;
        if told.code.value() != Some(200) {
            return None;
        }
        let fault = fault.to_string();
        let text = format!("refused after all with {NOT_KEPT}: {fault}");
        let shown = journal::Message::new(topic, &told.id, 1, reply, Some(i64::from(NOT_KEPT)));
        self.note(Entry::new(EntryKind::Refused, text).device(&who.device).message(shown));
        Some(payload::reply(&told.id, NOT_KEPT, Some(&fault)))
    }

    /// The rules of the envelope; the vendor's own clients break some of them.
    fn check_envelope(
        &self,
        who: &SignedIn,
        topic: &str,
        wanted: &str,
        was_utf8: bool,
        request: &payload::Request<'_>,
    ) -> Result<(), Fault> {
        let incomplete = !request.has_version || request.method.is_none() || request.params.is_none();
        let foreign = request.method.as_deref().is_some_and(|method| method != wanted);
        for (broken, code, rule, what) in [
            (!was_utf8, 1220, &rule::UTF8, "bytes that are not UTF-8 were replaced"),
            (request.non_finite, 1220, &rule::JSON, "the message holds NaN or an infinity"),
            (incomplete, 1200, &rule::ENVELOPE, "a field is missing"),
            (foreign, 1260, &rule::METHOD, "the method is another"),
        ] {
            if !broken {
                continue;
            }
            if self.options.strict {
                return Err(Fault::rule(code, rule));
            }
            self.warn(&who.target, rule, topic, &request.id, what);
        }
        Ok(())
    }

    fn refuse_post(&self, who: &SignedIn, fault: Fault) -> Fault {
        self.count_refused(&who.target, &mut who.target.state());
        fault
    }

    /// The device confirms that it keeps its secret, or says why it does not.
    fn activation_reply(&self, who: &SignedIn, topic: &str, payload: &[u8], qos: u8) {
        let text = String::from_utf8_lossy(payload);
        let (id, code, entry) = match payload::answer(&text) {
            Ok(answer) if answer.code.is_success() => {
                self.activate(who);
                (answer.id, answer.code.value(), Entry::new(EntryKind::MessageIn, "activation confirmed"))
            }
            Ok(answer) => {
                let text = "the device did not keep its secret; it stays inactive and may activate again";
                (answer.id, answer.code.value(), Entry::new(EntryKind::Refused, text))
            }
            Err(error) => {
                let text = format!("the answer to the activation message is no JSON: {error}");
                (Cow::Borrowed(""), None, Entry::new(EntryKind::Refused, text))
            }
        };
        let shown = journal::Message::new(topic, &id, qos, payload, code);
        self.note(entry.device(&who.device).message(shown));
    }
}

fn not_served(topic: &str) -> Fault {
    Fault::new(1009, format!("this hub does not serve the topic \"{}\" yet", clip_topic(topic)))
}

/// What can be said before the payload was understood.
fn before_reading<'a>(kind: Result<Kind<'a>, Denied>, payload: &[u8]) -> Result<Kind<'a>, Fault> {
    if payload.len() > MAX_PAYLOAD {
        return Err(Fault::new(
            1008,
            format!("{} bytes are more than the {MAX_PAYLOAD} allowed", payload.len()),
        ));
    }
    let kind = kind.map_err(|denied| Fault::new(denied.code, denied.reason))?;
    if payload.is_empty() {
        return Err(Fault::new(1251, "the payload is empty"));
    }
    Ok(kind)
}

/// What a device developer does about a refusal; the journal says it, the reply does not.
fn fix(code: u32, topic: &str) -> &'static str {
    let verb = match topic::parse(topic).map(|cut| cut.kind) {
        Some(Kind::Other(segments)) => Verb::of(segments),
        _ => None,
    };
    if let (1204 | 1206, Some(verb)) = (code, verb) {
        return verb.form();
    }
    match code {
        NOT_KEPT => "give the hub's data folder room again; then post again",
        705 | 723 => "create or enable the device",
        1008 => "send fewer points in one message",
        1009 => "publish on a served topic below the keys that signed in",
        1200 => "send version, method and params",
        1204 => "post what the thing model of the product defines (thing-models?action=get)",
        1206 => "send params as {\"measurepoints\":{id: value},\"time\":milliseconds}",
        1220 => "send JSON in UTF-8, without NaN",
        1251 => "send a JSON envelope",
        _ => "send the method that belongs to the topic",
    }
}

fn clip_topic(topic: &str) -> &str {
    journal::clip(topic, 200)
}
