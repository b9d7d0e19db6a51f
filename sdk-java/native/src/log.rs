//! The log across the border: the `log` facade's lines, handed to `System.Logger`.
//!
//! Lines are written on threads that must not run user code, and under locks. So they wait in a bounded queue, and a
//! thread of their own, which starts with the first line, hands them on; what finds the queue full is counted and told.

use crate::boundary::run;
use crate::jvm::{Upcall, attached};
use jni_sys::{JNIEnv, jclass, jint, jvalue};
use log::{Level, LevelFilter, Log, Metadata, Record};
use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

/// Lines that may wait.
const MOST: usize = 1024;

struct Line {
    level: Level,
    target: String,
    text: String,
}

#[derive(Default)]
struct Queue {
    lines: VecDeque<Line>,
    lost: u64,
    /// The thread that hands lines on was started.
    started: bool,
}

struct Bridge {
    queue: Mutex<Queue>,
    changed: Condvar,
}

static BRIDGE: Bridge = Bridge {
    queue: Mutex::new(Queue { lines: VecDeque::new(), lost: 0, started: false }),
    changed: Condvar::new(),
};

/// Puts the bridge in place, at the level that loggers have unless they are told otherwise. Called by `JNI_OnLoad`.
pub(crate) fn install() {
    if log::set_logger(&BRIDGE).is_ok() {
        log::set_max_level(LevelFilter::Info);
    }
}

impl Bridge {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The oldest line, once there is one.
    fn next(&self) -> Line {
        let mut queue = self.lock();
        loop {
            if let Some(line) = queue.lines.pop_front() {
                return line;
            }
            if queue.lost > 0 {
                let text = format!("{} lines of the log were lost: the logger is too slow", queue.lost);
                queue.lost = 0;
                return Line { level: Level::Warn, target: "enos".to_owned(), text };
            }
            queue = self.changed.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl Log for Bridge {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() <= log::max_level()
    }

    fn log(&self, record: &Record<'_>) {
        if !self.enabled(record.metadata()) {
            return;
        }
        let line = Line {
            level: record.level(),
            target: record.target().to_owned(),
            text: record.args().to_string(),
        };
        let mut queue = self.lock();
        if queue.lines.len() == MOST {
            queue.lost += 1;
            return;
        }
        queue.lines.push_back(line);
        if !queue.started {
            queue.started = thread::Builder::new().name("enos-log".to_owned()).spawn(tell).is_ok();
        }
        drop(queue);
        self.changed.notify_one();
    }

    fn flush(&self) {}
}

/// Hands lines on until the process ends.
fn tell() {
    loop {
        let line = BRIDGE.next();
        let Some(env) = attached() else { return };
        if let (Ok(target), Ok(text)) = (env.array(line.target.as_bytes()), env.array(line.text.as_bytes())) {
            env.call(
                Upcall::Log,
                &[jvalue { i: line.level as i32 }, jvalue { l: target }, jvalue { l: text }],
            );
            env.forget(target);
            env.forget(text);
        }
        // A logger that throws is the program's matter; telling that through the log would go round in circles.
        env.discard();
    }
}

#[unsafe(no_mangle)]
extern "system" fn Java_io_enos_sdk_Native_logLevel(env: *mut JNIEnv, _class: jclass, level: jint) {
    // SAFETY: the JVM calls this.
    unsafe {
        run(env, |_| {
            let level = LevelFilter::iter().nth(usize::try_from(level).unwrap_or(0));
            log::set_max_level(level.unwrap_or(LevelFilter::Off));
            Ok(())
        })
    }
}
