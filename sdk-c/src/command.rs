//! Commands across the border: what is asked, and the handler's registration.

use crate::boundary::{Broken, answer, give, take};
use crate::device::enos_device_t;
use crate::responder::enos_responder_t;
use crate::text::enos_str_t;
use crate::user::User;
use enos_runtime::{Invocation, InvocationKind, Registration, Responder};
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
        let reply = give(enos_responder_t::new(responder));
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
