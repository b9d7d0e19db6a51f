//! The doctor (`enos_runtime::doctor`) among planted faults and healthy set-ups: the right cause comes first, nothing
//! is alarmed about in vain, no secret is told, and it ends in time.

#![allow(clippy::panic)]

mod faults;
mod healthy;
mod world;

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use enos_runtime::doctor::{Report, Status, TIMEOUT};
use serde_json::Value;
use world::{CANARY, World};

/// How much longer than its time a diagnosis may seem on a busy machine.
const SLACK: Duration = Duration::from_secs(5);

/// Carries bytes both ways until either side ends.
fn carry(near: TcpStream, far: TcpStream) {
    let pump = |mut from: TcpStream, mut to: TcpStream| {
        let mut block = [0; 4096];
        while let Ok(count @ 1..) = from.read(&mut block) {
            if to.write_all(&block[..count]).is_err() {
                break;
            }
        }
        let _ = to.shutdown(Shutdown::Both);
        let _ = from.shutdown(Shutdown::Both);
    };
    let (near_too, far_too) = (near.try_clone().expect("a socket"), far.try_clone().expect("a socket"));
    std::thread::spawn(move || pump(near_too, far_too));
    pump(far, near);
}

/// What holds for every report; the error is what does not.
fn sound(report: &Report, world: &World) -> Result<(), String> {
    let (text, json) = (report.text(), report.json());
    let tree: Value = serde_json::from_str(&json).map_err(|error| format!("no JSON: {error}"))?;
    let debug = format!("{report:?}");
    for (form, shown) in [("text", &text), ("json", &json), ("debug", &debug)] {
        if shown.contains(CANARY) || shown.contains("Y0FuQXJZ") || shown.contains("dXNlcjpj") {
            return Err(format!("a secret is in the {form}: {shown}"));
        }
        for key in world.keys.lock().expect("keys").iter() {
            if shown.contains(key.as_str()) {
                return Err(format!("a private key is in the {form}"));
            }
        }
        // A sign is the digest with the secret: 64 hexadecimal digits.
        if shown.split(|c: char| !c.is_ascii_hexdigit()).any(|word| word.len() >= 64) {
            return Err(format!("something like a password digest is in the {form}: {shown}"));
        }
    }
    let names: Vec<_> = report.steps().iter().map(|step| step.stage.name()).collect();
    if names != ["configuration", "name", "tcp", "proxy", "clock", "tls", "sign_in", "reply"] {
        return Err(format!("not each stage once, in order: {names:?}"));
    }
    for (at, step) in report.steps().iter().enumerate() {
        let needs = matches!(step.status, Status::Failed | Status::Warning);
        if step.detail.is_empty() || needs != step.cause.is_some() || needs == step.next.is_empty() {
            return Err(format!("a step without its words: {step:?}"));
        }
        if tree["steps"][at]["step"] != step.stage.name() || tree["steps"][at]["status"] != step.status.name()
        {
            return Err(format!("the JSON says otherwise: {json}"));
        }
    }
    if tree["exit_code"] != report.exit_code() || tree["healthy"] != report.healthy() {
        return Err(format!("the JSON says otherwise: {json}"));
    }
    if report.duration() > TIMEOUT + SLACK {
        return Err(format!("it took {:?}", report.duration()));
    }
    Ok(())
}

/// What one set-up came to: right or not, the report's own words, and the time.
struct Row {
    right: Result<(), String>,
    found: String,
    took: Duration,
}

fn run(world: &World, examine: fn(&World) -> Report, judge: impl Fn(&Report) -> Result<(), String>) -> Row {
    let start = Instant::now();
    match catch_unwind(AssertUnwindSafe(|| examine(world))) {
        Ok(report) => {
            let found = match report.failure() {
                Some(step) => {
                    format!("{}: {}", step.stage.name(), step.cause.map_or("?", |cause| cause.code()))
                }
                None => "healthy".to_owned(),
            };
            let right = judge(&report).and_then(|()| sound(&report, world));
            let right = right.map_err(|why| format!("{why}\n{}", report.text()));
            Row { right, found, took: start.elapsed() }
        }
        Err(_) => Row { right: Err("the set-up panicked".into()), found: "-".into(), took: start.elapsed() },
    }
}

/// Runs all, some at once, since most of them wait; prints a row for each, and gives back what was wrong.
fn all<T: Sync>(
    what: &str,
    setups: &'static [T],
    name: fn(&T) -> &'static str,
    row: impl Fn(&World, &T) -> Row + Sync,
) -> Vec<String> {
    let world = Arc::new(World::new());
    let (next, rows) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while let Some(setup) = setups.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let row = row(&world, setup);
                    rows.lock().expect("rows").push((name(setup), row));
                }
            });
        }
    });
    let mut rows = rows.into_inner().expect("rows");
    let place = |wanted: &str| setups.iter().position(|setup| name(setup) == wanted);
    rows.sort_by_key(|(name, _)| place(name));
    let mut wrong = Vec::new();
    println!("\n{what:<58} {:<38} {:>8}", "the doctor says", "ms");
    for (name, row) in &rows {
        let mark = if row.right.is_ok() { "" } else { "  WRONG" };
        println!("{name:<58} {:<38} {:>8}{mark}", row.found, row.took.as_millis());
        if let Err(why) = &row.right {
            wrong.push(format!("{name}: {why}"));
        }
    }
    println!("{} of {} right", rows.len() - wrong.len(), rows.len());
    assert_eq!(rows.len(), setups.len());
    wrong
}

#[test]
fn the_right_cause_comes_first() {
    let wrong = all(
        "planted fault",
        faults::PLANTED,
        |planted| planted.name,
        |world, planted| {
            run(world, planted.examine, |report| {
                let step = report.failure().ok_or("nothing was found")?;
                if (step.stage, step.cause) != (planted.stage, Some(planted.cause)) {
                    return Err(format!("wanted {}: {}", planted.stage.name(), planted.cause.code()));
                }
                if report.exit_code() != planted.stage.exit_code() {
                    return Err(format!("exit code {}", report.exit_code()));
                }
                // Words may be broken over lines.
                let text = report.text().split_whitespace().collect::<Vec<_>>().join(" ");
                match planted.says.iter().find(|words| !text.contains(*words)) {
                    Some(words) => Err(format!("{words:?} is not said")),
                    None => Ok(()),
                }
            })
        },
    );
    assert!(faults::PLANTED.len() >= 20);
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn what_is_healthy_is_called_healthy() {
    let wrong = all(
        "healthy set-up",
        healthy::HEALTHY,
        |healthy| healthy.name,
        |world, healthy| {
            run(world, healthy.examine, |report| {
                if !report.healthy() || report.exit_code() != 0 {
                    return Err("a false alarm".to_owned());
                }
                if let Some(step) = report.steps().iter().find(|step| step.status == Status::Warning) {
                    return Err(format!("a false warning: {step:?}"));
                }
                if report.session() != healthy.session || report.complete() != healthy.complete {
                    return Err(format!("session {:?}, complete {}", report.session(), report.complete()));
                }
                let text = report.text().split_whitespace().collect::<Vec<_>>().join(" ");
                match healthy.says.iter().find(|words| !text.contains(*words)) {
                    Some(words) => Err(format!("{words:?} is not said")),
                    None => Ok(()),
                }
            })
        },
    );
    assert!(healthy::HEALTHY.len() >= 10);
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

/// With every time-out of the client at its default, and peers that make each step wait as long as it can.
#[test]
fn it_ends_in_ten_seconds_whatever_hangs() {
    let world = World::new();
    let hole = world::BlackHole::new();
    let silent = world.serve(conformance::peer::net::Manner::Silent).port();
    let device = world.device();
    world.fault(serde_json::json!({"kind": "no_reply"}), &device);
    let proxy = enos_runtime::Proxy::new("127.0.0.1", silent);
    let patients = [
        world.at(&format!("tcp://{}", hole.address)),
        world.at(&format!("tcp://localhost:{silent}")),
        world.at(&format!("ssl://localhost:{silent}")).tls(world.ca()),
        world.at(&world.tcp()).proxy(proxy),
        world.as_device(&world.tcp(), world::PLAIN, &device),
    ];
    std::thread::scope(|scope| {
        for patient in patients {
            scope.spawn(|| {
                let start = Instant::now();
                let report = patient.doctor(TIMEOUT);
                assert!(!report.healthy());
                assert!(start.elapsed() <= TIMEOUT, "{:?}\n{report}", start.elapsed());
            });
        }
    });
}
