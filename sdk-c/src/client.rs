//! A client across the border: made, connected, closed, freed.

use crate::boundary::{Broken, answer, borrow, give, place, run, take};
use crate::command::enos_registration_t;
use crate::config::enos_config_t;
use crate::device::enos_device_t;
use crate::error::{enos_error_t, enos_status_t, status_of};
use crate::lifecycle::{enos_lifecycle_fn, with_step};
use crate::stats::enos_stats_t;
use crate::text::invalid;
use crate::user::{User, enos_drop_fn};
use enos_runtime::{Client, Error};
use std::ffi::c_void;
use std::sync::Arc;
use std::time::Duration;

/// A device's connection to the hub, which heals itself once it has been online.
pub struct enos_client_t {
    client: Client,
    root: enos_device_t,
    broken: Broken,
}

/// Hears how something asked for came out, once, on a callback thread. `error` is never NULL: with `ENOS_OK` its text is
/// empty. It is the SDK's, for the time of the callback.
pub type enos_done_fn =
    Option<unsafe extern "C-unwind" fn(user: *mut c_void, status: enos_status_t, error: *const enos_error_t)>;

/// A `done` function and its user, to be called once with a result.
pub(crate) fn teller<T>(
    done: enos_done_fn,
    user: *mut c_void,
) -> impl FnOnce(Result<T, Error>) + Send + 'static {
    let user = User::new(user, None);
    move |result: Result<T, Error>| {
        let Some(done) = done else { return };
        let error = result.err();
        let told = enos_error_t::new(error.as_ref());
        let status = error.map_or(crate::ENOS_OK, |error| status_of(error.kind));
        // SAFETY: the program gave the two together for this; `told` lives during the call.
        unsafe { done(user.pointer(), status, &told) };
    }
}

pub(crate) fn millis(timeout_ms: u32) -> Duration {
    Duration::from_millis(u64::from(timeout_ms))
}

impl enos_client_t {
    /// Runs a verb on a handle of its own, so that the client may be freed meanwhile.
    ///
    /// # Safety
    /// `client` is NULL, or came from `enos_client_new` and is not freed before this has begun.
    pub(crate) unsafe fn with<T>(
        client: *const Self,
        act: impl FnOnce(&Client) -> Result<T, Error>,
    ) -> Result<T, Error> {
        // SAFETY: the caller's promise is the same.
        let client = unsafe { borrow(client, "client")? };
        let (own, broken) = (client.client.clone(), client.broken.clone());
        broken.run(|| act(&own))
    }
}

/// Makes a client; it does not connect yet. Reads files and the secret store that the configuration names.
///
/// Fails with `ENOS_ERR_INVALID_ARGUMENT` on whatever is wrong with the configuration, and with
/// `ENOS_ERR_STORAGE_FAILED` if the store cannot be read; `*out` is NULL then. Free it with `enos_client_free`.
///
/// @threads any
/// @blocking yes
/// @callback-safe yes
#[unsafe(no_mangle)]
pub unsafe extern "C" fn enos_client_new(
    config: *const enos_config_t,
    out: *mut *mut enos_client_t,
    err: *mut enos_error_t,
) -> enos_status_t {
    // SAFETY: all are NULL or the caller's.
    unsafe {
        run(err, || {
            let out = place(out, std::ptr::null_mut(), "out")?;
            let client = enos_config_t::builder(config)?.build()?;
            let broken = Broken::default();
            let root = enos_device_t::new(client.device().clone(), broken.clone());
            *out = give(enos_client_t { client, root, broken });
            Ok(())
        })
    }
}

/// The device that signs in. Borrowed: it lives as long as the client. NULL for NULL.
///
/// @threads any
/// @blocking no
/// @callback-safe yes
#[unsafe(no_mangle)]
pub unsafe extern "C" fn enos_client_root(client: *mut enos_client_t) -> *mut enos_device_t {
    answer(std::ptr::null_mut(), || {
        // SAFETY: `client` is NULL or the caller's.
        let client = unsafe { client.as_ref()? };
        Some((&raw const client.root).cast_mut())
    })
}

/// Connects and signs in; from then on every loss is healed in the background.
///
/// Tries until its time is over, but returns at once on what trying again cannot cure: a wrong secret, a refused
/// certificate. Then the client stops, and may be asked again. Register handlers first: a command may come with the first
/// byte. Returns at once if the client is online.
///
/// @threads any
/// @blocking yes
/// @callback-safe yes
#[unsafe(no_mangle)]
pub unsafe extern "C" fn enos_client_connect(
    client: *mut enos_client_t,
    timeout_ms: u32,
    err: *mut enos_error_t,
) -> enos_status_t {
    // SAFETY: all are NULL or the caller's.
    unsafe { run(err, || enos_client_t::with(client, |client| client.connect(millis(timeout_ms)))) }
}

/// As `enos_client_connect`, without waiting: if it returns `ENOS_OK`, `done` is told once, on a callback thread;
/// otherwise never. `done` may be NULL.
///
/// @threads any
/// @blocking no
/// @callback-safe yes
#[unsafe(no_mangle)]
pub unsafe extern "C" fn enos_client_connect_async(
    client: *mut enos_client_t,
    timeout_ms: u32,
    done: enos_done_fn,
    user: *mut c_void,
    err: *mut enos_error_t,
) -> enos_status_t {
    let told = teller(done, user);
    // SAFETY: all are NULL or the caller's.
    unsafe {
        run(err, || enos_client_t::with(client, |client| client.submit_connect(millis(timeout_ms), told)))
    }
}

/// Takes nothing new, lets open posts settle within the time, signs off, and waits for callbacks that run.
///
/// What has not settled fails with `ENOS_ERR_CLOSED`, and so does whatever is asked of the client later. Called from a
/// callback of this client it only starts closing. A second close waits for the first. Fails with `ENOS_ERR_TIMEOUT` if a
/// callback does not return in time.
///
/// @threads any
/// @blocking yes
/// @callback-safe yes
#[unsafe(no_mangle)]
pub unsafe extern "C" fn enos_client_close(
    client: *mut enos_client_t,
    timeout_ms: u32,
    err: *mut enos_error_t,
) -> enos_status_t {
    // SAFETY: all are NULL or the caller's.
    unsafe { run(err, || enos_client_t::with(client, |client| client.close(millis(timeout_ms)))) }
}

/// As `enos_client_close`, without waiting: if it returns `ENOS_OK`, `done` is told once, as the client's last callback;
/// otherwise never. `done` may be NULL.
///
/// @threads any
/// @blocking no
/// @callback-safe yes
#[unsafe(no_mangle)]
pub unsafe extern "C" fn enos_client_close_async(
    client: *mut enos_client_t,
    timeout_ms: u32,
    done: enos_done_fn,
    user: *mut c_void,
    err: *mut enos_error_t,
) -> enos_status_t {
    let told = teller(done, user);
    // SAFETY: all are NULL or the caller's.
    unsafe {
        run(err, || enos_client_t::with(client, |client| client.submit_close(millis(timeout_ms), told)))
    }
}

/// Frees a client, and closes it first, within a short time, if that was not done. NULL is fine.
///
/// Calls of other threads that have begun end with `ENOS_ERR_CLOSED`; none may begin any more, with the client or with
/// its devices. From a callback of this client it only starts closing.
///
/// @threads any
/// @blocking yes
/// @callback-safe yes
#[unsafe(no_mangle)]
pub unsafe extern "C" fn enos_client_free(client: *mut enos_client_t) {
    answer((), || {
        // SAFETY: the caller gives the handle up.
        let client = unsafe { take(client)? };
        client.client.end();
        Some(())
    });
}

/// Calls `handler` with each step in the connection's life, in order, on a callback thread.
///
/// `drop` is told once `user` will not be used any more: when the handler was taken away or the client is gone, or before
/// this returns if it fails. `out` may be NULL: then the handler stays until the client is closed.
///
/// @threads any
/// @blocking no
/// @callback-safe yes
#[unsafe(no_mangle)]
pub unsafe extern "C" fn enos_client_on_lifecycle(
    client: *mut enos_client_t,
    handler: enos_lifecycle_fn,
    user: *mut c_void,
    drop: enos_drop_fn,
    out: *mut *mut enos_registration_t,
    err: *mut enos_error_t,
) -> enos_status_t {
    let user = Arc::new(User::new(user, drop));
    // One more hold on it: if registering fails, the drop function runs here and under no lock of the runtime.
    let held = user.clone();
    // SAFETY: all are NULL or the caller's.
    let status = unsafe {
        run(err, move || {
            let out = enos_registration_t::place(out);
            let Some(handler) = handler else {
                return Err(invalid("handler is NULL. Give the function to call."));
            };
            let told = move |step: &enos_runtime::Lifecycle| {
                // The program gave the two together for this.
                with_step(step, |step| handler(user.pointer(), step));
            };
            let registration = enos_client_t::with(client, |client| client.on_lifecycle(told))?;
            enos_registration_t::give(registration, out);
            Ok(())
        })
    };
    std::mem::drop(held);
    status
}

/// Counters since the client was made. `out` must have been given to `enos_stats_init`.
///
/// @threads any
/// @blocking no
/// @callback-safe yes
#[unsafe(no_mangle)]
pub unsafe extern "C" fn enos_client_stats(
    client: *mut enos_client_t,
    out: *mut enos_stats_t,
    err: *mut enos_error_t,
) -> enos_status_t {
    // SAFETY: all are NULL or the caller's.
    unsafe {
        run(err, || {
            let stats = enos_client_t::with(client, Client::stats)?;
            enos_stats_t::write(out, &stats)
        })
    }
}
