//! The SDK's log, handed to Python's `logging`.
//!
//! Lines are written on threads that must not run Python code, and under locks. So they wait in a bounded queue, which a
//! thread of its own empties; what finds the queue full is counted, and the count is told.

use crate::attach::callback;
use log::{Level, LevelFilter, Log, Metadata, Record};
use pyo3::prelude::*;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, Once, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// Lines that may wait.
const MOST: usize = 1024;

/// How long the end of the interpreter waits for them.
const PARTING: Duration = Duration::from_secs(1);

struct Line {
    level: u8,
    target: String,
    text: String,
}

struct Queue {
    lines: VecDeque<Line>,
    lost: u64,
    /// There is a thread that tells.
    started: bool,
    /// It tells a line, or is about to.
    telling: bool,
    ended: bool,
}

struct Bridge {
    queue: Mutex<Queue>,
    changed: Condvar,
}

static BRIDGE: Bridge = Bridge {
    queue: Mutex::new(Queue {
        lines: VecDeque::new(),
        lost: 0,
        started: false,
        telling: false,
        ended: false,
    }),
    changed: Condvar::new(),
};

/// The process that has the thread; 0 for none yet. After a fork the child's lock may be held by a thread that is not
/// there, so the child tells nothing.
static PROCESS: AtomicU32 = AtomicU32::new(0);

/// Whether the lock may be touched.
fn is_here() -> bool {
    let here = std::process::id();
    PROCESS.compare_exchange(0, here, Ordering::Relaxed, Ordering::Relaxed).unwrap_or_else(|owner| owner) == 0
        || PROCESS.load(Ordering::Relaxed) == here
}

impl Bridge {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts the thread with the first line.
    fn start(queue: &mut Queue) {
        if std::mem::replace(&mut queue.started, true) {
            return;
        }
        let started = thread::Builder::new().name("enos-log".to_owned()).spawn(|| BRIDGE.tell());
        if started.is_err() {
            queue.ended = true;
        }
    }

    fn tell(&self) {
        loop {
            let mut queue = self.lock();
            queue.telling = false;
            self.changed.notify_all();
            while queue.lines.is_empty() && queue.lost == 0 {
                queue = self.changed.wait(queue).unwrap_or_else(PoisonError::into_inner);
            }
            queue.telling = true;
            let line = queue.lines.pop_front().unwrap_or_else(|| Line {
                level: number(Level::Warn),
                target: "enos".to_owned(),
                text: format!(
                    "{} lines of the log were lost: its handlers are too slow",
                    std::mem::take(&mut queue.lost)
                ),
            });
            drop(queue);
            let told = callback(|py| {
                let write = py.import("enos_sdk._logging").and_then(|logging| logging.getattr("write"));
                if let Err(error) =
                    write.and_then(|write| write.call1((line.level, &line.target, &line.text)))
                {
                    error.write_unraisable(py, None);
                }
            });
            if told.is_none() {
                // The interpreter is at its end.
                return;
            }
        }
    }
}

/// A level as Python's `logging` numbers it.
fn number(level: Level) -> u8 {
    match level {
        Level::Error => 40,
        Level::Warn => 30,
        Level::Info => 20,
        Level::Debug => 10,
        Level::Trace => 5,
    }
}

impl Log for Bridge {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() <= log::max_level()
    }

    fn log(&self, record: &Record<'_>) {
        if !self.enabled(record.metadata()) || !is_here() {
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
        Self::start(&mut queue);
        drop(queue);
        self.changed.notify_all();
    }

    fn flush(&self) {}
}

/// Lets lines of this level of `logging` and above through.
#[pyfunction]
pub(crate) fn log_level(level: u32) {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| drop(log::set_logger(&BRIDGE)));
    log::set_max_level(match level {
        0..=5 => LevelFilter::Trace,
        6..=10 => LevelFilter::Debug,
        11..=20 => LevelFilter::Info,
        21..=30 => LevelFilter::Warn,
        31..=40 => LevelFilter::Error,
        _ => LevelFilter::Off,
    });
}

/// Takes no more lines, and waits a moment for those that wait.
#[pyfunction]
pub(crate) fn log_end(py: Python<'_>) {
    py.detach(|| {
        let end = Instant::now() + PARTING;
        if !is_here() {
            return;
        }
        let mut queue = BRIDGE.lock();
        queue.ended = true;
        while !queue.lines.is_empty() || queue.telling {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            queue = BRIDGE.changed.wait_timeout(queue, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    });
}
