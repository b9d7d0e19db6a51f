//! The log across the border: the `log` facade's lines, handed to a function of the program.
//!
//! Lines are written on threads that must not run user code, and under locks. So they wait in a bounded queue, and a
//! thread of their own hands them on; what finds the queue full is counted, and the count is told.

use crate::boundary::run;
use crate::error::{enos_error_t, enos_status_t};
use crate::text::{enos_str_t, invalid};
use crate::user::{User, enos_drop_fn};
use enos_runtime::{Error, ErrorKind};
use log::{Level, LevelFilter, Log, Metadata, Record};
use std::collections::VecDeque;
use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, Once, PoisonError};
use std::thread::{self, ThreadId};

/// Nothing.
pub const ENOS_LOG_OFF: i32 = 0;
/// A bug of the SDK.
pub const ENOS_LOG_ERROR: i32 = 1;
/// Somebody should act.
pub const ENOS_LOG_WARN: i32 = 2;
/// Lifecycle.
pub const ENOS_LOG_INFO: i32 = 3;
/// Topics and ids.
pub const ENOS_LOG_DEBUG: i32 = 4;
/// Bytes.
pub const ENOS_LOG_TRACE: i32 = 5;

/// Hears a line of the log: its level, the part of the SDK that wrote it, and its text, without a line end. Lent for the
/// call. Lines come in order, one at a time, on a thread of their own; it may call anything here.
pub type enos_log_fn = Option<
    unsafe extern "C-unwind" fn(user: *mut c_void, level: i32, target: enos_str_t, message: enos_str_t),
>;

/// Lines that may wait.
const MOST: usize = 1024;

struct Line {
    level: i32,
    target: String,
    text: String,
}

#[derive(Default)]
struct Queue {
    lines: VecDeque<Line>,
    lost: u64,
    ended: bool,
    /// The thread that hands lines on is gone, or about to be.
    gone: bool,
    teller: Option<ThreadId>,
}

/// One function of the program, with the lines that wait for it.
struct Sink {
    /// After a fork only this process may touch the lock: elsewhere its holder may not exist.
    process: u32,
    queue: Mutex<Queue>,
    changed: Condvar,
}

impl Sink {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, record: &Record<'_>) {
        if self.process != std::process::id() {
            return;
        }
        let line = Line {
            level: number(record.level()),
            target: record.target().to_owned(),
            text: record.args().to_string(),
        };
        let mut queue = self.lock();
        if queue.ended {
            return;
        }
        if queue.lines.len() == MOST {
            queue.lost += 1;
            return;
        }
        queue.lines.push_back(line);
        drop(queue);
        self.changed.notify_all();
    }

    /// Hands lines on until it is ended and none is left.
    fn tell(
        &self,
        function: unsafe extern "C-unwind" fn(*mut c_void, i32, enos_str_t, enos_str_t),
        user: User,
    ) {
        loop {
            let mut queue = self.lock();
            while queue.lines.is_empty() && queue.lost == 0 && !queue.ended {
                queue = self.changed.wait(queue).unwrap_or_else(PoisonError::into_inner);
            }
            let line = match (queue.lines.pop_front(), std::mem::take(&mut queue.lost)) {
                // What is lost came after what waited: it is told when that has been.
                (Some(line), lost) => {
                    queue.lost = lost;
                    line
                }
                (None, 0) => break,
                (None, lost) => Line {
                    level: ENOS_LOG_WARN,
                    target: "enos".to_owned(),
                    text: format!("{lost} lines of the log were lost: the log function is too slow"),
                },
            };
            drop(queue);
            let told = catch_unwind(AssertUnwindSafe(|| {
                // SAFETY: the program gave the two together for this; the texts live during the call.
                unsafe {
                    function(
                        user.pointer(),
                        line.level,
                        enos_str_t::lend(&line.target),
                        enos_str_t::lend(&line.text),
                    );
                }
            }));
            drop(told);
        }
        drop(user);
        self.lock().gone = true;
        self.changed.notify_all();
    }

    /// Takes nothing more, and waits until all that waited has been told; not on the thread that tells.
    fn end(&self) {
        if self.process != std::process::id() {
            return;
        }
        let mut queue = self.lock();
        queue.ended = true;
        self.changed.notify_all();
        if queue.teller == Some(thread::current().id()) {
            return;
        }
        while !queue.gone {
            queue = self.changed.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

fn number(level: Level) -> i32 {
    match level {
        Level::Error => ENOS_LOG_ERROR,
        Level::Warn => ENOS_LOG_WARN,
        Level::Info => ENOS_LOG_INFO,
        Level::Debug => ENOS_LOG_DEBUG,
        Level::Trace => ENOS_LOG_TRACE,
    }
}

fn filter(level: i32) -> Result<LevelFilter, Error> {
    Ok(match level {
        ENOS_LOG_OFF => LevelFilter::Off,
        ENOS_LOG_ERROR => LevelFilter::Error,
        ENOS_LOG_WARN => LevelFilter::Warn,
        ENOS_LOG_INFO => LevelFilter::Info,
        ENOS_LOG_DEBUG => LevelFilter::Debug,
        ENOS_LOG_TRACE => LevelFilter::Trace,
        other => return Err(invalid(format!("level {other} is none. Use ENOS_LOG_…."))),
    })
}

/// The facade has one logger for the process; this one hands on to the sink of the moment.
struct Bridge {
    sink: Mutex<Option<Arc<Sink>>>,
}

impl Bridge {
    fn set(&self, sink: Option<Arc<Sink>>) -> Option<Arc<Sink>> {
        std::mem::replace(&mut *self.sink.lock().unwrap_or_else(PoisonError::into_inner), sink)
    }
}

impl Log for Bridge {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() <= log::max_level()
    }

    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata()) {
            let sink = self.sink.lock().unwrap_or_else(PoisonError::into_inner).clone();
            if let Some(sink) = sink {
                sink.push(record);
            }
        }
    }

    fn flush(&self) {}
}

static BRIDGE: Bridge = Bridge { sink: Mutex::new(None) };

/// Hands the SDK's log to a function: all lines of this level and of those before it. Replaces an earlier function.
///
/// `ENOS_LOG_OFF` or a NULL function ends it. An earlier function hears what was written before, and then its drop
/// function is told, before this returns; called from the log function itself, soon after. Up to 1,024 lines wait; what is
/// too many is lost, and the next line says how many. `drop` is told once; if this fails, before it returns. No line ever
/// holds a secret; payloads are shown from `ENOS_LOG_DEBUG` on.
///
/// @threads any
/// @blocking yes
/// @callback-safe yes
#[unsafe(no_mangle)]
pub unsafe extern "C" fn enos_log_set(
    level: i32,
    function: enos_log_fn,
    user: *mut c_void,
    drop: enos_drop_fn,
    err: *mut enos_error_t,
) -> enos_status_t {
    let user = User::new(user, drop);
    // SAFETY: `err` is NULL or the caller's.
    unsafe {
        run(err, move || {
            let level = filter(level)?;
            let sink = match function {
                Some(function) if level != LevelFilter::Off => Some(start(function, user)?),
                _ => None,
            };
            install()?;
            log::set_max_level(if sink.is_some() { level } else { LevelFilter::Off });
            if let Some(earlier) = BRIDGE.set(sink) {
                earlier.end();
            }
            Ok(())
        })
    }
}

fn start(
    function: unsafe extern "C-unwind" fn(*mut c_void, i32, enos_str_t, enos_str_t),
    user: User,
) -> Result<Arc<Sink>, Error> {
    let sink =
        Arc::new(Sink { process: std::process::id(), queue: Mutex::default(), changed: Condvar::new() });
    let own = sink.clone();
    let thread = thread::Builder::new().name("enos-log".to_owned()).spawn(move || own.tell(function, user));
    let thread = thread.map_err(|error| {
        let text = format!("the operating system gives no thread: {error}. Raise the limit on threads.");
        Error::new(ErrorKind::OutOfMemory, text)
    })?;
    sink.lock().teller = Some(thread.thread().id());
    Ok(sink)
}

/// Puts the bridge in place, once; in a Rust program that has a logger of its own it is refused.
fn install() -> Result<(), Error> {
    static TRIED: Once = Once::new();
    static REFUSED: Mutex<bool> = Mutex::new(false);
    TRIED.call_once(|| {
        let refused = log::set_logger(&BRIDGE).is_err();
        *REFUSED.lock().unwrap_or_else(PoisonError::into_inner) = refused;
    });
    if *REFUSED.lock().unwrap_or_else(PoisonError::into_inner) {
        let text =
            "this program has a logger for Rust already, and it gets the SDK's log. Leave enos_log_set out.";
        return Err(Error::new(ErrorKind::InvalidState, text));
    }
    Ok(())
}
