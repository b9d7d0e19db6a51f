//! What goes into an engine and what comes out of it.
//!
//! `Input` and `Output` are exhaustive on purpose: a new variant must break every driver.

use crate::config::Scheme;
use crate::error::{Error, ErrorKind, LinkFault};
use crate::feature::command::BadAnswer;
use crate::feature::measure::BadPoints;
use crate::json::{BadValue, Point};
use crate::sign;
use crate::wire::{Full, Writer};

pub use crate::feature::command::{Answer, AnswerData, CommandKind};

/// A device within the engine: 0 is the connection's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DeviceIx(pub u32);

impl DeviceIx {
    /// The connection's own device.
    pub const ROOT: Self = Self(0);
}

/// A request that was accepted; unique among the unsettled. It is also the `id` of the message on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RequestId(pub u32);

/// A command that waits for its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CallId(pub u32);

/// What a driver tells the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input {
    /// The link that was dialled is up: bytes may flow.
    LinkUp,
    /// So many bytes were read into [`receive_buffer`](super::Engine::receive_buffer).
    Received(usize),
    /// So many bytes of the last `Transmit` were taken by the link.
    Sent(usize),
    /// The dial failed, the link broke, or a `HangUp` is done.
    LinkDown(LinkError),
    /// The answer to `Store`.
    Stored(Result<(), StoreError>),
    /// Nothing happened but time.
    Tick,
}

/// Why a link is down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkError {
    /// A dial failed or a link broke.
    Fault(LinkFault),
    /// The driver closed it because the engine had asked to.
    HungUp,
    /// The driver replaces it: `LinkUp` follows without a `Dial`.
    Replaced,
}

/// The driver could not store a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoreError;

/// What the engine wants from its driver, or has to tell.
#[derive(Debug)]
pub enum Output<'b> {
    /// Bring a link up; answered by `LinkUp` or `LinkDown`.
    Dial(Dial<'b>),
    /// Send these bytes; the same are offered until `Sent`.
    Transmit(&'b [u8]),
    /// Store this secret so that it survives a power cut; answered by `Stored`, link or no link.
    Store(SecretRecord<'b>),
    /// Close the link or give the dial up; confirmed by `LinkDown`.
    HangUp,
    /// Something for the host.
    Event(Event<'b>),
    /// Nothing more until an input comes, or until this moment of the monotonic clock. Always last.
    Wait(Option<u64>),
}

/// Where to connect to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Dial<'b> {
    /// Transport and security.
    pub scheme: Scheme,
    /// Host name or address.
    pub host: &'b str,
    /// Port.
    pub port: u16,
    /// Who the device is in a DTLS handshake; `None` but for `coaps`.
    pub psk: Option<Psk<'b>>,
}

/// Who a device is in a DTLS handshake with a pre-shared key (`docs-coap-http.md` A.2). Plain borrows; prints no key.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Psk<'b> {
    /// The product's key.
    pub product_key: &'b str,
    /// The device's key.
    pub device_key: &'b str,
    /// 2: the key is made of the device's secret; 3: of the product's, for an activation.
    pub secure_mode: u8,
    /// Longest silence in seconds after which the hub takes the device as gone.
    pub lifetime_s: u32,
    /// The key: bytes 9 to 24 of the secret's SHA-256.
    pub key: [u8; 16],
}

impl Psk<'_> {
    /// Writes the identity: `<product key>,<device key>,<secure mode>,<lifetime>`; 400 bytes are always enough.
    pub fn write_identity<'o>(&self, out: &'o mut [u8]) -> Result<&'o str, Full> {
        let mut w = Writer::new(out);
        sign::psk_identity(&mut w, self.product_key, self.device_key, self.secure_mode, self.lifetime_s)?;
        let len = w.len();
        core::str::from_utf8(out.get(..len).ok_or(Full)?).map_err(|_| Full)
    }
}

impl core::fmt::Debug for Psk<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Psk")
            .field("product_key", &self.product_key)
            .field("device_key", &self.device_key)
            .field("secure_mode", &self.secure_mode)
            .field("lifetime_s", &self.lifetime_s)
            .finish_non_exhaustive()
    }
}

/// A device secret to be stored. Plain borrows, so that the drain loop borrow-checks; prints no secret.
#[derive(Clone, Copy)]
pub struct SecretRecord<'b> {
    /// The product's key.
    pub product_key: &'b str,
    /// The device's key.
    pub device_key: &'b str,
    /// The device's own secret.
    pub device_secret: &'b str,
}

impl core::fmt::Debug for SecretRecord<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("SecretRecord")
            .field("product_key", &self.product_key)
            .field("device_key", &self.device_key)
            .finish_non_exhaustive()
    }
}

/// What the engine tells its host.
///
/// Lifecycle grammar: each `Connecting` is followed by exactly one `Online` or `ConnectFailed`, each `Online` by
/// exactly one `Offline`; `Closed` is last.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Event<'b> {
    /// A dial begins; an activation and the sign-in that follows it are one.
    Connecting,
    /// Signed in: posts flow and commands arrive.
    Online,
    /// The attempt failed.
    ConnectFailed {
        /// Why.
        error: Error,
        /// When the next dial follows, in milliseconds; `None`: the engine has stopped trying.
        retry_in_ms: Option<u32>,
    },
    /// The connection is gone.
    Offline {
        /// Why; kind `Closed` if the host asked for it.
        reason: Error,
        /// Whether the engine dials again by itself.
        will_retry: bool,
    },
    /// The engine was closed; nothing follows.
    Closed,
    /// The device received its own secret and stored it.
    Activated,
    /// A request is over; each accepted one gets exactly one of these.
    Settled {
        /// Which.
        request: RequestId,
        /// How it ended.
        outcome: Outcome<'b>,
    },
    /// A [`Request::Sleep`] is over; each accepted one gets exactly one of these.
    Slept {
        /// Which.
        request: RequestId,
        /// What it took to be awake since the last sleep; or why something is still open.
        report: Result<WakeReport, Error>,
    },
    /// A command for a registered handler; answer it with [`Request::Answer`], now or later.
    Command(Command<'b>),
    /// Something that somebody should look at; the engine goes on.
    Warning(Warning),
}

/// What a device did between two sleeps. The bytes are those of its CoAP datagrams: a driver that wraps them in DTLS
/// adds what that takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct WakeReport {
    /// Datagrams sent, repetitions included.
    pub datagrams_sent: u64,
    /// Datagrams received.
    pub datagrams_received: u64,
    /// Bytes of the datagrams sent.
    pub bytes_sent: u64,
    /// Bytes of the datagrams received.
    pub bytes_received: u64,
    /// Milliseconds during which an answer was waited for: as long the radio had to be on.
    pub radio_on_ms: u64,
}

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Outcome<'b> {
    /// The hub replied with 200.
    Acknowledged {
        /// The reply's `data` as JSON text; empty if it was absent, null or `""`.
        data: &'b [u8],
    },
    /// The hub replied with another code.
    Rejected {
        /// Kind and hub code.
        error: Error,
        /// The reply's `message`, inside of a JSON string, escapes as sent; may be empty.
        message: &'b str,
    },
    /// No reply: time-out, offline, closed.
    Failed(Error),
}

/// A command of the hub.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Command<'b> {
    /// For the answer.
    pub call: CallId,
    /// Who is meant.
    pub device: DeviceIx,
    /// What is asked.
    pub kind: CommandKind<'b>,
    /// The command's `params` as JSON text, checked to be valid.
    pub params: &'b [u8],
}

/// Things to look at that do not end a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Warning {
    /// The hub refused this many subscriptions (SUBACK 0x80). It may deliver without them.
    SubscriptionRefused(u16),
    /// A message of this many bytes exceeded the receive limit; it was acknowledged and skipped (603).
    Oversize(u32),
    /// A message on a topic that no feature knows; it was acknowledged and dropped.
    UnknownTopic,
    /// A message that is no valid envelope; it was acknowledged and dropped.
    MalformedMessage,
    /// A reply to no open request; it came late or twice.
    StrayReply,
    /// The dial budget is used up: the next dial follows after this many milliseconds.
    DialDelayed(u32),
    /// The secret could not be stored (203); the next try follows after this many milliseconds.
    StoreFailed(u32),
    /// As many commands are open as the limits allow; this one was answered with 1102.
    CallsFull,
}

/// What a host asks of the engine.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Request<'a> {
    /// Sign in and stay signed in. Without success within the time, or on what retrying cannot cure, the engine
    /// stops with `ConnectFailed { retry_in_ms: None }`; once online it heals every loss by itself.
    Connect {
        /// Longest time to the first `Online`, in milliseconds; `None` tries for ever.
        timeout_ms: Option<u32>,
    },
    /// Take nothing new, let what is open settle within the time, sign off, end with `Closed`.
    Close {
        /// Longest time for all of it, in milliseconds.
        timeout_ms: u32,
    },
    /// Post measurepoints; `Settled` tells the hub's reply. Survives a lost link; fails after its time-out.
    PostMeasurepoints {
        /// Whose points.
        device: DeviceIx,
        /// The points; at least one. Of an identifier that is there twice the hub keeps one value.
        points: &'a [Point<'a>],
        /// When they were measured, in milliseconds since 1970; `None`: now, or the hub's receive time if the
        /// device has no clock.
        time_ms: Option<u64>,
        /// Longest time until the hub's reply, in milliseconds.
        timeout_ms: u32,
    },
    /// Ask the hub for something that changes nothing there (`thing.tag.query` of a tag that nobody sets), to hear
    /// whether it answers EnOS messages; told by `Settled` like a post. A rejection is an answer, too.
    Probe {
        /// Longest time until the hub's reply, in milliseconds.
        timeout_ms: u32,
    },
    /// Be ready to sleep: over when nothing is open, which is when all posts are settled, all commands that wait at
    /// the hub fetched, and all answers delivered; told by [`Event::Slept`]. CoAP only.
    Sleep {
        /// Longest time for all of it, in milliseconds.
        timeout_ms: u32,
    },
    /// Answer a command. Refused with `Offline` if there is no connection; the call is over then.
    Answer {
        /// Which.
        call: CallId,
        /// What to say.
        answer: Answer<'a>,
    },
    /// Take commands of this kind; those of no handler are answered with 1101.
    Handle {
        /// For whom.
        device: DeviceIx,
        /// What.
        kind: CommandKind<'a>,
    },
    /// No longer take commands of this kind.
    Unhandle {
        /// For whom.
        device: DeviceIx,
        /// What.
        kind: CommandKind<'a>,
    },
}

/// Why a request was not accepted; nothing was kept of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RequestError {
    /// As many requests are open, or bytes wait, as the limits allow.
    QueueFull,
    /// The message is larger than the limits allow.
    TooLarge,
    /// The engine was closed.
    Closed,
    /// The request does not fit the state; the text says why.
    State(&'static str),
    /// No such device.
    Device,
    /// A post without points.
    NoPoints,
    /// The point at this place has an empty or overlong identifier, or a character that EnOS does not take.
    PointId(u16),
    /// The value at this place is NaN or infinite.
    NotFinite(u16),
    /// The value at this place is nested too deeply.
    TooDeep(u16),
    /// The quality at this place is not 0 to 9.
    Quality(u16),
    /// No such call: it was answered already, or never was.
    Call,
    /// There is no connection to carry the answer; the call is over.
    Offline,
    /// A service identifier is empty, overlong, or has a character that a topic may not hold.
    ServiceId,
    /// The answer's data is no JSON object.
    Json,
    /// The answer's code is outside 200 to 999,999.
    Code,
    /// This transport does not offer it; the text names the one that does.
    Unsupported(&'static str),
}

impl From<BadPoints> for RequestError {
    fn from(bad: BadPoints) -> Self {
        match bad {
            BadPoints::None => Self::NoPoints,
            BadPoints::TooMany => Self::TooLarge,
            BadPoints::Id(place) => Self::PointId(place),
            BadPoints::Value(place, bad) => Self::value(place, bad),
            BadPoints::Quality(place) => Self::Quality(place),
        }
    }
}

impl From<BadAnswer> for RequestError {
    fn from(bad: BadAnswer) -> Self {
        match bad {
            BadAnswer::Code => Self::Code,
            BadAnswer::Json => Self::Json,
            BadAnswer::TooMany => Self::TooLarge,
            BadAnswer::Value(place, bad) => Self::value(place, bad),
        }
    }
}

impl RequestError {
    const fn value(place: u16, bad: BadValue) -> Self {
        match bad {
            BadValue::NotFinite => Self::NotFinite(place),
            BadValue::TooDeep => Self::TooDeep(place),
        }
    }

    /// The kind of error that it is.
    pub const fn kind(self) -> ErrorKind {
        match self {
            Self::QueueFull => ErrorKind::QueueFull,
            Self::TooLarge => ErrorKind::PayloadTooLarge,
            Self::Closed => ErrorKind::Closed,
            Self::State(_) | Self::Call => ErrorKind::InvalidState,
            Self::Offline => ErrorKind::LinkLost,
            Self::Unsupported(_) => ErrorKind::Unsupported,
            _ => ErrorKind::InvalidArgument,
        }
    }

    /// The place of the point or output that is wrong, counted from 0.
    pub const fn place(self) -> Option<u16> {
        match self {
            Self::PointId(at) | Self::NotFinite(at) | Self::TooDeep(at) | Self::Quality(at) => Some(at),
            _ => None,
        }
    }
}

impl core::fmt::Display for RequestError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::QueueFull => f.write_str("as many requests are open as the limits allow"),
            Self::TooLarge => f.write_str("the message is larger than the limits allow (EnOS takes 512 KB)"),
            Self::Closed => f.write_str("the client was closed"),
            Self::State(text) | Self::Unsupported(text) => f.write_str(text),
            Self::Device => f.write_str("no such device"),
            Self::NoPoints => f.write_str("a post needs at least one measurepoint"),
            Self::PointId(at) => {
                write!(f, "the identifier at place {at} must have 1 to 128 bytes and no control")
            }
            Self::NotFinite(at) => {
                write!(f, "the value at place {at} is NaN or infinite, which JSON cannot carry")
            }
            Self::TooDeep(at) => write!(f, "the value at place {at} is nested too deeply"),
            Self::Quality(at) => write!(f, "the quality at place {at} is not 0 to 9"),
            Self::Call => f.write_str("the command was answered already"),
            Self::Offline => f.write_str("there is no connection to carry the answer"),
            Self::ServiceId => {
                f.write_str("a service identifier has 1 to 128 bytes and none of / + # and controls")
            }
            Self::Json => f.write_str("an answer's data must be one JSON object"),
            Self::Code => f.write_str("an answer's code must be 200 to 999999"),
        }?;
        write!(f, ". {}", self.kind().hint())
    }
}

impl core::error::Error for RequestError {}

/// Counters since the engine was made; the same names in every language.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Bytes sent.
    pub bytes_sent: u64,
    /// Bytes received.
    pub bytes_received: u64,
    /// Messages sent: posts and answers, repetitions included.
    pub messages_sent: u64,
    /// Messages received: replies and commands.
    pub messages_received: u64,
    /// Messages that were sent again after a lost link.
    pub retries: u64,
    /// Times that the engine came online after its first.
    pub reconnects: u64,
    /// Requests settled with 200.
    pub acknowledged: u64,
    /// Requests that the hub rejected.
    pub rejected: u64,
    /// Requests that failed: time-out, offline, closed.
    pub failed: u64,
    /// Messages dropped because they were larger than the limits.
    pub dropped_oversize: u64,
    /// Messages dropped because no feature knows their topic.
    pub dropped_unknown: u64,
    /// Messages dropped because they were malformed.
    pub dropped_malformed: u64,
    /// Replies that belonged to no open request.
    pub dropped_stray: u64,
    /// Answers lost with their link, or refused offline.
    pub dropped_answers: u64,
    /// Requests open now.
    pub open_requests: u32,
    /// Bytes of messages waiting now.
    pub queued_bytes: u64,
    /// Datagrams sent, repetitions included; CoAP only.
    pub datagrams_sent: u64,
    /// Datagrams received; CoAP only.
    pub datagrams_received: u64,
    /// Milliseconds during which an answer was waited for; CoAP only.
    pub radio_on_ms: u64,
}
