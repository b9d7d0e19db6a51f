//! The count of calls in flight that `Handle.java` keeps: every interleaving of calls and closes, by loom.
//!
//! The model is Java's code line by line, and [`the_model_is_the_code`] holds the two against each other.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::sync::atomic::{AtomicI64, AtomicUsize, Ordering::SeqCst};
use loom::thread;

const CLOSED: i64 = i64::MIN;

/// `Handle`, with Java's atomics, which are sequentially consistent.
struct Handle {
    state: AtomicI64,
    /// What the pointer points to: loom tells if one thread uses it while, or unordered with when, another frees it.
    memory: UnsafeCell<()>,
    frees: AtomicUsize,
    /// Planted for the test of the test: a close that does not wait for calls.
    hasty: bool,
}

impl Handle {
    fn new(hasty: bool) -> Arc<Self> {
        let (state, frees) = (AtomicI64::new(0), AtomicUsize::new(0));
        Arc::new(Self { state, memory: UnsafeCell::new(()), frees, hasty })
    }

    fn enter(&self) -> bool {
        let mut calls = self.state.load(SeqCst);
        while calls >= 0 {
            if self.state.compare_exchange(calls, calls + 1, SeqCst, SeqCst).is_ok() {
                return true;
            }
            calls = self.state.load(SeqCst);
        }
        false
    }

    fn exit(&self) {
        if self.state.fetch_sub(1, SeqCst) - 1 == CLOSED {
            self.end();
        }
    }

    fn close(&self) -> bool {
        let mut calls = self.state.load(SeqCst);
        while calls >= 0 {
            if self.state.compare_exchange(calls, calls | CLOSED, SeqCst, SeqCst).is_ok() {
                if calls == 0 || self.hasty {
                    self.end();
                }
                return true;
            }
            calls = self.state.load(SeqCst);
        }
        false
    }

    fn end(&self) {
        self.memory.with_mut(|_| ());
        self.frees.fetch_add(1, SeqCst);
    }

    /// A call, as every method of the Java classes makes it; whether it took place.
    fn call(&self) -> bool {
        let entered = self.enter();
        if entered {
            self.memory.with(|_| ());
            self.exit();
        }
        entered
    }
}

/// Every interleaving with up to three switches away from a thread that could go on: enough for every fault of so small a
/// state, and a fraction of a second where all of them (they pass, too) are a minute.
fn model(run: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(run);
}

/// Java's code, which the model above follows.
const CODE: &[&str] = &[
    "private static final long CLOSED = Long.MIN_VALUE;",
    "long calls = state.get(); while (calls >= 0) { if (state.compareAndSet(calls, calls + 1)) { return pointer; } \
     calls = state.get(); } return 0;",
    "if (state.decrementAndGet() == CLOSED) { end(); }",
    "long calls = state.get(); while (calls >= 0) { if (state.compareAndSet(calls, calls | CLOSED)) { \
     if (calls == 0) { end(); } return true; } calls = state.get(); } return false;",
    "OPEN.decrementAndGet(); free(pointer);",
];

#[test]
fn the_model_is_the_code() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../sdk/src/main/java/io/enos/sdk/Handle.java");
    let java = std::fs::read_to_string(path).unwrap();
    let java = java.split_whitespace().collect::<Vec<_>>().join(" ");
    for code in CODE {
        assert!(
            java.contains(code),
            "Handle.java no longer says: {code}\nFix: change the model here with it."
        );
    }
}

#[test]
fn calls_and_a_close_free_it_once_after_the_last_call() {
    model(|| {
        let handle = Handle::new(false);
        let threads: Vec<_> = (0..2)
            .map(|_| {
                let handle = handle.clone();
                thread::spawn(move || handle.call())
            })
            .collect();
        assert!(handle.close());
        for thread in threads {
            thread.join().unwrap();
        }
        assert!(!handle.enter());
        assert_eq!(handle.frees.load(SeqCst), 1);
    });
}

#[test]
fn of_two_closes_beside_a_call_one_counts() {
    model(|| {
        let handle = Handle::new(false);
        let (caller, closer) = (handle.clone(), handle.clone());
        let caller = thread::spawn(move || caller.call());
        let closer = thread::spawn(move || closer.close());
        let here = handle.close();
        assert_ne!(here, closer.join().unwrap());
        caller.join().unwrap();
        assert_eq!(handle.frees.load(SeqCst), 1);
    });
}

/// A callback of the client closes it in the middle of a call: the call's end frees it.
#[test]
fn a_close_inside_a_call_waits_for_its_end() {
    model(|| {
        let handle = Handle::new(false);
        assert!(handle.enter());
        let other = handle.clone();
        let other = thread::spawn(move || other.call());
        assert!(handle.close());
        handle.memory.with(|_| ());
        handle.exit();
        other.join().unwrap();
        assert_eq!(handle.frees.load(SeqCst), 1);
    });
}

#[test]
#[should_panic(expected = "Causality violation")]
fn loom_finds_a_close_that_does_not_wait() {
    model(|| {
        let handle = Handle::new(true);
        let caller = handle.clone();
        let caller = thread::spawn(move || caller.call());
        handle.close();
        caller.join().unwrap();
        assert_eq!(handle.frees.load(SeqCst), 1);
    });
}
