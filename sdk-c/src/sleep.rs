//! Being ready to sleep, and what it took to be awake.

use crate::boundary::run;
use crate::client::{enos_client_t, millis};
use crate::error::{enos_error_t, enos_status_t, status_of};
use crate::text::invalid;
use crate::user::User;
use enos_runtime::{Error, WakeReport};
use std::ffi::c_void;

/// What a device did between two sleeps, as UDP payload: DTLS and its handshake included, IP and UDP headers not.
///
/// Give it to `enos_wake_report_init` once. Later versions append fields.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct enos_wake_report_t {
    /// `sizeof(enos_wake_report_t)` of the program; `enos_wake_report_init` sets it.
    pub size: u32,
    /// Zero.
    pub reserved: u32,
    /// Datagrams sent, repetitions included.
    pub datagrams_sent: u64,
    /// Datagrams received.
    pub datagrams_received: u64,
    /// Bytes sent.
    pub bytes_sent: u64,
    /// Bytes received.
    pub bytes_received: u64,
    /// Milliseconds during which an answer was waited for; as long the radio had to be on.
    pub radio_on_ms: u64,
}

/// Hears how a sleep came out, once, on a callback thread. `report` is NULL unless `status` is `ENOS_OK`; `error` is
/// never NULL. Both are the SDK's, for the time of the callback.
pub type enos_slept_fn = Option<
    unsafe extern "C-unwind" fn(
        user: *mut c_void,
        status: enos_status_t,
        error: *const enos_error_t,
        report: *const enos_wake_report_t,
    ),
>;

impl enos_wake_report_t {
    fn new(report: &WakeReport) -> Self {
        Self {
            size: size_of::<Self>() as u32,
            reserved: 0,
            datagrams_sent: report.datagrams_sent,
            datagrams_received: report.datagrams_received,
            bytes_sent: report.bytes_sent,
            bytes_received: report.bytes_received,
            radio_on_ms: report.radio_on_ms,
        }
    }

    /// Refuses a place that was not made ready; NULL is none.
    ///
    /// # Safety
    /// `out` is NULL or points to an `enos_wake_report_t` that nobody else uses for so long.
    unsafe fn place<'a>(out: *mut Self) -> Result<Option<&'a mut Self>, Error> {
        // SAFETY: the caller's promise is the same.
        match unsafe { out.as_mut() } {
            Some(out) if (out.size as usize) < size_of::<Self>() => {
                Err(invalid(format!("report.size is {}. Call enos_wake_report_init first.", out.size)))
            }
            out => Ok(out),
        }
    }
}

/// Makes a report ready: its size, and zeros. NULL is ignored.
///
/// @threads any
/// @blocking no
/// @callback-safe yes
#[unsafe(no_mangle)]
pub unsafe extern "C" fn enos_wake_report_init(report: *mut enos_wake_report_t) {
    if !report.is_null() {
        // SAFETY: not NULL, and the caller gives room for the struct.
        unsafe { report.write(enos_wake_report_t::new(&WakeReport::default())) };
    }
}

/// Finishes what is open, so that the device may sleep: waits until all posts are settled, the commands that wait at the
/// hub are fetched, and their answers delivered. `out`, which may be NULL, tells what it took to be awake since the last
/// sleep; it must have been given to `enos_wake_report_init`.
///
/// The client stays as it is: what is asked of it next wakes it, and signs in first if the lifetime has ended. CoAP only:
/// over MQTT it fails with `ENOS_ERR_UNSUPPORTED`. Fails with `ENOS_ERR_TIMEOUT` if something is still open then.
///
/// @threads any
/// @blocking yes
/// @callback-safe no: the commands' handlers have to run meanwhile
#[unsafe(no_mangle)]
pub unsafe extern "C" fn enos_client_sleep(
    client: *mut enos_client_t,
    timeout_ms: u32,
    out: *mut enos_wake_report_t,
    err: *mut enos_error_t,
) -> enos_status_t {
    // SAFETY: all are NULL or the caller's.
    unsafe {
        run(err, || {
            let out = enos_wake_report_t::place(out)?;
            let report = enos_client_t::with(client, |client| client.sleep(millis(timeout_ms)))?;
            if let Some(out) = out {
                *out = enos_wake_report_t { size: out.size, ..enos_wake_report_t::new(&report) };
            }
            Ok(())
        })
    }
}

/// As `enos_client_sleep`, without waiting: if it returns `ENOS_OK`, `done` is told once, on a callback thread; otherwise
/// never. `done` may be NULL.
///
/// @threads any
/// @blocking no
/// @callback-safe yes
#[unsafe(no_mangle)]
pub unsafe extern "C" fn enos_client_sleep_async(
    client: *mut enos_client_t,
    timeout_ms: u32,
    done: enos_slept_fn,
    user: *mut c_void,
    err: *mut enos_error_t,
) -> enos_status_t {
    let user = User::new(user, None);
    let told = move |result: Result<WakeReport, Error>| {
        let Some(done) = done else { return };
        let report = result.as_ref().ok().map(enos_wake_report_t::new);
        let error = result.err();
        let told = enos_error_t::new(error.as_ref());
        let status = error.map_or(crate::ENOS_OK, |error| status_of(error.kind));
        let report = report.as_ref().map_or(std::ptr::null(), std::ptr::from_ref);
        // SAFETY: the program gave the two together for this; both values live during the call.
        unsafe { done(user.pointer(), status, &told, report) };
    };
    // SAFETY: all are NULL or the caller's.
    unsafe {
        run(err, || enos_client_t::with(client, |client| client.submit_sleep(millis(timeout_ms), told)))
    }
}
