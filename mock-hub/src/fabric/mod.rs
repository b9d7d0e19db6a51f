//! Where a device is connected and how a message reaches it.
//!
//! Owns the table of connections, their bounded mailboxes and the take-over of a device by a newer
//! connection. Knows nothing of packets, topics or rules: it moves [`Outbound`] messages and end orders.

mod line;

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

pub(crate) use line::{Line, News};

/// The two keys that name a device.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DeviceId {
    /// Key of the product the device belongs to.
    pub product_key: Arc<str>,
    /// Key of the device, unique within its product.
    pub device_key: Arc<str>,
}

impl DeviceId {
    /// Names a device by its two keys.
    pub fn new(product_key: impl Into<Arc<str>>, device_key: impl Into<Arc<str>>) -> Self {
        Self { product_key: product_key.into(), device_key: device_key.into() }
    }
}

impl fmt::Display for DeviceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.product_key, self.device_key)
    }
}

/// Names one connection for the life of the hub; never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnectionId(pub u64);

/// A message on its way to a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outbound {
    /// Topic it is published on.
    pub topic: String,
    /// Payload as it goes out.
    pub payload: Vec<u8>,
    /// Wanted quality of service, 0 or 1; the connection may lower it.
    pub qos: u8,
}

/// Why a message was not handed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Undelivered {
    /// The device has no connection.
    NotConnected,
    /// The device's mailbox is full: it reads or acknowledges too slowly.
    MailboxFull,
}

impl fmt::Display for Undelivered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotConnected => "the device is not connected",
            Self::MailboxFull => "the device reads too slowly: its mailbox is full",
        })
    }
}

impl std::error::Error for Undelivered {}

/// The table of connections; a cheap handle, all clones share it. No call blocks.
#[derive(Clone, Default)]
pub struct Fabric(Arc<Shared>);

#[derive(Default)]
struct Shared {
    last_id: AtomicU64,
    table: Mutex<Table>,
}

#[derive(Default)]
struct Table {
    closed: bool,
    lines: HashMap<ConnectionId, Line>,
    devices: HashMap<DeviceId, Line>,
}

impl Fabric {
    /// An empty table.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The connection a device is signed in on.
    #[must_use]
    pub fn locate(&self, device: &DeviceId) -> Option<ConnectionId> {
        self.table().devices.get(device).map(Line::id)
    }

    /// Hands a message to the device's connection; no subscription is needed.
    ///
    /// # Errors
    /// The device is not connected, or its bounded mailbox is full. The message is dropped then.
    pub fn deliver(&self, device: &DeviceId, message: Outbound) -> Result<(), Undelivered> {
        let line = self.table().devices.get(device).cloned().ok_or(Undelivered::NotConnected)?;
        line.push(message)
    }

    /// Closes the device's TCP connection; `reason` is what its disconnect is recorded with.
    ///
    /// Returns false if the device is not connected.
    pub fn cut(&self, device: &DeviceId, reason: &str) -> bool {
        let line = self.table().devices.get(device).cloned();
        line.is_some_and(|line| line.end(reason))
    }

    /// Wakes every connection, so that it looks at the world anew.
    pub(crate) fn nudge(&self) {
        let lines: Vec<Line> = self.table().lines.values().cloned().collect();
        for line in lines {
            line.nudge();
        }
    }

    /// How many connections are open, signed in or not.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.table().lines.len()
    }

    /// Whether the device is signed in on a connection on which it asks for its commands (CoAP): they wait until then.
    #[must_use]
    pub fn pulls(&self, device: &DeviceId) -> bool {
        self.table().devices.get(device).is_some_and(Line::pulls)
    }

    /// Enters a new connection; none if `limit` are open already, or after [`end_all`](Self::end_all).
    pub(crate) fn open(&self, limit: usize) -> Option<OpenLine> {
        self.enter(limit, false)
    }

    /// Like [`open`](Self::open), for a device that asks for its commands.
    pub(crate) fn open_pulling(&self, limit: usize) -> Option<OpenLine> {
        self.enter(limit, true)
    }

    fn enter(&self, limit: usize, pulls: bool) -> Option<OpenLine> {
        let mut table = self.table();
        if table.closed || table.lines.len() >= limit {
            return None;
        }
        let id = ConnectionId(self.0.last_id.fetch_add(1, Ordering::Relaxed) + 1);
        let line = Line::new(id, pulls);
        table.lines.insert(id, line.clone());
        Some(OpenLine { fabric: self.clone(), line })
    }

    /// Makes `line` the device's connection and tells the one before it, if any, to end.
    ///
    /// Wait for [`Claim::poll_predecessor_gone`] before anything is sent on the new connection.
    pub(crate) fn claim(&self, device: &DeviceId, line: &Line) -> Claim {
        line.set_device(device);
        let before = self.table().devices.insert(device.clone(), line.clone());
        if let Some(before) = &before {
            before.end(TAKEN_OVER);
        }
        Claim { fabric: self.clone(), device: device.clone(), id: line.id(), before }
    }

    /// Tells every connection to end, and lets no new one in.
    pub(crate) fn end_all(&self, reason: &str) {
        let lines: Vec<Line> = {
            let mut table = self.table();
            table.closed = true;
            table.lines.values().cloned().collect()
        };
        for line in lines {
            line.end(reason);
        }
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.0.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Fabric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fabric({} connections)", self.connections())
    }
}

/// The reason a connection ends with when a newer one signs the same device in.
pub(crate) const TAKEN_OVER: &str = "taken over by a newer connection of the same device";

/// A connection's place in the table; leaving scope takes it out.
pub(crate) struct OpenLine {
    fabric: Fabric,
    line: Line,
}

impl OpenLine {
    pub(crate) fn line(&self) -> &Line {
        &self.line
    }
}

impl Drop for OpenLine {
    fn drop(&mut self) {
        self.fabric.table().lines.remove(&self.line.id());
        self.line.finish();
    }
}

/// A device held by a connection; leaving scope lets it go, unless a newer connection took it.
pub(crate) struct Claim {
    fabric: Fabric,
    device: DeviceId,
    id: ConnectionId,
    before: Option<Line>,
}

impl Claim {
    /// Whether another connection held the device and may not have ended yet.
    pub(crate) fn has_predecessor(&self) -> bool {
        self.before.is_some()
    }

    /// Ready when the connection that held the device before has ended.
    pub(crate) fn poll_predecessor_gone(&mut self, cx: &Context<'_>) -> Poll<()> {
        if let Some(before) = &self.before {
            ready!(before.poll_finished(cx));
        }
        self.before = None;
        Poll::Ready(())
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let mut table = self.fabric.table();
        if table.devices.get(&self.device).is_some_and(|line| line.id() == self.id) {
            table.devices.remove(&self.device);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(text: &str) -> Outbound {
        Outbound { topic: "/t".into(), payload: text.into(), qos: 1 }
    }

    #[tokio::test]
    async fn a_message_reaches_the_line_that_holds_the_device() {
        let fabric = Fabric::new();
        let device = DeviceId::new("pk", "dk");
        assert_eq!(fabric.deliver(&device, message("early")), Err(Undelivered::NotConnected));
        let open = fabric.open(1).unwrap();
        assert!(fabric.open(1).is_none());
        let claim = fabric.claim(&device, open.line());
        assert_eq!(fabric.locate(&device), Some(open.line().id()));
        fabric.deliver(&device, message("now")).unwrap();
        assert_eq!(open.line().news().await, News::Messages(vec![message("now")]));
        drop(claim);
        assert_eq!(fabric.locate(&device), None);
    }

    #[tokio::test]
    async fn a_take_over_ends_the_old_line_and_waits_for_it() {
        let fabric = Fabric::new();
        let device = DeviceId::new("pk", "dk");
        let old = fabric.open(2).unwrap();
        let old_claim = fabric.claim(&device, old.line());
        let new = fabric.open(2).unwrap();
        let mut new_claim = fabric.claim(&device, new.line());
        assert_eq!(old.line().news().await, News::End(TAKEN_OVER.into()));
        let ending = async {
            drop(old_claim);
            drop(old);
        };
        tokio::join!(std::future::poll_fn(|cx| new_claim.poll_predecessor_gone(cx)), ending);
        assert_eq!(fabric.locate(&device), Some(new.line().id()));
    }

    #[tokio::test]
    async fn a_full_mailbox_says_so_and_does_not_grow() {
        let fabric = Fabric::new();
        let device = DeviceId::new("pk", "dk");
        let open = fabric.open(1).unwrap();
        let _claim = fabric.claim(&device, open.line());
        let taken = (0..10_000).filter(|_| fabric.deliver(&device, message("x")).is_ok()).count();
        assert!(taken < 10_000);
        assert_eq!(fabric.deliver(&device, message("x")), Err(Undelivered::MailboxFull));
        assert!(fabric.cut(&device, "test"));
        assert_eq!(open.line().news().await, News::End("test".into()));
    }
}
