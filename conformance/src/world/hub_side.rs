//! What moves between links and the hub: bytes in, bytes out, ends, restarts.

use std::io;
use std::task::Context;

use enos_core::LinkFault;
use mock_hub::bare::{BareHub, Phase};

use super::faults::Kind;
use super::network::{LinkId, Way};
use super::run::{Act, World};
use super::seen::Seen;

impl World {
    /// Bytes arrive at the far end of a pipe.
    pub(super) fn arrive(&mut self, id: LinkId, way: Way, bytes: &[u8]) {
        let Some(link) = self.links.get_mut(&id) else { return };
        if link.dead {
            return;
        }
        let client = link.client;
        let pipe = link.pipe(way);
        pipe.in_flight -= bytes.len();
        let cut = pipe.cut_after.filter(|left| *left <= bytes.len());
        let (bytes, _) = bytes.split_at(cut.unwrap_or(bytes.len()));
        pipe.cut_after = pipe.cut_after.map(|left| left - bytes.len());
        if way == Way::Up {
            let mut passed = Vec::new();
            for kind in link.up.spoiler.pass(&mut self.rng, bytes, &mut passed) {
                self.counts.add(kind);
            }
            link.up.arrived.extend(passed);
        } else {
            link.down.arrived.extend(bytes);
        }
        link.flag.raise();
        if way == Way::Down {
            self.device_reads(id);
        } else if self.clients[client].link == Some(id) && self.clients[client].blocked {
            self.clients[client].blocked = false;
            self.drain(client);
            // What waited for room to answer may be read now.
            self.device_reads(id);
        }
        if cut.is_some() {
            self.counts.add(Kind::Cut);
            self.pump();
            self.break_link(id);
        }
    }

    /// One end has been closed in order.
    pub(super) fn eof(&mut self, id: LinkId, way: Way) {
        let Some(link) = self.links.get_mut(&id) else { return };
        if link.dead {
            return;
        }
        match way {
            Way::Up => {
                if let Some(hub) = &mut link.hub {
                    hub.closed();
                    link.flag.raise();
                } else {
                    self.links.remove(&id);
                }
            }
            Way::Down => {
                let (client, had) = (link.client, link.device_end);
                link.device_end = false;
                if link.hub.is_none() {
                    self.links.remove(&id);
                } else if let Some(hub) = &mut link.hub {
                    // A refused device closes when it has read why.
                    hub.closed();
                    link.flag.raise();
                }
                if had && self.clients[client].link == Some(id) {
                    self.link_down(client, LinkFault::PeerClosed);
                }
            }
        }
    }

    /// The device closes its end; `tells` the hub.
    pub(super) fn device_lets_go(&mut self, id: LinkId, tells: bool) {
        let Some(link) = self.links.get_mut(&id) else { return };
        link.device_end = false;
        if link.hub.is_none() {
            self.links.remove(&id);
        } else if tells {
            let due = link.up.last_due.max(self.now + 1);
            self.agenda.at(due, Act::Eof { link: id, way: Way::Up });
        } else {
            link.dead = true;
        }
    }

    /// Both ends hear that the link broke.
    pub(super) fn break_link(&mut self, id: LinkId) {
        let Some(mut link) = self.links.remove(&id) else { return };
        if let Some(hub) = &mut link.hub {
            hub.lost(io::Error::other("the world broke the link"));
        }
        let (client, had) = (link.client, link.device_end);
        drop(link);
        if had && self.clients[client].link == Some(id) {
            self.link_down(client, LinkFault::Lost);
        }
    }

    /// What is due in the hub.
    pub(super) fn hub_wakes(&mut self) {
        for link in self.links.values_mut() {
            if let Some(hub) = &mut link.hub
                && hub.deadline().is_some_and(|deadline| deadline <= self.now)
            {
                hub.expire();
                link.flag.raise();
            }
        }
        if let Some(hub) = &self.hub
            && hub.deadline().is_some_and(|deadline| deadline <= self.now)
        {
            hub.tick();
        }
    }

    /// Lets the hub do all that it can do now.
    pub(super) fn pump(&mut self) {
        loop {
            let awake: Vec<LinkId> =
                self.links.iter().filter(|(_, link)| link.flag.take()).map(|(id, _)| *id).collect();
            for id in &awake {
                self.serve(*id);
            }
            if !self.poll_calls() && awake.is_empty() {
                return;
            }
        }
    }

    /// One connection of the hub: news, bytes, end.
    fn serve(&mut self, id: LinkId) {
        let Some(link) = self.links.get_mut(&id) else { return };
        let (client, device) = (link.client, self.clients[link.client].device);
        let waker = link.waker.clone();
        loop {
            let Some(hub) = &mut link.hub else { return };
            hub.take_news(&Context::from_waker(&waker));
            let mut moved = false;
            if hub.wants_bytes() && !link.up.arrived.is_empty() {
                let bytes: Vec<u8> = link.up.arrived.drain(..).collect();
                let watch = &mut self.watch;
                link.up.read.push(&bytes, |packet| {
                    watch.see(self.now, client, device, Seen::Read { link: id, way: Way::Up, packet });
                });
                hub.receive(&bytes);
                moved = true;
            }
            let ends = matches!(hub.phase(), Phase::Closing | Phase::Gone);
            let waits = !link.down.waiting.is_empty();
            let bytes = hub.transmit();
            if bytes.is_empty() || (waits && !ends) {
                hub.blocked(!bytes.is_empty());
            } else {
                let watch = &mut self.watch;
                link.down.written.push(bytes, |packet| {
                    watch.see(self.now, client, device, Seen::Written { link: id, way: Way::Down, packet });
                });
                if bytes.first() == Some(&0x20) && link.hold_connack_ms > 0 {
                    self.counts.add(Kind::SlowConnack);
                    link.down.last_due = self.now + link.hold_connack_ms;
                }
                for kind in link.down.spoiler.pass(&mut self.rng, bytes, &mut link.down.waiting) {
                    self.counts.add(kind);
                }
                let count = bytes.len();
                hub.sent(count);
                hub.blocked(false);
                moved = true;
            }
            // At its end a connection does not wait for the peer: the socket takes the rest or loses it.
            let room = if ends { link.down.waiting.len() } else { link.down.room(link.down.waiting.len()) };
            if room > 0 {
                let now: Vec<u8> = link.down.waiting.drain(..room).collect();
                for (due, bytes) in link.down.carry(self.now, &mut self.rng, &now) {
                    self.agenda.at(due, Act::Arrive { link: id, way: Way::Down, bytes });
                }
                moved |= !ends;
            }
            let refused = hub.phase() == Phase::Refused && hub.transmit().is_empty();
            if ends || (refused && link.down.waiting.is_empty()) {
                let due = link.down.last_due.max(self.now + 1);
                self.agenda.at(due, Act::Eof { link: id, way: Way::Down });
            }
            if ends {
                link.hub = None;
                if !link.device_end {
                    self.links.remove(&id);
                }
                return;
            }
            if !moved {
                return;
            }
        }
    }

    /// The hub goes down with all its connections; its store stays.
    pub(super) fn take_hub_down(&mut self) {
        let Some(hub) = self.hub.take() else { return };
        self.read_journal(&hub);
        self.snapshot = hub.snapshot().expect("a snapshot");
        self.watch.see(self.now, usize::MAX, usize::MAX, Seen::HubDown);
        // Whoever waits for a reply of it gets none.
        self.calls.clear();
        let ids: Vec<LinkId> = self.links.keys().copied().collect();
        for id in ids {
            let Some(link) = self.links.get_mut(&id) else { continue };
            link.hub = None;
            if link.device_end {
                let due = link.down.last_due.max(self.now + 1);
                self.agenda.at(due, Act::Eof { link: id, way: Way::Down });
            } else {
                self.links.remove(&id);
            }
        }
    }

    pub(super) fn bring_hub_up(&mut self) {
        if self.hub.is_some() {
            return;
        }
        let hub = BareHub::new(self.clock.clone(), false);
        if let Err(error) = hub.restore(&self.snapshot) {
            panic!("the hub does not read its own store: {error}");
        }
        self.hub = Some(hub);
        self.journal_seen = 0;
        self.watch.see(self.now, usize::MAX, usize::MAX, Seen::HubUp);
    }
}
