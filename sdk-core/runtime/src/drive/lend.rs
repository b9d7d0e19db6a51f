//! The thread that waits in a blocking `connect` reads the link itself until the client is online.
//!
//! It sleeps for that very answer, so any other thread that read it would only have to wake it: each hand-over costs
//! more than the read. The I/O thread has the link from then on, or as soon as anything goes another way.

use super::{Core, Effects, Phase};
use crate::dial::{Cancel, Wait};
use crate::inner::Inner;
use crate::link::Down;
use enos_core::{LinkFault, Now};
use mio::Registry;
use std::sync::Arc;

impl Core {
    /// The link of this dial stays with the thread that dialled; `cancel` calls it off. False if there is no link.
    pub(crate) fn lend(&mut self, number: u64, cancel: &Arc<Cancel>) -> bool {
        self.lent = self.is_lendable(number).then(|| cancel.clone());
        self.lent.is_some()
    }

    /// The borrower's turn: reads and answers. False once the link is no longer its business.
    pub(crate) fn lent_turn(
        &mut self,
        client: &Arc<Inner>,
        now: Now,
        number: u64,
        wait: &Wait,
        effects: &mut Effects,
    ) -> bool {
        // Nobody else has to call this thread off while it is here.
        let cancel = self.lent.take();
        self.on_ready(true, true, wait.ended());
        self.drive(client, now, true, effects);
        if self.is_lendable(number) && cancel.is_some() {
            self.lent = cancel;
            return true;
        }
        self.give_back(client, now, number, wait.registry());
        false
    }

    /// The I/O thread has the link from now on.
    pub(crate) fn give_back(&mut self, client: &Arc<Inner>, now: Now, number: u64, from: &Registry) {
        self.lent = None;
        if self.linked != number {
            return;
        }
        let Some(link) = &mut self.link else { return };
        link.unwatch(from);
        if let Err(error) = link.watch(client.shared().registry(), client.token(), self.blocked) {
            let text = format!("the operating system cannot watch the socket: {error}");
            self.link_down(client, now, Down::new(LinkFault::Connect, text));
        }
    }

    /// Wakes the borrower if what it waits for has happened without it.
    pub(super) fn end_lending(&mut self) {
        if !self.is_lendable(self.linked)
            && let Some(cancel) = self.lent.take()
        {
            cancel.cancel();
        }
    }

    fn is_lendable(&self, number: u64) -> bool {
        self.link.is_some() && self.linked == number && self.phase == Phase::Connecting
    }
}
