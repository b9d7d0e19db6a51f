//! A device and its verbs: posting measurepoints, taking commands.

use crate::command::{Invocation, Registration, Responder};
use crate::error::Error;
use crate::inner::{Inner, Slot};
use crate::waiter::{Completion, Leave, Waiter};
use enos_core::engine::{DeviceIx, RequestId};
use enos_core::json::Point;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// How long a post may take unless told otherwise.
const POST_TIMEOUT: Duration = Duration::from_secs(10);

/// The fate of a post.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Delivery {
    /// The hub has accepted it.
    Acknowledged {
        /// The request's number.
        request: RequestId,
    },
    /// It was taken, and the caller did not wait. It is sent as soon as there is a connection, and sent again after
    /// a lost one; if its time runs out, that is logged and counted only.
    Queued {
        /// The request's number.
        request: RequestId,
    },
}

/// How to post.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PostOptions {
    /// When it was measured; `None`: now.
    pub time: Option<SystemTime>,
    /// Longest time until the hub's reply, with the wait for a connection and for room in the queue.
    pub timeout: Duration,
    /// Whether to wait for the hub's reply.
    pub wait: bool,
}

impl Default for PostOptions {
    fn default() -> Self {
        Self { time: None, timeout: POST_TIMEOUT, wait: true }
    }
}

impl PostOptions {
    /// Measured now; 10 s; waits.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets when it was measured.
    pub fn time(mut self, time: SystemTime) -> Self {
        self.time = Some(time);
        self
    }

    /// Sets the longest time until the hub's reply.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sets whether to wait for the hub's reply.
    pub fn wait(mut self, wait: bool) -> Self {
        self.wait = wait;
        self
    }
}

/// What is under way, such as a post. Dropping it leaves that alone.
#[must_use = "it goes on, but nobody hears how it ends"]
pub struct Pending<T = Delivery>(pub(crate) Arc<Waiter<T>>);

impl<T> Pending<T> {
    /// Waits for the end, so long at the most; `None` if it has not come, or was told already.
    ///
    /// The end comes within the time that was given for it, so it can be waited for in short pieces.
    pub fn wait(&self, longest: Duration) -> Option<Result<T, Error>> {
        self.0.wait(longest)
    }
}

impl<T> std::fmt::Debug for Pending<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Pending")
    }
}

/// A device of a client. A cheap handle: it does not keep the client open.
#[derive(Clone)]
pub struct Device {
    inner: Arc<Inner>,
    index: DeviceIx,
}

impl Device {
    pub(crate) fn new(inner: Arc<Inner>, index: DeviceIx) -> Self {
        Self { inner, index }
    }

    pub(crate) fn inner(&self) -> &Arc<Inner> {
        &self.inner
    }

    /// The product's key.
    pub fn product_key(&self) -> &str {
        self.inner.product_key()
    }

    /// The device's key.
    pub fn device_key(&self) -> &str {
        self.inner.device_key()
    }

    /// Posts points measured now, and waits for the hub's reply, 10 s at the most.
    ///
    /// All points are of one moment: of an identifier that is there twice the hub keeps one value.
    ///
    /// Fails with the hub's code, or with `Timeout` or `LinkLost`. While the queue is full it waits for room. May be
    /// called from any thread, callbacks too.
    pub fn post_measurepoints(&self, points: &[Point<'_>]) -> Result<Delivery, Error> {
        self.post_measurepoints_with(points, PostOptions::new())
    }

    /// As [`post_measurepoints`](Self::post_measurepoints), for points measured at `time`.
    pub fn post_measurepoints_at(&self, points: &[Point<'_>], time: SystemTime) -> Result<Delivery, Error> {
        self.post_measurepoints_with(points, PostOptions::new().time(time))
    }

    /// As [`post_measurepoints`](Self::post_measurepoints), with options. Without waiting it fails with `QueueFull`
    /// while there is no room, and otherwise returns at once.
    pub fn post_measurepoints_with(
        &self,
        points: &[Point<'_>],
        options: PostOptions,
    ) -> Result<Delivery, Error> {
        if options.wait {
            self.inner.post_and_wait(self.index, points, &options, Leave::NEVER)
        } else {
            let request = self.inner.post(self.index, points, &options, Completion::Nobody)?;
            Ok(Delivery::Queued { request })
        }
    }

    /// As [`post_measurepoints_with`](Self::post_measurepoints_with) with a wait, for a caller who may have to leave it:
    /// `leave` is called on this thread each 25 ms or sooner while it waits, and no lock is held meanwhile.
    ///
    /// Once it gives true this fails with `Timeout` at once; what was posted by then goes its way.
    pub fn post_measurepoints_unless(
        &self,
        points: &[Point<'_>],
        options: PostOptions,
        mut leave: impl FnMut() -> bool,
    ) -> Result<Delivery, Error> {
        self.inner.post_and_wait(self.index, points, &options, Leave::when(&mut leave))
    }

    /// Posts points; `done` is called once, on a callback thread, when the post is over. Never waits.
    ///
    /// Fails, without calling `done`, on what is wrong with the points, and with `QueueFull` while there is no
    /// room. `options.wait` counts for nothing here.
    pub fn submit_measurepoints(
        &self,
        points: &[Point<'_>],
        options: PostOptions,
        done: impl FnOnce(Result<Delivery, Error>) + Send + 'static,
    ) -> Result<RequestId, Error> {
        self.inner.post(self.index, points, &options, Completion::Call(Box::new(done)))
    }

    /// Posts points and gives what can be waited for: for callers who keep many posts open, or who must be able to
    /// leave a wait. Never waits itself; fails as [`submit_measurepoints`](Self::submit_measurepoints) does.
    pub fn begin_measurepoints(&self, points: &[Point<'_>], options: PostOptions) -> Result<Pending, Error> {
        let waiter = Waiter::new();
        self.inner.post(self.index, points, &options, Completion::Wake(waiter.clone()))?;
        Ok(Pending(waiter))
    }

    /// Has `done` called once, on a callback thread, when there may be room for a post: at once, if there was some since
    /// a post of this client was last refused with `QueueFull`. Never waits. `done` gets `Closed` if the client ends.
    ///
    /// For callers whose posts wait in a line of their own, without a thread for each: ask once for all of them, and
    /// again when the first of them is refused again. Fails with `QueueFull` if too many ask.
    pub fn submit_room(&self, done: impl FnOnce(Result<(), Error>) + Send + 'static) -> Result<(), Error> {
        self.inner.submit_room(Box::new(done))
    }

    /// Calls `handler` for each invocation of this service, in place of an earlier handler.
    ///
    /// Handlers of one client run one after the other, on a callback thread; what they return is ignored. A panic
    /// is caught and answered with 1102. Without a handler the client answers 1101.
    pub fn on_service<R>(
        &self,
        identifier: &str,
        handler: impl Fn(Invocation, Responder) -> R + Send + Sync + 'static,
    ) -> Result<Registration, Error> {
        self.on(Slot::Service(identifier.into()), handler)
    }

    /// Calls `handler` when the hub sets measurepoints; as [`on_service`](Self::on_service).
    pub fn on_measurepoint_set<R>(
        &self,
        handler: impl Fn(Invocation, Responder) -> R + Send + Sync + 'static,
    ) -> Result<Registration, Error> {
        self.on(Slot::MeasurepointSet, handler)
    }

    /// Calls `handler` when the hub reads measurepoints; as [`on_service`](Self::on_service).
    pub fn on_measurepoint_get<R>(
        &self,
        handler: impl Fn(Invocation, Responder) -> R + Send + Sync + 'static,
    ) -> Result<Registration, Error> {
        self.on(Slot::MeasurepointGet, handler)
    }

    fn on<R>(
        &self,
        slot: Slot,
        handler: impl Fn(Invocation, Responder) -> R + Send + Sync + 'static,
    ) -> Result<Registration, Error> {
        let handler = move |invocation: Invocation, responder: Responder| {
            handler(invocation, responder);
        };
        self.inner.register(self.index, slot, Arc::new(handler))
    }
}

impl std::fmt::Debug for Device {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Device")
            .field("product_key", &self.product_key())
            .field("device_key", &self.device_key())
            .finish()
    }
}
