//! Of what a client's engine is made: kept, since a diagnosis makes a second one of the same.

use crate::error::Error;
use crate::login::Login;
use crate::os::{clock, entropy};
use crate::secret::Secret;
use enos_core::engine::{Engine, Memory};
use enos_core::{Config, Hub, Limits};
use std::time::Duration;

/// What an engine of a client is made of.
#[derive(Debug)]
pub(crate) struct Recipe {
    pub(crate) hub: String,
    pub(crate) login: Login,
    pub(crate) limits: Limits,
    pub(crate) options: Options,
}

impl Recipe {
    /// Who signs in.
    pub(crate) fn login(&self) -> &Login {
        &self.login
    }

    /// Where to.
    pub(crate) fn hub(&self) -> &str {
        &self.hub
    }

    /// An engine with this stored secret, its configuration changed as wanted.
    pub(crate) fn engine(
        &self,
        stored: Option<&Secret>,
        change: impl FnOnce(&mut Config<'_>),
    ) -> Result<Engine<'static>, Error> {
        let mut config = self.options.config(Config::new(Hub::parse(&self.hub)?, self.login.core(stored)));
        change(&mut config);
        Ok(Engine::new(config, entropy::seed()?, Memory::heap(&self.limits))?)
    }
}

/// Numbers, as the caller gave them; `None` is the core's default.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(crate) keep_alive: Option<Duration>,
    pub(crate) clean_session: Option<bool>,
    pub(crate) in_flight: Option<u16>,
    pub(crate) dial_budget: Option<(u8, Duration)>,
    pub(crate) backoff: Option<(Duration, Duration)>,
    pub(crate) sign_in_timeout: Option<Duration>,
    pub(crate) activation_timeout: Option<Duration>,
    pub(crate) pong_timeout: Option<Duration>,
    pub(crate) coap_lifetime: Option<Duration>,
    pub(crate) sleepy: bool,
    pub(crate) coap_rate_limit: Option<u32>,
    pub(crate) address_timeout: Duration,
    pub(crate) handshake_timeout: Duration,
    pub(crate) dial_timeout: Duration,
}

impl Options {
    fn config<'c>(&self, mut config: Config<'c>) -> Config<'c> {
        let seconds = |time: Duration| u16::try_from(time.as_secs()).unwrap_or(u16::MAX);
        if let Some(time) = self.keep_alive {
            config.keep_alive_s = seconds(time).max(u16::from(!time.is_zero()));
        }
        if let Some(clean) = self.clean_session {
            config.clean_session = clean;
        }
        if let Some(messages) = self.in_flight {
            config.in_flight = messages;
        }
        if let Some((dials, window)) = self.dial_budget {
            config.dial_budget = dials;
            config.dial_window_s = seconds(window);
        }
        if let Some((first, largest)) = self.backoff {
            config.backoff_ms = (clock::timeout_ms(first), clock::timeout_ms(largest));
        }
        if let Some(time) = self.sign_in_timeout {
            config.sign_in_timeout_ms = clock::timeout_ms(time);
        }
        if let Some(time) = self.activation_timeout {
            config.activation_timeout_ms = clock::timeout_ms(time);
        }
        if let Some(time) = self.pong_timeout {
            config.pong_timeout_ms = clock::timeout_ms(time);
        }
        if let Some(time) = self.coap_lifetime {
            config.coap.lifetime_s = u32::try_from(time.as_secs()).unwrap_or(u32::MAX);
        }
        config.coap.sleepy = self.sleepy;
        if let Some(bytes) = self.coap_rate_limit {
            config.coap.bytes_per_second = bytes;
        }
        config
    }
}
