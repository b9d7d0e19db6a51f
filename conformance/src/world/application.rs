//! What applications do through the REST API: commands, bans, and looking at what there is.

use std::fmt::Write as _;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use mock_hub::bare::{BareHub, Call, Phase};
use serde_json::{Value, json};

use super::device::{SECRET_MARK, SERVICES, START_MS};
use super::network::Flag;
use super::run::{Device, World};
use super::seen::{Ban, CommandState, Seen};

/// A call that waits for its reply.
pub(super) struct Pending {
    call: Call,
    flag: Arc<Flag>,
    waker: Waker,
    device: usize,
}

/// The world's seed file.
pub(super) fn seed(devices: &[Device]) -> String {
    let input = json!([{"identifier": "n", "dataType": "INT"}]);
    let services: serde_json::Map<String, Value> = SERVICES
        .iter()
        .map(|id| {
            let kind = if *id == "later" { "ASYNC" } else { "SYNC" };
            (
                (*id).to_owned(),
                json!({"identifier": id, "callType": kind, "inputData": input, "outputData": []}),
            )
        })
        .collect();
    json!({
        "models": [{
            "modelId": "m",
            "measurepoints": {
                "p": {"identifier": "p", "dataType": "INT", "hasQuality": true},
                "text": {"identifier": "text", "dataType": "STRING"},
            },
            "services": services,
        }],
        "products": [
            {"productKey": "dynamic", "productSecret": format!("{SECRET_MARK}product"), "productName": "p",
             "modelId": "m", "dynamicActivateEnabled": true},
            {"productKey": "static", "productSecret": format!("{SECRET_MARK}static"), "productName": "q",
             "modelId": "m"},
        ],
        "devices": devices.iter().map(device_of).collect::<Vec<_>>(),
    })
    .to_string()
}

fn device_of(device: &Device) -> Value {
    json!({
        "productKey": device.identity.product_key,
        "deviceKey": device.identity.device_key,
        "deviceSecret": device.identity.secret,
        "assetId": format!("asset-{}-{}", device.identity.device_key, device.epoch),
    })
}

impl World {
    /// Calls a route that answers at once.
    fn call(&self, hub: &BareHub, method: &str, path: &str, body: &str) -> Value {
        let mut call = hub.call(method, path, body.to_owned());
        match call.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready((_, body)) => serde_json::from_str(&body).unwrap_or(Value::Null),
            Poll::Pending => panic!("{method} {path} waits"),
        }
    }

    fn named(&self, device: usize) -> String {
        let id = &self.devices[device].id;
        format!("productKey={}&deviceKey={}", id.product_key, id.device_key)
    }

    /// An application gives a command to a device.
    pub(super) fn give_command(&mut self) {
        let device = self.rng.below(self.devices.len());
        let service = if self.calm { "now" } else { self.rng.pick(&SERVICES) };
        let set = !self.calm && self.rng.one_in(4);
        let ttl = if self.calm || self.rng.one_in(2) { 120 } else { 0 };
        let timeout = self.rng.pick(&[5, 10, 30]);
        let given = self.command(device, (!set).then_some(service), ttl, timeout);
        if !given && !self.calm {
            // The device is away; the application tries again.
            let later = self.now + self.rng.between(5_000, 30_000);
            self.agenda.at(later, super::run::Act::Command);
        }
    }

    /// Gives a command, `None` sets a point; false if the hub does not take it.
    pub(super) fn command(&mut self, device: usize, service: Option<&str>, ttl: u32, timeout: u32) -> bool {
        let Some(hub) = &self.hub else { return false };
        let mut path = String::from("/connect-service/v2.1/commands?");
        let named = self.named(device);
        let body = match service {
            Some(service) => {
                let _ = write!(path, "action=invokeService&serviceId={service}&{named}");
                format!(r#"{{"inputData":{{"n":{}}}}}"#, self.commands)
            }
            None => {
                let _ = write!(path, "action=setMeasurepoint&measurepointId=p&{named}");
                r#"{"value":7}"#.to_owned()
            }
        };
        let _ = write!(path, "&timeout={timeout}&pendingTtl={ttl}");
        let mut call = hub.call("POST", &path, body);
        let (flag, waker) = Flag::pair();
        match call.poll(&mut Context::from_waker(&waker)) {
            Poll::Pending => {
                self.commands += 1;
                self.calls.push(Pending { call, flag, waker, device });
                true
            }
            Poll::Ready((_, body)) => {
                let given = body.contains("\"commandId\"");
                // Not the whole reply: it holds a random number.
                self.watch.trace.note(self.now, || format!("command to d{device} taken: {given}"));
                self.commands += u64::from(given);
                given
            }
        }
    }

    /// Looks whether calls were answered; true if one was.
    pub(super) fn poll_calls(&mut self) -> bool {
        let mut answered = false;
        let mut at = 0;
        while let Some(pending) = self.calls.get_mut(at) {
            let outcome = if pending.flag.take() {
                pending.call.poll(&mut Context::from_waker(&pending.waker))
            } else {
                Poll::Pending
            };
            let Poll::Ready((_, body)) = outcome else {
                at += 1;
                continue;
            };
            answered = true;
            let device = self.calls.remove(at).device;
            let reply: Value = serde_json::from_str(&body).unwrap_or(Value::Null);
            let succeeded = reply["code"] == 0 || reply["code"] == 200;
            if let Some(id) = reply["data"]["commandId"].as_str().and_then(|id| id.parse().ok()) {
                if succeeded {
                    self.succeeded.insert(id);
                }
                let seen = Seen::CommandReply { id, succeeded };
                self.watch.see(self.now, usize::MAX, device, seen);
            }
        }
        answered
    }

    /// What the hub's store holds of a device, from one time to another.
    pub(super) fn samples(&self, device: usize, from: i64, to: i64) -> Vec<(i64, u64)> {
        let Some(hub) = &self.hub else { return Vec::new() };
        let samples = hub.samples(&self.devices[device].id, "p", from, to);
        samples.into_iter().map(|(time, value)| (time, value.as_u64().unwrap_or(u64::MAX))).collect()
    }

    /// Looks at everything that the hub shows.
    pub(super) fn probe(&mut self) {
        let Some(hub) = self.hub.take() else { return };
        self.read_journal(&hub);
        self.hub = Some(hub);
        for device in 0..self.devices.len() {
            self.probe_device(device);
        }
        for client in 0..self.clients.len() {
            if self.clients[client].online {
                self.look_who_is_held(client);
            }
        }
    }

    /// All samples, the latest one and the commands of a device.
    pub(super) fn probe_device(&mut self, device: usize) {
        if self.devices[device].ban == Ban::Deleted {
            let held =
                self.hub.as_ref().is_some_and(|hub| hub.fabric().locate(&self.devices[device].id).is_some());
            let seen = Seen::Status { online: held, held, banned: true };
            return self.watch.see(self.now, usize::MAX, device, seen);
        }
        let samples = self.samples(device, i64::MIN, i64::MAX);
        self.watch.see(self.now, usize::MAX, device, Seen::Samples(&samples));
        let Some(hub) = &self.hub else { return };
        let named = self.named(device);
        let path = format!("/connect-service/v2.1/measurepoints?action=queryLatest&{named}");
        let latest = self.call(hub, "POST", &path, r#"{"measurepointIds":["p"]}"#);
        let item = &latest["data"][0];
        let time = item["time"].as_str().and_then(|time| time.parse().ok());
        let latest = time.zip(item["value"].as_u64());
        let path = format!("/connect-service/v2.1/commands?action=search&{named}");
        let found = self.call(hub, "POST", &path, "{}");
        let states: Vec<CommandState> =
            found["data"].as_array().into_iter().flatten().filter_map(command_state).collect();
        let path = format!("/connect-service/v2.1/devices?action=get&{named}");
        let shown = self.call(hub, "GET", &path, "");
        let online = shown["data"]["status"] == "online";
        let held = hub.fabric().locate(&self.devices[device].id).is_some();
        let banned = self.devices[device].ban == Ban::Disabled;
        // An inactive device is shown so, connected or not.
        let held = held && (banned || shown["data"]["activeTime"] != 0);
        self.watch.see(self.now, usize::MAX, device, Seen::Latest(latest));
        self.watch.see(self.now, usize::MAX, device, Seen::Status { online, held, banned });
        for state in states {
            if state.state == 5 {
                self.succeeded.insert(state.id);
            }
            self.watch.see(self.now, usize::MAX, device, Seen::CommandState(state));
        }
    }

    /// A command that has not ended.
    pub(super) fn open_commands(&self) -> Option<String> {
        let hub = self.hub.as_ref()?;
        (0..self.devices.len()).find_map(|device| {
            let path = format!("/connect-service/v2.1/commands?action=search&{}", self.named(device));
            let found = self.call(hub, "POST", &path, "{}");
            let mut states = found["data"].as_array().into_iter().flatten().filter_map(command_state);
            let open = states.find(|command| matches!(command.state, 1 | 4))?;
            Some(format!("command {} of device {device} is in state {}", open.id, open.state))
        })
    }

    /// Compares who is connected, by the hub and by the client.
    pub(super) fn look_who_is_held(&mut self, client: usize) {
        let (Some(hub), Some(own)) = (&self.hub, self.clients[client].link) else { return };
        let device = self.clients[client].device;
        let held = hub.fabric().locate(&self.devices[device].id);
        let link_of =
            |id| self.links.iter().find(|(_, link)| link.hub.as_ref().is_some_and(|hub| hub.id() == id));
        let by = held.and_then(link_of).map(|(id, _)| *id);
        // A newer link of the same device has taken it over, or the hub has closed: the client will hear of it.
        let newer = by.is_some_and(|by| by > own);
        let open = !newer
            && self
                .links
                .get(&own)
                .is_some_and(|link| link.hub.as_ref().is_some_and(|hub| hub.phase() == Phase::Open));
        self.watch.see(self.now, client, device, Seen::Held { by, own, open });
    }

    pub(super) fn read_journal(&mut self, hub: &BareHub) {
        let path = format!("/hub/v1/journal?since={}&limit=10000", self.journal_seen);
        let mut call = hub.call("GET", &path, String::new());
        let Poll::Ready((_, text)) = call.poll(&mut Context::from_waker(Waker::noop())) else { return };
        // Only the number of the last entry is read of it.
        let last = text.rfind("\"last\":").and_then(|at| {
            let digits = text[at + 7..].split(|c: char| !c.is_ascii_digit()).next()?;
            digits.parse().ok()
        });
        self.journal_seen = last.unwrap_or(self.journal_seen);
        if text.contains(SECRET_MARK) {
            self.watch.see(self.now, usize::MAX, usize::MAX, Seen::Text(&text));
        }
    }

    /// An application changes a device's state.
    pub(super) fn ban(&mut self, device: usize, ban: Ban) {
        let Some(hub) = &self.hub else { return };
        let action = match ban {
            Ban::Disabled => "disable",
            Ban::Enabled => "enable",
            Ban::Deleted => "delete",
            Ban::Created => {
                let seed = json!({"devices": [device_of(&self.devices[device])]}).to_string();
                hub.cloud().load_seed(&seed).expect("the device's seed");
                return self.banned(device, ban);
            }
        };
        let path = format!("/connect-service/v2.1/devices?action={action}&{}", self.named(device));
        let reply = self.call(hub, "POST", &path, "{}");
        self.watch.trace.note(self.now, || format!("{action} d{device}: {}", reply["code"]));
        self.banned(device, ban);
    }

    fn banned(&mut self, device: usize, ban: Ban) {
        if ban == Ban::Enabled {
            // What came while it was disabled would show now.
            self.probe_device(device);
        }
        self.devices[device].ban = ban;
        if ban == Ban::Deleted {
            self.devices[device].epoch += 1;
        }
        self.watch.see(self.now, usize::MAX, device, Seen::Ban(ban));
        // Its connection has been told to end.
        self.pump();
        self.probe_device(device);
    }

    pub(super) fn enable(&mut self, device: usize) {
        if self.devices[device].ban == Ban::Disabled {
            if self.hub.is_none() {
                return self.agenda.at(self.now + 1_000, super::run::Act::Enable { device });
            }
            self.ban(device, Ban::Enabled);
        }
    }

    pub(super) fn create(&mut self, device: usize) {
        if self.devices[device].ban == Ban::Deleted {
            if self.hub.is_none() {
                return self.agenda.at(self.now + 1_000, super::run::Act::Create { device });
            }
            self.ban(device, Ban::Created);
        }
    }
}

fn command_state(item: &Value) -> Option<CommandState> {
    let id = item["commandId"].as_str()?.parse().ok()?;
    let number = |name: &str| item[name].as_u64();
    let longest_s = number("timeout")? + number("pendingTtl")?;
    let ends_at = (number("createTime")? + longest_s * 1_000).saturating_sub(START_MS);
    Some(CommandState { id, state: number("state")?, ends_at })
}
