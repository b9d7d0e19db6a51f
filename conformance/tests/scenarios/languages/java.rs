//! The Java driver: the SDK's classes and the driver's compiled as they lie, with the `libenos_jni.so` that cargo has built.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Places, run};

pub(super) fn build(places: &Places) -> Result<Vec<PathBuf>, String> {
    let classes = places.output.join("classes");
    // What was deleted from the sources must not live on.
    let _ = std::fs::remove_dir_all(&classes);
    let mut compile = Command::new("javac");
    compile.args(["--release", "11", "-XDstringConcat=inline", "-Xlint:all", "-Werror", "-d"]).arg(&classes);
    for folder in ["sdk-java/sdk/src/main/java/io/enos/sdk", "conformance/drivers/java"] {
        compile.args(sources(&places.root.join(folder))?);
    }
    run(&mut compile, "default-jdk-headless")?;
    // A copy: a test that runs beside this one may build the library again.
    let library = places.output.join("libenos_jni.so");
    std::fs::copy(places.built.join("libenos_jni.so"), &library)
        .map_err(|error| format!("{}: {error}", places.built.display()))?;
    let property = format!("-Dio.enos.sdk.library={}", library.display());
    // Short lives, six side by side.
    let quick = ["java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx128m", "-Xshare:auto", "-cp"];
    let mut command: Vec<PathBuf> = quick.iter().map(PathBuf::from).collect();
    command.extend([classes, PathBuf::from(property), PathBuf::from("Driver")]);
    Ok(command)
}

fn sources(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let entries = std::fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let paths = entries.filter_map(Result::ok).map(|entry| entry.path());
    Ok(paths.filter(|path| path.extension().is_some_and(|extension| extension == "java")).collect())
}
