//! A diagnosis on a thread of its own: for callers who do not wait, and for those who may leave the wait.

use super::Report;
use super::walk::{examine, examine_settings};
use crate::client::ClientBuilder;
use crate::error::Error;
use crate::inner::Inner;
use crate::os::thread;
use crate::waiter::{Leave, Waited, Waiter};
use enos_core::ErrorKind;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

/// Examines a client on a thread of its own, which then runs `done`.
pub(crate) fn examine_elsewhere(
    client: &Arc<Inner>,
    timeout: Duration,
    done: impl FnOnce(Report) + Send + 'static,
) -> Result<(), Error> {
    let client = client.clone();
    elsewhere(move || examine(&client, timeout), done)
}

/// Examines a client; the caller may leave.
pub(crate) fn examine_or_leave(
    client: &Arc<Inner>,
    timeout: Duration,
    leave: &mut Leave<'_>,
) -> Result<Report, Error> {
    let client = client.clone();
    or_leave(move || examine(&client, timeout), leave)
}

/// Examines settings; the caller may leave.
pub(crate) fn examine_settings_or_leave(
    builder: ClientBuilder,
    timeout: Duration,
    leave: &mut Leave<'_>,
) -> Result<Report, Error> {
    or_leave(move || examine_settings(builder, timeout), leave)
}

fn or_leave(
    examine: impl FnOnce() -> Report + Send + 'static,
    leave: &mut Leave<'_>,
) -> Result<Report, Error> {
    let waiter = Waiter::new();
    let told = waiter.clone();
    elsewhere(examine, move |report| told.bring(Ok(report)))?;
    // It ends by itself, in its time.
    match waiter.wait_or_leave(Duration::MAX, leave) {
        Waited::Told(report) => report,
        Waited::Late | Waited::Left => {
            let text = "the diagnosis was left before it was over. Ask again if it matters.";
            Err(Error::new(ErrorKind::Timeout, text))
        }
    }
}

fn elsewhere(
    examine: impl FnOnce() -> Report + Send + 'static,
    done: impl FnOnce(Report) + Send + 'static,
) -> Result<(), Error> {
    let run = move || {
        let report = examine();
        let device = report.device.clone();
        // It is user code; its panic ends this thread and nothing else.
        if catch_unwind(AssertUnwindSafe(|| done(report))).is_err() {
            log::error!("{device}: what hears of the doctor's report panicked");
        }
    };
    thread::spawn("enos-doctor", run).map(|_| ())
}
