//! The devices of the load: their seed, their sign-in, their posts.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::bench::payload::{self, PRODUCT_KEY};
use crate::bench::{Outcome, mqtt};

/// The product whose devices need a client certificate.
pub(crate) const MUTUAL_KEY: &str = "Ce7rT1Qz";

/// A device's key.
pub(crate) fn key(number: u32) -> String {
    format!("d-{number:05}")
}

/// A device's secret; the plugin of mosquitto makes it in the same way.
fn secret(device_key: &str) -> String {
    format!("secret-of-{device_key}")
}

/// A world with that many devices of either product.
pub(crate) fn seed(plain: u32, mutual: u32) -> String {
    let double =
        |min: f64, max: f64| json!({"dataType": "DOUBLE", "dataDefinition": {"min": min, "max": max}});
    let named = |name: &str, mut point: Value| {
        point["identifier"] = name.into();
        point
    };
    let devices: Vec<Value> = [(PRODUCT_KEY, plain), (MUTUAL_KEY, mutual)]
        .into_iter()
        .flat_map(|(product, count)| (0..count).map(move |number| (product, key(number))))
        .map(|(product, key)| json!({"productKey": product, "deviceKey": key, "deviceSecret": secret(&key)}))
        .collect();
    json!({
        "version": 1,
        "orgId": "o1",
        "models": [{
            "modelId": "bench",
            "measurepoints": {
                "temp": named("temp", double(-60.0, 150.0)),
                "speed": named("speed", json!({"dataType": "INT", "dataDefinition": {"min": 0}})),
                "power": named("power", double(-100.0, 6000.0)),
                "state": named("state", json!({"dataType": "STRING", "dataDefinition": {"maxLength": 64}})),
            },
            "services": {payload::SERVICE: {
                "identifier": payload::SERVICE,
                "callType": "SYNC",
                "inputData": [{"identifier": "delay", "dataType": "INT"}],
                "outputData": [],
            }},
        }],
        "products": [
            {"productKey": PRODUCT_KEY, "productSecret": "PsEcret01", "modelId": "bench"},
            {"productKey": MUTUAL_KEY, "productSecret": "PsEcret04", "modelId": "bench", "biDirectionalAuth": true},
        ],
        "devices": devices,
    })
    .to_string()
}

/// Milliseconds since 1970.
pub(crate) fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or_default()
}

/// The CONNECT of a device, signed with its secret (`auth.md` §1, §2).
pub(crate) fn connect(product_key: &str, device_key: &str) -> Outcome<Vec<u8>> {
    let timestamp = now_ms();
    let mut digest = Sha256::new();
    digest.update(format!(
        "clientId{device_key}deviceKey{device_key}productKey{product_key}timestamp{timestamp}{}",
        secret(device_key)
    ));
    let password: String = digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    let client_id = format!("{device_key}|securemode=2,signmethod=sha256,timestamp={timestamp}|");
    let mut out = Vec::new();
    mqtt::put_signed_connect(&mut out, &client_id, &format!("{device_key}&{product_key}"), &password, 240)?;
    Ok(out)
}

/// A post of one device, ready on the wire; number, time and packet identifier are written into it.
pub(crate) struct Post {
    bytes: Vec<u8>,
    identifier_at: Option<usize>,
    id_at: usize,
    time_at: usize,
    count: u32,
    first_ms: u64,
}

/// As long as any number that a run gets to.
const FIRST_ID: u32 = 10_000_000;

impl Post {
    /// The first post of a device; times begin at `first_ms`, each post has one of its own.
    pub(crate) fn new(device_key: &str, qos: u8, first_ms: u64) -> Outcome<Self> {
        let topic = payload::post_topic(device_key);
        let mut bytes = Vec::new();
        let identifier = (qos > 0).then_some(1);
        mqtt::put_publish(&mut bytes, &topic, identifier, payload::post(FIRST_ID).as_bytes())?;
        let find = |text: String| {
            let at = bytes.windows(text.len()).position(|part| part == text.as_bytes());
            at.ok_or("a post without number or time")
        };
        let (id_at, time_at) = (find(FIRST_ID.to_string())?, find(payload::TIME_MS.to_string())?);
        let topic_at = find(topic.clone())?;
        let identifier_at = identifier.map(|_| topic_at + topic.len());
        Ok(Self { bytes, identifier_at, id_at, time_at, count: 0, first_ms })
    }

    /// Appends the next post.
    pub(crate) fn put_next(&mut self, out: &mut Vec<u8>) {
        put_digits(&mut self.bytes[self.id_at..self.id_at + 8], (FIRST_ID + self.count).into());
        put_digits(&mut self.bytes[self.time_at..self.time_at + 13], self.first_ms + u64::from(self.count));
        if let Some(at) = self.identifier_at {
            let identifier = (self.count % 60_000 + 1) as u16;
            self.bytes[at..at + 2].copy_from_slice(&identifier.to_be_bytes());
        }
        self.count += 1;
        out.extend_from_slice(&self.bytes);
    }
}

fn put_digits(place: &mut [u8], mut number: u64) {
    for digit in place.iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_post_has_number_time_and_identifier_of_its_own() {
        let mut post = Post::new("d-00001", 1, 1_700_000_000_000).unwrap();
        let mut out = Vec::new();
        post.put_next(&mut out);
        post.put_next(&mut out);
        let mut seen = Vec::new();
        mqtt::each_packet(&out, |packet| {
            let publish = packet.publish()?;
            assert_eq!(publish.topic, payload::post_topic("d-00001"));
            let body: Value = serde_json::from_slice(publish.payload)?;
            seen.push((publish.identifier, body["id"].clone(), body["params"]["time"].clone()));
            Ok(())
        })
        .unwrap();
        assert_eq!(
            seen,
            [
                (Some(1), json!("10000000"), json!(1_700_000_000_000_u64)),
                (Some(2), json!("10000001"), json!(1_700_000_000_001_u64))
            ]
        );
    }
}
