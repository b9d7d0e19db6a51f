//! The archive: what it exports, that it needs nothing, how large it is, and how it is installed and found.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

mod support;

use std::path::{Path, PathBuf};
use std::process::Command;
use support::{folder, installed, run};

/// What the compiler calls by name on every target; a board's C library or compiler has them.
const NEEDED: &[&str] = &["bcmp", "memcmp", "memcpy", "memmove", "memset"];

/// A folder that goes with the test.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let path =
            PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("engine-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Names of the archive: those that it defines for others, and those that it needs.
fn names(archive: &Path) -> (Vec<String>, Vec<String>) {
    use object::{Object as _, ObjectSymbol as _};
    let bytes = std::fs::read(archive).unwrap();
    let (mut defined, mut needed) = (Vec::new(), Vec::new());
    for member in object::read::archive::ArchiveFile::parse(&*bytes).unwrap().members() {
        let data = member.unwrap().data(&*bytes).unwrap();
        for symbol in object::File::parse(data).unwrap().symbols() {
            let name = symbol.name().unwrap_or_default().to_owned();
            match () {
                () if name.is_empty() => {}
                () if symbol.is_undefined() => needed.push(name),
                () if symbol.is_global() => defined.push(name),
                () => {}
            }
        }
    }
    defined.sort();
    needed.sort();
    (defined, needed)
}

#[test]
fn it_exports_our_names_and_needs_no_heap_no_library_and_no_system() {
    let (defined, needed) = names(&installed().join("lib/libenos_engine.a"));
    let listed = std::fs::read_to_string(folder().join("abi/symbols.txt")).unwrap();
    assert_eq!(defined, listed.lines().collect::<Vec<_>>());
    assert!(!needed.is_empty() && needed.iter().all(|name| NEEDED.contains(&name.as_str())), "{needed:?}");
}

/// text + data + bss of a program.
fn size(program: &Path) -> u64 {
    let told = run(Command::new("size").arg(program), "binutils");
    let numbers = told.lines().nth(1).unwrap();
    numbers.split_whitespace().take(3).map(|number| number.parse::<u64>().unwrap()).sum()
}

/// A program with no C library and no start files below it: nothing is left to a loader, and it runs.
#[test]
fn a_program_without_a_c_library_signs_in_and_posts() {
    if !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        println!("skipped: the program's start and system calls are those of Linux on x86-64");
        return;
    }
    let scratch = Scratch::new("bare");
    let build = |flags: &[&str], name: &str| {
        let program = scratch.0.join(name);
        let mut command = Command::new("cc");
        command.args(["-std=c99", "-Os", "-Wall", "-Wextra", "-pedantic", "-Werror", "-ffreestanding"]);
        command.args(["-fno-stack-protector", "-fno-asynchronous-unwind-tables", "-ffunction-sections"]);
        command.args(["-nostdlib", "-static", "-Wl,--gc-sections", "-Wl,--no-undefined"]).args(flags);
        command.arg("-I").arg(installed().join("include")).arg(folder().join("tests/c/bare.c"));
        command.arg("-o").arg(&program).arg(installed().join("lib/libenos_engine.a"));
        run(&mut command, "gcc");
        program
    };
    let program = build(&[], "bare");
    assert_eq!(run(Command::new(&program).env_clear(), "nothing"), "done\n");
    let headers = run(Command::new("readelf").arg("-lW").arg(&program), "binutils");
    assert!(!headers.contains("INTERP") && !headers.contains("DYNAMIC"), "{headers}");
    let engine = size(&program) - size(&build(&["-DEMPTY"], "empty"));
    println!("the engine in a program that signs in, posts and answers: {engine} bytes");
    assert!(engine < LARGEST, "{engine} bytes: it was less than {LARGEST}");
}

/// Sign-in, activation, posts, commands, constants and unwind tables on x86-64; a Cortex-M4F needs two thirds of it.
const LARGEST: u64 = 93_000;

#[test]
fn it_is_found_by_pkg_config_and_by_cmake() {
    let scratch = Scratch::new("found");
    let source = folder().join("tests/c/edges.c");
    let config = installed().join("lib/pkgconfig");
    let pkg_config = |argument: &str| {
        run(
            Command::new("pkg-config").args([argument, "enos-engine"]).env("PKG_CONFIG_PATH", &config),
            "pkg-config",
        )
    };
    assert_eq!(pkg_config("--modversion").trim(), env!("CARGO_PKG_VERSION"));
    let program = scratch.0.join("by-pkg-config");
    let flags = [pkg_config("--cflags"), pkg_config("--libs")].concat();
    run(Command::new("cc").arg(&source).args(flags.split_whitespace()).arg("-o").arg(&program), "gcc");
    assert_eq!(run(&mut Command::new(&program), "nothing"), "done\n");

    let list = format!(
        "cmake_minimum_required(VERSION 3.16)\nproject(edges C)\nfind_package(enos-engine 0.1 REQUIRED)\n\
         add_executable(edges {})\ntarget_link_libraries(edges PRIVATE enos::engine)\n",
        source.display()
    );
    std::fs::write(scratch.0.join("CMakeLists.txt"), list).unwrap();
    let build = scratch.0.join("build");
    let prefix = format!("-DCMAKE_PREFIX_PATH={}", installed().display());
    run(Command::new("cmake").arg("-S").arg(&scratch.0).arg("-B").arg(&build).arg(prefix), "cmake");
    run(Command::new("cmake").arg("--build").arg(&build), "cmake");
    assert_eq!(run(&mut Command::new(build.join("edges")), "nothing"), "done\n");
}
