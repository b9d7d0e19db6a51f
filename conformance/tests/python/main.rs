//! The Python package: its own tests and that they find planted bugs, its types, its wheels in fresh environments.

mod planted;

use std::path::{Path, PathBuf};
use std::process::Command;

use conformance::peer::scratch::Scratch;
use conformance::python;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace").to_owned()
}

/// The package as cargo built it, and the hub's, on the path of a Python that has what the tests need.
fn interpreter(packages: &Scratch) -> Command {
    let program = std::env::current_exe().expect("this program");
    let built = program.parent().expect("its folder");
    python::package(&root(), built, packages.path()).expect("the package");
    let requirements = root().join("sdk-python/requirements-test.txt");
    let environment = python::environment("tests", Some(&requirements)).expect("an environment");
    let hub = root().join("sdk-python/mock-hub/python");
    let path = std::env::join_paths([packages.path(), &hub]).expect("no colon in a folder");
    let mut command = Command::new(environment);
    command
        .env("PYTHONPATH", path)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("ENOS_MOCK_HUB", env!("CARGO_BIN_EXE_conformance-hub"))
        .current_dir(root().join("sdk-python"));
    command
}

fn scratch() -> Scratch {
    Scratch::within(Path::new(env!("CARGO_TARGET_TMPDIR"))).expect("a folder")
}

#[test]
fn its_own_tests_pass_and_warn_of_nothing() {
    let packages = scratch();
    let mut command = interpreter(&packages);
    // A hang shows where every thread stands.
    let options = ["-o", "faulthandler_timeout=120", "-p", "enos_mock_hub.plugin", "-q", "tests"];
    command.args(["-X", "dev", "-W", "error", "-m", "pytest"]).args(options);
    python::run(&mut command).unwrap_or_else(|why| panic!("{why}"));
}

#[test]
fn its_types_are_strict() {
    let packages = scratch();
    let files = ["python/enos_sdk", "mock-hub/python/enos_mock_hub", "../examples/python"];
    // Two checkers disagree about what a test may do; one is enough there.
    for checker in [&["-m", "mypy", "--strict", "tests"][..], &["-m", "basedpyright", "--level", "error"][..]]
    {
        let mut command = interpreter(&packages);
        // The sources themselves, not the copy.
        command.env("PYTHONPATH", "").args(checker).args(files);
        python::run(&mut command).unwrap_or_else(|why| panic!("{why}"));
    }
}

/// The largest wheel that is released, in bytes.
const LARGEST: u64 = 2_000_000;

/// The wheel as a user has it: small, for old systems, in an environment that knows nothing of the sources.
#[test]
fn its_wheel_is_small_and_runs_elsewhere() {
    let wheel = python::wheel().unwrap_or_else(|why| panic!("{why}"));
    let name = wheel.file_name().expect("a name").to_string_lossy().into_owned();
    assert!(name.contains("cp310-abi3-manylinux") && name.contains("2_17"), "{name}");
    let size = wheel.metadata().expect("a wheel").len();
    println!("{name}: {size} bytes");
    assert!(size <= LARGEST, "{name}: {size} bytes");
    let fresh = scratch();
    let interpreter = python::installed(fresh.path(), &[&wheel]).expect("installed");
    let hub =
        mock_hub::Hub::builder().ephemeral().seed_json(mock_hub::example_seed()).start().expect("a hub");
    let url = format!("tcp://{}", hub.mqtt());
    let output = Command::new(&interpreter)
        .arg("-B")
        .arg(root().join("examples/python/connect.py"))
        .args(["--hub", &url])
        .output()
        .expect("the example runs");
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(said, "connecting\nonline\noffline\nclosed\n", "{}", String::from_utf8_lossy(&output.stderr));
    let script = fresh.path().join("bin/enos-sdk");
    let device = ["--product-key", "Tq4zR9Lw", "--device-key", "t-1", "--hub", &url, "temp=21.5"];
    let mut post = Command::new(script);
    post.arg("post").args(device).env("ENOS_DEVICE_SECRET", "u8Yp2QvKs0t1");
    python::run(&mut post).unwrap_or_else(|why| panic!("{why}"));
}
