//! Python for tests: an interpreter, the package as cargo built it, environments with pinned packages.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

/// Versions that the SDK supports, oldest last: `python3` is what a user has.
const NAMES: &[&str] = &["python3", "python3.14", "python3.13", "python3.12", "python3.11", "python3.10"];

/// A Python of at least 3.10 with `venv`: the path of its program.
pub fn system() -> Result<PathBuf, String> {
    const ASK: &str =
        "import sys, venv, ensurepip; assert sys.version_info >= (3, 10); print(sys.executable)";
    for name in NAMES {
        if let Ok(output) = Command::new(name).args(["-c", ASK]).output()
            && output.status.success()
        {
            return Ok(PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()));
        }
    }
    Err("no Python of at least 3.10 with venv. Fix: install python3-venv.".to_owned())
}

/// Puts `enos_sdk` together in a folder: its sources, and the library that cargo built.
pub fn package(root: &Path, built: &Path, folder: &Path) -> Result<(), String> {
    let package = folder.join("enos_sdk");
    let _ = fs::remove_dir_all(&package);
    fs::create_dir_all(&package).map_err(|error| at(&package, &error))?;
    let sources = root.join("sdk-python/python/enos_sdk");
    for entry in fs::read_dir(&sources).map_err(|error| at(&sources, &error))?.filter_map(Result::ok) {
        if entry.path().is_file() {
            copy(&entry.path(), &package.join(entry.file_name()))?;
        }
    }
    copy(&built.join("lib_native.so"), &package.join("_native.abi3.so"))
}

fn copy(from: &Path, to: &Path) -> Result<(), String> {
    fs::copy(from, to).map(drop).map_err(|error| at(from, &error))
}

fn at(path: &Path, error: &dyn std::fmt::Display) -> String {
    format!("{}: {error}", path.display())
}

/// A virtual environment below `target`, kept between runs; made anew when its requirements have changed.
///
/// `requirements` is a file of pinned packages, or none. Gives the environment's Python.
pub fn environment(name: &str, requirements: Option<&Path>) -> Result<PathBuf, String> {
    static ALONE: Mutex<()> = Mutex::new(());
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target");
    let folder = target.join("python").join(name);
    let (interpreter, python) = (system()?, folder.join("bin/python"));
    let wanted = match requirements {
        Some(path) => fs::read_to_string(path).map_err(|error| at(path, &error))?,
        None => String::new(),
    };
    let wanted = format!("{}\n{wanted}", interpreter.display());
    let stamp = folder.join("stamp");
    if fs::read_to_string(&stamp).is_ok_and(|found| found == wanted) && python.exists() {
        return Ok(python);
    }
    // A missing folder is as good as a removed one.
    let _ = fs::remove_dir_all(&folder);
    run(Command::new(interpreter).args(["-m", "venv"]).arg(&folder))?;
    if let Some(path) = requirements {
        pip(&python, &["install".as_ref(), "--requirement".as_ref(), path.as_os_str()])?;
    }
    fs::write(&stamp, wanted).map_err(|error| at(&stamp, &error))?;
    Ok(python)
}

/// Runs pip of an environment.
pub fn pip(python: &Path, arguments: &[&OsStr]) -> Result<(), String> {
    let mut command = Command::new(python);
    command.args(["-m", "pip", "--quiet", "--disable-pip-version-check", "--no-input"]).args(arguments);
    run(&mut command)
}

/// Runs a command to its good end; the error holds what it said.
pub fn run(command: &mut Command) -> Result<(), String> {
    let output = command.output().map_err(|error| format!("{:?}: {error}", command.get_program()))?;
    if output.status.success() {
        return Ok(());
    }
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Err(format!("{command:?}: {}\n{}{}", output.status, said(&output.stdout), said(&output.stderr)))
}

/// Builds the SDK's wheel as it is released; its path.
///
/// For manylinux2014, so that it runs on old systems, too: zig links it, and comes from PyPI like maturin.
pub fn wheel() -> Result<PathBuf, String> {
    build_wheel("sdk-python", &["--profile", "small", "--strip", "--zig", "--compatibility", "manylinux2014"])
}

/// Builds the hub's wheel around the program as cargo builds it for tests; its path. It is for this machine only: what is
/// tried with it is the package, and what is released differs by the words that [`wheel`] has.
pub fn hub_wheel() -> Result<PathBuf, String> {
    // With what the other tests' hub has: the program lies where theirs does.
    build_wheel(
        "sdk-python/mock-hub",
        &["--profile", "dev", "--features", "coaps", "--compatibility", "linux"],
    )
}

/// Has maturin build the package of that folder into a folder of its own below `target`.
fn build_wheel(package: &str, how: &[&str]) -> Result<PathBuf, String> {
    static ALONE: Mutex<()> = Mutex::new(());
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let python = environment("build", Some(&root.join("sdk-python/requirements-build.txt")))?;
    let wheels = root.join("target/python/wheels").join(package.replace('/', "-"));
    let _ = fs::remove_dir_all(&wheels);
    let mut maturin = Command::new(&python);
    maturin.args(["-m", "maturin", "build"]).args(how).arg("--out").arg(&wheels);
    maturin.current_dir(root.join(package));
    // maturin looks for `python -m ziglang` by this interpreter, and for tools beside it.
    let bin = python.parent().ok_or("no folder")?;
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::iter::once(bin.to_owned()).chain(std::env::split_paths(&path));
    maturin.env("PATH", std::env::join_paths(folders).map_err(|error| error.to_string())?);
    run(&mut maturin)?;
    let mut built: Vec<PathBuf> = fs::read_dir(&wheels)
        .map_err(|error| at(&wheels, &error))?
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .collect();
    match (built.pop(), built.is_empty()) {
        (Some(wheel), true) => Ok(wheel),
        _ => Err(format!("{}: not one wheel", wheels.display())),
    }
}

/// A new environment in that folder with those wheels and nothing else, without a network; its Python.
pub fn installed(folder: &Path, wheels: &[&Path]) -> Result<PathBuf, String> {
    run(Command::new(system()?).args(["-m", "venv"]).arg(folder))?;
    let python = folder.join("bin/python");
    let mut arguments: Vec<&OsStr> = vec!["install".as_ref(), "--no-index".as_ref()];
    arguments.extend(wheels.iter().map(|wheel| wheel.as_os_str()));
    pip(&python, &arguments)?;
    Ok(python)
}
