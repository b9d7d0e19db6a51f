//! `make install` and what people do with it: pkg-config, CMake, and the archive beside somebody else's symbols.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

mod support;

use mock_hub::Hub;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A folder that goes with the test.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
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

/// Runs a tool to its good end; what it printed.
fn run(command: &mut Command, package: &str) -> String {
    let output =
        command.output().unwrap_or_else(|error| panic!("{command:?}: {error}. Fix: install {package}."));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{command:?}:\n{}{}", text(&output.stdout), text(&output.stderr));
    text(&output.stdout)
}

/// Installs what cargo built for this test, as `make install` does after its own build.
fn installed(name: &str) -> (Scratch, PathBuf) {
    let scratch = Scratch::new(name);
    let root = scratch.0.join("root");
    run(
        Command::new("make")
            .args(["-s", "-C"])
            .arg(support::folder())
            .arg("install-built")
            .arg(format!("PREFIX={}", root.display()))
            .arg(format!("BUILT={}", support::built().display()))
            // Another make's or cargo's wishes are none of this one's.
            .env_remove("MAKEFLAGS")
            .env_remove("DESTDIR"),
        "make and binutils",
    );
    for file in ["connect.c", "flags.c", "flags.h"] {
        let from = support::folder().join("../examples/c").join(file);
        std::fs::copy(&from, scratch.0.join(file)).unwrap();
    }
    (scratch, root)
}

fn hub() -> Hub {
    Hub::builder().ephemeral().seed_json(mock_hub::example_seed()).start().unwrap()
}

/// The example signs on and off, and prints the steps of it.
fn connects(program: &Path, root: &Path, hub: &Hub) {
    let url = format!("tcp://{}", hub.mqtt());
    let mut command = Command::new(program);
    let said = run(command.args(["--hub", &url]).env("LD_LIBRARY_PATH", root.join("lib")), "nothing");
    assert_eq!(said, "connecting\nonline\noffline\nclosed\n");
}

fn pkg_config(root: &Path, arguments: &[&str]) -> Vec<String> {
    let path = root.join("lib/pkgconfig");
    let flags = run(
        Command::new("pkg-config").args(arguments).arg("enos").env("PKG_CONFIG_PATH", path),
        "pkg-config",
    );
    flags.split_whitespace().map(str::to_owned).collect()
}

#[test]
fn by_pkg_config_shared_and_static() {
    let hub = hub();
    let (scratch, root) = installed("pkg-config");
    assert_eq!(pkg_config(&root, &["--modversion"]), [env!("CARGO_PKG_VERSION")]);
    for fixed in [false, true] {
        let (program, mut flags) =
            (scratch.0.join(format!("connect-{fixed}")), pkg_config(&root, &["--cflags", "--libs"]));
        if fixed {
            flags = pkg_config(&root, &["--cflags", "--libs", "--static"]);
            // The archive beside the shared library: only a name in full takes it.
            let name = flags.iter_mut().find(|flag| *flag == "-lenos").expect("-lenos");
            "-l:libenos.a".clone_into(name);
        }
        let sources = ["connect.c", "flags.c"].map(|file| scratch.0.join(file));
        run(Command::new("cc").args(sources).args(flags).arg("-o").arg(&program), "gcc");
        let needs = run(Command::new("readelf").arg("-d").arg(&program), "binutils");
        assert_eq!(needs.contains("[libenos.so.0]"), !fixed, "{needs}");
        connects(&program, &root, &hub);
    }
}

#[test]
fn by_cmake_shared_and_static() {
    let hub = hub();
    let (scratch, root) = installed("cmake");
    let list = "cmake_minimum_required(VERSION 3.16)\nproject(connect C)\nfind_package(enos 0.1 REQUIRED)\n\
                add_executable(shared connect.c flags.c)\ntarget_link_libraries(shared PRIVATE enos::enos)\n\
                add_executable(static connect.c flags.c)\ntarget_link_libraries(static PRIVATE enos::static)\n";
    std::fs::write(scratch.0.join("CMakeLists.txt"), list).unwrap();
    let build = scratch.0.join("build");
    let prefix = format!("-DCMAKE_PREFIX_PATH={}", root.display());
    run(Command::new("cmake").arg("-S").arg(&scratch.0).arg("-B").arg(&build).arg(prefix), "cmake");
    run(Command::new("cmake").arg("--build").arg(&build), "cmake");
    connects(&build.join("shared"), &root, &hub);
    connects(&build.join("static"), &root, &hub);
}

#[test]
fn the_archive_has_our_names_only() {
    let (_scratch, root) = installed("archive");
    let listed =
        run(Command::new("nm").args(["-g", "--defined-only"]).arg(root.join("lib/libenos.a")), "binutils");
    let mut names: Vec<_> = listed.lines().filter_map(|line| line.split_whitespace().nth(2)).collect();
    names.sort_unstable();
    assert_eq!(names, support::symbols());
}

/// Both layers in one program, statically: neither archive has a name that the other has, their panic handlers included.
#[test]
fn the_engine_is_beside_it_in_one_program() {
    let (scratch, root) = installed("engine");
    run(
        Command::new("make")
            .args(["-s", "-C"])
            .arg(support::folder())
            .arg("install-engine")
            .arg(format!("PREFIX={}", root.display()))
            // The target folder of the engine's own tests: built once for both.
            .env("CARGO_TARGET_DIR", PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("engine/target"))
            .env("CARGO", env!("CARGO"))
            .env_remove("MAKEFLAGS")
            .env_remove("DESTDIR")
            .env_remove("RUSTFLAGS")
            .env_remove("CARGO_ENCODED_RUSTFLAGS")
            .env_remove("CARGO_BUILD_TARGET"),
        "make and binutils",
    );
    let source = support::folder().join("engine/tests/c/both.c");
    let program = scratch.0.join("both");
    let system = ["-lgcc_s", "-lutil", "-lrt", "-lpthread", "-lm", "-ldl", "-lc"];
    for order in [["libenos.a", "libenos_engine.a"], ["libenos_engine.a", "libenos.a"]] {
        let mut command = Command::new("cc");
        command.args(["-DENOS_FIRST", "-DWITH_LIBENOS", "-I"]).arg(root.join("include")).arg(&source);
        command.args(order.map(|archive| root.join("lib").join(archive)));
        run(command.args(system).arg("-o").arg(&program), "gcc");
        assert_eq!(run(&mut Command::new(&program), "nothing"), "done\n");
    }
}
