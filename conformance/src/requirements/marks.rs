//! Which tests name which rules: `// Proves: ID ID` above a Rust test, `proves` in a scenario.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::scenario;

/// A test that names a rule.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mark {
    /// The rule.
    pub id: String,
    /// The test for a reader: target and name.
    pub test: String,
    /// The program that the test is in, as cargo calls it.
    pub target: String,
    /// The last part of the test's name.
    pub test_name: String,
}

impl Mark {
    fn new(id: &str, target: &str, name: &str) -> Self {
        let test = format!("{target}::{name}");
        Self { id: id.to_owned(), test, target: target.to_owned(), test_name: name.to_owned() }
    }
}

/// Packages whose tests may name rules, by their folder.
const PACKAGES: &[&str] = &["sdk-core", "sdk-core/runtime", "mock-hub", "conformance"];

/// All marks below the repository's root, in order.
///
/// # Errors
/// A file cannot be read, or a mark stands above something else than a function.
pub fn marks(root: &Path) -> Result<Vec<Mark>, String> {
    let mut marks = Vec::new();
    for package in PACKAGES {
        let folder = root.join(package);
        let library = library(&folder)?;
        for file in rust_files(&folder.join("src")) {
            of_file(&file, &library, &mut marks)?;
        }
        let tests = folder.join("tests");
        for file in rust_files(&tests) {
            // `tests/NAME.rs` or `tests/NAME/…`: the target is called NAME.
            let inside = file.strip_prefix(&tests).map_err(|error| error.to_string())?;
            let target = inside.iter().next().unwrap_or_default().to_string_lossy();
            of_file(&file, target.trim_end_matches(".rs"), &mut marks)?;
        }
    }
    let scenarios = scenario::load(&root.join("conformance/scenarios")).map_err(|error| error.to_string())?;
    for scenario in scenarios {
        marks.extend(scenario.proves.iter().map(|id| Mark::new(id, "scenarios", &scenario.name)));
    }
    marks.sort();
    marks.dedup();
    Ok(marks)
}

/// The name of a package's library, as its test program has it.
fn library(folder: &Path) -> Result<String, String> {
    #[derive(Deserialize)]
    struct Manifest {
        package: Named,
        lib: Option<Library>,
    }
    #[derive(Deserialize)]
    struct Named {
        name: String,
    }
    #[derive(Deserialize)]
    struct Library {
        name: Option<String>,
    }
    let text = read(&folder.join("Cargo.toml"))?;
    let manifest: Manifest = toml::from_str(&text).map_err(|error| error.to_string())?;
    Ok(manifest.lib.and_then(|lib| lib.name).unwrap_or_else(|| manifest.package.name.replace('-', "_")))
}

fn read(path: &Path) -> Result<String, String> {
    std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    // A package without tests of its own has no such folder.
    let Ok(entries) = std::fs::read_dir(folder) else { return found };
    for path in entries.flatten().map(|entry| entry.path()) {
        if path.is_dir() {
            found.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn of_file(file: &Path, target: &str, marks: &mut Vec<Mark>) -> Result<(), String> {
    let text = read(file)?;
    let found = of_text(&text, target).map_err(|line| {
        format!("{}:{line}: `// Proves:` stands above something else than a test", file.display())
    })?;
    marks.extend(found);
    Ok(())
}

/// The marks of a source text; on an error the line of a mark that belongs to no function.
fn of_text(text: &str, target: &str) -> Result<Vec<Mark>, usize> {
    let mut marks = Vec::new();
    let mut open: Vec<&str> = Vec::new();
    for (at, line) in text.lines().enumerate() {
        let line = line.trim();
        if let Some(ids) = line.strip_prefix("// Proves:") {
            open.extend(ids.split_whitespace());
        } else if open.is_empty() || line.starts_with('#') || line.starts_with("//") {
            // Attributes and comments may stand between a mark and its function.
        } else {
            let name =
                line.trim_start_matches("async ").strip_prefix("fn ").and_then(|rest| rest.split('(').next());
            let name = name.ok_or(at + 1)?;
            marks.extend(open.drain(..).map(|id| Mark::new(id, target, name)));
        }
    }
    if open.is_empty() { Ok(marks) } else { Err(text.lines().count()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_belong_to_the_function_below() {
        let text = "// Proves: A B\n// Proves: C\n#[test]\n/// Said.\nfn one() {}\n\n    // Proves: D\n    async fn two(a: u8) {}\nfn three() {}\n";
        let found = of_text(text, "t").expect("marks");
        let found: Vec<_> = found.iter().map(|mark| (mark.id.as_str(), mark.test.as_str())).collect();
        assert_eq!(found, [("A", "t::one"), ("B", "t::one"), ("C", "t::one"), ("D", "t::two")]);
        assert_eq!(of_text("// Proves: A\nlet x = 1;\n", "t"), Err(2));
        assert_eq!(of_text("fn a() {}\n// Proves: A\n", "t"), Err(2));
    }
}
