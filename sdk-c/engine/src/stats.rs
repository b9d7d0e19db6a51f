//! Counters, under the same names as everywhere.

use crate::engine::enos_engine_t;
use crate::status::{Misuse, enos_status_t};

/// Counters since the engine was made; the same names in every language.
///
/// Give it to `enos_engine_stats_init` once.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct enos_engine_stats_t {
    /// `sizeof(enos_engine_stats_t)` of the program; `enos_engine_stats_init` sets it.
    pub size: u32,
    /// Requests open now.
    pub open_requests: u32,
    /// Bytes of messages waiting now.
    pub queued_bytes: u64,
    /// Bytes sent.
    pub bytes_sent: u64,
    /// Bytes received.
    pub bytes_received: u64,
    /// Messages sent: posts and answers, repetitions included.
    pub messages_sent: u64,
    /// Messages received: replies and commands.
    pub messages_received: u64,
    /// Messages that were sent again after a lost link.
    pub retries: u64,
    /// Times that the engine came online after its first.
    pub reconnects: u64,
    /// Requests that the hub accepted.
    pub acknowledged: u64,
    /// Requests that the hub rejected.
    pub rejected: u64,
    /// Requests that failed: time-out, offline, closed.
    pub failed: u64,
    /// Messages dropped because they were larger than the limits.
    pub dropped_oversize: u64,
    /// Messages dropped because no feature knows their topic.
    pub dropped_unknown: u64,
    /// Messages dropped because they were malformed.
    pub dropped_malformed: u64,
    /// Replies that belonged to no open request.
    pub dropped_stray: u64,
    /// Answers lost with their link, or refused offline.
    pub dropped_answers: u64,
}

/// Makes counters ready: their size, and zeros. NULL is ignored.
///
/// @threads any
/// @blocking no
#[unsafe(no_mangle)]
pub unsafe extern "C" fn enos_engine_stats_init(stats: *mut enos_engine_stats_t) {
    if !stats.is_null() {
        let size = size_of::<enos_engine_stats_t>() as u32;
        // SAFETY: not NULL, and the caller gives room for the struct.
        unsafe { stats.write(enos_engine_stats_t { size, ..Default::default() }) };
    }
}

/// Writes the engine's counters.
///
/// @threads owner
/// @blocking no
#[unsafe(no_mangle)]
pub unsafe extern "C" fn enos_engine_stats(
    engine: *mut enos_engine_t,
    stats: *mut enos_engine_stats_t,
) -> enos_status_t {
    // SAFETY: the caller's pointers.
    unsafe {
        enos_engine_t::run(engine, |engine| {
            if stats.is_null() {
                return Err(Misuse::Null("stats").into());
            }
            let size = (&raw const (*stats).size).read();
            if (size as usize) < size_of::<enos_engine_stats_t>() {
                return Err(Misuse::Size("stats").into());
            }
            let now = engine.engine.stats();
            stats.write(enos_engine_stats_t {
                size,
                open_requests: now.open_requests,
                queued_bytes: now.queued_bytes,
                bytes_sent: now.bytes_sent,
                bytes_received: now.bytes_received,
                messages_sent: now.messages_sent,
                messages_received: now.messages_received,
                retries: now.retries,
                reconnects: now.reconnects,
                acknowledged: now.acknowledged,
                rejected: now.rejected,
                failed: now.failed,
                dropped_oversize: now.dropped_oversize,
                dropped_unknown: now.dropped_unknown,
                dropped_malformed: now.dropped_malformed,
                dropped_stray: now.dropped_stray,
                dropped_answers: now.dropped_answers,
            });
            Ok(())
        })
    }
}
