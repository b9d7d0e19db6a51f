//! Verbs that need no client: signatures, topics, values, tables.

use enos_runtime::{Error, ErrorKind, inspect};

use crate::lines::Said;
use crate::values;

/// Performs a verb of this module; `None` if it is none.
pub(crate) fn perform(verb: &str, words: &[&str]) -> Option<Said> {
    let said = match (verb, words) {
        ("sign", [method, secret, pairs @ ..]) => signature(method, secret, pairs),
        ("client_id", [client, mode, timestamp]) => client_id(client, mode, timestamp),
        ("username", [device_key, product_key]) => {
            Some(Said::Ok(vec![inspect::mqtt_username(device_key, product_key)]))
        }
        ("password", [client, device_key, product_key, timestamp, secret]) => {
            let password =
                |timestamp| inspect::mqtt_password(client, device_key, product_key, timestamp, secret);
            timestamp.parse().ok().map(|timestamp| Said::Ok(vec![password(timestamp)]))
        }
        ("coap_sign", [product_key, device_key, lifetime, secret]) => lifetime
            .parse()
            .ok()
            .map(|lifetime| Said::Ok(vec![inspect::coap_sign(product_key, device_key, lifetime, secret)])),
        ("coap_psk_identity", [product_key, device_key, mode, lifetime]) => {
            identity(product_key, device_key, mode, lifetime)
        }
        ("coap_psk_key", [secret]) => Some(Said::Ok(vec![inspect::coap_psk_key(secret)])),
        ("topic", [kind, argument, product_key, device_key]) => {
            let topic = inspect::topic(kind, argument, product_key, device_key);
            Some(said(topic, |topic| vec![topic.topic, topic.reply, topic.method]))
        }
        ("topic_parse", [text]) => Some(Said::Ok(parse(text))),
        ("json_value", words) => json(words),
        ("error_kind", [number]) => Some(Said::Ok(kind(number))),
        ("hub_code", [code]) => {
            let kind = |code| inspect::kind_of_hub_code(code).number().to_string();
            code.parse().ok().map(|code| Said::Ok(vec![kind(code)]))
        }
        ("hub_url", [url]) => Some(said(inspect::hub_url(url), |url| {
            vec![url.scheme.to_owned(), url.host.to_owned(), url.port.to_string()]
        })),
        _ => return None,
    };
    Some(said.unwrap_or_else(|| Said::misuse(format!("{verb} cannot take {words:?}"))))
}

fn said<T>(result: Result<T, Error>, words: impl FnOnce(T) -> Vec<String>) -> Said {
    match result {
        Ok(told) => Said::Ok(words(told)),
        Err(error) => Said::Err(error),
    }
}

fn signature(method: &str, secret: &str, pairs: &[&str]) -> Option<Said> {
    let pairs: Option<Vec<_>> = pairs.chunks(2).map(|pair| Some((*pair.first()?, *pair.get(1)?))).collect();
    Some(said(inspect::sign(method, secret, &pairs?), |sign| vec![sign]))
}

fn client_id(client: &str, mode: &str, timestamp: &str) -> Option<Said> {
    let (mode, timestamp) = (mode.parse().ok()?, timestamp.parse().ok()?);
    Some(Said::Ok(vec![inspect::mqtt_client_id(client, mode, timestamp)]))
}

fn identity(product_key: &str, device_key: &str, mode: &str, lifetime: &str) -> Option<Said> {
    let (mode, lifetime) = (mode.parse().ok()?, lifetime.parse().ok()?);
    Some(Said::Ok(vec![inspect::coap_psk_identity(product_key, device_key, mode, lifetime)]))
}

fn parse(text: &str) -> Vec<String> {
    match inspect::parse_topic(text) {
        None => vec!["none".to_owned()],
        Some(parsed) => {
            let way = if parsed.is_reply { "reply" } else { "request" };
            vec![parsed.product_key.to_owned(), parsed.device_key.to_owned(), parsed.method, way.to_owned()]
        }
    }
}

fn json(mut words: &[&str]) -> Option<Said> {
    let value = values::value(&mut words).filter(|_| words.is_empty())?;
    Some(said(inspect::value_json(&value), |json| vec![json]))
}

fn kind(number: &str) -> Vec<String> {
    match number.parse().ok().and_then(ErrorKind::from_number) {
        Some(kind) => vec![
            format!("{kind:?}"),
            kind.c_name().to_owned(),
            kind.retryable().to_string(),
            kind.hint().to_owned(),
        ],
        None => vec!["none".to_owned()],
    }
}
