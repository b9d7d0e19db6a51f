//! How many instructions the hot paths take, compared with a file that is committed: time that no neighbour disturbs.
//!
//! valgrind counts a walk of n items and one of 2 n; half of the latter is what n items take, and all that comes
//! before and after them is gone. The counts depend on the compiler, so they are judged only by the one that the file
//! names; they do not depend on the machine, since valgrind shows every program the same plain processor.

use std::collections::BTreeMap;
use std::path::{Path as File, PathBuf};
use std::process::{Command, ExitCode};

use serde::{Deserialize, Serialize};

use super::Outcome;
use super::sample::Spread;

mod paths;

use paths::Path;

/// A path may be this much dearer or cheaper, as a part.
const TOLERANCE: f64 = 0.05;
/// Times that a path is counted before it fails; the file holds the middle of as many.
const TRIES: usize = 3;
/// How to accept a change.
const RENEW: &str = "cargo counts --renew";

/// What is committed.
#[derive(Debug, Default, Deserialize, Serialize)]
struct Baseline {
    /// The compiler, as `rustc --version` names it.
    rustc: String,
    /// The kind of machine, such as `x86_64-linux`.
    machine: String,
    /// Instructions of one item on each path.
    paths: BTreeMap<String, f64>,
}

/// `bench-instructions`: judges; with `--renew` writes the file anew. `walk PATH ITEMS` is what valgrind runs.
pub fn main(arguments: &[String]) -> Outcome<ExitCode> {
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match *arguments {
        ["walk", path, items] => {
            Path::named(path)?.walk(items.parse()?)?;
            Ok(ExitCode::SUCCESS)
        }
        [] | ["--renew"] if !has_valgrind() => {
            let reason = "valgrind is not installed. Fix: install the Debian package valgrind";
            println!("instruction counts skipped: {reason}");
            let in_ci = std::env::var("CI").as_deref() == Ok("true");
            Ok(if in_ci { ExitCode::FAILURE } else { ExitCode::SUCCESS })
        }
        [] => judge_all(),
        ["--renew"] => renew(),
        _ => Err("usage: bench-instructions [--renew] | walk PATH ITEMS".into()),
    }
}

/// `conformance/instructions.json` of the sources that this program was built from.
fn file() -> PathBuf {
    File::new(env!("CARGO_MANIFEST_DIR")).join("instructions.json")
}

fn judge_all() -> Outcome<ExitCode> {
    let text = std::fs::read_to_string(file())
        .map_err(|error| format!("{}: {error}. Fix: {RENEW}", file().display()))?;
    let baseline: Baseline = serde_json::from_str(&text)?;
    let (rustc, machine) = (rustc()?, machine());
    let same = (&baseline.rustc, &baseline.machine) == (&rustc, &machine);
    let mut failed = 0;
    for path in Path::ALL {
        let before = baseline.paths.get(path.name()).copied();
        let mut verdict = judge(path.name(), before, per_item(path, 0)?);
        // Hash tables are seeded by the system, so a count moves a little: what is really dearer is so each time.
        for _ in 1..TRIES {
            if verdict.is_err() && before.is_some() && same {
                verdict = judge(path.name(), before, per_item(path, 0)?);
            }
        }
        match verdict {
            Ok(text) => println!("{text}"),
            Err(text) if same => {
                println!("FAILED: {text}");
                failed += 1;
            }
            Err(text) => println!("not judged: {text}"),
        }
    }
    if !same {
        println!(
            "the counts are of {} on {}, this is {rustc} on {machine}: nothing is judged",
            baseline.rustc, baseline.machine
        );
    }
    failed += u32::from(!notices_a_tenth()?);
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// A guard that cannot fail guards nothing: a tenth more work on a path must be found.
fn notices_a_tenth() -> Outcome<bool> {
    let path = Path::JsonReply;
    let verdict = judge(path.name(), Some(per_item(path, 0)?), per_item(path, 10)?);
    let noticed = verdict.is_err();
    match verdict {
        Ok(text) => println!("FAILED: a tenth more work on purpose went unnoticed: {text}"),
        Err(text) => println!(
            "a tenth more work on purpose is noticed: {}",
            text.split(". ").next().unwrap_or_default()
        ),
    }
    Ok(noticed)
}

fn renew() -> Outcome<ExitCode> {
    let mut baseline = Baseline { rustc: rustc()?, machine: machine(), paths: BTreeMap::new() };
    for path in Path::ALL {
        let counts = (0..TRIES).map(|_| per_item(path, 0)).collect::<Outcome<Vec<_>>>()?;
        let now = Spread::of(&counts).ok_or("nothing was counted")?.median;
        println!("{}: {now} instructions", path.name());
        baseline.paths.insert(path.name().to_owned(), now);
    }
    std::fs::write(file(), format!("{}\n", serde_json::to_string_pretty(&baseline)?))?;
    println!("written: {}", file().display());
    Ok(ExitCode::SUCCESS)
}

/// What is to be said of a path; an error fails.
fn judge(name: &str, before: Option<f64>, now: f64) -> Result<String, String> {
    let Some(before) = before else {
        return Err(format!("{name}: {now} instructions, and no count to compare with. Fix: {RENEW}"));
    };
    let change = now / before - 1.0;
    let percent = change.abs() * 100.0;
    if change > TOLERANCE {
        Err(format!(
            "{name} rose by {percent:.1} %: {before} to {now} instructions. Fix: find what made it dearer (valgrind \
             --tool=callgrind target/counts/bench-instructions walk {name} 2000, then callgrind_annotate); if it is \
             worth it, renew with {RENEW}"
        ))
    } else if change < -TOLERANCE {
        Err(format!(
            "{name} fell by {percent:.1} %: {before} to {now} instructions. Keep the gain: renew with {RENEW}"
        ))
    } else {
        Ok(format!("{name}: {now} instructions, {:+.1} %", change * 100.0))
    }
}

/// Instructions of one item, when each walk has `surplus` per cent of items more than it says.
fn per_item(path: Path, surplus: u32) -> Outcome<f64> {
    let items = path.items();
    let walked = |items: u32| count(path, items + items * surplus / 100);
    let (once, twice) = (walked(items)?, walked(2 * items)?);
    let per_item = twice.saturating_sub(once) as f64 / f64::from(items);
    Ok((per_item * 10.0).round() / 10.0)
}

/// Instructions of a whole walk.
fn count(path: Path, items: u32) -> Outcome<u64> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(std::env::current_exe()?)
        .args(["walk", path.name(), &items.to_string()])
        .output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    let collected = said.lines().find_map(|line| line.split_once("Collected :")?.1.trim().parse().ok());
    match collected {
        Some(count) if output.status.success() => Ok(count),
        _ => Err(format!("valgrind of {}: {}\n{said}", path.name(), output.status).into()),
    }
}

fn has_valgrind() -> bool {
    Command::new("valgrind").arg("--version").output().is_ok_and(|output| output.status.success())
}

fn rustc() -> Outcome<String> {
    let output = Command::new("rustc").arg("--version").output()?;
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

fn machine() -> String {
    format!("{}-{}", std::env::consts::ARCH, std::env::consts::OS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_may_move_by_a_twentieth() {
        for now in [95.1, 100.0, 104.9] {
            assert!(judge("p", Some(100.0), now).is_ok(), "{now}");
        }
        let rise = judge("p", Some(100.0), 107.0).unwrap_err();
        assert!(
            rise.contains("p rose by 7.0 %") && rise.contains("renew with cargo counts --renew"),
            "{rise}"
        );
        let fall = judge("p", Some(100.0), 90.0).unwrap_err();
        assert!(fall.contains("p fell by 10.0 %"), "{fall}");
        assert!(judge("p", None, 100.0).unwrap_err().contains("cargo counts --renew"));
    }

    #[test]
    fn every_path_can_be_walked_and_stands_in_the_file() {
        let text = std::fs::read_to_string(file()).unwrap();
        let baseline: Baseline = serde_json::from_str(&text).unwrap();
        let mut names: Vec<&str> = Path::ALL.iter().map(|path| path.name()).collect();
        names.sort_unstable();
        assert_eq!(baseline.paths.keys().map(String::as_str).collect::<Vec<_>>(), names);
        for path in Path::ALL {
            path.walk(200).unwrap();
            assert_eq!(Path::named(path.name()).unwrap(), path);
        }
        assert!(Path::named("nowhere").is_err());
    }
}
