//! Waiting for sockets with a deadline, and being called off meanwhile.

use crate::link::Down;
use enos_core::LinkFault;
use mio::event::Source;
use mio::{Events, Interest, Poll, Token, Waker};
use std::cell::RefCell;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

const CALLED_OFF: Token = Token(usize::MAX);

/// Calls a dial off from another thread.
#[derive(Default)]
pub(crate) struct Cancel(Mutex<State>);

#[derive(Default)]
struct State {
    cancelled: bool,
    waker: Option<Arc<Waker>>,
}

impl Cancel {
    /// The dial ends soon; its result counts no more.
    pub(crate) fn cancel(&self) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.cancelled = true;
        if let Some(waker) = &state.waker {
            let _ = waker.wake();
        }
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).cancelled
    }

    fn attach(&self, waker: Option<Arc<Waker>>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).waker = waker;
    }
}

/// The place where one dial waits.
pub(crate) struct Wait {
    place: Place,
    cancel: Arc<Cancel>,
}

/// What the operating system gives for waiting.
struct Place {
    poll: Poll,
    events: Events,
    waker: Arc<Waker>,
}

thread_local! {
    /// A dialling thread keeps its place from one dial to the next.
    static KEPT: RefCell<Option<Place>> = const { RefCell::new(None) };
}

impl Wait {
    pub(crate) fn new(cancel: &Arc<Cancel>) -> Result<Self, Down> {
        let place = match KEPT.take() {
            Some(place) => place,
            None => Place::new().map_err(no_poller)?,
        };
        cancel.attach(Some(place.waker.clone()));
        Ok(Self { place, cancel: cancel.clone() })
    }

    /// Ends the waiting for good; the place is kept for the next dial of this thread.
    pub(crate) fn end(self) {
        self.cancel.attach(None);
        KEPT.set(Some(self.place));
    }

    pub(crate) fn watch(&self, source: &mut impl Source, token: usize) -> Result<(), Down> {
        let both = Interest::READABLE | Interest::WRITABLE;
        self.place.poll.registry().register(source, Token(token), both).map_err(no_poller)
    }

    pub(crate) fn leave(&self, source: &mut impl Source) -> Result<(), Down> {
        self.place.poll.registry().deregister(source).map_err(no_poller)
    }

    /// Waits for any of the watched sockets, at the longest until the deadline. Fails when called off.
    pub(crate) fn until(&mut self, deadline: Instant) -> Result<(), Down> {
        if !self.cancel.is_cancelled() {
            let timeout = deadline.saturating_duration_since(Instant::now());
            match self.place.poll.poll(&mut self.place.events, Some(timeout)) {
                Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(no_poller(error)),
                _ => {}
            }
        }
        if self.cancel.is_cancelled() {
            return Err(Down::new(LinkFault::Lost, "the dial was called off"));
        }
        Ok(())
    }

    /// The sockets that became ready in the last wait.
    pub(crate) fn ready(&self) -> impl Iterator<Item = usize> + '_ {
        self.place.events.iter().map(|event| event.token().0)
    }
}

impl Place {
    fn new() -> io::Result<Self> {
        let poll = Poll::new()?;
        let waker = Arc::new(Waker::new(poll.registry(), CALLED_OFF)?);
        Ok(Self { poll, events: Events::with_capacity(8), waker })
    }
}

fn no_poller(error: io::Error) -> Down {
    Down::new(LinkFault::Connect, format!("the operating system cannot watch a socket: {error}"))
}
