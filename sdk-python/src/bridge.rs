//! From the SDK's threads into an event loop: what is over waits in a list, and the loop is woken once for all of it.

use crate::attach::callback;
use crate::command::{Invocation, tell_failed};
use crate::error::exception;
use crate::pending::fate;
use crate::sleep::numbers;
use enos_runtime::{Delivery, Error, WakeReport};
use pyo3::intern;
use pyo3::prelude::*;
use std::sync::{Mutex, OnceLock, PoisonError};

/// What the loop has to do.
enum Item {
    /// A future has its result.
    Settled(Py<PyAny>, Result<Option<Delivery>, Error>),
    /// A future has the two texts of a report.
    Reported(Py<PyAny>, (String, String)),
    /// A future has the report of a sleep.
    Slept(Py<PyAny>, Result<WakeReport, Error>),
    /// A handler is to be called with a command.
    Command(Py<PyAny>, Py<Invocation>),
    /// A handler is to be called with an event.
    Call(Py<PyAny>, Py<PyAny>),
}

#[derive(Default)]
struct Queue {
    items: Vec<Item>,
    /// The loop has been woken and has not looked yet.
    woken: bool,
}

/// One client's way into its event loop.
#[pyclass(frozen, module = "enos_sdk._native")]
pub(crate) struct Bridge {
    queue: Mutex<Queue>,
    /// `loop.call_soon_threadsafe`, and what it is to call: `drain` of this.
    wake: OnceLock<(Py<PyAny>, Py<PyAny>)>,
    /// Called with handler and invocation for each command, in the loop.
    run: OnceLock<Py<PyAny>>,
}

impl Bridge {
    fn push(&self, item: Item) {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        queue.items.push(item);
        let woken = std::mem::replace(&mut queue.woken, true);
        drop(queue);
        if !woken {
            callback(|py| self.wake(py));
        }
    }

    fn wake(&self, py: Python<'_>) {
        let Some((wake, drain)) = self.wake.get() else { return };
        if wake.bind(py).call1((drain,)).is_err() {
            // The loop is closed: nobody waits there any more, and commands are answered as failures.
            let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
            let items = std::mem::take(&mut queue.items);
            drop(queue);
            drop(items);
        }
    }

    /// A future's post is over. Needs no lock of the interpreter unless the loop sleeps.
    pub(crate) fn settled(&self, future: Py<PyAny>, result: Result<Option<Delivery>, Error>) {
        self.push(Item::Settled(future, result));
    }

    /// A diagnosis is over.
    pub(crate) fn reported(&self, future: Py<PyAny>, texts: (String, String)) {
        self.push(Item::Reported(future, texts));
    }

    /// A device may sleep, or may not.
    pub(crate) fn slept(&self, future: Py<PyAny>, result: Result<WakeReport, Error>) {
        self.push(Item::Slept(future, result));
    }

    pub(crate) fn command(
        &self,
        _py: Python<'_>,
        handler: Bound<'_, PyAny>,
        invocation: Bound<'_, Invocation>,
    ) {
        self.push(Item::Command(handler.unbind(), invocation.unbind()));
    }

    pub(crate) fn call(&self, _py: Python<'_>, handler: Bound<'_, PyAny>, event: Bound<'_, PyAny>) {
        self.push(Item::Call(handler.unbind(), event.unbind()));
    }

    fn act(&self, py: Python<'_>, item: Item) -> PyResult<()> {
        match item {
            Item::Settled(future, result) => {
                let future = future.bind(py);
                // Cancelled, or out of its caller's time: nobody waits.
                if future.call_method0(intern!(py, "done"))?.is_truthy()? {
                    return Ok(());
                }
                match result {
                    Ok(Some(delivery)) => {
                        future.call_method1(intern!(py, "set_result"), (fate(py, delivery)?,))?;
                    }
                    Ok(None) => drop(future.call_method1(intern!(py, "set_result"), (py.None(),))?),
                    Err(error) => {
                        future.call_method1(intern!(py, "set_exception"), (exception(py, &error)?,))?;
                    }
                }
                Ok(())
            }
            Item::Reported(future, texts) => {
                let future = future.bind(py);
                if !future.call_method0(intern!(py, "done"))?.is_truthy()? {
                    future.call_method1(intern!(py, "set_result"), (texts,))?;
                }
                Ok(())
            }
            Item::Slept(future, result) => {
                let future = future.bind(py);
                if future.call_method0(intern!(py, "done"))?.is_truthy()? {
                    return Ok(());
                }
                match result {
                    Ok(report) => future.call_method1(intern!(py, "set_result"), (numbers(&report),)),
                    Err(error) => {
                        future.call_method1(intern!(py, "set_exception"), (exception(py, &error)?,))
                    }
                }
                .map(drop)
            }
            Item::Command(handler, invocation) => match self.run.get() {
                Some(run) => run.bind(py).call1((handler, invocation)).map(drop),
                None => Ok(()),
            },
            Item::Call(handler, event) => {
                if let Err(error) = handler.bind(py).call1((event,)) {
                    tell_failed(py, "the lifecycle handler", error);
                }
                Ok(())
            }
        }
    }
}

#[pymethods]
impl Bridge {
    #[new]
    fn new() -> Self {
        Self { queue: Mutex::default(), wake: OnceLock::new(), run: OnceLock::new() }
    }

    /// Ties it to a loop: how it is woken, and who runs commands there.
    fn open(slf: &Bound<'_, Self>, wake: Py<PyAny>, run: Py<PyAny>) -> PyResult<()> {
        let drain = slf.getattr("drain")?.unbind();
        let _ = slf.get().run.set(run);
        let _ = slf.get().wake.set((wake, drain));
        // What came before.
        slf.get().wake(slf.py());
        Ok(())
    }

    /// Does what is to be done; runs in the loop. True if a post was settled, so that there may be room.
    fn drain(&self, py: Python<'_>) {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        let items = std::mem::take(&mut queue.items);
        queue.woken = false;
        drop(queue);
        for item in items {
            if let Err(error) = self.act(py, item) {
                error.write_unraisable(py, None);
            }
        }
    }
}
