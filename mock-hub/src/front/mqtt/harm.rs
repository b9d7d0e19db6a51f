//! What ordered faults do to the packets of a connection: the front's half of [`crate::fault`].

use crate::fabric::Outbound;
use crate::fault::{Direction, Group, Kind, Pipe, Strike};

use super::end::End;
use super::inbound::Inbound;
use super::packet::{self, Malformed, Unframed, frame};

/// What faults hold back on one connection.
pub(super) struct Harm {
    up: Pipe,
    down: Pipe,
    /// The activation message that waits for a SUBSCRIBE, and how long.
    activation: Option<(u64, Vec<Outbound>)>,
}

impl Inbound {
    /// Whether packets have to be judged one by one.
    pub(super) fn is_harmed(&self) -> bool {
        self.harm.is_some() || !self.front.cloud.faults.quiet(Group::Packets)
    }

    fn harm(&mut self) -> &mut Harm {
        self.harm.get_or_insert_with(|| {
            Box::new(Harm {
                up: Pipe::new(Direction::Up),
                down: Pipe::new(Direction::Down),
                activation: None,
            })
        })
    }

    /// Takes one whole packet of the client and acts on what arrives of it.
    pub(super) fn pass_up(&mut self, packet: &[u8]) -> Result<(), End> {
        let mut out = Vec::with_capacity(packet.len());
        let (faults, device) = (self.front.cloud.faults.clone(), self.who.device.clone());
        let now_ms = self.front.clock.monotonic_ms();
        let strike = self.harm().up.pass(&faults, &device, now_ms, packet, &mut out);
        self.tell(strike)?;
        self.act(&out)
    }

    /// Lets what was queued since the last call leave, as far as the faults want it; the store has kept what it tells.
    pub(super) fn pass_down(&mut self) -> Result<(), End> {
        if !self.is_harmed() {
            self.output.release();
            return Ok(());
        }
        let fresh = self.output.take_fresh();
        let (faults, device) = (self.front.cloud.faults.clone(), self.who.device.clone());
        let now_ms = self.front.clock.monotonic_ms();
        let mut rest = &fresh[..];
        // What the hub writes itself is whole.
        while let Ok(packet) = frame(rest, usize::MAX) {
            let (whole, behind) = rest.split_at(packet.length);
            rest = behind;
            let mut out = Vec::with_capacity(whole.len());
            let strike = self.harm().down.pass(&faults, &device, now_ms, whole, &mut out);
            self.output.buffer().append(&mut out);
            self.tell(strike)?;
        }
        self.output.release();
        self.tell_output();
        self.settle();
        Ok(())
    }

    /// When something that was held back is due.
    pub(super) fn next_due(&self) -> Option<u64> {
        let harm = self.harm.as_ref()?;
        let activation = harm.activation.as_ref().map(|(due, _)| *due);
        [harm.up.next_due(), harm.down.next_due(), activation].into_iter().flatten().min()
    }

    /// Lets go what has been held back long enough.
    pub(super) fn let_go(&mut self, now_ms: u64) -> Result<(), End> {
        let Some(harm) = &mut self.harm else { return Ok(()) };
        let mut arrived = Vec::new();
        harm.up.due(now_ms, &mut arrived);
        let mut leaves = Vec::new();
        harm.down.due(now_ms, &mut leaves);
        if harm.activation.as_ref().is_some_and(|(due, _)| *due <= now_ms) {
            self.send_late_activation()?;
        }
        self.act(&arrived)?;
        // What is due now was judged before; what it leads to was not, and may have to wait for the store.
        let mut fresh = self.output.take_fresh();
        self.output.buffer().append(&mut leaves);
        self.output.release();
        self.tell_output();
        self.output.buffer().append(&mut fresh);
        self.settle();
        Ok(())
    }

    /// Queues the first messages of a connection, in mode 3 the activation.
    pub(super) fn send_first(&mut self, first: Vec<Outbound>) -> Result<(), End> {
        let activates = !first.is_empty() && !self.front.cloud.faults.quiet(Group::Enos);
        let strike = if activates { self.front.cloud.faults.on_activation(&self.who.device) } else { None };
        if let Some(strike) = &strike {
            self.front.cloud.struck(strike, &self.who.device);
        }
        match strike.map(|strike| strike.kind) {
            Some(Kind::ActivationBeforeSuback { delay }) => {
                let due = self.front.clock.monotonic_ms().saturating_add(delay.unsigned_abs());
                self.harm().activation = Some((due, first));
                Ok(())
            }
            Some(Kind::ActivationTwice) => {
                first.iter().chain(&first).try_for_each(|message| self.send(message))
            }
            _ => first.iter().try_for_each(|message| self.send(message)),
        }
    }

    /// Sends the activation message that a fault held back.
    pub(super) fn send_late_activation(&mut self) -> Result<(), End> {
        let held = self.harm.as_mut().and_then(|harm| harm.activation.take());
        held.into_iter().flat_map(|(_, first)| first).try_for_each(|message| self.send(&message))
    }

    fn tell(&mut self, strike: Option<Strike>) -> Result<(), End> {
        let Some(strike) = strike else { return Ok(()) };
        self.front.cloud.struck(&strike, &self.who.device);
        match strike.kind {
            Kind::HalfOpen { hold } => Err(End::HalfOpen { hold_ms: hold.unsigned_abs() }),
            _ => Ok(()),
        }
    }

    /// Acts on packets that a fault let arrive, changed or not.
    fn act(&mut self, mut packets: &[u8]) -> Result<(), End> {
        while !packets.is_empty() {
            let packet = match frame(packets, self.front.limits.packet_bytes) {
                Ok(packet) => packet,
                Err(Unframed::Malformed(malformed)) => return Err(End::Malformed(malformed)),
                // A length that a fault changed; what it would swallow next cannot be told.
                Err(_) => return Err(End::Malformed(Malformed::new("a changed length", "section 2.2.3"))),
            };
            packets = packets.get(packet.length..).unwrap_or_default();
            self.packet(packet::decode(&packet).map_err(End::Malformed)?)?;
        }
        Ok(())
    }

    /// Gives the room back once nothing is held and nothing can be struck.
    fn settle(&mut self) {
        let quiet = self.front.cloud.faults.quiet(Group::Packets);
        let idle = self
            .harm
            .as_ref()
            .is_some_and(|harm| harm.up.is_empty() && harm.down.is_empty() && harm.activation.is_none());
        if quiet && idle {
            self.harm = None;
        }
    }
}
