//! Sessions of the vendor's clients, played again over real sockets against the real hub.
//!
//! `vectors/captures.json` was recorded from the vendor's Java, Python, Node and C clients; `captures/composed.json`
//! holds those of the old SDKs, which nobody recorded. Each answer of the hub is what the client needs, or it stands in
//! `captures/differences.toml` with its reason.

mod client;
mod differences;
mod replay;
mod session;

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::path::Path;
use std::sync::Mutex;

use conformance::peer::hub::Hub;
use conformance::peer::scratch::Scratch;
use conformance::peer::tshark;

use differences::Judged;
use replay::Outcome;
use session::Session;

/// Sessions wait for time-outs of commands, so some run side by side.
const WORKERS: usize = 4;

fn hub(captures: Option<&Path>) -> Result<Hub, String> {
    let seed = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds/captures.json");
    let program = Path::new(env!("CARGO_BIN_EXE_conformance-hub"));
    Hub::start_captured(program, &seed, false, captures).map_err(|error| error.to_string())
}

/// Whether tshark is here; with CI=true it has to be.
fn has_tshark() -> bool {
    let found = tshark::is_here();
    if !found {
        assert!(
            std::env::var_os("CI").is_none_or(|value| value != "true"),
            "tshark is missing. Fix: apt-get install tshark"
        );
        println!("skipped: decoding by tshark, which is not installed");
    }
    found
}

/// What tshark finds odd in the traffic of a hub that was stopped, and how many frames of MQTT there are.
fn decoded(mut hub: Hub, captures: &Scratch) -> Result<(usize, Vec<String>), String> {
    hub.stop().map_err(|error| error.to_string())?;
    tshark::read(&captures.path().join("1.pcapng")).map_err(|error| error.to_string())
}

fn play(session: &Session, with_tshark: bool) -> Result<Outcome, String> {
    let captures = Scratch::new().map_err(|error| error.to_string())?;
    let hub = hub(with_tshark.then_some(captures.path()))?;
    let outcome = replay::play(&hub, session)?;
    if with_tshark {
        let (frames, odd) = decoded(hub, &captures)?;
        if 2 * frames < outcome.judged.len() || !odd.is_empty() {
            return Err(format!(
                "{}: tshark finds {frames} frames of MQTT, and odd: {odd:?}",
                session.name()
            ));
        }
    }
    Ok(outcome)
}

#[test]
fn tshark_finds_what_is_no_mqtt() {
    if !has_tshark() {
        return;
    }
    let captures = Scratch::new().expect("a folder");
    let hub = hub(Some(captures.path())).expect("a hub");
    for bytes in [&b"\x16\x03\x01\x00\x05hello"[..], b"\x10\x09\x00\x04MQTT\x04\x02\x00"] {
        let mut stream = std::net::TcpStream::connect(hub.ready().mqtt).expect("a connection");
        stream.write_all(bytes).expect("sent");
        stream.shutdown(std::net::Shutdown::Write).expect("ended");
        // Closed by the hub: all was read.
        while stream.read(&mut [0; 64]).is_ok_and(|count| count > 0) {}
    }
    let (_, odd) = decoded(hub, &captures).expect("a capture");
    assert!(odd.len() >= 2, "{odd:?}");
}

// Proves: AUTH-10-1 AUTH-2.1-2 AUTH-2.3-1 AUTH-3-1 BEHAVE-3-1 BEHAVE-6-1 MQTT-3.3.1-3 MQTT-3.3.1-9
// Proves: PAYLOAD-1.3-1 PAYLOAD-1.3-3 PAYLOAD-1.4-2 PAYLOAD-8-1 TOPIC-1-1 TOPIC-4.1-1
#[test]
fn every_answer_to_a_captured_session_is_right_or_listed_with_its_reason() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut sessions = session::load(&folder.join("vectors/captures.json"));
    assert_eq!(sessions.len(), 21, "what was recorded");
    sessions.extend(session::load(&folder.join("captures/composed.json")));
    assert_eq!(sessions.len(), 26, "with what was composed");

    let with_tshark = has_tshark();
    let jobs = Mutex::new((0..sessions.len()).collect::<VecDeque<_>>());
    let results = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                while let Some(at) = { jobs.lock().expect("the jobs").pop_front() } {
                    let outcome = play(&sessions[at], with_tshark);
                    results.lock().expect("the results").push((at, outcome));
                }
            });
        }
    });
    let mut results = results.into_inner().expect("the results");
    results.sort_by_key(|(at, _)| *at);
    assert_eq!(results.len(), sessions.len(), "a worker was lost");

    let (mut faults, mut differing, mut right, mut skipped) = (Vec::new(), Vec::<Judged>::new(), 0, 0);
    println!("{:60} right  otherwise  not played", "session");
    for (at, outcome) in results {
        let name = sessions[at].name();
        match outcome {
            Err(why) => faults.push(why),
            Ok(outcome) => {
                let all = outcome.judged.len();
                let others: Vec<Judged> =
                    outcome.judged.into_iter().filter(|judged| judged.wanted != judged.came).collect();
                println!("{name:60} {:5}  {:9}  {:10}", all - others.len(), others.len(), outcome.skipped);
                right += all - others.len();
                skipped += outcome.skipped;
                differing.extend(others);
            }
        }
    }
    println!("{right} answers right, {} otherwise, {skipped} events not played", differing.len());
    faults.extend(differences::faults(&folder.join("captures/differences.toml"), &differing));
    faults.sort();
    faults.dedup();
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
    assert!(right >= 200, "only {right} answers were right");
}
