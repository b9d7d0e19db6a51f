//! A configuration as C fills it in, read into the runtime's words.
//!
//! Owns what only C can get wrong: tags, numbers that do not fit, two fields that say one thing. What a value means, and
//! whether it may be so, the runtime knows.

use crate::config::{
    ENOS_LOGIN_DEVICE_SECRET, ENOS_LOGIN_DYNAMIC_ACTIVATION, ENOS_LOGIN_NONE, enos_config_t,
};
use crate::runtime::enos_runtime_t;
use crate::store::enos_secret_store_t;
use crate::text::{ReadText as _, enos_str_t, invalid};
use enos_runtime::{Client, ClientBuilder, Error, Limits, Login, Proxy, Tls};
use std::time::Duration;

impl enos_config_t {
    /// The client's builder, in the runtime's words.
    ///
    /// # Safety
    /// As [`check`](Self::check); its texts and handles live.
    pub(crate) unsafe fn builder(config: *const Self) -> Result<ClientBuilder, Error> {
        // SAFETY: the caller's promise is the same; checked before it is read.
        let (config, login) = unsafe {
            Self::check(config)?;
            (&*config, (*config).login()?)
        };
        // SAFETY: texts live, says the caller.
        let hub = unsafe { config.hub.read("config.hub")? };
        // SAFETY: as above.
        let mut builder = Client::builder(hub).tls(unsafe { config.tls()? }).limits(config.limits()?);
        if let Some(login) = login {
            builder = builder.login(login);
        }
        // SAFETY: as above.
        if let Some(proxy) = unsafe { config.proxy()? } {
            builder = builder.proxy(proxy);
        }
        if !config.runtime.is_null() {
            // SAFETY: handles live, says the caller.
            builder = builder.runtime(&unsafe { enos_runtime_t::shared(config.runtime)? });
        }
        config.options(builder)
    }

    /// # Safety
    /// Texts and handles live.
    unsafe fn login(&self) -> Result<Option<Login>, Error> {
        // SAFETY: the caller's promise is the same.
        let (product_key, device_key, secret) = unsafe {
            (
                self.product_key.read("config.product_key")?,
                self.device_key.read("config.device_key")?,
                self.secret.read("config.secret")?,
            )
        };
        match self.login {
            ENOS_LOGIN_NONE => Ok(None),
            ENOS_LOGIN_DEVICE_SECRET => Ok(Some(Login::device_secret(product_key, device_key, secret))),
            ENOS_LOGIN_DYNAMIC_ACTIVATION => {
                // SAFETY: as above.
                let store = unsafe { enos_secret_store_t::shared(self.store)? };
                Ok(Some(Login::dynamic_activation(product_key, device_key, secret, store)))
            }
            other => Err(invalid(format!("config.login is {other}. Use enos_config_login_…."))),
        }
    }

    /// # Safety
    /// Texts live.
    unsafe fn tls(&self) -> Result<Tls, Error> {
        let mut tls = Tls::new();
        // SAFETY: the caller's promise is the same.
        unsafe {
            either("config.tls_ca", self.tls_ca, "config.tls_ca_file", self.tls_ca_file)?;
            either("config.tls_cert", self.tls_cert, "config.tls_cert_file", self.tls_cert_file)?;
            either("config.tls_key", self.tls_key, "config.tls_key_file", self.tls_key_file)?;
            if !self.tls_ca.is_empty() {
                tls = tls.ca(self.tls_ca.read("config.tls_ca")?);
            }
            if !self.tls_ca_file.is_empty() {
                tls = tls.ca_file(self.tls_ca_file.read("config.tls_ca_file")?)?;
            }
            if !self.tls_cert.is_empty() || !self.tls_key.is_empty() {
                tls =
                    tls.client(self.tls_cert.read("config.tls_cert")?, self.tls_key.read("config.tls_key")?);
            }
            if !self.tls_cert_file.is_empty() || !self.tls_key_file.is_empty() {
                tls = tls.client_files(
                    self.tls_cert_file.read("config.tls_cert_file")?,
                    self.tls_key_file.read("config.tls_key_file")?,
                )?;
            }
        }
        Ok(tls)
    }

    /// # Safety
    /// Texts live.
    unsafe fn proxy(&self) -> Result<Option<Proxy>, Error> {
        if self.proxy_host.is_empty() && self.proxy_port == 0 {
            return Ok(None);
        }
        let port = u16::try_from(self.proxy_port)
            .map_err(|_| invalid(format!("config.proxy_port is {}. Give 1 to 65535.", self.proxy_port)))?;
        // SAFETY: the caller's promise is the same.
        unsafe {
            let mut proxy = Proxy::new(self.proxy_host.read("config.proxy_host")?, port);
            if !self.proxy_user.is_empty() || !self.proxy_password.is_empty() {
                proxy = proxy.login(
                    self.proxy_user.read("config.proxy_user")?,
                    self.proxy_password.read("config.proxy_password")?,
                );
            }
            Ok(Some(proxy))
        }
    }

    fn limits(&self) -> Result<Limits, Error> {
        let mut limits = Limits::DEFAULT;
        let bytes = [
            ("config.limit_receive", self.limit_receive, &mut limits.receive),
            ("config.limit_transmit", self.limit_transmit, &mut limits.transmit),
            ("config.limit_outbox", self.limit_outbox, &mut limits.outbox),
            ("config.limit_names", self.limit_names, &mut limits.names),
        ];
        for (name, given, limit) in bytes {
            if given >= 0 {
                *limit = fits(name, given)?;
            }
        }
        let counts = [
            ("config.limit_requests", self.limit_requests, &mut limits.requests),
            ("config.limit_calls", self.limit_calls, &mut limits.calls),
            ("config.limit_handlers", self.limit_handlers, &mut limits.handlers),
        ];
        for (name, given, limit) in counts {
            if given >= 0 {
                *limit = fits(name, given)?;
            }
        }
        Ok(limits)
    }

    fn options(&self, mut builder: ClientBuilder) -> Result<ClientBuilder, Error> {
        match self.clean_session {
            ..0 => {}
            clean => builder = builder.clean_session(clean != 0),
        }
        if self.keep_alive_s >= 0 {
            builder =
                builder.keep_alive(Duration::from_secs(fits("config.keep_alive_s", self.keep_alive_s)?));
        }
        if self.in_flight >= 0 {
            builder = builder.in_flight(fits("config.in_flight", self.in_flight)?);
        }
        if let Some((dials, window)) =
            both("config.dial_budget", self.dial_budget, "config.dial_window_s", self.dial_window_s)?
        {
            builder = builder
                .dial_budget(fits("config.dial_budget", dials)?, Duration::from_secs(u64::from(window)));
        }
        let (first, largest) = ("config.backoff_first_ms", "config.backoff_largest_ms");
        if let Some((first, largest)) = both(first, self.backoff_first_ms, largest, self.backoff_largest_ms)?
        {
            builder = builder.backoff(millis(first), millis(largest));
        }
        if let Ok(seconds) = u32::try_from(self.coap_lifetime_s) {
            builder = builder.coap_lifetime(Duration::from_secs(u64::from(seconds)));
        }
        if self.sleepy >= 0 {
            builder = builder.sleepy(self.sleepy != 0);
        }
        if let Ok(bytes) = u32::try_from(self.coap_rate_limit) {
            builder = builder.coap_rate_limit(bytes);
        }
        let timeouts: [(i32, Set); 6] = [
            (self.sign_in_timeout_ms, ClientBuilder::sign_in_timeout),
            (self.activation_timeout_ms, ClientBuilder::activation_timeout),
            (self.pong_timeout_ms, ClientBuilder::pong_timeout),
            (self.address_timeout_ms, ClientBuilder::address_timeout),
            (self.handshake_timeout_ms, ClientBuilder::handshake_timeout),
            (self.dial_timeout_ms, ClientBuilder::dial_timeout),
        ];
        for (given, set) in timeouts {
            if let Ok(given) = u32::try_from(given) {
                builder = set(builder, millis(given));
            }
        }
        Ok(builder)
    }
}

/// A setter of the builder.
type Set = fn(ClientBuilder, Duration) -> ClientBuilder;

fn millis(given: u32) -> Duration {
    Duration::from_millis(u64::from(given))
}

fn fits<G: Copy + std::fmt::Display, T: TryFrom<G>>(name: &str, given: G) -> Result<T, Error> {
    T::try_from(given).map_err(|_| invalid(format!("{name} is {given}, which is too large. Lower it.")))
}

/// Two numbers that go together.
fn both(first: &str, one: i32, second: &str, other: i32) -> Result<Option<(u32, u32)>, Error> {
    match (u32::try_from(one), u32::try_from(other)) {
        (Ok(one), Ok(other)) => Ok(Some((one, other))),
        (Err(_), Err(_)) => Ok(None),
        _ => Err(invalid(format!("only one of {first} and {second} is set. Set both, or none."))),
    }
}

/// Two ways to say one thing.
fn either(first: &str, one: enos_str_t, second: &str, other: enos_str_t) -> Result<(), Error> {
    if one.is_empty() || other.is_empty() {
        return Ok(());
    }
    Err(invalid(format!("{first} and {second} are both set. Set one of them.")))
}
