//! Connecting and closing: asked once, told to all who wait.

use super::{GRACE, Inner};
use crate::drive::{DialOrder, Phase};
use crate::error::Error;
use crate::os::clock;
use crate::waiter::{Completion, Leave, Waiter};
use enos_core::ErrorKind;
use enos_core::engine::{Request, RequestError};
use std::sync::Arc;
use std::time::{Duration, Instant};

impl Inner {
    pub(crate) fn connect(
        self: &Arc<Self>,
        timeout: Duration,
        completion: Completion<()>,
    ) -> Result<(), Error> {
        if let Some(order) = self.start_connect(timeout, completion)? {
            self.dial_elsewhere(order);
        }
        Ok(())
    }

    /// Asks the engine for a connection; gives back the dial that follows from it, if any.
    fn start_connect(
        self: &Arc<Self>,
        timeout: Duration,
        completion: Completion<()>,
    ) -> Result<Option<DialOrder>, Error> {
        self.shared.owner().check()?;
        let (started, order) = self.act_but_dial(|core, now, effects| {
            if core.phase == Phase::Online {
                core.complete(completion, Ok(()), effects);
                return Ok(());
            }
            let timeout_ms = clock::timeout_ms(timeout);
            match core.engine.request(now, Request::Connect { timeout_ms: Some(timeout_ms) }) {
                // The second: it is being done already, and will be told to all who ask.
                Ok(_) | Err(RequestError::State(_)) => {}
                Err(RequestError::Closed) => return Err(Error::closed(&self.act_name("connect"))),
                Err(error) => return Err(Error::request(&self.act_name("connect"), error, |_| None)),
            }
            core.phase = Phase::Connecting;
            let grace = clock::millis(GRACE) / 2;
            core.connects.push((now.mono_ms + u64::from(timeout_ms) + grace, completion));
            Ok(())
        });
        started.map(|()| order)
    }

    pub(crate) fn connect_and_wait(self: &Arc<Self>, timeout: Duration) -> Result<(), Error> {
        let end = clock::after(timeout.saturating_add(GRACE));
        let waiter = Waiter::new();
        match self.start_connect(timeout, Completion::Wake(waiter.clone()))? {
            Some(order) if self.can_dial_here(&order) => self.dial_here(order, end),
            Some(order) => self.dial_elsewhere(order),
            None => {}
        }
        let left = end.saturating_duration_since(Instant::now());
        waiter.wait(left).unwrap_or_else(|| Err(self.late("connect")))
    }

    /// The same for a caller who may leave; so another thread dials, since what a dial waits for cannot be left.
    pub(crate) fn connect_or_leave(
        self: &Arc<Self>,
        timeout: Duration,
        mut leave: Leave<'_>,
    ) -> Result<(), Error> {
        let waiter = Waiter::new();
        self.connect(timeout, Completion::Wake(waiter.clone()))?;
        self.told("connect", waiter.wait_or_leave(timeout.saturating_add(GRACE), &mut leave))
    }

    /// Starts closing; the completion is told once it is over.
    pub(crate) fn close(
        self: &Arc<Self>,
        timeout: Duration,
        completion: Completion<()>,
    ) -> Result<(), Error> {
        self.shared.owner().check()?;
        self.act(|core, now, effects| {
            if core.phase == Phase::Closed {
                core.complete(completion, Ok(()), effects);
                return;
            }
            let timeout_ms = clock::timeout_ms(timeout);
            // The engine signs off when its time is over; what then still stands is cut.
            let end = now.mono_ms + u64::from(timeout_ms) + clock::millis(GRACE) / 2;
            let end = core.force_at.map_or(end, |earlier| earlier.min(end));
            core.closes.push(completion);
            core.force_at = Some(end);
            // Refused if it is closing already: then only the end may have moved.
            let _ = core.engine.request(now, Request::Close { timeout_ms });
        });
        Ok(())
    }

    /// Closes, and waits for the end and for the callbacks that run; within a callback it only starts closing.
    pub(crate) fn close_and_wait(
        self: &Arc<Self>,
        timeout: Duration,
        mut leave: Leave<'_>,
    ) -> Result<(), Error> {
        if self.jobs.is_running_here() {
            return self.close(timeout, Completion::Nobody);
        }
        let deadline = clock::after(timeout.saturating_add(GRACE));
        let waiter = Waiter::new();
        self.close(timeout, Completion::Wake(waiter.clone()))?;
        self.told("close", waiter.wait_or_leave(timeout.saturating_add(GRACE), &mut leave))?;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if self.jobs.wait_idle(leave.piece(left)) {
                return Ok(());
            }
            if left.is_zero() {
                break;
            }
            if leave.now() {
                return Err(self.left("close"));
            }
        }
        let text = format!(
            "close of {}: it is closed, but a callback has not returned in time. Let it return.",
            self.name
        );
        Err(Error::new(ErrorKind::Timeout, text))
    }
}
