//! Calls made up from the OpenAPI document by schemathesis: no 5xx, and no reply that the document does not promise.
#![allow(clippy::unwrap_used, reason = "a failure is to panic")]

mod support;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use mock_hub::Hub;
use support::*;

const PACKAGES: [&str; 2] = ["schemathesis==4.32.5", "prometheus_client==0.26.0"];

/// A Python with the packages, kept between runs under the target folder.
fn python() -> PathBuf {
    static MAKING: Mutex<()> = Mutex::new(());
    let _making = MAKING.lock().unwrap_or_else(PoisonError::into_inner);
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let folder = target.join("strangers").join("schemathesis");
    let (python, stamp) = (folder.join("bin").join("python"), folder.join("stamp"));
    if std::fs::read_to_string(&stamp).ok().as_deref() == Some(&*PACKAGES.join(" ")) && python.exists() {
        return python;
    }
    // A missing folder is as good as a removed one.
    let _ = std::fs::remove_dir_all(&folder);
    let run = |command: &mut Command| {
        let output = command.output().unwrap();
        assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    };
    run(Command::new("python3").args(["-m", "venv"]).arg(&folder));
    run(Command::new(&python)
        .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"])
        .args(PACKAGES));
    std::fs::write(&stamp, PACKAGES.join(" ")).unwrap();
    python
}

/// Lets the hub's time run, so that whatever waits by it waits no longer than a moment.
fn in_a_hurry<T>(hub: &Hub, work: impl FnOnce() -> T) -> T {
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                hub.clock().advance(1_000);
                std::thread::sleep(Duration::from_millis(2));
            }
        });
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
        over.store(true, Ordering::Relaxed);
        outcome.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

#[test]
fn the_document_holds_for_made_up_calls() {
    let hub = Hub::builder().ephemeral().seed_json(mock_hub::example_seed()).start().unwrap();
    let python = python();
    let url = format!("http://{}", hub.http());
    let mut schemathesis = Command::new(python.with_file_name("st"));
    schemathesis
        .args(["run", &format!("{url}/hub/v1/openapi.json"), "--url", &url, "--no-color"])
        .args(["--phases", "examples,coverage,fuzzing", "--max-examples", "40", "--seed", "1"])
        .args(["--checks", "not_a_server_error,status_code_conformance,content_type_conformance"])
        .args(["--checks", "response_schema_conformance"])
        // Streams do not end; the clock is what keeps this test short.
        .args(["--exclude-path", "/hub/v1/events", "--exclude-path", "/page/live"])
        .args(["--exclude-path", "/hub/v1/clock", "--request-timeout", "20"])
        .args(["--max-time", "45", "--continue-on-failure", "--generation-deterministic"])
        .current_dir(env!("CARGO_TARGET_TMPDIR"));
    let output = in_a_hurry(&hub, || schemathesis.output().unwrap());
    let said = String::from_utf8_lossy(&output.stdout);
    println!("{said}");
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(hub.is_running());
}

#[test]
fn a_third_party_reads_the_metrics() {
    let hub = hub();
    signed_in(&hub, &device("pk1", "d1")).ping();
    let script = "import sys, urllib.request\n\
        from prometheus_client.parser import text_string_to_metric_families as read\n\
        text = urllib.request.urlopen(sys.argv[1]).read().decode()\n\
        print(sum(len(family.samples) for family in read(text)))";
    let url = format!("http://{}/metrics", hub.http());
    let output = Command::new(python()).args(["-c", script, &url]).output().unwrap();
    let count = String::from_utf8_lossy(&output.stdout).trim().parse::<usize>();
    assert!(
        count.clone().is_ok_and(|count| count >= 25),
        "{count:?} {}",
        String::from_utf8_lossy(&output.stderr)
    );
}
