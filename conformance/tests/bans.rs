//! The bans of `.cargo/deny.toml` hold for every lock file of the repository.
//!
//! No advisory database is reachable where the project is built, so known-bad versions are banned by name there.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use semver::{Version, VersionReq};
use serde::Deserialize;

#[derive(Deserialize)]
struct DenyFile {
    bans: Bans,
}

#[derive(Deserialize)]
struct Bans {
    deny: Vec<Ban>,
}

#[derive(Deserialize)]
struct Ban {
    #[serde(rename = "crate")]
    name: String,
}

#[derive(Deserialize)]
struct Lock {
    #[serde(default)]
    package: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    version: Version,
}

/// The bans by crate name; no requirement means that every version is banned.
fn bans(deny: &str) -> BTreeMap<String, VersionReq> {
    let file: DenyFile = toml::from_str(deny).expect(".cargo/deny.toml can be read");
    assert!(!file.bans.deny.is_empty(), ".cargo/deny.toml bans nothing");
    let parsed = file.bans.deny.into_iter().map(|ban| match ban.name.split_once('@') {
        Some((name, versions)) => {
            (name.to_owned(), VersionReq::parse(versions).expect("a version requirement behind @"))
        }
        None => (ban.name, VersionReq::STAR),
    });
    parsed.collect()
}

/// What of a lock file is banned, as `name version (ban)`.
fn banned(lock: &str, bans: &BTreeMap<String, VersionReq>) -> Vec<String> {
    let lock: Lock = toml::from_str(lock).expect("a lock file");
    assert!(!lock.package.is_empty(), "the lock file names no package");
    let found = lock.package.iter().filter_map(|package| {
        let ban = bans.get(&package.name)?;
        // A requirement leaves pre-releases out, a ban does not: 0.103.13-alpha.1 is older than 0.103.13.
        let mut version = package.version.clone();
        version.pre = semver::Prerelease::EMPTY;
        let older = !package.version.pre.is_empty() && ban.to_string().starts_with('<');
        (ban.matches(&version) || older && ban.to_string().ends_with(&version.to_string()))
            .then(|| format!("{} {} (banned: {ban})", package.name, package.version))
    });
    found.collect()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace").to_owned()
}

/// Lock files of the workspace and of the packages outside of it; build folders are left out.
fn locks(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder of the repository").flatten() {
        let (path, name) = (entry.path(), entry.file_name());
        let name = name.to_string_lossy();
        if name == "Cargo.lock" {
            found.push(path);
        } else if entry.file_type().is_ok_and(|kind| kind.is_dir())
            && name != "target"
            && !name.starts_with('.')
        {
            locks(&path, found);
        }
    }
}

#[test]
fn no_lock_file_holds_a_banned_version() {
    let deny = fs::read_to_string(root().join(".cargo/deny.toml")).expect(".cargo/deny.toml");
    let bans = bans(&deny);
    let mut files = Vec::new();
    locks(&root(), &mut files);
    assert!(files.contains(&root().join("Cargo.lock")));
    for file in files {
        let lock = fs::read_to_string(&file).expect("a lock file");
        assert_eq!(banned(&lock, &bans), Vec::<String>::new(), "{}", file.display());
    }
}

#[test]
fn the_checker_finds_what_is_banned() {
    let bans = bans(
        r#"
        [bans]
        deny = [{ crate = "old@<0.103.13" }, { crate = "never" }, { crate = "range@>=1.2, <1.4" }]
        "#,
    );
    let lock = r#"
        version = 4
        package = [
            { name = "old", version = "0.103.12" },
            { name = "old", version = "0.103.13-alpha.1" },
            { name = "old", version = "0.103.13" },
            { name = "old", version = "0.104.0" },
            { name = "old", version = "0.9.200" },
            { name = "never", version = "7.0.0" },
            { name = "range", version = "1.3.9" },
            { name = "range", version = "1.4.0" },
            { name = "fine", version = "0.1.0" },
        ]
    "#;
    let found: Vec<_> =
        banned(lock, &bans).iter().map(|text| text.split(" (").next().unwrap().to_owned()).collect();
    assert_eq!(found, ["old 0.103.12", "old 0.103.13-alpha.1", "old 0.9.200", "never 7.0.0", "range 1.3.9"]);
}
