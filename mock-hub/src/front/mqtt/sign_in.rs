//! From the bytes of a CONNECT to the cloud's verdict.

use std::borrow::Cow;
use std::net::SocketAddr;

use crate::domain::{SignIn, SignedIn, TlsPeer};
use crate::enos::client_id;
use crate::fabric::DeviceId;
use crate::fault::{Group, Kind};
use crate::front::Front;
use crate::journal::{Entry, EntryKind};

use super::packet::{self, Connect, Frame, Packet, Unframed, frame};

/// Longest CONNECT that is read; the vendor's clients stay below 1 kB.
const CONNECT_BYTES: usize = 64 * 1024;

const LEVEL_UNSUPPORTED: u8 = 1;
const IDENTIFIER_REJECTED: u8 = 2;

/// How the connection is secured.
pub(crate) enum Security {
    /// Plain TCP.
    Plain,
    /// TLS, with the verified leaf of the client's certificate (DER) if it offered one.
    Tls {
        /// The leaf.
        certificate: Option<Vec<u8>>,
    },
}

/// The length of the CONNECT that `received` starts with, as soon as it is whole; the error says why it is none.
pub(super) fn whole_connect(received: &[u8]) -> Result<Option<usize>, Cow<'static, str>> {
    match received.first() {
        Some(&packet::CONNECT) | None => {}
        Some(&other) => return Err(not_mqtt(other).into()),
    }
    match frame(received, CONNECT_BYTES) {
        Ok(Frame { length, .. }) => Ok(Some(length)),
        Err(Unframed::Incomplete) => Ok(None),
        Err(Unframed::TooLong(bytes)) => {
            Err(format!("a CONNECT of {bytes} bytes is over the limit of {CONNECT_BYTES}").into())
        }
        Err(Unframed::Malformed(malformed)) => Err(format!("malformed CONNECT: {malformed}").into()),
    }
}

/// What a first byte that starts no CONNECT tells about the peer.
fn not_mqtt(first: u8) -> &'static str {
    match first {
        0x16 => "the first bytes are a TLS handshake, but this is the plain MQTT port; use the mqtts port",
        b'G' | b'H' => "the first bytes look like HTTP, but this is an MQTT port; use the http port",
        _ => "the first packet is not a CONNECT [MQTT-3.1.0-1]",
    }
}

/// Reads a CONNECT that is whole.
pub(super) fn read(bytes: &[u8]) -> Result<Connect<'_>, String> {
    let frame = frame(bytes, CONNECT_BYTES).map_err(|error| format!("malformed CONNECT: {error:?}"))?;
    match packet::decode(&frame) {
        Ok(Packet::Connect(connect)) => Ok(connect),
        Ok(_) => Err("the first packet is not a CONNECT [MQTT-3.1.0-1]".to_owned()),
        Err(malformed) => Err(format!("malformed CONNECT: {malformed}")),
    }
}

/// Asks the cloud; the error is the return code for CONNACK.
pub(super) fn ask(
    front: &Front,
    connect: &Connect<'_>,
    peer: SocketAddr,
    security: &Security,
) -> Result<SignedIn, u8> {
    if let Some(code) = refused_by_order(front, connect) {
        return Err(code);
    }
    if !connect.supported {
        let level = connect.level;
        front.transport(format!(
            "{peer}: protocol level {level} refused with return code 1 [MQTT-3.1.2-2]; EnOS speaks MQTT 3.1.1"
        ));
        return Err(LEVEL_UNSUPPORTED);
    }
    if connect.client_id.is_empty() && !connect.clean_session {
        front.transport(format!(
            "{peer}: an empty client identifier with cleanSession 0 refused with return code 2 [MQTT-3.1.3-8]"
        ));
        return Err(IDENTIFIER_REJECTED);
    }
    let attempt = SignIn {
        client_id: connect.client_id,
        username: connect.user_name,
        password: connect.password,
        clean_session: connect.clean_session,
        keep_alive_s: connect.keep_alive_s,
        peer,
        tls: match security {
            Security::Plain => None,
            Security::Tls { certificate } => Some(TlsPeer { client_certificate: certificate.as_deref() }),
        },
    };
    let who = front.cloud.sign_in(attempt).map_err(|refused| refused.connack)?;
    if connect.has_will {
        let text = "CONNECT carries a will; EnOS has none, so it is ignored";
        front.cloud.note(Entry::new(EntryKind::Warning, text).device(&who.device));
    }
    Ok(who)
}

/// The return code that a fault answers this CONNECT with, if one does.
fn refused_by_order(front: &Front, connect: &Connect<'_>) -> Option<u8> {
    if front.cloud.faults.quiet(Group::Session) {
        return None;
    }
    let named = client_id::parse_username(connect.user_name);
    let device = named.map(|(device_key, product_key)| DeviceId::new(product_key, device_key));
    let strike = front.cloud.faults.refuse_connect(device.as_ref())?;
    front.cloud.note(strike.entry(device.as_ref()));
    match strike.kind {
        Kind::RefuseConnect { code } => u8::try_from(code).ok(),
        _ => None,
    }
}
