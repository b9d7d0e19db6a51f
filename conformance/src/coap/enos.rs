//! What a device of EnOS says over CoAP (`docs-coap-http.md` A), computed here by itself.

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::message::{Kind, Message, code, option};

/// Content-Format of JSON.
pub const JSON: u32 = 50;

/// A device and its secret.
#[derive(Clone, Copy, Debug)]
pub struct Device<'a> {
    /// Its product.
    pub product_key: &'a str,
    /// Its key.
    pub device_key: &'a str,
    /// Its secret.
    pub secret: &'a str,
}

/// The sign of `POST /auth`: names sorted, no separators, the secret behind, upper case.
#[must_use]
pub fn sign(device: &Device<'_>, lifetime_s: u32) -> String {
    let Device { product_key, device_key, secret } = device;
    let content =
        format!("deviceKey{device_key}lifetime{lifetime_s}productKey{product_key}secureMode2{secret}");
    Sha256::digest(content.as_bytes()).iter().map(|byte| format!("{byte:02X}")).collect()
}

/// The key of DTLS: bytes 9 to 24 of the secret's digest.
#[must_use]
pub fn psk(secret: &str) -> Vec<u8> {
    Sha256::digest(secret.as_bytes())[8..24].to_vec()
}

impl Device<'_> {
    /// The identity of DTLS.
    #[must_use]
    pub fn identity(&self, secure_mode: u8, lifetime_s: u32) -> String {
        format!("{},{},{secure_mode},{lifetime_s}", self.product_key, self.device_key)
    }

    /// The path of a topic below `/sys/{pk}/{dk}/`.
    #[must_use]
    pub fn path(&self, topic: &str) -> String {
        format!("/topic/sys/{}/{}/{topic}", self.product_key, self.device_key)
    }

    /// The sign-in over plain CoAP.
    #[must_use]
    pub fn auth(&self, id: u16, token: &[u8], lifetime_s: u32) -> Message {
        let sign = sign(self, lifetime_s);
        let body = format!("{{\"secureMode\":2,\"lifetime\":{lifetime_s},\"sign\":\"{sign}\"}}");
        Message::new(Kind::Con, code::POST, id, token)
            .with_path(&format!("/auth/{}/{}", self.product_key, self.device_key))
            .with_uint(option::CONTENT_FORMAT, JSON)
            .with_payload(body)
    }

    /// A JSON body for one of the device's topics.
    #[must_use]
    pub fn to(&self, topic: &str, id: u16, token: &[u8], body: impl Into<Vec<u8>>) -> Message {
        Message::new(Kind::Con, code::POST, id, token)
            .with_path(&self.path(topic))
            .with_uint(option::CONTENT_FORMAT, JSON)
            .with_payload(body)
    }

    /// A post of measurepoints.
    #[must_use]
    pub fn post(&self, id: u16, token: &[u8], body: impl Into<Vec<u8>>) -> Message {
        self.to("thing/measurepoint/post", id, token, body)
    }
}

/// The body of a post of measurepoints.
#[must_use]
pub fn points(id: &str, points: &Value, time: i64) -> String {
    json!({ "id": id, "version": "1.0", "method": "thing.measurepoint.post",
            "params": { "measurepoints": points, "time": time } })
    .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sign_and_key_are_those_of_the_vectors() {
        let vectors: Value = serde_json::from_str(include_str!("../../vectors/coap.json")).expect("JSON");
        let mut count = 0;
        for vector in vectors["vectors"].as_array().expect("vectors") {
            let word = |at: usize| vector["input"][at].as_str().unwrap_or_default();
            let device = Device { product_key: word(0), device_key: word(1), secret: word(3) };
            let number = |at: usize| word(at).parse().expect("a number");
            let came = match vector["verb"].as_str() {
                Some("coap_sign") => sign(&device, number(2)),
                Some("coap_auth_payload") => {
                    String::from_utf8(device.auth(1, &[], number(2)).payload).expect("text")
                }
                Some("coap_psk_identity") => device.identity(word(2).parse().expect("a mode"), number(3)),
                Some("coap_psk_key") => psk(word(0)).iter().map(|byte| format!("{byte:02x}")).collect(),
                _ => continue,
            };
            assert_eq!(vector["output"][0], came, "{}", vector["id"]);
            count += 1;
        }
        assert!(count >= 15, "{count}");
    }
}
