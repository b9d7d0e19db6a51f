//! The kinds of faults: their names, their settings, and what each may be limited by.
//!
//! Byte faults carry the names and settings of Toxiproxy. All times are milliseconds of the hub's clock.

use serde_json::{Map, Value};

use super::fields::{BadField, Fields};

/// The longest that anything may be held up, in milliseconds: an hour.
const MOST_MS: i64 = 3_600_000;
/// How long EnOS blocks a device that signs in too often (`docs-mqtt.md` §12).
const BLOCK_MS: i64 = 300_000;
/// The furthest from the end that a byte can be named.
const LEAST_AT: i64 = -1_000_000;
/// Bytes of a secret that takes the place of the device's.
const MAX_SECRET: usize = 128;

/// Where a fault hooks in, which decides what it can be limited by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Group {
    /// The TCP stream below TLS and MQTT; strikes are connections.
    Bytes,
    /// Whole MQTT packets behind the sign-in, and CoAP datagrams; strikes are packets.
    Packets,
    /// CONNECT, session and close; strikes are connections.
    Session,
    /// What the cloud says and whom it lets in.
    Enos,
    /// How CoAP requests of signed-in devices are answered; strikes are requests.
    Answers,
}

impl Group {
    pub(super) fn bit(self) -> u32 {
        1 << self as u32
    }
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:literal $variant:ident $({ $($setting:ident: $key:literal = $least:tt to $most:tt, $default:expr;)* })? $group:ident;)*) => {
        /// What a fault does.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub(crate) enum Kind {
            $($(#[$doc])* $variant $({ $(#[doc = $key] $setting: i64,)* })?,)*
            /// From now on the device has another secret, and the hub judges its sign-ins by that.
            SecretRotated {
                /// The new secret.
                secret: String,
            },
        }

        impl Kind {
            /// Every name.
            pub(crate) const NAMES: &'static [&'static str] = &[$($name,)* "secret_rotated"];

            pub(crate) fn name(&self) -> &'static str {
                match self {
                    $(Self::$variant $({ $($setting: _,)* })? => $name,)*
                    Self::SecretRotated { .. } => "secret_rotated",
                }
            }

            pub(crate) fn group(&self) -> Group {
                match self {
                    $(Self::$variant $({ $($setting: _,)* })? => Group::$group,)*
                    Self::SecretRotated { .. } => Group::Enos,
                }
            }

            /// Reads the settings of the kind with this name.
            pub(super) fn read(name: &str, fields: &mut Fields) -> Result<Self, BadField> {
                match name {
                    $($name => Ok(Self::$variant $({
                        $($setting: setting(fields, $key, $least, $most, $default)?,)*
                    })?),)*
                    "secret_rotated" => {
                        let secret = fields.text("secret")?.unwrap_or_else(|| "rotated-secret".to_owned());
                        if secret.is_empty() || secret.len() > MAX_SECRET {
                            let fix = format!("send 1 to {MAX_SECRET} bytes, or leave it out");
                            return Err(BadField::new("secret", "it has no such length", &fix));
                        }
                        Ok(Self::SecretRotated { secret })
                    }
                    other => {
                        let fix = format!("it is one of {}", Self::NAMES.join(" "));
                        Err(BadField::new("kind", &format!("\"{other}\" is no fault"), &fix))
                    }
                }
            }

            /// The settings, by the names that an order takes. A secret is not told.
            pub(super) fn settings(&self, told: &mut Map<String, Value>) {
                match self {
                    $(Self::$variant $({ $($setting,)* })? => {
                        $($(told.insert($key.to_owned(), (*$setting).into());)*)?
                    })*
                    Self::SecretRotated { .. } => {}
                }
            }
        }
    };
}

fn setting(
    fields: &mut Fields,
    name: &'static str,
    least: i64,
    most: i64,
    default: Option<i64>,
) -> Result<i64, BadField> {
    fields.number(name, least, most)?.or(default).ok_or_else(|| {
        BadField::new(name, "it is missing", &format!("send a whole number from {least} to {most}"))
    })
}

kinds! {
    /// Data comes late by `latency`, more or less `jitter`, in order.
    "latency" Latency {
        latency: "latency" = 0 to MOST_MS, None;
        jitter: "jitter" = 0 to MOST_MS, Some(0);
    } Bytes;
    /// Data flows at `rate` kilobytes a second.
    "bandwidth" Bandwidth { rate: "rate" = 1 to 1_000_000, None; } Bytes;
    /// No data gets through; after `timeout` the connection is closed, with 0 never.
    "timeout" Timeout { timeout: "timeout" = 0 to MOST_MS, Some(0); } Bytes;
    /// After `timeout` the connection is reset (TCP RST).
    "reset_peer" ResetPeer { timeout: "timeout" = 0 to MOST_MS, Some(0); } Bytes;
    /// Data comes in slices of `average_size` bytes, more or less `size_variation`, with `delay` between two.
    "slicer" Slicer {
        average_size: "average_size" = 1 to 65_536, None;
        size_variation: "size_variation" = 0 to 65_535, Some(0);
        delay: "delay" = 0 to MOST_MS, Some(0);
    } Bytes;
    /// The connection is closed after `bytes` in one direction.
    "limit_data" LimitData { bytes: "bytes" = 0 to 1_000_000_000, None; } Bytes;
    /// The hub ends the connection only after `delay`.
    "slow_close" SlowClose { delay: "delay" = 1 to MOST_MS, None; } Session;

    /// The packet does not arrive.
    "drop" Drop Packets;
    /// The packet arrives twice; the second PUBLISH says so (DUP).
    "duplicate" Duplicate Packets;
    /// The packet arrives behind the next one of its type, or after `delay` if none comes.
    "reorder" Reorder { delay: "delay" = 1 to MOST_MS, Some(1_000); } Packets;
    /// The packet arrives later by `delay`; others overtake it.
    "delay" Delay { delay: "delay" = 1 to MOST_MS, None; } Packets;
    /// The byte at `at` (negative: counted from the end) is changed by exclusive or with `xor`.
    "corrupt" Corrupt {
        at: "at" = LEAST_AT to 1_000_000, Some(-1);
        xor: "xor" = 1 to 255, Some(255);
    } Packets;
    /// The packet identifier is another: greater by `by`.
    "wrong_id" WrongId { by: "by" = 1 to 65_534, Some(1); } Packets;
    /// From this packet on the hub is silent, and forgets the device; the TCP connection stays open for `hold`.
    "half_open" HalfOpen { hold: "hold" = 1 to MOST_MS, Some(60_000); } Packets;

    /// CONNECT is refused with return code `code`.
    "refuse_connect" RefuseConnect { code: "code" = 1 to 5, None; } Session;
    /// CONNACK comes late by `delay`.
    "slow_connack" SlowConnack { delay: "delay" = 1 to MOST_MS, None; } Session;
    /// The session that the hub kept is gone, although the device asked for it (cleanSession 0).
    "lose_session" LoseSession Session;

    /// The request is acknowledged, and its answer comes `delay` later, as a confirmable message (CoAP).
    "separate" Separate { delay: "delay" = 0 to MOST_MS, Some(100); } Answers;
    /// The request is acted on and answered with a reset (CoAP).
    "reset" Reset Answers;

    /// The cloud takes the request and never replies.
    "no_reply" NoReply Enos;
    /// The reply carries an id that no request had.
    "unknown_id" UnknownId Enos;
    /// The cloud does not take the request and replies with `code`.
    "reply_code" ReplyCode { code: "code" = 201 to 999_999, None; } Enos;
    /// The cloud does not take the request, replies with 429, and sends a `traffic/control` message behind it.
    "rate_limit" RateLimit Enos;
    /// The activation message comes twice.
    "activation_twice" ActivationTwice Enos;
    /// The activation message comes between the first SUBSCRIBE and its SUBACK, or after `delay` if none comes.
    "activation_before_suback" ActivationBeforeSuback { delay: "delay" = 1 to MOST_MS, Some(1_000); } Enos;
    /// The device's certificate is revoked: TLS handshakes with it fail.
    "certificate_revoked" CertificateRevoked Enos;
    /// The device is blocked for `time`, as after too many sign-ins: CONNECT is refused with 3.
    "block" Block { time: "time" = 1 to MOST_MS, Some(BLOCK_MS); } Enos;
}
