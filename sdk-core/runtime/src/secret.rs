//! Secrets, and where a device keeps the one it received: file, memory, or a store of your own.

use crate::os::files;
use std::collections::HashMap;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use zeroize::Zeroizing;

/// Longest secret that EnOS hands out, in bytes; a longer file is no secret file.
const MAX_SECRET: usize = 256;

/// A secret: wiped when dropped, and shown by nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes the text over.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// The text itself; keep it out of logs and messages.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self::new(text)
    }
}

/// Keeps the secret that a device receives at its activation.
///
/// Called on threads that may wait for a disk, one call at a time for a client. `store` must return only when the
/// secret would survive a power cut: the hub hands it out once.
pub trait SecretStore: Send + Sync {
    /// The secret stored for this device; `None` if there is none yet.
    fn load(&self, product_key: &str, device_key: &str) -> io::Result<Option<Secret>>;

    /// Keeps the secret, in place of an earlier one.
    fn store(&self, product_key: &str, device_key: &str, secret: &Secret) -> io::Result<()>;
}

impl<S: SecretStore + ?Sized> SecretStore for std::sync::Arc<S> {
    fn load(&self, product_key: &str, device_key: &str) -> io::Result<Option<Secret>> {
        (**self).load(product_key, device_key)
    }

    fn store(&self, product_key: &str, device_key: &str, secret: &Secret) -> io::Result<()> {
        (**self).store(product_key, device_key, secret)
    }
}

/// Keeps secrets in files that only their owner can read, `<folder>/<product key>/<device key>.secret`.
///
/// A file is replaced as a whole: after a power cut there is the old secret or the new one. Keys are
/// percent-encoded, so every key makes a valid path.
#[derive(Debug)]
pub struct FileSecretStore {
    folder: PathBuf,
}

impl FileSecretStore {
    /// Keeps secrets below this folder, which is made when the first one is stored.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    fn path(&self, product_key: &str, device_key: &str) -> PathBuf {
        let mut path = self.folder.clone();
        push_key(&mut path, product_key);
        push_key(&mut path, device_key);
        path.as_mut_os_string().push(".secret");
        path
    }
}

/// Appends a key as one or, if it is long, several path elements. File systems take 255 bytes for each.
fn push_key(path: &mut PathBuf, key: &str) {
    const LONGEST: usize = 200;
    let mut element = String::new();
    for byte in key.bytes() {
        if element.len() > LONGEST {
            // No shorter key ends like this: "%" is always followed by two digits.
            element.push('%');
            path.push(&element);
            element.clear();
        }
        match byte {
            b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' | b'-' | b'_' => element.push(char::from(byte)),
            _ => element.push_str(&format!("%{byte:02X}")),
        }
    }
    path.push(element);
}

impl SecretStore for FileSecretStore {
    fn load(&self, product_key: &str, device_key: &str) -> io::Result<Option<Secret>> {
        let path = self.path(product_key, device_key);
        let read = files::read_bounded(&path, MAX_SECRET + 2).map_err(|error| at(&path, error))?;
        let Some(bytes) = read else { return Ok(None) };
        let bytes = Zeroizing::new(bytes);
        let text = std::str::from_utf8(&bytes).map_err(|_| damaged(&path))?;
        let text = text.strip_suffix('\n').unwrap_or(text);
        if text.is_empty() || text.len() > MAX_SECRET || text.contains(['\n', '\0']) {
            return Err(damaged(&path));
        }
        if files::readable_by_others(&path) {
            log::warn!("others can read {}: make it readable for its owner only", path.display());
        }
        Ok(Some(Secret::new(text)))
    }

    fn store(&self, product_key: &str, device_key: &str, secret: &Secret) -> io::Result<()> {
        let path = self.path(product_key, device_key);
        let mut bytes = Zeroizing::new(Vec::with_capacity(secret.expose().len() + 1));
        bytes.extend_from_slice(secret.expose().as_bytes());
        bytes.push(b'\n');
        files::replace_owner_only(&path, &bytes).map_err(|error| at(&path, error))
    }
}

fn damaged(path: &Path) -> io::Error {
    let text =
        format!("{} is no secret file. Remove it, and let the device be activated again", path.display());
    io::Error::new(io::ErrorKind::InvalidData, text)
}

fn at(path: &Path, error: io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

/// Keeps secrets while the process lives: for tests, and where something else makes them last.
#[derive(Debug, Default)]
pub struct MemorySecretStore {
    secrets: Mutex<HashMap<(String, String), Secret>>,
}

impl MemorySecretStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }
}

impl SecretStore for MemorySecretStore {
    fn load(&self, product_key: &str, device_key: &str) -> io::Result<Option<Secret>> {
        let secrets = self.secrets.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(secrets.get(&(product_key.to_owned(), device_key.to_owned())).cloned())
    }

    fn store(&self, product_key: &str, device_key: &str, secret: &Secret) -> io::Result<()> {
        let mut secrets = self.secrets.lock().unwrap_or_else(PoisonError::into_inner);
        secrets.insert((product_key.to_owned(), device_key.to_owned()), secret.clone());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_not_shown() {
        assert_eq!(format!("{:?}", Secret::new("canary")), "Secret(..)");
        let store = MemorySecretStore::new();
        store.store("pk", "dk", &"canary".into()).unwrap();
        assert!(!format!("{store:?}").contains("canary"));
        assert_eq!(store.load("pk", "dk").unwrap().unwrap().expose(), "canary");
        assert!(store.load("pk", "d").unwrap().is_none());
    }

    #[test]
    fn every_key_makes_a_path_of_its_own() {
        let store = FileSecretStore::new("f");
        let long = "é".repeat(128);
        let keys = ["a", "a/b", "..", ".", "a%2Fb", "a b", "A", "", &long, &long[..254], &long[..68]];
        let paths: std::collections::HashSet<_> = keys.iter().map(|key| store.path("pk", key)).collect();
        assert_eq!(paths.len(), keys.len());
        for path in paths {
            assert!(path.starts_with("f/pk") && !path.to_string_lossy().contains(".."), "{}", path.display());
            assert!(path.iter().all(|element| element.len() < 255));
        }
    }
}
