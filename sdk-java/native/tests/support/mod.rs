//! Maven and Java as the tests run them.
#![allow(dead_code, reason = "each test program uses its part")]

use std::path::{Path, PathBuf};
use std::process::Command;

pub(crate) fn room() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Where cargo puts what it builds for this test.
fn built() -> PathBuf {
    std::env::current_exe().unwrap().parent().unwrap().to_owned()
}

/// The hub's program, which cargo builds along with all tests of this package.
fn hub() -> PathBuf {
    let hub = built().parent().unwrap().join("examples/hub");
    assert!(
        hub.is_file(),
        "{} is not there. Run all tests of this package: cargo test -p sdk-java",
        hub.display()
    );
    hub
}

/// What Maven fetches and installs; not the user's own.
pub(crate) fn repository() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("m2")
}

/// Where the modules are built.
pub(crate) fn target() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().to_owned()
}

/// Runs `sdk-java/package` with these words for Maven.
pub(crate) fn package(words: &[&str]) -> String {
    let script = room().join("package");
    let mut command = tool(&script);
    command.args(words).env("LIBRARY", built().join("libenos_jni.so")).env("HUB", hub());
    command.env("REPOSITORY", repository()).env("CARGO_TARGET_DIR", target());
    run(&mut command, "default-jdk-headless, maven and binutils")
}

/// A command that does not find what cargo built by the way that cargo gives to tests: the library path of a JVM is that.
pub(crate) fn tool(program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new(program);
    command.env_remove("LD_LIBRARY_PATH");
    command
}

/// Runs a tool to its good end; what it printed, errors last.
pub(crate) fn run(command: &mut Command, package: &str) -> String {
    let output =
        command.output().unwrap_or_else(|error| panic!("{command:?}: {error}. Fix: install {package}."));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let said = text(&output.stdout) + &text(&output.stderr);
    assert!(output.status.success(), "{command:?} (needs {package}):\n{said}");
    said
}

/// JDKs to try: the one on the path, and a newer one if the machine has it.
pub(crate) fn javas() -> Vec<PathBuf> {
    let mut javas = vec![PathBuf::from("java")];
    let installed = std::fs::read_dir("/usr/lib/jvm").into_iter().flatten().filter_map(Result::ok);
    let mut newer: Vec<_> = installed
        .map(|entry| entry.path())
        .filter(|path| {
            let release = std::fs::read_to_string(path.join("release")).unwrap_or_default();
            let version = release.lines().find_map(|line| line.strip_prefix("JAVA_VERSION=\""));
            version
                .and_then(|version| version.split(['.', '"', '-']).next()?.parse().ok())
                .is_some_and(|version: u32| version >= 24)
        })
        .map(|path| path.join("bin/java"))
        .filter(|java| java.is_file())
        .collect();
    newer.sort();
    if newer.is_empty() {
        println!("skipped: JDK 24 or later, which is not installed below /usr/lib/jvm");
    }
    javas.extend(newer);
    javas
}
