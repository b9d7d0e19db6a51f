//! The engine's tables: names, devices, handlers, open calls. All are found by their place, none by a hash.

use zeroize::Zeroize;

use super::types::{CallId, CommandKind, DeviceIx};
use crate::feature::envelope::MAX_COMMAND_ID;
use crate::region::Region;

/// A range of bytes in one of the engine's buffers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) start: u32,
    pub(crate) end: u32,
}

impl Span {
    pub(crate) const EMPTY: Self = Self { start: 0, end: 0 };

    /// Where `part` lies in `base`; empty if it does not.
    pub(crate) fn of(base: &[u8], part: &[u8]) -> Self {
        let start = part.as_ptr().addr().wrapping_sub(base.as_ptr().addr());
        match start.checked_add(part.len()) {
            Some(end) if end <= base.len() => Self { start: start as u32, end: end as u32 },
            _ => Self::EMPTY,
        }
    }

    /// The bytes in `base`.
    pub(crate) fn bytes(self, base: &[u8]) -> &[u8] {
        base.get(self.start as usize..self.end as usize).unwrap_or(&[])
    }

    /// The text in `base`; empty if it is none.
    pub(crate) fn text(self, base: &[u8]) -> &str {
        core::str::from_utf8(self.bytes(base)).unwrap_or("")
    }
}

/// Host, keys, secrets and service identifiers, one after the other; only grows; wiped on drop.
pub(crate) struct Names<'m> {
    region: Region<'m, u8>,
    used: usize,
}

impl<'m> Names<'m> {
    pub(crate) fn new(region: Region<'m, u8>) -> Self {
        Self { region, used: 0 }
    }

    /// Keeps a text.
    pub(crate) fn add(&mut self, text: &str) -> Option<Span> {
        let span = self.reserve(text.len())?;
        self.region.slice_mut()[span.start as usize..span.end as usize].copy_from_slice(text.as_bytes());
        Some(span)
    }

    /// Keeps room for a text that comes later.
    pub(crate) fn reserve(&mut self, len: usize) -> Option<Span> {
        let end = self.used.checked_add(len)?;
        if !self.region.grow_wiping(end) {
            return None;
        }
        let span = Span { start: self.used as u32, end: end as u32 };
        self.used = end;
        Some(span)
    }

    pub(crate) fn text(&self, span: Span) -> &str {
        span.text(self.region.slice())
    }

    pub(crate) fn bytes(&self, span: Span) -> &[u8] {
        span.bytes(self.region.slice())
    }

    pub(crate) fn bytes_mut(&mut self, span: Span) -> &mut [u8] {
        self.region.slice_mut().get_mut(span.start as usize..span.end as usize).unwrap_or(&mut [])
    }
}

impl Drop for Names<'_> {
    fn drop(&mut self) {
        self.region.slice_mut().zeroize();
    }
}

/// One device of the connection: where its keys and its secret lie. Opaque; public only to be lent.
#[derive(Clone, Copy, Default)]
pub struct DeviceRecord {
    pub(crate) product_key: Span,
    pub(crate) device_key: Span,
    pub(crate) secret: Span,
}

impl DeviceRecord {
    pub(crate) const EMPTY: Self =
        Self { product_key: Span::EMPTY, device_key: Span::EMPTY, secret: Span::EMPTY };
}

/// The devices of this connection; place 0 is its own.
pub(crate) struct Devices<'m> {
    region: Region<'m, DeviceRecord>,
    used: usize,
}

impl<'m> Devices<'m> {
    pub(crate) fn new(region: Region<'m, DeviceRecord>) -> Self {
        Self { region, used: 0 }
    }

    pub(crate) fn add(&mut self, record: DeviceRecord) -> Option<DeviceIx> {
        let at = self.used;
        if !self.region.grow(at + 1) {
            return None;
        }
        *self.region.slice_mut().get_mut(at)? = record;
        self.used += 1;
        Some(DeviceIx(at as u32))
    }

    pub(crate) fn get(&self, device: DeviceIx) -> Option<DeviceRecord> {
        self.region.slice().get(..self.used)?.get(device.0 as usize).copied()
    }

    pub(crate) fn set_secret(&mut self, device: DeviceIx, secret: Span) {
        if let Some(record) = self.region.slice_mut().get_mut(device.0 as usize) {
            record.secret = secret;
        }
    }

    pub(crate) fn find(&self, names: &Names<'_>, product_key: &str, device_key: &str) -> Option<DeviceIx> {
        let known = self.region.slice().get(..self.used)?;
        let at = known.iter().position(|record| {
            names.bytes(record.device_key) == device_key.as_bytes()
                && names.bytes(record.product_key) == product_key.as_bytes()
        })?;
        Some(DeviceIx(at as u32))
    }
}

/// What a handler takes, without its identifier.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Verb {
    #[default]
    Service,
    MeasurepointSet,
    MeasurepointGet,
}

impl Verb {
    pub(crate) fn of(kind: CommandKind<'_>) -> (Self, &str) {
        match kind {
            CommandKind::Service(id) => (Self::Service, id),
            CommandKind::MeasurepointSet => (Self::MeasurepointSet, ""),
            CommandKind::MeasurepointGet => (Self::MeasurepointGet, ""),
        }
    }

    pub(crate) fn kind(self, id: &str) -> CommandKind<'_> {
        match self {
            Self::Service => CommandKind::Service(id),
            Self::MeasurepointSet => CommandKind::MeasurepointSet,
            Self::MeasurepointGet => CommandKind::MeasurepointGet,
        }
    }
}

/// One registered handler. Opaque; public only to be lent.
#[derive(Clone, Copy, Default)]
pub struct HandlerSlot {
    pub(crate) device: u32,
    pub(crate) verb: Verb,
    pub(crate) id: Span,
    pub(crate) active: bool,
    pub(crate) subscribed: bool,
}

impl HandlerSlot {
    pub(crate) const EMPTY: Self =
        Self { device: 0, verb: Verb::Service, id: Span::EMPTY, active: false, subscribed: false };
}

/// The handlers. A handler that was taken away keeps its place for the next of the same name.
pub(crate) struct Handlers<'m> {
    region: Region<'m, HandlerSlot>,
    used: usize,
    /// Some may lack their subscription in this session.
    pub(crate) unsubscribed: bool,
}

impl<'m> Handlers<'m> {
    pub(crate) fn new(region: Region<'m, HandlerSlot>) -> Self {
        Self { region, used: 0, unsubscribed: false }
    }

    /// A new session has no subscriptions.
    pub(crate) fn forget_subscriptions(&mut self) {
        self.unsubscribed = self.used > 0;
        for slot in self.all_mut() {
            slot.subscribed = false;
        }
    }

    pub(crate) fn all_mut(&mut self) -> &mut [HandlerSlot] {
        self.region.slice_mut().get_mut(..self.used).unwrap_or(&mut [])
    }

    fn place(&self, names: &Names<'_>, device: DeviceIx, verb: Verb, id: &str) -> Option<usize> {
        self.region.slice().get(..self.used)?.iter().position(|slot| {
            slot.device == device.0 && slot.verb == verb && names.bytes(slot.id) == id.as_bytes()
        })
    }

    /// The active handler for a command.
    pub(crate) fn find(
        &self,
        names: &Names<'_>,
        device: DeviceIx,
        kind: CommandKind<'_>,
    ) -> Option<HandlerSlot> {
        let (verb, id) = Verb::of(kind);
        let at = self.place(names, device, verb, id)?;
        self.region.slice().get(at).copied().filter(|slot| slot.active)
    }

    /// Adds or revives a handler; false if there is no room.
    pub(crate) fn add(&mut self, names: &mut Names<'_>, device: DeviceIx, kind: CommandKind<'_>) -> bool {
        let (verb, id) = Verb::of(kind);
        self.unsubscribed = true;
        if let Some(slot) =
            self.place(names, device, verb, id).and_then(|at| self.region.slice_mut().get_mut(at))
        {
            slot.active = true;
            return true;
        }
        if !self.region.grow(self.used + 1) {
            return false;
        }
        let Some(id) = names.add(id) else { return false };
        let Some(slot) = self.region.slice_mut().get_mut(self.used) else { return false };
        *slot = HandlerSlot { device: device.0, verb, id, active: true, subscribed: false };
        self.used += 1;
        true
    }

    pub(crate) fn remove(&mut self, names: &Names<'_>, device: DeviceIx, kind: CommandKind<'_>) {
        let (verb, id) = Verb::of(kind);
        if let Some(slot) =
            self.place(names, device, verb, id).and_then(|at| self.region.slice_mut().get_mut(at))
        {
            slot.active = false;
        }
    }
}

/// One command that waits for its answer. Opaque; public only to be lent.
#[derive(Clone, Copy, Default)]
pub struct CallSlot {
    pub(crate) call: u32,
    pub(crate) open: bool,
    pub(crate) device: u32,
    pub(crate) verb: Verb,
    pub(crate) service: Span,
    id: [u8; MAX_COMMAND_ID],
    id_len: u8,
    next_free: u16,
}

impl CallSlot {
    pub(crate) const EMPTY: Self = Self {
        call: 0,
        open: false,
        device: 0,
        verb: Verb::Service,
        service: Span::EMPTY,
        id: [0; MAX_COMMAND_ID],
        id_len: 0,
        next_free: NO_PLACE,
    };

    /// The command's id as it came: the inside of a JSON string.
    pub(crate) fn id(&self) -> &[u8] {
        self.id.get(..usize::from(self.id_len)).unwrap_or(&[])
    }
}

/// No place.
const NO_PLACE: u16 = u16::MAX;

/// The open calls; a call's number is round and place, so none is taken for another.
pub(crate) struct Calls<'m> {
    region: Region<'m, CallSlot>,
    round: u32,
    pub(crate) open: usize,
    /// Places that were used once; the rest is above them.
    fresh: usize,
    free: u16,
}

impl<'m> Calls<'m> {
    pub(crate) fn new(mut region: Region<'m, CallSlot>, round: u32) -> Self {
        // Lent memory may hold what an earlier engine left.
        region.slice_mut().fill(CallSlot::EMPTY);
        Self { region, round, open: 0, fresh: 0, free: NO_PLACE }
    }

    /// Whether the same command is open already: a repeated delivery.
    pub(crate) fn holds(&self, device: DeviceIx, handler: &HandlerSlot, id: &[u8]) -> bool {
        self.region.slice().iter().any(|slot| {
            slot.open
                && slot.device == device.0
                && slot.verb == handler.verb
                && slot.service == handler.id
                && slot.id() == id
        })
    }

    /// Opens a call; `None` if the table is full or the id too long.
    pub(crate) fn open(&mut self, device: DeviceIx, handler: &HandlerSlot, id: &[u8]) -> Option<CallId> {
        let mut kept = [0; MAX_COMMAND_ID];
        kept.get_mut(..id.len())?.copy_from_slice(id);
        let at = if self.free != NO_PLACE {
            let at = usize::from(self.free);
            self.free = self.region.slice().get(at)?.next_free;
            at
        } else {
            let at = self.fresh;
            if at >= usize::from(NO_PLACE) || !self.region.grow(at + 1) {
                return None;
            }
            self.fresh += 1;
            at
        };
        self.round = self.round.wrapping_add(1);
        let call = (self.round << 16) | (at as u32 & 0xFFFF);
        *self.region.slice_mut().get_mut(at)? = CallSlot {
            call,
            open: true,
            device: device.0,
            verb: handler.verb,
            service: handler.id,
            id: kept,
            id_len: id.len() as u8,
            next_free: NO_PLACE,
        };
        self.open += 1;
        Some(CallId(call))
    }

    /// The open call with this number.
    pub(crate) fn get(&self, call: CallId) -> Option<CallSlot> {
        let slot = self.region.slice().get((call.0 & 0xFFFF) as usize)?;
        (slot.open && slot.call == call.0).then_some(*slot)
    }

    /// Ends a call.
    pub(crate) fn close(&mut self, call: CallId) {
        if let Some(slot) = self.region.slice_mut().get_mut((call.0 & 0xFFFF) as usize)
            && slot.open
            && slot.call == call.0
        {
            slot.open = false;
            slot.next_free = self.free;
            self.free = (call.0 & 0xFFFF) as u16;
            self.open -= 1;
        }
    }
}
