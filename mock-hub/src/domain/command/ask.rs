//! Commands for a device that asks for them: nothing can be sent to it, since it sleeps (`docs-coap-http.md` A.5).

use crate::domain::{Cloud, Entry, EntryKind, SignedIn};
use crate::fabric::{ConnectionId, Outbound};
use crate::journal;

use super::give::outbound;

impl Cloud {
    /// Offers the device the command whose turn it is. If `takes` says so, it is handed out: its time-out begins, and
    /// it is not offered again. None if nothing waits, if the device works on one, or if it is signed in elsewhere by
    /// now.
    pub(crate) fn offer_command(
        &self,
        who: &SignedIn,
        connection: ConnectionId,
        takes: impl FnOnce(&Outbound) -> bool,
    ) -> Option<(Outbound, bool)> {
        if who.secure_mode == 3 {
            // Its commands wait for the login with the device secret.
            return None;
        }
        // What is over is not handed out, whenever the hub's timer runs.
        self.tick();
        let mut note = None;
        let offered = {
            let mut commands = self.lock_commands();
            let command = commands.next(&who.target.asset_id)?;
            let (id, outbound) = (command.id, outbound(command));
            if self.fabric.locate(&who.device) != Some(connection) {
                return None;
            }
            let taken = takes(&outbound);
            if taken {
                let shown =
                    journal::Message::new(&outbound.topic, &id.to_string(), 1, &outbound.payload, None);
                commands.sent(id, self.clock.monotonic_ms());
                // The store hears of it before the device does, or a hub that ends here would send it again.
                commands.keep();
                let next_due_ms = commands.next_due_ms();
                let entry = Entry::new(EntryKind::MessageOut, "command sent");
                note = Some((entry.device(&who.device).message(shown), next_due_ms));
            }
            (outbound, taken)
        };
        if let Some((entry, next_due_ms)) = note {
            if let Some(deadline_ms) = next_due_ms {
                self.alarm.ring_for(deadline_ms);
            }
            self.note(entry);
        }
        Some(offered)
    }
}
