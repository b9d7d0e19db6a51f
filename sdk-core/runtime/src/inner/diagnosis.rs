//! What a diagnosis asks of a client, and the second session of the same device that it may need.

use super::{GRACE, Inner, Parts};
use crate::command::Handler;
use crate::dial::Plan;
use crate::drive::Phase;
use crate::error::Error;
use crate::link::{Down, First};
use crate::os::clock;
use crate::runtime::Shared;
use crate::secret::Secret;
use crate::waiter::{Completion, Waiter};
use enos_core::engine::{DeviceIx, Request};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

/// How long a command of a second session may wait for its handler to begin.
const TO_BEGIN: Duration = Duration::from_secs(1);

/// The handlers of a client, to be lent to a second session.
type Handlers = (Vec<(Arc<str>, Handler)>, Option<Handler>, Option<Handler>);

impl Inner {
    /// Where the client stands.
    pub(crate) fn phase(&self) -> Phase {
        self.lock().phase
    }

    /// What the link last said, the first bytes that came over it, and why the last attempt failed.
    pub(crate) fn evidence(&self) -> (Option<Down>, First, Option<Error>) {
        self.lock().evidence()
    }

    /// Counts a sign-in that is made beside the client's own; refused with the time until there is room.
    pub(crate) fn spend_dial(&self) -> Result<(), Duration> {
        self.lock().engine.spend_dial(clock::now()).map_err(Duration::from_millis)
    }

    /// Asks the hub for something that changes nothing, and waits for its reply; any code of the hub is an error
    /// that carries it.
    pub(crate) fn probe(self: &Arc<Self>, timeout: Duration) -> Result<(), Error> {
        self.shared.owner().check()?;
        let waiter = Waiter::new();
        let now = clock::now();
        let mut core = self.lock();
        let request = core
            .engine
            .request(now, Request::Probe { timeout_ms: clock::timeout_ms(timeout) })
            .map_err(|error| Error::request(&self.act_name("probe"), error, |_| None))?;
        core.requests.insert(request.0, Completion::Wake(waiter.clone()));
        self.write(core, now);
        waiter.wait(timeout.saturating_add(GRACE)).unwrap_or_else(|| Err(self.late("probe"))).map(|_| ())
    }

    /// A second session of the same device: same engine, same way, this plan, one dial. Its commands go to the
    /// handlers of this client.
    pub(crate) fn twin(
        self: &Arc<Self>,
        plan: Plan,
        stored: Option<&Secret>,
        sign_in: Duration,
    ) -> Result<Arc<Self>, Error> {
        let recipe = &self.parts.recipe;
        let engine = recipe.engine(stored, |config| {
            config.dial_budget = 1;
            config.dial_window_s = u16::MAX;
            config.sign_in_timeout_ms = config.sign_in_timeout_ms.min(clock::timeout_ms(sign_in).max(1));
        })?;
        let parts = Parts {
            product_key: self.parts.product_key.clone(),
            device_key: self.parts.device_key.clone(),
            plan,
            store: None,
            recipe: recipe.clone(),
            requests: self.parts.requests,
            beside: Some(self.clone()),
        };
        let shared: &Arc<Shared> = &self.shared;
        let twin = shared.add(|token| Self::new(shared.clone(), token, parts, engine))?;
        let (services, set, get) = self.handlers();
        twin.act(|core, now, _| {
            let mut kinds = Vec::new();
            for (id, handler) in services {
                kinds.push(super::Slot::Service(id.clone()));
                core.services.insert(id, (0, handler));
            }
            if let Some(handler) = set {
                kinds.push(super::Slot::MeasurepointSet);
                core.set = Some((0, handler));
            }
            if let Some(handler) = get {
                kinds.push(super::Slot::MeasurepointGet);
                core.get = Some((0, handler));
            }
            for slot in &kinds {
                if let Some(kind) = slot.kind() {
                    // There is room: the client has the same limits, and took as many.
                    let _ = core.engine.request(now, Request::Handle { device: DeviceIx::ROOT, kind });
                }
            }
        });
        Ok(twin)
    }

    fn handlers(&self) -> Handlers {
        let core = self.lock();
        let of = |entry: &Option<(u64, Handler)>| entry.as_ref().map(|(_, handler)| handler.clone());
        let services = core.services.iter().map(|(id, (_, handler))| (id.clone(), handler.clone())).collect();
        (services, of(&core.set), of(&core.get))
    }

    /// The client that a command is told to be for: a session beside it is gone before a handler may post.
    pub(crate) fn commanded(self: &Arc<Self>) -> &Arc<Self> {
        self.parts.beside.as_ref().unwrap_or(self)
    }

    /// Waits until the deadline for the answers to the commands that have come. What no handler has begun with after a
    /// moment is answered with 1102: the callback thread is busy, perhaps with the very call that waits here.
    pub(crate) fn let_answer(self: &Arc<Self>, deadline: Instant) {
        for end in [deadline.min(clock::after(TO_BEGIN)), deadline] {
            let mut core = self.lock();
            while core.calls > 0 && core.phase == Phase::Online {
                let left = end.saturating_duration_since(Instant::now());
                if left.is_zero() {
                    break;
                }
                core.room_waiters += 1;
                core = self.room.wait_timeout(core, left).unwrap_or_else(PoisonError::into_inner).0;
                core.room_waiters -= 1;
            }
            drop(core);
            // Dropped, a command's responder answers for it.
            drop(self.jobs.take_commands());
        }
    }

    /// Ends a session without waiting for callbacks of it; within the time or soon after.
    pub(crate) fn part(self: &Arc<Self>, timeout: Duration) {
        let waiter = Waiter::new();
        if self.close(timeout, Completion::Wake(waiter.clone())).is_ok() {
            let _ = waiter.wait(timeout.saturating_add(GRACE));
        }
    }
}
