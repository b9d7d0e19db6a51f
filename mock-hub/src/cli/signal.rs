//! SIGTERM and SIGINT (Ctrl-C elsewhere than on Unix).

use std::time::Duration;

use tokio::runtime::Runtime;
use tokio::task::JoinHandle;

use crate::clock::real;

/// How often to look whether the hub still runs.
const LOOK: Duration = Duration::from_millis(500);

/// Signals that end the process, caught.
pub(super) struct Termination {
    runtime: Runtime,
    told: JoinHandle<()>,
}

impl Termination {
    /// Catches the signals from now on.
    pub(super) fn catch() -> Result<Self, String> {
        let failed = |error| format!("cannot catch signals: {error}");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
        let told = runtime.block_on(async { listen() }).map_err(failed)?;
        Ok(Self { runtime, told })
    }

    /// Returns true when a signal has come, false when `running` says no before that.
    pub(super) fn wait(self, running: impl Fn() -> bool) -> bool {
        let Self { runtime, mut told } = self;
        runtime.block_on(async {
            while running() {
                tokio::select! {
                    // An error means that the task panicked: then ending is right too.
                    _ = &mut told => return true,
                    () = real::sleep(LOOK) => {}
                }
            }
            false
        })
    }
}

#[cfg(unix)]
fn listen() -> std::io::Result<JoinHandle<()>> {
    use tokio::signal::unix::{SignalKind, signal};

    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    Ok(tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    }))
}

#[cfg(not(unix))]
fn listen() -> std::io::Result<JoinHandle<()>> {
    Ok(tokio::spawn(async {
        // An error means that no signal can come; ending at once beats not ending at all.
        let _ = tokio::signal::ctrl_c().await;
    }))
}
