//! What the SDK puts on the wire, across the border: for support, for comparing with a capture, and for vectors.

use crate::boundary::{answer, place, run};
use crate::buffer::Buffer;
use crate::error::{enos_error_t, enos_status_t, status_of};
use crate::text::{ReadText as _, enos_str_t, invalid, slice};
use crate::value::{enos_value_t, with_value};
use enos_runtime::{Error, ErrorKind, inspect};
use std::ffi::c_char;

/// The topic of a request or command.
pub const ENOS_TOPIC_REQUEST: i32 = 1;
/// The topic of its reply.
pub const ENOS_TOPIC_REPLY: i32 = 2;
/// The method in its envelope; empty where such messages carry none.
pub const ENOS_TOPIC_METHOD: i32 = 3;

/// A parameter to sign. Its layout never changes, so arrays of it are safe.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct enos_parameter_t {
    /// Its name.
    pub name: enos_str_t,
    /// Its value.
    pub value: enos_str_t,
}

/// A topic taken apart. Its layout never changes.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct enos_topic_t {
    /// The product's key: a part of the topic that was given. Empty if the topic is none of EnOS's.
    pub product_key: enos_str_t,
    /// The device's key, likewise; empty too for the `integration.…` kinds.
    pub device_key: enos_str_t,
    /// 1 if it is the topic of a reply, else 0.
    pub is_reply: i32,
    /// Zero.
    pub reserved: i32,
}

/// A hub's URL taken apart. Its layout never changes.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct enos_hub_url_t {
    /// `tcp`, `ssl`, `coap` or `coaps`. Static.
    pub scheme: enos_str_t,
    /// Name or address, without brackets: a part of the URL that was given.
    pub host: enos_str_t,
    /// The port, or the scheme's own where the URL names none.
    pub port: i32,
    /// Zero.
    pub reserved: i32,
}

/// Signs parameters as a device does: names and values in ascending order of the names, then the secret.
///
/// `method` is a name as the vendor's clients write it: `sha256`, `sha1`, `md5`, in any case, with or without `hmac` in
/// front, which changes nothing; `real-hmac-sha1` is the one HMAC. This SDK's devices send `sha256` only. The sign is in
/// lower-case hexadecimal digits.
///
/// The text goes to `buffer` with a NUL behind it, its length without the NUL to `*length`, which may be NULL. Fails with
/// `ENOS_ERR_BUFFER_TOO_SMALL` if `capacity` is not larger than that length, which is written all the same; with
/// `ENOS_ERR_INVALID_ARGUMENT` on another name.
///
/// @threads any
/// @blocking no
/// @callback-safe yes
#[unsafe(no_mangle)]
pub unsafe extern "C" fn enos_inspect_sign(
    method: enos_str_t,
    secret: enos_str_t,
    parameters: *const enos_parameter_t,
    count: usize,
    buffer: *mut c_char,
    capacity: usize,
    length: *mut usize,
    err: *mut enos_error_t,
) -> enos_status_t {
    // SAFETY: all are NULL or the caller's, and borrowed for the call.
    unsafe {
        Buffer { first: buffer, capacity, length }.fill(err, || {
            let (method, secret) = (method.read("method")?, secret.read("secret")?);
            let given = slice(parameters, count, "parameters")?;
            let pairs: Vec<_> = given
                .iter()
                .map(|one| Ok((one.name.read("parameter name")?, one.value.read("parameter value")?)))
                .collect::<Result<_, Error>>()?;
            inspect::sign(method, secret, &pairs)
        })
    }
}

/// The MQTT client identifier that a device signs in with.
///
/// `client` is the device key (in secure mode 4 the product key), `secure_mode` 2 with a device's secret and 3 for an
/// activation. Buffer, length and errors as for `enos_inspect_sign`.
///
/// @threads any
/// @blocking no
/// @callback-safe yes
#[unsafe(no_mangle)]
pub unsafe extern "C" fn enos_inspect_mqtt_client_id(
    client: enos_str_t,
    secure_mode: i32,
    timestamp_ms: u64,
    buffer: *mut c_char,
    capacity: usize,
    length: *mut usize,
    err: *mut enos_error_t,
) -> enos_status_t {
    // SAFETY: all are NULL or the caller's, and borrowed for the call.
    unsafe {
        Buffer { first: buffer, capacity, length }.fill(err, || {
            Ok(inspect::mqtt_client_id(client.read("client")?, mode(secure_mode)?, timestamp_ms))
        })
    }
}

/// The sign of CoAP's sign-in in clear, in upper-case hexadecimal digits. Buffer, length and errors as for
/// `enos_inspect_sign`.
///
/// @threads any
/// @blocking no
/// @callback-safe yes
#[unsafe(no_mangle)]
pub unsafe extern "C" fn enos_inspect_coap_sign(
    product_key: enos_str_t,
    device_key: enos_str_t,
    lifetime_s: u32,
    device_secret: enos_str_t,
    buffer: *mut c_char,
    capacity: usize,
    length: *mut usize,
    err: *mut enos_error_t,
) -> enos_status_t {
    // SAFETY: all are NULL or the caller's, and borrowed for the call.
    unsafe {
        Buffer { first: buffer, capacity, length }.fill(err, || {
            let (product_key, device_key) =
                (product_key.read("product_key")?, device_key.read("device_key")?);
            let secret = device_secret.read("device_secret")?;
            Ok(inspect::coap_sign(product_key, device_key, lifetime_s, secret))
        })
    }
}

/// Who a device is in a DTLS handshake with a pre-shared key. `secure_mode` is 2 with a device's secret and 3 for an
/// activation. Buffer, length and errors as for `enos_inspect_sign`.
///
/// @threads any
/// @blocking no
/// @callback-safe yes
#[unsafe(no_mangle)]
pub unsafe extern "C" fn enos_inspect_coap_psk_identity(
    product_key: enos_str_t,
    device_key: enos_str_t,
    secure_mode: i32,
    lifetime_s: u32,
    buffer: *mut c_char,
    capacity: usize,
    length: *mut usize,
    err: *mut enos_error_t,
) -> enos_status_t {
    // SAFETY: all are NULL or the caller's, and borrowed for the call.
    unsafe {
        Buffer { first: buffer, capacity, length }.fill(err, || {
            let (product_key, device_key) =
                (product_key.read("product_key")?, device_key.read("device_key")?);
            Ok(inspect::coap_psk_identity(product_key, device_key, mode(secure_mode)?, lifetime_s))
        })
    }
}

/// The pre-shared key of a device's or product's secret, in lower-case hexadecimal digits: keep it out of logs. Buffer,
/// length and errors as for `enos_inspect_sign`.
///
/// @threads any
/// @blocking no
/// @callback-safe yes
#[unsafe(no_mangle)]
pub unsafe extern "C" fn enos_inspect_coap_psk_key(
    secret: enos_str_t,
    buffer: *mut c_char,
    capacity: usize,
    length: *mut usize,
    err: *mut enos_error_t,
) -> enos_status_t {
    // SAFETY: all are NULL or the caller's, and borrowed for the call.
    unsafe {
        Buffer { first: buffer, capacity, length }
            .fill(err, || Ok(inspect::coap_psk_key(secret.read("secret")?)))
    }
}

fn mode(secure_mode: i32) -> Result<u8, Error> {
    u8::try_from(secure_mode)
        .map_err(|_| invalid(format!("secure_mode is {secure_mode}. Give 0 to 255, such as 2.")))
}

/// The MQTT user name that a device signs in with. Buffer, length and errors as for `enos_inspect_sign`.
///
/// @threads any
/// @blocking no
/// @callback-safe yes
#[unsafe(no_mangle)]
pub unsafe extern "C" fn enos_inspect_mqtt_username(
    device_key: enos_str_t,
    product_key: enos_str_t,
    buffer: *mut c_char,
    capacity: usize,
    length: *mut usize,
    err: *mut enos_error_t,
) -> enos_status_t {
    // SAFETY: all are NULL or the caller's, and borrowed for the call.
    unsafe {
        Buffer { first: buffer, capacity, length }.fill(err, || {
            Ok(inspect::mqtt_username(device_key.read("device_key")?, product_key.read("product_key")?))
        })
    }
}

/// The MQTT password that a device signs in with; whoever has it can do the same for a while, so keep it out of logs.
///
/// `client` and `timestamp_ms` must be those of `enos_inspect_mqtt_client_id`; the secret is the device's in secure mode
/// 2, the product's in 3 and 4. Buffer, length and errors as for `enos_inspect_sign`.
///
/// @threads any
/// @blocking no
/// @callback-safe yes
#[unsafe(no_mangle)]
pub unsafe extern "C" fn enos_inspect_mqtt_password(
    client: enos_str_t,
    device_key: enos_str_t,
    product_key: enos_str_t,
    timestamp_ms: u64,
    secret: enos_str_t,
    buffer: *mut c_char,
    capacity: usize,
    length: *mut usize,
    err: *mut enos_error_t,
) -> enos_status_t {
    // SAFETY: all are NULL or the caller's, and borrowed for the call.
    unsafe {
        Buffer { first: buffer, capacity, length }.fill(err, || {
            let (device_key, product_key) =
                (device_key.read("device_key")?, product_key.read("product_key")?);
            let (client, secret) = (client.read("client")?, secret.read("secret")?);
            Ok(inspect::mqtt_password(client, device_key, product_key, timestamp_ms, secret))
        })
    }
}

/// A topic or the method of a kind of message: `part` is one of `ENOS_TOPIC_…`.
///
/// `kind` is a name such as `measurepoint.post`; `enos_inspect_topic_kind` tells them all. `argument` is the identifier
/// of the event (`event.post`) or service (`service.invoke`), or the message id (`rrpc`), else empty. The
/// `integration.…` kinds name no device. Buffer, length and errors as for `enos_inspect_sign`;
/// `ENOS_ERR_INVALID_ARGUMENT` also on what cannot be a level of a topic.
///
/// @threads any
/// @blocking no
/// @callback-safe yes
#[unsafe(no_mangle)]
pub unsafe extern "C" fn enos_inspect_topic(
    kind: enos_str_t,
    argument: enos_str_t,
    product_key: enos_str_t,
    device_key: enos_str_t,
    part: i32,
    buffer: *mut c_char,
    capacity: usize,
    length: *mut usize,
    err: *mut enos_error_t,
) -> enos_status_t {
    // SAFETY: all are NULL or the caller's, and borrowed for the call.
    unsafe {
        Buffer { first: buffer, capacity, length }.fill(err, || {
            let (kind, argument) = (kind.read("kind")?, argument.read("argument")?);
            let made = inspect::topic(
                kind,
                argument,
                product_key.read("product_key")?,
                device_key.read("device_key")?,
            )?;
            match part {
                ENOS_TOPIC_REQUEST => Ok(made.topic),
                ENOS_TOPIC_REPLY => Ok(made.reply),
                ENOS_TOPIC_METHOD => Ok(made.method),
                other => Err(invalid(format!("part is {other}. Use one of ENOS_TOPIC_…."))),
            }
        })
    }
}

/// The name of the kind of message at this place, from 0 on; the empty text behind the last. Static.
///
/// @threads any
/// @blocking no
/// @callback-safe yes
#[unsafe(no_mangle)]
pub extern "C" fn enos_inspect_topic_kind(at: usize) -> enos_str_t {
    inspect::TOPIC_KINDS.get(at).map_or(enos_str_t::EMPTY, |name| enos_str_t::lend(name))
}

/// Takes a topic apart as a device does; one that is none of EnOS's gives empty keys and no error.
///
/// The keys are parts of `topic`, which the caller keeps. The method of such messages goes to `buffer`, empty where they
/// carry none. Buffer, length and errors as for `enos_inspect_sign`.
///
/// @threads any
/// @blocking no
/// @callback-safe yes
#[unsafe(no_mangle)]
pub unsafe extern "C" fn enos_inspect_parse_topic(
    topic: enos_str_t,
    out: *mut enos_topic_t,
    buffer: *mut c_char,
    capacity: usize,
    length: *mut usize,
    err: *mut enos_error_t,
) -> enos_status_t {
    let none = enos_topic_t {
        product_key: enos_str_t::EMPTY,
        device_key: enos_str_t::EMPTY,
        is_reply: 0,
        reserved: 0,
    };
    // SAFETY: all are NULL or the caller's, and borrowed for the call.
    unsafe {
        run(err, || {
            let out = place(out, none, "out")?;
            let parsed = inspect::parse_topic(topic.read("topic")?);
            let method = parsed.as_ref().map_or("", |parsed| &parsed.method);
            Buffer { first: buffer, capacity, length }.take(method)?;
            if let Some(parsed) = &parsed {
                out.product_key = enos_str_t::lend(parsed.product_key);
                out.device_key = enos_str_t::lend(parsed.device_key);
                out.is_reply = i32::from(parsed.is_reply);
            }
            Ok(())
        })
    }
}

/// The JSON text of a value as a post carries it. Its quality counts for nothing.
///
/// Buffer, length and errors as for `enos_inspect_sign`; `ENOS_ERR_INVALID_ARGUMENT` also on NaN, on an infinity, and on
/// what is nested deeper than 16.
///
/// @threads any
/// @blocking no
/// @callback-safe yes
#[unsafe(no_mangle)]
pub unsafe extern "C" fn enos_inspect_value_json(
    value: *const enos_value_t,
    buffer: *mut c_char,
    capacity: usize,
    length: *mut usize,
    err: *mut enos_error_t,
) -> enos_status_t {
    // SAFETY: all are NULL or the caller's, and borrowed for the call.
    unsafe { Buffer { first: buffer, capacity, length }.fill(err, || with_value(value, inspect::value_json)) }
}

/// Reads a hub's URL as a client does: `scheme://host[:port][/]`. The host is a part of `url`, which the caller keeps.
///
/// Fails with `ENOS_ERR_INVALID_ARGUMENT`, and says what is wrong with it.
///
/// @threads any
/// @blocking no
/// @callback-safe yes
#[unsafe(no_mangle)]
pub unsafe extern "C" fn enos_inspect_hub_url(
    url: enos_str_t,
    out: *mut enos_hub_url_t,
    err: *mut enos_error_t,
) -> enos_status_t {
    let none = enos_hub_url_t { scheme: enos_str_t::EMPTY, host: enos_str_t::EMPTY, port: 0, reserved: 0 };
    // SAFETY: all are NULL or the caller's, and borrowed for the call.
    unsafe {
        run(err, || {
            let out = place(out, none, "out")?;
            let hub = inspect::hub_url(url.read("url")?)?;
            out.scheme = enos_str_t::lend(hub.scheme);
            out.host = enos_str_t::lend(hub.host);
            out.port = i32::from(hub.port);
            Ok(())
        })
    }
}

/// The status that a code of the hub's replies becomes: `ENOS_ERR_HUB_REJECTED` if the table does not have it.
///
/// @threads any
/// @blocking no
/// @callback-safe yes
#[unsafe(no_mangle)]
pub extern "C" fn enos_inspect_kind_of_hub_code(code: i64) -> enos_status_t {
    answer(status_of(ErrorKind::HubRejected), || Some(status_of(inspect::kind_of_hub_code(code))))
}
