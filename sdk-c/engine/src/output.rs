//! What the engine wants from the program, or has to tell: a tag, and what belongs to it.

use crate::engine::{enos_engine_now_t, enos_engine_t, moment};
use crate::request::{
    ENOS_INVOCATION_MEASUREPOINT_GET, ENOS_INVOCATION_MEASUREPOINT_SET, ENOS_INVOCATION_OTHER,
    ENOS_INVOCATION_SERVICE,
};
use crate::status::{ENOS_OK, Last, Misuse, enos_status_t, status_of};
use enos_border::enos_str_t;
use enos_core::engine::{CommandKind, Event, Outcome, Output, Warning};
use enos_core::{Error, ErrorKind, Scheme};

/// Never: for moments.
pub const ENOS_ENGINE_NEVER: u64 = u64::MAX;

/// Bring a link up (`as.dial`); answered by `enos_engine_link_up` or `enos_engine_link_down`.
pub const ENOS_ENGINE_DIAL: i32 = 1;
/// Send these bytes (`as.transmit`); the same are offered until `enos_engine_sent`.
pub const ENOS_ENGINE_TRANSMIT: i32 = 2;
/// Store this secret (`as.store`) so that it survives a power cut; answered by `enos_engine_stored`, link or no link.
pub const ENOS_ENGINE_STORE: i32 = 3;
/// Close the link or give the dial up; confirmed by `enos_engine_link_down`.
pub const ENOS_ENGINE_HANG_UP: i32 = 4;
/// Nothing more until something comes, or until this moment (`as.wait`). Always last.
pub const ENOS_ENGINE_WAIT: i32 = 5;
/// A dial begins; an activation and the sign-in that follows it are one. This and higher tags only tell: a program may
/// pass over those that it does not know.
pub const ENOS_ENGINE_CONNECTING: i32 = 64;
/// Signed in: posts flow and commands arrive.
pub const ENOS_ENGINE_ONLINE: i32 = 65;
/// The attempt failed (`as.failure`).
pub const ENOS_ENGINE_CONNECT_FAILED: i32 = 66;
/// The connection is gone (`as.failure`); `ENOS_ERR_CLOSED` if it was asked for.
pub const ENOS_ENGINE_OFFLINE: i32 = 67;
/// The engine was closed; nothing follows.
pub const ENOS_ENGINE_CLOSED: i32 = 68;
/// The device received its own secret, and it is stored.
pub const ENOS_ENGINE_ACTIVATED: i32 = 69;
/// A request is over (`as.settled`); each accepted post gets exactly one of these.
pub const ENOS_ENGINE_SETTLED: i32 = 70;
/// A command for a registered handler (`as.command`); answered by `enos_engine_reply`, now or later.
pub const ENOS_ENGINE_COMMAND: i32 = 71;
/// Something that somebody should look at (`as.warning`); the engine goes on. `enos_engine_message` says what.
pub const ENOS_ENGINE_WARNING: i32 = 72;
/// Something that this header does not name yet.
pub const ENOS_ENGINE_OTHER_EVENT: i32 = 127;

/// MQTT over TCP, in clear.
pub const ENOS_ENGINE_TCP: i32 = 1;
/// MQTT over TLS, which the program does.
pub const ENOS_ENGINE_SSL: i32 = 2;

/// Where to connect to.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct enos_engine_dial_t {
    /// Host name or address.
    pub host: enos_str_t,
    /// Port.
    pub port: u32,
    /// `ENOS_ENGINE_TCP` or `ENOS_ENGINE_SSL`.
    pub scheme: i32,
}

/// Bytes for the link.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct enos_engine_transmit_t {
    /// The first.
    pub ptr: *const u8,
    /// How many; at least 1.
    pub len: usize,
}

/// A device secret to be stored.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct enos_engine_store_t {
    /// The product's key.
    pub product_key: enos_str_t,
    /// The device's key.
    pub device_key: enos_str_t,
    /// The device's own secret.
    pub device_secret: enos_str_t,
}

/// When to call again.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct enos_engine_wait_t {
    /// The moment on the clock of `mono_ms`; `ENOS_ENGINE_NEVER`: not by itself.
    pub until_ms: u64,
}

/// Why there is no connection.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct enos_engine_failure_t {
    /// The kind. `enos_engine_message` gives the text.
    pub status: enos_status_t,
    /// 1 if the engine dials again by itself, else 0.
    pub will_retry: i32,
    /// The hub's code as it was sent; 0 where the hub said nothing.
    pub hub_code: i64,
    /// After so many milliseconds it dials again; 0 where it does not or the event does not tell.
    pub retry_in_ms: u32,
    /// Zero.
    pub reserved: u32,
}

/// How a request ended.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct enos_engine_settled_t {
    /// Its number, as the call gave it.
    pub request: u32,
    /// `ENOS_OK`: the hub has accepted it. `enos_engine_message` gives the text of anything else.
    pub status: enos_status_t,
    /// The hub's code as it was sent; 0 where the hub said nothing.
    pub hub_code: i64,
    /// The reply's `data` as JSON text; empty if it was absent, null or `""`.
    pub data: enos_str_t,
    /// The hub's words where it refused: the inside of a JSON string, escapes as sent. May be empty.
    pub message: enos_str_t,
}

/// A command of the hub.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct enos_engine_command_t {
    /// For the reply.
    pub call: u32,
    /// Who is meant; `ENOS_ENGINE_ROOT`.
    pub device: u32,
    /// `ENOS_INVOCATION_…`.
    pub kind: i32,
    /// Zero.
    pub reserved: u32,
    /// The service's identifier; empty for measurepoints.
    pub service: enos_str_t,
    /// The parameters as JSON text, checked to be valid.
    pub params: enos_str_t,
}

/// Something to look at.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct enos_engine_warning_t {
    /// The kind of error that it comes close to: `ENOS_ERR_…`. `enos_engine_message` gives the text.
    pub status: enos_status_t,
    /// Milliseconds, bytes or a count, as the text says; 0 where it says none.
    pub number: u32,
}

/// What belongs to a tag.
#[repr(C)]
#[derive(Clone, Copy)]
pub union enos_engine_as_t {
    /// `ENOS_ENGINE_DIAL`.
    pub dial: enos_engine_dial_t,
    /// `ENOS_ENGINE_TRANSMIT`.
    pub transmit: enos_engine_transmit_t,
    /// `ENOS_ENGINE_STORE`.
    pub store: enos_engine_store_t,
    /// `ENOS_ENGINE_WAIT`.
    pub wait: enos_engine_wait_t,
    /// `ENOS_ENGINE_CONNECT_FAILED`, `ENOS_ENGINE_OFFLINE`.
    pub failure: enos_engine_failure_t,
    /// `ENOS_ENGINE_SETTLED`.
    pub settled: enos_engine_settled_t,
    /// `ENOS_ENGINE_COMMAND`.
    pub command: enos_engine_command_t,
    /// `ENOS_ENGINE_WARNING`.
    pub warning: enos_engine_warning_t,
    /// Room for what later versions tell: the size stays.
    pub reserved: [u64; 12],
}

/// One output. What it points to is lent by the engine until the next call with it.
#[repr(C)]
pub struct enos_engine_output_t {
    /// `sizeof(enos_engine_output_t)` of the program; `enos_engine_output_init` sets it.
    pub size: u32,
    /// `ENOS_ENGINE_…`: what it is.
    pub tag: i32,
    /// What belongs to the tag; zero where nothing does.
    pub r#as: enos_engine_as_t,
}

const NOTHING: enos_engine_as_t = enos_engine_as_t { reserved: [0; 12] };

/// Makes an output ready: its size, and nothing in it. Once is enough. NULL is ignored.
///
/// @threads any
/// @blocking no
#[unsafe(no_mangle)]
pub unsafe extern "C" fn enos_engine_output_init(output: *mut enos_engine_output_t) {
    if !output.is_null() {
        let size = size_of::<enos_engine_output_t>() as u32;
        // SAFETY: not NULL, and the caller gives room for the struct.
        unsafe { output.write(enos_engine_output_t { size, tag: 0, r#as: NOTHING }) };
    }
}

/// What is to be done or told next. To be called after each other call with the engine, until it gives
/// `ENOS_ENGINE_WAIT`; where the link takes no byte of a `ENOS_ENGINE_TRANSMIT`, the program may stop, and go on once the
/// link takes more or `enos_engine_deadline` is reached.
///
/// What `*output` points to is lent until the next call with this engine. A command may be answered there and then, from the
/// program's own memory. Fails only on wrong arguments.
///
/// @threads owner
/// @blocking no
#[unsafe(no_mangle)]
pub unsafe extern "C" fn enos_engine_poll_output(
    engine: *mut enos_engine_t,
    now: *const enos_engine_now_t,
    output: *mut enos_engine_output_t,
) -> enos_status_t {
    // SAFETY: the caller's pointers.
    unsafe {
        enos_engine_t::run(engine, |engine| {
            if output.is_null() {
                return Err(Misuse::Null("output").into());
            }
            // The first field says how much of it the program has.
            if ((&raw const (*output).size).read() as usize) < size_of::<enos_engine_output_t>() {
                return Err(Misuse::Size("output").into());
            }
            let enos_engine_t { engine, last, .. } = engine;
            let (tag, inner) = tell(engine.poll_output(moment(now)?), last);
            (&raw mut (*output).tag).write(tag);
            (&raw mut (*output).r#as).write(inner);
            Ok(())
        })
    }
}

/// The moment at which the engine has something to do by itself, on the clock of `mono_ms`; `ENOS_ENGINE_NEVER` if there is
/// none, or no engine.
///
/// @threads owner
/// @blocking no
#[unsafe(no_mangle)]
pub unsafe extern "C" fn enos_engine_deadline(engine: *const enos_engine_t) -> u64 {
    // SAFETY: the caller's engine, which is only read.
    let engine = unsafe { enos_engine_t::alive(engine.cast_mut()) };
    engine.ok().and_then(|engine| engine.engine.deadline()).unwrap_or(ENOS_ENGINE_NEVER)
}

fn tell(output: Output<'_>, last: &mut Last) -> (i32, enos_engine_as_t) {
    match output {
        Output::Dial(dial) => {
            let scheme = match dial.scheme {
                Scheme::Tcp => ENOS_ENGINE_TCP,
                Scheme::Ssl => ENOS_ENGINE_SSL,
                // Hub::parse gives no other.
                _ => 0,
            };
            let dial =
                enos_engine_dial_t { host: enos_str_t::lend(dial.host), port: dial.port.into(), scheme };
            (ENOS_ENGINE_DIAL, enos_engine_as_t { dial })
        }
        Output::Transmit(bytes) => {
            let transmit = enos_engine_transmit_t { ptr: bytes.as_ptr(), len: bytes.len() };
            (ENOS_ENGINE_TRANSMIT, enos_engine_as_t { transmit })
        }
        Output::Store(record) => {
            let store = enos_engine_store_t {
                product_key: enos_str_t::lend(record.product_key),
                device_key: enos_str_t::lend(record.device_key),
                device_secret: enos_str_t::lend(record.device_secret),
            };
            (ENOS_ENGINE_STORE, enos_engine_as_t { store })
        }
        Output::HangUp => (ENOS_ENGINE_HANG_UP, NOTHING),
        Output::Event(event) => tell_event(event, last),
        Output::Wait(until) => {
            let wait = enos_engine_wait_t { until_ms: until.unwrap_or(ENOS_ENGINE_NEVER) };
            (ENOS_ENGINE_WAIT, enos_engine_as_t { wait })
        }
    }
}

fn tell_event(event: Event<'_>, last: &mut Last) -> (i32, enos_engine_as_t) {
    match event {
        Event::Connecting => (ENOS_ENGINE_CONNECTING, NOTHING),
        Event::Online => (ENOS_ENGINE_ONLINE, NOTHING),
        Event::ConnectFailed { error, retry_in_ms } => {
            let failure = failure(error, retry_in_ms.is_some(), retry_in_ms.unwrap_or(0), last);
            (ENOS_ENGINE_CONNECT_FAILED, failure)
        }
        Event::Offline { reason, will_retry } => (ENOS_ENGINE_OFFLINE, failure(reason, will_retry, 0, last)),
        Event::Closed => (ENOS_ENGINE_CLOSED, NOTHING),
        Event::Activated => (ENOS_ENGINE_ACTIVATED, NOTHING),
        Event::Settled { request, outcome } => {
            let (status, hub_code, data, message) = match outcome {
                Outcome::Acknowledged { data } => (ENOS_OK, 0, data, ""),
                Outcome::Rejected { error, message } => (keep(error, last), error.hub_code, &[][..], message),
                Outcome::Failed(error) => (keep(error, last), error.hub_code, &[][..], ""),
                // What the core may tell one day is no success that this header knows.
                _ => (status_of(ErrorKind::Internal), 0, &[][..], ""),
            };
            let settled = enos_engine_settled_t {
                request: request.0,
                status,
                hub_code,
                data: enos_str_t::lend_bytes(data),
                message: enos_str_t::lend(message),
            };
            (ENOS_ENGINE_SETTLED, enos_engine_as_t { settled })
        }
        Event::Command(command) => {
            let (kind, service) = match command.kind {
                CommandKind::Service(id) => (ENOS_INVOCATION_SERVICE, id),
                CommandKind::MeasurepointSet => (ENOS_INVOCATION_MEASUREPOINT_SET, ""),
                CommandKind::MeasurepointGet => (ENOS_INVOCATION_MEASUREPOINT_GET, ""),
                _ => (ENOS_INVOCATION_OTHER, ""),
            };
            let command = enos_engine_command_t {
                call: command.call.0,
                device: command.device.0,
                kind,
                reserved: 0,
                service: enos_str_t::lend(service),
                params: enos_str_t::lend_bytes(command.params),
            };
            (ENOS_ENGINE_COMMAND, enos_engine_as_t { command })
        }
        Event::Warning(warning) => {
            *last = Last::Warning(warning);
            let (kind, number) = of_warning(warning);
            let warning = enos_engine_warning_t { status: status_of(kind), number };
            (ENOS_ENGINE_WARNING, enos_engine_as_t { warning })
        }
        _ => (ENOS_ENGINE_OTHER_EVENT, NOTHING),
    }
}

fn failure(error: Error, will_retry: bool, retry_in_ms: u32, last: &mut Last) -> enos_engine_as_t {
    let failure = enos_engine_failure_t {
        status: keep(error, last),
        will_retry: will_retry.into(),
        hub_code: error.hub_code,
        retry_in_ms,
        reserved: 0,
    };
    enos_engine_as_t { failure }
}

/// Keeps an error for those who ask for its text; its number.
fn keep(error: Error, last: &mut Last) -> enos_status_t {
    *last = Last::Error(error);
    status_of(error.kind)
}

fn of_warning(warning: Warning) -> (ErrorKind, u32) {
    match warning {
        Warning::SubscriptionRefused(filters) => (ErrorKind::NotAuthorized, filters.into()),
        Warning::Oversize(bytes) => (ErrorKind::PayloadTooLarge, bytes),
        Warning::UnknownTopic | Warning::StrayReply => (ErrorKind::UnexpectedPacket, 0),
        Warning::MalformedMessage => (ErrorKind::Malformed, 0),
        Warning::DialDelayed(ms) => (ErrorKind::RateLimited, ms),
        Warning::StoreFailed(ms) => (ErrorKind::StorageFailed, ms),
        Warning::CallsFull => (ErrorKind::QueueFull, 0),
        _ => (ErrorKind::Internal, 0),
    }
}
