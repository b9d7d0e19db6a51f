//! One connection as the rest of the hub sees it: a bounded mailbox and an order to end.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll, Waker};

use super::{ConnectionId, DeviceId, Outbound, Undelivered};

/// Messages that may wait for a connection's task.
const MAILBOX_MESSAGES: usize = 512;
/// Bytes of topic and payload that may wait; one message is always taken, whatever its size.
const MAILBOX_BYTES: usize = 2 * 1024 * 1024;

/// What a connection's task learns from its line.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum News {
    /// Messages to send, oldest first.
    Messages(Vec<Outbound>),
    /// Close the connection, for this reason. Comes before messages and stays true.
    End(Arc<str>),
}

/// A handle to one connection; all clones share it.
#[derive(Clone)]
pub(crate) struct Line(Arc<Shared>);

struct Shared {
    id: ConnectionId,
    /// The device asks for its commands; nothing can be sent to it.
    pulls: bool,
    /// Who signed in on it.
    device: OnceLock<DeviceId>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    mailbox: VecDeque<Outbound>,
    bytes: usize,
    end: Option<Arc<str>>,
    finished: bool,
    waker: Option<Waker>,
    /// Of the connection that took the device over and waits; there is only one.
    successor: Option<Waker>,
}

impl Line {
    pub(super) fn new(id: ConnectionId, pulls: bool) -> Self {
        Self(Arc::new(Shared { id, pulls, device: OnceLock::new(), state: Mutex::default() }))
    }

    /// Whether the device asks for its commands, since nothing can be sent to it: it sleeps, and wakes by itself.
    pub(super) fn pulls(&self) -> bool {
        self.0.pulls
    }

    pub(crate) fn id(&self) -> ConnectionId {
        self.0.id
    }

    /// The device that signed in on it, once one did.
    pub(crate) fn device(&self) -> Option<&DeviceId> {
        self.0.device.get()
    }

    /// A device signed in; a connection has one for all its life.
    pub(super) fn set_device(&self, device: &DeviceId) {
        let _ = self.0.device.set(device.clone());
    }

    /// Wakes the connection's task, so that it looks at the world anew.
    pub(super) fn nudge(&self) {
        let waker = self.state().waker.take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Puts a message into the mailbox and wakes the connection's task.
    pub(super) fn push(&self, message: Outbound) -> Result<(), Undelivered> {
        let waker = {
            let mut state = self.state();
            if state.finished || state.end.is_some() {
                return Err(Undelivered::NotConnected);
            }
            let size = message.topic.len() + message.payload.len();
            let over = state.mailbox.len() >= MAILBOX_MESSAGES || state.bytes + size > MAILBOX_BYTES;
            if over && !state.mailbox.is_empty() {
                return Err(Undelivered::MailboxFull);
            }
            state.bytes += size;
            state.mailbox.push_back(message);
            state.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
        Ok(())
    }

    /// Orders the connection to end; false if it was ordered before or is gone.
    pub(crate) fn end(&self, reason: &str) -> bool {
        let waker = {
            let mut state = self.state();
            if state.finished || state.end.is_some() {
                return false;
            }
            state.end = Some(reason.into());
            state.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
        true
    }

    /// What has come, or a wake-up when something comes. With `messages` false only an end is told, so that
    /// a connection with no room leaves its mail where the sender sees it pile up.
    pub(crate) fn poll_news(&self, cx: &Context<'_>, messages: bool) -> Poll<News> {
        let mut state = self.state();
        if let Some(reason) = &state.end {
            return Poll::Ready(News::End(reason.clone()));
        }
        if messages && !state.mailbox.is_empty() {
            state.bytes = 0;
            return Poll::Ready(News::Messages(std::mem::take(&mut state.mailbox).into()));
        }
        if !state.waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            state.waker = Some(cx.waker().clone());
        }
        Poll::Pending
    }

    /// What has come by now, without a wake-up later.
    pub(crate) fn look(&self) -> Option<News> {
        let mut state = self.state();
        if let Some(reason) = &state.end {
            return Some(News::End(reason.clone()));
        }
        if state.mailbox.is_empty() {
            return None;
        }
        state.bytes = 0;
        Some(News::Messages(std::mem::take(&mut state.mailbox).into()))
    }

    /// Waits for news.
    #[cfg(test)]
    pub(crate) async fn news(&self) -> News {
        poll_fn(|cx| self.poll_news(cx, true)).await
    }

    /// Waits for the order to end.
    pub(crate) async fn ended(&self) -> Arc<str> {
        poll_fn(|cx| match self.poll_news(cx, false) {
            Poll::Ready(News::End(reason)) => Poll::Ready(reason),
            _ => Poll::Pending,
        })
        .await
    }

    /// Takes what has not been read, and lets nothing more in.
    pub(crate) fn take_mail(&self) -> Vec<Outbound> {
        let mut state = self.state();
        state.end.get_or_insert_with(|| "ended".into());
        std::mem::take(&mut state.mailbox).into()
    }

    /// Whether the connection was told to end.
    pub(crate) fn is_ended(&self) -> bool {
        self.state().end.is_some()
    }

    /// Marks the connection as gone and wakes its successor.
    pub(crate) fn finish(&self) {
        let successor = {
            let mut state = self.state();
            state.finished = true;
            state.mailbox = VecDeque::new();
            state.successor.take()
        };
        if let Some(successor) = successor {
            successor.wake();
        }
    }

    /// Ready when the connection is gone.
    pub(super) fn poll_finished(&self, cx: &Context<'_>) -> Poll<()> {
        let mut state = self.state();
        if state.finished {
            return Poll::Ready(());
        }
        state.successor = Some(cx.waker().clone());
        Poll::Pending
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
