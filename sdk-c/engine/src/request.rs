//! What the program asks of the engine.

use crate::engine::{Refusal, enos_engine_now_t, enos_engine_t, moment};
use crate::status::{Misuse, enos_status_t};
use crate::value::{enos_point_t, read_points};
use enos_border::enos_str_t;
use enos_core::engine::{Answer, AnswerData, CallId, CommandKind, DeviceIx, Request};
use enos_core::json::MAX_DEPTH;

/// The connection's own device: for `device`.
pub const ENOS_ENGINE_ROOT: u32 = 0;
/// Without an end: for `timeout_ms` of `enos_engine_connect`.
pub const ENOS_ENGINE_FOREVER: u32 = u32::MAX;

/// A kind that this header does not name yet.
pub const ENOS_INVOCATION_OTHER: i32 = 0;
/// Invoke a service.
pub const ENOS_INVOCATION_SERVICE: i32 = 1;
/// Set measurepoints; the parameters are the points by identifier.
pub const ENOS_INVOCATION_MEASUREPOINT_SET: i32 = 2;
/// Read measurepoints; the parameters name them.
pub const ENOS_INVOCATION_MEASUREPOINT_GET: i32 = 3;

/// Measured now, as `enos.h` says it.
const TIME_NOW: i64 = i64::MIN;

/// # Safety
/// The pointers of the exports.
unsafe fn ask(
    engine: *mut enos_engine_t,
    now: *const enos_engine_now_t,
    request: Request<'_>,
) -> enos_status_t {
    // SAFETY: the caller's promise is the same.
    unsafe {
        enos_engine_t::run(engine, |engine| {
            engine.engine.request(moment(now)?, request)?;
            Ok(())
        })
    }
}

/// Signs in and stays signed in. Without `ENOS_ENGINE_ONLINE` within the time, or on what retrying cannot cure, the engine
/// stops with `ENOS_ENGINE_CONNECT_FAILED` and `will_retry` 0; once online it heals every loss by itself.
///
/// @threads owner
/// @blocking no
#[unsafe(no_mangle)]
pub unsafe extern "C" fn enos_engine_connect(
    engine: *mut enos_engine_t,
    now: *const enos_engine_now_t,
    timeout_ms: u32,
) -> enos_status_t {
    let timeout_ms = (timeout_ms != ENOS_ENGINE_FOREVER).then_some(timeout_ms);
    // SAFETY: the caller's pointers.
    unsafe { ask(engine, now, Request::Connect { timeout_ms }) }
}

/// Takes nothing new, lets what is open settle within the time, signs off, and ends with `ENOS_ENGINE_CLOSED`.
///
/// @threads owner
/// @blocking no
#[unsafe(no_mangle)]
pub unsafe extern "C" fn enos_engine_close(
    engine: *mut enos_engine_t,
    now: *const enos_engine_now_t,
    timeout_ms: u32,
) -> enos_status_t {
    // SAFETY: the caller's pointers.
    unsafe { ask(engine, now, Request::Close { timeout_ms }) }
}

/// Posts points of one moment: `time_ms` is milliseconds since 1970, or `ENOS_TIME_NOW`. `*request` gets the number that
/// `ENOS_ENGINE_SETTLED` will tell exactly once; it may be NULL.
///
/// The points are read before this returns. Without a connection the post waits, and a lost one sends it again, with the same
/// number and time. Fails with `ENOS_ERR_QUEUE_FULL` while there is no room, with `ENOS_ERR_PAYLOAD_TOO_LARGE` if there never
/// will be, or if points, items and fields are more than `limit_values`; then nothing is kept of it.
///
/// @threads owner
/// @blocking no
#[unsafe(no_mangle)]
pub unsafe extern "C" fn enos_engine_post_measurepoints(
    engine: *mut enos_engine_t,
    now: *const enos_engine_now_t,
    device: u32,
    points: *const enos_point_t,
    count: usize,
    time_ms: i64,
    timeout_ms: u32,
    request: *mut u32,
) -> enos_status_t {
    // SAFETY: the caller's pointers; the points and what they point to are borrowed for the call.
    unsafe {
        enos_engine_t::run(engine, |engine| {
            let now = moment(now)?;
            let time_ms = match time_ms {
                TIME_NOW => None,
                time => Some(u64::try_from(time).map_err(|_| Misuse::Number("time_ms"))?),
            };
            let (mut reader, engine) = engine.reader();
            let points = read_points(&mut reader, points, count)?;
            let post = Request::PostMeasurepoints { device: DeviceIx(device), points, time_ms, timeout_ms };
            let id = engine.request(now, post)?;
            if !request.is_null() {
                request.write(id.0);
            }
            Ok::<(), Refusal>(())
        })
    }
}

/// Answers a command, now or later: a code of the device (200 is done, own ones from 2000 on), the outputs as the text of a
/// JSON object (empty for none), a text for people (may be empty).
///
/// Neither text may point into the command itself, which the engine lent: pass a copy. Fails with `ENOS_ERR_LINK_LOST` if
/// there is no connection to carry it; the command is over then. Otherwise a refused answer leaves it open.
///
/// @threads owner
/// @blocking no
#[unsafe(no_mangle)]
pub unsafe extern "C" fn enos_engine_reply(
    engine: *mut enos_engine_t,
    now: *const enos_engine_now_t,
    call: u32,
    code: i32,
    json: enos_str_t,
    message: enos_str_t,
) -> enos_status_t {
    // SAFETY: the caller's pointers; the texts are borrowed for the call.
    unsafe {
        enos_engine_t::run(engine, |engine| {
            let now = moment(now)?;
            let json = engine.text(json, "json")?;
            let data = if json.is_empty() { AnswerData::Empty } else { AnswerData::Json(json) };
            let answer = Answer { code, data, message: engine.text(message, "message")? };
            engine.engine.request(now, Request::Answer { call: CallId(call), answer })?;
            Ok(())
        })
    }
}

/// As `enos_engine_reply`, with outputs as named values; a field is a point whose quality counts for nothing.
///
/// @threads owner
/// @blocking no
#[unsafe(no_mangle)]
pub unsafe extern "C" fn enos_engine_reply_values(
    engine: *mut enos_engine_t,
    now: *const enos_engine_now_t,
    call: u32,
    code: i32,
    outputs: *const enos_point_t,
    count: usize,
    message: enos_str_t,
) -> enos_status_t {
    // SAFETY: the caller's pointers; outputs and text are borrowed for the call.
    unsafe {
        enos_engine_t::run(engine, |engine| {
            let now = moment(now)?;
            let message = engine.text(message, "message")?;
            let (mut reader, engine) = engine.reader();
            let data = AnswerData::Values(reader.fields(outputs, count, MAX_DEPTH)?);
            let answer = Answer { code, data, message };
            engine.request(now, Request::Answer { call: CallId(call), answer })?;
            Ok(())
        })
    }
}

/// Takes commands of this kind (`ENOS_INVOCATION_…`) from now on: each comes as `ENOS_ENGINE_COMMAND`. `service` is the
/// service's identifier; it counts for `ENOS_INVOCATION_SERVICE` only. Commands that nobody takes are answered with 1101.
///
/// Fails with `ENOS_ERR_QUEUE_FULL` if `limit_handlers` or `limit_names` has no room for it.
///
/// @threads owner
/// @blocking no
#[unsafe(no_mangle)]
pub unsafe extern "C" fn enos_engine_handle(
    engine: *mut enos_engine_t,
    now: *const enos_engine_now_t,
    device: u32,
    kind: i32,
    service: enos_str_t,
) -> enos_status_t {
    // SAFETY: the caller's pointers; the text is borrowed for the call.
    unsafe {
        enos_engine_t::run(engine, |engine| {
            let (now, kind) = (moment(now)?, kind_of(engine, kind, service)?);
            engine.engine.request(now, Request::Handle { device: DeviceIx(device), kind })?;
            Ok(())
        })
    }
}

/// No longer takes commands of this kind; those that came may still be answered.
///
/// @threads owner
/// @blocking no
#[unsafe(no_mangle)]
pub unsafe extern "C" fn enos_engine_unhandle(
    engine: *mut enos_engine_t,
    now: *const enos_engine_now_t,
    device: u32,
    kind: i32,
    service: enos_str_t,
) -> enos_status_t {
    // SAFETY: the caller's pointers; the text is borrowed for the call.
    unsafe {
        enos_engine_t::run(engine, |engine| {
            let (now, kind) = (moment(now)?, kind_of(engine, kind, service)?);
            engine.engine.request(now, Request::Unhandle { device: DeviceIx(device), kind })?;
            Ok(())
        })
    }
}

/// # Safety
/// The text stays and does not change for `'a`.
unsafe fn kind_of<'a>(
    engine: &enos_engine_t,
    kind: i32,
    service: enos_str_t,
) -> Result<CommandKind<'a>, Misuse> {
    Ok(match kind {
        // SAFETY: the caller's promise is the same.
        ENOS_INVOCATION_SERVICE => CommandKind::Service(unsafe { engine.text(service, "service")? }),
        ENOS_INVOCATION_MEASUREPOINT_SET => CommandKind::MeasurepointSet,
        ENOS_INVOCATION_MEASUREPOINT_GET => CommandKind::MeasurepointGet,
        _ => return Err(Misuse::Number("kind")),
    })
}
