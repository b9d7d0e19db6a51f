//! The demo and the printed lines of the examples, each as a user runs it: real processes against a real hub.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use serde_json::Value;

const DEMO: &str = env!("CARGO_BIN_EXE_demo");

/// Runs a program to its end, a minute at the most.
fn run(command: &mut Command) -> (bool, String) {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    let (tell, told) = mpsc::channel();
    let pipes: [Box<dyn Read + Send>; 2] =
        [Box::new(child.stdout.take().expect("piped")), Box::new(child.stderr.take().expect("piped"))];
    for mut pipe in pipes {
        let tell = tell.clone();
        std::thread::spawn(move || {
            let mut text = String::new();
            let _ = pipe.read_to_string(&mut text);
            let _ = tell.send(text);
        });
    }
    let text: Result<String, _> = (0..2).map(|_| told.recv_timeout(Duration::from_secs(60))).collect();
    if text.is_err() {
        let _ = child.kill();
    }
    let status = child.wait().expect("it can be waited for");
    (status.success(), text.expect("it ends within a minute"))
}

/// The demo's binary as the hub, with the hub's example seed.
struct Hub(Child, Value);

impl Hub {
    fn start() -> Self {
        let seed = Path::new(env!("CARGO_MANIFEST_DIR")).join("../mock-hub/seed.example.json");
        let mut child = Command::new(DEMO)
            .args([
                "--as-hub",
                "serve",
                "--mqtt",
                "127.0.0.1:0",
                "--mqtts",
                "127.0.0.1:0",
                "--coap",
                "127.0.0.1:0",
            ])
            .args(["--http", "127.0.0.1:0", "--https", "127.0.0.1:0", "--seed"])
            .arg(seed)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the hub starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("piped")).read_line(&mut line).expect("a ready line");
        Self(child, serde_json::from_str(&line).expect("the ready line is JSON"))
    }

    fn url(&self) -> String {
        format!("tcp://{}", self.1["mqtt"].as_str().expect("an address"))
    }
}

impl Drop for Hub {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn example(name: &str) -> Command {
    let folder = Path::new(DEMO).parent().expect("a folder").join("examples");
    Command::new(folder.join(name))
}

#[test]
fn the_demo_confirms_every_step_and_leaves_nothing_behind() {
    let folder = std::env::temp_dir().join(format!("enos-demo-test-{}", std::process::id()));
    std::fs::create_dir(&folder).expect("a folder");
    let (success, text) = run(Command::new(DEMO).env("TMPDIR", &folder));
    let left: Vec<_> = std::fs::read_dir(&folder).expect("it is there").collect();
    std::fs::remove_dir_all(&folder).expect("it goes");
    assert!(success, "{text}");
    assert_eq!(text.trim_end().lines().last(), Some("demo: 21 steps confirmed, 0 failed"), "{text}");
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn the_examples_print_what_their_readme_says() {
    let hub = Hub::start();
    let (success, text) = run(example("connect").args(["--hub", &hub.url()]));
    assert!(success && text == "connecting\nonline\noffline\nclosed\n", "{text}");
    let (success, text) = run(example("measurepoints").args(["--hub", &hub.url()]));
    assert!(success && text == "acknowledged\nrefused: kind 604 code 1204\n", "{text}");
    let (success, text) = run(example("connect").args(["--hub", &hub.url(), "--device-secret", "wrong"]));
    assert!(!success && text.contains("wrong secret"), "{text}");
}

#[test]
fn the_doctor_example_says_what_is_wrong_and_ends_with_its_code() {
    let hub = Hub::start();
    let doctor = |more: &[&str]| run(example("doctor").args(["--hub", &hub.url()]).args(more));
    let (success, text) = doctor(&[]);
    assert!(success && text.contains("HEALTHY") && text.contains("exit code 0"), "{text}");
    let (success, text) = doctor(&["--device-secret", "canary-secret"]);
    assert!(!success && text.contains("credentials_refused") && text.contains("exit code 16"), "{text}");
    assert!(!text.contains("canary"), "{text}");
    let (success, text) = doctor(&["--json", "--device-secret", "canary-secret"]);
    let tree: Value = serde_json::from_str(&text).expect("JSON alone");
    assert!(!success && tree["failure"]["step"] == "sign_in" && tree["exit_code"] == 16, "{text}");
}

#[test]
fn the_commands_example_answers_what_the_cloud_asks() {
    let hub = Hub::start();
    let mut child = example("commands")
        .args(["--hub", &hub.url()])
        .stdout(Stdio::piped())
        .spawn()
        .expect("the example starts");
    let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    let mut line = || lines.next().expect("a line").expect("text");
    assert_eq!(line(), "waiting for commands");
    let call = |action: &str, body: Value| -> Value {
        let base = hub.1["http"].as_str().expect("an address");
        let url = format!(
            "{base}/connect-service/v2.1/commands?action={action}&timeout=10&orgId=o1&productKey=Tq4zR9Lw&deviceKey=t-1"
        );
        let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
        agent.post(url).send_json(body).expect("an answer").body_mut().read_json().expect("JSON")
    };
    let answer = call("invokeService&serviceId=reboot", serde_json::json!({"inputData": {"delay": 5}}));
    assert_eq!(answer["data"]["outputData"]["accepted"], true, "{answer}");
    assert_eq!(line(), "reboot {\"delay\":5}");
    let answer = call("setMeasurepoint&measurepointId=setpoint", serde_json::json!({"value": 1500}));
    assert_eq!(answer["code"], 0, "{answer}");
    assert_eq!(line(), "set {\"setpoint\":1500}");
    let answer = call("invokeService&serviceId=reboot", serde_json::json!({"inputData": {"delay": 6}}));
    assert_eq!(answer["code"], 0, "{answer}");
    assert!(child.wait().expect("it ends").success());
}
