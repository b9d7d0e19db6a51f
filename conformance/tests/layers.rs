//! Which room may use which: the layers inside `sdk-core`, the rooms of the hub, and the arrows between packages.
//!
//! The compiler keeps the arrows between packages only as long as nobody adds a dependency, and nothing keeps the
//! layers inside one: this reads the sources.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// The layers of `sdk-core/src` (`sdk-core/README.md`); a file uses its own module and rows with a lower number.
const CORE: &[(&str, u8)] = &[
    ("engine", 4),
    ("feature", 3),
    ("session", 2),
    ("topic", 1),
    ("sign", 1),
    ("json", 1),
    ("config", 1),
    ("wire", 0),
    ("error", 0),
    ("limits", 0),
    ("time", 0),
    ("region", 0),
];

/// `error` names the decoder's error; both stand in the lowest row, and `wire` names nothing of it.
const SAME_ROW: &[(&str, &str)] = &[("error", "wire")];

/// The hub's rooms and what each never uses (`hub.md` §1, `mock-hub/README.md`).
const HUB_NEVER: &[(&str, &[&str])] = &[
    ("enos", &["domain", "front", "admin", "store", "fabric", "hub", "cli"]),
    ("fabric", &["domain", "front", "admin", "store", "enos", "hub", "cli"]),
    ("store", &["front", "admin", "hub", "cli"]),
    ("domain", &["front", "admin", "hub", "cli"]),
    ("pki", &["front", "admin", "hub", "cli", "store"]),
    ("clock", &["domain", "front", "admin", "store", "enos", "fabric", "hub", "cli"]),
    ("admin", &["front", "hub", "cli"]),
    ("fault", &["domain", "front", "admin", "store", "enos", "hub", "cli", "clock"]),
];

/// Packages of ours that each package of ours may use, in its library and in its tests.
const PACKAGES: &[(&str, &[&str])] = &[
    ("sdk-core", &[]),
    ("sdk-runtime", &["sdk-core"]),
    ("sdk-embedded", &["sdk-core"]),
    ("sdk-c", &["sdk-core", "sdk-runtime", "sdk-c-border", "mock-hub"]),
    // The engine in its tests only.
    ("sdk-c-border", &["sdk-core", "sdk-c-engine"]),
    ("sdk-c-engine", &["sdk-core", "sdk-c-border", "mock-hub"]),
    ("sdk-java", &["sdk-core", "sdk-runtime", "mock-hub"]),
    ("sdk-python", &["sdk-core", "sdk-runtime", "mock-hub"]),
    ("mock-hub", &[]),
    ("conformance", &["sdk-core", "sdk-runtime", "sdk-c", "sdk-java", "sdk-python", "mock-hub"]),
    ("examples", &["sdk-core", "sdk-runtime", "sdk-c", "sdk-java", "sdk-python", "mock-hub"]),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace").to_owned()
}

/// Rust files below a folder, with their path inside of it.
fn sources(folder: &Path) -> Vec<(PathBuf, String)> {
    fn walk(folder: &Path, base: &Path, found: &mut Vec<(PathBuf, String)>) {
        for entry in fs::read_dir(folder).expect("a source folder").flatten() {
            let path = entry.path();
            if path.is_dir() {
                walk(&path, base, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let inside = path.strip_prefix(base).expect("below the folder").to_owned();
                found.push((inside, fs::read_to_string(&path).expect("a source file")));
            }
        }
    }
    let mut found = Vec::new();
    walk(folder, folder, &mut found);
    assert!(found.len() > 5, "{} holds {} files only", folder.display(), found.len());
    found
}

/// Code without comments and without what stands behind `#[cfg(test)]`, where this project keeps its unit tests.
fn code(text: &str) -> String {
    let shipped = match text.find("#[cfg(test)]\nmod ") {
        Some(at) => &text[..at],
        None => text,
    };
    let lines = shipped.lines().map(|line| line.split("//").next().unwrap_or_default());
    lines.collect::<Vec<_>>().join("\n")
}

fn is_test_file(path: &Path) -> bool {
    path.components().any(|part| {
        let name = part.as_os_str().to_string_lossy();
        let name = name.trim_end_matches(".rs");
        name == "tests" || name.ends_with("_tests")
    })
}

/// The first module of a path inside `src`.
fn room(path: &Path) -> String {
    let first = path.components().next().expect("a file name").as_os_str().to_string_lossy();
    first.trim_end_matches(".rs").to_owned()
}

/// The names that follow `crate::`, one level deep, braces opened.
fn names_behind_crate(code: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for (at, _) in code.match_indices("crate::") {
        // `$crate::` in a macro counts, `my_crate::` does not.
        if code[..at].chars().next_back().is_some_and(|c| c.is_alphanumeric() || c == '_') {
            continue;
        }
        let rest = &code[at + "crate::".len()..];
        match rest.strip_prefix('{') {
            Some(list) => names.extend(top_level_names(list)),
            None => names.extend(first_name(rest)),
        }
    }
    names
}

fn first_name(text: &str) -> Option<String> {
    let name: String = text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    (!name.is_empty()).then_some(name)
}

/// `a::B, c::{D, E}}` gives `a` and `c`.
fn top_level_names(list: &str) -> Vec<String> {
    let (mut names, mut depth, mut start) = (Vec::new(), 0, true);
    for (at, c) in list.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => start = true,
            _ if start && !c.is_whitespace() => {
                names.extend(first_name(&list[at..]));
                start = false;
            }
            _ => {}
        }
    }
    names
}

/// What the root re-exports: name to module.
fn reexports(lib: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for statement in code(lib).split(';') {
        let Some((_, path)) = statement.split_once("pub use ") else { continue };
        let Some((module, names)) = path.trim().split_once("::") else { continue };
        let names = names.trim_matches(|c| matches!(c, '{' | '}'));
        for name in names.split(',').map(str::trim).filter(|name| !name.is_empty()) {
            found.insert(name.to_owned(), module.to_owned());
        }
    }
    found
}

/// Every use of a layer by a file that may not.
fn layer_faults(files: &[(PathBuf, String)], layers: &[(&str, u8)]) -> Vec<String> {
    let layers: BTreeMap<&str, u8> = layers.iter().copied().collect();
    let lib = files.iter().find(|(path, _)| path == Path::new("lib.rs")).expect("lib.rs");
    let reexports = reexports(&lib.1);
    let mut faults = Vec::new();
    for (path, text) in files.iter().filter(|(path, _)| path != Path::new("lib.rs") && !is_test_file(path)) {
        let own = room(path);
        let Some(row) = layers.get(own.as_str()) else {
            faults.push(format!("{}: `{own}` stands in no row of the table", path.display()));
            continue;
        };
        for name in names_behind_crate(&code(text)) {
            let module = reexports.get(&name).cloned().unwrap_or(name);
            if module == own || SAME_ROW.contains(&(own.as_str(), module.as_str())) {
                continue;
            }
            match layers.get(module.as_str()) {
                Some(used) if used < row => {}
                Some(used) => {
                    faults.push(format!("{}: row {row} uses `{module}` of row {used}", path.display()))
                }
                None => faults.push(format!("{}: uses `{module}`, which stands in no row", path.display())),
            }
        }
    }
    faults
}

#[test]
fn a_file_of_the_core_uses_lower_rows_only() {
    let files = sources(&root().join("sdk-core/src"));
    assert_eq!(layer_faults(&files, CORE), Vec::<String>::new());
}

#[test]
fn the_readme_tells_the_same_rows() {
    let readme = fs::read_to_string(root().join("sdk-core/README.md")).expect("the core's README");
    for (module, row) in CORE {
        let line = readme.lines().find(|line| line.starts_with(&format!("| {row} |")));
        let told = line.and_then(|line| line.split('|').nth(2)).unwrap_or_default();
        assert!(
            told.contains(&format!("`{module}`")),
            "row {row} of the README does not name `{module}`: {told}"
        );
    }
}

#[test]
fn the_checker_finds_a_row_that_is_too_high() {
    let file = |path: &str, text: &str| (PathBuf::from(path), text.to_owned());
    let files = [
        file("lib.rs", "pub use error::{Error, ErrorKind};\npub use engine::Engine;"),
        file("wire/mod.rs", "use crate::{error::Code, engine::{Input, Output}};"),
        file(
            "json.rs",
            "// crate::engine::X\nuse crate::wire::Full;\n#[cfg(test)]\nmod tests { use crate::engine; }",
        ),
        file("sign.rs", "fn f() { crate::Engine::new(); }"),
        file("feature/a.rs", "use crate::feature::b; use crate::Error;"),
        file("attic/a.rs", ""),
        file("topic.rs", "use crate::json::Text;"),
    ];
    let faults = layer_faults(&files, CORE);
    let starts = [
        "wire/mod.rs: row 0 uses `engine` of row 4",
        "wire/mod.rs: row 0 uses `error` of row 0",
        "sign.rs: row 1 uses `engine` of row 4",
        "attic/a.rs: `attic` stands in no row",
        "topic.rs: row 1 uses `json` of row 1",
    ];
    assert_eq!(faults.len(), starts.len(), "{faults:?}");
    for start in starts {
        assert!(faults.iter().any(|fault| fault.starts_with(start)), "{start}: {faults:?}");
    }
}

#[test]
fn the_core_names_no_std() {
    for (path, text) in sources(&root().join("sdk-core/src")) {
        if path == Path::new("lib.rs") {
            assert!(text.contains("#![no_std]") && text.contains("#![forbid(unsafe_code)]"));
        }
        if !is_test_file(&path) {
            let code = code(&text);
            assert!(!code.contains("std::") && !code.contains("extern crate std"), "{}", path.display());
        }
    }
}

#[test]
fn a_room_of_the_hub_leaves_others_alone() {
    let files = sources(&root().join("mock-hub/src"));
    let mut checked = BTreeSet::new();
    for (path, text) in files.iter().filter(|(path, _)| !is_test_file(path)) {
        let own = room(path);
        let Some((_, never)) = HUB_NEVER.iter().find(|(name, _)| *name == own) else { continue };
        for name in names_behind_crate(&code(text)) {
            assert!(!never.contains(&name.as_str()), "{}: `{own}` never uses `{name}`", path.display());
        }
        checked.insert(own);
    }
    assert_eq!(checked.len(), HUB_NEVER.len(), "rooms that are gone: {checked:?}");
}

/// Ways to read a clock or to wait that do not follow the hub's clock.
const REAL_TIME: &[&str] = &[
    "tokio::time",
    "time::sleep",
    "time::timeout",
    "TokioTimer",
    "Instant::now",
    "SystemTime::now",
    "thread::sleep",
    "park_timeout",
];

#[test]
fn nothing_in_the_hub_waits_or_reads_the_time_but_its_clock() {
    let files = sources(&root().join("mock-hub/src"));
    let of_clock = |path: &Path| room(path) == "clock";
    let found: Vec<String> = files
        .iter()
        .filter(|(path, _)| !is_test_file(path))
        .flat_map(|(path, text)| {
            let code = code(text);
            let used = REAL_TIME.iter().filter(move |word| code.contains(**word));
            used.map(move |word| (path.clone(), *word))
        })
        .filter(|(path, _)| !of_clock(path))
        .map(|(path, word)| format!("{}: {word}", path.display()))
        .collect();
    assert_eq!(
        found,
        Vec::<String>::new(),
        "take clock.sleep, or clock::real where the hub's time must not count"
    );
    let clock =
        files.iter().filter(|(path, _)| of_clock(path)).map(|(_, text)| code(text)).collect::<String>();
    assert!(
        clock.contains("tokio::time") && clock.contains("SystemTime::now"),
        "the check has lost its clock"
    );
}

/// Packages of the workspace by `cargo metadata`, each with the packages of ours that it depends on.
fn packages() -> BTreeMap<String, BTreeSet<String>> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(root())
        .output()
        .expect("cargo metadata");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo metadata in JSON");
    let list = metadata["packages"].as_array().expect("packages");
    let entries = list.iter().map(|package| {
        let ours =
            package["dependencies"].as_array().into_iter().flatten().filter(|used| used["path"].is_string());
        let names = ours.filter_map(|used| used["name"].as_str().map(str::to_owned)).collect();
        (package["name"].as_str().unwrap_or_default().to_owned(), names)
    });
    entries.collect()
}

#[test]
fn arrows_between_packages_point_one_way() {
    let packages = packages();
    assert!(packages.len() >= 5, "{packages:?}");
    for (name, used) in &packages {
        let Some((_, may)) = PACKAGES.iter().find(|(package, _)| package == name) else {
            panic!("{name} stands in no row of the table: say what it may use");
        };
        // A package names itself to switch a feature on for its own tests.
        for dependency in used.iter().filter(|used| *used != name) {
            assert!(may.contains(&dependency.as_str()), "{name} must not depend on {dependency}");
        }
    }
    let of_hub = packages["mock-hub"].iter().filter(|used| *used != "mock-hub");
    assert_eq!(of_hub.count(), 0, "the hub shares no code with the SDK: {:?}", packages["mock-hub"]);
}
