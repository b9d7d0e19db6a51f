//! The Python package: its own tests, its types, its wheels in fresh environments.

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
