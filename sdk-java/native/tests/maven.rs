//! The Java side: built, tested and packed by Maven, then used as its users do.
//!
//! One test, since each step takes what the one before made.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

mod support;

use mock_hub::Hub;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};
use support::{javas, package, repository, room, run, target, tool};

const MODULES: [(&str, &str); 3] = [
    ("enos-mock-hub", "io/enos/mockhub/MockHub"),
    ("enos-sdk", "io/enos/sdk/EnosClient"),
    ("enos-sdk-junit", "io/enos/sdk/junit/EnosHub"),
];

const VERSION: &str = env!("CARGO_PKG_VERSION");

#[test]
fn maven_builds_what_users_take() {
    versions_are_one();
    forget_reports();
    println!("{}", package(&["install"]));
    tests_ran_and_jni_was_used_well();
    // The oldest that runs here is the one on the path; what it compiles is held to the API of Java 11 by `release`.
    for java in &javas()[1..] {
        forget_reports();
        println!("{}", package(&["install", &format!("-Djvm={}", java.display()), "-Dmaven.javadoc.skip"]));
        tests_ran_and_jni_was_used_well();
    }
    jars_hold_what_they_should();
    the_same_sources_give_the_same_jars();
    let scratch = Scratch::new("java");
    examples_print_the_same_lines(&scratch.0);
    a_bare_project_uses_the_artifacts(&scratch.0);
}

struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
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

fn platform() -> String {
    format!("linux-{}", std::env::consts::ARCH)
}

fn built(module: &str) -> PathBuf {
    target().join("java").join(module)
}

fn jar(module: &str, classifier: &str) -> PathBuf {
    built(module).join(format!("{module}-{VERSION}{classifier}.jar"))
}

/// One version number in the workspace, each pom and the class that is compared with the library.
fn versions_are_one() {
    for file in ["pom.xml", "sdk/pom.xml", "mock-hub/pom.xml", "junit/pom.xml"] {
        let text = std::fs::read_to_string(room().join(file)).unwrap();
        assert!(
            text.contains(&format!("<version>{VERSION}</version>")),
            "{file} is not of version {VERSION}"
        );
    }
    let class = std::fs::read_to_string(room().join("sdk/src/main/java/io/enos/sdk/Version.java")).unwrap();
    assert!(class.contains(&format!("\"{VERSION}\"")), "{class}");
}

/// Reports of an earlier run say nothing about the next one.
fn forget_reports() {
    for (module, _) in MODULES {
        let _ = std::fs::remove_dir_all(built(module).join("surefire-reports"));
    }
}

fn tests_ran_and_jni_was_used_well() {
    for ((module, _), least) in MODULES.iter().zip([3, 40, 6]) {
        let (mut tests, folder) = (0, built(module).join("surefire-reports"));
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let text = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
            // -Xcheck:jni prints such lines, and surefire puts what it does not understand into dump files.
            assert!(!text.contains("WARNING in native method"), "{}:\n{text}", path.display());
            let count = text
                .lines()
                .find_map(|line| line.strip_prefix("Tests run: ")?.split(',').next()?.parse::<u32>().ok());
            if path.extension().is_some_and(|extension| extension == "txt") {
                tests += count.unwrap_or(0);
            }
        }
        assert!(tests >= least, "{module}: {tests} tests ran only");
    }
}

fn list(jar: &Path) -> String {
    run(tool("jar").arg("tf").arg(jar), "default-jdk-headless")
}

fn jars_hold_what_they_should() {
    for (module, class) in MODULES {
        let thin = list(&jar(module, ""));
        assert!(thin.contains(&format!("{class}.class")) && thin.contains("module-info.class"), "{thin}");
        assert!(!thin.contains("native/"), "{thin}");
        assert!(list(&jar(module, "-sources")).contains(&format!("{class}.java")));
        assert!(list(&jar(module, "-javadoc")).contains(&format!("{class}.html")));
    }
    for (module, file) in [("enos-sdk", "libenos_jni.so"), ("enos-mock-hub", "mock-hub")] {
        let native = list(&jar(module, &format!("-{}", platform())));
        assert!(native.contains(&format!("native/{}/{file}", platform())), "{native}");
    }
    let mut class = Vec::new();
    std::fs::File::open(built("enos-sdk").join("classes/io/enos/sdk/EnosClient.class"))
        .unwrap()
        .read_to_end(&mut class)
        .unwrap();
    assert_eq!(class[6..8], [0, 55], "no class of Java 11");
}

fn the_same_sources_give_the_same_jars() {
    let bytes = || {
        let jars =
            [jar("enos-sdk", ""), jar("enos-sdk", "-sources"), jar("enos-sdk", &format!("-{}", platform()))];
        jars.map(|jar| (std::fs::read(&jar).unwrap(), jar))
    };
    let before = bytes();
    for (_, jar) in &before {
        std::fs::remove_file(jar).unwrap();
    }
    std::fs::remove_dir_all(built("enos-sdk").join("classes")).unwrap();
    package(&["install", "-DskipTests", "-Dmaven.javadoc.skip"]);
    for ((bytes, jar), (again, _)) in before.iter().zip(bytes()) {
        assert!(*bytes == again, "{} is another one each time", jar.display());
    }
}

fn hub() -> Hub {
    Hub::builder().ephemeral().seed_json(mock_hub::example_seed()).start().unwrap()
}

fn command(hub: &Hub, query: &str, body: &str) {
    let mut stream = std::net::TcpStream::connect(hub.http()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    write!(
        stream,
        "POST /connect-service/v2.1/commands?{query}&pendingTtl=0&timeout=20&productKey=Tq4zR9Lw&deviceKey=t-1 HTTP/1.1\r\n\
         Host: hub\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

/// Each example under each JDK, from its launcher jar: the lines of `examples/README.md`, and no warning.
fn examples_print_the_same_lines(scratch: &Path) {
    let out = scratch.join("examples");
    let script = room().parent().unwrap().join("examples/java/build");
    let jars = [jar("enos-sdk", ""), jar("enos-sdk", &format!("-{}", platform()))];
    run(tool(script).arg(&out).args(jars), "default-jdk-headless");
    for java in javas() {
        let hub = hub();
        let url = format!("tcp://{}", hub.mqtt());
        let expected = BTreeMap::from([
            ("connect", "connecting\nonline\noffline\nclosed\n"),
            ("measurepoints", "acknowledged\nrefused: kind 604 code 1204\n"),
        ]);
        for (name, lines) in expected {
            let mut example = tool(&java);
            example.arg("-Xcheck:jni").arg("-jar").arg(out.join(format!("{name}.jar"))).args(["--hub", &url]);
            let output = example.output().unwrap();
            assert_eq!(String::from_utf8_lossy(&output.stdout), lines, "{name} with {}", java.display());
            no_warning(&output.stderr, name);
        }
        let mut commands = tool(&java);
        commands.arg("-jar").arg(out.join("commands.jar")).args(["--hub", &url]);
        let mut child = commands.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut next = || lines.next().unwrap().unwrap();
        assert_eq!(next(), "waiting for commands");
        command(&hub, "action=invokeService&serviceId=reboot", "{\"inputData\":{\"delay\":5}}");
        assert_eq!(next(), "reboot {\"delay\":5}");
        command(&hub, "action=setMeasurepoint&measurepointId=setpoint", "{\"value\":1500}");
        assert_eq!(next(), "set {\"setpoint\":1500}");
        command(&hub, "action=invokeService&serviceId=reboot", "{\"inputData\":{\"delay\":6}}");
        assert_eq!(next(), "reboot {\"delay\":6}");
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success());
        no_warning(&output.stderr, "commands");
    }
}

/// The log may speak there; the JVM may not.
fn no_warning(errors: &[u8], name: &str) {
    let text = String::from_utf8_lossy(errors);
    assert!(!text.contains("WARNING"), "{name}:\n{text}");
}

/// A project with nothing but a pom and a class, on the class path and on the module path.
fn a_bare_project_uses_the_artifacts(scratch: &Path) {
    let (hub, folder) = (hub(), scratch.join("consumer"));
    std::fs::create_dir_all(folder.join("src/main/java/hello")).unwrap();
    let platform = platform();
    let dependency = |classifier: &str| {
        format!(
            "<dependency><groupId>io.enos</groupId><artifactId>enos-sdk</artifactId><version>{VERSION}</version>{classifier}</dependency>"
        )
    };
    let pom = format!(
        "<project><modelVersion>4.0.0</modelVersion><groupId>a</groupId><artifactId>consumer</artifactId><version>1</version>\
         <properties><maven.compiler.release>11</maven.compiler.release></properties>\
         <dependencies>{}{}</dependencies><build><plugins>\
         <plugin><artifactId>maven-resources-plugin</artifactId><version>3.3.1</version></plugin>\
         <plugin><artifactId>maven-compiler-plugin</artifactId><version>3.14.1</version></plugin>\
         </plugins></build></project>",
        dependency(""),
        dependency(&format!("<classifier>{platform}</classifier><scope>runtime</scope>"))
    );
    std::fs::write(folder.join("pom.xml"), pom).unwrap();
    std::fs::write(folder.join("src/main/java/module-info.java"), "module hello { requires io.enos.sdk; }")
        .unwrap();
    std::fs::write(
        folder.join("src/main/java/hello/Hello.java"),
        "package hello;\nimport io.enos.sdk.*;\npublic class Hello {\n  public static void main(String[] a) {\n\
         try (EnosClient c = EnosClient.builder().hub(a[0]).login(Login.deviceSecret(\"Tq4zR9Lw\", \"t-1\", \"u8Yp2QvKs0t1\")).build()) {\n\
         c.connect(java.time.Duration.ofSeconds(10));\n\
         System.out.println(c.postMeasurepoints(java.util.Map.of(\"temp\", 21.5)).fate());\n} } }\n",
    )
    .unwrap();
    let mut maven = tool("mvn");
    maven.args(["-o", "-q", "-B", "-f"]).arg(folder.join("pom.xml")).arg("compile");
    maven.arg(format!("-Dmaven.repo.local={}", repository().display()));
    run(&mut maven, "maven");
    let installed = repository().join("io/enos/enos-sdk").join(VERSION);
    let artifact = |classifier: &str| installed.join(format!("enos-sdk-{VERSION}{classifier}.jar"));
    let path = format!(
        "{}:{}:{}",
        folder.join("target/classes").display(),
        artifact("").display(),
        artifact(&format!("-{platform}")).display()
    );
    let url = format!("tcp://{}", hub.mqtt());
    let begun = Instant::now();
    let by_class_path = ["-cp", path.as_str(), "hello.Hello", url.as_str()];
    let by_module_path = [
        "-p",
        path.as_str(),
        "--add-modules",
        "io.enos.sdk.natives",
        "-m",
        "hello/hello.Hello",
        url.as_str(),
    ];
    for words in [&by_class_path[..], &by_module_path[..]] {
        let said = run(tool("java").args(words), "default-jre-headless");
        assert!(said.contains("ACKNOWLEDGED\n"), "{said}");
    }
    println!("two programs started and posted in {} ms", begun.elapsed().as_millis());
}
