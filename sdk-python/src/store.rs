//! Where a device keeps the secret it received: the SDK's stores, and a program's own.

use crate::attach::callback;
use enos_runtime::{Secret, SecretStore};
use pyo3::prelude::*;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

/// Keeps secrets while the process lives: for tests, and where something else makes them last.
#[pyclass(frozen, module = "enos_sdk")]
pub(crate) struct MemorySecretStore(Arc<enos_runtime::MemorySecretStore>);

#[pymethods]
impl MemorySecretStore {
    #[new]
    fn new() -> Self {
        Self(Arc::new(enos_runtime::MemorySecretStore::new()))
    }

    /// The secret stored for this device; None if there is none yet.
    fn load(&self, product_key: &str, device_key: &str) -> PyResult<Option<String>> {
        load(&*self.0, product_key, device_key)
    }

    /// Keeps the secret, in place of an earlier one.
    fn store(&self, product_key: &str, device_key: &str, secret: &str) -> PyResult<()> {
        Ok(self.0.store(product_key, device_key, &Secret::new(secret))?)
    }
}

/// Keeps secrets in files that only their owner can read, `<folder>/<product key>/<device key>.secret`.
#[pyclass(frozen, module = "enos_sdk")]
pub(crate) struct FileSecretStore(Arc<enos_runtime::FileSecretStore>);

#[pymethods]
impl FileSecretStore {
    #[new]
    fn new(folder: PathBuf) -> Self {
        Self(Arc::new(enos_runtime::FileSecretStore::new(folder)))
    }

    /// The secret stored for this device; None if there is none yet.
    fn load(&self, py: Python<'_>, product_key: &str, device_key: &str) -> PyResult<Option<String>> {
        py.detach(|| load(&*self.0, product_key, device_key))
    }

    /// Keeps the secret, in place of an earlier one; returns when it would survive a power cut.
    fn store(&self, py: Python<'_>, product_key: &str, device_key: &str, secret: &str) -> PyResult<()> {
        Ok(py.detach(|| self.0.store(product_key, device_key, &Secret::new(secret)))?)
    }
}

fn load(store: &dyn SecretStore, product_key: &str, device_key: &str) -> PyResult<Option<String>> {
    Ok(store.load(product_key, device_key)?.map(|secret| secret.expose().to_owned()))
}

/// The store that an object is.
pub(crate) fn of(object: &Bound<'_, PyAny>) -> Arc<dyn SecretStore> {
    if let Ok(memory) = object.cast_exact::<MemorySecretStore>() {
        return memory.get().0.clone();
    }
    if let Ok(file) = object.cast_exact::<FileSecretStore>() {
        return file.get().0.clone();
    }
    Arc::new(Own(object.clone().unbind()))
}

/// A program's own store: an object with `load` and `store`.
struct Own(Py<PyAny>);

impl Own {
    fn ask<R>(&self, act: impl FnOnce(&Bound<'_, PyAny>) -> PyResult<R>) -> io::Result<R> {
        let gone = || Err(io::Error::other("the interpreter is at its end"));
        // An exception's text is the program's own; it is shown, so it should hold no secret.
        callback(|py| act(self.0.bind(py)).map_err(|error| io::Error::other(text(py, &error))))
            .unwrap_or_else(gone)
    }
}

fn text(py: Python<'_>, error: &PyErr) -> String {
    let name = error.get_type(py).name().map_or_else(|_| "an exception".to_owned(), |name| name.to_string());
    format!("{name}: {}", error.value(py))
}

impl SecretStore for Own {
    fn load(&self, product_key: &str, device_key: &str) -> io::Result<Option<Secret>> {
        self.ask(|store| {
            let secret: Option<String> = store.call_method1("load", (product_key, device_key))?.extract()?;
            Ok(secret.map(Secret::new))
        })
    }

    fn store(&self, product_key: &str, device_key: &str, secret: &Secret) -> io::Result<()> {
        self.ask(|store| store.call_method1("store", (product_key, device_key, secret.expose())).map(drop))
    }
}
