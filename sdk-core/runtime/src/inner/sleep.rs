//! Being ready to sleep.

use super::{GRACE, Inner};
use crate::error::Error;
use crate::os::clock;
use crate::waiter::{Completion, Leave, Waiter};
use enos_core::ErrorKind;
use enos_core::engine::{Request, RequestError, WakeReport};
use std::sync::Arc;
use std::time::Duration;

impl Inner {
    /// Asks the engine to finish what is open; the completion is told once it is, or cannot be.
    pub(crate) fn sleep(
        self: &Arc<Self>,
        timeout: Duration,
        completion: Completion<WakeReport>,
    ) -> Result<(), Error> {
        self.shared.owner().check()?;
        self.act(|core, now, _| {
            let request = Request::Sleep { timeout_ms: clock::timeout_ms(timeout) };
            match core.engine.request(now, request) {
                Ok(request) => {
                    core.sleeps.push((request.0, completion));
                    Ok(())
                }
                Err(RequestError::Closed) => Err(Error::closed(&self.act_name("sleep"))),
                Err(error) => Err(Error::request(&self.act_name("sleep"), error, |_| None)),
            }
        })
    }

    pub(crate) fn sleep_or_leave(
        self: &Arc<Self>,
        timeout: Duration,
        mut leave: Leave<'_>,
    ) -> Result<WakeReport, Error> {
        if self.jobs.is_running_here() {
            let text = format!(
                "sleep of {} refused: within a callback it would wait for itself. Call it elsewhere, or submit it.",
                self.name
            );
            return Err(Error::new(ErrorKind::InvalidState, text));
        }
        let waiter = Waiter::new();
        self.sleep(timeout, Completion::Wake(waiter.clone()))?;
        self.told("sleep", waiter.wait_or_leave(timeout.saturating_add(GRACE), &mut leave))
    }
}
