//! Answers to commands across the border: at once, later, and without waiting.

use crate::boundary::{answer, run, take};
use crate::client::{enos_done_fn, teller};
use crate::error::{enos_error_t, enos_status_t};
use crate::text::{ReadText as _, enos_str_t, invalid};
use crate::value::{enos_point_t, with_fields};
use enos_runtime::{AnswerData, Error, Responder};
use std::ffi::c_void;

/// The right and the duty to answer a command: now or later, from any thread. Each function that takes one consumes it,
/// whatever it returns. One that could not answer, and `enos_responder_free`, answer with the failure 1102.
pub struct enos_responder_t(Responder);

impl enos_responder_t {
    pub(crate) fn new(responder: Responder) -> Self {
        Self(responder)
    }
}

/// Answers with a code of the device (200 is done, own ones from 2000 on), and outputs as the text of a JSON object;
/// empty for none. Consumes `reply`.
///
/// Waits for room while the queue is full, 10 s at the most. Fails with `ENOS_ERR_LINK_LOST` if there is no connection to
/// carry it: the hub has given the command up then. A failure is logged too, so it may be ignored.
///
/// @threads any
/// @blocking yes
/// @callback-safe yes
#[unsafe(no_mangle)]
pub unsafe extern "C" fn enos_responder_reply(
    reply: *mut enos_responder_t,
    code: i32,
    json: enos_str_t,
    err: *mut enos_error_t,
) -> enos_status_t {
    // SAFETY: the caller's pointers; `reply` is given up.
    unsafe { enos_responder_answer(reply, code, json, enos_str_t::EMPTY, err) }
}

/// As `enos_responder_reply`, with outputs as named values; a field is a point whose quality counts for nothing.
///
/// @threads any
/// @blocking yes
/// @callback-safe yes
#[unsafe(no_mangle)]
pub unsafe extern "C" fn enos_responder_reply_values(
    reply: *mut enos_responder_t,
    code: i32,
    outputs: *const enos_point_t,
    count: usize,
    err: *mut enos_error_t,
) -> enos_status_t {
    // SAFETY: the caller's pointers; `reply` is given up, the outputs are borrowed for the call.
    unsafe {
        let taken = taken(reply);
        run(err, || {
            let responder = taken?;
            with_fields(outputs, count, |outputs| {
                let data = if outputs.is_empty() { AnswerData::Empty } else { AnswerData::Values(outputs) };
                responder.answer(code, data, "")
            })
        })
    }
}

/// Not done: a code of the device (from 2000 on), and a text for people. Consumes `reply`; as `enos_responder_reply`.
///
/// @threads any
/// @blocking yes
/// @callback-safe yes
#[unsafe(no_mangle)]
pub unsafe extern "C" fn enos_responder_fail(
    reply: *mut enos_responder_t,
    code: i32,
    message: enos_str_t,
    err: *mut enos_error_t,
) -> enos_status_t {
    // SAFETY: the caller's pointers; `reply` is given up.
    unsafe { enos_responder_answer(reply, code, enos_str_t::EMPTY, message, err) }
}

/// Any answer: code, outputs as the text of a JSON object (empty for none), and a text for people. Consumes `reply`; as
/// `enos_responder_reply`.
///
/// @threads any
/// @blocking yes
/// @callback-safe yes
#[unsafe(no_mangle)]
pub unsafe extern "C" fn enos_responder_answer(
    reply: *mut enos_responder_t,
    code: i32,
    json: enos_str_t,
    message: enos_str_t,
    err: *mut enos_error_t,
) -> enos_status_t {
    // SAFETY: the caller's pointers; `reply` is given up, the texts are borrowed for the call.
    unsafe {
        let taken = taken(reply);
        run(err, || {
            let responder = taken?;
            let (json, message) = (json.read("json")?, message.read("message")?);
            let data = if json.is_empty() { AnswerData::Empty } else { AnswerData::Json(json) };
            responder.answer(code, data, message)
        })
    }
}

/// As `enos_responder_reply`, without waiting. Consumes `reply`, whatever it returns.
///
/// If it returns `ENOS_OK`, `done` is told once, on a callback thread: `ENOS_OK` when the answer has found its place in the
/// queue, `ENOS_ERR_QUEUE_FULL` if there was none for 10 s, `ENOS_ERR_LINK_LOST` or `ENOS_ERR_CLOSED` if there is nobody to
/// carry it any more; otherwise never. `done` may be NULL. The texts are read before this returns.
///
/// @threads any
/// @blocking no
/// @callback-safe yes
#[unsafe(no_mangle)]
pub unsafe extern "C" fn enos_responder_reply_async(
    reply: *mut enos_responder_t,
    code: i32,
    json: enos_str_t,
    done: enos_done_fn,
    user: *mut c_void,
    err: *mut enos_error_t,
) -> enos_status_t {
    // SAFETY: the caller's pointers; `reply` is given up.
    unsafe { enos_responder_answer_async(reply, code, json, enos_str_t::EMPTY, done, user, err) }
}

/// As `enos_responder_reply_values`, without waiting; `done` as for `enos_responder_reply_async`.
///
/// @threads any
/// @blocking no
/// @callback-safe yes
#[unsafe(no_mangle)]
pub unsafe extern "C" fn enos_responder_reply_values_async(
    reply: *mut enos_responder_t,
    code: i32,
    outputs: *const enos_point_t,
    count: usize,
    done: enos_done_fn,
    user: *mut c_void,
    err: *mut enos_error_t,
) -> enos_status_t {
    let told = teller(done, user);
    // SAFETY: the caller's pointers; `reply` is given up, the outputs are borrowed for the call.
    unsafe {
        let taken = taken(reply);
        run(err, || {
            let responder = taken?;
            with_fields(outputs, count, |outputs| {
                let data = if outputs.is_empty() { AnswerData::Empty } else { AnswerData::Values(outputs) };
                responder.submit_answer(code, data, "", told)
            })
        })
    }
}

/// As `enos_responder_fail`, without waiting; `done` as for `enos_responder_reply_async`.
///
/// @threads any
/// @blocking no
/// @callback-safe yes
#[unsafe(no_mangle)]
pub unsafe extern "C" fn enos_responder_fail_async(
    reply: *mut enos_responder_t,
    code: i32,
    message: enos_str_t,
    done: enos_done_fn,
    user: *mut c_void,
    err: *mut enos_error_t,
) -> enos_status_t {
    // SAFETY: the caller's pointers; `reply` is given up.
    unsafe { enos_responder_answer_async(reply, code, enos_str_t::EMPTY, message, done, user, err) }
}

/// As `enos_responder_answer`, without waiting; `done` as for `enos_responder_reply_async`.
///
/// @threads any
/// @blocking no
/// @callback-safe yes
#[unsafe(no_mangle)]
pub unsafe extern "C" fn enos_responder_answer_async(
    reply: *mut enos_responder_t,
    code: i32,
    json: enos_str_t,
    message: enos_str_t,
    done: enos_done_fn,
    user: *mut c_void,
    err: *mut enos_error_t,
) -> enos_status_t {
    let told = teller(done, user);
    // SAFETY: the caller's pointers; `reply` is given up, the texts are borrowed for the call.
    unsafe {
        let taken = taken(reply);
        run(err, || {
            let responder = taken?;
            let (json, message) = (json.read("json")?, message.read("message")?);
            let data = if json.is_empty() { AnswerData::Empty } else { AnswerData::Json(json) };
            responder.submit_answer(code, data, message, told)
        })
    }
}

/// Lets a command go without an answer of its own: the client answers 1102. NULL is fine.
///
/// @threads any
/// @blocking no
/// @callback-safe yes
#[unsafe(no_mangle)]
pub unsafe extern "C" fn enos_responder_free(reply: *mut enos_responder_t) {
    // SAFETY: the caller gives the handle up.
    answer((), || unsafe { take(reply) }.map(drop));
}

/// # Safety
/// `reply` is NULL, or the caller's and given up.
unsafe fn taken(reply: *mut enos_responder_t) -> Result<Responder, Error> {
    // SAFETY: the caller's promise is the same.
    match unsafe { take(reply) } {
        Some(reply) => Ok(reply.0),
        None => Err(invalid("reply is NULL. Give the responder that came with the command.")),
    }
}
