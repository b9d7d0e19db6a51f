//! The examples print the same lines in each language, as a user runs them: real processes against a real hub.
//!
//! A new language is a build function and a line in [`LANGUAGES`]. What a line says is held against the Rust example,
//! which `cargo test` builds along with this test (`cargo build -p examples --examples` does too).

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use mock_hub::Hub;

/// The commands that start the examples, by name. An error says what is missing.
type Examples = BTreeMap<&'static str, Vec<PathBuf>>;
type Build = fn() -> Result<Examples, String>;

/// Every language; the first is the one that the others are compared with.
const LANGUAGES: &[(&str, Build)] = &[("rust", rust), ("c", c), ("java", java), ("python", python)];
const NAMES: [&str; 4] = ["connect", "measurepoints", "commands", "coap"];
/// Longest wait for a line.
const PATIENCE: Duration = Duration::from_secs(60);

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace").to_owned()
}

/// Where cargo puts what it builds for this test.
fn built() -> PathBuf {
    let program = std::env::current_exe().expect("this program");
    program.parent().expect("its folder").to_owned()
}

/// A folder of a language's own, below `target`.
#[allow(dead_code, reason = "a language whose examples need no building has none")]
fn output(language: &str) -> Result<PathBuf, String> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("examples").join(language);
    std::fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    Ok(folder)
}

/// Runs a tool to its good end; a missing one names the package to install.
fn tool(command: &mut Command, package: &str) -> Result<(), String> {
    let output = command
        .output()
        .map_err(|error| format!("{:?}: {error}. Fix: install {package}.", command.get_program()))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("{command:?}: {}\n{}", output.status, String::from_utf8_lossy(&output.stderr)))
}

fn rust() -> Result<Examples, String> {
    let folder = built().parent().expect("above `deps`").join("examples");
    let of = |name: &'static str| {
        let path = folder.join(name);
        match path.is_file() {
            true => Ok((name, vec![path])),
            false => Err(format!("{} is missing. Fix: cargo build -p examples --examples", path.display())),
        }
    };
    NAMES.into_iter().map(of).collect()
}

fn c() -> Result<Examples, String> {
    let (sources, output) = (root().join("examples/c"), output("c")?);
    let soname = format!("libenos.so.{}", env!("CARGO_PKG_VERSION_MAJOR"));
    let library = output.join(&soname);
    std::fs::copy(built().join("libenos.so"), &library).map_err(|error| format!("libenos.so: {error}"))?;
    let of = |name: &'static str| {
        let program = output.join(name);
        let mut compile = Command::new("cc");
        compile.args(["-std=c99", "-Wall", "-Wextra", "-pedantic", "-Werror", "-pthread", "-I"]);
        compile.arg(root().join("sdk-c/include")).arg(sources.join(format!("{name}.c")));
        compile.arg(sources.join("flags.c")).arg("-o").arg(&program).arg(&library);
        compile.arg(format!("-Wl,-rpath,{}", output.display()));
        tool(&mut compile, "gcc")?;
        Ok((name, vec![program]))
    };
    NAMES.into_iter().map(of).collect()
}

fn java() -> Result<Examples, String> {
    let (sources, output) = (root().join("examples/java"), output("java")?);
    let (classes, library) = (output.join("classes"), output.join("libenos_jni.so"));
    // What was deleted from the sources must not live on.
    let _ = std::fs::remove_dir_all(&classes);
    std::fs::copy(built().join("libenos_jni.so"), &library)
        .map_err(|error| format!("libenos_jni.so: {error}"))?;
    let mut compile = Command::new("javac");
    compile.args(["--release", "11", "-Xlint:all", "-Werror", "-d"]).arg(&classes);
    for folder in [&root().join("sdk-java/sdk/src/main/java/io/enos/sdk"), &sources] {
        let entries = std::fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        let paths = entries.filter_map(Result::ok).map(|entry| entry.path());
        compile.args(paths.filter(|path| path.extension().is_some_and(|extension| extension == "java")));
    }
    tool(&mut compile, "default-jdk-headless")?;
    let property = format!("-Dio.enos.sdk.library={}", library.display());
    let of = |name: &'static str| {
        let (first, rest) = name.split_at(1);
        let class = first.to_uppercase() + rest;
        let words = ["java", "-cp"].map(PathBuf::from).into_iter();
        (name, words.chain([classes.clone(), PathBuf::from(&property), PathBuf::from(class)]).collect())
    };
    Ok(NAMES.into_iter().map(of).collect())
}

fn python() -> Result<Examples, String> {
    let (sources, output) = (root().join("examples/python"), output("python")?);
    let package = output.join("enos_sdk");
    // What was deleted from the sources must not live on.
    let _ = std::fs::remove_dir_all(&package);
    std::fs::create_dir_all(&package).map_err(|error| format!("{}: {error}", package.display()))?;
    let copy = |from: &Path, to: &str| {
        std::fs::copy(from, package.join(to)).map_err(|error| format!("{}: {error}", from.display()))
    };
    let modules = root().join("sdk-python/python/enos_sdk");
    let entries = std::fs::read_dir(&modules).map_err(|error| format!("{}: {error}", modules.display()))?;
    for path in entries.filter_map(Result::ok).map(|entry| entry.path()).filter(|path| path.is_file()) {
        copy(&path, &path.file_name().ok_or("a file without a name")?.to_string_lossy())?;
    }
    copy(&built().join("lib_native.so"), "_native.abi3.so")?;
    tool(Command::new("python3").arg("--version"), "python3")?;
    let of = |name: &'static str| {
        let words = ["env".into(), format!("PYTHONPATH={}", output.display()), "python3".into(), "-B".into()];
        let words = words.map(PathBuf::from).into_iter();
        (name, words.chain([sources.join(format!("{name}.py"))]).collect())
    };
    Ok(NAMES.into_iter().map(of).collect())
}

/// Runs an example to its good end; what it printed. Once it prints `ready`, `then` is done.
fn printed(command: &[PathBuf], url: &str, ready: Option<&str>, then: impl FnOnce()) -> Vec<String> {
    let (program, arguments) = command.split_first().expect("a command");
    let mut child = Command::new(program)
        .args(arguments)
        .args(["--hub", url])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{}: {error}", program.display()));
    let (tell, told) = mpsc::channel();
    let output = BufReader::new(child.stdout.take().expect("piped"));
    std::thread::spawn(move || output.lines().map_while(Result::ok).for_each(|line| drop(tell.send(line))));
    let (mut lines, mut then) = (Vec::new(), Some(then));
    loop {
        match told.recv_timeout(PATIENCE) {
            Ok(line) => {
                let is_ready = ready == Some(&*line);
                lines.push(line);
                if let (true, Some(act)) = (is_ready, then.take_if(|_| is_ready)) {
                    act();
                }
            }
            Err(mpsc::RecvTimeoutError::Disconnected) => break,
            Err(mpsc::RecvTimeoutError::Timeout) => {
                let _ = child.kill();
                let _ = child.wait();
                panic!("{} prints nothing for {PATIENCE:?}, after {lines:?}", program.display());
            }
        }
    }
    let status = child.wait().expect("it can be waited for");
    assert!(status.success(), "{}: {status} after {lines:?}", program.display());
    lines
}

/// A POST to the hub's REST; what it answers.
fn post(address: SocketAddr, path: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("the hub listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a time");
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {}",
        body.len()
    );
    write!(stream, "{head}\r\n\r\n{body}").expect("it takes a request");
    std::io::read_to_string(stream).expect("it answers")
}

/// Three commands, one after the other; each answer must hold its word.
fn three_commands(hub: &Hub) {
    let calls = [
        ("invokeService&serviceId=reboot", r#"{"inputData":{"delay":5}}"#, r#""accepted":true"#),
        ("invokeService&serviceId=reboot", r#"{"inputData":{"delay":60}}"#, r#""accepted":true"#),
        ("setMeasurepoint&measurepointId=setpoint", r#"{"value":1500}"#, r#""code":0"#),
    ];
    for (action, body, says) in calls {
        let path = format!(
            "/connect-service/v2.1/commands?action={action}&orgId=o1&productKey=Tq4zR9Lw&deviceKey=t-1&pendingTtl=0&timeout=20"
        );
        let told = post(hub.http(), &path, body);
        assert!(told.contains(says), "{action} {body} gave {told}");
    }
}

/// A command for a device that sleeps: the hub keeps it until the device asks.
fn a_command_that_waits(hub: &Hub) {
    let path = "/connect-service/v2.1/commands?action=invokeService&serviceId=reboot&orgId=o1&productKey=Tq4zR9Lw&deviceKey=t-1&pendingTtl=60";
    let told = post(hub.http(), path, r#"{"inputData":{"delay":5}}"#);
    assert!(told.contains("\"code\":0"), "{told}");
}

/// What an example of this name prints, with a hub of its own.
fn lines(name: &str, command: &[PathBuf]) -> Vec<String> {
    let hub = Hub::builder().ephemeral().seed_json(mock_hub::example_seed()).start().expect("a hub");
    let tcp = format!("tcp://{}", hub.mqtt());
    match name {
        "commands" => printed(command, &tcp, Some("waiting for commands"), || three_commands(&hub)),
        "coap" => {
            a_command_that_waits(&hub);
            let lines = printed(command, &format!("coap://{}", hub.coap()), None, || ());
            // What it took to be awake depends on what had to be repeated.
            let told = |line: String| match line.starts_with("asleep") {
                true => line.replace(|c: char| c.is_ascii_digit(), ""),
                false => line,
            };
            lines.into_iter().map(told).collect()
        }
        _ => printed(command, &tcp, None, || ()),
    }
}

#[test]
fn each_language_prints_the_same_lines() {
    let mut wanted: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (language, build) in LANGUAGES {
        let examples = build().unwrap_or_else(|why| panic!("the examples in {language}: {why}"));
        for name in NAMES {
            let lines = lines(name, &examples[name]);
            println!("{name} in {language}: {lines:?}");
            let wanted = wanted.entry(name).or_insert_with(|| lines.clone());
            assert_eq!(&lines, wanted, "{name} in {language}, and in {}", LANGUAGES[0].0);
        }
    }
    assert_eq!(wanted["connect"], ["connecting", "online", "offline", "closed"]);
    assert_eq!(wanted["measurepoints"], ["acknowledged", "refused: kind 604 code 1204"]);
    assert_eq!(wanted["commands"].len(), 4);
    let report = "asleep after  datagrams ( bytes) sent,  ( bytes) received, radio on for  ms";
    assert_eq!(wanted["coap"], ["posted 1834.5", r#"reboot {"delay":5}"#, report, "posted 1835.25", report]);
}
