//! What can be seen of a world: the facts that the trace prints and the invariants judge.

use enos_core::Limits;
use enos_core::engine::Stats;

use super::network::{LinkId, Way};
use super::packet;

/// One fact.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fact<'a> {
    /// Virtual milliseconds since the world's start.
    pub(super) now: u64,
    /// The client.
    pub(super) client: usize,
    /// The device that it signs in as; two clients may share one.
    pub(super) device: usize,
    pub(super) seen: Seen<'a>,
}

/// A post as the world gave it to an engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Post {
    /// The value of its point `p`; no two posts of a world have the same.
    pub(super) serial: u64,
    /// Its time; no two posts of a device have the same.
    pub(super) time: i64,
    /// When it must be settled, by the world's clock.
    pub(super) until: u64,
}

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum How {
    Acknowledged,
    Rejected,
    Failed,
}

/// What an application did to a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ban {
    Disabled,
    Enabled,
    Deleted,
    Created,
}

/// The life of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Life {
    Connecting,
    Online,
    ConnectFailed { retry: bool },
    Offline { retry: bool },
    Closed,
}

/// The states of a command by the numbers of the REST API, and how long it may stay open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct CommandState {
    pub(super) id: u64,
    pub(super) state: u64,
    /// By the world's clock.
    pub(super) ends_at: u64,
}

#[derive(Clone, Copy)]
pub(super) enum Seen<'a> {
    /// A client starts; `secret`: its store holds the device secret.
    PowerUp {
        limits: &'a Limits,
        keep_alive_ms: u64,
        secret: bool,
    },
    PowerCut,
    Dial,
    LinkUp,
    LinkDown,
    HangUp,
    Transmit(usize),
    Sent(usize),
    Wait(Option<u64>),
    /// The client has done all it can: how many outputs it took, what it holds, whether its socket takes bytes.
    Idle {
        rounds: u32,
        stats: &'a Stats,
        receive: usize,
        free: bool,
    },
    Life(Life),
    Activated,
    Accepted {
        request: u32,
        post: Post,
    },
    Settled {
        request: u32,
        how: How,
    },
    /// The store, right after an acknowledgement: what lies at the post's time.
    Kept {
        post: Post,
        samples: &'a [(i64, u64)],
    },
    /// The device was deleted since the post was accepted: it may be gone.
    Void {
        request: u32,
    },
    Command {
        call: u32,
    },
    Answer {
        call: u32,
        taken: bool,
    },
    StoreAsked {
        right: bool,
    },
    Stored(bool),
    /// A text that people may read.
    Text(&'a str),
    /// A whole packet, as its sender wrote it.
    Written {
        link: LinkId,
        way: Way,
        packet: &'a [u8],
    },
    /// A whole packet, as it was taken at the far end.
    Read {
        link: LinkId,
        way: Way,
        packet: &'a [u8],
    },
    Ban(Ban),
    HubDown,
    HubUp,
    /// All samples of the device, by time.
    Samples(&'a [(i64, u64)]),
    Latest(Option<(i64, u64)>),
    /// The link that holds the device, by the hub; `open`: the client's own link is open on both sides and nobody
    /// has taken the device over.
    Held {
        by: Option<LinkId>,
        own: LinkId,
        open: bool,
    },
    /// What the REST API says of a device, whether it is connected, and whether it is disabled or deleted.
    Status {
        online: bool,
        held: bool,
        banned: bool,
    },
    Connections {
        hub: usize,
        links: usize,
    },
    CommandState(CommandState),
    /// The reply of a call that waited for a command.
    CommandReply {
        id: u64,
        succeeded: bool,
    },
    /// The world is over; in liveness mode, what has not drained.
    End {
        left: Option<&'a str>,
    },
}

impl std::fmt::Debug for Seen<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::PowerUp { secret, .. } => write!(f, "power up, secret stored: {secret}"),
            Self::PowerCut => f.write_str("power cut"),
            Self::Dial => f.write_str("dial"),
            Self::LinkUp => f.write_str("link up"),
            Self::LinkDown => f.write_str("link down"),
            Self::HangUp => f.write_str("hang up"),
            Self::Transmit(count) => write!(f, "transmit {count} B"),
            Self::Sent(count) => write!(f, "sent {count} B"),
            Self::Wait(until) => write!(f, "wait {until:?}"),
            Self::Idle { rounds, stats, receive, free } => {
                let Stats { open_requests, queued_bytes, .. } = stats;
                write!(f, "idle: {rounds} outputs, {open_requests} open, {queued_bytes} B queued, ")?;
                write!(f, "{receive} B to receive, free: {free}")
            }
            Self::Life(life) => write!(f, "{life:?}"),
            Self::Activated => f.write_str("Activated"),
            Self::Accepted { request, post } => write!(f, "accepted {request}: {post:?}"),
            Self::Settled { request, how } => write!(f, "settled {request}: {how:?}"),
            Self::Kept { post, samples } => write!(f, "kept for {post:?}: {samples:?}"),
            Self::Void { request } => write!(f, "void {request}"),
            Self::Command { call } => write!(f, "command {call}"),
            Self::Answer { call, taken } => write!(f, "answer {call}, taken: {taken}"),
            Self::StoreAsked { right } => write!(f, "asked to store, the right secret: {right}"),
            Self::Stored(done) => write!(f, "stored: {done}"),
            Self::Text(text) => write!(f, "text {text}"),
            Self::Written { link, way, packet } => {
                write!(f, "{way:?} {link} written {}", packet::describe(packet))
            }
            Self::Read { link, way, packet } => write!(f, "{way:?} {link} read {}", packet::describe(packet)),
            Self::Ban(ban) => write!(f, "{ban:?}"),
            Self::HubDown => f.write_str("hub down"),
            Self::HubUp => f.write_str("hub up"),
            Self::Samples(samples) => write!(f, "{} samples", samples.len()),
            Self::Latest(latest) => write!(f, "latest {latest:?}"),
            Self::Held { by, own, open } => write!(f, "held by {by:?}, own link {own}, open: {open}"),
            Self::Status { online, held, banned } => {
                write!(f, "shown online: {online}, connected: {held}, banned: {banned}")
            }
            Self::Connections { hub, links } => write!(f, "{hub} connections for {links} links"),
            Self::CommandState(state) => write!(f, "{state:?}"),
            Self::CommandReply { id, succeeded } => write!(f, "command {id} replied, succeeded: {succeeded}"),
            Self::End { left } => write!(f, "end, left: {left:?}"),
        }
    }
}
