//! Each fault that the hub can be ordered kills a bug: a copy of the SDK holds one planted bug for each fault. With the
//! bug switched on, scenarios without faults pass and the fault's scenario fails; without the bug that one passes too.
//!
//! `cargo test -p conformance --test planted [-- WORD…]` runs the faults whose names hold one of the words. The SDK
//! that ships holds neither a planted bug nor a switch for one: they are put into a copy below `target`.

use std::collections::{BTreeSet, VecDeque};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::{Mutex, PoisonError};
use std::thread;

use conformance::scenario::{self, Failed, Scenario, Tools};
use serde::Deserialize;

/// Scenarios that wait for sockets and clocks run side by side.
const WORKERS: usize = 6;
/// The bug that is switched on, in the driver's environment.
const SWITCH: &str = "ENOS_PLANTED";
/// Scenarios without a fault: a bug that shows in one of them would need no fault to be found.
const GOOD_DAYS: &[&str] = &["activation", "command_set_and_get", "post_every_type"];
/// What the copy's `sdk-core` gets beside its edits.
const SWITCHES: &str = "
extern crate std;

/// Whether this planted bug is switched on.
pub fn planted(name: &str) -> bool {
    std::env::var(\"ENOS_PLANTED\").is_ok_and(|on| on == name)
}
";

/// `planted.toml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    planted: Vec<Planted>,
}

/// One bug.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Planted {
    /// The fault that must kill it; its scenario is `fault_NAME`.
    fault: String,
    /// What a client does wrong.
    bug: String,
    #[serde(default)]
    edits: Vec<Edit>,
    /// The fault whose edits hold this bug too, where one place is both.
    edits_of: Option<String>,
}

/// One text that is put in place of another.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Edit {
    file: String,
    find: String,
    put: String,
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    match prove(&words) {
        Ok(0) => {
            println!("test result: ok. 0 passed; 0 failed; 0 ignored; 0 measured; all filtered out");
            ExitCode::SUCCESS
        }
        Ok(count) => {
            println!("test result: ok. {count} passed; 0 failed; 0 ignored; 0 measured; 0 filtered out");
            ExitCode::SUCCESS
        }
        Err(faults) => {
            println!("{faults}\n\ntest result: FAILED");
            ExitCode::FAILURE
        }
    }
}

/// How many faults were proved; the error names those that were not.
fn prove(words: &[String]) -> Result<usize, String> {
    let conformance = Path::new(env!("CARGO_MANIFEST_DIR"));
    let workspace = conformance.parent().ok_or("the workspace")?;
    let text = fs::read_to_string(conformance.join("planted.toml")).map_err(|error| error.to_string())?;
    let table: Table = toml::from_str(&text).map_err(|error| format!("planted.toml: {error}"))?;
    let scenarios = scenario::load(&conformance.join("scenarios")).map_err(|error| error.to_string())?;
    check(&table, &scenarios)?;
    let chosen: Vec<&Planted> = table
        .planted
        .iter()
        .filter(|planted| words.is_empty() || words.iter().any(|word| planted.fault.contains(word)))
        .collect();
    if chosen.is_empty() {
        return Ok(0);
    }
    let driver = build(workspace, &table)?;
    let jobs: Mutex<VecDeque<&Planted>> = Mutex::new(chosen.iter().copied().collect());
    let judged = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                loop {
                    let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
                    let Some(planted) = job else { return };
                    let verdict = judge(planted, &scenarios, &driver);
                    judged.lock().unwrap_or_else(PoisonError::into_inner).push((planted, verdict));
                }
            });
        }
    });
    let mut judged = judged.into_inner().unwrap_or_else(PoisonError::into_inner);
    judged.sort_by_key(|(planted, _)| table.planted.iter().position(|one| one.fault == planted.fault));
    println!("\n{:<24} | {:<88} | scenario that fails, at which step", "fault", "planted bug");
    let mut faults = Vec::new();
    for (planted, verdict) in &judged {
        let shown = match verdict {
            Ok(step) => format!("fault_{}, step {step}", planted.fault),
            Err(why) => {
                faults.push(format!("{}: {why}", planted.fault));
                "SURVIVES".to_owned()
            }
        };
        println!("{:<24} | {:<88} | {shown}", planted.fault, planted.bug);
    }
    println!();
    if judged.len() != chosen.len() {
        faults.push("a worker was lost".to_owned());
    }
    if faults.is_empty() { Ok(judged.len()) } else { Err(faults.join("\n")) }
}

/// The table names each fault of the hub once, each has its scenario, and each bug has a place that it is put in.
fn check(table: &Table, scenarios: &[Scenario]) -> Result<(), String> {
    let named: Vec<&str> = table.planted.iter().map(|planted| &*planted.fault).collect();
    let known: BTreeSet<&str> = mock_hub::FAULT_KINDS.iter().copied().collect();
    let unique: BTreeSet<&str> = named.iter().copied().collect();
    if unique != known || unique.len() != named.len() {
        let missing: Vec<_> = known.difference(&unique).collect();
        let surplus: Vec<_> = unique.difference(&known).collect();
        return Err(format!(
            "planted.toml names each fault once: without a bug {missing:?}, without a fault {surplus:?}"
        ));
    }
    for planted in &table.planted {
        let name = format!("fault_{}", planted.fault);
        let scenario = scenario_of(scenarios, &name)?;
        let ordered = scenario.steps.iter().filter_map(|step| step.fault.as_ref());
        if !ordered.into_iter().any(|order| order["kind"] == *planted.fault) {
            return Err(format!("{name} does not order {}", planted.fault));
        }
        let of = planted.edits_of.as_ref().unwrap_or(&planted.fault);
        let edits = table.planted.iter().filter(|other| other.fault == *of).flat_map(|other| &other.edits);
        let switch = format!("planted(\"{}\")", planted.fault);
        let switched = |edit: &Edit| edit.put.contains(&switch);
        // A helper that one bug needs may stand beside its place, which another bug shares.
        let anywhere = || table.planted.iter().flat_map(|other| &other.edits).any(switched);
        if !edits.into_iter().any(switched) && !anywhere() {
            return Err(format!("no edit holds {switch}"));
        }
    }
    Ok(())
}

/// The scenario of this name; one that runs over CoAP only has its transport behind the name.
fn scenario_of<'s>(scenarios: &'s [Scenario], name: &str) -> Result<&'s Scenario, String> {
    let is_it = |scenario: &&Scenario| {
        scenario.name.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    scenarios.iter().find(is_it).ok_or_else(|| format!("there is no scenario {name}"))
}

/// The step at which the fault's scenario fails with the bug; the error says what else happened.
fn judge(planted: &Planted, scenarios: &[Scenario], driver: &Path) -> Result<usize, String> {
    let name = format!("fault_{}", planted.fault);
    let scenario = scenario_of(scenarios, &name)?;
    run(scenario, driver, None)
        .map_err(|failed| format!("{name} fails without the bug in the patched copy: {failed}"))?;
    for day in GOOD_DAYS {
        run(scenario_of(scenarios, day)?, driver, Some(&planted.fault))
            .map_err(|failed| format!("the bug shows without the fault: {day} fails: {failed}"))?;
    }
    match run(scenario, driver, Some(&planted.fault)) {
        Ok(()) => Err(format!("{name} passes although {}", planted.bug)),
        Err(failed) if failed.step == 0 => Err(format!("{name} did not begin: {failed}")),
        Err(failed) => Ok(failed.step),
    }
}

fn run(scenario: &Scenario, driver: &Path, bug: Option<&str>) -> Result<(), Failed> {
    let seed = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds/plant.json");
    let switch = format!("{SWITCH}={}", bug.unwrap_or("none"));
    let tools = Tools {
        hub: PathBuf::from(env!("CARGO_BIN_EXE_conformance-hub")),
        seed,
        tshark: false,
        driver: vec![PathBuf::from("env"), PathBuf::from(switch), driver.to_owned()],
    };
    scenario::run(scenario, &tools).map(drop)
}

/// Copies the SDK and the driver below `target`, plants all bugs, and builds the driver with them.
///
/// It shares the target folder, so that only what was copied is compiled.
fn build(workspace: &Path, table: &Table) -> Result<PathBuf, String> {
    let driver = Path::new(env!("CARGO_BIN_EXE_driver-rust"));
    let target = driver.parent().and_then(Path::parent).ok_or("no target folder")?;
    let tree = target.join("planted");
    let mut files = Vec::new();
    for folder in ["sdk-core/src", "sdk-core/runtime/src"] {
        collect(workspace, Path::new(folder), &mut files)?;
    }
    for file in ["sdk-core/Cargo.toml", "sdk-core/runtime/Cargo.toml", "Cargo.lock"] {
        files.push((PathBuf::from(file), read(&workspace.join(file))?));
    }
    let mut sources = Vec::new();
    collect(&workspace.join("conformance/drivers"), Path::new("rust"), &mut sources)?;
    files.extend(sources.into_iter().map(|(path, text)| {
        (Path::new("planted-driver/src").join(path.strip_prefix("rust").unwrap_or(&path)), text)
    }));
    files.push((PathBuf::from("planted-driver/Cargo.toml"), DRIVER.to_owned()));
    files.push((PathBuf::from("Cargo.toml"), manifest(&read(&workspace.join("Cargo.toml"))?)?));
    for edit in table.planted.iter().flat_map(|planted| &planted.edits) {
        let file = files.iter_mut().find(|(path, _)| path == Path::new(&edit.file));
        let (_, text) = file.ok_or_else(|| format!("planted.toml: there is no file {}", edit.file))?;
        let places = text.matches(&edit.find).count();
        if places != 1 {
            return Err(format!(
                "planted.toml: {} holds {places} times, not once:\n{}",
                edit.file, edit.find
            ));
        }
        *text = text.replace(&edit.find, &edit.put);
    }
    let core = files.iter_mut().find(|(path, _)| path == Path::new("sdk-core/src/lib.rs"));
    core.ok_or("the core has no lib.rs")?.1.push_str(SWITCHES);
    for (path, text) in &files {
        write(&tree.join(path), text)?;
    }
    compile(&tree, target)
}

fn compile(tree: &Path, target: &Path) -> Result<PathBuf, String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["build", "--offline", "--package", "planted-driver", "--target-dir"]).arg(target);
    // What cargo tells a test about itself would make build scripts run again, here and in the next build.
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        let own = ["CARGO_PKG_", "CARGO_BIN_", "CARGO_MANIFEST_"].iter().any(|start| text.starts_with(start));
        let own =
            own || matches!(&*text, "CARGO_CRATE_NAME" | "CARGO_TARGET_TMPDIR" | "CARGO_PRIMARY_PACKAGE");
        if own || text == "OUT_DIR" {
            command.env_remove(&name);
        }
    }
    let output = command.current_dir(tree).output().map_err(|error| format!("cargo: {error}"))?;
    if !output.status.success() {
        return Err(format!("the copy does not build:\n{}", String::from_utf8_lossy(&output.stderr)));
    }
    Ok(target.join("debug").join(format!("planted-driver{}", std::env::consts::EXE_SUFFIX)))
}

const DRIVER: &str = "[package]
name = \"planted-driver\"
version.workspace = true
edition.workspace = true
publish.workspace = true

[dependencies]
enos_core = { workspace = true, features = [\"alloc\", \"sign-legacy\"] }
enos_runtime.workspace = true
";

/// The workspace's manifest with the members that were copied. Lints are for the original.
fn manifest(text: &str) -> Result<String, String> {
    let mut own = String::with_capacity(text.len());
    for line in text.lines() {
        if line.starts_with("members = ") {
            own.push_str("members = [\"sdk-core\", \"sdk-core/runtime\", \"planted-driver\"]\n");
        } else if !line.starts_with("exclude = ") {
            own.push_str(line);
            own.push('\n');
        }
    }
    if own.contains("planted-driver") { Ok(own) } else { Err("the workspace has no members".to_owned()) }
}

/// Every Rust file below `folder` of `base`, by its path in `base`, and what the files include.
fn collect(base: &Path, folder: &Path, files: &mut Vec<(PathBuf, String)>) -> Result<(), String> {
    let entries =
        fs::read_dir(base.join(folder)).map_err(|error| format!("{}: {error}", folder.display()))?;
    for entry in entries {
        let entry = entry.map_err(|error| error.to_string())?;
        let path = folder.join(entry.file_name());
        if entry.path().is_dir() {
            collect(base, &path, files)?;
        } else {
            files.push((path, read(&entry.path())?));
        }
    }
    Ok(())
}

fn read(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}

/// Writes what has changed only, so that only that is compiled anew.
fn write(path: &Path, text: &str) -> Result<(), String> {
    if fs::read_to_string(path).is_ok_and(|old| old == text) {
        return Ok(());
    }
    let named = |error: std::io::Error| format!("{}: {error}", path.display());
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(named)?;
    }
    fs::write(path, text).map_err(named)
}
