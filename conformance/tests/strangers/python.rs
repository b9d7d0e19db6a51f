//! Python programs with packages of their own, in a virtual environment that is kept between runs.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use conformance::peer::child::Child;
use serde_json::Value;

const PATIENCE: Duration = Duration::from_secs(30);

/// A running script that speaks JSON, one object a line.
pub(crate) struct Script(Child);

impl Script {
    /// Starts a script of `strangers/` in the environment with these packages.
    pub(crate) fn start(environment: &str, packages: &[&str], script: &str, arguments: &[&str]) -> Self {
        let python = environment_of(environment, packages);
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("strangers").join(script);
        let mut command = Command::new(python);
        command.arg("-u").arg(script).args(arguments).env("PYTHONDONTWRITEBYTECODE", "1");
        Self(Child::start("the script", &mut command).expect("a script"))
    }

    /// Sends an order.
    pub(crate) fn order(&mut self, order: &Value) {
        self.0.send(&order.to_string()).expect("the script reads");
    }

    /// Waits for an event of this name; others before it are passed over.
    pub(crate) fn event(&self, name: &str) -> Value {
        let until = Instant::now() + PATIENCE;
        let mut passed = Vec::new();
        loop {
            let line = self.0.line(until).unwrap_or_else(|why| {
                panic!("no \"{name}\" ({why:?}), but {passed:?}; the script wrote: {}", self.0.errors())
            });
            match serde_json::from_str::<Value>(&line) {
                Ok(event) if event["event"] == name => return event,
                _ => passed.push(line),
            }
        }
    }

    /// Tells it to close and waits for its end.
    pub(crate) fn end(mut self) {
        self.order(&serde_json::json!({"do": "close"}));
        self.event("closed");
        assert!(self.0.ended(PATIENCE).expect("an end in time"), "the script failed: {}", self.0.errors());
    }
}

/// The interpreter of an environment, made or found as its stamp says.
fn environment_of(name: &str, packages: &[&str]) -> PathBuf {
    static MADE: OnceLock<Mutex<HashMap<String, PathBuf>>> = OnceLock::new();
    let mut made = MADE.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(python) = made.get(name) {
        return python.clone();
    }
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("the target folder");
    let folder = target.join("strangers").join(name);
    let python = folder.join("bin").join("python");
    let (system, version) = system_python();
    let wanted = format!("{version} {}\n", packages.join(" "));
    let stamp = folder.join("stamp");
    if fs::read_to_string(&stamp).ok().as_deref() != Some(&wanted) || !python.exists() {
        // A missing folder is as good as a removed one.
        let _ = fs::remove_dir_all(&folder);
        run(
            Command::new(system).args(["-m", "venv"]).arg(&folder),
            "make a virtual environment (package python3-venv)",
        );
        let mut pip = Command::new(&python);
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]).args(packages);
        run(&mut pip, "install Python packages");
        fs::write(&stamp, &wanted).expect("the stamp can be written");
    }
    made.insert(name.to_owned(), python.clone());
    python
}

/// A Python of at least 3.10 with `venv`, and its version.
fn system_python() -> (&'static str, String) {
    const ASK: &str =
        "import sys, venv, ensurepip; assert sys.version_info >= (3, 10); print(sys.version.split()[0])";
    for name in ["python3", "python3.14", "python3.13", "python3.12", "python3.11", "python3.10"] {
        if let Ok(output) = Command::new(name).args(["-c", ASK]).output()
            && output.status.success()
        {
            return (name, String::from_utf8_lossy(&output.stdout).trim().to_owned());
        }
    }
    panic!("no Python of at least 3.10 with venv: install the package python3-venv");
}

fn run(command: &mut Command, what: &str) {
    let output = command.output().unwrap_or_else(|error| panic!("cannot {what}: {error}"));
    assert!(output.status.success(), "cannot {what}: {}", String::from_utf8_lossy(&output.stderr));
}
