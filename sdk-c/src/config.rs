//! What a client is made of, as a struct that may grow: read once, by `enos_client_new`.

use crate::boundary::run;
use crate::error::{enos_error_t, enos_status_t};
use crate::runtime::enos_runtime_t;
use crate::store::enos_secret_store_t;
use crate::text::{enos_str_t, invalid};
use enos_runtime::Error;

/// No login was set yet.
pub const ENOS_LOGIN_NONE: i32 = 0;
/// The device's own secret.
pub const ENOS_LOGIN_DEVICE_SECRET: i32 = 1;
/// The product's secret, for the device's own, which a store keeps.
pub const ENOS_LOGIN_DYNAMIC_ACTIVATION: i32 = 2;

/// How a client is made. Give it to `enos_config_init` first; set what differs; give it to `enos_client_new`.
///
/// Nothing in it is copied before `enos_client_new`, and nothing is used after: texts and handles must stay until then.
/// In a number, any negative value means the SDK's default. Later versions append fields.
#[repr(C)]
pub struct enos_config_t {
    /// `sizeof(enos_config_t)` of the program; `enos_config_init` sets it.
    pub size: u32,
    /// `ENOS_LOGIN_…`; set by `enos_config_login_…`.
    pub login: i32,
    /// The hub: `ssl://host:18883`, or `tcp://host:11883` in clear; for small devices `coaps://host:5684`, or
    /// `coap://host:5683` in clear. Needed.
    pub hub: enos_str_t,
    /// The product's key.
    pub product_key: enos_str_t,
    /// The device's key.
    pub device_key: enos_str_t,
    /// The device's secret, or the product's.
    pub secret: enos_str_t,
    /// Where an activation keeps the device's secret.
    pub store: *const enos_secret_store_t,
    /// Threads to share; NULL: the client makes its own.
    pub runtime: *const enos_runtime_t,
    /// CAs to trust instead of the system's, PEM text.
    pub tls_ca: enos_str_t,
    /// The same as a file's path.
    pub tls_ca_file: enos_str_t,
    /// The client certificate to show, the device's first, PEM text.
    pub tls_cert: enos_str_t,
    /// Its key: PKCS#8, SEC1 or PKCS#1, PEM text.
    pub tls_key: enos_str_t,
    /// The certificate as a file's path.
    pub tls_cert_file: enos_str_t,
    /// The key as a file's path.
    pub tls_key_file: enos_str_t,
    /// An HTTP proxy to go through: its name or address. Empty: none.
    pub proxy_host: enos_str_t,
    /// Who signs in at the proxy. Empty: nobody.
    pub proxy_user: enos_str_t,
    /// The password for the proxy.
    pub proxy_password: enos_str_t,
    /// The proxy's port.
    pub proxy_port: i32,
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
    /// Largest pause between dials; goes with `backoff_first_ms`. Default 64000.
    pub backoff_largest_ms: i32,
    /// Longest wait for CONNACK. Default 10000.
    pub sign_in_timeout_ms: i32,
    /// Longest wait for the activation message. Default 30000.
    pub activation_timeout_ms: i32,
    /// Longest wait for the answer to a keep-alive ping. Default 10000.
    pub pong_timeout_ms: i32,
    /// Longest wait for one address to accept. Default 5000.
    pub address_timeout_ms: i32,
    /// Longest wait for proxy and TLS handshake together. Default 10000.
    pub handshake_timeout_ms: i32,
    /// Longest time of one dial: look-up, all addresses, proxy, TLS. Default 30000.
    pub dial_timeout_ms: i32,
    /// Bytes of received packets held at once.
    pub limit_receive: i64,
    /// Bytes encoded but not yet sent.
    pub limit_transmit: i64,
    /// Bytes of messages waiting to be sent or answered.
    pub limit_outbox: i64,
    /// Bytes of names: host, keys, secrets, service identifiers.
    pub limit_names: i64,
    /// Requests open at once.
    pub limit_requests: i32,
    /// Commands taken but not yet answered.
    pub limit_calls: i32,
    /// Handlers registered.
    pub limit_handlers: i32,
    /// Zero.
    pub reserved: i32,
    /// CoAP: the silence in seconds after which the hub takes the device as gone, 30 to 86400. Default 3600.
    pub coap_lifetime_s: i32,
    /// CoAP: 1 for a device that sleeps between its posts; nothing is sent by itself then. Default 0.
    pub sleepy: i32,
    /// CoAP: bytes sent per second, on average; 0: no limit. Default 10240, which is what EnOS takes.
    pub coap_rate_limit: i32,
    /// Zero.
    pub reserved2: i32,
}

impl enos_config_t {
    const EMPTY: Self = {
        let text = enos_str_t::EMPTY;
        Self {
            size: size_of::<Self>() as u32,
            login: ENOS_LOGIN_NONE,
            hub: text,
            product_key: text,
            device_key: text,
            secret: text,
            store: std::ptr::null(),
            runtime: std::ptr::null(),
            tls_ca: text,
            tls_ca_file: text,
            tls_cert: text,
            tls_key: text,
            tls_cert_file: text,
            tls_key_file: text,
            proxy_host: text,
            proxy_user: text,
            proxy_password: text,
            proxy_port: 0,
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
            address_timeout_ms: -1,
            handshake_timeout_ms: -1,
            dial_timeout_ms: -1,
            limit_receive: -1,
            limit_transmit: -1,
            limit_outbox: -1,
            limit_names: -1,
            limit_requests: -1,
            limit_calls: -1,
            limit_handlers: -1,
            reserved: 0,
            coap_lifetime_s: -1,
            sleepy: -1,
            coap_rate_limit: -1,
            reserved2: 0,
        }
    };

    /// Refuses what was not made ready, and what a newer header would want that this library does not know.
    ///
    /// # Safety
    /// `config` is NULL or points to an `enos_config_t` that nobody else uses now.
    pub(crate) unsafe fn check(config: *const Self) -> Result<(), Error> {
        let own = size_of::<Self>();
        if config.is_null() {
            return Err(invalid("config is NULL. Give the configuration."));
        }
        // SAFETY: not NULL, so it points to the struct, whose first field is its size.
        match unsafe { (&raw const (*config).size).read() } as usize {
            size if size == own => Ok(()),
            size if size > own => Err(invalid(format!(
                "config.size is {size}, and this library knows {own} bytes: the program was compiled with a newer \
                 enos.h. Load the library that belongs to it."
            ))),
            size => Err(invalid(format!("config.size is {size}. Call enos_config_init first."))),
        }
    }

    /// # Safety
    /// As [`check`](Self::check).
    unsafe fn changed<'a>(config: *mut Self) -> Result<&'a mut Self, Error> {
        // SAFETY: checked, and ours for now.
        unsafe {
            Self::check(config)?;
            Ok(&mut *config)
        }
    }
}

/// Makes a configuration ready: its size, nothing set, every number the SDK's default. NULL is ignored.
///
/// @threads any
/// @blocking no
/// @callback-safe yes
#[unsafe(no_mangle)]
pub unsafe extern "C" fn enos_config_init(config: *mut enos_config_t) {
    if !config.is_null() {
        // SAFETY: not NULL, and the caller gives room for the struct.
        unsafe { config.write(enos_config_t::EMPTY) };
    }
}

/// Signs in with the device's own secret. The texts are borrowed until `enos_client_new`.
///
/// Fails only with `ENOS_ERR_INVALID_ARGUMENT`, if the configuration is NULL or was not made ready.
///
/// @threads any
/// @blocking no
/// @callback-safe yes
#[unsafe(no_mangle)]
pub unsafe extern "C" fn enos_config_login_device_secret(
    config: *mut enos_config_t,
    product_key: enos_str_t,
    device_key: enos_str_t,
    device_secret: enos_str_t,
) -> enos_status_t {
    // SAFETY: `config` is NULL or the caller's.
    unsafe {
        change(config, |config| {
            config.login = ENOS_LOGIN_DEVICE_SECRET;
            (config.product_key, config.device_key, config.secret) = (product_key, device_key, device_secret);
        })
    }
}

/// Receives the device's own secret once, for the product's, and keeps it in the store; signs in with it then, and at
/// each later start. Texts and store are borrowed until `enos_client_new`.
///
/// Fails as `enos_config_login_device_secret`.
///
/// @threads any
/// @blocking no
/// @callback-safe yes
#[unsafe(no_mangle)]
pub unsafe extern "C" fn enos_config_login_dynamic_activation(
    config: *mut enos_config_t,
    product_key: enos_str_t,
    device_key: enos_str_t,
    product_secret: enos_str_t,
    store: *const enos_secret_store_t,
) -> enos_status_t {
    // SAFETY: `config` is NULL or the caller's.
    unsafe {
        change(config, |config| {
            config.login = ENOS_LOGIN_DYNAMIC_ACTIVATION;
            (config.product_key, config.device_key, config.secret) =
                (product_key, device_key, product_secret);
            config.store = store;
        })
    }
}

/// Trusts the CAs of this PEM text instead of the system's. The text is borrowed until `enos_client_new`.
///
/// Fails as `enos_config_login_device_secret`.
///
/// @threads any
/// @blocking no
/// @callback-safe yes
#[unsafe(no_mangle)]
pub unsafe extern "C" fn enos_config_tls_ca(config: *mut enos_config_t, pem: enos_str_t) -> enos_status_t {
    // SAFETY: `config` is NULL or the caller's.
    unsafe { change(config, |config| (config.tls_ca, config.tls_ca_file) = (pem, enos_str_t::EMPTY)) }
}

/// As `enos_config_tls_ca`, from a file, which `enos_client_new` reads.
///
/// @threads any
/// @blocking no
/// @callback-safe yes
#[unsafe(no_mangle)]
pub unsafe extern "C" fn enos_config_tls_ca_file(
    config: *mut enos_config_t,
    path: enos_str_t,
) -> enos_status_t {
    // SAFETY: `config` is NULL or the caller's.
    unsafe { change(config, |config| (config.tls_ca, config.tls_ca_file) = (enos_str_t::EMPTY, path)) }
}

/// Shows this certificate chain (the device's first), and signs with this key: PKCS#8, SEC1 or PKCS#1, in PEM. The texts
/// are borrowed until `enos_client_new`.
///
/// Fails as `enos_config_login_device_secret`.
///
/// @threads any
/// @blocking no
/// @callback-safe yes
#[unsafe(no_mangle)]
pub unsafe extern "C" fn enos_config_tls_client(
    config: *mut enos_config_t,
    certificate: enos_str_t,
    key: enos_str_t,
) -> enos_status_t {
    // SAFETY: `config` is NULL or the caller's.
    unsafe {
        change(config, |config| {
            (config.tls_cert, config.tls_key) = (certificate, key);
            (config.tls_cert_file, config.tls_key_file) = (enos_str_t::EMPTY, enos_str_t::EMPTY);
        })
    }
}

/// As `enos_config_tls_client`, from files, which `enos_client_new` reads.
///
/// @threads any
/// @blocking no
/// @callback-safe yes
#[unsafe(no_mangle)]
pub unsafe extern "C" fn enos_config_tls_client_files(
    config: *mut enos_config_t,
    certificate: enos_str_t,
    key: enos_str_t,
) -> enos_status_t {
    // SAFETY: `config` is NULL or the caller's.
    unsafe {
        change(config, |config| {
            (config.tls_cert_file, config.tls_key_file) = (certificate, key);
            (config.tls_cert, config.tls_key) = (enos_str_t::EMPTY, enos_str_t::EMPTY);
        })
    }
}

/// Goes through an HTTP proxy, which is asked to CONNECT. The text is borrowed until `enos_client_new`.
///
/// Fails as `enos_config_login_device_secret`.
///
/// @threads any
/// @blocking no
/// @callback-safe yes
#[unsafe(no_mangle)]
pub unsafe extern "C" fn enos_config_proxy(
    config: *mut enos_config_t,
    host: enos_str_t,
    port: i32,
) -> enos_status_t {
    // SAFETY: `config` is NULL or the caller's.
    unsafe { change(config, |config| (config.proxy_host, config.proxy_port) = (host, port)) }
}

/// Signs in at the proxy (Basic). The texts are borrowed until `enos_client_new`; they go to the proxy unencrypted.
///
/// Fails as `enos_config_login_device_secret`.
///
/// @threads any
/// @blocking no
/// @callback-safe yes
#[unsafe(no_mangle)]
pub unsafe extern "C" fn enos_config_proxy_login(
    config: *mut enos_config_t,
    user: enos_str_t,
    password: enos_str_t,
) -> enos_status_t {
    // SAFETY: `config` is NULL or the caller's.
    unsafe { change(config, |config| (config.proxy_user, config.proxy_password) = (user, password)) }
}

/// # Safety
/// `config` is NULL or points to an `enos_config_t` that nobody else uses now.
unsafe fn change(config: *mut enos_config_t, set: impl FnOnce(&mut enos_config_t)) -> enos_status_t {
    let nobody: *mut enos_error_t = std::ptr::null_mut();
    // SAFETY: the caller's promise is the same.
    unsafe { run(nobody, || enos_config_t::changed(config).map(set)) }
}
