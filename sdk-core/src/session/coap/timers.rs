//! When something is due: a retransmission, another sign-in, a datagram that the rate held back.

use super::exchange::{Open, Stage};
use super::{Coap, Offered, Phase};
use crate::error::{Cause, Error, ErrorKind};
use crate::session::buffers::Tx;
use crate::time::sooner;

/// MAX_RETRANSMIT (RFC 7252 §4.8).
const MAX_RETRANSMIT: u8 = 4;
/// How long a hub that has acknowledged a request may take to answer: MAX_TRANSMIT_WAIT (RFC 7252 §4.8.2), in
/// milliseconds.
pub(super) const ANSWER_WAIT_MS: u64 = 93_000;

impl Coap {
    /// What is to be sent now, as one datagram; empty if nothing is.
    #[inline(never)]
    pub(crate) fn offer<'t>(&'t mut self, now: u64, tx: &'t Tx<'_>) -> &'t [u8] {
        self.offered = Offered::Nothing;
        if self.phase == Phase::Down {
            return &[];
        }
        self.bucket.fill(now);
        if self.replies.used > 0 {
            self.offered = Offered::Reply;
            return &self.replies.queue[0];
        }
        let waits = matches!(&self.open, Some(Open { stage: Stage::Written | Stage::Again { .. }, .. }));
        if waits && self.bucket.ready_at(tx.pending().len()).is_none() {
            self.offered = Offered::Request;
            return tx.pending();
        }
        &[]
    }

    /// What was offered has left.
    #[inline(never)]
    pub(crate) fn on_sent(&mut self, now: u64, bytes: usize) {
        match core::mem::replace(&mut self.offered, Offered::Nothing) {
            Offered::Nothing => return,
            Offered::Reply => self.replies.pop(),
            Offered::Request => {
                let first = self.first_timeout();
                let Some(open) = &mut self.open else { return };
                let (timeout_ms, tries) = match open.stage {
                    Stage::Again { timeout_ms, tries } => (timeout_ms, tries),
                    _ => {
                        open.sent_at = now;
                        (first, 0)
                    }
                };
                open.stage = Stage::Waiting { until: now + u64::from(timeout_ms), timeout_ms, tries };
                self.radio_since.get_or_insert(now);
            }
        }
        self.bucket.take(now, bytes);
    }

    /// Lets what is due happen. An error: the hub owes an answer for too long. To be asked when all that has come is
    /// read, for a driver may read late.
    #[inline(never)]
    pub(crate) fn silence(&mut self, now: u64) -> Option<Error> {
        if let Phase::SigningIn { until } = self.phase
            && now >= until
        {
            return Some(Error::new(ErrorKind::Timeout, Cause::NoAnswer(self.sign_in_timeout_ms)));
        }
        let answer_is_late = match &mut self.open {
            Some(Open { stage: stage @ Stage::Waiting { .. }, .. }) => {
                if let Stage::Waiting { until, timeout_ms, tries } = *stage
                    && now >= until
                {
                    self.unheard = self.unheard.saturating_add(1);
                    *stage = Stage::Again { timeout_ms: timeout_ms.saturating_mul(2), tries: tries + 1 };
                    // Whatever else the hub said meanwhile: this one goes four times more, and no fifth time.
                    tries >= MAX_RETRANSMIT
                } else {
                    false
                }
            }
            Some(Open { stage: Stage::Acknowledged { until }, .. }) => now >= *until,
            _ => false,
        };
        // Those of requests that nobody waits for any more count, too: short time-outs must not hide a dead hub.
        let over = answer_is_late || self.unheard > MAX_RETRANSMIT;
        if over {
            self.finish(now);
            self.unheard = 0;
        }
        (over && self.phase != Phase::Leaving).then(|| Error::new(ErrorKind::LinkLost, Cause::Unanswered))
    }

    /// Whether the hub may have forgotten this device: by the clock if it is not sleepy, or because something is to be
    /// sent after the lifetime's end.
    pub(super) fn is_due(&self, now: u64, waiting: bool) -> bool {
        let Phase::Online { activating: false } = self.phase else { return false };
        let something = waiting || !self.hint.is_empty();
        self.keep_at().is_some_and(|at| now >= at)
            || (something && now >= self.renewed_at + self.lifetime_ms())
    }

    /// Whether another handshake has to tell the hub that this device lives.
    pub(crate) fn wants_new_link(&self, now: u64, waiting: bool) -> bool {
        self.secure && !self.is_busy() && self.is_due(now, waiting)
    }

    fn lifetime_ms(&self) -> u64 {
        u64::from(self.settings.lifetime_s) * 1_000
    }

    /// When a device that is not sleepy signs in again.
    fn keep_at(&self) -> Option<u64> {
        (!self.settings.sleepy).then(|| self.renewed_at + self.lifetime_ms() / 4 * 3)
    }

    /// The next moment at which something is due.
    #[inline(never)]
    pub(crate) fn deadline(&self, tx: &Tx<'_>) -> Option<u64> {
        let phase = match self.phase {
            Phase::Down => return None,
            Phase::SigningIn { until } => Some(until),
            Phase::Online { activating: false } if !self.is_busy() => self.keep_at(),
            _ => None,
        };
        let open = self.open.as_ref().and_then(|open| match open.stage {
            Stage::Waiting { until, .. } | Stage::Acknowledged { until } => Some(until),
            Stage::Written | Stage::Again { .. } => self.bucket.ready_at(tx.pending().len()),
            Stage::Unwritten => None,
        });
        sooner(sooner(phase, open), self.ids_ready_at)
    }

    /// The hub has answered this request.
    pub(super) fn renewed(&mut self, sent_at: u64) {
        self.renewed_at = self.renewed_at.max(sent_at);
    }
}
