//! What `cargo test` printed: which tests of which target ran, and how they ended.

use std::collections::BTreeMap;

/// How a test ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// All tests of this name ran and passed.
    Passed,
    /// One of them did not pass.
    Failed,
    /// None of them ran.
    Missing,
}

/// Tests that ran, by target and the last part of their name.
#[derive(Debug, Default)]
pub struct Results(BTreeMap<(String, String), bool>);

impl Results {
    /// Reads the output of `cargo test`, standard error included, since there the targets are named.
    pub fn read(log: &str) -> Self {
        let mut results = Self::default();
        let mut target = String::new();
        let mut in_table = false;
        for line in log.lines() {
            if let Some(name) = target_of(line) {
                target = name;
                in_table = false;
            } else if let Some((name, outcome)) = test_of(line) {
                // An ignored test did not run.
                if !outcome.starts_with("ignored") {
                    results.add(&target, name, outcome == "ok");
                }
            } else if target == "scenarios" {
                in_table = if in_table { !line.trim().is_empty() } else { line.starts_with("scenario  ") };
                if let Some((name, cells)) = line.split_once(' ').filter(|_| in_table) {
                    // A skipped cell is none of a test that ran.
                    if !cells.contains("skipped") && name != "scenario" {
                        results.add(&target, name, !cells.contains("FAILED") && cells.ends_with(" s"));
                    }
                }
            }
        }
        results
    }

    fn add(&mut self, target: &str, name: &str, passed: bool) {
        let name = name.rsplit("::").next().unwrap_or(name);
        *self.0.entry((target.to_owned(), name.to_owned())).or_insert(true) &= passed;
    }

    /// How many tests ran.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// How the tests of this name ended.
    pub fn outcome(&self, target: &str, name: &str) -> Outcome {
        match self.0.get(&(target.to_owned(), name.to_owned())) {
            Some(true) => Outcome::Passed,
            Some(false) => Outcome::Failed,
            None => Outcome::Missing,
        }
    }
}

/// The target that a line of cargo announces: `Running tests/mqtt.rs (target/debug/deps/mqtt-0011223344556677)`.
fn target_of(line: &str) -> Option<String> {
    let line = line.trim_start();
    if line.starts_with("Doc-tests ") {
        return Some(String::new());
    }
    let (_, program) = line.strip_prefix("Running ")?.rsplit_once('(')?;
    let program = program.strip_suffix(')')?.rsplit('/').next()?;
    let (name, hash) = program.rsplit_once('-')?;
    hash.bytes().all(|byte| byte.is_ascii_hexdigit()).then(|| name.to_owned())
}

/// Name and outcome in a line of the test harness: `test a::b ... ok`.
fn test_of(line: &str) -> Option<(&str, &str)> {
    let (name, outcome) = line.strip_prefix("test ")?.split_once(" ... ")?;
    // `test name - should panic ... ok`
    Some((name.split(' ').next()?, outcome.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_output_of_cargo_is_read() {
        let results = Results::read(
            "   Compiling x v0.1.0\n     Running unittests src/lib.rs (target/debug/deps/mock_hub-00aa11bb22cc33dd)\n\
             \nrunning 3 tests\ntest a::tests::one ... ok\ntest two ... FAILED\ntest three ... ignored\n\
             test heap::four ... ok\ntest room::four ... FAILED\n\
             test result: FAILED. 1 passed; 1 failed; 1 ignored; 0 measured; 0 filtered out\n\
             \x20    Running tests/scenarios.rs (target/debug/deps/scenarios-00aa11bb22cc33dd)\n\
             \nscenario        rust        c\nsign_in       0.53 s   0.60 s\nwrong_secret  FAILED   0.60 s\n\
             tls           skipped   0.60 s\n\nskipped tls with rust: later\n\
             test result: ok. 1 passed; 0 failed\n   Doc-tests mock_hub\ntest src/lib.rs - (line 3) ... ok\n",
        );
        for (target, name, outcome) in [
            ("mock_hub", "one", Outcome::Passed),
            ("mock_hub", "two", Outcome::Failed),
            ("mock_hub", "three", Outcome::Missing),
            ("mock_hub", "four", Outcome::Failed),
            ("other", "one", Outcome::Missing),
            ("scenarios", "sign_in", Outcome::Passed),
            ("scenarios", "wrong_secret", Outcome::Failed),
            ("scenarios", "tls", Outcome::Missing),
            ("scenarios", "skipped", Outcome::Missing),
            ("scenarios", "scenario", Outcome::Missing),
        ] {
            assert_eq!(results.outcome(target, name), outcome, "{target} {name}");
        }
    }
}
