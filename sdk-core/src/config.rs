//! Who the device is, where its hub is, and how patient it is. Pure values, borrowed until the engine copies them.

use core::fmt;

use crate::error::ErrorKind;

/// How the hub is reached; decides the link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Scheme {
    /// MQTT over TCP, in clear.
    Tcp,
    /// MQTT over TLS.
    Ssl,
    /// CoAP over UDP, in clear.
    Coap,
    /// CoAP over DTLS with a pre-shared key.
    Coaps,
}

impl Scheme {
    /// The port that EnOS uses (`auth.md` §2.4). For CoAP no EnOS page prints one: those of RFC 7252 §6.1 and §6.2.
    pub const fn default_port(self) -> u16 {
        match self {
            Self::Tcp => 11883,
            Self::Ssl => 18883,
            Self::Coap => 5683,
            Self::Coaps => 5684,
        }
    }

    /// Whether it is CoAP: one `Received` or `Transmit` is one datagram then.
    pub const fn is_coap(self) -> bool {
        matches!(self, Self::Coap | Self::Coaps)
    }

    /// The scheme's name in a URL.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Ssl => "ssl",
            Self::Coap => "coap",
            Self::Coaps => "coaps",
        }
    }
}

/// The hub's address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Hub<'a> {
    /// Transport and security.
    pub scheme: Scheme,
    /// Host name or address; an IPv6 address without its brackets.
    pub host: &'a str,
    /// Port, 1 to 65535.
    pub port: u16,
}

/// What is wrong with a hub URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HubUrlError {
    /// No `scheme://` in front.
    NoScheme,
    /// A scheme that is not offered.
    Scheme,
    /// No host, or one longer than 253 bytes or with characters that no host has.
    Host,
    /// The port is not a number from 1 to 65535.
    Port,
    /// Something stands behind host and port.
    Rest,
}

impl fmt::Display for HubUrlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoScheme => "the hub URL has no scheme. Write it like ssl://host:18883 or tcp://host:11883",
            #[cfg(feature = "coap")]
            Self::Scheme => {
                "the hub URL's scheme is not offered. Use tcp or coap (in clear), ssl (TLS) or coaps (DTLS)"
            }
            #[cfg(not(feature = "coap"))]
            Self::Scheme => "the hub URL's scheme is not offered. Use tcp (in clear) or ssl (TLS)",
            Self::Host => "the hub URL has no valid host. Write it like ssl://host:18883",
            Self::Port => "the hub URL's port is no number from 1 to 65535",
            Self::Rest => "the hub URL goes on behind host and port. Leave path, user and query out",
        })
    }
}

impl core::error::Error for HubUrlError {}

impl<'a> Hub<'a> {
    /// Reads `scheme://host[:port][/]`; without a port the scheme's default holds.
    pub fn parse(url: &'a str) -> Result<Self, HubUrlError> {
        let (scheme, rest) = url.split_once("://").ok_or(HubUrlError::NoScheme)?;
        let scheme = if scheme.eq_ignore_ascii_case("tcp") {
            Scheme::Tcp
        } else if scheme.eq_ignore_ascii_case("ssl") {
            Scheme::Ssl
        } else if cfg!(feature = "coap") && scheme.eq_ignore_ascii_case("coap") {
            Scheme::Coap
        } else if cfg!(feature = "coap") && scheme.eq_ignore_ascii_case("coaps") {
            Scheme::Coaps
        } else {
            return Err(HubUrlError::Scheme);
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        if rest.contains(['/', '?', '#', '@']) {
            return Err(HubUrlError::Rest);
        }
        let (host, port) = if let Some(inner) = rest.strip_prefix('[') {
            let (host, tail) = inner.split_once(']').ok_or(HubUrlError::Host)?;
            if !host.contains(':') {
                return Err(HubUrlError::Host);
            }
            match tail.strip_prefix(':') {
                Some(port) => (host, Some(port)),
                None if tail.is_empty() => (host, None),
                None => return Err(HubUrlError::Rest),
            }
        } else {
            match rest.split_once(':') {
                Some((_, port)) if port.contains(':') => return Err(HubUrlError::Host),
                Some((host, port)) => (host, Some(port)),
                None => (rest, None),
            }
        };
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._:%".contains(&b) || b >= 0x80;
        if host.is_empty() || host.len() > 253 || !host.bytes().all(plain) {
            return Err(HubUrlError::Host);
        }
        let port = match port {
            None => scheme.default_port(),
            Some(text) if text.bytes().all(|b| b.is_ascii_digit()) => match text.parse() {
                Ok(0) | Err(_) => return Err(HubUrlError::Port),
                Ok(port) => port,
            },
            Some(_) => return Err(HubUrlError::Port),
        };
        Ok(Self { scheme, host, port })
    }
}

/// How the device proves who it is (`auth.md` §2.2). A client certificate configures the link; it is no login.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub enum Login<'a> {
    /// Secret per device (securemode 2).
    DeviceSecret {
        /// The product's key.
        product_key: &'a str,
        /// The device's key, unique in its product.
        device_key: &'a str,
        /// The device's own secret.
        device_secret: &'a str,
    },
    /// Secret per product (securemode 3): the hub hands the device its own secret once, which is then stored.
    DynamicActivation {
        /// The product's key.
        product_key: &'a str,
        /// The device's key, unique in its product.
        device_key: &'a str,
        /// The product's secret.
        product_secret: &'a str,
        /// The secret of an earlier activation, if the device has one stored: then it signs in with that.
        device_secret: Option<&'a str>,
    },
}

impl<'a> Login<'a> {
    /// Product key and device key.
    pub const fn identity(&self) -> (&'a str, &'a str) {
        match *self {
            Self::DeviceSecret { product_key, device_key, .. }
            | Self::DynamicActivation { product_key, device_key, .. } => (product_key, device_key),
        }
    }
}

impl fmt::Debug for Login<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (product_key, device_key) = self.identity();
        let name = match self {
            Self::DeviceSecret { .. } => "DeviceSecret",
            Self::DynamicActivation { .. } => "DynamicActivation",
        };
        f.debug_struct(name)
            .field("product_key", &product_key)
            .field("device_key", &device_key)
            .finish_non_exhaustive()
    }
}

/// How a client of CoAP behaves; MQTT does not look at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CoapConfig {
    /// The hub takes a device that was silent for so many seconds as gone; 30 to 86,400 (`docs-coap-http.md` A.1).
    /// A client that is not sleepy signs in again after three quarters of it.
    pub lifetime_s: u32,
    /// Send nothing by itself: the device wakes, posts, fetches its commands and sleeps. What is asked for after the
    /// lifetime has ended signs in first.
    pub sleepy: bool,
    /// Bytes that may be sent per second, on average; 0: no limit. EnOS takes 10 KB/s (`docs-coap-http.md` A.1).
    pub bytes_per_second: u32,
    /// The largest datagram sent, in bytes; 256 to 1,024 (EnOS takes 1 KB). A larger message goes in blocks.
    pub datagram: u16,
}

impl CoapConfig {
    /// An hour, not sleepy, 10 KB/s, datagrams of 1 KB.
    pub const DEFAULT: Self =
        Self { lifetime_s: 3_600, sleepy: false, bytes_per_second: 10 * 1024, datagram: 1_024 };
}

impl Default for CoapConfig {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// All that an engine must know at its start; it copies what it needs.
#[derive(Clone, Copy, Debug)]
pub struct Config<'a> {
    /// Where the hub is.
    pub hub: Hub<'a>,
    /// Who the device is.
    pub login: Login<'a>,
    /// MQTT keep alive in seconds; EnOS takes 60 to 300 (`docs-mqtt.md` §12). 0 switches pings off.
    pub keep_alive_s: u16,
    /// MQTT clean session.
    pub clean_session: bool,
    /// QoS 1 messages sent and not yet acknowledged, at the most.
    pub in_flight: u16,
    /// Dials allowed within `dial_window_s`; more and EnOS blocks the device for 5 minutes. 1 to 8.
    pub dial_budget: u8,
    /// The window of the dial budget, in seconds.
    pub dial_window_s: u16,
    /// First and largest pause between dials, in milliseconds.
    pub backoff_ms: (u32, u32),
    /// Longest wait for CONNACK, or for the answer to a CoAP sign-in, in milliseconds.
    pub sign_in_timeout_ms: u32,
    /// Longest wait for the activation message, in milliseconds.
    pub activation_timeout_ms: u32,
    /// Longest wait for PINGRESP, in milliseconds.
    pub pong_timeout_ms: u32,
    /// What only CoAP needs.
    pub coap: CoapConfig,
}

impl<'a> Config<'a> {
    /// A configuration with the defaults of `decisions.md` §5 and §7.
    pub const fn new(hub: Hub<'a>, login: Login<'a>) -> Self {
        Self {
            hub,
            login,
            keep_alive_s: 60,
            clean_session: true,
            in_flight: 256,
            dial_budget: 4,
            dial_window_s: 120,
            backoff_ms: (1_000, 64_000),
            sign_in_timeout_ms: 10_000,
            activation_timeout_ms: 30_000,
            pong_timeout_ms: 10_000,
            coap: CoapConfig::DEFAULT,
        }
    }
}

/// Why an engine cannot be made of a configuration and its memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConfigError {
    /// A product key is empty, longer than 64 bytes, or has a character that a topic may not hold.
    ProductKey,
    /// A device key is empty, longer than 256 bytes, or has a character that a topic may not hold.
    DeviceKey,
    /// A secret is empty or longer than 256 bytes.
    Secret,
    /// A number is outside its range; the text names it.
    Range(&'static str),
    /// A lent region is too small for this configuration; the text names it.
    Memory(&'static str),
    /// EnOS, this transport or this build does not offer it; the text names the transport that has it.
    Unsupported(&'static str),
}

impl ConfigError {
    /// The kind of error that it is.
    pub const fn kind(self) -> ErrorKind {
        match self {
            Self::Memory(_) => ErrorKind::BufferTooSmall,
            Self::Unsupported(_) => ErrorKind::Unsupported,
            _ => ErrorKind::InvalidArgument,
        }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ProductKey => {
                f.write_str("the product key must have 1 to 64 bytes and none of / + # | & and controls")
            }
            Self::DeviceKey => {
                f.write_str("the device key must have 1 to 256 bytes and none of / + # | and controls")
            }
            Self::Secret => f.write_str("the secret must have 1 to 256 bytes"),
            Self::Range(what) => write!(f, "{what} is outside its range"),
            Self::Memory(what) => write!(f, "the memory lent for {what} is too small"),
            Self::Unsupported(text) => f.write_str(text),
        }
    }
}

impl core::error::Error for ConfigError {}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;

    #[test]
    fn hub_urls() {
        let ok =
            |url, scheme, host, port| assert_eq!(Hub::parse(url), Ok(Hub { scheme, host, port }), "{url}");
        ok("ssl://hub.example:18883", Scheme::Ssl, "hub.example", 18883);
        ok("tcp://hub.example", Scheme::Tcp, "hub.example", 11883);
        ok("SSL://10.0.0.1/", Scheme::Ssl, "10.0.0.1", 18883);
        ok("tcp://[::1]:1", Scheme::Tcp, "::1", 1);
        #[cfg(feature = "coap")]
        for (url, scheme, port) in [
            ("coap://h", Scheme::Coap, 5683),
            ("CoAPs://h/", Scheme::Coaps, 5684),
            ("coaps://h:7", Scheme::Coaps, 7),
        ] {
            ok(url, scheme, "h", port);
            assert!(scheme.is_coap());
        }
        assert!(!Scheme::Tcp.is_coap() && !Scheme::Ssl.is_coap());
        ok("tcp://[::1]", Scheme::Tcp, "::1", 11883);
        for (url, error) in [
            ("hub.example:18883", HubUrlError::NoScheme),
            ("mqtt://hub", HubUrlError::Scheme),
            ("tcp://", HubUrlError::Host),
            ("tcp://:1", HubUrlError::Host),
            ("tcp://::1:5", HubUrlError::Host),
            ("tcp://[::1", HubUrlError::Host),
            ("tcp://a b", HubUrlError::Host),
            ("tcp://a:0", HubUrlError::Port),
            ("tcp://a:65536", HubUrlError::Port),
            ("tcp://a:", HubUrlError::Port),
            ("tcp://a:+1", HubUrlError::Port),
            ("tcp://a/b", HubUrlError::Rest),
            ("tcp://u@a", HubUrlError::Rest),
            ("tcp://[::1]x", HubUrlError::Rest),
        ] {
            assert_eq!(Hub::parse(url), Err(error), "{url}");
        }
    }

    #[test]
    fn debug_shows_no_secret() {
        let login = Login::DynamicActivation {
            product_key: "pk",
            device_key: "dk",
            product_secret: "canary-1",
            device_secret: Some("canary-2"),
        };
        let text = std::format!("{:?}", Config::new(Hub::parse("tcp://h").unwrap(), login));
        assert!(text.contains("dk") && !text.contains("canary"), "{text}");
    }
}
