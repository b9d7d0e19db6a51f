//! Python: virtual environments with the peers of PyPI, and one with our own wheel.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use super::{library, repository, run, size, sources, workshop};
use crate::bench::Outcome;

/// What a user of each client installs.
const DISTRIBUTIONS: &[(&str, &[&str])] = &[
    ("gmqtt_client", &["gmqtt"]),
    ("awscrt_client", &["awscrt"]),
    ("paho_client", &["paho-mqtt"]),
    ("vendor_client", &["enos-mqtt-sdk-python", "paho-mqtt", "certifi"]),
];

/// Makes the environment of a program, and copies the programs: what is imported leaves byte code beside it.
pub(super) fn prepare(file: &str) -> Outcome<()> {
    environment(file)?;
    let place = workshop("python")?;
    for entry in std::fs::read_dir(sources("python"))? {
        let path = entry?.path();
        if let (Some(name), Some("py")) = (path.file_name(), path.extension().and_then(|end| end.to_str())) {
            std::fs::copy(&path, place.join(name))?;
        }
    }
    Ok(())
}

/// The peers' versions, as the requirements pin them.
pub(super) fn versions() -> Vec<String> {
    let read = |file| std::fs::read_to_string(sources("python").join(file)).unwrap_or_default();
    let pinned = ["requirements.txt", "requirements-vendor.txt"].map(read).concat();
    let pinned = pinned.lines().filter_map(|line| line.split_once("=="));
    pinned.map(|(name, version)| format!("{name} {version}")).collect()
}

/// What starts a program.
pub(super) fn command(file: &str) -> Outcome<Command> {
    let mut command = Command::new(environment(file)?);
    command.arg(workshop("python")?.join(file).with_extension("py"));
    Ok(command)
}

/// Bytes of the packages that a user installs.
pub(super) fn installed(file: &str) -> Outcome<u64> {
    if file == "ours" {
        return of_folder(&package(&environment(file)?)?);
    }
    let (_, names) = DISTRIBUTIONS.iter().find(|(name, _)| *name == file).ok_or("nothing is installed")?;
    let mut python = Command::new(environment(file)?);
    python.arg(workshop("python")?.join("installed.py")).args(*names);
    Ok(run(&mut python, "look at what pip installed", "python3-venv")?.trim().parse()?)
}

/// The interpreter that a program runs in.
fn environment(file: &str) -> Outcome<PathBuf> {
    match file {
        "ours" | "ours_async" => ours(),
        "vendor_client" => of_requirements("vendor", &sources("python").join("requirements-vendor.txt")),
        _ => of_requirements("peers", &sources("python").join("requirements.txt")),
    }
}

/// An environment with our package as a wheel leaves it, made once for each run of this program.
fn ours() -> Outcome<PathBuf> {
    static MADE: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    MADE.get_or_init(|| build().map_err(|error| error.to_string())).clone().map_err(Into::into)
}

fn build() -> Outcome<PathBuf> {
    let python = of_requirements("ours", &sources("python").join("requirements-ours.txt"))?;
    let package = package(&python)?;
    // A missing folder is as good as a removed one.
    let _ = std::fs::remove_dir_all(&package);
    std::fs::create_dir_all(&package)?;
    for entry in std::fs::read_dir(repository().join("sdk-python/python/enos_sdk"))? {
        let path = entry?.path();
        if let (true, Some(name)) = (path.is_file(), path.file_name()) {
            std::fs::copy(&path, package.join(name))?;
        }
    }
    let mut strip = Command::new("strip");
    strip.arg("--strip-unneeded").arg(library("sdk-python", "small", "lib_native.so")?);
    run(strip.arg("-o").arg(package.join("_native.abi3.so")), "strip the native module", "binutils")?;
    run(
        Command::new(&python).args(["-m", "compileall", "-q"]).arg(&package),
        "compile the package",
        "python3-venv",
    )?;
    Ok(python)
}

/// Where an environment keeps our package.
fn package(python: &Path) -> Outcome<PathBuf> {
    let mut ask = Command::new(python);
    ask.args(["-c", "import sysconfig; print(sysconfig.get_path('platlib'))"]);
    let folder = run(&mut ask, "ask where packages go", "python3-venv")?;
    Ok(Path::new(folder.trim()).join("enos_sdk"))
}

/// Bytes of the files of a folder, byte code left out, which lies in folders of its own.
fn of_folder(folder: &Path) -> Outcome<u64> {
    let mut sum = 0;
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_file() {
            sum += size(&path)?;
        }
    }
    Ok(sum)
}

/// An environment with what a file names, made if it is not there as its stamp says.
fn of_requirements(name: &str, requirements: &Path) -> Outcome<PathBuf> {
    let folder = workshop("python")?.join(name);
    let python = folder.join("bin/python");
    let wanted = std::fs::read_to_string(requirements)?;
    let stamp = folder.join("stamp");
    if std::fs::read_to_string(&stamp).is_ok_and(|stamp| stamp == wanted) {
        return Ok(python);
    }
    // A missing folder is as good as a removed one.
    let _ = std::fs::remove_dir_all(&folder);
    let mut venv = Command::new("python3");
    let package = "the Debian package python3-venv";
    run(venv.args(["-m", "venv"]).arg(&folder), "make a virtual environment", package)?;
    let mut pip = Command::new(&python);
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"]).arg(requirements);
    run(&mut pip, "install the peers from PyPI", package)?;
    std::fs::write(&stamp, wanted)?;
    Ok(python)
}
