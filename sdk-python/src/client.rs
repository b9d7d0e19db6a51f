//! A client across the border: made, connected, used, closed.

use crate::attach::callback;
use crate::bridge::Bridge;
use crate::command::tell_failed;
use crate::config::{self, ProxyParts, TlsParts};
use crate::doctor;
use crate::error::{Raise, exception, raised};
use crate::handlers::{Named, Registration};
use crate::pending::{Pending, fate};
use crate::signal;
use crate::sleep::{self, Numbers};
use crate::stats;
use crate::time::{duration, moment};
use crate::values::{Nested, Reader, Room};
use enos_runtime::{Client, Delivery, Device, Error, ErrorKind, PostOptions};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use std::time::Duration;

/// Threads for many clients: give it to them as `runtime=`.
#[pyclass(frozen, module = "enos_sdk")]
pub(crate) struct Runtime(pub(crate) enos_runtime::Runtime);

#[pymethods]
impl Runtime {
    #[new]
    fn new(py: Python<'_>) -> PyResult<Self> {
        enos_runtime::Runtime::new().map(Self).raise(py)
    }
}

/// What `Client` and `AsyncClient` are made of.
#[pyclass(frozen, module = "enos_sdk._native")]
pub(crate) struct ClientCore {
    client: Option<Client>,
    device: Device,
}

impl ClientCore {
    fn client(&self, py: Python<'_>) -> PyResult<&Client> {
        let text = "the client is gone. Make a new one.";
        self.client.as_ref().ok_or_else(|| raised(py, &Error::new(ErrorKind::Closed, text)))
    }
}

impl Drop for ClientCore {
    fn drop(&mut self) {
        // It closes, which waits for callbacks, and those need the interpreter's lock.
        let client = self.client.take();
        Python::try_attach(|py| py.detach(|| drop(client)));
    }
}

/// A time-out in seconds, or the runtime's own.
fn given(py: Python<'_>, timeout: Option<f64>, default: Duration) -> PyResult<Duration> {
    timeout.map_or(Ok(default), |timeout| duration(py, timeout, "timeout"))
}

/// The options of a post.
fn post_options(
    py: Python<'_>,
    time: Option<&Bound<'_, PyAny>>,
    timeout: Option<f64>,
) -> PyResult<PostOptions> {
    let mut options = PostOptions::new();
    if let Some(time) = time {
        options = options.time(moment(time)?);
    }
    if let Some(timeout) = timeout {
        options = options.timeout(duration(py, timeout, "timeout")?);
    }
    Ok(options)
}

#[pymethods]
impl ClientCore {
    #[new]
    #[pyo3(signature = (hub, login, store, tls, proxy, limits, runtime, options))]
    #[allow(clippy::too_many_arguments, reason = "it is called in one place, by the package itself")]
    fn new(
        py: Python<'_>,
        hub: &str,
        login: (String, String, String),
        store: Option<&Bound<'_, PyAny>>,
        tls: Option<TlsParts>,
        proxy: Option<ProxyParts>,
        limits: Option<&Bound<'_, PyDict>>,
        runtime: Option<&Bound<'_, Runtime>>,
        options: &Bound<'_, PyDict>,
    ) -> PyResult<Self> {
        let builder =
            config::whole(py, (hub, login, store, tls, proxy), (limits, runtime.map(Bound::get), options))?;
        // Reads the secret store, which may be the program's own.
        let client = py.detach(|| builder.build()).raise(py)?;
        let device = client.device().clone();
        Ok(Self { client: Some(client), device })
    }

    /// The product's key.
    #[getter]
    fn product_key(&self) -> &str {
        self.device.product_key()
    }

    /// The device's key.
    #[getter]
    fn device_key(&self) -> &str {
        self.device.device_key()
    }

    /// Connects; may be interrupted, and goes on in the background then.
    fn connect(&self, py: Python<'_>, timeout: Option<f64>) -> PyResult<()> {
        let (client, timeout) = (self.client(py)?, given(py, timeout, Client::CONNECT_TIMEOUT)?);
        signal::heard(py, |leave| client.connect_unless(timeout, leave))
    }

    /// Connects; the future is told in its loop.
    fn connect_async(
        &self,
        py: Python<'_>,
        timeout: Option<f64>,
        bridge: Py<Bridge>,
        future: Py<PyAny>,
    ) -> PyResult<()> {
        let (client, timeout) = (self.client(py)?, given(py, timeout, Client::CONNECT_TIMEOUT)?);
        let done = move |result: Result<(), Error>| bridge.get().settled(future, result.map(|()| None));
        py.detach(|| client.submit_connect(timeout, done)).raise(py)
    }

    /// Closes; may be interrupted, and goes on in the background then. Within a callback it only starts closing.
    fn close(&self, py: Python<'_>, timeout: Option<f64>) -> PyResult<()> {
        let (client, timeout) = (self.client(py)?, given(py, timeout, Client::CLOSE_TIMEOUT)?);
        signal::heard(py, |leave| client.close_unless(timeout, leave))
    }

    /// Starts closing; the future is told in its loop.
    fn close_async(
        &self,
        py: Python<'_>,
        timeout: Option<f64>,
        bridge: Py<Bridge>,
        future: Py<PyAny>,
    ) -> PyResult<()> {
        let (client, timeout) = (self.client(py)?, given(py, timeout, Client::CLOSE_TIMEOUT)?);
        let done = move |result: Result<(), Error>| bridge.get().settled(future, result.map(|()| None));
        py.detach(|| client.submit_close(timeout, done)).raise(py)
    }

    /// Waits until the device may sleep: what it took to be awake.
    fn sleep(&self, py: Python<'_>, timeout: Option<f64>) -> PyResult<Numbers> {
        sleep::sleep(py, self.client(py)?, given(py, timeout, Client::SLEEP_TIMEOUT)?)
    }

    /// The same; the future is told in its loop.
    fn sleep_async(
        &self,
        py: Python<'_>,
        timeout: Option<f64>,
        bridge: Py<Bridge>,
        future: Py<PyAny>,
    ) -> PyResult<()> {
        let timeout = given(py, timeout, Client::SLEEP_TIMEOUT)?;
        sleep::sleep_async(py, self.client(py)?, timeout, bridge, future)
    }

    /// Starts closing and tells nobody.
    fn start_close(&self, py: Python<'_>, timeout: Option<f64>) -> PyResult<()> {
        let (client, timeout) = (self.client(py)?, given(py, timeout, Client::CLOSE_TIMEOUT)?);
        py.detach(|| client.submit_close(timeout, |_| ())).raise(py)
    }

    /// Posts, and waits for the fate if asked to.
    fn post(
        &self,
        points: &Bound<'_, PyAny>,
        time: Option<&Bound<'_, PyAny>>,
        timeout: Option<f64>,
        wait: bool,
    ) -> PyResult<Py<PyAny>> {
        let py = points.py();
        let options = post_options(py, time, timeout)?;
        let (room, nested) = (Room::new(), Nested::new());
        let points = Reader::new(&room, &nested).points(points)?;
        let delivery = if wait {
            // The texts are Python's, and `room` keeps them alive without the interpreter's lock.
            signal::heard(py, |leave| self.device.post_measurepoints_unless(&points, options, leave))?
        } else {
            self.device.post_measurepoints_with(&points, options.wait(false)).raise(py)?
        };
        fate(py, delivery)
    }

    /// Posts; `done` is called on a callback thread with the fate or the error.
    fn submit(
        &self,
        points: &Bound<'_, PyAny>,
        done: Py<PyAny>,
        time: Option<&Bound<'_, PyAny>>,
        timeout: Option<f64>,
    ) -> PyResult<()> {
        let py = points.py();
        let options = post_options(py, time, timeout)?;
        let (room, nested) = (Room::new(), Nested::new());
        let points = Reader::new(&room, &nested).points(points)?;
        let told = move |result: Result<Delivery, Error>| {
            callback(|py| {
                let result = match result {
                    Ok(delivery) => fate(py, delivery).map(|fate| fate.into_bound(py)),
                    Err(error) => exception(py, &error),
                };
                if let Err(error) = result.and_then(|result| done.bind(py).call1((result,))) {
                    tell_failed(py, "the completion of a post", error);
                }
            });
        };
        self.device.submit_measurepoints(&points, options, told).raise(py).map(drop)
    }

    /// Posts, and gives what can be waited for.
    fn begin(
        &self,
        points: &Bound<'_, PyAny>,
        time: Option<&Bound<'_, PyAny>>,
        timeout: Option<f64>,
    ) -> PyResult<Pending> {
        let py = points.py();
        let options = post_options(py, time, timeout)?;
        let (room, nested) = (Room::new(), Nested::new());
        let points = Reader::new(&room, &nested).points(points)?;
        self.device.begin_measurepoints(&points, options).raise(py).map(Pending::new)
    }

    /// Posts; the future is told in its loop.
    fn post_async(
        &self,
        points: &Bound<'_, PyAny>,
        time: Option<&Bound<'_, PyAny>>,
        timeout: Option<f64>,
        bridge: Py<Bridge>,
        future: Py<PyAny>,
    ) -> PyResult<()> {
        let py = points.py();
        let options = post_options(py, time, timeout)?;
        let (room, nested) = (Room::new(), Nested::new());
        let points = Reader::new(&room, &nested).points(points)?;
        let done = move |result: Result<Delivery, Error>| bridge.get().settled(future, result.map(Some));
        self.device.submit_measurepoints(&points, options, done).raise(py).map(drop)
    }

    /// How many seconds a post may take that was given this time-out.
    fn patience(&self, py: Python<'_>, timeout: Option<f64>) -> PyResult<f64> {
        Ok(post_options(py, None, timeout)?.timeout.as_secs_f64())
    }

    /// Asks for room in the queue; the future is told in its loop when there may be some.
    fn room_async(&self, py: Python<'_>, bridge: Py<Bridge>, future: Py<PyAny>) -> PyResult<()> {
        let done = move |result: Result<(), Error>| bridge.get().settled(future, result.map(|()| None));
        py.detach(|| self.device.submit_room(done)).raise(py)
    }

    /// Commands of a service go to the handler of this name in `owner._handlers`.
    fn on_service(
        &self,
        identifier: &str,
        owner: &Bound<'_, PyAny>,
        name: &Bound<'_, PyAny>,
        bridge: Option<Py<Bridge>>,
    ) -> PyResult<Registration> {
        let (py, named) = (owner.py(), Named::new(owner, name, bridge)?);
        let handler = move |call, responder| named.command(call, responder);
        py.detach(|| self.device.on_service(identifier, handler)).raise(py).map(Registration::new)
    }

    /// The same for measurepoints that the cloud sets.
    fn on_measurepoint_set(
        &self,
        owner: &Bound<'_, PyAny>,
        name: &Bound<'_, PyAny>,
        bridge: Option<Py<Bridge>>,
    ) -> PyResult<Registration> {
        let (py, named) = (owner.py(), Named::new(owner, name, bridge)?);
        let handler = move |call, responder| named.command(call, responder);
        py.detach(|| self.device.on_measurepoint_set(handler)).raise(py).map(Registration::new)
    }

    /// The same for measurepoints that the cloud reads.
    fn on_measurepoint_get(
        &self,
        owner: &Bound<'_, PyAny>,
        name: &Bound<'_, PyAny>,
        bridge: Option<Py<Bridge>>,
    ) -> PyResult<Registration> {
        let (py, named) = (owner.py(), Named::new(owner, name, bridge)?);
        let handler = move |call, responder| named.command(call, responder);
        py.detach(|| self.device.on_measurepoint_get(handler)).raise(py).map(Registration::new)
    }

    /// Steps of the connection's life go to the handler of this name.
    fn on_lifecycle(
        &self,
        owner: &Bound<'_, PyAny>,
        name: &Bound<'_, PyAny>,
        bridge: Option<Py<Bridge>>,
    ) -> PyResult<Registration> {
        let (py, named) = (owner.py(), Named::new(owner, name, bridge)?);
        let client = self.client(py)?;
        let handler = move |step: &enos_runtime::Lifecycle| named.lifecycle(step);
        py.detach(|| client.on_lifecycle(handler)).raise(py).map(Registration::new)
    }

    /// Asks the doctor: the report for programs, and the one for people.
    fn doctor(&self, py: Python<'_>, timeout: Option<f64>) -> PyResult<(String, String)> {
        doctor::ask(py, self.client(py)?, timeout)
    }

    /// Asks the doctor; the future is told in its loop.
    fn doctor_async(
        &self,
        py: Python<'_>,
        timeout: Option<f64>,
        bridge: Py<Bridge>,
        future: Py<PyAny>,
    ) -> PyResult<()> {
        doctor::ask_async(py, self.client(py)?, timeout, bridge, future)
    }

    /// The counters by name.
    fn stats<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let client = self.client(py)?;
        stats::counters(py, &py.detach(|| client.stats()).raise(py)?)
    }
}
