//! Cookies: what a peer sends back to show that it hears at the address it sends from. Nothing is kept for them.

use std::net::{IpAddr, SocketAddr};

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::hello::RANDOM;

/// Bytes of a cookie.
pub(super) const COOKIE: usize = 16;
/// A cookie holds for one to two of these, in milliseconds.
const PERIOD_MS: u64 = 60_000;

/// Makes and checks cookies with a secret of its own.
pub(super) struct Cookies {
    secret: [u8; 32],
}

impl Cookies {
    /// # Errors
    /// The system gives no random bytes.
    pub(super) fn new() -> Result<Self, getrandom::Error> {
        let mut secret = [0; 32];
        getrandom::fill(&mut secret)?;
        Ok(Self { secret })
    }

    /// The cookie of a peer and its hello at this time.
    pub(super) fn make(&self, peer: SocketAddr, random: &[u8; RANDOM], now_ms: u64) -> [u8; COOKIE] {
        let mut cookie = [0; COOKIE];
        if let Some(mac) = self.mac(peer, random, now_ms / PERIOD_MS) {
            cookie.iter_mut().zip(mac.finalize().into_bytes()).for_each(|(to, from)| *to = from);
        }
        cookie
    }

    /// Whether a peer got this cookie for this hello, not long ago.
    pub(super) fn is_good(
        &self,
        peer: SocketAddr,
        random: &[u8; RANDOM],
        cookie: &[u8],
        now_ms: u64,
    ) -> bool {
        let period = now_ms / PERIOD_MS;
        let good = |period| {
            let mac = self.mac(peer, random, period);
            mac.is_some_and(|mac| mac.verify_truncated_left(cookie).is_ok())
        };
        cookie.len() == COOKIE && (good(period) || period.checked_sub(1).is_some_and(good))
    }

    /// Nothing never comes: HMAC takes a key of any length.
    fn mac(&self, peer: SocketAddr, random: &[u8; RANDOM], period: u64) -> Option<Hmac<Sha256>> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.secret).ok()?;
        match peer.ip() {
            IpAddr::V4(ip) => mac.update(&ip.octets()),
            IpAddr::V6(ip) => mac.update(&ip.octets()),
        }
        mac.update(&peer.port().to_be_bytes());
        mac.update(random);
        mac.update(&period.to_be_bytes());
        Some(mac)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_belongs_to_one_peer_one_hello_and_a_minute_or_two() {
        let cookies = Cookies::new().unwrap();
        let peer = "127.0.0.1:1000".parse().unwrap();
        let now = 10 * PERIOD_MS + 5;
        let cookie = cookies.make(peer, &[1; RANDOM], now);
        assert!(cookies.is_good(peer, &[1; RANDOM], &cookie, now));
        assert!(cookies.is_good(peer, &[1; RANDOM], &cookie, now + PERIOD_MS));
        assert!(!cookies.is_good(peer, &[1; RANDOM], &cookie, now + 2 * PERIOD_MS));
        assert!(!cookies.is_good(peer, &[2; RANDOM], &cookie, now));
        assert!(!cookies.is_good(peer, &[1; RANDOM], &cookie[..15], now));
        assert!(!cookies.is_good(peer, &[1; RANDOM], b"", now));
        for other in ["127.0.0.1:1001", "127.0.0.2:1000", "[::1]:1000"] {
            assert!(!cookies.is_good(other.parse().unwrap(), &[1; RANDOM], &cookie, now), "{other}");
        }
        let other_hub = Cookies::new().unwrap();
        assert!(!other_hub.is_good(peer, &[1; RANDOM], &cookie, now));
        assert!(cookies.is_good(peer, &[1; RANDOM], &cookies.make(peer, &[1; RANDOM], 0), 0));
    }
}
