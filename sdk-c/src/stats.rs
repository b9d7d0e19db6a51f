//! A client's counters across the border.

use crate::text::invalid;
use enos_runtime::{Error, Stats};

/// Counters since the client was made; the same names in every language.
///
/// Give it to `enos_stats_init` once.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct enos_stats_t {
    /// `sizeof(enos_stats_t)` of the program; `enos_stats_init` sets it.
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
    /// Times that the client came online after its first.
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
    /// CoAP: datagrams sent, repetitions and DTLS included.
    pub datagrams_sent: u64,
    /// CoAP: datagrams received.
    pub datagrams_received: u64,
    /// CoAP: milliseconds during which an answer was waited for; as long the radio had to be on.
    pub radio_on_ms: u64,
}

impl enos_stats_t {
    /// Writes the counters.
    ///
    /// # Safety
    /// `out` is NULL or points to an `enos_stats_t` that nobody else uses now.
    pub(crate) unsafe fn write(out: *mut Self, stats: &Stats) -> Result<(), Error> {
        // SAFETY: the caller's promise is the same.
        let out = match unsafe { out.as_mut() } {
            Some(out) if out.size as usize >= size_of::<Self>() => out,
            Some(out) => {
                let text = format!("stats.size is {}. Call enos_stats_init first.", out.size);
                return Err(invalid(text));
            }
            None => return Err(invalid("stats is NULL. Give a place for the counters.")),
        };
        *out = Self {
            size: out.size,
            open_requests: stats.open_requests,
            queued_bytes: stats.queued_bytes,
            bytes_sent: stats.bytes_sent,
            bytes_received: stats.bytes_received,
            messages_sent: stats.messages_sent,
            messages_received: stats.messages_received,
            retries: stats.retries,
            reconnects: stats.reconnects,
            acknowledged: stats.acknowledged,
            rejected: stats.rejected,
            failed: stats.failed,
            dropped_oversize: stats.dropped_oversize,
            dropped_unknown: stats.dropped_unknown,
            dropped_malformed: stats.dropped_malformed,
            dropped_stray: stats.dropped_stray,
            dropped_answers: stats.dropped_answers,
            datagrams_sent: stats.datagrams_sent,
            datagrams_received: stats.datagrams_received,
            radio_on_ms: stats.radio_on_ms,
        };
        Ok(())
    }
}

/// Makes counters ready: their size, and zeros. NULL is ignored.
///
/// @threads any
/// @blocking no
/// @callback-safe yes
#[unsafe(no_mangle)]
pub unsafe extern "C" fn enos_stats_init(stats: *mut enos_stats_t) {
    if !stats.is_null() {
        // SAFETY: not NULL, and the caller gives room for the struct.
        unsafe { stats.write(enos_stats_t { size: size_of::<enos_stats_t>() as u32, ..Default::default() }) };
    }
}
