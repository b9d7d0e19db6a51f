//! What ordered faults do to datagrams: the front's half of [`crate::fault`]. Above DTLS, so that type and code can be
//! told; what is captured is what went over the wire.

use std::net::SocketAddr;

use crate::fault::{DatagramPipe, Direction, Group};

use super::Datagram;
use super::message::Head;
use super::server::{Outgoing, Server};

/// What faults hold back at one socket.
pub(super) struct Harm {
    up: DatagramPipe,
    down: DatagramPipe,
}

impl Harm {
    /// When something that was held back is due.
    pub(super) fn next_due(&self) -> Option<u64> {
        [self.up.next_due(), self.down.next_due()].into_iter().flatten().min()
    }
}

impl Server {
    /// Whether datagrams have to be judged one by one.
    pub(super) fn is_harmed(&self) -> bool {
        self.harm.is_some() || !self.front.cloud.faults.quiet(Group::Packets)
    }

    /// Takes a datagram of a peer and acts on what arrives of it.
    pub(super) fn pass_up(&mut self, from: SocketAddr, datagram: &[u8]) {
        for (from, bytes, _) in self.pass(Direction::Up, from, datagram.to_vec(), false) {
            self.handle(from, &bytes);
        }
        self.settle();
    }

    /// Lets a datagram leave, as far as the faults want it.
    pub(super) fn pass_down(&mut self, to: SocketAddr, bytes: Vec<u8>, secret: bool) {
        for (to, bytes, secret) in self.pass(Direction::Down, to, bytes, secret) {
            self.out.push_back(Outgoing { datagram: Datagram { to, bytes }, secret });
        }
        self.settle();
    }

    fn pass(
        &mut self,
        direction: Direction,
        peer: SocketAddr,
        bytes: Vec<u8>,
        secret: bool,
    ) -> Vec<(SocketAddr, Vec<u8>, bool)> {
        let (faults, now_ms) = (self.front.cloud.faults.clone(), self.front.clock.monotonic_ms());
        let device = self.device(peer, &bytes);
        let head = Head::read(&bytes).map(|head| (head.kind as u8, head.code));
        let harm = self.harm.get_or_insert_with(|| {
            Box::new(Harm { up: DatagramPipe::new(Direction::Up), down: DatagramPipe::new(Direction::Down) })
        });
        let pipe = if direction == Direction::Up { &mut harm.up } else { &mut harm.down };
        let (passed, strike) = pipe.pass(&faults, device.as_ref(), now_ms, head, (peer, bytes, secret));
        if let Some(strike) = strike {
            self.front.cloud.note(strike.entry(device.as_ref()));
        }
        passed
    }

    /// Lets go what has been held back long enough.
    pub(super) fn let_go_harmed(&mut self, now_ms: u64) {
        let Some(harm) = &mut self.harm else { return };
        let (arrived, left) = (harm.up.due(now_ms), harm.down.due(now_ms));
        for (to, bytes, secret) in left {
            self.out.push_back(Outgoing { datagram: Datagram { to, bytes }, secret });
        }
        for (from, bytes, _) in arrived {
            self.handle(from, &bytes);
        }
        self.settle();
    }

    /// Gives the room back once nothing is held and nothing can be struck.
    fn settle(&mut self) {
        let idle = self.harm.as_ref().is_some_and(|harm| harm.up.is_empty() && harm.down.is_empty());
        if idle && self.front.cloud.faults.quiet(Group::Packets) {
            self.harm = None;
        }
    }
}
