//! C: gcc builds each program of `benches/c`, cargo builds libenos as it ships.

use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use super::{library, repository, run, size, sources, workshop};
use crate::bench::Outcome;

/// The peer, and what it needs for TLS.
const PEER: &[&str] = &["libmosquitto.so.1", "libssl.so.3", "libcrypto.so.3"];

/// Compiles a program of `benches/c`.
pub(super) fn prepare(file: &str) -> Outcome<()> {
    let mut compiler = Command::new("gcc");
    compiler.args(["-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror", "-pthread"]);
    compiler.arg(sources("c").join(file).with_extension("c")).arg("-o").arg(program(file)?);
    let package = match file {
        "ours" => {
            let library = libenos()?;
            let folder = library.parent().ok_or("libenos.so stands in no folder")?;
            compiler.arg("-I").arg(repository().join("sdk-c/include")).arg(&library);
            compiler.arg(format!("-Wl,-rpath,{}", folder.display()));
            "the Debian package gcc"
        }
        "libmosquitto" => {
            compiler.arg("-lmosquitto");
            "the Debian packages gcc and libmosquitto-dev"
        }
        _ => "the Debian package gcc",
    };
    run(&mut compiler, &format!("compile {file}.c"), package)
        .map_err(|error| format!("{error} (it needs {package})"))?;
    Ok(())
}

/// The peer's version, which its file's full name tells.
pub(super) fn version() -> Option<String> {
    let file = std::fs::canonicalize(system_library(PEER.first()?).ok()?).ok()?;
    Some(file.file_name()?.to_string_lossy().replace(".so.", " "))
}

/// What starts a program.
pub(super) fn command(file: &str) -> Outcome<Command> {
    Ok(Command::new(program(file)?))
}

/// Bytes of the shared libraries that a user installs, TLS included.
pub(super) fn installed(file: &str) -> Outcome<u64> {
    if file == "ours" {
        return size(&libenos()?);
    }
    PEER.iter().map(|library| size(&system_library(library)?)).sum()
}

fn program(file: &str) -> Outcome<PathBuf> {
    Ok(workshop("c")?.join(file))
}

/// Where gcc would find a library of the system; it answers with the bare name if it would not.
fn system_library(name: &str) -> Outcome<PathBuf> {
    let mut compiler = Command::new("gcc");
    let path = run(compiler.arg(format!("-print-file-name={name}")), "find a library", "gcc")?;
    let path = PathBuf::from(path.trim());
    if path.is_absolute() { Ok(path) } else { Err(format!("there is no {name} here").into()) }
}

/// The shared library of the SDK under its SONAME, built once for each run of this program.
fn libenos() -> Outcome<PathBuf> {
    static BUILT: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    BUILT.get_or_init(|| build().map_err(|error| error.to_string())).clone().map_err(Into::into)
}

fn build() -> Outcome<PathBuf> {
    // A copy under the name that programs look for.
    let shared = workshop("c")?.join("libenos.so.0");
    let made = library("sdk-c", "small", "libenos.so")?;
    std::fs::copy(&made, &shared).map_err(|error| format!("{}: {error}", made.display()))?;
    Ok(shared)
}
