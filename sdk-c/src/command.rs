//! Commands across the border: what is asked, the answer to it, and the handler's registration.

use crate::boundary::{Broken, answer, give, run, take};
use crate::device::enos_device_t;
use crate::error::{enos_error_t, enos_status_t};
use crate::text::{enos_str_t, invalid};
use crate::user::User;
use crate::value::{enos_point_t, with_fields};
use enos_runtime::{AnswerData, Error, Invocation, InvocationKind, Registration, Responder};
use std::ffi::c_void;
use std::sync::Arc;

/// A kind that this header does not name yet.
pub const ENOS_INVOCATION_OTHER: i32 = 0;
/// Invoke a service.
pub const ENOS_INVOCATION_SERVICE: i32 = 1;
/// Set measurepoints; the parameters are the points by identifier.
pub const ENOS_INVOCATION_MEASUREPOINT_SET: i32 = 2;
/// Read measurepoints; the parameters name them.
pub const ENOS_INVOCATION_MEASUREPOINT_GET: i32 = 3;

/// A command of the hub; the SDK's, for the time of the callback.
pub struct enos_invocation_t {
    invocation: Invocation,
    device: enos_device_t,
}

/// The right and the duty to answer a command: now or later, from any thread. Each function that takes one consumes it,
/// whatever it returns. One that could not answer, and `enos_responder_free`, answer with the failure 1102.
pub struct enos_responder_t(Responder);

/// A handler that was registered.
pub struct enos_registration_t(Registration);

/// Handles a command, on a callback thread. `call` is lent for the time of the callback; `reply` is the program's to answer.
///
/// It may block and may call anything here, `enos_client_close` and `enos_client_free` too. A C++ exception must not leave
/// it: the process would end.
pub type enos_command_fn = Option<
    unsafe extern "C-unwind" fn(
        user: *mut c_void,
        call: *const enos_invocation_t,
        reply: *mut enos_responder_t,
    ),
>;

/// The program's function as a handler of the runtime.
pub(crate) fn handler(
    function: unsafe extern "C-unwind" fn(*mut c_void, *const enos_invocation_t, *mut enos_responder_t),
    user: Arc<User>,
    broken: Broken,
) -> Box<dyn Fn(Invocation, Responder) + Send + Sync> {
    Box::new(move |invocation, responder| {
        let device = enos_device_t::new(invocation.device().clone(), broken.clone());
        let call = enos_invocation_t { invocation, device };
        let reply = give(enos_responder_t(responder));
        // SAFETY: the program gave function and user together for this; `call` lives during it, and `reply` is given away.
        unsafe { function(user.pointer(), &call, reply) };
    })
}

/// What is asked for: `ENOS_INVOCATION_…`.
///
/// @threads any
/// @blocking no
/// @callback-safe yes
#[unsafe(no_mangle)]
pub unsafe extern "C" fn enos_invocation_kind(call: *const enos_invocation_t) -> i32 {
    answer(ENOS_INVOCATION_OTHER, || {
        // SAFETY: `call` is NULL or lent to the caller.
        Some(match unsafe { call.as_ref()? }.invocation.kind() {
            InvocationKind::Service => ENOS_INVOCATION_SERVICE,
            InvocationKind::MeasurepointSet => ENOS_INVOCATION_MEASUREPOINT_SET,
            InvocationKind::MeasurepointGet => ENOS_INVOCATION_MEASUREPOINT_GET,
            _ => ENOS_INVOCATION_OTHER,
        })
    })
}

/// The service's identifier; empty for measurepoints. Lent: it lives as long as the call.
///
/// @threads any
/// @blocking no
/// @callback-safe yes
#[unsafe(no_mangle)]
pub unsafe extern "C" fn enos_invocation_identifier(call: *const enos_invocation_t) -> enos_str_t {
    // SAFETY: `call` is NULL or lent to the caller.
    answer(enos_str_t::EMPTY, || Some(enos_str_t::lend(unsafe { call.as_ref()? }.invocation.identifier())))
}

/// The parameters as JSON text. Lent: it lives as long as the call.
///
/// @threads any
/// @blocking no
/// @callback-safe yes
#[unsafe(no_mangle)]
pub unsafe extern "C" fn enos_invocation_params(call: *const enos_invocation_t) -> enos_str_t {
    // SAFETY: `call` is NULL or lent to the caller.
    answer(enos_str_t::EMPTY, || Some(enos_str_t::lend(unsafe { call.as_ref()? }.invocation.params())))
}

/// Who is meant. Borrowed: it lives as long as the call. NULL for NULL.
///
/// @threads any
/// @blocking no
/// @callback-safe yes
#[unsafe(no_mangle)]
pub unsafe extern "C" fn enos_invocation_device(call: *const enos_invocation_t) -> *mut enos_device_t {
    // SAFETY: `call` is NULL or lent to the caller.
    answer(std::ptr::null_mut(), || unsafe { call.as_ref() }.map(|call| (&raw const call.device).cast_mut()))
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

impl enos_registration_t {
    /// The place of a registration, which may be NULL, set to NULL first.
    ///
    /// # Safety
    /// `out` is NULL or may be written.
    pub(crate) unsafe fn place(out: *mut *mut Self) -> *mut *mut Self {
        if !out.is_null() {
            // SAFETY: not NULL, and the caller promises the rest.
            unsafe { out.write(std::ptr::null_mut()) };
        }
        out
    }

    /// Gives it out if it is wanted; otherwise the handler just stays.
    ///
    /// # Safety
    /// As [`place`](Self::place).
    pub(crate) unsafe fn give(registration: Registration, out: *mut *mut Self) {
        if !out.is_null() {
            // SAFETY: not NULL, and the caller promises the rest.
            unsafe { out.write(give(Self(registration))) };
        }
    }
}

/// Takes the handler away, unless another has taken its place, and frees the registration. A call that runs goes on. NULL
/// is fine.
///
/// @threads any
/// @blocking no
/// @callback-safe yes
#[unsafe(no_mangle)]
pub unsafe extern "C" fn enos_registration_close(registration: *mut enos_registration_t) {
    answer((), || {
        // SAFETY: the caller gives the handle up.
        unsafe { take(registration)? }.0.close();
        Some(())
    });
}

/// Frees the registration and leaves the handler where it is, until the client is closed. NULL is fine.
///
/// @threads any
/// @blocking no
/// @callback-safe yes
#[unsafe(no_mangle)]
pub unsafe extern "C" fn enos_registration_free(registration: *mut enos_registration_t) {
    // SAFETY: the caller gives the handle up.
    answer((), || unsafe { take(registration) }.map(drop));
}
