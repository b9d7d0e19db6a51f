//! Waiting for sockets with a deadline, and being called off meanwhile.

use crate::link::Down;
use enos_core::LinkFault;
use mio::event::Source;
use mio::{Events, Interest, Poll, Registry, Token, Waker};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
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

/// A place that is kept from one dial to the next, by all the dials of a runtime.
#[derive(Default)]
pub(crate) struct Spare(Mutex<Option<Place>>);

impl Spare {
    fn kept(&self) -> MutexGuard<'_, Option<Place>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wait {
    pub(crate) fn new(spare: &Spare, cancel: &Arc<Cancel>) -> Result<Self, Down> {
        let kept = spare.kept().take();
        let place = match kept {
            Some(place) => place,
            None => Place::new().map_err(no_poller)?,
        };
        cancel.attach(Some(place.waker.clone()));
        Ok(Self { place, cancel: cancel.clone() })
    }

    /// Ends the waiting for good; the place is kept for the next dial.
    pub(crate) fn end(self, spare: &Spare) {
        self.cancel.attach(None);
        *spare.kept() = Some(self.place);
    }

    /// Where the dialled socket is registered until it is handed over.
    pub(crate) fn registry(&self) -> &Registry {
        self.place.poll.registry()
    }

    pub(crate) fn watch(&self, source: &mut impl Source, token: usize) -> Result<(), Down> {
        let both = Interest::READABLE | Interest::WRITABLE;
        self.place.poll.registry().register(source, Token(token), both).map_err(no_poller)
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

    /// Whether somebody has called the dial off.
    #[cfg(feature = "coaps")]
    pub(crate) fn is_called_off(&self) -> bool {
        self.cancel.is_cancelled()
    }

    /// Whether a socket that became ready in the last wait has been shut by its peer, or is broken.
    pub(crate) fn ended(&self) -> bool {
        self.place.events.iter().any(|event| event.is_read_closed() || event.is_error())
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
