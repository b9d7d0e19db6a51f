//! Threads: named, and counted by who starts them.

use crate::error::Error;
use enos_core::ErrorKind;
use std::thread::{Builder, JoinHandle};

/// Starts a thread of ours.
pub(crate) fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, Error> {
    Builder::new().name(name.to_owned()).spawn(run).map_err(|error| {
        let text =
            format!("no thread \"{name}\" could be started: {error}. Raise the limit on threads or memory.");
        Error::new(ErrorKind::OutOfMemory, text)
    })
}
