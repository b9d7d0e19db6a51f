//! Runs one scenario against one driver, step by step, within its time.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;
use std::path::Path;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::setup::{Tools, World};
use super::{Each, Scenario, Step, grammar, judge};
use crate::driver::Pending;
use crate::peer::net::Direction;
use crate::peer::tshark;

/// Time between two questions of a step that asks until it fits.
const ASK_AGAIN: Duration = Duration::from_millis(20);

/// Where a scenario failed, and why.
#[derive(Debug)]
pub struct Failed {
    /// The step, counted from 1; 0 is the set-up.
    pub step: usize,
    /// What was wanted and what came.
    pub why: String,
    /// The newest of what the driver wrote to standard error.
    pub errors: String,
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "step {}: {}", self.step, self.why)?;
        if !self.errors.is_empty() {
            write!(f, "\n    driver: {}", self.errors.trim_end().replace('\n', "\n    driver: "))?;
        }
        Ok(())
    }
}

/// An act that was started and not finished.
enum Open {
    Drive(Pending),
    Call(Receiver<std::io::Result<Value>>),
}

/// Runs a scenario; the time it took, or where it failed.
pub fn run(scenario: &Scenario, tools: &Tools) -> Result<Duration, Failed> {
    let started = Instant::now();
    let until = started + Duration::from_secs(scenario.bound_s);
    let failed = |step, why: Box<dyn Error>, errors| Failed { step, why: why.to_string(), errors };
    let mut world = World::new(scenario, tools).map_err(|why| failed(0, why, String::new()))?;
    let mut open = BTreeMap::new();
    let once = Each { name: "once".to_owned(), from: 1, to: 1 };
    let each = scenario.each.as_ref().unwrap_or(&once);
    for number in each.from..=each.to {
        world.texts.set(each.name.as_str(), number.to_string());
        for (at, step) in scenario.steps.iter().enumerate() {
            if let Err(why) = take(step, &mut world, &mut open, until) {
                let why = if scenario.each.is_some() {
                    format!("{} {number}: {why}", each.name).into()
                } else {
                    why
                };
                return Err(failed(at + 1, why, world.driver.errors()));
            }
        }
    }
    if let Some(name) = open.keys().next() {
        let why = format!("`{name}` was started and never finished");
        return Err(failed(scenario.steps.len(), why.into(), String::new()));
    }
    let heard = match settle(scenario, &mut world, until) {
        Ok(heard) => heard,
        Err(why) => return Err(failed(scenario.steps.len() + 1, why, world.driver.errors())),
    };
    let World { driver, mut hub, servers, datagrams, captures, scratch, .. } = world;
    let last = scenario.steps.len() + 1;
    driver.end().map_err(|why| failed(last, why.into(), String::new()))?;
    drop((servers, datagrams));
    let took = started.elapsed();
    if let Some(captures) = captures {
        hub.stop().map_err(|why| failed(last, why.into(), String::new()))?;
        decoded(scenario, &captures, heard).map_err(|why| failed(last, why, String::new()))?;
    }
    drop((hub, scratch));
    Ok(took)
}

/// What was on the wire is MQTT or CoAP to a third party, every packet of it; there is some if the hub heard of a device.
fn decoded(scenario: &Scenario, captures: &Path, heard: bool) -> Outcome {
    let mut packets = 0;
    for file in std::fs::read_dir(captures)? {
        let (count, odd) = tshark::read(&file?.path())?;
        packets += count;
        if !odd.is_empty() && !scenario.garbled {
            return Err(format!("tshark finds odd: {odd:?}").into());
        }
    }
    if heard && packets == 0 {
        return Err("a device signed in, and tshark finds neither MQTT nor CoAP".into());
    }
    Ok(())
}

/// What holds at the end of every scenario; tells whether the hub, as it runs now, signed a device in.
fn settle(scenario: &Scenario, world: &mut World, until: Instant) -> Result<bool, Box<dyn Error>> {
    // Once this is answered, all that was told before it has been read.
    world.driver.ask(&["hello".to_owned()], until)?;
    for (client, life) in world.driver.lives() {
        grammar::check(life.iter().map(String::as_str))
            .map_err(|why| format!("{client}: {why}: {life:?}"))?;
    }
    if world.hub.is_up() {
        check_faults(world)?;
        let journal = world.hub.call("GET", "/hub/v1/journal?kind=warning", "")?;
        let warnings = journal["entries"].as_array().map_or(0, Vec::len);
        if (warnings > 0) != scenario.warned {
            return Err(format!("the hub's journal holds {warnings} warnings: {}", journal["entries"]).into());
        }
        let signed_in = world.hub.call("GET", "/hub/v1/journal?kind=connect", "")?;
        return Ok(signed_in["entries"].as_array().is_some_and(|entries| !entries.is_empty()));
    }
    Ok(false)
}

type Outcome = Result<(), Box<dyn Error>>;

fn take(step: &Step, world: &mut World, open: &mut BTreeMap<String, Open>, until: Instant) -> Outcome {
    if let Some(words) = &step.drive {
        let words = world.texts.words(&words.list())?;
        let verb = words.first().ok_or("a request has a verb")?;
        if !world.driver.knows(verb) {
            return Err(format!("this driver does not know `{verb}`").into());
        }
        if step.until {
            return ask_driver(step, world, &words, until);
        }
        let pending = world.driver.begin(&words)?;
        return match &step.name {
            Some(name) => keep_open(open, name, Open::Drive(pending)),
            None => judge_drive(step, world, pending, until),
        };
    }
    if let Some(words) = &step.event {
        let wanted = words.list();
        let [name, client, ..] = &*wanted else { return Err("an event has a name and a client".into()) };
        let came = world
            .driver
            .event(name, client, until)
            .map_err(|error| format!("waiting for {wanted:?}: {error}"))?;
        return Ok(judge::words(&wanted, &came, &mut world.texts)?);
    }
    if let Some(words) = &step.quiet {
        let wanted = words.list();
        let [name, client] = &*wanted else {
            return Err("`quiet` takes an event's name and a client".into());
        };
        return match world.driver.unasked(name, client) {
            Some(event) => Err(format!("nothing was wanted, came {event:?}").into()),
            None => Ok(()),
        };
    }
    if let Some(path) = &step.get {
        return call(step, "GET", path, world, open, until);
    }
    if let Some(path) = &step.post {
        return call(step, "POST", path, world, open, until);
    }
    if let Some(order) = &step.fault {
        return control(step, "/hub/v1/faults", order, world);
    }
    if let Some(change) = &step.clock {
        return control(step, "/hub/v1/clock", change, world);
    }
    if step.heal {
        check_faults(world)?;
        world.hub.call("DELETE", "/hub/v1/faults", "")?;
        return Ok(());
    }
    if let Some(act) = &step.hub {
        match &**act {
            "stop" => world.hub.stop()?,
            "start" => world.hub.start_again()?,
            "restart" => {
                world.hub.stop()?;
                world.hub.start_again()?;
            }
            other => return Err(format!("a hub does not `{other}`").into()),
        }
        return if act == "stop" { Ok(()) } else { world.hub_restarted() };
    }
    if let Some(words) = &step.relay {
        return relay(&world.texts.words(&words.list())?, world);
    }
    let name = step.finish.as_ref().ok_or("a step has an act")?;
    match open.remove(name).ok_or_else(|| format!("nothing was started as `{name}`"))? {
        Open::Drive(pending) => judge_drive(step, world, pending, until),
        Open::Call(reply) => {
            let left = until.saturating_duration_since(Instant::now());
            let reply = reply.recv_timeout(left).map_err(|_| "the hub did not reply in time")??;
            judge_reply(step, world, &reply)
        }
    }
}

fn keep_open(open: &mut BTreeMap<String, Open>, name: &str, what: Open) -> Outcome {
    match open.insert(name.to_owned(), what) {
        None => Ok(()),
        Some(_) => Err(format!("`{name}` is started twice").into()),
    }
}

fn judge_drive(step: &Step, world: &mut World, pending: Pending, until: Instant) -> Outcome {
    let answer = world.driver.finish(pending, until)?;
    let gives = step.gives.as_ref().map(super::Words::list);
    Ok(judge::answer(&answer, gives.as_deref(), step.fails.as_ref(), &mut world.texts)?)
}

/// Asks the driver until its results fit.
fn ask_driver(step: &Step, world: &mut World, words: &[String], until: Instant) -> Outcome {
    loop {
        let pending = world.driver.begin(words)?;
        match judge_drive(step, world, pending, until) {
            Err(_) if Instant::now() < until => thread::park_timeout(ASK_AGAIN),
            judged => return judged,
        }
    }
}

/// Changes the hub by one of its own routes, which must take it.
fn control(step: &Step, path: &str, body: &Value, world: &mut World) -> Outcome {
    let body = world.texts.fill(&body.to_string())?;
    let reply = world.hub.call("POST", path, &body)?;
    if let Some(error) = reply.get("error") {
        return Err(format!("the hub refuses {body}: {error}").into());
    }
    judge_reply(step, world, &reply)
}

/// Each fault that stands has struck: one that has not proves nothing.
fn check_faults(world: &World) -> Outcome {
    let told = world.hub.call("GET", "/hub/v1/faults", "")?;
    let faults = told["faults"].as_array().ok_or_else(|| format!("no list of faults: {told}"))?;
    match faults.iter().find(|fault| fault["struck"] == 0) {
        Some(fault) => Err(format!("a fault never struck: {fault}").into()),
        None => Ok(()),
    }
}

fn judge_reply(step: &Step, world: &mut World, reply: &Value) -> Outcome {
    if let Some(wanted) = &step.is {
        judge::json(reply, wanted, &world.texts)?;
    }
    for (name, pointer) in &step.keep {
        let pointer = world.texts.fill(pointer)?;
        let found = reply.pointer(&pointer).ok_or_else(|| format!("nothing at {pointer} to keep"))?;
        let text = found.as_str().map_or_else(|| found.to_string(), str::to_owned);
        world.texts.set(name.as_str(), text);
    }
    Ok(())
}

fn call(
    step: &Step,
    method: &'static str,
    path: &str,
    world: &mut World,
    open: &mut BTreeMap<String, Open>,
    until: Instant,
) -> Outcome {
    let path = world.texts.fill(path)?;
    let body = match &step.body {
        Some(body) => world.texts.fill(&body.to_string())?,
        None => String::new(),
    };
    let rest = world.hub.rest()?;
    if let Some(name) = &step.name {
        let (done, reply) = channel();
        thread::spawn(move || {
            // Nobody listens any more once the scenario has failed elsewhere.
            let _ = done.send(rest.call(method, &path, &body));
        });
        return keep_open(open, name, Open::Call(reply));
    }
    loop {
        let reply = rest.call(method, &path, &body)?;
        match judge_reply(step, world, &reply) {
            Err(_) if step.until && Instant::now() < until => thread::park_timeout(ASK_AGAIN),
            judged => return judged,
        }
    }
}

fn relay(words: &[String], world: &World) -> Outcome {
    let [name, act, rest @ ..] = words else { return Err("a relay has a name and an act".into()) };
    if let Some(relay) = world.datagrams.get(name) {
        match (act.as_str(), rest) {
            ("cut", []) => relay.cut(true),
            ("carry", []) => relay.cut(false),
            ("move", []) => relay.move_on()?,
            ("lose", [way, behind]) => relay.lose(direction(way)?, behind.parse()?),
            _ => return Err(format!("a relay of datagrams does not do {words:?}").into()),
        }
        return Ok(());
    }
    let server = world.servers.get(name).ok_or_else(|| format!("there is no server `{name}`"))?;
    match (act.as_str(), rest) {
        ("cut", []) => server.cut(),
        ("refuse", []) => server.refuse(true),
        ("accept", []) => server.refuse(false),
        ("hold", []) => server.hold(true),
        ("carry", []) => server.hold(false),
        ("cut-after", [way, bytes]) => {
            server.cut_after(direction(way)?, bytes.parse()?);
        }
        _ => return Err(format!("a relay does not do {words:?}").into()),
    }
    Ok(())
}

fn direction(word: &str) -> Result<Direction, String> {
    match word {
        "up" => Ok(Direction::Up),
        "down" => Ok(Direction::Down),
        other => Err(format!("`{other}` is no direction")),
    }
}
