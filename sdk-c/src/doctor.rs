//! The doctor's report across the border.

use crate::boundary::{answer, borrow, give, place, run, take};
use crate::client::{enos_client_t, millis};
use crate::config::enos_config_t;
use crate::error::{enos_error_t, enos_status_t};
use crate::text::{enos_str_t, invalid};
use crate::user::User;
use enos_runtime::doctor::{Report, Status};
use std::ffi::c_void;

/// What a diagnosis found. Immutable; its texts live as long as it does.
pub struct enos_doctor_report_t {
    healthy: i32,
    complete: i32,
    exit_code: i32,
    step: &'static str,
    cause: &'static str,
    session: &'static str,
    text: String,
    json: String,
}

/// Hears of a diagnosis, once, on a thread of its own, where anything may be called. `report` is the program's from then
/// on: free it with `enos_doctor_report_free`.
pub type enos_doctor_fn =
    Option<unsafe extern "C-unwind" fn(user: *mut c_void, report: *mut enos_doctor_report_t)>;

impl From<&Report> for enos_doctor_report_t {
    fn from(report: &Report) -> Self {
        let failed = report.steps().iter().find(|step| step.status == Status::Failed);
        Self {
            healthy: i32::from(report.healthy()),
            complete: i32::from(report.complete()),
            exit_code: i32::from(report.exit_code()),
            step: failed.map_or("", |step| step.stage.name()),
            cause: failed.and_then(|step| step.cause).map_or("", |cause| cause.code()),
            session: report.session().name(),
            text: report.text(),
            json: report.json(),
        }
    }
}

/// Walks the client's own way to the hub and back, and says which step fails, why, and what to do: settings, name look-up,
/// TCP, proxy, clock, TLS, sign-in, a reply. `timeout_ms` is for all of it, 0 for 10,000.
///
/// What is wrong stands in the report; the call itself fails only on what C can get wrong. It changes nothing at the hub. A
/// client that is online stays so, and its own session asks for the reply. One that is connecting is asked to connect now.
/// Otherwise the doctor signs in as the device for a moment, which counts against the dial budget; commands that wait come
/// then, and go to the client's handlers. A device that was not activated yet is not signed in. No secret is in the report.
/// Free it with `enos_doctor_report_free`.
///
/// @threads any
/// @blocking yes
/// @callback-safe yes
#[unsafe(no_mangle)]
pub unsafe extern "C" fn enos_client_doctor(
    client: *mut enos_client_t,
    timeout_ms: u32,
    out: *mut *mut enos_doctor_report_t,
    err: *mut enos_error_t,
) -> enos_status_t {
    // SAFETY: all are NULL or the caller's.
    unsafe {
        run(err, || {
            let out = place(out, std::ptr::null_mut(), "out")?;
            let report = enos_client_t::with(client, |client| Ok(client.doctor(millis(timeout_ms))))?;
            *out = give(enos_doctor_report_t::from(&report));
            Ok(())
        })
    }
}

/// As `enos_client_doctor`, without waiting: if it returns `ENOS_OK`, `done` is told once; otherwise never. `done` must not
/// be NULL.
///
/// @threads any
/// @blocking no
/// @callback-safe yes
#[unsafe(no_mangle)]
pub unsafe extern "C" fn enos_client_doctor_async(
    client: *mut enos_client_t,
    timeout_ms: u32,
    done: enos_doctor_fn,
    user: *mut c_void,
    err: *mut enos_error_t,
) -> enos_status_t {
    let user = User::new(user, None);
    // SAFETY: all are NULL or the caller's.
    unsafe {
        run(err, || {
            let done = done.ok_or_else(|| invalid("done is NULL. Give the function to call."))?;
            let told = move |report: Report| {
                // The program gave the two together for this.
                done(user.pointer(), give(enos_doctor_report_t::from(&report)));
            };
            enos_client_t::with(client, |client| client.submit_doctor(millis(timeout_ms), told))
        })
    }
}

/// As `enos_client_doctor` for a configuration of which no client was made; what is wrong with it, so that
/// `enos_client_new` fails, is the report's first step. What only C can get wrong fails the call.
///
/// @threads any
/// @blocking yes
/// @callback-safe yes
#[unsafe(no_mangle)]
pub unsafe extern "C" fn enos_config_doctor(
    config: *const enos_config_t,
    timeout_ms: u32,
    out: *mut *mut enos_doctor_report_t,
    err: *mut enos_error_t,
) -> enos_status_t {
    // SAFETY: all are NULL or the caller's.
    unsafe {
        run(err, || {
            let out = place(out, std::ptr::null_mut(), "out")?;
            let report = enos_config_t::builder(config)?.doctor(millis(timeout_ms));
            *out = give(enos_doctor_report_t::from(&report));
            Ok(())
        })
    }
}

/// Answers with a part of a report.
///
/// # Safety
/// `report` is NULL, or came from this library and has not been freed.
unsafe fn part<'r, T>(
    report: *const enos_doctor_report_t,
    nothing: T,
    of: impl FnOnce(&'r enos_doctor_report_t) -> T,
) -> T {
    answer(nothing, || {
        // SAFETY: the caller's promise is the same.
        unsafe { borrow(report, "report") }.ok().map(of)
    })
}

/// 1 if no step failed (warnings do not count), else 0; 0 for NULL.
///
/// @threads any
/// @blocking no
/// @callback-safe yes
#[unsafe(no_mangle)]
pub unsafe extern "C" fn enos_doctor_report_healthy(report: *const enos_doctor_report_t) -> i32 {
    // SAFETY: NULL or the caller's.
    unsafe { part(report, 0, |report| report.healthy) }
}

/// 1 if the whole way was walked, sign-in and reply too, else 0; 0 for NULL.
///
/// @threads any
/// @blocking no
/// @callback-safe yes
#[unsafe(no_mangle)]
pub unsafe extern "C" fn enos_doctor_report_complete(report: *const enos_doctor_report_t) -> i32 {
    // SAFETY: NULL or the caller's.
    unsafe { part(report, 0, |report| report.complete) }
}

/// What a program may end with: 0 if healthy, else by the step that failed first: 10 configuration, 11 name, 12 tcp,
/// 13 proxy, 14 clock, 15 tls, 16 sign_in, 17 reply; over CoAP 12 is reach. -1 for NULL.
///
/// @threads any
/// @blocking no
/// @callback-safe yes
#[unsafe(no_mangle)]
pub unsafe extern "C" fn enos_doctor_report_exit_code(report: *const enos_doctor_report_t) -> i32 {
    // SAFETY: NULL or the caller's.
    unsafe { part(report, -1, |report| report.exit_code) }
}

/// The name of the step that failed first: `configuration name tcp proxy clock tls sign_in reply`, over CoAP `reach`
/// instead of `tcp`; empty if none did.
///
/// @threads any
/// @blocking no
/// @callback-safe yes
#[unsafe(no_mangle)]
pub unsafe extern "C" fn enos_doctor_report_step(report: *const enos_doctor_report_t) -> enos_str_t {
    // SAFETY: NULL or the caller's.
    unsafe { part(report, enos_str_t::EMPTY, |report| enos_str_t::lend(report.step)) }
}

/// Why it failed, as a stable code such as `hub_certificate_expired`; empty if no step failed.
///
/// @threads any
/// @blocking no
/// @callback-safe yes
#[unsafe(no_mangle)]
pub unsafe extern "C" fn enos_doctor_report_cause(report: *const enos_doctor_report_t) -> enos_str_t {
    // SAFETY: NULL or the caller's.
    unsafe { part(report, enos_str_t::EMPTY, |report| enos_str_t::lend(report.cause)) }
}

/// Whose session sign-in and reply went through: `none`, `live` (the client's, which was up), `joined` (the client's, which
/// was asked to connect), `own` (one of the doctor, for a moment).
///
/// @threads any
/// @blocking no
/// @callback-safe yes
#[unsafe(no_mangle)]
pub unsafe extern "C" fn enos_doctor_report_session(report: *const enos_doctor_report_t) -> enos_str_t {
    // SAFETY: NULL or the caller's.
    unsafe { part(report, enos_str_t::EMPTY, |report| enos_str_t::lend(report.session)) }
}

/// The report for people: the verdict with why and what to do, then each step. Lines end in a line feed. Lives as long as
/// the report.
///
/// @threads any
/// @blocking no
/// @callback-safe yes
#[unsafe(no_mangle)]
pub unsafe extern "C" fn enos_doctor_report_text(report: *const enos_doctor_report_t) -> enos_str_t {
    // SAFETY: NULL or the caller's.
    unsafe { part(report, enos_str_t::EMPTY, |report| enos_str_t::lend(&report.text)) }
}

/// The report for programs: one JSON object on one line with `healthy complete exit_code hub device session duration_ms
/// failure steps`; a step has `step status cause error_kind hub_code detail next duration_ms`. The names are stable. Lives as
/// long as the report.
///
/// @threads any
/// @blocking no
/// @callback-safe yes
#[unsafe(no_mangle)]
pub unsafe extern "C" fn enos_doctor_report_json(report: *const enos_doctor_report_t) -> enos_str_t {
    // SAFETY: NULL or the caller's.
    unsafe { part(report, enos_str_t::EMPTY, |report| enos_str_t::lend(&report.json)) }
}

/// Frees a report. NULL is fine.
///
/// @threads any
/// @blocking no
/// @callback-safe yes
#[unsafe(no_mangle)]
pub unsafe extern "C" fn enos_doctor_report_free(report: *mut enos_doctor_report_t) {
    answer((), || {
        // SAFETY: the caller gives the handle up.
        unsafe { take(report) }.map(drop)
    });
}
