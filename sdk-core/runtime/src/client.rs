//! A client: how it is made, connected and closed.

use crate::command::Registration;
use crate::device::{Device, Pending};
use crate::dial::Plan;
use crate::doctor::{self, Report};
use crate::error::Error;
use crate::inner::{Inner, Parts};
use crate::jobs::LifecycleHandler;
use crate::lifecycle::Lifecycle;
use crate::link::Unheard;
use crate::login::Login;
use crate::proxy::Proxy;
use crate::recipe::{Options, Recipe};
use crate::runtime::Runtime;
use crate::tls::Tls;
use crate::waiter::{Completion, Leave, Waiter};
use enos_core::engine::{DeviceIx, Stats, WakeReport};
use enos_core::{ErrorKind, Hub, Limits, Scheme};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How long the last handle's end waits for a close that nobody asked for.
const DROP_TIMEOUT: Duration = Duration::from_secs(1);

/// A device's connection to the hub, which heals itself once it has been online.
///
/// A handle: clones are the same client, and it closes when the last one is dropped. The verbs of the device that
/// signs in are its own, through [`Device`].
#[derive(Clone, Debug)]
pub struct Client {
    device: Device,
    guard: Arc<Guard>,
}

impl Client {
    /// How long bindings let `connect` try unless told otherwise.
    pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

    /// How long bindings let `sleep` take unless told otherwise: a message that is lost at first is repeated for 45 s.
    pub const SLEEP_TIMEOUT: Duration = Duration::from_secs(60);

    /// How long bindings let `close` take unless told otherwise.
    pub const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

    /// Starts making a client of this hub: `ssl://host:18883`, or `tcp://host:11883` in clear; for small devices
    /// `coaps://host:5684`, or `coap://host:5683` in clear.
    pub fn builder(hub: impl Into<String>) -> ClientBuilder {
        ClientBuilder::new(hub.into())
    }

    /// Connects and signs in; from then on every loss is healed in the background.
    ///
    /// Tries until its time is over, but returns at once on what trying again cannot cure: a wrong secret, a
    /// refused certificate. Then the client stops, and may be asked again. Register handlers first: a command may
    /// come with the first byte. Returns at once if the client is online.
    pub fn connect(&self, timeout: Duration) -> Result<(), Error> {
        self.inner().connect_and_wait(timeout)
    }

    /// As [`connect`](Self::connect), but gives what can be waited for in pieces. Never waits itself, and needs no
    /// callback thread.
    pub fn begin_connect(&self, timeout: Duration) -> Result<Pending<()>, Error> {
        let waiter = Waiter::new();
        self.inner().connect(timeout, Completion::Wake(waiter.clone()))?;
        Ok(Pending(waiter))
    }

    /// As [`connect`](Self::connect), for a caller who may have to leave the wait: `leave` is called on this thread each
    /// 25 ms while it waits. Once it gives true this fails with `Timeout` at once, and the connecting goes on in the
    /// background until its time is over.
    pub fn connect_unless(&self, timeout: Duration, mut leave: impl FnMut() -> bool) -> Result<(), Error> {
        self.inner().connect_or_leave(timeout, Leave::when(&mut leave))
    }

    /// As [`connect`](Self::connect); `done` is called once, on a callback thread. Never waits.
    pub fn submit_connect(
        &self,
        timeout: Duration,
        done: impl FnOnce(Result<(), Error>) + Send + 'static,
    ) -> Result<(), Error> {
        self.inner().connect(timeout, Completion::Call(Box::new(done)))
    }

    /// Takes nothing new, lets open posts settle within the time, signs off, and waits for callbacks that run.
    ///
    /// What has not settled fails with `Closed`. Called from a callback of this client it only starts closing.
    /// A second close waits for the first. Fails with `Timeout` if a callback does not return in time.
    pub fn close(&self, timeout: Duration) -> Result<(), Error> {
        self.close_or_leave(timeout, Leave::NEVER)
    }

    /// As [`close`](Self::close), for a caller who may have to leave the wait: `leave` is called on this thread each
    /// 25 ms while it waits. Once it gives true this fails with `Timeout` at once; the closing goes on in the background,
    /// and the client's end does not wait for it either.
    pub fn close_unless(&self, timeout: Duration, mut leave: impl FnMut() -> bool) -> Result<(), Error> {
        let mut left = false;
        let closed = self.close_or_leave(
            timeout,
            Leave::when(&mut || {
                left = leave();
                left
            }),
        );
        if left {
            self.guard.let_go();
        }
        closed
    }

    fn close_or_leave(&self, timeout: Duration, leave: Leave<'_>) -> Result<(), Error> {
        let closed = self.inner().close_and_wait(timeout, leave);
        if closed.is_ok() && !self.inner().jobs().is_running_here() {
            self.guard.end_runtime();
        }
        closed
    }

    /// As [`close`](Self::close); `done` is called once, on a callback thread, as the last callback.
    pub fn submit_close(
        &self,
        timeout: Duration,
        done: impl FnOnce(Result<(), Error>) + Send + 'static,
    ) -> Result<(), Error> {
        self.inner().close(timeout, Completion::Call(Box::new(done)))
    }

    /// Finishes what is open, so that the device may sleep: waits until all posts are settled, the commands that wait at
    /// the hub are fetched, and their answers delivered. Tells what it took to be awake since the last sleep.
    ///
    /// The commands' handlers run meanwhile, so within a callback of this client it fails with `InvalidState`. The client
    /// stays as it is; what is asked of it next wakes it, and signs in first if the
    /// lifetime ([`ClientBuilder::coap_lifetime`]) has ended. CoAP only: over MQTT it fails with `Unsupported`. Fails
    /// with `Timeout` if something is still open then.
    pub fn sleep(&self, timeout: Duration) -> Result<WakeReport, Error> {
        self.inner().sleep_or_leave(timeout, Leave::NEVER)
    }

    /// As [`sleep`](Self::sleep), for a caller who may have to leave the wait; as
    /// [`connect_unless`](Self::connect_unless).
    pub fn sleep_unless(
        &self,
        timeout: Duration,
        mut leave: impl FnMut() -> bool,
    ) -> Result<WakeReport, Error> {
        self.inner().sleep_or_leave(timeout, Leave::when(&mut leave))
    }

    /// As [`sleep`](Self::sleep); `done` is called once, on a callback thread. Never waits.
    pub fn submit_sleep(
        &self,
        timeout: Duration,
        done: impl FnOnce(Result<WakeReport, Error>) + Send + 'static,
    ) -> Result<(), Error> {
        self.inner().sleep(timeout, Completion::Call(Box::new(done)))
    }

    /// Calls `handler` with each step in the connection's life, in order, on a callback thread.
    pub fn on_lifecycle(
        &self,
        handler: impl Fn(&Lifecycle) + Send + Sync + 'static,
    ) -> Result<Registration, Error> {
        let handler: LifecycleHandler = Arc::new(handler);
        self.inner().register_lifecycle(handler)
    }

    /// Lets the client go as the end of its last handle does, whatever other handles there are: closes it within a
    /// short time. For bindings, whose users say when a client ends while calls of other threads may still hold it.
    pub fn end(self) {
        self.guard.end();
    }

    /// Walks the client's own way to the hub and back, and says which step fails, why, and what to do: settings, name
    /// look-up, TCP, proxy, clock, TLS, sign-in, a reply. Waits, `timeout` and a moment at the longest
    /// ([`doctor::TIMEOUT`] is enough); never fails, for what is wrong is its result.
    ///
    /// It changes nothing at the hub. A client that is online stays so: its own session asks for the reply, and a
    /// second connection goes as far as TLS. One that is connecting is asked to connect now. Otherwise the doctor
    /// signs in as the device for a moment, which counts against the dial budget; commands that wait for the device
    /// come then, and go to the client's handlers. A device that was not activated yet is not signed in: the hub may
    /// hand its secret out only once. See [`doctor`].
    pub fn doctor(&self, timeout: Duration) -> Report {
        doctor::examine(self.inner(), timeout)
    }

    /// As [`doctor`](Self::doctor), without waiting; `done` is called once, on a thread of its own, where it may call
    /// anything. Fails if there is no thread.
    pub fn submit_doctor(
        &self,
        timeout: Duration,
        done: impl FnOnce(Report) + Send + 'static,
    ) -> Result<(), Error> {
        doctor::examine_elsewhere(self.inner(), timeout, done)
    }

    /// As [`doctor`](Self::doctor), for a caller who may have to leave the wait: `leave` is called on this thread each 25 ms
    /// while it waits. Once it gives true this fails with `Timeout` at once, and the diagnosis ends by itself. Fails too if
    /// there is no thread for it.
    pub fn doctor_unless(&self, timeout: Duration, mut leave: impl FnMut() -> bool) -> Result<Report, Error> {
        doctor::examine_or_leave(self.inner(), timeout, &mut Leave::when(&mut leave))
    }

    /// Counters since the client was made.
    pub fn stats(&self) -> Result<Stats, Error> {
        self.inner().stats()
    }

    /// The device that signs in; a handle that does not keep the client open, so right for use in callbacks.
    pub fn device(&self) -> &Device {
        &self.device
    }

    fn inner(&self) -> &Arc<Inner> {
        self.device.inner()
    }
}

impl std::ops::Deref for Client {
    type Target = Device;

    fn deref(&self) -> &Device {
        &self.device
    }
}

/// Closes the client when the last handle goes.
#[derive(Debug)]
struct Guard {
    inner: Arc<Inner>,
    /// The client's hold on its threads.
    runtime: Mutex<Option<Runtime>>,
    /// Nobody waits for the end: it comes in the background.
    let_go: AtomicBool,
}

impl Guard {
    /// Closes, unless that was done, and lets go of the threads.
    fn end(&self) {
        // After a fork the locks may be held by threads that do not exist here: let everything be.
        if !self.inner.shared().owner().is_this() || self.let_go.load(Ordering::Relaxed) {
            return;
        }
        if let Err(error) = self.inner.close_and_wait(DROP_TIMEOUT, Leave::NEVER) {
            log::warn!("{error}");
        }
        if !self.inner.jobs().is_running_here() {
            self.end_runtime();
        }
    }

    /// Leaves the closing that has begun to the client's threads, which end after it.
    fn let_go(&self) {
        self.let_go.store(true, Ordering::Relaxed);
        drop(self.runtime.lock().unwrap_or_else(PoisonError::into_inner).take());
    }

    fn end_runtime(&self) {
        let runtime = self.runtime.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(runtime) = runtime {
            runtime.end();
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if !self.inner.shared().owner().is_this() {
            // The threads that would end do not exist here.
            if let Ok(runtime) = self.runtime.get_mut() {
                std::mem::forget(runtime.take());
            }
            return;
        }
        self.end();
    }
}

/// Makes a [`Client`]. Everything but the login has a default.
#[derive(Clone, Debug)]
#[must_use]
pub struct ClientBuilder {
    pub(crate) hub: String,
    pub(crate) login: Option<Login>,
    tls: Tls,
    pub(crate) proxy: Option<Proxy>,
    limits: Limits,
    runtime: Option<Runtime>,
    options: Options,
}

impl ClientBuilder {
    fn new(hub: String) -> Self {
        let options = Options {
            keep_alive: None,
            clean_session: None,
            in_flight: None,
            dial_budget: None,
            backoff: None,
            sign_in_timeout: None,
            activation_timeout: None,
            pong_timeout: None,
            coap_lifetime: None,
            sleepy: false,
            coap_rate_limit: None,
            address_timeout: Duration::from_secs(5),
            handshake_timeout: Duration::from_secs(10),
            dial_timeout: Duration::from_secs(30),
        };
        Self {
            hub,
            login: None,
            tls: Tls::new(),
            proxy: None,
            limits: Limits::DEFAULT,
            runtime: None,
            options,
        }
    }

    /// Who the device is. Needed.
    pub fn login(mut self, login: Login) -> Self {
        self.login = Some(login);
        self
    }

    /// Whom to trust and which certificate to show, for `ssl://`. Default: the system's CAs, no certificate.
    pub fn tls(mut self, tls: Tls) -> Self {
        self.tls = tls;
        self
    }

    /// Goes through this proxy.
    pub fn proxy(mut self, proxy: Proxy) -> Self {
        self.proxy = Some(proxy);
        self
    }

    /// What the client may use at the most.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Shares these threads instead of starting its own.
    pub fn runtime(mut self, runtime: &Runtime) -> Self {
        self.runtime = Some(runtime.clone());
        self
    }

    /// MQTT keep alive; default 60 s, whole seconds. Zero switches it off.
    pub fn keep_alive(mut self, keep_alive: Duration) -> Self {
        self.options.keep_alive = Some(keep_alive);
        self
    }

    /// MQTT clean session; default true.
    pub fn clean_session(mut self, clean: bool) -> Self {
        self.options.clean_session = Some(clean);
        self
    }

    /// QoS 1 messages sent and not yet acknowledged, at the most; default 256.
    pub fn in_flight(mut self, messages: u16) -> Self {
        self.options.in_flight = Some(messages);
        self
    }

    /// So many dials (1 to 8) within so long; default 4 in 120 s, since EnOS blocks a device that dials more.
    pub fn dial_budget(mut self, dials: u8, window: Duration) -> Self {
        self.options.dial_budget = Some((dials, window));
        self
    }

    /// First and largest pause between dials; default 1 s and 64 s.
    pub fn backoff(mut self, first: Duration, largest: Duration) -> Self {
        self.options.backoff = Some((first, largest));
        self
    }

    /// Longest wait for CONNACK; default 10 s.
    pub fn sign_in_timeout(mut self, timeout: Duration) -> Self {
        self.options.sign_in_timeout = Some(timeout);
        self
    }

    /// Longest wait for the activation message; default 30 s.
    pub fn activation_timeout(mut self, timeout: Duration) -> Self {
        self.options.activation_timeout = Some(timeout);
        self
    }

    /// Longest wait for the answer to a keep-alive ping; default 10 s.
    pub fn pong_timeout(mut self, timeout: Duration) -> Self {
        self.options.pong_timeout = Some(timeout);
        self
    }

    /// CoAP: the silence after which the hub takes the device as gone; default 3,600 s, whole seconds, 30 to 86,400.
    /// A client that is not sleepy signs in again in time.
    pub fn coap_lifetime(mut self, lifetime: Duration) -> Self {
        self.options.coap_lifetime = Some(lifetime);
        self
    }

    /// CoAP: whether the device sleeps between its posts; default no. Then nothing is sent by itself, and what is
    /// asked for after the lifetime has ended signs in first. See [`Client::sleep`].
    pub fn sleepy(mut self, sleepy: bool) -> Self {
        self.options.sleepy = sleepy;
        self
    }

    /// CoAP: bytes sent per second, on average; default 10,240, which is what EnOS takes from a device. 0: no limit.
    pub fn coap_rate_limit(mut self, bytes_per_second: u32) -> Self {
        self.options.coap_rate_limit = Some(bytes_per_second);
        self
    }

    /// Longest wait for one address to accept, or to end a DTLS handshake where there is another; default 5 s.
    pub fn address_timeout(mut self, timeout: Duration) -> Self {
        self.options.address_timeout = timeout;
        self
    }

    /// Longest wait for proxy and TLS handshake together, or for the DTLS handshake; default 10 s.
    pub fn handshake_timeout(mut self, timeout: Duration) -> Self {
        self.options.handshake_timeout = timeout;
        self
    }

    /// Longest time of one dial: look-up, all addresses, proxy, TLS; default 30 s.
    pub fn dial_timeout(mut self, timeout: Duration) -> Self {
        self.options.dial_timeout = timeout;
        self
    }

    /// Makes a client and asks its [`doctor`](Client::doctor); what is wrong with the settings is the report's first
    /// step. For a tool that is given settings and shall say what is wrong with them.
    pub fn doctor(self, timeout: Duration) -> Report {
        doctor::examine_settings(self, timeout)
    }

    /// As [`doctor`](Self::doctor), for a caller who may have to leave the wait; as [`Client::doctor_unless`].
    pub fn doctor_unless(self, timeout: Duration, mut leave: impl FnMut() -> bool) -> Result<Report, Error> {
        doctor::examine_settings_or_leave(self, timeout, &mut Leave::when(&mut leave))
    }

    /// Makes the client; it does not connect yet. Reads the secret store.
    ///
    /// Fails with `InvalidArgument` on whatever is wrong with the settings, and with `StorageFailed` if the secret
    /// store cannot be read.
    pub fn build(self) -> Result<Client, Error> {
        let hub = Hub::parse(&self.hub)?;
        let Some(login) = &self.login else {
            return Err(Error::invalid("the client has no login. Give one: Login::device_secret(…)."));
        };
        if let Some(proxy) = &self.proxy {
            proxy.check()?;
        }
        self.check_offered(&hub)?;
        if hub.scheme == Scheme::Tcp && self.tls.is_set() {
            log::warn!("TLS is set up, but the hub URL says tcp: the connection goes in clear. Use ssl://");
        }
        let options = &self.options;
        let plan = Plan {
            tls: self.tls.setup()?,
            proxy: self.proxy.clone(),
            address_timeout: options.address_timeout,
            handshake_timeout: options.handshake_timeout,
            total_timeout: options.dial_timeout,
            unheard: Unheard::default(),
        };
        let stored = login.stored()?;
        let recipe = Recipe {
            hub: self.hub.clone(),
            login: login.clone(),
            limits: self.limits,
            options: self.options.clone(),
        };
        let engine = recipe.engine(stored.as_ref(), |_| ())?;
        let runtime = match &self.runtime {
            Some(runtime) => runtime.clone(),
            None => Runtime::single()?,
        };
        let shared = runtime.shared();
        shared.owner().check()?;
        let parts = Parts {
            product_key: login.product_key.clone(),
            device_key: login.device_key.clone(),
            plan,
            store: login.store(),
            recipe: Arc::new(recipe),
            requests: usize::from(self.limits.requests),
            beside: None,
        };
        let inner = shared.add(|token| Inner::new(shared.clone(), token, parts, engine))?;
        let device = Device::new(inner.clone(), DeviceIx::ROOT);
        let guard =
            Arc::new(Guard { inner, runtime: Mutex::new(Some(runtime)), let_go: AtomicBool::new(false) });
        Ok(Client { device, guard })
    }
}

impl ClientBuilder {
    /// What this hub's transport does not offer is refused at once, with the one that does.
    fn check_offered(&self, hub: &Hub<'_>) -> Result<(), Error> {
        if !hub.scheme.is_coap() {
            return Ok(());
        }
        let no = |what: &str| Err(Error::new(ErrorKind::Unsupported, what));
        if hub.scheme == Scheme::Coaps && !cfg!(feature = "coaps") {
            return no(
                "this build has no DTLS, so no coaps. Build sdk-runtime with its cargo feature coaps.",
            );
        }
        if self.proxy.is_some() {
            return no("there is no proxy for CoAP. Leave it out, or use ssl:// or tcp://.");
        }
        if self.tls.shows_certificate() {
            return no("EnOS takes no client certificate over CoAP. Leave it out, or use ssl://.");
        }
        if self.tls.is_set() {
            log::warn!("TLS is set up, but the hub URL says {}: it is not used", hub.scheme.name());
        }
        Ok(())
    }
}
