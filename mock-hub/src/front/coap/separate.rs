//! Answers that come separately from the acknowledgement (RFC 7252 §5.2.2): sent as confirmable messages, again and
//! again until they are acknowledged. The hub answers so only where a fault was ordered.

use std::net::SocketAddr;

use super::Datagram;

/// RFC 7252 §4.8, with ACK_RANDOM_FACTOR left out: the hub's time is to be told beforehand.
const ACK_TIMEOUT_MS: u64 = 2_000;
const MAX_RETRANSMIT: u8 = 4;
/// Answers that may wait; what is over is sent once.
const MOST: usize = 1_000;

#[derive(Debug)]
struct Waiting {
    to: SocketAddr,
    id: u16,
    bytes: Vec<u8>,
    due_ms: u64,
    pause_ms: u64,
    left: u8,
}

/// The answers that are not acknowledged.
#[derive(Debug, Default)]
pub(super) struct Separate(Vec<Waiting>);

impl Separate {
    /// Sends an answer at `due_ms`, and again until it is acknowledged; false if too many wait.
    pub(super) fn add(&mut self, to: SocketAddr, id: u16, bytes: Vec<u8>, due_ms: u64) -> bool {
        let fits = self.0.len() < MOST;
        if fits {
            self.0.push(Waiting {
                to,
                id,
                bytes,
                due_ms,
                pause_ms: ACK_TIMEOUT_MS,
                left: MAX_RETRANSMIT + 1,
            });
        }
        fits
    }

    /// The peer acknowledged the message, or rejected it.
    pub(super) fn settled(&mut self, from: SocketAddr, id: u16) {
        self.0.retain(|waiting| waiting.to != from || waiting.id != id);
    }

    /// When the next one is due.
    pub(super) fn deadline(&self) -> Option<u64> {
        self.0.iter().map(|waiting| waiting.due_ms).min()
    }

    /// What is due now.
    pub(super) fn due(&mut self, now_ms: u64) -> Vec<Datagram> {
        let mut due = Vec::new();
        self.0.retain_mut(|waiting| {
            if waiting.due_ms > now_ms {
                return true;
            }
            if waiting.left == 0 {
                return false;
            }
            due.push(Datagram { to: waiting.to, bytes: waiting.bytes.clone() });
            waiting.left -= 1;
            waiting.due_ms = now_ms.saturating_add(waiting.pause_ms);
            waiting.pause_ms *= 2;
            true
        });
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_sent_five_times_with_growing_pauses() {
        let to = "127.0.0.1:1".parse().unwrap();
        let mut separate = Separate::default();
        assert!(separate.add(to, 9, b"x".to_vec(), 100));
        let mut times = Vec::new();
        while let Some(now_ms) = separate.deadline() {
            times.extend(separate.due(now_ms).iter().map(|_| now_ms));
        }
        assert_eq!(times, [100, 2_100, 6_100, 14_100, 30_100]);
        assert!(separate.add(to, 9, b"x".to_vec(), 100));
        separate.settled("127.0.0.1:2".parse().unwrap(), 9);
        separate.settled(to, 8);
        assert_eq!(separate.due(100).len(), 1);
        separate.settled(to, 9);
        assert_eq!(separate.deadline(), None);
    }
}
