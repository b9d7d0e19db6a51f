//! Who dials: a thread of the pool, or the caller of a blocking `connect`, who has nothing else to do.

use super::Inner;
use crate::dial::{self, Cancel, Target, Wait};
use crate::drive::{DialOrder, Effects};
use crate::link::{Down, Link};
use crate::os::clock;
use enos_core::LinkFault;
use std::sync::Arc;
use std::time::Instant;

impl Inner {
    /// Dials on a thread of the pool.
    pub(super) fn dial_elsewhere(self: &Arc<Self>, order: DialOrder) {
        let (number, client) = (order.number, self.clone());
        let submitted = self.shared.pool().submit(move || {
            let DialOrder { number, target, cancel } = order;
            client.dial(number, &target, &cancel, |client, wait, result| {
                client.act(|core, now, _| {
                    core.on_dialed(client, now, number, result);
                    core.give_back(client, now, number, wait.registry());
                });
            });
        });
        if let Err(error) = submitted {
            self.no_link(number, Down::new(LinkFault::Connect, error.message));
        }
    }

    /// Whether the caller's thread may dial: not if a name must be looked up, since nothing ends that in time.
    pub(super) fn can_dial_here(&self, order: &DialOrder) -> bool {
        !dial::needs_look_up(&self.parts.plan, &order.target)
    }

    /// Dials on this thread, and reads the link until the client is online, or `end` has come.
    pub(super) fn dial_here(self: &Arc<Self>, order: DialOrder, end: Instant) {
        let DialOrder { number, target, cancel } = order;
        self.dial(number, &target, &cancel, |client, wait, result| {
            let mut goes_on = client.act(|core, now, _| {
                core.on_dialed(client, now, number, result);
                // The hub says nothing before it is asked, so there is nothing to read yet.
                core.lend(number, &cancel)
            });
            while goes_on {
                if wait.until(end).is_err() || Instant::now() >= end {
                    client.act(|core, now, _| core.give_back(client, now, number, wait.registry()));
                    return;
                }
                goes_on = client.lent_turn(number, wait);
            }
        });
    }

    fn dial(
        self: &Arc<Self>,
        number: u64,
        target: &Target,
        cancel: &Arc<Cancel>,
        then: impl FnOnce(&Arc<Self>, &mut Wait, Result<Link, Down>),
    ) {
        let spare = self.shared.spare();
        let mut wait = match Wait::new(spare, cancel) {
            Ok(wait) => wait,
            Err(down) => return self.no_link(number, down),
        };
        let result = dial::dial(&self.parts.plan, target, self.shared.roots(), &mut wait);
        then(self, &mut wait, result);
        wait.end(spare);
    }

    fn no_link(self: &Arc<Self>, number: u64, down: Down) {
        self.act(|core, now, _| core.on_dialed(self, now, number, Err(down)));
    }

    fn lent_turn(self: &Arc<Self>, number: u64, wait: &Wait) -> bool {
        let now = clock::now();
        let mut effects = Effects::default();
        let mut core = self.lock();
        let goes_on = core.lent_turn(self, now, number, wait, &mut effects);
        core.finish(self, &mut effects);
        drop(core);
        self.settle(effects);
        goes_on
    }
}
