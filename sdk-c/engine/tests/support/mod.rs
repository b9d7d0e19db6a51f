//! The archive as `make install-engine` installs it, and C programs linked to it.
#![allow(dead_code, reason = "each test program uses its part")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

/// Longest wait for a line or the end of a program.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Where the engine is installed for these tests: made once for each test program, by make, as a packager does.
pub(crate) fn installed() -> &'static Path {
    static ROOT: OnceLock<PathBuf> = OnceLock::new();
    ROOT.get_or_init(|| {
        let scratch = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("engine");
        let program = std::env::current_exe().unwrap();
        let root = scratch.join(program.file_stem().unwrap());
        let _ = std::fs::remove_dir_all(&root);
        run(
            Command::new("make")
                .args(["-s", "-C"])
                .arg(folder().parent().unwrap())
                .arg("install-engine")
                .arg(format!("PREFIX={}", root.display()))
                .env("CARGO_TARGET_DIR", scratch.join("target"))
                .env("CARGO", env!("CARGO"))
                // Another make's or cargo's wishes are none of this one's.
                .env_remove("MAKEFLAGS")
                .env_remove("DESTDIR")
                .env_remove("RUSTFLAGS")
                .env_remove("CARGO_ENCODED_RUSTFLAGS")
                .env_remove("CARGO_BUILD_TARGET"),
            "make and binutils",
        );
        root
    })
}

/// The engine's archive with AddressSanitizer inside of its Rust, not only in the program around it, and with the checks of
/// a debug build, those of `unsafe` preconditions among them.
///
/// The stable compiler has the sanitizer, but takes the flag from those only who ask it to behave like nightly.
fn instrumented() -> &'static Path {
    const HOST: &str = "x86_64-unknown-linux-gnu";
    static ARCHIVE: OnceLock<PathBuf> = OnceLock::new();
    ARCHIVE.get_or_init(|| {
        let target = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("engine/sanitized");
        let mut cargo = Command::new(env!("CARGO"));
        cargo.current_dir(folder()).args(["rustc", "--quiet", "--locked", "--lib", "--profile", "engine"]);
        // With a target named, build scripts stay as they are.
        cargo.args(["--features", "freestanding", "--crate-type", "staticlib", "--target", HOST]);
        cargo
            .arg("--target-dir")
            .arg(&target)
            .env("RUSTC_BOOTSTRAP", "1")
            .env_remove("CARGO_ENCODED_RUSTFLAGS");
        cargo.env(
            "RUSTFLAGS",
            "-Zsanitizer=address -Cdebug-assertions -Coverflow-checks -Cforce-frame-pointers",
        );
        run(&mut cargo, "cargo");
        target.join(HOST).join("engine/libenos_engine.a")
    })
}

/// Whether valgrind is there; where CI is, it has to be.
pub(crate) fn has_valgrind() -> bool {
    let there = Command::new("valgrind").arg("--version").output().is_ok();
    assert!(there || std::env::var_os("CI").is_none(), "valgrind is missing. Fix: install valgrind.");
    if !there {
        println!("skipped: valgrind is not installed");
    }
    there
}

/// Runs a tool to its good end; what it printed.
pub(crate) fn run(command: &mut Command, package: &str) -> String {
    let output =
        command.output().unwrap_or_else(|error| panic!("{command:?}: {error}. Fix: install {package}."));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{command:?}:\n{}{}", text(&output.stdout), text(&output.stderr));
    text(&output.stdout)
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Language {
    C99,
    Cpp11,
}

/// A program of `tests/c`, or another, compiled without a warning and linked to the archive alone.
pub(crate) struct Program {
    path: PathBuf,
    /// What it runs under, such as valgrind.
    under: Vec<String>,
}

impl Program {
    pub(crate) fn new(source: &str, language: Language) -> Self {
        Self::with(source, language, &[], &[])
    }

    /// With more flags for the compiler, and run under another program.
    pub(crate) fn with(source: &str, language: Language, flags: &[&str], under: &[&str]) -> Self {
        Self::of(&folder().join("tests/c").join(source), language, flags, under)
    }

    /// With sanitizers in the program and in the engine.
    pub(crate) fn sanitized(source: &str, flags: &[&str]) -> Self {
        let source = folder().join("tests/c").join(source);
        Self::linked(&source, Language::C99, flags, &[], instrumented())
    }

    pub(crate) fn of(source: &Path, language: Language, flags: &[&str], under: &[&str]) -> Self {
        Self::linked(source, language, flags, under, &installed().join("lib/libenos_engine.a"))
    }

    fn linked(source: &Path, language: Language, flags: &[&str], under: &[&str], archive: &Path) -> Self {
        let (compiler, standard, package) = match language {
            Language::C99 => ("cc", ["-std=c99", "-xc"], "gcc"),
            Language::Cpp11 => ("c++", ["-std=c++11", "-xc++"], "g++"),
        };
        static PROGRAMS: AtomicUsize = AtomicUsize::new(0);
        let number = PROGRAMS.fetch_add(1, Ordering::Relaxed);
        let name = format!("engine-program-{}-{number}", std::process::id());
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
        let mut command = Command::new(compiler);
        command.args(standard).args(["-Wall", "-Wextra", "-pedantic", "-Werror", "-g"]).args(flags);
        for include in ["include", "../include"] {
            command.arg("-I").arg(folder().join(include));
        }
        command.arg(source).args(["-xnone", "-o"]).arg(&path).arg(archive);
        run(&mut command, package);
        Self { path, under: under.iter().map(|word| (*word).to_owned()).collect() }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Runs it to its end, which must be well; what it printed.
    pub(crate) fn output(&self, arguments: &[&str]) -> String {
        let mut running = self.start(arguments);
        running.input.take();
        let mut text = String::new();
        while let Some(line) = running.line_or_end() {
            text.push_str(&line);
            text.push('\n');
        }
        running.end();
        text
    }

    /// Runs it to its end, which must be none of the good ones; what it printed on both outputs, and its exit code.
    pub(crate) fn failure(&self, arguments: &[&str]) -> (String, Option<i32>) {
        let mut running = self.start(arguments);
        running.input.take();
        let mut text = String::new();
        while let Some(line) = running.line_or_end() {
            text.push_str(&line);
            text.push('\n');
        }
        let status = running.child.wait().unwrap();
        text.push_str(&running.errors.recv_timeout(PATIENCE).unwrap());
        assert!(!status.success(), "{text}");
        (text, status.code())
    }

    pub(crate) fn start(&self, arguments: &[&str]) -> Running {
        let mut command = match self.under.split_first() {
            Some((first, more)) => {
                let mut command = Command::new(first);
                command.args(more).arg(&self.path);
                command
            }
            None => Command::new(&self.path),
        };
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let (tell, lines) = channel();
        let output = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || {
            output.lines().map_while(Result::ok).for_each(|line| drop(tell.send(line)))
        });
        let (told, errors) = channel();
        let mut output = child.stderr.take().unwrap();
        std::thread::spawn(move || {
            let mut text = String::new();
            let _ = output.read_to_string(&mut text);
            let _ = told.send(text);
        });
        Running { input: child.stdin.take(), child, lines, errors }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

/// A program that runs; dropping it ends it.
pub(crate) struct Running {
    child: Child,
    pub(crate) input: Option<std::process::ChildStdin>,
    lines: Receiver<String>,
    errors: Receiver<String>,
}

impl Running {
    pub(crate) fn line_or_end(&self) -> Option<String> {
        match self.lines.recv_timeout(PATIENCE) {
            Ok(line) => Some(line),
            Err(RecvTimeoutError::Disconnected) => None,
            Err(RecvTimeoutError::Timeout) => panic!("the program prints nothing for {PATIENCE:?}"),
        }
    }

    /// What Ctrl-C does.
    pub(crate) fn interrupt(&self) {
        run(Command::new("sh").arg("-c").arg(format!("kill -INT {}", self.child.id())), "a shell");
    }

    /// Waits for its end, which must be well.
    pub(crate) fn end(mut self) {
        self.input.take();
        while let Some(line) = self.line_or_end() {
            println!("{line}");
        }
        let status = self.child.wait().unwrap();
        let errors = self.errors.recv_timeout(PATIENCE).unwrap_or_default();
        assert!(status.success(), "the program ended with {status}:\n{errors}");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A request to the hub's HTTP port; the answer's body.
pub(crate) fn http(address: std::net::SocketAddr, method: &str, path: &str, body: &str) -> String {
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (_, body) = answer.split_once("\r\n\r\n").expect("an HTTP answer");
    body.to_owned()
}
