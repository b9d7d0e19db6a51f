//! The C driver: compiled as C99 and linked to the `libenos.so` that cargo has built.

use std::path::PathBuf;
use std::process::Command;

use super::{Places, run};

pub(super) fn build(places: &Places) -> Result<Vec<PathBuf>, String> {
    compiled(places, &[])
}

/// The same under gcc's sanitizers: a fault of memory, undefined behaviour, or a block that nothing points to at the end
/// makes the driver fail, and with it its scenario. The library's allocations are watched too, since they are malloc's.
pub(super) fn build_sanitized(places: &Places) -> Result<Vec<PathBuf>, String> {
    compiled(
        places,
        &["-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer"],
    )
}

fn compiled(places: &Places, flags: &[&str]) -> Result<Vec<PathBuf>, String> {
    let sources = places.root.join("conformance/drivers/c");
    let library = places.built.join("libenos.so");
    // A folder of its own, under the name that programs look for: cargo's holds older builds beside it.
    let soname = format!("libenos.so.{}", env!("CARGO_PKG_VERSION_MAJOR"));
    std::fs::copy(&library, places.output.join(&soname))
        .map_err(|error| format!("{}: {error}", library.display()))?;
    let program = places.output.join("driver");
    let mut compile = Command::new("cc");
    compile.args(["-std=c99", "-Wall", "-Wextra", "-pedantic", "-Werror", "-g", "-O1", "-pthread"]);
    compile.args(flags);
    compile.arg("-I").arg(places.root.join("sdk-c/include"));
    for entry in std::fs::read_dir(&sources).map_err(|error| error.to_string())? {
        let path = entry.map_err(|error| error.to_string())?.path();
        if path.extension().is_some_and(|extension| extension == "c") {
            compile.arg(path);
        }
    }
    compile.arg("-o").arg(&program).arg(places.output.join(&soname));
    compile.arg(format!("-Wl,-rpath,{}", places.output.display()));
    run(&mut compile, "gcc")?;
    Ok(vec![program])
}
