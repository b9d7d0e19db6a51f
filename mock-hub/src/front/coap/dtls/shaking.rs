//! One handshake that is under way: its retransmissions, its end, and what its failure means to a device developer.

use super::association::{Association, Progress};
use super::context::Context;
use super::record::{CHANGE_CIPHER_SPEC, HANDSHAKE, records};

/// Milliseconds until the flight goes out again; doubled each time (RFC 6347 §4.2.4.1).
const RESEND_MS: u64 = 1_000;
/// Milliseconds that a handshake may take: five resends fit.
const HANDSHAKE_MS: u64 = 60_000;
/// Sealed messages that do not open before the key counts as wrong. One may have been damaged on its way.
const UNREADABLE: u8 = 2;

/// The alert of a key that is not the same on both sides (RFC 4279 §2).
const DECRYPT_ERROR: u8 = 51;

/// A handshake that is not over.
pub(super) struct Shaking {
    pub(super) association: Association,
    /// Its place among all handshakes.
    pub(super) number: u64,
    /// What the peer was answered first.
    flight: Vec<Vec<u8>>,
    resend_ms: u64,
    wait_ms: u64,
    end_ms: u64,
    /// The peer changed to sealed records.
    changed: bool,
    unreadable: u8,
}

/// How it went on.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Waiting for the peer.
    Open,
    /// The association stands.
    Done,
    /// It is over; the text is nothing if the journal has the reason already.
    Failed(Option<Failure>),
}

/// Why a handshake failed, and the vendor's code for it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Failure {
    pub(super) code: u32,
    pub(super) reason: String,
}

/// Code of a wrong key.
const WRONG_KEY: u32 = 742;
/// Code of a handshake that makes no sense.
const BAD_REQUEST: u32 = 1200;

impl Shaking {
    pub(super) fn new(association: Association, number: u64, now_ms: u64) -> Self {
        Self {
            association,
            number,
            flight: Vec::new(),
            resend_ms: now_ms + RESEND_MS,
            wait_ms: RESEND_MS,
            end_ms: now_ms + HANDSHAKE_MS,
            changed: false,
            unreadable: 0,
        }
    }

    /// The next moment at which something is to be done.
    pub(super) fn deadline(&self) -> u64 {
        self.resend_ms.min(self.end_ms)
    }

    /// Takes one datagram of the handshake.
    pub(super) fn receive(&mut self, context: &Context, datagram: &[u8], now_ms: u64) -> Step {
        let progress = self.association.handshake(datagram);
        self.changed |= has(datagram, CHANGE_CIPHER_SPEC, 0);
        let step = self.judge(context, progress);
        if step == Step::Open && self.changed && has(datagram, HANDSHAKE, 1) && self.knows_peer(context) {
            self.unreadable += 1;
            if self.unreadable >= UNREADABLE {
                return Step::Failed(Some(self.wrong_key(context)));
            }
        }
        if step == Step::Open {
            self.resend_ms = now_ms + self.wait_ms;
        }
        step
    }

    /// What OpenSSL's word means.
    pub(super) fn judge(&self, context: &Context, progress: Progress) -> Step {
        let refused = || self.association.attempt(context).is_some_and(|attempt| attempt.is_refused());
        match progress {
            Progress::Open => Step::Open,
            Progress::Done => Step::Done,
            Progress::Failed(_) if refused() => Step::Failed(None),
            Progress::Failed(text) => {
                Step::Failed(Some(Failure { code: BAD_REQUEST, reason: explain(&text) }))
            }
        }
    }

    /// Does what is due: the flight goes out again, or the handshake is over.
    pub(super) fn expire(&mut self, context: &Context, now_ms: u64) -> Step {
        if now_ms >= self.end_ms {
            let s = HANDSHAKE_MS / 1_000;
            let reason = if self.unreadable > 0 {
                self.wrong_key(context).reason
            } else if self.knows_peer(context) {
                format!("the client did not finish its handshake within {s} s")
            } else {
                format!("the client went silent in its handshake; given up after {s} s")
            };
            return Step::Failed(Some(Failure { code: BAD_REQUEST, reason }));
        }
        if now_ms >= self.resend_ms {
            self.wait_ms = self.wait_ms.saturating_mul(2);
            self.resend_ms = now_ms + self.wait_ms;
        }
        Step::Open
    }

    /// Whether the flight is due again at this time.
    pub(super) fn is_due(&self, now_ms: u64) -> bool {
        now_ms >= self.resend_ms && now_ms < self.end_ms
    }

    /// What is to be sent now. The first of it is kept: the peer may not hear it.
    ///
    /// OpenSSL resends that flight by a clock of its own, which is not the hub's; what it resends is left out.
    pub(super) fn next_flight(&mut self) -> Vec<Vec<u8>> {
        let mut sent: Vec<_> = std::iter::from_fn(|| self.association.transmit()).collect();
        if self.flight.is_empty() {
            self.flight.clone_from(&sent);
        } else {
            sent.retain(|datagram| {
                let first = records(datagram).next();
                first.is_none_or(|record| (record.content, record.epoch) != (HANDSHAKE, 0))
            });
        }
        sent
    }

    /// What the peer was answered first.
    pub(super) fn flight(&self) -> &[Vec<u8>] {
        &self.flight
    }

    /// The alert that tells a client of its wrong key; OpenSSL drops what it cannot open and says nothing.
    pub(super) fn alert(&mut self) -> Option<Vec<u8>> {
        (self.unreadable >= UNREADABLE).then(|| self.association.alert(DECRYPT_ERROR))
    }

    fn knows_peer(&self, context: &Context) -> bool {
        self.association.attempt(context).is_some_and(|attempt| attempt.identity().is_some())
    }

    fn wrong_key(&self, context: &Context) -> Failure {
        let named = self.association.attempt(context).and_then(|attempt| attempt.identity());
        let secret = match named {
            Some(named) if named.secure_mode == 3 => "product secret",
            _ => "device secret",
        };
        let device =
            named.map_or_else(String::new, |named| format!(" of {}/{}", named.product_key, named.device_key));
        let reason = format!(
            "the client's key is wrong. Fix: use bytes 9 to 24 of the SHA-256 of the {secret}{device}"
        );
        Failure { code: WRONG_KEY, reason }
    }
}

/// Whether a datagram holds such a record.
fn has(datagram: &[u8], content: u8, epoch: u16) -> bool {
    records(datagram).any(|record| (record.content, record.epoch) == (content, epoch))
}

/// OpenSSL's text in the words of a device developer.
fn explain(text: &str) -> String {
    let (what, fix) = if text.contains("no shared cipher") {
        (
            "the client offers none of the documented suites",
            "offer TLS_PSK_WITH_AES_128_CCM_8 or TLS_PSK_WITH_AES_128_CBC_SHA256",
        )
    } else if text.contains("unsupported protocol") || text.contains("version") {
        ("the client does not speak DTLS 1.2", "offer DTLS 1.2 (RFC 6347)")
    } else if text.contains("alert") {
        ("the client ended the handshake with an alert", "see the client's own log")
    } else {
        return format!("the handshake failed: {}", first_line(text));
    };
    format!("{what} ({}). Fix: {fix}", first_line(text))
}

fn first_line(text: &str) -> &str {
    crate::journal::clip(text.lines().next().unwrap_or_default(), 160)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_told_with_their_fix() {
        let told = explain("no shared cipher");
        assert!(told.contains("CCM_8") && told.contains("no shared cipher"), "{told}");
        assert!(explain("unsupported protocol").contains("DTLS 1.2"));
        assert!(explain("tlsv1 alert decrypt error").contains("client's own log"));
        assert_eq!(explain("odd\nsecond"), "the handshake failed: odd");
    }
}
