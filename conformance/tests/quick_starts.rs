//! The quick start of each README does what it prints: as a new user, in an empty folder, offline, within a minute.
//!
//! What comes before it (installing the packages) is done by the entry of each language here.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use std::{env, fs};

use conformance::peer::scratch::Scratch;
use conformance::python;
use conformance::quick_start::QuickStart;

/// Printed by each program when the hub has checked and stored its point.
const CONFIRMED: &str = "the hub confirmed your point";
/// From installed packages to that line, on a machine that does nothing else.
const WITHIN: Duration = Duration::from_secs(60);
/// When to give up: a machine at work may take longer, and CI's does not.
const PATIENCE: Duration = Duration::from_secs(300);
/// One at a time: the compilers of four languages at once would measure each other.
static ALONE: Mutex<()> = Mutex::new(());

/// One README and what its quick start may ask.
struct Entry {
    readme: &'static str,
    most_commands: usize,
    most_lines: usize,
    /// Variables, of which `PATH` is put before what is there.
    environment: Vec<(String, OsString)>,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace").to_owned()
}

/// A folder with the hub's command as its users find it.
fn hub_command() -> Scratch {
    let bin = Scratch::within(Path::new(env!("CARGO_TARGET_TMPDIR"))).expect("a folder");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_conformance-hub"), bin.path().join("mock-hub"))
        .expect("a link to the hub");
    bin
}

/// `PATH` with folders put before it.
fn path(folders: &[&Path]) -> (String, OsString) {
    let before = env::var_os("PATH").unwrap_or_default();
    let all = folders.iter().map(|folder| folder.to_path_buf()).chain(env::split_paths(&before));
    ("PATH".to_owned(), env::join_paths(all).expect("no colon in a folder"))
}

/// Follows one quick start; prints what it asked and took.
fn follow(entry: &Entry) {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let text = fs::read_to_string(root().join(entry.readme)).expect("a README");
    let quick_start = QuickStart::read(&text).unwrap_or_else(|why| panic!("{}: {why}", entry.readme));
    let (commands, lines) = (quick_start.commands.len(), quick_start.lines_of_code());
    let folder = Scratch::new().expect("a folder");
    let took = quick_start
        .follow(folder.path(), &entry.environment, CONFIRMED, PATIENCE)
        .unwrap_or_else(|error| panic!("{}: {error}", entry.readme));
    println!("{}: {commands} commands, {lines} lines, {:.1} s", entry.readme, took.as_secs_f64());
    assert!(env::var_os("CI").is_none() || took <= WITHIN, "{}: took {took:?}", entry.readme);
    assert!(commands <= entry.most_commands, "{}: {commands} commands", entry.readme);
    assert!(lines <= entry.most_lines, "{}: {lines} lines", entry.readme);
}

#[test]
fn rust() {
    let hub = hub_command();
    // The crates that the workspace was built with are in cargo's home; the newest ones of a registry are not asked for.
    follow(&Entry {
        readme: "README.md",
        most_commands: 3,
        most_lines: 12,
        environment: vec![
            path(&[hub.path()]),
            ("ENOS".to_owned(), root().into()),
            ("CARGO_NET_OFFLINE".to_owned(), "true".into()),
            ("CARGO_TERM_COLOR".to_owned(), "never".into()),
        ],
    });
}

/// The library as `make install` puts it, in a folder of its own instead of `/usr/local`.
#[test]
fn c() {
    let hub = hub_command();
    let program = env::current_exe().expect("this program");
    let built = program.parent().expect("a folder");
    let prefix = Scratch::within(Path::new(env!("CARGO_TARGET_TMPDIR"))).expect("a folder");
    let mut install = Command::new("make");
    install.args(["--silent", "-C"]).arg(root().join("sdk-c")).arg("install-built");
    install.arg(format!("PREFIX={}", prefix.path().display())).arg(format!("BUILT={}", built.display()));
    run(install.env_remove("MAKEFLAGS").env_remove("DESTDIR"), "make and binutils");
    follow(&Entry {
        readme: "sdk-c/README.md",
        most_commands: 5,
        most_lines: 12,
        environment: vec![
            path(&[hub.path()]),
            ("PKG_CONFIG_PATH".to_owned(), prefix.path().join("lib/pkgconfig").into()),
            ("LD_LIBRARY_PATH".to_owned(), prefix.path().join("lib").into()),
        ],
    });
}

/// A Maven repository of its own, filled by the README's own project while there is a network.
#[test]
fn java() {
    let program = env::current_exe().expect("this program");
    let built = program.parent().expect("a folder");
    let repository = Path::new(env!("CARGO_TARGET_TMPDIR")).join("m2");
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("target").to_owned();
    let options: OsString = format!("-Dmaven.repo.local={}", repository.display()).into();
    {
        let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let mut package = Command::new(root().join("sdk-java/package"));
        package.args(["install", "-DskipTests", "-Dmaven.javadoc.skip"]);
        package
            .env("LIBRARY", built.join("libenos_jni.so"))
            .env("HUB", env!("CARGO_BIN_EXE_conformance-hub"));
        package.env("REPOSITORY", &repository).env("CARGO_TARGET_DIR", &target);
        run(&mut package, "default-jdk-headless, maven and binutils");
        let folder = Scratch::new().expect("a folder");
        let text = fs::read_to_string(root().join("sdk-java/README.md")).expect("a README");
        let quick_start = QuickStart::read(&text).expect("a quick start");
        let (name, pom) = quick_start.files.iter().find(|(name, _)| name == "pom.xml").expect("a project");
        fs::write(folder.path().join(name), pom).expect("a file");
        let mut fetch = Command::new("mvn");
        fetch.args(["-q", "-B", "dependency:copy-dependencies"]).env("MAVEN_OPTS", &options);
        run(fetch.current_dir(folder.path()), "maven");
    }
    follow(&Entry {
        readme: "sdk-java/README.md",
        most_commands: 5,
        most_lines: 12,
        environment: vec![("MAVEN_OPTS".to_owned(), options)],
    });
}

/// Runs a tool to its good end; without the library path that cargo gives to tests.
fn run(command: &mut Command, package: &str) {
    let output = command.env_remove("LD_LIBRARY_PATH").output();
    let output = output.unwrap_or_else(|error| panic!("{command:?}: {error}. Fix: install {package}."));
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{command:?}:\n{}{}", said(&output.stdout), said(&output.stderr));
}

/// An environment of its own with the two wheels that the README names.
#[test]
fn python() {
    let environment = Scratch::within(Path::new(env!("CARGO_TARGET_TMPDIR"))).expect("a folder");
    let interpreter = {
        let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let wheels =
            [python::wheel(), python::hub_wheel()].map(|wheel| wheel.unwrap_or_else(|why| panic!("{why}")));
        python::installed(environment.path(), &[&wheels[0], &wheels[1]]).expect("installed")
    };
    let bin = interpreter.parent().expect("a folder");
    follow(&Entry {
        readme: "sdk-python/README.md",
        most_commands: 3,
        most_lines: 12,
        environment: vec![path(&[bin])],
    });
}
