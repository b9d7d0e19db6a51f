//! The library that cargo built, what it exports, and C programs linked to it.
#![allow(dead_code, reason = "each test program uses its part")]

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

/// Longest wait for a line or the end of a program.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Where cargo puts what it builds for this test: the test program's own folder.
pub(crate) fn built() -> PathBuf {
    let program = std::env::current_exe().unwrap();
    program.parent().unwrap().to_owned()
}

fn library() -> Vec<u8> {
    let path = built().join("libenos.so");
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// What the shared library exports, sorted.
pub(crate) fn symbols() -> Vec<String> {
    use object::{Object as _, ObjectSymbol as _};
    let bytes = library();
    let file = object::File::parse(&*bytes).unwrap();
    let exported = file.dynamic_symbols().filter(|symbol| symbol.is_definition() && symbol.is_global());
    let mut names: Vec<_> = exported.map(|symbol| symbol.name().unwrap().to_owned()).collect();
    names.sort();
    assert!(!names.is_empty());
    names
}

/// The name that programs which link the library look for.
pub(crate) fn soname() -> String {
    use object::elf::{DT_SONAME, FileHeader64};
    use object::read::elf::{Dyn as _, FileHeader as _};
    let bytes = library();
    let header = FileHeader64::<object::Endianness>::parse(&*bytes).unwrap();
    let endian = header.endian().unwrap();
    let sections = header.sections(endian, &*bytes).unwrap();
    let (entries, strings) = sections.dynamic(endian, &*bytes).unwrap().unwrap();
    let strings = sections.strings(endian, &*bytes, strings).unwrap();
    let name = entries.iter().find(|entry| entry.tag(endian) == DT_SONAME).expect("no SONAME");
    String::from_utf8(name.string(endian, strings).unwrap().to_owned()).unwrap()
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Language {
    C99,
    Cpp11,
}

/// A program of `tests/c`, compiled and linked to the shared library.
pub(crate) struct Program {
    path: PathBuf,
    /// Under the SONAME, as the program looks for it.
    libraries: PathBuf,
    /// What it is run by: program and arguments.
    by: Vec<String>,
}

/// What it is linked to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Linked {
    Shared,
    Static,
}

const SANITIZERS: &[&str] =
    &["-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer"];

/// What a program with the archive needs of the system; as the README says.
const SYSTEM: &[&str] = &["-lgcc_s", "-lutil", "-lrt", "-lpthread", "-lm", "-ldl", "-lc"];

impl Program {
    pub(crate) fn new(source: &str, language: Language) -> Self {
        Self::of(&folder().join("tests/c").join(source), language, Linked::Shared)
    }

    /// With gcc's sanitizers of memory, of leaks at the end, and of undefined behaviour.
    pub(crate) fn sanitized(source: &str) -> Self {
        let source = folder().join("tests/c").join(source);
        Self::with(&source, Language::C99, Linked::Shared, SANITIZERS)
    }

    /// Run by valgrind: a fault, or a block that nothing points to any more, is a failure.
    pub(crate) fn watched(mut self) -> Self {
        let by = "valgrind --quiet --error-exitcode=9 --leak-check=full --show-leak-kinds=definite \
                  --errors-for-leak-kinds=definite --fair-sched=try";
        self.by = by.split_whitespace().map(str::to_owned).collect();
        self
    }

    pub(crate) fn of(source: &Path, language: Language, linked: Linked) -> Self {
        Self::with(source, language, linked, &[])
    }

    fn with(source: &Path, language: Language, linked: Linked, flags: &[&str]) -> Self {
        let (compiler, standard, package) = match language {
            Language::C99 => ("cc", ["-std=c99", "-xc"], "gcc"),
            Language::Cpp11 => ("c++", ["-std=c++11", "-xc++"], "g++"),
        };
        static PROGRAMS: AtomicUsize = AtomicUsize::new(0);
        let number = PROGRAMS.fetch_add(1, Ordering::Relaxed);
        let (built, name) = (built(), format!("program-{}-{number}", std::process::id()));
        let place = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
        std::fs::create_dir_all(&place).unwrap();
        let link = place.join(soname());
        let _ = std::fs::remove_file(&link);
        std::fs::copy(built.join("libenos.so"), &link).unwrap();
        let path = place.join("program");
        let mut command = Command::new(compiler);
        command.args(standard).args(["-Wall", "-Wextra", "-pedantic", "-Werror", "-g"]).args(flags);
        command.arg("-I").arg(folder().join("include")).arg(source);
        command.args(["-xnone", "-pthread", "-o"]).arg(&path);
        match linked {
            Linked::Shared => command.arg(&link),
            Linked::Static => command.arg(built.join("libenos.a")).args(SYSTEM),
        };
        let output =
            command.output().unwrap_or_else(|error| panic!("{compiler}: {error}. Fix: install {package}."));
        assert!(
            output.status.success(),
            "{}:\n{}",
            source.display(),
            String::from_utf8_lossy(&output.stderr)
        );
        Self { path, libraries: place, by: Vec::new() }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = match self.by.split_first() {
            Some((program, more)) => {
                let mut command = Command::new(program);
                command.args(more).arg(&self.path);
                command
            }
            None => Command::new(&self.path),
        };
        command.args(arguments).env("LD_LIBRARY_PATH", &self.libraries);
        command
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

    pub(crate) fn start(&self, arguments: &[&str]) -> Running {
        let mut child = self.command(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (tell, lines) = channel();
        let output = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || {
            output.lines().map_while(Result::ok).for_each(|line| drop(tell.send(line)))
        });
        Running { input: child.stdin.take(), child, lines }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.libraries);
    }
}

/// A program that runs; dropping it ends it.
pub(crate) struct Running {
    child: Child,
    input: Option<std::process::ChildStdin>,
    lines: Receiver<String>,
}

impl Running {
    fn line_or_end(&self) -> Option<String> {
        use std::sync::mpsc::RecvTimeoutError;
        match self.lines.recv_timeout(PATIENCE) {
            Ok(line) => Some(line),
            Err(RecvTimeoutError::Disconnected) => None,
            Err(RecvTimeoutError::Timeout) => panic!("the program prints nothing for {PATIENCE:?}"),
        }
    }

    /// The next line must be this one.
    pub(crate) fn says(&self, wanted: &str) {
        assert_eq!(self.line_or_end().as_deref(), Some(wanted));
    }

    /// Gives it a line.
    pub(crate) fn tell(&mut self, line: &str) {
        writeln!(self.input.as_mut().unwrap(), "{line}").unwrap();
    }

    /// Waits for its end, which must be well.
    pub(crate) fn end(mut self) {
        self.input.take();
        while let Some(line) = self.line_or_end() {
            println!("{line}");
        }
        let status = self.child.wait().unwrap();
        assert!(status.success(), "the program ended with {status}");
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
    use std::io::Read as _;
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
