//! How each fault strikes, and how the world calms down.

use super::faults::Kind;
use super::network::{LinkId, Pick, Way};
use super::run::{Act, World};
use super::seen::Ban;

impl World {
    /// Something goes wrong. What finds nothing to spoil tries again soon.
    pub(super) fn strike(&mut self, kind: Kind) {
        if self.calm {
            return;
        }
        let struck = match kind {
            Kind::Cut
            | Kind::Latency
            | Kind::Slices
            | Kind::Bandwidth
            | Kind::HalfOpen
            | Kind::Drop
            | Kind::Duplicate
            | Kind::Reorder
            | Kind::Corrupt
            | Kind::ReplyLost
            | Kind::ReplyUnknown
            | Kind::ReplyCode => self.strike_link(kind),
            Kind::Refused | Kind::SlowConnack | Kind::SessionLost | Kind::ActivationTwice => {
                self.strike_sign_in(kind)
            }
            Kind::HubRestart => self.strike_hub(),
            Kind::Disabled | Kind::Deleted => self.strike_device(kind),
            _ => self.strike_client(kind),
        };
        if !struck {
            let later = self.now + self.rng.between(2_000, 15_000);
            self.agenda.at(later, Act::Fault(kind));
        }
    }

    /// A link that carries something; none if nobody is connected.
    fn some_link(&mut self) -> Option<LinkId> {
        let open: Vec<LinkId> =
            self.links.iter().filter(|(_, link)| link.device_end && !link.dead).map(|(id, _)| *id).collect();
        (!open.is_empty()).then(|| open[self.rng.below(open.len())])
    }

    fn strike_link(&mut self, kind: Kind) -> bool {
        let Some(id) = self.some_link() else { return false };
        let way = self.rng.pick(&[Way::Up, Way::Down]);
        let behind = self.rng.below(300);
        let lasts = self.now + self.rng.between(5_000, 60_000);
        let late = self.rng.between(500, 12_000);
        let rate = self.rng.between(20, 2_000);
        let now = self.now;
        let Some(link) = self.links.get_mut(&id) else { return false };
        let pipe = link.pipe(way);
        match kind {
            // Counted when the byte is there.
            Kind::Cut => {
                pipe.cut_after.get_or_insert(behind);
                return true;
            }
            Kind::Latency => {
                pipe.latency = (late / 2, late);
                self.agenda.at(lasts, Act::Heal { link: id });
            }
            Kind::Slices => pipe.slices_until = lasts,
            Kind::Bandwidth => {
                pipe.rate = Some((rate, lasts));
                pipe.window = 256;
                self.agenda.at(lasts, Act::Heal { link: id });
            }
            Kind::HalfOpen => link.dead = true,
            // Counted when the packet is there.
            Kind::ReplyLost | Kind::ReplyUnknown | Kind::ReplyCode => {
                link.down.spoiler.arm(kind, Pick::PostReply);
                return true;
            }
            _ => {
                pipe.spoiler.arm(kind, Pick::Any);
                return true;
            }
        }
        self.watch.trace.note(now, || format!("{} on link {id} {way:?}", kind.name()));
        self.counts.add(kind);
        true
    }

    /// What waits for a sign-in: counted when one comes.
    fn strike_sign_in(&mut self, kind: Kind) -> bool {
        let dynamic: Vec<usize> = (0..self.clients.len())
            .filter(|client| self.clients[*client].identity.product_secret.is_some())
            .collect();
        let client = match kind {
            Kind::ActivationTwice => self.rng.pick(&dynamic),
            _ => self.rng.below(self.devices.len()),
        };
        match kind {
            Kind::Refused => self.clients[client].refusals += 1 + self.rng.below(3) as u32,
            Kind::SessionLost => {
                let device = self.clients[client].device;
                let Some(hub) = &self.hub else { return false };
                if !hub.forget_session(&self.devices[device].id) {
                    return false;
                }
                self.counts.add(kind);
            }
            _ => self.next_link.push((client, kind)),
        }
        // A client that is online signs in only when it has lost its link.
        if self.clients[client].online
            && let Some(link) = self.clients[client].link
        {
            self.break_link(link);
        }
        true
    }

    /// Arms what waits for a client's next link.
    pub(super) fn begin_link(&mut self, id: LinkId) {
        let Some(link) = self.links.get_mut(&id) else { return };
        let client = link.client;
        let Some(at) = self.next_link.iter().position(|(whose, _)| *whose == client) else { return };
        let (_, kind) = self.next_link.remove(at);
        match kind {
            Kind::SlowConnack => link.hold_connack_ms = self.rng.between(3_000, 15_000),
            _ => link.down.spoiler.arm(kind, Pick::Activation),
        }
    }

    fn strike_hub(&mut self) -> bool {
        if self.hub.is_none() {
            return false;
        }
        self.take_hub_down();
        self.counts.add(Kind::HubRestart);
        let down = self.rng.between(50, 20_000);
        self.agenda.at(self.now + down, Act::HubUp);
        true
    }

    fn strike_device(&mut self, kind: Kind) -> bool {
        let device = self.rng.below(self.devices.len());
        let free = matches!(self.devices[device].ban, Ban::Created | Ban::Enabled);
        if !free || self.hub.is_none() {
            return false;
        }
        self.counts.add(kind);
        let lasts = self.now + self.rng.between(1_000, 60_000);
        if kind == Kind::Disabled {
            self.ban(device, Ban::Disabled);
            self.agenda.at(lasts, Act::Enable { device });
        } else {
            self.ban(device, Ban::Deleted);
            self.agenda.at(lasts, Act::Create { device });
        }
        true
    }

    fn strike_client(&mut self, kind: Kind) -> bool {
        let client = self.rng.below(self.devices.len());
        match kind {
            Kind::DeviceRestart => {
                if self.clients[client].engine.is_none() {
                    return false;
                }
                self.power_cut(client);
                self.start_later(client);
            }
            // Counted when the store is asked.
            Kind::StoreFailure => {
                self.clients[0].store_failures += 1 + self.rng.below(3) as u32;
                return true;
            }
            Kind::StoreCrash => {
                self.clients[0].store_crash = true;
                return true;
            }
            Kind::ClockJump => {
                let ms = self.rng.between(0, 20 * 86_400_000) as i64 - 10 * 86_400_000;
                self.clients[client].wall_offset += ms;
            }
            Kind::LateDriver => {
                self.clients[client].late_until = self.now + self.rng.between(20_000, 90_000);
            }
            Kind::Twin => {
                let twin = self.clients.len() - 1;
                if self.clients[twin].engine.is_some() {
                    return false;
                }
                self.power_up(twin);
                let power = self.clients[twin].power;
                let leaves = self.now + self.rng.between(10_000, 120_000);
                self.agenda.at(leaves, Act::TwinLeaves { client: twin, power });
            }
            // Handlers misbehave whenever they are called so.
            _ => return self.command_for(kind),
        }
        self.counts.add(kind);
        true
    }

    /// Gives a command to a handler that misbehaves so; counted when it is called.
    fn command_for(&mut self, kind: Kind) -> bool {
        let service = match kind {
            Kind::HandlerSilent => "never",
            Kind::HandlerLate => "later",
            _ => "wrong",
        };
        let device = self.rng.below(self.devices.len());
        self.command(device, Some(service), 0, 10)
    }

    /// The faults of a link that lasted some time are over.
    pub(super) fn heal(&mut self, id: LinkId) {
        if let Some(link) = self.links.get_mut(&id) {
            for pipe in [&mut link.up, &mut link.down] {
                pipe.latency = (1, 30);
                pipe.rate = None;
                pipe.slices_until = 0;
                pipe.window = 64 * 1024;
            }
        }
    }

    /// From now on nothing goes wrong any more. What is broken is mended; a link that is dead stays so.
    pub(super) fn calm_down(&mut self) {
        self.calm = true;
        self.watch.trace.note(self.now, || "the faults stop".to_owned());
        self.next_link.clear();
        self.bring_hub_up();
        let links: Vec<LinkId> = self.links.keys().copied().collect();
        for id in links {
            self.heal(id);
            if let Some(link) = self.links.get_mut(&id) {
                for pipe in [&mut link.up, &mut link.down] {
                    pipe.spoiler.disarm();
                    pipe.cut_after = None;
                }
            }
        }
        for device in 0..self.devices.len() {
            self.enable(device);
            self.create(device);
        }
        for client in 0..self.clients.len() {
            let c = &mut self.clients[client];
            // Handlers come back to their senses.
            for call in std::mem::take(&mut c.silent) {
                let (power, wrong) = (c.power, false);
                self.agenda.at(self.now + 100, Act::Answer { client, power, call, wrong });
            }
            (c.refusals, c.store_failures, c.store_crash, c.late_until) = (0, 0, false, 0);
            if c.is_twin {
                self.host_closes(client, 1_000);
            } else if c.engine.is_none() {
                self.power_up(client);
            }
        }
    }

    /// Plays until all that was begun has ended and everybody is online, posts and is commanded; gives what is left
    /// when the time is over.
    pub(super) fn drains(&mut self, end: u64) -> Option<String> {
        loop {
            for client in 0..self.devices.len() {
                if !self.clients[client].online && !self.clients[client].connecting {
                    self.host_connects(client);
                }
            }
            if !self.until(self.now + 10_000) {
                return None;
            }
            let left = self.left();
            if left.is_none() || self.now >= end {
                if left.is_some() {
                    return left;
                }
                break;
            }
        }
        // Now all of it once more, and this time it must work.
        let (acknowledged, succeeded) = (self.acknowledged, self.succeeded.len() as u64);
        let count = self.devices.len() as u64;
        for device in 0..self.devices.len() {
            if !self.post(device, 10_000) {
                return Some(format!("client {device} takes no post"));
            }
            if !self.command(device, Some("now"), 0, 10) {
                return Some(format!("device {device} takes no command"));
            }
        }
        self.pump();
        if !self.until(self.now + 15_000) {
            return None;
        }
        if self.acknowledged < acknowledged + count {
            return Some("a post without faults was not acknowledged".to_owned());
        }
        if (self.succeeded.len() as u64) < succeeded + count {
            return Some("a command without faults did not succeed".to_owned());
        }
        None
    }

    fn left(&mut self) -> Option<String> {
        for (number, client) in self.clients.iter().enumerate() {
            if client.is_twin {
                continue;
            }
            if !client.online {
                return Some(format!("client {number} is not online"));
            }
            if client.link.and_then(|id| self.links.get(&id)).is_some_and(|link| link.dead) {
                return Some(format!("client {number} has not found out that its link is dead"));
            }
            if client.open_posts() > 0 {
                return Some(format!("{} posts of client {number} are open", client.open_posts()));
            }
        }
        if !self.calls.is_empty() {
            return Some(format!("{} calls wait for commands", self.calls.len()));
        }
        self.open_commands()
    }
}
