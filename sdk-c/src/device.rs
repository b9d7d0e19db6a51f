//! A device's verbs across the border: posting measurepoints, taking commands.

use crate::boundary::{Broken, answer, borrow, run};
use crate::client::{enos_done_fn, teller};
use crate::command::{enos_command_fn, enos_registration_t, handler};
use crate::error::{enos_error_t, enos_status_t};
use crate::text::{ReadText as _, enos_str_t, invalid};
use crate::user::{User, enos_drop_fn};
use crate::value::{enos_point_t, with_points};
use enos_runtime::{Delivery, Device, Error, Invocation, PostOptions, Registration, Responder};
use std::ffi::c_void;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// A device of a client. Borrowed, never freed by the program.
pub struct enos_device_t {
    device: Device,
    broken: Broken,
}

/// Measured now.
///
/// cbindgen:ignore
pub const ENOS_TIME_NOW: i64 = i64::MIN;

/// A fate that this header does not name yet.
pub const ENOS_DELIVERY_OTHER: i32 = 0;
/// The hub has accepted it.
pub const ENOS_DELIVERY_ACKNOWLEDGED: i32 = 1;
/// It was taken, and the caller did not wait: sent as soon as there is a connection, and again after a lost one.
pub const ENOS_DELIVERY_QUEUED: i32 = 2;

/// The fate of a post.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct enos_delivery_t {
    /// `ENOS_DELIVERY_…`.
    pub fate: i32,
    /// The request's number.
    pub request: u32,
}

impl enos_delivery_t {
    /// # Safety
    /// `out` is NULL or may be written.
    unsafe fn write(out: *mut Self, delivery: Delivery) {
        let delivery = match delivery {
            Delivery::Acknowledged { request } => {
                Self { fate: ENOS_DELIVERY_ACKNOWLEDGED, request: request.0 }
            }
            Delivery::Queued { request } => Self { fate: ENOS_DELIVERY_QUEUED, request: request.0 },
            _ => Self { fate: ENOS_DELIVERY_OTHER, request: 0 },
        };
        if !out.is_null() {
            // SAFETY: not NULL, and the caller promises that it may be written.
            unsafe { out.write(delivery) };
        }
    }
}

impl enos_device_t {
    pub(crate) fn new(device: Device, broken: Broken) -> Self {
        Self { device, broken }
    }

    /// Runs a verb on a handle of its own, so that the client may be freed meanwhile.
    ///
    /// # Safety
    /// `device` is NULL, or its client is not freed before this has begun.
    unsafe fn with<T>(device: *const Self, act: impl FnOnce(&Self) -> Result<T, Error>) -> Result<T, Error> {
        // SAFETY: the caller's promise is the same.
        let device = unsafe { borrow(device, "device")? };
        let own = Self::new(device.device.clone(), device.broken.clone());
        own.broken.run(|| act(&own))
    }
}

/// Milliseconds since 1970 and a time-out, in the runtime's words.
fn options(time_ms: i64, timeout_ms: u32) -> Result<PostOptions, Error> {
    let options = PostOptions::new().timeout(Duration::from_millis(u64::from(timeout_ms)));
    if time_ms == ENOS_TIME_NOW {
        return Ok(options);
    }
    let apart = Duration::from_millis(time_ms.unsigned_abs());
    let time = match time_ms {
        ..0 => SystemTime::UNIX_EPOCH.checked_sub(apart),
        _ => SystemTime::UNIX_EPOCH.checked_add(apart),
    };
    let time = time.ok_or_else(|| {
        invalid(format!("time_ms is {time_ms}, which no clock shows. Give milliseconds since 1970."))
    })?;
    Ok(options.time(time))
}

/// The product's key. Lent: it lives as long as the device. Empty for NULL.
///
/// @threads any
/// @blocking no
/// @callback-safe yes
#[unsafe(no_mangle)]
pub unsafe extern "C" fn enos_device_product_key(device: *const enos_device_t) -> enos_str_t {
    answer(enos_str_t::EMPTY, || {
        // SAFETY: `device` is NULL or the caller's.
        let device = unsafe { device.as_ref()? };
        Some(enos_str_t::lend(device.device.product_key()))
    })
}

/// The device's key. Lent: it lives as long as the device. Empty for NULL.
///
/// @threads any
/// @blocking no
/// @callback-safe yes
#[unsafe(no_mangle)]
pub unsafe extern "C" fn enos_device_key(device: *const enos_device_t) -> enos_str_t {
    answer(enos_str_t::EMPTY, || {
        // SAFETY: `device` is NULL or the caller's.
        let device = unsafe { device.as_ref()? };
        Some(enos_str_t::lend(device.device.device_key()))
    })
}

/// Posts points and waits for the hub's reply, with the wait for a connection and for room in the queue.
///
/// All points are of one moment: milliseconds since 1970, or `ENOS_TIME_NOW`. Of an identifier that is there twice the hub
/// keeps one value. `out` may be NULL. Fails with the hub's code, or with `ENOS_ERR_TIMEOUT` or `ENOS_ERR_LINK_LOST`.
///
/// @threads any
/// @blocking yes
/// @callback-safe yes
#[unsafe(no_mangle)]
pub unsafe extern "C" fn enos_device_post_measurepoints(
    device: *mut enos_device_t,
    points: *const enos_point_t,
    count: usize,
    time_ms: i64,
    timeout_ms: u32,
    out: *mut enos_delivery_t,
    err: *mut enos_error_t,
) -> enos_status_t {
    // SAFETY: all are NULL or the caller's; the points and what they point to are borrowed for the call.
    unsafe {
        run(err, || {
            let options = options(time_ms, timeout_ms)?;
            let delivery = enos_device_t::with(device, |device| {
                with_points(points, count, |points| device.device.post_measurepoints_with(points, options))
            })?;
            enos_delivery_t::write(out, delivery);
            Ok(())
        })
    }
}

/// Posts points without waiting: if it returns `ENOS_OK`, `done` is told once, on a callback thread; otherwise never.
///
/// `done` may be NULL: the post goes its way, and if its time runs out, that is logged and counted only. `out` may be NULL;
/// it gets the request's number, and `done` may be told before that. Fails with `ENOS_ERR_QUEUE_FULL` while there is no
/// room. The points are read before this returns.
///
/// @threads any
/// @blocking no
/// @callback-safe yes
#[unsafe(no_mangle)]
pub unsafe extern "C" fn enos_device_post_measurepoints_async(
    device: *mut enos_device_t,
    points: *const enos_point_t,
    count: usize,
    time_ms: i64,
    timeout_ms: u32,
    done: enos_done_fn,
    user: *mut c_void,
    out: *mut enos_delivery_t,
    err: *mut enos_error_t,
) -> enos_status_t {
    let told = teller(done, user);
    // SAFETY: all are NULL or the caller's; the points and what they point to are borrowed for the call.
    unsafe {
        run(err, || {
            let options = options(time_ms, timeout_ms)?;
            let delivery = enos_device_t::with(device, |device| {
                with_points(points, count, |points| match done {
                    None => device.device.post_measurepoints_with(points, options.wait(false)),
                    Some(_) => {
                        let request = device.device.submit_measurepoints(points, options, told)?;
                        Ok(Delivery::Queued { request })
                    }
                })
            })?;
            enos_delivery_t::write(out, delivery);
            Ok(())
        })
    }
}

/// Calls `handler` for each invocation of this service, in place of an earlier handler.
///
/// Handlers of one client run one after the other, on a callback thread. Without a handler the client answers 1101; a
/// handler that lets its responder go without an answer has answered 1102. `drop` is told once `user` will not be used any
/// more: when the handler was taken away or replaced or the client is gone, or before this returns if it fails. `out` may
/// be NULL: then the handler stays until the client is closed.
///
/// @threads any
/// @blocking no
/// @callback-safe yes
#[unsafe(no_mangle)]
pub unsafe extern "C" fn enos_device_on_service(
    device: *mut enos_device_t,
    identifier: enos_str_t,
    handler: enos_command_fn,
    user: *mut c_void,
    drop: enos_drop_fn,
    out: *mut *mut enos_registration_t,
    err: *mut enos_error_t,
) -> enos_status_t {
    // SAFETY: all are NULL or the caller's; the identifier is borrowed for the call.
    unsafe {
        on(device, handler, User::new(user, drop), out, err, |device, handler| {
            device.on_service(identifier.read("identifier")?, handler)
        })
    }
}

/// Calls `handler` when the hub sets measurepoints; as `enos_device_on_service`.
///
/// @threads any
/// @blocking no
/// @callback-safe yes
#[unsafe(no_mangle)]
pub unsafe extern "C" fn enos_device_on_measurepoint_set(
    device: *mut enos_device_t,
    handler: enos_command_fn,
    user: *mut c_void,
    drop: enos_drop_fn,
    out: *mut *mut enos_registration_t,
    err: *mut enos_error_t,
) -> enos_status_t {
    // SAFETY: all are NULL or the caller's.
    unsafe {
        on(device, handler, User::new(user, drop), out, err, |device, handler| {
            device.on_measurepoint_set(handler)
        })
    }
}

/// Calls `handler` when the hub reads measurepoints; as `enos_device_on_service`.
///
/// @threads any
/// @blocking no
/// @callback-safe yes
#[unsafe(no_mangle)]
pub unsafe extern "C" fn enos_device_on_measurepoint_get(
    device: *mut enos_device_t,
    handler: enos_command_fn,
    user: *mut c_void,
    drop: enos_drop_fn,
    out: *mut *mut enos_registration_t,
    err: *mut enos_error_t,
) -> enos_status_t {
    // SAFETY: all are NULL or the caller's.
    unsafe {
        on(device, handler, User::new(user, drop), out, err, |device, handler| {
            device.on_measurepoint_get(handler)
        })
    }
}

/// A handler for commands, ready for the runtime.
type Handler = Box<dyn Fn(Invocation, Responder) + Send + Sync>;

/// # Safety
/// All pointers are NULL or the caller's.
unsafe fn on(
    device: *mut enos_device_t,
    function: enos_command_fn,
    user: User,
    out: *mut *mut enos_registration_t,
    err: *mut enos_error_t,
    register: impl FnOnce(&Device, Handler) -> Result<Registration, Error>,
) -> enos_status_t {
    let user = Arc::new(user);
    // One more hold on it: if registering fails, the drop function runs here and under no lock of the runtime.
    let held = user.clone();
    // SAFETY: the caller's promise is the same.
    let status = unsafe {
        run(err, move || {
            let out = enos_registration_t::place(out);
            let Some(function) = function else {
                return Err(invalid("handler is NULL. Give the function to call."));
            };
            let registration = enos_device_t::with(device, |own| {
                register(&own.device, handler(function, user, own.broken.clone()))
            })?;
            enos_registration_t::give(registration, out);
            Ok(())
        })
    };
    drop(held);
    status
}
