//! The golden vectors against the hub's own signing and topic code, which it shares with nobody.

use serde_json::Value;

use super::{client_id, sign, topic};

fn vectors(key: &str) -> Vec<Value> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../conformance/vectors/vectors.json");
    let text = std::fs::read_to_string(path).unwrap();
    let all: Value = serde_json::from_str(&text).unwrap();
    let found = all[key].as_array().unwrap().clone();
    assert!(found.len() > 4, "no vectors under {key}");
    found
}

fn text<'a>(vector: &'a Value, key: &str) -> &'a str {
    vector[key].as_str().unwrap_or_else(|| panic!("{key} is no text in {vector}"))
}

/// A JSON scalar as it stands in the signed content.
fn scalar(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

// Proves: AUTH-1-1 AUTH-1-6
#[test]
fn every_sign_vector_verifies() {
    for vector in vectors("sign") {
        let owned: Vec<(String, String)> =
            vector["params"].as_object().unwrap().iter().map(|(k, v)| (k.clone(), scalar(v))).collect();
        let mut parameters: Vec<(&str, &str)> = owned.iter().map(|(k, v)| (&**k, &**v)).collect();
        let content = sign::content(&mut parameters);
        let secret = text(&vector, "secret");
        assert_eq!(format!("{content}{secret}"), text(&vector, "content"), "{}", vector["name"]);
        let method = sign::SignMethod::parse(text(&vector, "signMethod")).unwrap();
        let signature = text(&vector, "sign").as_bytes();
        assert!(sign::verify(method, &content, secret, signature), "{}", vector["name"]);
        assert!(!sign::verify(method, &content, &format!("{secret}x"), signature), "{}", vector["name"]);
    }
}

// Proves: AUTH-2-1 AUTH-2-3 AUTH-2.1-2
#[test]
fn every_connect_vector_verifies() {
    for vector in vectors("connect") {
        let id = client_id::parse(text(&vector, "mqttClientId")).unwrap();
        assert_eq!(id.signed, text(&vector, "signedClientId"));
        assert_eq!(id.secure_mode, Some(text(&vector, "secureMode")));
        let (device_key, product_key) = client_id::parse_username(text(&vector, "username")).unwrap();
        let method = sign::SignMethod::parse(id.sign_method.unwrap()).unwrap();
        let content = sign::login_content(id.signed, device_key, product_key, id.timestamp.unwrap());
        let (secret, password) = (text(&vector, "secret"), text(&vector, "password"));
        assert!(sign::verify(method, &content, secret, password.as_bytes()), "{}", vector["name"]);
        assert!(!sign::verify(method, &content, "another", password.as_bytes()), "{}", vector["name"]);
    }
}

#[test]
fn every_sub_device_vector_verifies() {
    let mut checked = 0;
    for vector in vectors("subDevice") {
        let shared = &vector["expectedParams"];
        let elements = match shared["subDevices"].as_array() {
            Some(batch) => batch.clone(),
            None => vec![shared.clone()],
        };
        let method = shared.get("signMethod").or(shared.get("signmethod")).unwrap();
        let method = sign::SignMethod::parse(method.as_str().unwrap()).unwrap();
        let contents = match vector["contents"].as_array() {
            Some(batch) => batch.iter().map(|item| item.as_str().unwrap().to_owned()).collect(),
            None => vec![text(&vector, "content").to_owned()],
        };
        assert_eq!(elements.len(), contents.len());
        for (element, expected) in elements.iter().zip(contents) {
            let content = sign::login_content(
                text(shared, "clientId"),
                text(element, "deviceKey"),
                text(element, "productKey"),
                &scalar(&shared["timestamp"]),
            );
            let secret = expected.strip_prefix(&content).unwrap();
            let signature = text(element, "sign").as_bytes();
            assert!(sign::verify(method, &content, secret, signature), "{}", vector["name"]);
            checked += 1;
        }
    }
    assert!(checked >= 29);
}

#[test]
fn topics_of_devices_are_cut_as_the_vectors_say() {
    let mut checked = 0;
    for vector in vectors("topics") {
        let Some(cut) = topic::parse(text(&vector, "topic")) else {
            assert!(text(&vector, "topic").contains("/integration/"), "{vector}");
            continue;
        };
        if text(&vector, "topic").contains("/integration/") {
            continue;
        }
        assert_eq!(cut.product_key, text(&vector, "productKey"));
        assert_eq!(cut.device_key, text(&vector, "deviceKey"));
        let served = matches!(cut.kind, topic::Kind::MeasurepointPost);
        assert_eq!(served, vector["kind"] == "measurepoint.post", "{vector}");
        if let topic::Kind::Other(segments) = cut.kind
            && let Some(method) = vector["method"].as_str()
        {
            assert_eq!(topic::method_of(segments), method, "{vector}");
        }
        checked += 1;
    }
    assert!(checked > 30);
}
