//! Packet faults for CoAP: one direction of one socket, datagram by datagram, without a socket.

use std::net::SocketAddr;

use super::kind::Kind;
use super::order::Direction;
use super::packet::{corrupt, shift};
use super::{Faults, Strike};
use crate::fabric::DeviceId;

/// Datagrams that a pipe holds back; what is over goes on at once.
const HELD: usize = 4_096;

/// A datagram with its peer, and whether its payload is to be shown nowhere.
pub(crate) type Passing = (SocketAddr, Vec<u8>, bool);

struct Held {
    due_ms: u64,
    /// It also goes as soon as another of this peer has passed.
    behind: bool,
    passing: Passing,
}

/// One direction of one socket.
pub(crate) struct DatagramPipe {
    direction: Direction,
    held: Vec<Held>,
}

impl DatagramPipe {
    pub(crate) fn new(direction: Direction) -> Self {
        Self { direction, held: Vec::new() }
    }

    /// Whether nothing is held back.
    pub(crate) fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    /// Takes one datagram and gives what arrives by it now. The strike, if there was one, is to be journalled.
    pub(crate) fn pass(
        &mut self,
        faults: &Faults,
        device: Option<&DeviceId>,
        now_ms: u64,
        head: Option<(u8, u8)>,
        mut passing: Passing,
    ) -> (Vec<Passing>, Option<Strike>) {
        let strike = faults.on_datagram(device, self.direction, head);
        let (peer, mut passed) = (passing.0, Vec::with_capacity(1));
        match strike.as_ref().map(|strike| &strike.kind) {
            Some(Kind::Drop) => return (passed, strike),
            Some(Kind::Delay { delay }) => {
                self.hold(now_ms, *delay, false, passing, &mut passed);
                return (passed, strike);
            }
            Some(Kind::Reorder { delay }) => {
                self.hold(now_ms, *delay, true, passing, &mut passed);
                return (passed, strike);
            }
            Some(Kind::Duplicate) => {
                passed.push(passing.clone());
                passed.push(passing);
            }
            Some(Kind::Corrupt { at, xor }) => {
                corrupt(&mut passing.1, *at, *xor);
                passed.push(passing);
            }
            Some(Kind::WrongId { by }) => {
                if let Some(id) = passing.1.get_mut(2..4) {
                    shift(id, *by);
                }
                passed.push(passing);
            }
            _ => passed.push(passing),
        }
        self.release(&mut passed, |held| held.behind && held.passing.0 == peer);
        (passed, strike)
    }

    /// What has waited long enough.
    pub(crate) fn due(&mut self, now_ms: u64) -> Vec<Passing> {
        let mut due = Vec::new();
        self.release(&mut due, |held| held.due_ms <= now_ms);
        due
    }

    /// When [`due`](Self::due) has something.
    pub(crate) fn next_due(&self) -> Option<u64> {
        self.held.iter().map(|held| held.due_ms).min()
    }

    fn hold(&mut self, now_ms: u64, delay: i64, behind: bool, passing: Passing, passed: &mut Vec<Passing>) {
        if self.held.len() >= HELD {
            passed.push(passing);
            return;
        }
        let due_ms = now_ms.saturating_add(delay.unsigned_abs());
        self.held.push(Held { due_ms, behind, passing });
    }

    fn release(&mut self, passed: &mut Vec<Passing>, goes: impl Fn(&Held) -> bool) {
        let (mut stay, held) = (Vec::new(), std::mem::take(&mut self.held));
        for held in held {
            if goes(&held) { passed.push(held.passing) } else { stay.push(held) }
        }
        self.held = stay;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACK: Option<(u8, u8)> = Some((2, 0x44));

    fn ordered(text: &str) -> Faults {
        let faults = Faults::default();
        faults.order(text.as_bytes()).unwrap();
        faults
    }

    fn passing(port: u16, bytes: &[u8]) -> Passing {
        (SocketAddr::from(([127, 0, 0, 1], port)), bytes.to_vec(), false)
    }

    /// What arrives at once of datagrams from one peer.
    fn arrives(faults: &Faults, pipe: &mut DatagramPipe, datagrams: &[&[u8]]) -> Vec<Vec<u8>> {
        let mut all = Vec::new();
        for bytes in datagrams {
            let (passed, _) = pipe.pass(faults, None, 100, ACK, passing(1, bytes));
            all.extend(passed.into_iter().map(|(_, bytes, _)| bytes));
        }
        all
    }

    #[test]
    fn each_kind_does_what_its_name_says() {
        let mut pipe = DatagramPipe::new(Direction::Down);
        let faults = ordered(r#"{"kind":"drop","packet":"ACK 2.04","after":1,"count":1}"#);
        assert_eq!(arrives(&faults, &mut pipe, &[b"a", b"b", b"c"]), [b"a", b"c"]);
        let faults = ordered(r#"{"kind":"duplicate","packet":"2.04","count":1}"#);
        assert_eq!(arrives(&faults, &mut pipe, &[b"a", b"b"]), [b"a", b"a", b"b"]);
        let faults = ordered(r#"{"kind":"reorder","packet":"ACK","count":1}"#);
        assert_eq!(arrives(&faults, &mut pipe, &[b"a", b"b"]), [b"b", b"a"]);
        let faults = ordered(r#"{"kind":"corrupt","at":0,"xor":1,"count":1}"#);
        assert_eq!(arrives(&faults, &mut pipe, &[b"aa", b"aa"]), [b"`a", b"aa"]);
        let faults = ordered(r#"{"kind":"wrong_id","by":1,"count":1}"#);
        assert_eq!(arrives(&faults, &mut pipe, &[b"\x60\x44\x00\x07"]), [b"\x60\x44\x00\x08"]);
        let faults = ordered(r#"{"kind":"delay","delay":50,"count":1}"#);
        assert_eq!(arrives(&faults, &mut pipe, &[b"a", b"b"]), [b"b"]);
        assert_eq!((pipe.next_due(), pipe.due(149).len(), pipe.is_empty()), (Some(150), 0, false));
        assert_eq!((pipe.due(150), pipe.is_empty()), (vec![passing(1, b"a")], true));
    }

    #[test]
    fn what_was_ordered_of_others_lets_pass() {
        let mut pipe = DatagramPipe::new(Direction::Down);
        for order in [
            r#"{"kind":"drop","packet":"PUBACK"}"#,
            r#"{"kind":"drop","packet":"CON"}"#,
            r#"{"kind":"drop","packet":"ACK 2.05"}"#,
            r#"{"kind":"drop","direction":"up"}"#,
            r#"{"kind":"drop","device":"pk/d1"}"#,
            r#"{"kind":"half_open"}"#,
        ] {
            assert_eq!(arrives(&ordered(order), &mut pipe, &[b"a"]), [b"a"], "{order}");
        }
        // One that waits for the next of its peer is not let go by another's.
        let faults = ordered(r#"{"kind":"reorder","count":1}"#);
        pipe.pass(&faults, None, 0, ACK, passing(1, b"a"));
        assert_eq!(pipe.pass(&faults, None, 0, ACK, passing(2, b"b")).0, [passing(2, b"b")]);
        assert_eq!(
            pipe.pass(&faults, None, 0, ACK, passing(1, b"c")).0,
            [passing(1, b"c"), passing(1, b"a")]
        );
    }
}
