//! `enos_sdk._native`: what the Python package is made of, over `enos_runtime`.
//!
//! Owns the border: objects in, objects out, the interpreter's lock, its signals, its end. Refuses protocol logic,
//! defaults and checks of values: those are `enos_runtime`'s. The API that users see stands in `python/enos_sdk`.
//!
//! No thread waits while it holds the interpreter's lock, and no lock of the SDK is held while Python code runs.

mod attach;
mod bridge;
mod client;
mod command;
mod config;
mod doctor;
mod error;
mod handlers;
mod inspect;
mod json;
mod lifecycle;
mod log;
mod pending;
mod signal;
mod sleep;
mod stats;
mod store;
mod time;
mod values;

/// The native part of `enos_sdk`; users import `enos_sdk`.
#[pyo3::pymodule]
mod _native {
    use pyo3::exceptions::PyImportError;
    use pyo3::ffi;
    use pyo3::prelude::*;

    /// Refuses a subinterpreter: the threads of the SDK would call back into the main one.
    #[pymodule_init]
    fn check(_module: &Bound<'_, PyModule>) -> PyResult<()> {
        // SAFETY: the module is being imported, so this thread has the lock of an interpreter.
        let interpreter = unsafe { ffi::PyInterpreterState_GetID(ffi::PyInterpreterState_Get()) };
        match interpreter {
            0 => Ok(()),
            other => Err(PyImportError::new_err(format!("this is subinterpreter {other}"))),
        }
    }

    #[pymodule_export]
    use super::bridge::Bridge;
    #[pymodule_export]
    use super::client::{ClientCore, Runtime};
    #[pymodule_export]
    use super::command::{Invocation, Responder};
    #[pymodule_export]
    use super::doctor::examine;
    #[pymodule_export]
    use super::error::{error_table, kind_of_hub_code};
    #[pymodule_export]
    use super::handlers::Registration;
    #[pymodule_export]
    use super::inspect::{
        coap_psk_identity, coap_psk_key, coap_sign, hub_url, mqtt_client_id, mqtt_password, mqtt_username,
        parse_topic, sign, topic, topic_kinds, value_json,
    };
    #[pymodule_export]
    use super::log::{log_end, log_level};
    #[pymodule_export]
    use super::pending::Pending;
    #[pymodule_export]
    use super::store::{FileSecretStore, MemorySecretStore};
    #[pymodule_export]
    use super::values::Point;

    /// The version of the SDK, the same in every language.
    #[pymodule_export]
    #[allow(non_upper_case_globals, reason = "the name is Python's")]
    const __version__: &str = env!("CARGO_PKG_VERSION");
}
