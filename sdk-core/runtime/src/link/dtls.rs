//! A DTLS 1.2 session with a pre-shared key (RFC 6347, RFC 4279), driven by `dimpl`, which does no I/O.
//!
//! The suite is `TLS_PSK_WITH_AES_128_CCM_8` (0xC0A8), the one that RFC 7252 §9.1.3.1 demands. The other that EnOS
//! documents, `TLS_PSK_WITH_AES_128_CBC_SHA256` (0x00AE), `dimpl` does not have. Nor has it session resumption or
//! connection ids: a session lives as long as its two addresses do, idle or not, and after that comes a new handshake.

mod crypto;

use super::datagram::lost;
use super::{Down, Wire, blocking_is_zero};
use crate::doctor::Cause;
use crate::os::clock;
use crypto::provider;
use dimpl::crypto::Dtls12CipherSuite;
use dimpl::{Config, Dtls, Output, PskResolver, SecurityError};
use enos_core::LinkFault;
use mio::net::UdpSocket;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};
use zeroize::Zeroizing;

/// Pause before the first repetition of a flight, doubled each time (RFC 6347 §4.2.4.1).
const FIRST_RETRANSMISSION: Duration = Duration::from_secs(1);

/// More repetitions than fit into the time of any dial: the dial's own deadline decides.
const RETRANSMISSIONS: usize = 12;

/// Longer than any dial, for the same reason.
const NO_LIMIT: Duration = Duration::from_secs(86_400);

/// The largest record with its header, and some.
const RECORD: usize = 2_304;

/// A timer further away than this is none.
const FAR: Duration = Duration::from_secs(7 * 86_400);

/// A server's configuration, with the same cryptography.
#[cfg(test)]
pub(crate) fn server(resolver: Arc<dyn PskResolver>) -> Config {
    let config = Config::builder().with_crypto_provider(provider()).with_psk_server(None, resolver);
    config.dtls13_cipher_suites(&[]).build().expect("the cryptography is fit")
}

/// How far the peer was heard in a handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Heard {
    Nothing,
    /// Something of DTLS: at least a cookie.
    Something,
    /// ServerHello: only Finished is missing, which takes the right key.
    ServerHello,
}

/// One DTLS session, from its handshake on.
pub(crate) struct Session {
    dtls: Dtls,
    /// The record that the socket had no room for.
    unsent: Vec<u8>,
    /// What came and was not read yet.
    inbox: VecDeque<Vec<u8>>,
    timer: Instant,
    heard: Heard,
    connected: bool,
    /// The peer has said close_notify.
    closed: bool,
    began: Instant,
    wire: Wire,
}

/// The one key of the one identity.
struct Key(Zeroizing<[u8; 16]>);

impl PskResolver for Key {
    fn resolve(&self, _identity: &[u8]) -> Option<Vec<u8>> {
        Some(self.0.to_vec())
    }
}

impl Session {
    /// A session that has said nothing yet: the first [`on_time`](Self::on_time) sends ClientHello.
    pub(crate) fn new(identity: &str, key: [u8; 16]) -> Result<Self, Down> {
        let unfit = |error: dimpl::Error| {
            Down::new(LinkFault::Tls, format!("DTLS cannot be set up: {error}")).because(Cause::Internal)
        };
        let resolver = Arc::new(Key(Zeroizing::new(key)));
        let config = Config::builder()
            .with_crypto_provider(provider())
            .dtls12_cipher_suites(&[Dtls12CipherSuite::PSK_AES128_CCM_8])
            .dtls13_cipher_suites(&[])
            .with_psk_client(identity.as_bytes().to_vec(), resolver)
            .flight_start_rto(FIRST_RETRANSMISSION)
            .flight_retries(RETRANSMISSIONS)
            .handshake_timeout(NO_LIMIT)
            .build()
            .map_err(unfit)?;
        let now = Instant::now();
        let mut dtls = Dtls::new_12_psk(Arc::new(config), now);
        dtls.set_active(true);
        Ok(Self {
            dtls,
            unsent: Vec::new(),
            inbox: VecDeque::new(),
            timer: now,
            heard: Heard::Nothing,
            connected: false,
            closed: false,
            began: now,
            wire: Wire::default(),
        })
    }

    /// Whether the handshake is done.
    pub(crate) fn is_connected(&self) -> bool {
        self.connected
    }

    /// How far the peer was heard.
    pub(crate) fn heard(&self) -> Heard {
        self.heard
    }

    /// What went over the wire, the handshake included.
    pub(super) fn wire(&self) -> Wire {
        self.wire
    }

    /// The next moment of the session's own clock, wherever it is.
    pub(crate) fn timer(&self) -> Instant {
        self.timer
    }

    /// The next moment of the session's own clock; `None` if that is a matter of years.
    pub(super) fn deadline(&self) -> Option<Instant> {
        (self.timer.saturating_duration_since(Instant::now()) < FAR).then_some(self.timer)
    }

    /// Repeats what is due.
    pub(crate) fn on_time(&mut self, socket: &UdpSocket, now: Instant) -> Result<(), Down> {
        self.dtls.handle_timeout(now).map_err(|error| self.broken(&error))?;
        self.pump(socket).map(|_| ())
    }

    /// Takes a datagram from the socket. False if nothing came of it: it was no record of this session, its
    /// authentication failed, or it had come before.
    pub(crate) fn take(&mut self, socket: &UdpSocket, datagram: &[u8]) -> Result<bool, Down> {
        self.hear(datagram);
        self.wire.received(datagram.len());
        // Its clock goes on only when it is told.
        self.dtls.handle_timeout(Instant::now()).map_err(|error| self.broken(&error))?;
        self.dtls.handle_packet(datagram).map_err(|error| self.broken(&error))?;
        self.pump(socket)
    }

    /// The next message; an error once the peer has said that no more will come.
    pub(super) fn next(&mut self) -> Result<Option<Vec<u8>>, Down> {
        match self.inbox.pop_front() {
            None if self.closed => {
                Err(Down::new(LinkFault::PeerClosed, "the hub has ended the DTLS session (close_notify)"))
            }
            message => Ok(message),
        }
    }

    /// Encrypts and sends; 0 if the socket is full. What is taken is sent, now or by [`flush`](Self::flush).
    pub(super) fn write(&mut self, socket: &UdpSocket, message: &[u8]) -> Result<usize, Down> {
        if !self.flush(socket)? {
            return Ok(0);
        }
        self.dtls.send_application_data(message).map_err(|error| self.broken(&error))?;
        self.pump(socket)?;
        Ok(message.len())
    }

    /// Sends the record that is held; false if the socket is full.
    pub(super) fn flush(&mut self, socket: &UdpSocket) -> Result<bool, Down> {
        if !self.unsent.is_empty() {
            if blocking_is_zero(|| socket.send(&self.unsent)).map_err(|error| lost(&error))? == 0 {
                return Ok(false);
            }
            self.unsent.clear();
        }
        Ok(true)
    }

    /// Says close_notify, if there is a session to end; it may be lost.
    pub(super) fn close(&mut self, socket: &UdpSocket) {
        if self.dtls.close().is_ok() {
            let _ = self.pump(socket);
        }
    }

    /// Takes all that the session has to give. False if that was nothing.
    fn pump(&mut self, socket: &UdpSocket) -> Result<bool, Down> {
        let mut anything = false;
        let mut record = [0; RECORD];
        loop {
            match self.dtls.poll_output(&mut record) {
                Output::Packet(packet) => {
                    self.wire.sent(packet.len());
                    // During a handshake the next repetition makes up for what is not sent here.
                    let held = !self.unsent.is_empty()
                        || blocking_is_zero(|| socket.send(packet)).map_err(|error| lost(&error))? == 0;
                    if held {
                        self.unsent = packet.to_vec();
                    }
                }
                Output::ApplicationData(data) => self.inbox.push_back(data.to_vec()),
                Output::Connected => {
                    self.connected = true;
                    self.wire.handshake_ms = clock::millis(self.began.elapsed());
                }
                Output::CloseNotify => self.closed = true,
                Output::Timeout(at) => {
                    self.timer = at;
                    return Ok(anything);
                }
                // No record is as large as that; it cannot be taken, so the session is of no use.
                Output::BufferTooSmall { needed } => {
                    let text =
                        format!("a DTLS record of {needed} bytes came, which is more than CoAP allows");
                    return Err(Down::new(LinkFault::Lost, text));
                }
                // Certificates and SRTP: not with a pre-shared key.
                _ => {}
            }
            anything = true;
        }
    }

    /// Notes how far the handshake has come: records are handshakes (22) up to Finished, and begin after 13 bytes of
    /// header with their type (RFC 6347 §4.3.2): ServerHello is 2.
    fn hear(&mut self, datagram: &[u8]) {
        let heard = match (datagram.first(), datagram.get(13)) {
            (Some(22), Some(2)) => Heard::ServerHello,
            _ => Heard::Something,
        };
        self.heard = self.heard.max(heard);
    }

    /// What the end of a session means.
    fn broken(&self, error: &dimpl::Error) -> Down {
        match error {
            dimpl::Error::SecurityError(SecurityError::FatalAlert { description }) => {
                self.alert(*description)
            }
            dimpl::Error::Timeout(_) => silent(self.heard),
            dimpl::Error::ConnectionClosed => {
                Down::new(LinkFault::PeerClosed, "the hub has ended the DTLS session")
            }
            error if self.connected => Down::new(LinkFault::Lost, format!("the DTLS session broke: {error}")),
            error => {
                let text = format!("the DTLS handshake failed: {error}");
                Down::new(LinkFault::Tls, text).because(Cause::TlsFailed)
            }
        }
    }

    /// A fatal alert of the peer (RFC 5246 §7.2, RFC 4279 §2). What it says of identity and key is final, as a refused
    /// sign-in is; anything else may pass.
    fn alert(&self, description: u8) -> Down {
        if self.connected {
            let text = format!("the hub has ended the DTLS session with alert {description}");
            return Down::new(LinkFault::PeerClosed, text);
        }
        let (fault, cause, text) = match description {
            115 => (
                LinkFault::Tls,
                Cause::PskIdentityRefused,
                "the hub refused the identity (alert 115, unknown_psk_identity). Check product key and device key"
                    .to_owned(),
            ),
            // Finished did not decrypt, or had another digest.
            20 | 51 => (
                LinkFault::Tls,
                Cause::PskRefused,
                format!("the hub refused the key (alert {description}). Check the device secret"),
            ),
            40 | 70 | 71 => (
                LinkFault::Tls,
                Cause::NoCommonDtls,
                format!(
                    "the hub has no DTLS version and suite in common with this device, or refused it (alert {description})"
                ),
            ),
            _ => (
                LinkFault::Connect,
                Cause::TlsFailed,
                format!("the hub broke the DTLS handshake off with alert {description}"),
            ),
        };
        Down::new(fault, text).because(cause)
    }
}

/// What it means that a handshake did not end in time.
pub(crate) fn silent(heard: Heard) -> Down {
    let (cause, text) = match heard {
        Heard::Nothing => (
            Cause::NoAnswer,
            "nothing came in answer to the DTLS handshake. Check host and port, and that UDP gets through",
        ),
        Heard::Something => (
            Cause::TlsTimeout,
            "the DTLS handshake began and did not end in time. Check that the port speaks DTLS, and the network",
        ),
        // A server cannot tell a wrong key from noise, and drops what it cannot decrypt (RFC 6347 §4.1.2.7).
        Heard::ServerHello => (
            Cause::PskRefused,
            "the hub did not accept the key: it said nothing more once it was used. Check the device secret",
        ),
    };
    Down::new(LinkFault::Timeout, text).because(cause)
}
