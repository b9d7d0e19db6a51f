//! Byte faults, with the names of Toxiproxy: one direction of one connection, without a socket.

use std::collections::VecDeque;

use super::kind::Kind;
use super::order::Direction;

/// Bytes that may wait in one direction; the sender waits behind them.
const QUEUE: usize = 256 * 1024;
/// Data at a limited rate goes on in pieces that take about so long, in milliseconds.
const PIECE_MS: u64 = 50;

/// What byte faults do to one connection as a whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Shaped {
    /// Closed at this moment.
    pub(crate) close_at: Option<u64>,
    /// Reset at this moment.
    pub(crate) reset_at: Option<u64>,
}

impl Shaped {
    /// What follows for the connection from faults that struck it at `now_ms`.
    pub(crate) fn new(faults: &[(Kind, Option<Direction>)], now_ms: u64) -> Self {
        let mut shaped = Self::default();
        for (kind, _) in faults {
            match kind {
                Kind::Timeout { timeout: 1.. } => {
                    if let Kind::Timeout { timeout } = kind {
                        shaped.close_at = Some(now_ms.saturating_add(timeout.unsigned_abs()));
                    }
                }
                Kind::ResetPeer { timeout } => {
                    shaped.reset_at = Some(now_ms.saturating_add(timeout.unsigned_abs()));
                }
                _ => {}
            }
        }
        shaped
    }
}

/// One direction: bytes go in as they were sent and come out as they arrive.
pub(crate) struct Shaper {
    latency_ms: u64,
    jitter_ms: u64,
    /// Bytes a millisecond.
    rate: Option<u64>,
    slice: Option<(u64, u64, u64)>,
    swallows: bool,
    /// Bytes until the connection is closed.
    left: Option<u64>,
    queue: VecDeque<(u64, Vec<u8>)>,
    waiting: usize,
    /// Nothing goes before what went before it.
    last_due: u64,
    /// When the limited line is free again.
    line_free: u64,
    random: u64,
}

impl Shaper {
    /// The faults that strike this direction; `seed` feeds jitter and the sizes of slices.
    pub(crate) fn new(faults: &[(Kind, Option<Direction>)], direction: Direction, seed: u64) -> Self {
        let mut shaper = Self {
            latency_ms: 0,
            jitter_ms: 0,
            rate: None,
            slice: None,
            swallows: false,
            left: None,
            queue: VecDeque::new(),
            waiting: 0,
            last_due: 0,
            line_free: 0,
            random: seed | 1,
        };
        shaper.set(faults, direction);
        shaper
    }

    /// Takes other faults; what waits keeps its time.
    pub(crate) fn set(&mut self, faults: &[(Kind, Option<Direction>)], direction: Direction) {
        (self.latency_ms, self.jitter_ms, self.rate) = (0, 0, None);
        (self.slice, self.swallows) = (None, false);
        let mut limit = None;
        for (kind, _) in faults.iter().filter(|(_, way)| way.is_none_or(|way| way == direction)) {
            match *kind {
                Kind::Latency { latency, jitter } => {
                    (self.latency_ms, self.jitter_ms) = (latency.unsigned_abs(), jitter.unsigned_abs());
                }
                // A kilobyte a second is a byte a millisecond.
                Kind::Bandwidth { rate } => self.rate = Some(rate.unsigned_abs()),
                Kind::Slicer { average_size, size_variation, delay } => {
                    let [size, variation, delay] =
                        [average_size, size_variation, delay].map(i64::unsigned_abs);
                    self.slice = Some((size, variation, delay));
                }
                Kind::Timeout { .. } => self.swallows = true,
                Kind::LimitData { bytes } => limit = Some(bytes.unsigned_abs()),
                _ => {}
            }
        }
        // A limit that stood goes on counting.
        self.left = match (self.left, limit) {
            (Some(left), Some(limit)) => Some(left.min(limit)),
            (None, limit) => limit,
            (Some(_), None) => None,
        };
    }

    /// Bytes that may be put in now.
    pub(crate) fn room(&self) -> usize {
        QUEUE.saturating_sub(self.waiting)
    }

    /// Takes bytes that were sent at `now_ms`.
    pub(crate) fn put(&mut self, now_ms: u64, mut bytes: &[u8]) {
        if self.swallows {
            return;
        }
        if let Some(left) = &mut self.left {
            let most = usize::try_from(*left).unwrap_or(usize::MAX).min(bytes.len());
            bytes = bytes.get(..most).unwrap_or_default();
            *left -= most as u64;
        }
        while !bytes.is_empty() {
            let size = self.piece(bytes.len());
            let (piece, rest) = bytes.split_at(size);
            bytes = rest;
            let mut due = now_ms;
            if let Some(rate) = self.rate {
                self.line_free = self.line_free.max(now_ms) + (size as u64).div_ceil(rate);
                due = self.line_free;
            }
            due = due.saturating_add(self.lateness());
            if let Some((.., delay)) = self.slice
                && self.last_due > 0
            {
                due = due.max(self.last_due.saturating_add(delay));
            }
            self.last_due = self.last_due.max(due);
            self.waiting += size;
            self.queue.push_back((self.last_due, piece.to_vec()));
        }
    }

    /// The next bytes that arrive by now; empty if there are none.
    pub(crate) fn arrived(&self, now_ms: u64) -> &[u8] {
        match self.queue.front() {
            Some((due, bytes)) if *due <= now_ms => bytes,
            _ => &[],
        }
    }

    /// The first `count` of [`arrived`](Self::arrived) were taken.
    pub(crate) fn take(&mut self, count: usize) {
        if let Some((_, bytes)) = self.queue.front_mut() {
            let count = count.min(bytes.len());
            bytes.drain(..count);
            self.waiting -= count;
            if bytes.is_empty() {
                self.queue.pop_front();
            }
        }
    }

    /// When the next bytes arrive.
    pub(crate) fn next_due(&self) -> Option<u64> {
        self.queue.front().map(|(due, _)| *due)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Whether all that may pass has passed, so that the connection is to be closed.
    pub(crate) fn is_cut(&self) -> bool {
        self.left == Some(0) && self.queue.is_empty()
    }

    /// How many of `most` bytes go on as one.
    fn piece(&mut self, most: usize) -> usize {
        let mut size = most as u64;
        if let Some(rate) = self.rate {
            size = size.min((rate * PIECE_MS).max(1));
        }
        if let Some((average, variation, _)) = self.slice {
            let slice = average - variation + self.draw() % (2 * variation + 1);
            size = size.min(slice.max(1));
        }
        usize::try_from(size).unwrap_or(most).min(most)
    }

    fn lateness(&mut self) -> u64 {
        if self.jitter_ms == 0 {
            return self.latency_ms;
        }
        self.latency_ms - self.jitter_ms + self.draw() % (2 * self.jitter_ms + 1)
    }

    /// xorshift64: nobody's secret hangs on it.
    fn draw(&mut self) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shaper(kinds: &[Kind]) -> Shaper {
        let faults: Vec<_> = kinds.iter().map(|kind| (kind.clone(), None)).collect();
        Shaper::new(&faults, Direction::Down, 7)
    }

    /// Everything that arrives, with its time.
    fn arrivals(shaper: &mut Shaper) -> Vec<(u64, usize)> {
        let mut seen = Vec::new();
        while let Some(due) = shaper.next_due() {
            assert!(due == 0 || shaper.arrived(due - 1).is_empty());
            let count = shaper.arrived(due).len();
            seen.push((due, count));
            shaper.take(count);
        }
        seen
    }

    #[test]
    fn data_comes_late_and_in_order() {
        let mut even = shaper(&[Kind::Latency { latency: 100, jitter: 0 }]);
        even.put(1_000, b"abc");
        assert_eq!(arrivals(&mut even), [(1_100, 3)]);
        let mut odd = shaper(&[Kind::Latency { latency: 100, jitter: 90 }]);
        (0..200).for_each(|at| odd.put(1_000 + at, b"x"));
        let seen = arrivals(&mut odd);
        assert!(seen.is_sorted() && seen.len() == 200, "{seen:?}");
        assert!(seen.iter().all(|(due, _)| (1_010..=1_390).contains(due)), "{seen:?}");
    }

    #[test]
    fn a_rate_is_kept_over_many_writes() {
        let mut slow = shaper(&[Kind::Bandwidth { rate: 10 }]);
        slow.put(0, &[0; 1_500]);
        slow.put(0, &[0; 500]);
        assert_eq!(arrivals(&mut slow), [(50, 500), (100, 500), (150, 500), (200, 500)]);
        slow.put(1_000, &[0; 10]);
        assert_eq!(arrivals(&mut slow), [(1_001, 10)]);
    }

    #[test]
    fn slices_have_their_size_and_their_pause() {
        let mut sliced = shaper(&[Kind::Slicer { average_size: 3, size_variation: 2, delay: 4 }]);
        sliced.put(100, &[0; 60]);
        let seen = arrivals(&mut sliced);
        assert_eq!(seen.iter().map(|(_, size)| size).sum::<usize>(), 60);
        assert!(seen.iter().all(|(_, size)| (1..=5).contains(size)), "{seen:?}");
        assert!(seen.windows(2).all(|pair| pair[1].0 - pair[0].0 == 4), "{seen:?}");
    }

    #[test]
    fn a_limit_cuts_within_a_write_and_a_swallowed_direction_gives_nothing() {
        let mut cut = shaper(&[Kind::LimitData { bytes: 5 }]);
        assert!(!cut.is_cut());
        cut.put(1, b"abc");
        cut.put(1, b"def");
        assert!(!cut.is_cut());
        assert_eq!(arrivals(&mut cut), [(1, 3), (1, 2)]);
        assert!(cut.is_cut());
        let mut silent = shaper(&[Kind::Timeout { timeout: 0 }]);
        silent.put(1, b"abc");
        assert!(silent.is_empty() && !silent.is_cut());
        let kinds = [(Kind::Timeout { timeout: 9 }, None), (Kind::ResetPeer { timeout: 0 }, None)];
        assert_eq!(Shaped::new(&kinds, 100), Shaped { close_at: Some(109), reset_at: Some(100) });
    }

    #[test]
    fn a_fault_of_the_other_direction_leaves_this_one_alone() {
        let faults = [(Kind::Latency { latency: 100, jitter: 0 }, Some(Direction::Up))];
        let mut down = Shaper::new(&faults, Direction::Down, 7);
        down.put(5, b"abc");
        assert_eq!(arrivals(&mut down), [(5, 3)]);
        assert_eq!(down.room(), QUEUE);
    }
}
