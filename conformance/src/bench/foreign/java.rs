//! Java: the peers of Maven Central, and our own jars.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use super::{library, repository, run, size, sources, workshop};
use crate::bench::Outcome;
use crate::bench::plan::Task;

/// The jars that a user of each client installs begin with one of these names.
const JARS: &[(&str, &[&str])] = &[
    ("Crt", &["aws-crt-"]),
    ("Paho", &["org.eclipse.paho."]),
    (
        "HiveMq",
        &["hivemq-", "netty-", "rxjava-", "reactive-streams-", "jctools-", "dagger-", "javax.inject-"],
    ),
];

/// What javac and jar come with.
const JDK: &str = "the Debian package default-jdk-headless";

/// The heap of a run that looks at memory, all of it touched at once: what grows then is not the heap.
const FIXED_HEAP: &[&str] = &["-Xms64m", "-Xmx64m", "-XX:+AlwaysPreTouch"];

/// Fetches the peers and compiles a program of `benches/java`.
pub(super) fn prepare(file: &str) -> Outcome<()> {
    let mut compiler = Command::new("javac");
    compiler.args(["-Xlint:all", "-Werror", "-d"]).arg(classes()?).arg("-cp").arg(class_path(file)?);
    for source in ["Bench", "Peer", file] {
        compiler.arg(sources("java").join(source).with_extension("java"));
    }
    run(&mut compiler, &format!("compile {file}.java"), JDK)?;
    Ok(())
}

/// The peers' versions, as the pom pins them.
pub(super) fn versions() -> Vec<String> {
    let pom = std::fs::read_to_string(sources("java").join("pom.xml")).unwrap_or_default();
    let between = |text: &str, tag: &str| -> Option<String> {
        let (_, rest) = text.split_once(&format!("<{tag}>"))?;
        Some(rest.split_once('<')?.0.to_owned())
    };
    let of = |dependency: &str| {
        Some(format!("{} {}", between(dependency, "artifactId")?, between(dependency, "version")?))
    };
    pom.split("<dependency>").skip(1).filter_map(of).collect()
}

/// What starts a program.
pub(super) fn command(file: &str, task: Task) -> Outcome<Command> {
    let mut command = Command::new("java");
    if task == Task::Memory {
        command.args(FIXED_HEAP);
    }
    command.arg("-cp").arg(class_path(file)?).arg(file);
    Ok(command)
}

/// Bytes of the jars that a user installs.
pub(super) fn installed(file: &str) -> Outcome<u64> {
    jars(file)?.iter().map(|jar| size(jar)).sum()
}

fn classes() -> Outcome<PathBuf> {
    let folder = workshop("java")?.join("classes");
    std::fs::create_dir_all(&folder)?;
    Ok(folder)
}

fn class_path(file: &str) -> Outcome<std::ffi::OsString> {
    let folders = std::iter::once(classes()?).chain(jars(file)?);
    Ok(std::env::join_paths(folders)?)
}

/// The jars of a client, fetched or built if they are not there.
fn jars(file: &str) -> Outcome<Vec<PathBuf>> {
    if file == "Ours" {
        return ours();
    }
    let Some((_, names)) = JARS.iter().find(|(name, _)| *name == file) else { return Ok(Vec::new()) };
    let folder = peers()?;
    let mut found = Vec::new();
    for entry in std::fs::read_dir(&folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if names.iter().any(|start| name.starts_with(start)) {
            found.push(path);
        }
    }
    found.sort();
    if found.is_empty() {
        return Err(format!("no jar of {names:?} in {}", folder.display()).into());
    }
    Ok(found)
}

/// The thin jar and the native one of this platform, built once for each run of this program.
fn ours() -> Outcome<Vec<PathBuf>> {
    static BUILT: OnceLock<Result<Vec<PathBuf>, String>> = OnceLock::new();
    BUILT.get_or_init(|| build().map_err(|error| error.to_string())).clone().map_err(Into::into)
}

/// What Maven packs, packed by the JDK's own tool.
fn build() -> Outcome<Vec<PathBuf>> {
    let place = workshop("java")?.join("ours");
    // What was deleted from the sources must not live on.
    let _ = std::fs::remove_dir_all(&place);
    let (classes, natives) = (place.join("classes"), place.join("natives"));
    let folder = natives.join(format!("native/linux-{}", std::env::consts::ARCH));
    std::fs::create_dir_all(&folder)?;
    let java = repository().join("sdk-java/sdk/src/main/java");
    let mut compiler = Command::new("javac");
    compiler.args(["--release", "11", "-XDstringConcat=inline", "-d"]).arg(&classes);
    compiler.arg(java.join("module-info.java"));
    for entry in std::fs::read_dir(java.join("io/enos/sdk"))? {
        compiler.arg(entry?.path());
    }
    run(&mut compiler, "compile the SDK", JDK)?;
    let mut strip = Command::new("strip");
    strip.arg("--strip-unneeded").arg(library("sdk-java", "release", "libenos_jni.so")?);
    run(strip.arg("-o").arg(folder.join("libenos_jni.so")), "strip the native library", "binutils")?;
    let mut jars = Vec::new();
    for (name, content) in [("enos-sdk.jar", classes), ("enos-sdk-native.jar", natives)] {
        let file = place.join(name);
        let mut jar = Command::new("jar");
        run(jar.args(["--create", "--file"]).arg(&file).arg("-C").arg(content).arg("."), "pack a jar", JDK)?;
        jars.push(file);
    }
    Ok(jars)
}

/// The peers' jars, fetched again when the pom changes.
fn peers() -> Outcome<PathBuf> {
    let folder = workshop("java")?.join("peers");
    let pom = sources("java").join("pom.xml");
    let stamp = folder.join("stamp");
    let wanted = std::fs::read_to_string(&pom)?;
    if std::fs::read_to_string(&stamp).is_ok_and(|stamp| stamp == wanted) {
        return Ok(folder);
    }
    // A missing folder is as good as a removed one.
    let _ = std::fs::remove_dir_all(&folder);
    let mut maven = Command::new("mvn");
    maven.args(["-q", "-B", "-f"]).arg(&pom).arg("dependency:copy-dependencies");
    maven.arg(format!("-DoutputDirectory={}", folder.display()));
    maven.arg(format!("-Dmaven.repo.local={}", store(&folder)));
    run(&mut maven, "fetch the peers from Maven Central", "the Debian package maven")?;
    std::fs::write(&stamp, wanted)?;
    Ok(folder)
}

/// Maven's own store, beside what it fetches: nothing is left outside the build's folder.
fn store(folder: &Path) -> String {
    folder.with_file_name("repository").display().to_string()
}
