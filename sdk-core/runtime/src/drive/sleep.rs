//! A device that is ready to sleep: who is told, and what went over the wire while it was awake.

use super::{Core, Effects};
use crate::error::Error;
use crate::inner::Inner;
use crate::jobs::Job;
use crate::link::Wire;
use crate::waiter::Completion;
use enos_core::engine::{RequestId, Stats, WakeReport};
use std::sync::Arc;

impl Core {
    /// The engine says that the device may sleep, or why it may not.
    pub(super) fn slept(
        &mut self,
        client: &Arc<Inner>,
        request: RequestId,
        report: Result<WakeReport, enos_core::Error>,
        effects: &mut Effects,
    ) {
        let Some(at) = self.sleeps.iter().position(|(number, _)| *number == request.0) else { return };
        let (_, completion) = self.sleeps.swap_remove(at);
        let result = match report {
            Ok(report) => {
                let now = self.wire_now();
                let report = on_the_wire(report, &now, &self.wire_at_sleep);
                self.wire_at_sleep = now;
                Ok(report)
            }
            Err(error) => Err(Error::core(&client.act_name("sleep"), &error, "")),
        };
        self.wake(completion, result, effects);
    }

    /// Tells who waits for a sleep.
    pub(super) fn wake(
        &mut self,
        completion: Completion<WakeReport>,
        result: Result<WakeReport, Error>,
        effects: &mut Effects,
    ) {
        match completion {
            Completion::Call(done) => self.jobs.push_back(Job::Slept(done, result)),
            Completion::Wake(waiter) => effects.slept.push(waiter, result),
            Completion::Nobody => {}
        }
    }

    /// The engine's counters, those of datagrams as they went over the wire.
    pub(crate) fn stats(&self) -> Stats {
        let mut stats = self.engine.stats();
        let wire = self.wire_now();
        if wire != Wire::default() {
            stats.datagrams_sent = wire.datagrams_sent;
            stats.datagrams_received = wire.datagrams_received;
            stats.bytes_sent = wire.bytes_sent;
            stats.bytes_received = wire.bytes_received;
            stats.radio_on_ms += wire.handshake_ms;
        }
        stats
    }

    fn wire_now(&self) -> Wire {
        let mut wire = self.wire;
        if let Some(link) = &self.link {
            wire.add(&link.wire());
        }
        wire
    }
}

/// The report with what DTLS added: the engine knows its own datagrams only.
fn on_the_wire(mut report: WakeReport, now: &Wire, before: &Wire) -> WakeReport {
    report.datagrams_sent = now.datagrams_sent - before.datagrams_sent;
    report.datagrams_received = now.datagrams_received - before.datagrams_received;
    report.bytes_sent = now.bytes_sent - before.bytes_sent;
    report.bytes_received = now.bytes_received - before.bytes_received;
    report.radio_on_ms += now.handshake_ms - before.handshake_ms;
    report
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_tells_what_went_over_the_wire_since_the_last() {
        let before = Wire {
            datagrams_sent: 4,
            datagrams_received: 3,
            bytes_sent: 400,
            bytes_received: 300,
            handshake_ms: 7,
        };
        let mut now = before;
        now.add(&Wire {
            datagrams_sent: 1,
            datagrams_received: 2,
            bytes_sent: 10,
            bytes_received: 20,
            handshake_ms: 5,
        });
        let mut engine = WakeReport::default();
        (engine.datagrams_sent, engine.bytes_sent, engine.radio_on_ms) = (99, 99, 30);
        let report = on_the_wire(engine, &now, &before);
        assert_eq!((report.datagrams_sent, report.datagrams_received), (1, 2));
        assert_eq!((report.bytes_sent, report.bytes_received, report.radio_on_ms), (10, 20, 35));
    }
}
