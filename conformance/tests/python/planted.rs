//! Bugs of `sdk-python/planted.toml`: each is put into a copy of the package, and the test it names must fail.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde::Deserialize;

use super::{interpreter, root, scratch};

/// Tests wait for sockets and clocks, so some run side by side.
const WORKERS: usize = 3;
/// Fewer bugs than this prove little.
const LEAST: usize = 8;
/// How pytest ends if tests have failed: not if it found none, or did not understand its words.
const TESTS_FAILED: i32 = 1;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    planted: Vec<Planted>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Planted {
    /// What the package does wrong.
    bug: String,
    file: String,
    find: String,
    put: String,
    /// The test that must find it.
    test: String,
}

#[test]
fn planted_bugs_are_found() {
    let path = root().join("sdk-python/planted.toml");
    let text = std::fs::read_to_string(&path).expect("planted.toml");
    let table: Table = toml::from_str(&text).unwrap_or_else(|error| panic!("planted.toml: {error}"));
    assert!(table.planted.len() >= LEAST, "{} bugs only", table.planted.len());
    let tests: BTreeSet<&str> = table.planted.iter().map(|planted| &*planted.test).collect();
    // A test that fails anyway finds nothing.
    let good = run(None, &tests.iter().copied().collect::<Vec<_>>());
    assert!(good.0 == Some(0), "without a bug:\n{}", good.1);
    let (next, survivors) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                while let Some(planted) = table.planted.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let (code, said) = run(Some(planted), &[&planted.test]);
                    let found = code == Some(TESTS_FAILED);
                    println!("{:<80} | {}", planted.bug, if found { &*planted.test } else { "SURVIVES" });
                    if !found {
                        let survivor =
                            format!("{}: {} ended with {code:?}\n{said}", planted.bug, planted.test);
                        survivors.lock().expect("survivors").push(survivor);
                    }
                }
            });
        }
    });
    let survivors = survivors.into_inner().expect("survivors");
    assert!(survivors.is_empty(), "{}", survivors.join("\n"));
}

/// Runs tests with a bug in the package; pytest's code, and what it printed.
fn run(planted: Option<&Planted>, tests: &[&str]) -> (Option<i32>, String) {
    let packages = scratch();
    let mut command = interpreter(&packages);
    if let Some(Planted { file, find, put, .. }) = planted {
        let path = packages.path().join("enos_sdk").join(file);
        let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{file}: {error}"));
        let places = text.matches(find.as_str()).count();
        assert!(places == 1, "planted.toml: {file} holds {places} times, not once:\n{find}");
        std::fs::write(&path, text.replace(find.as_str(), put)).expect("the copy");
    }
    let options = [
        "-p",
        "no:cacheprovider",
        "-p",
        "enos_mock_hub.plugin",
        "-q",
        "-x",
        "-o",
        "faulthandler_timeout=120",
    ];
    command.args(["-X", "dev", "-m", "pytest"]).args(options);
    let output = command.args(tests.iter().map(|test| format!("tests/{test}"))).output().expect("pytest");
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    (output.status.code(), said.into_owned())
}
