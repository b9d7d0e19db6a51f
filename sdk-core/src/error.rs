//! The one error table: kinds with stable numbers, mirrored by every language, and the causes behind them.
//!
//! Owns numbers, names, hints and the texts that people read. Refuses secrets: no text here takes one.

use core::fmt;

use crate::wire::mqtt::DecodeError;

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $number:literal, $c_name:literal, $retry:literal, $hint:literal;)*) => {
        /// What kind of thing went wrong; the numbers are stable and never reused (`style.md` §4).
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        #[repr(u16)]
        pub enum ErrorKind { $($(#[$doc])* $name = $number,)* }

        impl ErrorKind {
            /// Every kind, in the order of its number.
            pub const ALL: &'static [ErrorKind] = &[$(ErrorKind::$name,)*];

            /// The kind's stable number.
            pub const fn number(self) -> u16 { self as u16 }

            /// The kind with this number, if there is one.
            pub const fn from_number(number: u16) -> Option<Self> {
                match number { $($number => Some(Self::$name),)* _ => None }
            }

            /// The kind's name in C.
            pub const fn c_name(self) -> &'static str {
                match self { $(Self::$name => $c_name,)* }
            }

            /// Whether the same call may succeed later without anybody changing anything.
            pub const fn retryable(self) -> bool {
                match self { $(Self::$name => $retry,)* }
            }

            /// The next step for whoever reads the error.
            pub const fn hint(self) -> &'static str {
                match self { $(Self::$name => $hint,)* }
            }
        }
    };
}

kinds! {
    /// An argument of the call is wrong.
    InvalidArgument = 101, "ENOS_ERR_INVALID_ARGUMENT", false, "Correct the argument that the message names.";
    /// The call does not fit the state the client is in.
    InvalidState = 102, "ENOS_ERR_INVALID_STATE", false, "Call it in the state that the message names.";
    /// EnOS, this transport or this build does not offer it.
    Unsupported = 103, "ENOS_ERR_UNSUPPORTED", false, "Use the transport or build that the message names.";
    /// The client was closed.
    Closed = 104, "ENOS_ERR_CLOSED", false, "Make a new client.";
    /// The caller's buffer is too small.
    BufferTooSmall = 201, "ENOS_ERR_BUFFER_TOO_SMALL", false, "Lend a larger buffer.";
    /// As many requests are open, or as many bytes wait, as the limits allow.
    QueueFull = 202, "ENOS_ERR_QUEUE_FULL", true, "Wait until open requests have settled, or raise the limit.";
    /// A secret or a buffered message could not be stored.
    StorageFailed = 203, "ENOS_ERR_STORAGE_FAILED", true, "Check free space and permissions of the store.";
    /// Memory ran out.
    OutOfMemory = 204, "ENOS_ERR_OUT_OF_MEMORY", true, "Lower the limits, or give the process more memory.";
    /// The host name has no address.
    ResolveFailed = 301, "ENOS_ERR_RESOLVE_FAILED", true, "Check the host name in the hub URL and the name server.";
    /// No connection to the hub came up.
    ConnectFailed = 302, "ENOS_ERR_CONNECT_FAILED", true, "Check host, port, firewall and proxy, and that the hub runs.";
    /// The TLS handshake failed.
    TlsFailed = 303, "ENOS_ERR_TLS_FAILED", false, "Check CA, server name, client certificate and the clock.";
    /// The connection is gone, or was not there.
    LinkLost = 304, "ENOS_ERR_LINK_LOST", true, "Wait for the client to reconnect, then try again.";
    /// No answer came in time.
    Timeout = 305, "ENOS_ERR_TIMEOUT", true, "Try again, or allow more time.";
    /// The hub refused the signature or does not know the identity it belongs to.
    SignatureRejected = 401, "ENOS_ERR_SIGNATURE_REJECTED", false, "Check product key, device key and secret.";
    /// The hub does not know the device.
    DeviceUnknown = 402, "ENOS_ERR_DEVICE_UNKNOWN", false, "Register the device, or check its keys.";
    /// The device is disabled in the cloud.
    DeviceDisabled = 403, "ENOS_ERR_DEVICE_DISABLED", false, "Enable the device in the cloud.";
    /// The hub does not activate this device.
    ActivationRefused = 404, "ENOS_ERR_ACTIVATION_REFUSED", false, "Allow dynamic activation for the product, and check that the device is registered and not yet active.";
    /// The identity may not do this.
    NotAuthorized = 405, "ENOS_ERR_NOT_AUTHORIZED", false, "Check topology, log-in state and permissions.";
    /// The peer sent bytes that break the protocol.
    Malformed = 501, "ENOS_ERR_MALFORMED", true, "Check that the port speaks MQTT; keep a capture for the hub's operator.";
    /// The peer sent a packet that does not belong here.
    UnexpectedPacket = 502, "ENOS_ERR_UNEXPECTED_PACKET", true, "Check that the port speaks MQTT; keep a capture for the hub's operator.";
    /// The hub answered with a code that is no success.
    HubRejected = 601, "ENOS_ERR_HUB_REJECTED", false, "Look the hub's code up; the hub's journal holds the cause.";
    /// The hub asks for fewer messages.
    RateLimited = 602, "ENOS_ERR_RATE_LIMITED", true, "Send less, or later.";
    /// The message is larger than hub or limits allow.
    PayloadTooLarge = 603, "ENOS_ERR_PAYLOAD_TOO_LARGE", false, "Split the message.";
    /// The message does not fit the thing model.
    ModelMismatch = 604, "ENOS_ERR_MODEL_MISMATCH", false, "Compare identifiers, types and ranges with the thing model.";
    /// The firmware could not be downloaded.
    DownloadFailed = 701, "ENOS_ERR_DOWNLOAD_FAILED", true, "Check the link and the file URL.";
    /// The firmware's digest is wrong.
    VerifyFailed = 702, "ENOS_ERR_VERIFY_FAILED", false, "Check the file that was uploaded to the cloud.";
    /// The firmware could not be written.
    WriteFailed = 703, "ENOS_ERR_WRITE_FAILED", false, "Check free space and permissions.";
    /// The device declined the firmware.
    Declined = 704, "ENOS_ERR_DECLINED", false, "Nothing: the device chose so.";
    /// A bug of this SDK.
    Internal = 900, "ENOS_ERR_INTERNAL", false, "File a bug with the log.";
}

impl ErrorKind {
    /// The kind for a hub's reply code (`decisions.md` §7); whatever is not listed is 601 and keeps its number.
    pub const fn of_hub_code(code: i64) -> Self {
        match code {
            742 => Self::SignatureRejected,
            705 => Self::DeviceUnknown,
            723 => Self::DeviceDisabled,
            770 | 771 => Self::ActivationRefused,
            740 | 741 | 1009 | 1212 => Self::NotAuthorized,
            1008 => Self::PayloadTooLarge,
            1204 => Self::ModelMismatch,
            429 => Self::RateLimited,
            _ => Self::HubRejected,
        }
    }
}

/// Why it failed, more finely than the kind: enough to write a message that names thing, cause and next step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cause {
    /// The link reported this.
    Link(LinkFault),
    /// The hub answered CONNECT with this return code (MQTT 3.1.1 §3.2.2.3).
    ConnAck(u8),
    /// No CONNACK came within this many milliseconds.
    NoConnAck(u32),
    /// The hub accepted the activation, but its message did not come within this many milliseconds.
    NoActivation(u32),
    /// The hub went silent: no answer to PINGREQ.
    PeerSilent,
    /// The peer sent a packet that is no MQTT.
    Malformed(DecodeError),
    /// The peer broke the protocol otherwise; the text says how.
    Protocol(&'static str),
    /// No reply to a request came in time; the flag tells whether the hub had acknowledged its packet.
    NoReply {
        /// PUBACK had come.
        acknowledged: bool,
    },
    /// The request's time ran out while there was no connection.
    Offline,
    /// The client was closed before the hub had answered.
    Closed,
    /// The secret could not be stored.
    Store,
    /// The hub replied with a code other than 200.
    HubCode,
    /// The hub answered with a CoAP code that is no success; the error's hub code is class times 100 plus detail.
    CoapCode,
    /// No answer to a CoAP sign-in came within this many milliseconds.
    NoAnswer(u32),
    /// The hub answered no message any more, repetitions included.
    Unanswered,
    /// The peer answered with RST: it holds nothing of what it was asked.
    Reset,
    /// Posts, commands or answers were still open when the time to fall asleep was over.
    Awake,
}

/// What a link can report; the driver keeps the finer text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LinkFault {
    /// The name has no address.
    Resolve,
    /// No address accepted a connection.
    Connect,
    /// The TLS handshake failed, or a certificate was refused.
    Tls,
    /// The peer closed the connection.
    PeerClosed,
    /// The connection broke.
    Lost,
    /// The link did not come up in time.
    Timeout,
}

impl LinkFault {
    /// The kind of error that the fault is.
    pub const fn kind(self) -> ErrorKind {
        match self {
            Self::Resolve => ErrorKind::ResolveFailed,
            Self::Connect => ErrorKind::ConnectFailed,
            Self::Tls => ErrorKind::TlsFailed,
            Self::PeerClosed | Self::Lost => ErrorKind::LinkLost,
            Self::Timeout => ErrorKind::Timeout,
        }
    }
}

/// One failure: its kind, the hub's code as sent (0 if none), its cause. Prints what happened and what to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Error {
    /// The stable kind.
    pub kind: ErrorKind,
    /// The hub's code as it was sent; 0 where the hub said nothing.
    pub hub_code: i64,
    /// What exactly happened.
    pub cause: Cause,
}

impl Error {
    /// An error without a hub code.
    pub const fn new(kind: ErrorKind, cause: Cause) -> Self {
        Self { kind, hub_code: 0, cause }
    }

    /// A link's fault.
    pub const fn link(fault: LinkFault) -> Self {
        Self::new(fault.kind(), Cause::Link(fault))
    }

    /// A reply with a code other than 200.
    pub const fn hub(code: i64) -> Self {
        Self { kind: ErrorKind::of_hub_code(code), hub_code: code, cause: Cause::HubCode }
    }

    /// CONNACK with a code other than 0. MQTT has five codes for many causes; `auth.md` §2.5 tells what EnOS means.
    pub const fn connack(code: u8, activating: bool) -> Self {
        let kind = match code {
            2 | 4 => ErrorKind::SignatureRejected,
            3 => ErrorKind::ConnectFailed,
            5 if activating => ErrorKind::ActivationRefused,
            5 => ErrorKind::DeviceDisabled,
            _ => ErrorKind::HubRejected,
        };
        Self { kind, hub_code: code as i64, cause: Cause::ConnAck(code) }
    }

    /// A CoAP code of class 4 or 5 (RFC 7252 §12.1.2). What each class and detail means for EnOS: `docs-coap-http.md` A.4.
    pub const fn coap(class: u8, detail: u8) -> Self {
        let code = class as i64 * 100 + detail as i64;
        let kind = match code {
            401 => ErrorKind::SignatureRejected,
            403 => ErrorKind::NotAuthorized,
            413 => ErrorKind::PayloadTooLarge,
            429 => ErrorKind::RateLimited,
            _ => ErrorKind::HubRejected,
        };
        Self { kind, hub_code: code, cause: Cause::CoapCode }
    }

    /// Whether waiting and dialling again cannot help: identity errors and refused certificates.
    pub const fn is_final(&self) -> bool {
        matches!(self.kind.number(), 400..=499) || matches!(self.kind, ErrorKind::TlsFailed)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.cause {
            Cause::Link(LinkFault::Resolve) => f.write_str("the hub's host name has no address")?,
            Cause::Link(LinkFault::Connect) => f.write_str("no address of the hub accepted a connection")?,
            Cause::Link(LinkFault::Tls) => f.write_str("the TLS handshake with the hub failed")?,
            Cause::Link(LinkFault::PeerClosed) => f.write_str("the hub closed the connection")?,
            Cause::Link(LinkFault::Lost) => f.write_str("the connection to the hub broke")?,
            Cause::Link(LinkFault::Timeout) => f.write_str("the connection did not come up in time")?,
            Cause::ConnAck(4) => f.write_str(
                "sign-in refused: CONNACK 4. The hub does not say which: unknown device, wrong secret, \
                 or wrong client id; its journal knows",
            )?,
            Cause::ConnAck(5) if self.kind as u16 == ErrorKind::ActivationRefused as u16 => {
                f.write_str("activation refused: CONNACK 5 (not authorised)")?
            }
            Cause::ConnAck(5) => f.write_str(
                "sign-in refused: CONNACK 5 (not authorised). The hub does not say which: device disabled, or a \
                 client certificate that the product demands is missing or another device's; its journal knows",
            )?,
            Cause::ConnAck(3) => f.write_str(
                "sign-in refused: CONNACK 3. The hub is not available now, or blocks this device for some minutes \
                 since it signed in too often; its journal knows",
            )?,
            Cause::ConnAck(code) => write!(f, "sign-in refused: CONNACK {code}")?,
            Cause::NoConnAck(ms) => write!(
                f,
                "connected, but no CONNACK came within {ms} ms: the port may not speak MQTT, or want TLS"
            )?,
            Cause::NoActivation(ms) => {
                write!(f, "signed in to activate, but the hub sent no device secret within {ms} ms")?
            }
            Cause::PeerSilent => f.write_str("the hub went silent: no answer to a keep-alive ping")?,
            Cause::Malformed(error) => write!(f, "the hub sent no valid MQTT packet: {error}")?,
            Cause::Protocol(text) => write!(f, "the hub broke the protocol: {text}")?,
            Cause::NoReply { acknowledged: true } => {
                f.write_str("the hub acknowledged the packet, but no reply came in time")?
            }
            Cause::NoReply { acknowledged: false } => {
                f.write_str("neither an acknowledgement nor a reply came in time")?
            }
            Cause::Offline => f.write_str("the time ran out while the hub could not be reached")?,
            Cause::Closed => f.write_str("the client was closed before the hub had answered")?,
            Cause::Store => f.write_str("the device secret could not be stored")?,
            Cause::HubCode => write!(f, "the hub answered with code {}", self.hub_code)?,
            Cause::CoapCode if self.hub_code == 401 => f.write_str(
                "the hub answered with CoAP code 4.01. It does not say which: unknown or disabled device, or wrong \
                 secret; its journal knows",
            )?,
            Cause::CoapCode => write!(
                f,
                "the hub answered with CoAP code {}.{:02}",
                self.hub_code / 100,
                self.hub_code % 100
            )?,
            Cause::NoAnswer(ms) => write!(
                f,
                "no answer to the sign-in came within {ms} ms: nothing may listen at this address, a firewall may \
                 drop UDP, or the port may want DTLS"
            )?,
            Cause::Unanswered => f.write_str("the hub went silent: no answer, though the message was repeated")?,
            Cause::Reset => f.write_str("the peer answered with RST: it does not speak CoAP as EnOS does")?,
            Cause::Awake => {
                f.write_str("posts, commands or answers were still open when the time to fall asleep was over")?
            }
        }
        write!(f, ". {}", self.kind.hint())
    }
}

impl core::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_unique_ascending_and_found_again() {
        for pair in ErrorKind::ALL.windows(2) {
            assert!(pair[0].number() < pair[1].number());
        }
        for kind in ErrorKind::ALL {
            assert_eq!(ErrorKind::from_number(kind.number()), Some(*kind));
            assert!(kind.c_name().starts_with("ENOS_ERR_"));
            assert!(kind.hint().ends_with('.'));
        }
        assert_eq!(ErrorKind::from_number(100), None);
        assert_eq!(ErrorKind::ALL.len(), 29);
    }

    // Proves: PAYLOAD-14-1
    #[test]
    fn hub_codes_map_as_decided() {
        let table = [
            (742, 401),
            (705, 402),
            (723, 403),
            (770, 404),
            (771, 404),
            (740, 405),
            (741, 405),
            (1009, 405),
            (1212, 405),
            (1008, 603),
            (1204, 604),
            (429, 602),
            (500, 601),
            (-7, 601),
        ];
        for (code, kind) in table {
            let error = Error::hub(code);
            assert_eq!((error.kind.number(), error.hub_code), (kind, code));
        }
    }

    #[test]
    fn refusals_name_cause_and_next_step() {
        extern crate std;
        use std::string::ToString;
        let text = Error::connack(4, false).to_string();
        for word in ["unknown device", "wrong secret", "wrong client id", "Check product key"] {
            assert!(text.contains(word), "{text}");
        }
        let text = Error::connack(5, false).to_string();
        for word in ["device disabled", "client certificate", "journal", "Enable the device"] {
            assert!(text.contains(word), "{text}");
        }
        let text = Error::connack(3, false).to_string();
        for word in ["not available", "blocks this device", "journal"] {
            assert!(text.contains(word), "{text}");
        }
        assert_eq!(Error::connack(5, true).kind, ErrorKind::ActivationRefused);
        assert_eq!(Error::connack(5, false).kind, ErrorKind::DeviceDisabled);
        assert!(Error::connack(5, true).is_final() && !Error::connack(3, false).is_final());
    }
}
