//! Which peers the rest of the hub has something to say to, without a look at each.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Wake, Waker};

/// The peers that were rung for, and who hears of it.
#[derive(Default)]
pub(super) struct Rings(Mutex<State>);

#[derive(Default)]
struct State {
    /// A line rings once between two looks, so there are no more than sessions.
    rung: Vec<SocketAddr>,
    listener: Option<Waker>,
}

struct Ring {
    rings: Arc<Rings>,
    from: SocketAddr,
}

impl Rings {
    /// Wakes `waker` at the next ring.
    pub(super) fn listen(&self, waker: &Waker) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !state.listener.as_ref().is_some_and(|listener| listener.will_wake(waker)) {
            state.listener = Some(waker.clone());
        }
    }

    /// Who was rung for since the last call.
    pub(super) fn take(&self) -> Vec<SocketAddr> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner).rung)
    }

    /// A waker that rings for a peer.
    pub(super) fn waker(self: &Arc<Self>, from: SocketAddr) -> Waker {
        Waker::from(Arc::new(Ring { rings: self.clone(), from }))
    }
}

impl Wake for Ring {
    fn wake(self: Arc<Self>) {
        let listener = {
            let mut state = self.rings.0.lock().unwrap_or_else(PoisonError::into_inner);
            state.rung.push(self.from);
            state.listener.clone()
        };
        if let Some(listener) = listener {
            listener.wake();
        }
    }
}
