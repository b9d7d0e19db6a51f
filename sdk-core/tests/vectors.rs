//! The golden vectors of `conformance/vectors/vectors.json` against `sign` and `topic`.
//!
//! Every group asserts how many vectors it has checked, so that an emptied file fails.

#![allow(clippy::unwrap_used)]

use enos_core::sign::{SignMethod, mqtt_client_id, mqtt_password, mqtt_username, sign};
use enos_core::topic::{self, Kind};
use enos_core::wire::{Full, Writer};
use serde_json::Value;

fn vectors() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../conformance/vectors/vectors.json");
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn group<'v>(vectors: &'v Value, name: &str) -> &'v [Value] {
    vectors[name].as_array().unwrap()
}

fn text<'v>(vector: &'v Value, key: &str) -> &'v str {
    vector[key].as_str().unwrap_or_else(|| panic!("{key} of {vector}"))
}

fn written(write: impl FnOnce(&mut Writer<'_>) -> Result<(), Full>) -> String {
    let mut out = [0; 512];
    let mut w = Writer::new(&mut out);
    write(&mut w).unwrap();
    String::from_utf8(w.as_slice().to_vec()).unwrap()
}

/// The digest that this client means by a method name, which is not always what the name says.
fn method(sdk: &str, name: &str) -> SignMethod {
    match (sdk, name) {
        ("node", "hmacsha1") => SignMethod::HmacSha1,
        _ => SignMethod::plain(name).unwrap(),
    }
}

/// Clients differ in the case of the digits; a SHA-256 of ours is lower case.
fn assert_sign(vector: &Value, sdk: &str, name: &str, pairs: &[(&str, &str)], secret: &str, expected: &str) {
    let method = method(sdk, name);
    let ours = sign(method, pairs, secret.as_bytes());
    assert!(ours.as_str().eq_ignore_ascii_case(expected), "{vector}");
    assert!(!ours.as_str().contains(|digit: char| digit.is_ascii_uppercase()), "{vector}");
    if matches!(sdk, "java" | "python") && method == SignMethod::Sha256 {
        assert_eq!(ours.as_str(), expected, "{vector}");
    }
}

// Proves: AUTH-1-1
#[test]
fn signatures() {
    let vectors = vectors();
    let mut checked = 0;
    for vector in group(&vectors, "sign") {
        let params = vector["params"].as_object().unwrap();
        let pairs: Vec<_> =
            params.iter().map(|(name, value)| (name.as_str(), value.as_str().unwrap())).collect();
        let (sdk, name) = (text(vector, "sdk"), text(vector, "signMethod"));
        assert_sign(vector, sdk, name, &pairs, text(vector, "secret"), text(vector, "sign"));
        checked += 1;
    }
    assert_eq!(checked, 30);
}

// Proves: AUTH-2-1 AUTH-2.1-5 DEVICE-1
#[test]
fn sign_on() {
    let vectors = vectors();
    let (mut checked, mut strict, mut exact) = (0, 0, 0);
    for vector in group(&vectors, "connect") {
        let (dk, pk) = (text(vector, "deviceKey"), text(vector, "productKey"));
        let (client, secret) = (text(vector, "signedClientId"), text(vector, "secret"));
        let (timestamp, password) = (text(vector, "timestamp"), text(vector, "password"));
        let name = text(vector, "signMethod");
        assert_eq!(written(|w| mqtt_username(w, dk, pk)), text(vector, "username"), "{vector}");
        let pairs = [("clientId", client), ("deviceKey", dk), ("productKey", pk), ("timestamp", timestamp)];
        assert_sign(vector, text(vector, "sdk"), name, &pairs, secret, password);
        checked += 1;
        // Ours: `sha256` and whole milliseconds, or seconds of old.
        if let ("sha256", Ok(timestamp)) = (name, timestamp.parse::<u64>()) {
            let mode = text(vector, "secureMode").parse().unwrap();
            let client_id = written(|w| mqtt_client_id(w, client, mode, timestamp));
            assert_eq!(client_id, text(vector, "mqttClientId"), "{vector}");
            let ours = mqtt_password(client, dk, pk, timestamp, secret.as_bytes());
            assert!(password.as_bytes().eq_ignore_ascii_case(&ours), "{vector}");
            strict += 1;
            exact += usize::from(password.as_bytes() == ours);
        }
    }
    assert_eq!((checked, strict, exact), (33, 24, 17));
}

#[test]
fn sub_device_signatures() {
    let vectors = vectors();
    let (mut messages, mut signatures) = (0, 0);
    for vector in group(&vectors, "subDevice") {
        let params = &vector["expectedParams"];
        let inputs = &vector["inputs"];
        let name = params["signMethod"].as_str().or(params["signmethod"].as_str()).unwrap();
        let timestamp = match &params["timestamp"] {
            Value::String(text) => text.clone(),
            number => number.to_string(),
        };
        let devices = params["subDevices"].as_array().map_or(std::slice::from_ref(params), Vec::as_slice);
        for device in devices {
            let (pk, dk) = (text(device, "productKey"), text(device, "deviceKey"));
            let secret = ["secret", "productSecret", "ds", "ps"]
                .iter()
                .find_map(|key| inputs[key].as_str())
                .or_else(|| inputs["secrets"][dk].as_str())
                .unwrap();
            let pairs = [
                ("clientId", text(params, "clientId")),
                ("timestamp", timestamp.as_str()),
                ("productKey", pk),
                ("deviceKey", dk),
            ];
            assert_sign(vector, text(vector, "sdk"), name, &pairs, secret, text(device, "sign"));
            signatures += 1;
        }
        messages += 1;
    }
    assert_eq!((messages, signatures), (29, 33));
}

#[test]
fn http_signatures() {
    let vectors = vectors();
    let mut checked = 0;
    for vector in group(&vectors, "httpAuth") {
        let lifetime = vector["lifetime"].to_string();
        let pairs = [
            ("deviceKey", text(vector, "deviceKey")),
            ("lifetime", lifetime.as_str()),
            ("productKey", text(vector, "productKey")),
            ("signMethod", "sha256"),
        ];
        assert_sign(vector, "java", "sha256", &pairs, text(vector, "secret"), text(vector, "sign"));
        checked += 1;
    }
    assert_eq!(checked, 3);
}

/// The kind that a vector's name means.
fn kind(vector: &Value) -> Kind<'_> {
    let argument = |key: &str| vector["args"][key].as_str().unwrap();
    match text(vector, "kind") {
        "measurepoint.post" => Kind::MeasurepointPost,
        "measurepoint.post.batch" => Kind::MeasurepointPostBatch,
        "measurepoint.resume" => Kind::MeasurepointResume,
        "measurepoint.resume.batch" => Kind::MeasurepointResumeBatch,
        "attribute.query" => Kind::AttributeQuery,
        "attribute.update" => Kind::AttributeUpdate,
        "attribute.delete" => Kind::AttributeDelete,
        "tag.query" => Kind::TagQuery,
        "tag.update" => Kind::TagUpdate,
        "tag.delete" => Kind::TagDelete,
        "tsl.get" => Kind::TslGet,
        "device.register" => Kind::DeviceRegister,
        "topo.add" => Kind::TopoAdd,
        "topo.delete" => Kind::TopoDelete,
        "topo.get" => Kind::TopoGet,
        "ota.inform" => Kind::OtaInform,
        "ota.progress" => Kind::OtaProgress,
        "ota.getversion" => Kind::OtaGetVersion,
        "log.post" => Kind::LogPost,
        "network.status" => Kind::NetworkStatus,
        "connection.state" => Kind::ConnectionState,
        "event.post" | "event.post dotted id" => Kind::EventPost(argument("eventId")),
        "model.up_raw" => Kind::ModelUpRaw,
        "combine.login" => Kind::CombineLogin,
        "combine.login.batch" => Kind::CombineLoginBatch,
        "combine.logout" => Kind::CombineLogout,
        "integration.measurepoint" => Kind::IntegrationMeasurepoint,
        "integration.event" => Kind::IntegrationEvent,
        "integration.attribute" => Kind::IntegrationAttribute,
        "integration.up_raw" => Kind::IntegrationUpRaw,
        "service.invoke" => Kind::Service(argument("serviceId")),
        "measurepoint.set" => Kind::MeasurepointSet,
        "measurepoint.get" => Kind::MeasurepointGet,
        "model.down_raw" => Kind::ModelDownRaw,
        "combine.enable" => Kind::CombineEnable,
        "thing.enable" => Kind::ThingEnable,
        "combine.disable" => Kind::CombineDisable,
        "thing.disable" => Kind::ThingDisable,
        "combine.delete" => Kind::CombineDelete,
        "thing.delete" => Kind::ThingDelete,
        "ota.upgrade" => Kind::OtaUpgrade,
        "activate.info" => Kind::ActivateInfo,
        "traffic.control" => Kind::TrafficControl,
        "rrpc (legacy 1.1 Java only)" => Kind::Rrpc(argument("msgId")),
        other => panic!("no kind for {other}"),
    }
}

// Proves: TOPIC-1-1
#[test]
fn topics_both_ways() {
    let vectors = vectors();
    let mut checked = 0;
    for vector in group(&vectors, "topics") {
        let (pk, dk, kind) = (text(vector, "productKey"), text(vector, "deviceKey"), kind(vector));
        let (request, reply) = (text(vector, "topic"), text(vector, "replyTopic"));
        assert_eq!(written(|w| topic::write(w, pk, dk, kind)), request);
        assert_eq!(written(|w| topic::write_reply(w, pk, dk, kind)), reply);
        assert_eq!(written(|w| topic::write_method(w, kind)), vector["method"].as_str().unwrap_or_default());
        assert_eq!(kind.has_method(), vector["method"].is_string(), "{vector}");

        let parsed = topic::parse(request).unwrap();
        let device = if request.contains("/integration/") { "" } else { dk };
        assert_eq!((parsed.product_key, parsed.device_key), (pk, device), "{vector}");
        assert_eq!((parsed.kind, parsed.reply), (kind, false), "{vector}");

        let parsed = topic::parse(reply).unwrap();
        assert_eq!((parsed.product_key, parsed.device_key), (pk, device), "{vector}");
        let expected = match kind {
            // To a device everything below `thing/service/` is a command.
            Kind::Service(_) => (Kind::Service("INV.Control_reply"), false),
            Kind::TrafficControl => (kind, false),
            _ => (kind, true),
        };
        assert_eq!((parsed.kind, parsed.reply), expected, "{vector}");
        checked += 1;
    }
    assert_eq!(checked, 45);
}

// Proves: TOPIC-1-4
#[test]
fn topics_of_nobody() {
    let vectors = vectors();
    let mut checked = 0;
    for topic in group(&vectors, "negativeTopics") {
        assert_eq!(topic::parse(topic.as_str().unwrap()), None, "{topic}");
        checked += 1;
    }
    assert_eq!(checked, 5);
}

/// What some clients do otherwise stays theirs: we answer where the protocol says, and route by topic.
#[test]
fn quirks_of_other_clients() {
    let vectors = vectors();
    let quirks = group(&vectors, "topicParseQuirks");
    let [c, java, python] = quirks else { panic!("{} quirks", quirks.len()) };

    let combine = topic::parse(text(c, "received")).unwrap();
    assert_eq!(combine.kind, Kind::CombineDisable);
    let reply = written(|w| topic::write_reply(w, combine.product_key, combine.device_key, combine.kind));
    assert_eq!(reply, "/ext/session/pkA/dkC/combine/disable_reply");
    assert_eq!(topic::parse(text(c, "vendorReplyTopic")).map(|parsed| parsed.product_key), Some("session"));

    let traffic = topic::parse(text(java, "received")).unwrap();
    let reply = written(|w| topic::write_reply(w, traffic.product_key, traffic.device_key, traffic.kind));
    assert_eq!(reply, text(java, "vendorReplyTopic"));

    let event = topic::parse(text(python, "topic")).unwrap();
    assert_eq!(event.kind, Kind::EventPost("ov"));
    assert_ne!(written(|w| topic::write_method(w, event.kind)), text(python, "requestMethod"));
}
