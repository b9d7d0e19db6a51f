//! Messages that wait to be sent or answered: one arena of records in order, and a table of open requests.
//!
//! A request's number is round and place, so a reply finds its request without a search, and the packet identifier
//! is place + 1. A place is free again only when its request is settled *and* its packet acknowledged, or its time
//! is over, or the link is gone: else an old PUBACK would acknowledge a new packet.

use crate::region::Region;
use crate::wire::Full;

/// A place in the table of requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Token(pub(crate) u16);

/// Marks records that no request stands behind: answers, dropped with the link.
const ONE_WAY: u16 = u16::MAX;
/// Length (4, with a flag), place (2), topic length (2).
const HEAD: usize = 8;
/// Set in a record's length once nobody needs the record.
const DEAD: u32 = 1 << 31;
const NONE: u16 = u16::MAX;

/// The most requests that can be open.
pub(crate) const MAX_REQUESTS: usize = 1 << 14;

/// One place in the table of requests. Opaque; public only to be lent.
#[derive(Clone, Copy, Default)]
pub struct RequestSlot {
    id: u32,
    record: u32,
    deadline: u64,
    next_free: u16,
    state: u8,
}

impl RequestSlot {
    pub(crate) const EMPTY: Self = Self { id: 0, record: 0, deadline: 0, next_free: NONE, state: 0 };
}

/// The request waits for its reply.
const OPEN: u8 = 1;
/// Its packet was sent over this link.
const SENT: u8 = 2;
/// Its packet was acknowledged.
const ACKED: u8 = 4;
/// It was sent over an earlier link.
const AGAIN: u8 = 8;
/// It was sent over an earlier link of this same session, unacknowledged: DUP.
const DUP: u8 = 16;

/// A message to send.
pub(crate) struct Record<'a> {
    /// `None` for an answer.
    pub(crate) token: Option<Token>,
    pub(crate) topic: &'a str,
    pub(crate) payload: &'a [u8],
    pub(crate) dup: bool,
}

/// Why a message was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotTaken {
    /// No place, or no bytes, until something settles.
    Full,
    /// It can never fit.
    TooLarge,
}

/// A request whose time is over, or that a closing client gives up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ended {
    pub(crate) id: u32,
    pub(crate) token: Token,
    pub(crate) acknowledged: bool,
}

pub(crate) struct Outbox<'m> {
    arena: Region<'m, u8>,
    head: usize,
    unsent: usize,
    tail: usize,
    /// Bytes of records that are still needed.
    live: usize,
    slots: Region<'m, RequestSlot>,
    fresh: usize,
    free: u16,
    bits: u32,
    round: u32,
    /// Requests without a reply.
    open: usize,
    /// Answers not yet sent.
    answers: usize,
    in_flight: u16,
    /// No deadline is sooner than this.
    soonest: u64,
}

impl<'m> Outbox<'m> {
    pub(crate) fn new(arena: Region<'m, u8>, mut slots: Region<'m, RequestSlot>, round: u32) -> Self {
        // Lent memory may hold what an earlier engine left.
        slots.slice_mut().fill(RequestSlot::EMPTY);
        let places = slots.max().clamp(1, MAX_REQUESTS);
        // One number more than there are places: that of what is no message.
        let bits = usize::BITS - places.leading_zeros();
        Self {
            arena,
            head: 0,
            unsent: 0,
            tail: 0,
            live: 0,
            slots,
            fresh: 0,
            free: NONE,
            bits,
            round,
            open: 0,
            answers: 0,
            in_flight: 0,
            soonest: u64::MAX,
        }
    }

    /// Packet identifiers above this belong to no request.
    pub(crate) fn last_packet_id(&self) -> u16 {
        self.slots.max().min(MAX_REQUESTS) as u16
    }

    pub(crate) fn open(&self) -> usize {
        self.open
    }

    pub(crate) fn answers(&self) -> usize {
        self.answers
    }

    pub(crate) fn in_flight(&self) -> u16 {
        self.in_flight
    }

    pub(crate) fn bytes(&self) -> usize {
        self.live
    }

    pub(crate) fn deadline(&self) -> Option<u64> {
        (self.soonest != u64::MAX).then_some(self.soonest)
    }

    /// Takes a request: `build` writes topic and payload into the room it is given, and may run twice.
    ///
    /// `most` is the largest topic and payload together that the session can carry.
    pub(crate) fn append_request(
        &mut self,
        deadline: u64,
        most: usize,
        build: impl Fn(u32, &mut [u8]) -> Result<(usize, usize), Full>,
    ) -> Result<u32, NotTaken> {
        let place = self.place().ok_or(NotTaken::Full)?;
        let id = (self.round << self.bits) | u32::from(place);
        let at = self.append(place, most, |room| build(id, room))?;
        self.round = self.round.wrapping_add(1);
        self.occupy(place);
        if let Some(slot) = self.slots.slice_mut().get_mut(usize::from(place)) {
            *slot = RequestSlot { id, record: at as u32, deadline, next_free: NONE, state: OPEN };
        }
        self.open += 1;
        self.soonest = self.soonest.min(deadline);
        Ok(id)
    }

    /// Takes an answer: sent once, dropped with the link.
    pub(crate) fn append_answer(
        &mut self,
        most: usize,
        build: impl Fn(&mut [u8]) -> Result<(usize, usize), Full>,
    ) -> Result<(), NotTaken> {
        self.append(ONE_WAY, most, build)?;
        self.answers += 1;
        Ok(())
    }

    /// A free place, without taking it.
    fn place(&mut self) -> Option<u16> {
        if self.free != NONE {
            return Some(self.free);
        }
        let limit = self.slots.max().min(MAX_REQUESTS);
        if self.fresh < limit && self.slots.grow(self.fresh + 1) {
            return Some(self.fresh as u16);
        }
        None
    }

    fn occupy(&mut self, place: u16) {
        if place == self.free {
            self.free = self.slots.slice().get(usize::from(place)).map_or(NONE, |slot| slot.next_free);
        } else {
            self.fresh += 1;
        }
    }

    fn release(&mut self, place: u16) {
        if let Some(slot) = self.slots.slice_mut().get_mut(usize::from(place)) {
            slot.state = 0;
            slot.next_free = self.free;
            self.free = place;
        }
    }

    fn append(
        &mut self,
        place: u16,
        most: usize,
        build: impl Fn(&mut [u8]) -> Result<(usize, usize), Full>,
    ) -> Result<usize, NotTaken> {
        if self.live == 0 {
            self.head = 0;
            self.unsent = 0;
            self.tail = 0;
        }
        loop {
            let at = self.tail;
            let room = self.arena.slice_mut().get_mut(at + HEAD..).unwrap_or(&mut []);
            match build(room) {
                Ok((topic, payload)) => {
                    if topic + payload > most || topic > usize::from(u16::MAX) {
                        return Err(NotTaken::TooLarge);
                    }
                    let len = HEAD + topic + payload;
                    self.write_head(at, len as u32, place, topic as u16);
                    self.tail += len;
                    self.live += len;
                    return Ok(at);
                }
                Err(Full) => {
                    // Dead bytes first, if they are worth the move; then a larger arena.
                    let dead = self.tail - self.live;
                    if dead > 0 && dead >= self.live {
                        self.compact();
                    } else if !self.arena.grow(self.arena.len() + 1) {
                        if dead > 0 {
                            self.compact();
                        } else if self.live == 0 {
                            return Err(NotTaken::TooLarge);
                        } else {
                            return Err(NotTaken::Full);
                        }
                    }
                }
            }
        }
    }

    fn write_head(&mut self, at: usize, len: u32, place: u16, topic: u16) {
        if let Some(head) = self.arena.slice_mut().get_mut(at..at + HEAD) {
            head[..4].copy_from_slice(&len.to_le_bytes());
            head[4..6].copy_from_slice(&place.to_le_bytes());
            head[6..].copy_from_slice(&topic.to_le_bytes());
        }
    }

    /// Length with flag, place and topic length of the record at `at`.
    fn head_at(&self, at: usize) -> (u32, u16, u16) {
        match self.arena.slice().get(at..at + HEAD) {
            Some(&[a, b, c, d, e, f, g, h]) => {
                (u32::from_le_bytes([a, b, c, d]), u16::from_le_bytes([e, f]), u16::from_le_bytes([g, h]))
            }
            // Unreachable while the arena is whole; a length of a head alone keeps every walk moving.
            _ => (DEAD | HEAD as u32, ONE_WAY, 0),
        }
    }

    /// Moves what is needed to the front.
    fn compact(&mut self) {
        let (mut from, mut to) = (self.head, 0);
        let mut unsent = None;
        while from < self.tail {
            let (len, place, _) = self.head_at(from);
            let size = (len & !DEAD) as usize;
            if from >= self.unsent && unsent.is_none() {
                unsent = Some(to);
            }
            if len & DEAD == 0 {
                self.arena.slice_mut().copy_within(from..from + size, to);
                if let Some(slot) = self.slots.slice_mut().get_mut(usize::from(place)) {
                    slot.record = to as u32;
                }
                to += size;
            }
            from += size;
        }
        self.head = 0;
        self.tail = to;
        self.unsent = unsent.unwrap_or(to);
    }

    /// Nobody needs the record any more.
    fn kill(&mut self, at: usize) {
        let (len, place, topic) = self.head_at(at);
        if len & DEAD != 0 {
            return;
        }
        self.write_head(at, len | DEAD, place, topic);
        self.live -= len as usize;
        while self.head < self.tail {
            let (len, ..) = self.head_at(self.head);
            if len & DEAD == 0 {
                break;
            }
            self.head += (len & !DEAD) as usize;
        }
        self.unsent = self.unsent.max(self.head);
    }

    /// The next message that was not yet sent over this link.
    pub(crate) fn unsent(&mut self) -> Option<Record<'_>> {
        let (size, place, topic) = loop {
            if self.unsent >= self.tail {
                return None;
            }
            let (len, place, topic) = self.head_at(self.unsent);
            let size = (len & !DEAD) as usize;
            if len & DEAD == 0 {
                break (size, place, usize::from(topic));
            }
            self.unsent += size;
        };
        let body = self.arena.slice().get(self.unsent + HEAD..self.unsent + size)?;
        let (topic, payload) = body.split_at_checked(topic)?;
        let (token, dup) = match self.slots.slice().get(usize::from(place)) {
            Some(slot) if place != ONE_WAY => (Some(Token(place)), slot.state & DUP != 0),
            _ => (None, false),
        };
        Some(Record { token, topic: core::str::from_utf8(topic).unwrap_or(""), payload, dup })
    }

    /// The message that [`unsent`](Self::unsent) gave is encoded. True if it had been sent before.
    pub(crate) fn mark_sent(&mut self) -> bool {
        let at = self.unsent;
        let (len, place, _) = self.head_at(at);
        self.unsent += (len & !DEAD) as usize;
        if place == ONE_WAY {
            self.answers -= 1;
            self.kill(at);
            return false;
        }
        let Some(slot) = self.slots.slice_mut().get_mut(usize::from(place)) else { return false };
        let again = slot.state & AGAIN != 0;
        slot.state = OPEN | SENT;
        self.in_flight += 1;
        again
    }

    /// A number for what is no message; that of no request.
    #[cfg(feature = "coap")]
    pub(crate) fn other_id(&mut self) -> u32 {
        self.round = self.round.wrapping_add(1);
        (self.round << self.bits) | self.slots.max().clamp(1, MAX_REQUESTS) as u32
    }

    /// The message that [`unsent`](Self::unsent) gave goes out now, and stays until it is answered. `Some` the first
    /// time over this link; true in it if it had been sent over another.
    #[cfg(feature = "coap")]
    pub(crate) fn begin(&mut self) -> Option<bool> {
        let (_, place, _) = self.head_at(self.unsent);
        if place == ONE_WAY {
            return Some(false);
        }
        let slot = self.slots.slice_mut().get_mut(usize::from(place))?;
        if slot.state & SENT != 0 {
            return None;
        }
        let again = slot.state & AGAIN != 0;
        slot.state = OPEN | SENT;
        self.in_flight += 1;
        Some(again)
    }

    /// The number of the request in this place, if it is open.
    #[cfg(feature = "coap")]
    pub(crate) fn id_of(&self, token: Token) -> Option<u32> {
        let slot = self.slots.slice().get(usize::from(token.0))?;
        (slot.state & OPEN != 0).then_some(slot.id)
    }

    /// The answer that [`unsent`](Self::unsent) gave is over.
    #[cfg(feature = "coap")]
    pub(crate) fn end_answer(&mut self) {
        let at = self.unsent;
        let (len, place, _) = self.head_at(at);
        if at < self.tail && place == ONE_WAY && len & DEAD == 0 {
            self.answers -= 1;
            self.kill(at);
        }
    }

    /// PUBACK for this place has come. False if nothing was in flight there.
    pub(crate) fn acknowledged(&mut self, token: Token) -> bool {
        let Some(slot) = self.slots.slice_mut().get_mut(usize::from(token.0)) else { return false };
        if slot.state & SENT == 0 || slot.state & ACKED != 0 {
            return false;
        }
        slot.state |= ACKED;
        let over = slot.state & OPEN == 0;
        self.in_flight -= 1;
        if over {
            self.release(token.0);
        }
        true
    }

    /// The reply to this request has come. False if no such request is open.
    pub(crate) fn settle(&mut self, id: u32) -> bool {
        let place = id & !(u32::MAX << self.bits);
        let Some(slot) = self.slots.slice_mut().get_mut(place as usize) else { return false };
        if slot.state & OPEN == 0 || slot.id != id {
            return false;
        }
        slot.state &= !OPEN;
        let (record, waits) = (slot.record as usize, slot.state & SENT != 0 && slot.state & ACKED == 0);
        self.open -= 1;
        self.kill(record);
        if !waits {
            self.release(place as u16);
        }
        true
    }

    /// The next request whose time is over, or any that is open if `all`.
    pub(crate) fn end_next(&mut self, now: u64, all: bool) -> Option<Ended> {
        if !all && now < self.soonest {
            return None;
        }
        let mut soonest = u64::MAX;
        for place in 0..self.fresh {
            let Some(slot) = self.slots.slice_mut().get_mut(place) else { break };
            let waiting = slot.state & (OPEN | SENT) != 0;
            if !waiting {
                continue;
            }
            if !all && slot.deadline > now {
                soonest = soonest.min(slot.deadline);
                continue;
            }
            let ended =
                Ended { id: slot.id, token: Token(place as u16), acknowledged: slot.state & ACKED != 0 };
            let (was_open, record) = (slot.state & OPEN != 0, slot.record as usize);
            if slot.state & SENT != 0 && slot.state & ACKED == 0 {
                self.in_flight -= 1;
            }
            self.release(place as u16);
            if was_open {
                self.open -= 1;
                self.kill(record);
                return Some(ended);
            }
        }
        self.soonest = soonest;
        None
    }

    /// The link is gone: answers are dropped, their number is returned; places that waited for PUBACK only are free.
    ///
    /// `keep_answers`: another link of the same session follows at once.
    pub(crate) fn link_lost(&mut self, keep_answers: bool) -> usize {
        let dropped = if keep_answers { 0 } else { self.answers };
        let mut at = if keep_answers { self.tail } else { self.head };
        while at < self.tail {
            let (len, place, _) = self.head_at(at);
            if place == ONE_WAY && len & DEAD == 0 {
                self.kill(at);
            }
            at += (len & !DEAD) as usize;
        }
        self.answers -= dropped;
        self.in_flight = 0;
        for place in 0..self.fresh {
            let Some(slot) = self.slots.slice_mut().get_mut(place) else { break };
            if slot.state & OPEN != 0 {
                let sent = slot.state & SENT != 0;
                let unacked = slot.state & ACKED == 0;
                slot.state &= !(SENT | ACKED);
                if sent {
                    slot.state |= AGAIN | if unacked { DUP } else { 0 };
                }
            } else if slot.state != 0 {
                self.release(place as u16);
            }
        }
        self.unsent = self.head;
        dropped
    }

    /// A new session has begun: everything unsettled goes again, with DUP only if the hub kept the session.
    pub(crate) fn rewind(&mut self, session_present: bool) {
        self.unsent = self.head;
        if !session_present {
            for slot in self.slots.slice_mut().iter_mut().take(self.fresh) {
                slot.state &= !DUP;
            }
        }
    }

    /// Nothing has gone for long: give memory back.
    pub(crate) fn idle(&mut self) {
        if self.live == 0 {
            self.head = 0;
            self.unsent = 0;
            self.tail = 0;
            self.arena.shrink(0);
        }
        if self.open == 0 && self.in_flight == 0 {
            // No place is taken.
            self.fresh = 0;
            self.free = NONE;
            self.slots.shrink(0);
            self.slots.slice_mut().fill(RequestSlot::EMPTY);
        }
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::vec::Vec;

    fn outbox(bytes: usize, places: usize) -> Outbox<'static> {
        Outbox::new(
            Region::lent(Vec::leak(std::vec![0; bytes])),
            Region::lent(Vec::leak(std::vec![RequestSlot::EMPTY; places])),
            7,
        )
    }

    fn put(outbox: &mut Outbox<'_>, deadline: u64, text: &[u8]) -> Result<u32, NotTaken> {
        outbox.append_request(deadline, 1000, |_, room| {
            let room = room.get_mut(..1 + text.len()).ok_or(Full)?;
            room[0] = b't';
            room[1..].copy_from_slice(text);
            Ok((1, text.len()))
        })
    }

    fn send(outbox: &mut Outbox<'_>) -> Option<(Option<Token>, Vec<u8>, bool)> {
        let sent = outbox.unsent().map(|r| (r.token, r.payload.to_vec(), r.dup));
        if sent.is_some() {
            outbox.mark_sent();
        }
        sent
    }

    // Proves: MQTT-2.3.1-2 MQTT-4.3.2-1
    #[test]
    fn a_place_is_free_only_when_settled_and_acknowledged() {
        let mut outbox = outbox(256, 1);
        let first = put(&mut outbox, 100, b"a").unwrap();
        assert_eq!(put(&mut outbox, 100, b"b"), Err(NotTaken::Full));
        let (token, ..) = send(&mut outbox).unwrap();
        assert!(outbox.settle(first));
        assert!(!outbox.settle(first), "only once");
        assert_eq!(put(&mut outbox, 100, b"b"), Err(NotTaken::Full), "PUBACK is still out");
        assert!(outbox.acknowledged(token.unwrap()));
        assert!(!outbox.acknowledged(token.unwrap()));
        let second = put(&mut outbox, 100, b"b").unwrap();
        assert_ne!(first, second);
        assert!(!outbox.settle(first), "the old number is no more");
        assert_eq!(outbox.in_flight(), 0);
    }

    #[test]
    fn a_hub_that_never_acknowledges_does_not_pin_a_place() {
        let mut outbox = outbox(256, 1);
        let id = put(&mut outbox, 100, b"a").unwrap();
        send(&mut outbox);
        assert!(outbox.settle(id));
        assert_eq!(outbox.end_next(99, false), None);
        assert_eq!(outbox.end_next(100, false), None, "it was settled: nobody is told");
        assert!(put(&mut outbox, 200, b"b").is_ok());
        assert_eq!(outbox.in_flight(), 0);
    }

    // Proves: MQTT-4.6.0-1
    #[test]
    fn after_a_lost_link_all_that_is_unsettled_goes_again_in_order() {
        for present in [true, false] {
            let mut outbox = outbox(256, 4);
            let ids: Vec<u32> =
                [b"a", b"b", b"c"].iter().map(|t| put(&mut outbox, 100, *t).unwrap()).collect();
            let (first, ..) = send(&mut outbox).unwrap();
            send(&mut outbox);
            outbox.acknowledged(first.unwrap());
            outbox.append_answer(100, |room| room.get_mut(..2).map(|_| (1, 1)).ok_or(Full)).unwrap();
            assert_eq!(outbox.link_lost(false), 1);
            outbox.rewind(present);
            let again: Vec<_> =
                core::iter::from_fn(|| send(&mut outbox)).map(|(_, p, dup)| (p, dup)).collect();
            assert_eq!(
                again,
                [(b"a".to_vec(), false), (b"b".to_vec(), present), (b"c".to_vec(), false)],
                "acknowledged: a new packet; unacknowledged: DUP if the session lives; unsent: as it was"
            );
            assert!(ids.iter().all(|id| outbox.settle(*id)));
            assert_eq!(outbox.bytes(), 0);
        }
    }

    #[test]
    fn one_unanswered_request_does_not_pin_the_arena() {
        let mut outbox = outbox(120, 8);
        let stuck = put(&mut outbox, 1_000_000, b"stuck").unwrap();
        send(&mut outbox);
        for round in 0..1_000_u32 {
            let id = put(&mut outbox, 1_000_000, &round.to_le_bytes()).unwrap();
            let (token, payload, _) = send(&mut outbox).unwrap();
            assert_eq!(payload, round.to_le_bytes());
            outbox.acknowledged(token.unwrap());
            assert!(outbox.settle(id));
        }
        outbox.link_lost(false);
        outbox.rewind(false);
        assert_eq!(send(&mut outbox).unwrap().1, b"stuck");
        assert!(outbox.settle(stuck));
    }

    #[test]
    fn full_leaves_no_trace() {
        let mut outbox = outbox(40, 8);
        put(&mut outbox, 1, b"0123456789").unwrap();
        let before = (outbox.bytes(), outbox.open());
        assert_eq!(put(&mut outbox, 1, &[0; 30]), Err(NotTaken::Full));
        assert_eq!((outbox.bytes(), outbox.open()), before);
        let mut empty = self::outbox(40, 8);
        assert_eq!(put(&mut empty, 1, &[0; 60]), Err(NotTaken::TooLarge));
    }
}
