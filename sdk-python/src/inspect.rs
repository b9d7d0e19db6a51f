//! What a client would put on the wire, for support and for tests.

use crate::error::Raise;
use crate::values::{Nested, Reader, Room};
use enos_core::json::MAX_DEPTH;
use enos_runtime::inspect;
use pyo3::prelude::*;

/// The sign of named parameters.
#[pyfunction]
pub(crate) fn sign(
    py: Python<'_>,
    method: &str,
    secret: &str,
    parameters: Vec<(String, String)>,
) -> PyResult<String> {
    let pairs: Vec<_> = parameters.iter().map(|(name, value)| (&**name, &**value)).collect();
    inspect::sign(method, secret, &pairs).raise(py)
}

/// The MQTT client identifier.
#[pyfunction]
pub(crate) fn mqtt_client_id(client: &str, secure_mode: u8, timestamp_ms: u64) -> String {
    inspect::mqtt_client_id(client, secure_mode, timestamp_ms)
}

/// The MQTT user name.
#[pyfunction]
pub(crate) fn mqtt_username(device_key: &str, product_key: &str) -> String {
    inspect::mqtt_username(device_key, product_key)
}

/// The MQTT password.
#[pyfunction]
pub(crate) fn mqtt_password(
    client: &str,
    device_key: &str,
    product_key: &str,
    timestamp_ms: u64,
    secret: &str,
) -> String {
    inspect::mqtt_password(client, device_key, product_key, timestamp_ms, secret)
}

/// The sign of CoAP's sign-in in clear.
#[pyfunction]
pub(crate) fn coap_sign(product_key: &str, device_key: &str, lifetime_s: u32, device_secret: &str) -> String {
    inspect::coap_sign(product_key, device_key, lifetime_s, device_secret)
}

/// Who a device is in a DTLS handshake with a pre-shared key.
#[pyfunction]
pub(crate) fn coap_psk_identity(
    product_key: &str,
    device_key: &str,
    secure_mode: u8,
    lifetime_s: u32,
) -> String {
    inspect::coap_psk_identity(product_key, device_key, secure_mode, lifetime_s)
}

/// The pre-shared key of a secret.
#[pyfunction]
pub(crate) fn coap_psk_key(secret: &str) -> String {
    inspect::coap_psk_key(secret)
}

/// Topic, reply topic and method of a kind of message.
#[pyfunction]
pub(crate) fn topic(
    py: Python<'_>,
    kind: &str,
    argument: &str,
    product_key: &str,
    device_key: &str,
) -> PyResult<(String, String, String)> {
    let topic = inspect::topic(kind, argument, product_key, device_key).raise(py)?;
    Ok((topic.topic, topic.reply, topic.method))
}

/// The kinds that `topic` knows.
#[pyfunction]
pub(crate) fn topic_kinds() -> Vec<&'static str> {
    inspect::TOPIC_KINDS.to_vec()
}

/// Product key, device key, method and whether it is a reply's; None for what is no topic of EnOS.
#[pyfunction]
pub(crate) fn parse_topic(topic: &str) -> Option<(String, String, String, bool)> {
    let parsed = inspect::parse_topic(topic)?;
    Some((parsed.product_key.to_owned(), parsed.device_key.to_owned(), parsed.method, parsed.is_reply))
}

/// The JSON text of a value.
#[pyfunction]
pub(crate) fn value_json(value: &Bound<'_, PyAny>) -> PyResult<String> {
    let (room, nested) = (Room::new(), Nested::new());
    let value_read = Reader::new(&room, &nested).value(value, MAX_DEPTH)?;
    inspect::value_json(&value_read).raise(value.py())
}

/// Scheme, host and port of a hub's URL.
#[pyfunction]
pub(crate) fn hub_url(py: Python<'_>, url: &str) -> PyResult<(String, String, u16)> {
    let hub = inspect::hub_url(url).raise(py)?;
    Ok((hub.scheme.to_owned(), hub.host.to_owned(), hub.port))
}
