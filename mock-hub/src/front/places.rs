//! Places for HTTP connections. When all are taken, the connection that has been idle longest gives its place to a
//! new one: a peer that opens many and says nothing keeps nobody out.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use axum::body::{Body, Bytes, HttpBody};
use hyper::body::{Frame, SizeHint};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, TryAcquireError};

/// The places of one listening socket.
#[derive(Clone)]
pub(super) struct Places(Arc<Shared>);

struct Shared {
    room: Arc<Semaphore>,
    idle: Mutex<Idle>,
}

/// Who is idle, by the order in which it came to be.
#[derive(Default)]
struct Idle {
    last: u64,
    waiting: BTreeMap<u64, Arc<Notify>>,
}

/// A place that was given.
pub(super) enum Given {
    /// It is free.
    Free(OwnedSemaphorePermit),
    /// It is free as soon as the idle connection that held it has ended.
    Soon(Pin<Box<dyn Future<Output = Option<OwnedSemaphorePermit>> + Send>>),
}

impl Places {
    pub(super) fn new(count: usize) -> Self {
        Self(Arc::new(Shared { room: Arc::new(Semaphore::new(count)), idle: Mutex::default() }))
    }

    /// A place for a new connection; none if all are taken by requests that are being answered.
    pub(super) fn give(&self) -> Option<Given> {
        match self.0.room.clone().try_acquire_owned() {
            Ok(permit) => Some(Given::Free(permit)),
            Err(TryAcquireError::Closed) => None,
            Err(TryAcquireError::NoPermits) => {
                let (_, longest) = self.0.idle().waiting.pop_first()?;
                longest.notify_one();
                let room = self.0.room.clone();
                Some(Given::Soon(Box::pin(async move { room.acquire_owned().await.ok() })))
            }
        }
    }

    /// A connection that has a place; it is idle until its first request.
    pub(super) fn enter(&self, permit: OwnedSemaphorePermit) -> Held {
        let held = Held(Arc::new(Place {
            shared: self.0.clone(),
            _permit: permit,
            called_off: Arc::new(Notify::new()),
            state: Mutex::default(),
        }));
        held.0.rest();
        held
    }
}

impl Given {
    /// Waits until the place is free.
    pub(super) async fn taken(self) -> Option<OwnedSemaphorePermit> {
        match self {
            Self::Free(permit) => Some(permit),
            Self::Soon(permit) => permit.await,
        }
    }
}

impl Shared {
    fn idle(&self) -> MutexGuard<'_, Idle> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection's hold on its place.
#[derive(Clone)]
pub(super) struct Held(Arc<Place>);

struct Place {
    shared: Arc<Shared>,
    _permit: OwnedSemaphorePermit,
    called_off: Arc<Notify>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    requests: usize,
    /// Where it stands among the idle.
    idle: Option<u64>,
}

impl Held {
    /// Waits until the place is wanted by another connection.
    pub(super) async fn called_off(&self) {
        self.0.called_off.notified().await;
    }

    /// A request has come; it lasts until what this gives is dropped.
    pub(super) fn request(&self) -> Busy {
        let mut state = self.0.state();
        state.requests += 1;
        if let Some(at) = state.idle.take() {
            self.0.shared.idle().waiting.remove(&at);
        }
        drop(state);
        Busy(self.0.clone())
    }
}

impl Place {
    fn rest(&self) {
        let mut state = self.state();
        if state.requests > 0 {
            return;
        }
        let mut idle = self.shared.idle();
        idle.last += 1;
        let at = idle.last;
        idle.waiting.insert(at, self.called_off.clone());
        state.idle = Some(at);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(at) = self.state().idle.take() {
            self.shared.idle().waiting.remove(&at);
        }
    }
}

/// A request that is being answered.
pub(super) struct Busy(Arc<Place>);

impl Busy {
    /// The answer's body, which ends the request with its last byte: a live stream is no idle connection.
    pub(super) fn until_sent(self, body: Body) -> Body {
        Body::new(Sending { body, _busy: self })
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.state().requests -= 1;
        self.0.rest();
    }
}

struct Sending {
    body: Body,
    _busy: Busy,
}

impl HttpBody for Sending {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn enter(places: &Places) -> Held {
        match places.give() {
            Some(Given::Free(permit)) => places.enter(permit),
            Some(Given::Soon(_)) => panic!("the place is not free yet"),
            None => panic!("no place"),
        }
    }

    #[tokio::test]
    async fn the_longest_idle_connection_gives_its_place_up() {
        let places = Places::new(2);
        let (first, second) = (enter(&places), enter(&places));
        // The first has talked since, so the second has been idle for longer.
        drop(first.request());
        let given = places.give().unwrap();
        second.called_off().await;
        drop(second);
        let third = places.enter(given.taken().await.unwrap());
        let _busy = [first.request(), third.request()];
        assert!(places.give().is_none(), "a request that is being answered is not cut");
    }

    #[tokio::test]
    async fn a_place_is_promised_once() {
        let places = Places::new(1);
        let first = enter(&places);
        let given = places.give().unwrap();
        assert!(places.give().is_none());
        drop(first);
        drop(given);
        enter(&places);
    }
}
