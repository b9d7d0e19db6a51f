//! The beginning and the end of a session.

use super::{Mqtt, Phase, SigningIn};
use crate::error::{Cause, Error, ErrorKind};
use crate::session::Up;
use crate::session::buffers::Tx;
use crate::wire::mqtt::{self, Connect};

impl SigningIn {
    /// CONNACK ends the phase, one way or the other.
    fn on_connack(self, session_present: bool, code: u8) -> (Phase, Up<'static>) {
        match code {
            // [MQTT-3.2.2-1]: after a clean CONNECT the flag must be 0.
            0 if session_present && self.clean => {
                (Phase::Leaving, protocol_fault("CONNACK with a session after clean session [MQTT-3.2.2-1]"))
            }
            0 => (Phase::Online, Up::Online { session_present }),
            code => (Phase::Leaving, Up::Refused(code)),
        }
    }
}

/// The peer sent what does not belong here.
pub(super) fn protocol_fault(text: &'static str) -> Up<'static> {
    Up::Fault(Error::new(ErrorKind::UnexpectedPacket, Cause::Protocol(text)))
}

impl Mqtt {
    /// A new link is up: CONNECT goes out. False if it does not fit the transmit buffer.
    pub(crate) fn start(&mut self, now: u64, connect: &Connect<'_>, tx: &mut Tx<'_>) -> bool {
        let Some(room) = tx.room(connect_len(connect)) else { return false };
        let Ok(n) = mqtt::connect(room, connect) else { return false };
        tx.commit(n);
        let until = now + u64::from(self.sign_in_timeout_ms);
        self.phase = Phase::SigningIn(SigningIn { until, clean: connect.clean_session });
        self.last_sent = now;
        self.last_heard = now;
        self.pinged = None;
        true
    }

    /// CONNACK has come.
    pub(super) fn on_connack(&mut self, session_present: bool, code: u8) -> Up<'static> {
        let Phase::SigningIn(phase) = self.phase else {
            return protocol_fault("a second CONNACK [MQTT-3.2.0-1]");
        };
        let (next, up) = phase.on_connack(session_present, code);
        self.phase = next;
        if matches!(up, Up::Online { session_present: false }) {
            self.receipts.clear();
        }
        up
    }

    /// Says good-bye; nothing may follow. False if there is no room for it.
    pub(crate) fn leave(&mut self, tx: &mut Tx<'_>) -> bool {
        if self.phase != Phase::Online {
            return true;
        }
        let Some(n) = tx.room(2).and_then(|room| mqtt::disconnect(room).ok()) else { return false };
        tx.commit(n);
        self.phase = Phase::Leaving;
        true
    }

    /// The link is gone.
    pub(crate) fn down(&mut self) {
        self.phase = Phase::Down;
        self.pinged = None;
    }
}

/// The most bytes that this CONNECT can take.
pub(crate) fn connect_len(connect: &Connect<'_>) -> usize {
    // Fixed header 5, protocol name, level, flags and keep alive 10, three texts with their lengths.
    15 + 2
        + connect.client_id.len()
        + connect.username.map_or(0, |text| 2 + text.len())
        + connect.password.map_or(0, |bytes| 2 + bytes.len())
}
