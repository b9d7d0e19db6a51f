//! What the SDK puts on the wire, without a client: for support, for comparing with a capture, and for vectors.
//!
//! Pure functions over the core, the same that a client runs. Owns nothing but the names of the kinds of topics;
//! refuses to send. A secret goes in and never comes out, but a password lets whoever has it sign in: keep it out of
//! logs. No function here waits, and each may be called from any thread.

use crate::error::shown;
use crate::{Error, ErrorKind, Value};
use enos_core::Hub;
use enos_core::json::{JsonWriter, check_value, write_value};
use enos_core::sign::{self, SignMethod};
use enos_core::topic::{self, Kind, is_level};
use enos_core::wire::{Full, Writer};

/// Room for a text at the first try; it doubles until the text fits.
const FIRST_ROOM: usize = 256;

/// Signs parameters: names and values in ascending order of the names, then the secret (`auth.md` §1).
///
/// `method` is a name as the vendor's clients write it, in any case: `sha256`, `sha1`, `md5`, each with or without
/// `hmac` in front, which changes nothing; the empty name is SHA-1. `real-hmac-sha1` is the HMAC that one vendor client
/// uses. A device of this SDK sends `sha256` only. The sign is in lower-case hexadecimal digits.
///
/// Fails with [`ErrorKind::InvalidArgument`] on another name.
pub fn sign(method: &str, secret: &str, parameters: &[(&str, &str)]) -> Result<String, Error> {
    let known = match method {
        "real-hmac-sha1" => Some(SignMethod::HmacSha1),
        name => SignMethod::plain(name),
    };
    let known = known.ok_or_else(|| {
        let shown = shown(method);
        Error::invalid(format!("no sign method is called {shown}. Use sha256, sha1, md5 or real-hmac-sha1."))
    })?;
    Ok(sign::sign(known, parameters, secret.as_bytes()).as_str().to_owned())
}

/// The MQTT client identifier (`auth.md` §2.1).
///
/// `client` is the device key, and the product key in secure mode 4. `secure_mode` is 2 for a device's secret, 3 for an
/// activation. `timestamp_ms` counts milliseconds since 1970.
pub fn mqtt_client_id(client: &str, secure_mode: u8, timestamp_ms: u64) -> String {
    written(|room| {
        let mut w = Writer::new(room);
        sign::mqtt_client_id(&mut w, client, secure_mode, timestamp_ms).map(|()| w.len())
    })
}

/// The MQTT user name (`auth.md` §2.1).
pub fn mqtt_username(device_key: &str, product_key: &str) -> String {
    written(|room| {
        let mut w = Writer::new(room);
        sign::mqtt_username(&mut w, device_key, product_key).map(|()| w.len())
    })
}

/// The MQTT password: a sign over client, keys, time and secret in lower-case hexadecimal digits (`auth.md` §2.1).
///
/// `client` and `timestamp_ms` must be those of [`mqtt_client_id`]. `secret` is the device's in secure mode 2, the
/// product's in 3 and 4.
pub fn mqtt_password(
    client: &str,
    device_key: &str,
    product_key: &str,
    timestamp_ms: u64,
    secret: &str,
) -> String {
    let digits = sign::mqtt_password(client, device_key, product_key, timestamp_ms, secret.as_bytes());
    digits.iter().map(|digit| char::from(*digit)).collect()
}

/// The sign of CoAP's sign-in in clear, `POST /auth/{product key}/{device key}` (`docs-coap-http.md` A.3), in upper-case
/// hexadecimal digits.
pub fn coap_sign(product_key: &str, device_key: &str, lifetime_s: u32, device_secret: &str) -> String {
    let digits = sign::coap_sign(device_key, lifetime_s, product_key, device_secret.as_bytes());
    digits.iter().map(|digit| char::from(*digit)).collect()
}

/// Who the device is in a DTLS handshake with a pre-shared key (`docs-coap-http.md` A.2). `secure_mode` is 2 for a
/// device's secret, 3 for an activation.
pub fn coap_psk_identity(product_key: &str, device_key: &str, secure_mode: u8, lifetime_s: u32) -> String {
    written(|room| {
        let mut w = Writer::new(room);
        sign::psk_identity(&mut w, product_key, device_key, secure_mode, lifetime_s).map(|()| w.len())
    })
}

/// The pre-shared key of a secret: bytes 9 to 24 of its SHA-256, in lower-case hexadecimal digits. `secret` is the
/// device's in secure mode 2, the product's in 3. Whoever has the key can sign in: keep it out of logs.
pub fn coap_psk_key(secret: &str) -> String {
    sign::psk_key(secret.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Where messages of one kind go, for one device.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Topic {
    /// The topic of the request or command.
    pub topic: String,
    /// The topic of its reply.
    pub reply: String,
    /// The `method` in its envelope; empty where such messages carry none.
    pub method: String,
}

/// The topics of a kind of message, and its method (`topics.md` §2 and §3).
///
/// `kind` is one of [`TOPIC_KINDS`]. `argument` is the identifier of the event (`event.post`) or service
/// (`service.invoke`), or the message id (`rrpc`); for every other kind it is empty. The `integration.…` kinds name no
/// device: their `device_key` counts for nothing.
///
/// Fails with [`ErrorKind::InvalidArgument`] on another kind, and on a key or an argument that cannot be one level of a
/// topic: an empty one, or one that holds `/`, `+`, `#`, `"`, `\` or a control character.
pub fn topic(kind: &str, argument: &str, product_key: &str, device_key: &str) -> Result<Topic, Error> {
    let known = kind_named(kind, argument).ok_or_else(|| {
        Error::invalid(format!(
            "no kind of message is called {}. inspect::TOPIC_KINDS lists them.",
            shown(kind)
        ))
    })?;
    let takes_argument = matches!(known, Kind::EventPost(_) | Kind::Service(_) | Kind::Rrpc(_));
    if !takes_argument && !argument.is_empty() {
        return Err(Error::invalid(format!(
            "{kind} takes no argument, and got {}. Leave it empty.",
            shown(argument)
        )));
    }
    let levels = [
        ("product_key", product_key, true),
        ("device_key", device_key, true),
        ("argument", argument, takes_argument),
    ];
    for (name, level, needed) in levels {
        if needed && !is_level(level) && !(name == "device_key" && kind.starts_with("integration.")) {
            return Err(Error::invalid(format!(
                "{name} {} cannot be a level of a topic. Give one that is not empty and holds none of / + # \" \\ and \
                 control characters.",
                shown(level)
            )));
        }
    }
    let text = |write: &dyn Fn(&mut Writer<'_>) -> Result<(), Full>| {
        written(|room| {
            let mut w = Writer::new(room);
            write(&mut w).map(|()| w.len())
        })
    };
    Ok(Topic {
        topic: text(&|w| topic::write(w, product_key, device_key, known)),
        reply: text(&|w| topic::write_reply(w, product_key, device_key, known)),
        method: text(&|w| topic::write_method(w, known)),
    })
}

/// A topic taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ParsedTopic<'a> {
    /// The product's key.
    pub product_key: &'a str,
    /// The device's key; empty for the `integration.…` kinds.
    pub device_key: &'a str,
    /// The method of such messages; empty where they carry none.
    pub method: String,
    /// Whether it is the topic of a reply.
    pub is_reply: bool,
}

/// Takes a topic apart as a device does; `None` if it is none of EnOS's (`topics.md` §2 and §3).
///
/// Whatever stands behind `thing/service/` is a command, also if it ends in `_reply`: no device is sent such a reply.
pub fn parse_topic(topic: &str) -> Option<ParsedTopic<'_>> {
    let parsed = topic::parse(topic)?;
    Some(ParsedTopic {
        product_key: parsed.product_key,
        device_key: parsed.device_key,
        method: written(|room| {
            let mut w = Writer::new(room);
            topic::write_method(&mut w, parsed.kind).map(|()| w.len())
        }),
        is_reply: parsed.reply,
    })
}

/// The JSON text of a value as a post carries it (`payloads.md` §1.3): a double keeps a `.` or an exponent.
///
/// Fails with [`ErrorKind::InvalidArgument`] on NaN, on an infinity, and on what is nested deeper than 16.
pub fn value_json(value: &Value<'_>) -> Result<String, Error> {
    check_value(value).map_err(|error| {
        Error::invalid(format!(
            "the value has no JSON text: {error}. Send a finite one, nested at most 16 deep."
        ))
    })?;
    Ok(written(|room| {
        let mut w = JsonWriter::new(room);
        write_value(&mut w, value).map(|()| w.len())
    }))
}

/// A hub's URL taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct HubUrl<'a> {
    /// `tcp` or `ssl`.
    pub scheme: &'static str,
    /// Name or address, without brackets.
    pub host: &'a str,
    /// The port, or the scheme's own where the URL names none.
    pub port: u16,
}

/// Reads a hub's URL as a client does: `scheme://host[:port][/]`.
///
/// Fails with [`ErrorKind::InvalidArgument`], and says what is wrong with it.
pub fn hub_url(url: &str) -> Result<HubUrl<'_>, Error> {
    let hub = Hub::parse(url)?;
    Ok(HubUrl { scheme: hub.scheme.name(), host: hub.host, port: hub.port })
}

/// The kind that a code of the hub's replies becomes; one that is not in the table is [`ErrorKind::HubRejected`].
pub fn kind_of_hub_code(code: i64) -> ErrorKind {
    ErrorKind::of_hub_code(code)
}

/// Writes into a room that grows until the text fits; the writer answers with the text's length.
fn written(write: impl Fn(&mut [u8]) -> Result<usize, Full>) -> String {
    let mut room = vec![0; FIRST_ROOM];
    loop {
        if let Ok(len) = write(&mut room) {
            room.truncate(len);
            return String::from_utf8(room).expect("all that is written is made of texts");
        }
        room.resize(room.len() * 2, 0);
    }
}

macro_rules! kinds {
    ($($plain:literal => $kind:ident,)* ; $($named:literal => $with:ident,)*) => {
        /// The names of all kinds of messages, for [`topic()`].
        pub const TOPIC_KINDS: &[&str] = &[$($plain,)* $($named,)*];

        fn kind_named<'a>(name: &str, argument: &'a str) -> Option<Kind<'a>> {
            Some(match name {
                $($plain => Kind::$kind,)*
                $($named => Kind::$with(argument),)*
                _ => return None,
            })
        }
    };
}

kinds! {
    "measurepoint.post" => MeasurepointPost,
    "measurepoint.post.batch" => MeasurepointPostBatch,
    "measurepoint.resume" => MeasurepointResume,
    "measurepoint.resume.batch" => MeasurepointResumeBatch,
    "attribute.query" => AttributeQuery,
    "attribute.update" => AttributeUpdate,
    "attribute.delete" => AttributeDelete,
    "tag.query" => TagQuery,
    "tag.update" => TagUpdate,
    "tag.delete" => TagDelete,
    "tsl.get" => TslGet,
    "device.register" => DeviceRegister,
    "topo.add" => TopoAdd,
    "topo.delete" => TopoDelete,
    "topo.get" => TopoGet,
    "ota.inform" => OtaInform,
    "ota.progress" => OtaProgress,
    "ota.getversion" => OtaGetVersion,
    "ota.upgrade" => OtaUpgrade,
    "log.post" => LogPost,
    "network.status" => NetworkStatus,
    "connection.state" => ConnectionState,
    "model.up_raw" => ModelUpRaw,
    "model.down_raw" => ModelDownRaw,
    "combine.login" => CombineLogin,
    "combine.login.batch" => CombineLoginBatch,
    "combine.logout" => CombineLogout,
    "combine.enable" => CombineEnable,
    "combine.disable" => CombineDisable,
    "combine.delete" => CombineDelete,
    "integration.measurepoint" => IntegrationMeasurepoint,
    "integration.event" => IntegrationEvent,
    "integration.attribute" => IntegrationAttribute,
    "integration.up_raw" => IntegrationUpRaw,
    "measurepoint.set" => MeasurepointSet,
    "measurepoint.get" => MeasurepointGet,
    "thing.enable" => ThingEnable,
    "thing.disable" => ThingDisable,
    "thing.delete" => ThingDelete,
    "activate.info" => ActivateInfo,
    "traffic.control" => TrafficControl,
    ;
    "event.post" => EventPost,
    "service.invoke" => Service,
    "rrpc" => Rrpc,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_a_name_and_its_topic_is_read_back() {
        let mut seen = Vec::new();
        for name in TOPIC_KINDS {
            let argument = if matches!(*name, "event.post" | "service.invoke" | "rrpc") { "x.1" } else { "" };
            let made = topic(name, argument, "pk", "dk").unwrap();
            let parsed = parse_topic(&made.topic).unwrap();
            assert_eq!((parsed.product_key, &parsed.method), ("pk", &made.method), "{name}");
            assert!(!parsed.is_reply, "{name}");
            seen.push(kind_named(name, "x"));
        }
        assert!(Kind::PLAIN.iter().all(|kind| seen.contains(&Some(*kind))));
        assert_eq!(seen.len(), Kind::PLAIN.len() + 3);
    }

    #[test]
    fn topics_take_levels_only() {
        let ok = topic("event.post", "over.heat", "pk", "温度").unwrap();
        assert_eq!(ok.reply, "/sys/pk/温度/thing/event/over.heat/post_reply");
        for (kind, argument, product_key, device_key, says) in [
            ("telemetry", "", "pk", "dk", "TOPIC_KINDS"),
            ("tag.query", "x", "pk", "dk", "takes no argument"),
            ("event.post", "", "pk", "dk", "argument"),
            ("event.post", "a/b", "pk", "dk", "argument"),
            ("tag.query", "", "", "dk", "product_key"),
            ("tag.query", "", "pk", "d+k", "device_key"),
            ("integration.event", "", "p#k", "", "product_key"),
        ] {
            let error = topic(kind, argument, product_key, device_key).unwrap_err();
            assert_eq!(error.kind, ErrorKind::InvalidArgument, "{kind}");
            assert!(error.message.contains(says), "{error}");
        }
        assert_eq!(topic("integration.event", "", "pk", "").unwrap().topic, "/sys/pk/integration/event/post");
        assert_eq!(parse_topic("/sys/pk/dk/thing/nothing"), None);
    }

    #[test]
    fn a_password_is_the_sign_of_its_parameters() {
        let pairs = [("timestamp", "17"), ("productKey", "pk"), ("deviceKey", "dk"), ("clientId", "c")];
        let password = mqtt_password("c", "dk", "pk", 17, "secret");
        assert_eq!(sign("hmacSHA256", "secret", &pairs).unwrap(), password);
        assert_eq!(mqtt_client_id("c", 3, 17), "c|securemode=3,signmethod=sha256,timestamp=17|");
        assert_eq!(mqtt_username("dk", "pk"), "dk&pk");
        assert_ne!(sign("real-hmac-sha1", "secret", &pairs), sign("hmacsha1", "secret", &pairs));
        let error = sign("sha512", "canary", &pairs).unwrap_err();
        assert!(error.message.contains("sha512") && !error.message.contains("canary"), "{error}");
    }

    #[test]
    fn texts_of_any_length_are_written_whole() {
        for len in [0, 1, FIRST_ROOM - 2, FIRST_ROOM - 1, FIRST_ROOM, 100_000] {
            let text = "é".repeat(len);
            assert_eq!(value_json(&Value::Str(&text)).unwrap(), format!("\"{text}\""));
            assert_eq!(mqtt_username(&text, "pk"), format!("{text}&pk"));
        }
        assert_eq!(value_json(&Value::Float(2.0)).unwrap(), "2.0");
        assert_eq!(value_json(&Value::Float(f64::NAN)).unwrap_err().kind, ErrorKind::InvalidArgument);
    }

    #[test]
    fn urls_and_codes_are_read_as_a_client_reads_them() {
        let read = hub_url("SSL://[::1]/").unwrap();
        assert_eq!((read.scheme, read.host, read.port), ("ssl", "::1", 18883));
        assert_eq!(hub_url("ftp://a").unwrap_err().kind, ErrorKind::InvalidArgument);
        assert_eq!(kind_of_hub_code(742), ErrorKind::SignatureRejected);
        assert_eq!(kind_of_hub_code(-5), ErrorKind::HubRejected);
    }
}
