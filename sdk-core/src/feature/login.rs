//! Signing in: the CONNECT of a device (`auth.md` §2), in the one strict form.

use crate::sign;
use crate::wire::mqtt::Connect;
use crate::wire::{Full, Writer};

/// The longest keys, in bytes of UTF-8. EnOS takes device keys of 64 characters (`docs-mqtt.md` §12).
pub(crate) const MAX_PRODUCT_KEY: usize = 64;
pub(crate) const MAX_DEVICE_KEY: usize = 256;

/// Which secret signs the login (`auth.md` §2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SecureMode {
    /// The device's own.
    Device = 2,
    /// The product's: dynamic activation.
    Product = 3,
}

/// Who signs in, and with what.
pub(crate) struct Credentials<'a> {
    pub(crate) product_key: &'a str,
    pub(crate) device_key: &'a str,
    pub(crate) secret: &'a str,
    pub(crate) mode: SecureMode,
}

/// `|securemode=N,signmethod=sha256,timestamp=<20 digits>|`
const CLIENT_ID: usize = MAX_DEVICE_KEY + 72;
const USERNAME: usize = MAX_DEVICE_KEY + 1 + MAX_PRODUCT_KEY;

/// Hands the CONNECT to `send`; it lives on the stack for the call.
pub(crate) fn with_connect<T>(
    credentials: &Credentials<'_>,
    timestamp_ms: u64,
    keep_alive_s: u16,
    clean_session: bool,
    send: impl FnOnce(&Connect<'_>) -> T,
) -> Result<T, Full> {
    let &Credentials { product_key, device_key, secret, mode } = credentials;
    let (mut client_id, mut username) = ([0; CLIENT_ID], [0; USERNAME]);
    let mut w = Writer::new(&mut client_id);
    sign::mqtt_client_id(&mut w, device_key, mode as u8, timestamp_ms)?;
    let len = w.len();
    let client_id = text(&client_id, len)?;
    let mut w = Writer::new(&mut username);
    sign::mqtt_username(&mut w, device_key, product_key)?;
    let len = w.len();
    let username = text(&username, len)?;
    let password = sign::mqtt_password(device_key, device_key, product_key, timestamp_ms, secret.as_bytes());
    Ok(send(&Connect {
        client_id,
        username: Some(username),
        password: Some(&password),
        will: None,
        clean_session,
        keep_alive_s,
    }))
}

fn text(buffer: &[u8], len: usize) -> Result<&str, Full> {
    core::str::from_utf8(buffer.get(..len).ok_or(Full)?).map_err(|_| Full)
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::string::String;

    #[test]
    fn the_longest_keys_sign_in() {
        let (product_key, device_key) = ("p".repeat(MAX_PRODUCT_KEY), "d".repeat(MAX_DEVICE_KEY));
        let sign_in = |device_key: &str| {
            let credentials =
                Credentials { product_key: &product_key, device_key, secret: "s", mode: SecureMode::Product };
            with_connect(&credentials, u64::MAX, 60, true, |connect| {
                (String::from(connect.client_id), connect.username.map(String::from))
            })
        };
        let list = "|securemode=3,signmethod=sha256,timestamp=18446744073709551615|";
        let wanted = (device_key.clone() + list, Some(std::format!("{device_key}&{product_key}")));
        assert_eq!(sign_in(&device_key), Ok(wanted));
        assert_eq!(sign_in(&"d".repeat(MAX_DEVICE_KEY + 1)), Err(Full));
    }
}
