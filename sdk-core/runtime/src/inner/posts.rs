//! Posting: the hot path, and what a full queue means to it.

use super::{GRACE, Inner};
use crate::device::{Delivery, PostOptions};
use crate::drive::{Core, Phase, RoomCall};
use crate::error::Error;
use crate::os::clock;
use crate::waiter::{Completion, Leave, Waiter};
use enos_core::engine::{DeviceIx, Request, RequestError, RequestId};
use enos_core::json::Point;
use enos_core::{ErrorKind, Now};
use std::sync::{Arc, PoisonError};
use std::time::Instant;

impl Inner {
    pub(crate) fn post(
        self: &Arc<Self>,
        device: DeviceIx,
        points: &[Point<'_>],
        options: &PostOptions,
        completion: Completion<Delivery>,
    ) -> Result<RequestId, Error> {
        let now = if options.time.is_some() { clock::now_undated() } else { clock::now() };
        let mut core = self.lock_soon(now)?;
        if self.jobs.pending() >= self.most_jobs() {
            core.refused_for_room();
            core.full_of_callbacks = true;
            drop(core);
            return Err(self.refusal(RequestError::QueueFull, points));
        }
        let timeout_ms = clock::timeout_ms(options.timeout);
        let request = match self.request(&mut core, now, device, points, options, timeout_ms) {
            Ok(request) => request,
            Err(error) => {
                drop(core);
                return Err(error);
            }
        };
        core.requests.insert(request.0, completion);
        self.send(core, now)?;
        Ok(request)
    }

    /// Posts and waits for the reply; while the queue is full, for room first.
    pub(crate) fn post_and_wait(
        self: &Arc<Self>,
        device: DeviceIx,
        points: &[Point<'_>],
        options: &PostOptions,
        mut leave: Leave<'_>,
    ) -> Result<Delivery, Error> {
        self.shared.owner().check()?;
        let end = clock::after(options.timeout);
        let waiter = Waiter::new();
        let mut core = self.lock();
        let now = loop {
            let now = clock::now();
            let left = end.saturating_duration_since(Instant::now());
            match self.request(&mut core, now, device, points, options, clock::timeout_ms(left)) {
                Ok(request) => {
                    core.requests.insert(request.0, Completion::Wake(waiter.clone()));
                    break now;
                }
                Err(error) if error.kind == ErrorKind::QueueFull && !left.is_zero() => {
                    core.room_waiters += 1;
                    let piece = leave.piece(left);
                    core = self.room.wait_timeout(core, piece).unwrap_or_else(PoisonError::into_inner).0;
                    core.room_waiters -= 1;
                    if piece < left {
                        drop(core);
                        if leave.now() {
                            return Err(self.left("post"));
                        }
                        core = self.lock();
                    }
                }
                Err(error) => return Err(error),
            }
        };
        self.write(core, now);
        let left = end.saturating_duration_since(Instant::now());
        self.told("post", waiter.wait_or_leave(left.saturating_add(GRACE), &mut leave))
    }

    /// Has `done` told once there may be room for a post: at once, if there was some since one was last refused.
    pub(crate) fn submit_room(self: &Arc<Self>, done: RoomCall) -> Result<(), Error> {
        self.shared.owner().check()?;
        self.act(|core, _, effects| {
            if core.phase == Phase::Closed {
                return Err(Error::closed(&self.act_name("asking for room")));
            }
            if core.room_calls.len() >= self.most_jobs() {
                return Err(self.refusal(RequestError::QueueFull, &[]));
            }
            core.room_calls.push(done);
            effects.room |= core.has_had_room();
            Ok(())
        })
    }

    fn request(
        &self,
        core: &mut Core,
        now: Now,
        device: DeviceIx,
        points: &[Point<'_>],
        options: &PostOptions,
        timeout_ms: u32,
    ) -> Result<RequestId, Error> {
        let time_ms = match options.time {
            None => None,
            Some(time) => Some(clock::wall_ms(time).ok_or_else(|| {
                Error::invalid(format!("post of {} refused: its time is before 1970. Correct it.", self.name))
            })?),
        };
        core.engine.request(now, Request::PostMeasurepoints { device, points, time_ms, timeout_ms }).map_err(
            |error| {
                if error == RequestError::QueueFull {
                    core.refused_for_room();
                }
                self.refusal(error, points)
            },
        )
    }

    fn refusal(&self, error: RequestError, points: &[Point<'_>]) -> Error {
        Error::request(&self.act_name("post"), error, |at| points.get(at).map(|point| point.id))
    }
}
