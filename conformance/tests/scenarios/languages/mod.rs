//! The table of languages: how each driver is built, and the command that starts it.
//!
//! A new language is a file here and a line in [`LANGUAGES`].

mod c;
mod java;
mod python;
mod rust;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

/// Builds a driver; program and arguments that start it. The error says what is missing and how to get it.
type Build = fn(&Places) -> Result<Vec<PathBuf>, String>;

/// The columns of the matrix, in the order in which people read.
const LANGUAGES: &[(&str, Build)] = &[
    ("rust", rust::build),
    ("c", c::build),
    ("c-asan", c::build_sanitized),
    ("python", python::build),
    ("java", java::build),
];

/// Where things are, and where a driver's own go.
pub(crate) struct Places {
    /// The workspace.
    pub(crate) root: PathBuf,
    /// Where cargo puts the libraries that this test depends on, such as `libenos.so`.
    pub(crate) built: PathBuf,
    /// A folder below `target` for this language alone; it stays, so that a second run may be quick.
    pub(crate) output: PathBuf,
}

/// A driver that can be started.
pub(crate) struct Language {
    /// Its name in the table.
    pub(crate) name: &'static str,
    /// Program and arguments.
    pub(crate) command: Vec<PathBuf>,
}

/// Builds every driver, side by side. The error tells of each that could not be built.
pub(crate) fn build() -> Result<Vec<Language>, String> {
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let built = program.parent().ok_or("this program lies in no folder")?;
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().ok_or("the workspace")?;
    let made: Vec<_> = thread::scope(|scope| {
        let running: Vec<_> = LANGUAGES
            .iter()
            .map(|(name, build)| {
                scope.spawn(move || {
                    let output = Path::new(env!("CARGO_TARGET_TMPDIR")).join("drivers").join(name);
                    std::fs::create_dir_all(&output)
                        .map_err(|error| format!("{}: {error}", output.display()))?;
                    let places = Places { root: root.to_owned(), built: built.to_owned(), output };
                    Ok(Language { name, command: build(&places)? })
                })
            })
            .collect();
        let ended =
            running.into_iter().map(|thread| thread.join().unwrap_or_else(|_| Err("panicked".to_owned())));
        ended.collect()
    });
    let (mut languages, mut faults) = (Vec::new(), Vec::new());
    for ((name, _), made) in LANGUAGES.iter().zip(made) {
        match made {
            Ok(language) => languages.push(language),
            Err(why) => faults.push(format!("the driver in {name} cannot be built: {why}")),
        }
    }
    if faults.is_empty() { Ok(languages) } else { Err(faults.join("\n")) }
}

/// Runs a tool to its good end; a missing one names the package to install.
pub(crate) fn run(command: &mut Command, package: &str) -> Result<(), String> {
    let output = command
        .output()
        .map_err(|error| format!("{:?}: {error}. Fix: install {package}.", command.get_program()))?;
    if output.status.success() {
        return Ok(());
    }
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Err(format!("{command:?}: {}\n{}{}", output.status, said(&output.stdout), said(&output.stderr)))
}
