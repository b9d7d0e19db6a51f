//! What an engine is made of, as a struct that may grow: read once, by `enos_engine_init`.

use crate::status::Misuse;
use enos_border::{Border, enos_str_t};
use enos_core::{Config, Hub, Limits, Login};

/// No login was set yet.
pub const ENOS_LOGIN_NONE: i32 = 0;
/// The device's own secret.
pub const ENOS_LOGIN_DEVICE_SECRET: i32 = 1;
/// The product's secret, for the device's own, which a store keeps.
pub const ENOS_LOGIN_DYNAMIC_ACTIVATION: i32 = 2;

/// How an engine is made. Give it to `enos_engine_config_init` first; set what differs.
///
/// The engine copies what it needs: the texts may go after `enos_engine_init`. In a number, any negative value means the
/// SDK's default. Later versions append fields.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct enos_engine_config_t {
    /// `sizeof(enos_engine_config_t)` of the program; `enos_engine_config_init` sets it.
    pub size: u32,
    /// `ENOS_LOGIN_…`. Needed.
    pub login: i32,
    /// The hub: `ssl://host:18883`, or `tcp://host:11883` in clear. Needed.
    pub hub: enos_str_t,
    /// The product's key. Needed.
    pub product_key: enos_str_t,
    /// The device's key. Needed.
    pub device_key: enos_str_t,
    /// The device's secret, or the product's for `ENOS_LOGIN_DYNAMIC_ACTIVATION`. Needed.
    pub secret: enos_str_t,
    /// For `ENOS_LOGIN_DYNAMIC_ACTIVATION`: the secret that an earlier activation gave to `ENOS_ENGINE_STORE`; empty if
    /// none did.
    pub stored_secret: enos_str_t,
    /// MQTT clean session: 1 or 0. Default 1.
    pub clean_session: i32,
    /// MQTT keep alive in seconds; 0 switches it off. Default 60.
    pub keep_alive_s: i32,
    /// QoS 1 messages sent and not yet acknowledged, at the most. Default 256.
    pub in_flight: i32,
    /// So many dials (1 to 8) within `dial_window_s`. Default 4, since EnOS blocks a device that dials more.
    pub dial_budget: i32,
    /// Goes with `dial_budget`. Default 120.
    pub dial_window_s: i32,
    /// First pause between dials. Default 1000.
    pub backoff_first_ms: i32,
    /// Largest pause between dials. Default 64000.
    pub backoff_largest_ms: i32,
    /// Longest wait for CONNACK. Default 10000.
    pub sign_in_timeout_ms: i32,
    /// Longest wait for the activation message. Default 30000.
    pub activation_timeout_ms: i32,
    /// Longest wait for the answer to a keep-alive ping. Default 10000.
    pub pong_timeout_ms: i32,
    /// Bytes to receive into: a larger message of the hub is acknowledged and passed over. At least 256. Default 1024.
    pub limit_receive: i32,
    /// Bytes encoded and not yet sent: the largest message, with 11 bytes of MQTT around topic and payload. Default 768.
    pub limit_transmit: i32,
    /// Bytes of messages waiting to be sent or answered, 8 more for each. Default 768.
    pub limit_outbox: i32,
    /// Bytes of names: host, keys, secrets (an activation takes 256 for the new one), service identifiers. Default 512.
    pub limit_names: i32,
    /// Requests open at once, 1 to 16384. Default 4.
    pub limit_requests: i32,
    /// Commands taken but not yet answered. Default 1.
    pub limit_calls: i32,
    /// Handlers registered. Default 4.
    pub limit_handlers: i32,
    /// Points, array items and struct fields together in one post or reply. Default 16.
    pub limit_values: i32,
}

/// Points and values in one call: this layer's own limit, since the core reads slices.
const VALUES: usize = 16;

/// How an engine's block is divided.
#[derive(Clone, Copy)]
pub(crate) struct Sizes {
    pub(crate) limits: Limits,
    pub(crate) values: usize,
}

impl enos_engine_config_t {
    const DEFAULT: Self = Self {
        size: size_of::<Self>() as u32,
        login: ENOS_LOGIN_NONE,
        hub: enos_str_t::EMPTY,
        product_key: enos_str_t::EMPTY,
        device_key: enos_str_t::EMPTY,
        secret: enos_str_t::EMPTY,
        stored_secret: enos_str_t::EMPTY,
        clean_session: -1,
        keep_alive_s: -1,
        in_flight: -1,
        dial_budget: -1,
        dial_window_s: -1,
        backoff_first_ms: -1,
        backoff_largest_ms: -1,
        sign_in_timeout_ms: -1,
        activation_timeout_ms: -1,
        pong_timeout_ms: -1,
        limit_receive: -1,
        limit_transmit: -1,
        limit_outbox: -1,
        limit_names: -1,
        limit_requests: -1,
        limit_calls: -1,
        limit_handlers: -1,
        limit_values: -1,
    };

    /// What the program gave, if it was made ready.
    ///
    /// # Safety
    /// `config` is NULL, or points to one that stays and does not change for `'a`.
    pub(crate) unsafe fn given<'a>(config: *const Self) -> Result<&'a Self, Misuse> {
        if config.is_null() {
            return Err(Misuse::Null("config"));
        }
        if !config.is_aligned() {
            return Err(Misuse::Aligned("config"));
        }
        // SAFETY: not NULL, so it points to the struct, whose first field is its size.
        if (unsafe { (&raw const (*config).size).read() } as usize) < size_of::<Self>() {
            return Err(Misuse::Size("config"));
        }
        // SAFETY: the size says that all of it is there.
        Ok(unsafe { &*config })
    }

    pub(crate) fn sizes(&self) -> Result<Sizes, Misuse> {
        let mut limits = Limits::BOARD;
        for (given, limit, name) in [
            (self.limit_receive, &mut limits.receive, "limit_receive"),
            (self.limit_transmit, &mut limits.transmit, "limit_transmit"),
            (self.limit_outbox, &mut limits.outbox, "limit_outbox"),
            (self.limit_names, &mut limits.names, "limit_names"),
        ] {
            set(given, limit, name)?;
        }
        for (given, limit, name) in [
            (self.limit_requests, &mut limits.requests, "limit_requests"),
            (self.limit_calls, &mut limits.calls, "limit_calls"),
            (self.limit_handlers, &mut limits.handlers, "limit_handlers"),
        ] {
            set(given, limit, name)?;
        }
        let mut values = VALUES;
        set(self.limit_values, &mut values, "limit_values")?;
        Ok(Sizes { limits, values })
    }

    /// The core's configuration.
    ///
    /// # Safety
    /// The texts stay and do not change for `'a`.
    pub(crate) unsafe fn read<'a>(&self) -> Result<Config<'a>, Misuse> {
        // Before an engine is made, no memory is its own.
        let border = Border::NONE;
        // SAFETY: the caller's promise is the same, here and below.
        let text = |text, name| unsafe { border.text(text, name) };
        let product_key = text(self.product_key, "product_key")?;
        let device_key = text(self.device_key, "device_key")?;
        let secret = text(self.secret, "secret")?;
        let stored = text(self.stored_secret, "stored_secret")?;
        let login = match self.login {
            ENOS_LOGIN_DEVICE_SECRET => {
                Login::DeviceSecret { product_key, device_key, device_secret: secret }
            }
            ENOS_LOGIN_DYNAMIC_ACTIVATION => Login::DynamicActivation {
                product_key,
                device_key,
                product_secret: secret,
                device_secret: (!stored.is_empty()).then_some(stored),
            },
            _ => return Err(Misuse::Number("login")),
        };
        let hub = Hub::parse(text(self.hub, "hub")?).map_err(|_| Misuse::Number("hub"))?;
        let mut config = Config::new(hub, login);
        match self.clean_session {
            ..=-1 => {}
            given @ 0..=1 => config.clean_session = given == 1,
            _ => return Err(Misuse::Number("clean_session")),
        }
        set(self.keep_alive_s, &mut config.keep_alive_s, "keep_alive_s")?;
        set(self.in_flight, &mut config.in_flight, "in_flight")?;
        set(self.dial_budget, &mut config.dial_budget, "dial_budget")?;
        set(self.dial_window_s, &mut config.dial_window_s, "dial_window_s")?;
        set(self.backoff_first_ms, &mut config.backoff_ms.0, "backoff_first_ms")?;
        set(self.backoff_largest_ms, &mut config.backoff_ms.1, "backoff_largest_ms")?;
        set(self.sign_in_timeout_ms, &mut config.sign_in_timeout_ms, "sign_in_timeout_ms")?;
        set(self.activation_timeout_ms, &mut config.activation_timeout_ms, "activation_timeout_ms")?;
        set(self.pong_timeout_ms, &mut config.pong_timeout_ms, "pong_timeout_ms")?;
        Ok(config)
    }
}

/// Sets a number unless the default was left.
fn set<T: TryFrom<i32>>(given: i32, place: &mut T, name: &'static str) -> Result<(), Misuse> {
    if given >= 0 {
        *place = T::try_from(given).map_err(|_| Misuse::Number(name))?;
    }
    Ok(())
}

/// Makes a configuration ready: its size, nothing set, every number the SDK's default. NULL is ignored.
///
/// @threads any
/// @blocking no
#[unsafe(no_mangle)]
pub unsafe extern "C" fn enos_engine_config_init(config: *mut enos_engine_config_t) {
    if !config.is_null() {
        // SAFETY: not NULL, and the caller gives room for the struct.
        unsafe { config.write(enos_engine_config_t::DEFAULT) };
    }
}
