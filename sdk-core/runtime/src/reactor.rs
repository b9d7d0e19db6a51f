//! The I/O thread: waits for sockets and moments, and gives each client its turn. It runs no user code.

use crate::inner::{Inner, Turn};
use crate::os::clock;
use crate::runtime::{Attend, Shared};
use mio::{Events, Poll, Token};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

/// How long a batch of callbacks may hold back what it sends.
const CORK_MS: u64 = 1;

/// Sockets heard of at once.
const EVENTS: usize = 256;

pub(crate) struct Reactor {
    poll: Poll,
    shared: Arc<Shared>,
    /// Moments, and whose they are. An entry whose moment has moved is passed over.
    moments: BinaryHeap<Reverse<(u64, usize)>>,
    /// Clients that have more to do at once.
    again: Vec<Arc<Inner>>,
    /// Clients whose callbacks run as a batch, and since when.
    corked: Vec<(u64, Arc<Inner>)>,
}

impl Reactor {
    pub(crate) const WOKEN: Token = Token(usize::MAX);

    pub(crate) fn new(poll: Poll, shared: Arc<Shared>) -> Self {
        Self { poll, shared, moments: BinaryHeap::new(), again: Vec::new(), corked: Vec::new() }
    }

    pub(crate) fn run(mut self) {
        let mut events = Events::with_capacity(EVENTS);
        let mut list = Vec::new();
        while !self.shared.is_ending() {
            let timeout = self.sleep();
            if let Err(error) = self.poll.poll(&mut events, timeout)
                && error.kind() != io::ErrorKind::Interrupted
            {
                log::error!("the I/O thread cannot wait: {error}");
                // Rather slow than spinning: timers still work.
                std::thread::park_timeout(Duration::from_millis(10));
            }
            self.shared.awake();
            let only_woken = events.iter().all(|event| event.token() == Self::WOKEN) && !events.is_empty();
            if only_woken {
                // Whoever woke us may have more to send: on one processor it goes on first, and one write takes all.
                std::thread::yield_now();
            }
            for event in &events {
                if event.token() == Self::WOKEN {
                    continue;
                }
                let Some(client) = self.shared.client(event.token().0) else { continue };
                let ended = event.is_read_closed() || event.is_error();
                let (readable, writable) = (event.is_readable(), event.is_writable());
                self.turn(client, |client| client.turn(|core| core.on_ready(readable, writable, ended)));
            }
            for client in std::mem::take(&mut self.again) {
                self.turn(client, |client| client.turn(|_| ()));
            }
            self.shared.take_inbox(&mut list);
            for Attend { client, at, now } in list.drain(..) {
                if let Some(at) = at {
                    self.moments.push(Reverse((at, client.token())));
                }
                if now {
                    self.turn(client, |client| client.turn(|_| ()));
                }
            }
            self.on_clock();
        }
        self.shared.close_inbox();
    }

    /// How long to wait; the flag for wakers is set.
    fn sleep(&self) -> Option<Duration> {
        let moment = self.moments.peek().map(|Reverse((at, _))| *at);
        let corked = self.corked.first().map(|(since, _)| since + CORK_MS);
        let at = moment.into_iter().chain(corked).min();
        if !self.again.is_empty() || !self.shared.fall_asleep(at.unwrap_or(u64::MAX)) {
            return Some(Duration::ZERO);
        }
        at.map(|at| Duration::from_millis(at.saturating_sub(clock::mono_ms())))
    }

    /// One client's turn. A panic in it would be a bug of ours; it must not take the other clients along.
    fn turn(&mut self, client: Arc<Inner>, turn: impl FnOnce(&Arc<Inner>) -> Turn) {
        let Ok(turn) = catch_unwind(AssertUnwindSafe(|| turn(&client))) else {
            log::error!("{}: the I/O thread panicked: this is a bug", client.name());
            return;
        };
        if let Some(at) = turn.arm {
            self.moments.push(Reverse((at, client.token())));
        }
        if turn.corked {
            self.corked.push((clock::mono_ms(), client.clone()));
        }
        if turn.again {
            self.again.push(client);
        }
    }

    fn on_clock(&mut self) {
        let now = clock::mono_ms();
        while let Some(Reverse((at, token))) = self.moments.peek().copied() {
            if at > now {
                break;
            }
            self.moments.pop();
            let Some(client) = self.shared.client(token) else { continue };
            let turn = catch_unwind(AssertUnwindSafe(|| client.on_clock(at)));
            if let Ok(Some(turn)) = turn {
                self.turn(client, |_| turn);
            }
        }
        while let Some((since, _)) = self.corked.first() {
            if now < since + CORK_MS {
                break;
            }
            let (_, client) = self.corked.remove(0);
            client.uncork();
        }
    }
}
