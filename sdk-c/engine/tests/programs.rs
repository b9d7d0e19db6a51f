//! C programs with the engine: alone, against a scripted hub, under valgrind and the sanitizers; and the epoll example
//! against a hub in this process.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

mod support;

use mock_hub::Hub;
use std::path::PathBuf;
use support::{Language, Program, Running, folder};

const VALGRIND: &[&str] = &["valgrind", "-q", "--leak-check=full", "--error-exitcode=3"];
const SANITIZERS: &[&str] = &["-fsanitize=address,undefined", "-fno-sanitize-recover=all"];

/// As C99 and C++11, under valgrind where it is there, and with the sanitizers.
fn in_every_way(source: &str) {
    for language in [Language::C99, Language::Cpp11] {
        assert_eq!(Program::new(source, language).output(&[]), "done\n");
    }
    assert_eq!(Program::with(source, Language::C99, SANITIZERS, &[]).output(&[]), "done\n");
    if cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        assert_eq!(Program::sanitized(source, SANITIZERS).output(&[]), "done\n");
    }
    if support::has_valgrind() {
        assert_eq!(Program::with(source, Language::C99, &[], VALGRIND).output(&[]), "done\n");
    }
}

#[test]
fn what_only_c_can_get_wrong_is_refused() {
    in_every_way("edges.c");
}

/// Bytes cut anywhere, short writes, activation, a lost link, a message that is too large.
#[test]
fn however_bytes_are_cut_the_same_happens() {
    in_every_way("pair.c");
}

/// Each reason of a lost link, a store that fails, commands of each kind.
#[test]
fn every_number_means_what_it_says() {
    in_every_way("links.c");
}

fn hub(at: Option<std::net::SocketAddr>) -> Hub {
    let mut builder = Hub::builder().ephemeral().seed_json(mock_hub::example_seed());
    if let Some(address) = at {
        builder = builder.mqtt(address);
    }
    builder.start().unwrap()
}

fn example(flags: &[&str], under: &[&str]) -> Program {
    Program::of(&folder().join("../../examples/c/engine_epoll.c"), Language::C99, flags, under)
}

/// Passes over other lines until this one.
fn until(running: &Running, wanted: &str) {
    let mut seen = Vec::new();
    loop {
        let line = running.line_or_end().unwrap_or_else(|| panic!("ended without {wanted:?} after {seen:?}"));
        if line.starts_with(wanted) {
            return;
        }
        seen.push(line);
    }
}

const DEVICE: &str = "orgId=o1&productKey=Tq4zR9Lw&deviceKey=t-1";

fn latest(hub: &Hub) -> String {
    let path = format!("/connect-service/v2.1/measurepoints?action=queryLatest&{DEVICE}");
    support::http(hub.http(), "POST", &path, "{}")
}

fn reboot(hub: &Hub) -> String {
    let path = format!(
        "/connect-service/v2.1/commands?action=invokeService&serviceId=reboot&pendingTtl=0&timeout=20&{DEVICE}"
    );
    support::http(hub.http(), "POST", &path, "{\"inputData\":{\"delay\":3}}")
}

/// A device's day: sign-in, posts, a command, the hub's loss and return, sign-off.
fn day(program: &Program) {
    let first = hub(None);
    let address = first.mqtt();
    let url = format!("tcp://{address}");
    let running = program.start(&["--hub", &url, "--period", "20"]);
    until(&running, "connecting");
    until(&running, "online");
    until(&running, "acknowledged");
    assert!(latest(&first).contains("\"temp\""), "{}", latest(&first));
    let answer = reboot(&first);
    assert!(answer.contains("\"accepted\":true"), "{answer}");
    until(&running, "command: reboot {\"delay\":3}");
    drop(first);
    until(&running, "offline: ");
    until(&running, "connect failed: no address of the hub accepted a connection");
    let second = hub(Some(address));
    until(&running, "online");
    until(&running, "acknowledged");
    assert!(latest(&second).contains("\"temp\""));
    running.interrupt();
    until(&running, "offline");
    until(&running, "closed");
    running.end();
}

#[test]
fn the_epoll_example_lives_a_day() {
    day(&example(&["-O2"], &[]));
    day(&example(SANITIZERS, &[]));
}

#[test]
fn the_epoll_example_settles_many_posts_and_ends_by_itself() {
    let hub = hub(None);
    let url = format!("tcp://{}", hub.mqtt());
    let many = ["--hub", &url, "--period", "0", "--posts", "2000"];
    assert_eq!(example(&["-O2"], &[]).output(&many), "connecting\nonline\noffline\nclosed\n");
    if support::has_valgrind() {
        let few = ["--hub", &url, "--period", "0", "--posts", "300"];
        assert_eq!(example(&[], VALGRIND).output(&few), "connecting\nonline\noffline\nclosed\n");
    }
}

#[test]
fn the_epoll_example_activates_once_and_keeps_its_secret() {
    let hub = hub(None);
    let url = format!("tcp://{}", hub.mqtt());
    let scratch = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("secret-{}", std::process::id()));
    std::fs::create_dir_all(&scratch).unwrap();
    let file = scratch.join("device.secret");
    let device = ["--hub", &url, "--product-key", "Dy5nA8Mt", "--device-key", "new-1", "--product-secret"];
    let file_name = file.to_str().unwrap();
    let arguments = [&device[..], &["PsEcret03", "--secret-file", file_name, "--posts", "1"]].concat();
    let program = example(&[], &[]);
    let said = program.output(&arguments);
    assert_eq!(said, "connecting\nactivated\nonline\nacknowledged\noffline\nclosed\n");
    let secret = std::fs::read_to_string(&file).unwrap();
    assert!(!secret.is_empty() && !said.contains(&secret));
    use std::os::unix::fs::PermissionsExt as _;
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    // The next start has it, and activates no more.
    assert_eq!(program.output(&arguments), "connecting\nonline\nacknowledged\noffline\nclosed\n");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), secret);
    std::fs::remove_dir_all(&scratch).unwrap();
}

#[test]
fn the_epoll_example_says_what_is_wrong() {
    let hub = hub(None);
    let url = format!("tcp://{}", hub.mqtt());
    let program = example(&[], &[]);
    let (said, status) = program.failure(&["--hub", &url, "--device-secret", "wrong"]);
    assert!(said.contains("connect failed: sign-in refused: CONNACK 4"), "{said}");
    assert_eq!(status, Some(1));
    let (said, _) = program.failure(&["--hub", "mqtt://nowhere"]);
    assert!(said.contains("wrong: hub"), "{said}");
    let (said, _) = program.failure(&["--hub", "ssl://127.0.0.1:1"]);
    assert!(said.contains("connect failed: the TLS handshake with the hub failed"), "{said}");
}

/// The README's loop compiles as it is printed.
#[test]
fn the_loop_of_the_readme_compiles() {
    let readme = std::fs::read_to_string(folder().join("README.md")).unwrap();
    let (_, behind) = readme.split_once("```c\n").expect("a loop");
    let (code, _) = behind.split_once("```").expect("its end");
    assert!(code.contains("drain(") && code.contains("hear("));
    let source = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("loop-{}.c", std::process::id()));
    std::fs::write(&source, code).unwrap();
    for (compiler, standard) in [("cc", ["-std=c99", "-xc"]), ("c++", ["-std=c++11", "-xc++"])] {
        let mut command = std::process::Command::new(compiler);
        command.args(standard).args(["-Wall", "-Wextra", "-pedantic", "-Werror", "-fsyntax-only"]);
        command.arg("-I").arg(folder().join("include")).arg(&source);
        support::run(&mut command, "gcc and g++");
    }
    std::fs::remove_file(&source).unwrap();
}
