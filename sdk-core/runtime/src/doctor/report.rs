//! What a diagnosis found: values, no words of ours for the reader yet.

use super::Cause;
use enos_core::ErrorKind;
use std::time::Duration;

/// A stretch of the way to the hub and back, in the order in which it is walked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Stage {
    /// The settings, client certificate and stored secret included.
    Configuration,
    /// Look-up of the hub's name, or the proxy's.
    Name,
    /// TCP to the addresses.
    Tcp,
    /// CoAP instead of [`Tcp`](Self::Tcp): a way to an address, and whether anybody answers there. UDP shows that only
    /// once something is asked, which is the sign-in.
    Reach,
    /// CONNECT through the proxy.
    Proxy,
    /// This device's clock, as far as it can be judged.
    Clock,
    /// The TLS handshake: version, chain, name, client certificate.
    Tls,
    /// The sign-in as the device.
    SignIn,
    /// A request that changes nothing, and the hub's reply.
    Reply,
}

impl Stage {
    /// All of them, in their order.
    pub const ALL: &'static [Self] = &[
        Self::Configuration,
        Self::Name,
        Self::Tcp,
        Self::Reach,
        Self::Proxy,
        Self::Clock,
        Self::Tls,
        Self::SignIn,
        Self::Reply,
    ];

    /// Its name in both forms of the report.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Configuration => "configuration",
            Self::Name => "name",
            Self::Tcp => "tcp",
            Self::Reach => "reach",
            Self::Proxy => "proxy",
            Self::Clock => "clock",
            Self::Tls => "tls",
            Self::SignIn => "sign_in",
            Self::Reply => "reply",
        }
    }

    /// The exit code of a program whose diagnosis failed here first.
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Configuration => 10,
            Self::Name => 11,
            Self::Tcp | Self::Reach => 12,
            Self::Proxy => 13,
            Self::Clock => 14,
            Self::Tls => 15,
            Self::SignIn => 16,
            Self::Reply => 17,
        }
    }
}

/// How a step went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Status {
    /// As it should.
    Ok,
    /// It works, and somebody should look at it.
    Warning,
    /// It does not work.
    Failed,
    /// It was not tried; the detail says why.
    Skipped,
}

impl Status {
    /// Its name in the JSON form.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
        }
    }
}

/// Whose session the sign-in and the reply went through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Session {
    /// None.
    None,
    /// The client's own, which was up.
    Live,
    /// The client's own, which was asked to connect at once.
    Joined,
    /// One of the doctor, for a moment.
    Own,
}

impl Session {
    /// Its name in the JSON form.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Live => "live",
            Self::Joined => "joined",
            Self::Own => "own",
        }
    }
}

/// One step of a diagnosis.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Step {
    /// Which.
    pub stage: Stage,
    /// How it went.
    pub status: Status,
    /// What is wrong, of a step that failed or warns.
    pub cause: Option<Cause>,
    /// The kind of error that a connect or a post would give.
    pub kind: Option<ErrorKind>,
    /// The hub's code as it was sent; 0 where the hub said nothing.
    pub hub_code: i64,
    /// What was found: one or more sentences for people, without a line end.
    pub detail: String,
    /// What to do; empty if there is nothing to do.
    pub next: String,
    /// How long it took; zero where it was not tried.
    pub duration: Duration,
}

impl Step {
    pub(super) fn new(stage: Stage, status: Status, detail: impl Into<String>) -> Self {
        let detail = detail.into();
        let (cause, kind, hub_code, next) = (None, None, 0, String::new());
        Self { stage, status, cause, kind, hub_code, detail, next, duration: Duration::ZERO }
    }

    pub(super) fn failed(stage: Stage, cause: Cause, detail: impl Into<String>) -> Self {
        let step = Self::new(stage, Status::Failed, detail);
        Self { cause: Some(cause), next: cause.next().to_owned(), ..step }
    }

    pub(super) fn warning(stage: Stage, cause: Cause, detail: impl Into<String>) -> Self {
        Self { status: Status::Warning, ..Self::failed(stage, cause, detail) }
    }

    pub(super) fn took(mut self, duration: Duration) -> Self {
        self.duration = duration;
        self
    }
}

/// What a diagnosis found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    pub(super) hub: String,
    pub(super) device: String,
    pub(super) session: Session,
    pub(super) steps: Vec<Step>,
    pub(super) duration: Duration,
}

impl Report {
    /// Whether no step failed. Warnings do not count.
    pub fn healthy(&self) -> bool {
        self.failure().is_none()
    }

    /// Whether the whole way was walked: sign-in and reply, too.
    pub fn complete(&self) -> bool {
        let reply = self.steps.iter().find(|step| step.stage == Stage::Reply);
        reply.is_some_and(|step| step.status != Status::Skipped)
    }

    /// The step that failed first.
    pub fn failure(&self) -> Option<&Step> {
        self.steps.iter().find(|step| step.status == Status::Failed)
    }

    /// All steps, in the order of the way; one for each stage.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// The hub's URL.
    pub fn hub(&self) -> &str {
        &self.hub
    }

    /// Product key and device key, as `pk/dk`; empty if there was no login.
    pub fn device(&self) -> &str {
        &self.device
    }

    /// Whose session sign-in and reply went through.
    pub fn session(&self) -> Session {
        self.session
    }

    /// How long all of it took.
    pub fn duration(&self) -> Duration {
        self.duration
    }

    /// For a program's end: 0 if healthy, else the code of the stage that failed first: 10 configuration, 11 name,
    /// 12 tcp, 13 proxy, 14 clock, 15 tls, 16 sign_in, 17 reply.
    pub fn exit_code(&self) -> u8 {
        self.failure().map_or(0, |step| step.stage.exit_code())
    }
}
