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
use std::path::Path;
use std::sync::Mutex;

use conformance::peer::hub::Hub;

use differences::Judged;
use replay::Outcome;
use session::Session;

/// Sessions wait for time-outs of commands, so some run side by side.
const WORKERS: usize = 4;

fn play(session: &Session) -> Result<Outcome, String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let program = Path::new(env!("CARGO_BIN_EXE_conformance-hub"));
    let hub = Hub::start(program, &folder.join("seeds/captures.json"), false);
    replay::play(&hub.map_err(|error| error.to_string())?, session)
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

    let jobs = Mutex::new((0..sessions.len()).collect::<VecDeque<_>>());
    let results = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                while let Some(at) = { jobs.lock().expect("the jobs").pop_front() } {
                    let outcome = play(&sessions[at]);
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
