//! The one signature of EnOS: a digest over sorted names and values with the secret at the end (`auth.md` §1).

use hmac::{Hmac, KeyInit, Mac};
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256};

/// A digest that a client may name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SignDigest {
    Sha256,
    Sha1,
    Md5,
}

/// A sign method as named by a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SignMethod {
    pub(crate) digest: SignDigest,
    /// The client wrote `hmacsha1`: the vendor's Node SDK then sends a real HMAC, all others a plain digest.
    may_be_hmac: bool,
}

impl SignMethod {
    /// Reads a method name: any case, a leading `hmac` means nothing; `None` for an unknown one.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        let name = name.trim().to_ascii_lowercase();
        let plain = name.strip_prefix("hmac").unwrap_or(&name);
        let digest = match plain {
            "sha256" => SignDigest::Sha256,
            // The vendor's Java SDK takes an empty name for SHA-1.
            "sha1" | "" => SignDigest::Sha1,
            "md5" => SignDigest::Md5,
            _ => return None,
        };
        Some(Self { digest, may_be_hmac: name == "hmacsha1" })
    }

    /// The method whose hex digest has this length, for clients that name none.
    pub(crate) fn by_length(hex_length: usize) -> Option<Self> {
        let digest = match hex_length {
            64 => SignDigest::Sha256,
            40 => SignDigest::Sha1,
            32 => SignDigest::Md5,
            _ => return None,
        };
        Some(Self { digest, may_be_hmac: false })
    }
}

/// Builds the text to sign, without the secret: names in ascending order, each followed by its value.
pub(crate) fn content(parameters: &mut [(&str, &str)]) -> String {
    parameters.sort_unstable_by_key(|(name, _)| *name);
    parameters.iter().fold(String::with_capacity(128), |mut text, (name, value)| {
        text.push_str(name);
        text.push_str(value);
        text
    })
}

/// Builds the text that a login signs, without the secret.
pub(crate) fn login_content(client_id: &str, device_key: &str, product_key: &str, timestamp: &str) -> String {
    content(&mut [
        ("clientId", client_id),
        ("deviceKey", device_key),
        ("productKey", product_key),
        ("timestamp", timestamp),
    ])
}

/// Tells whether `signature` (hex, any case) signs `content` with `secret`.
pub(crate) fn verify(method: SignMethod, content: &str, secret: &str, signature: &[u8]) -> bool {
    let message = [content.as_bytes(), secret.as_bytes()];
    let plain = match method.digest {
        SignDigest::Sha256 => equals_hex(&digest::<Sha256>(message), signature),
        SignDigest::Sha1 => equals_hex(&digest::<Sha1>(message), signature),
        SignDigest::Md5 => equals_hex(&digest::<Md5>(message), signature),
    };
    plain || (method.may_be_hmac && equals_hex(&hmac_sha1(message, secret), signature))
}

/// The lower-case hex SHA-256 of the parts joined, as the REST token service uses it (`docs-model.md` §9.1).
pub(crate) fn sha256_hex(parts: &[&str]) -> String {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update(part.as_bytes());
    }
    hex(&hasher.finalize())
}

/// Writes bytes as lower-case hex.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        for nibble in [byte >> 4, byte & 0xf] {
            text.push(char::from_digit(u32::from(nibble), 16).unwrap_or('0'));
        }
    }
    text
}

fn digest<D: Digest>(message: [&[u8]; 2]) -> Vec<u8> {
    let mut hasher = D::new();
    hasher.update(message[0]);
    hasher.update(message[1]);
    hasher.finalize().to_vec()
}

fn hmac_sha1(message: [&[u8]; 2], secret: &str) -> Vec<u8> {
    // HMAC takes a key of any length, so the error branch cannot be reached; an empty result equals no signature.
    let Ok(mut mac) = Hmac::<Sha1>::new_from_slice(secret.as_bytes()) else { return Vec::new() };
    mac.update(message[0]);
    mac.update(message[1]);
    mac.finalize().into_bytes().to_vec()
}

fn equals_hex(digest: &[u8], signature: &[u8]) -> bool {
    !digest.is_empty() && hex(digest).as_bytes().eq_ignore_ascii_case(signature)
}

#[cfg(test)]
mod tests {
    use super::*;

    // Proves: AUTH-1-2 AUTH-1-3
    #[test]
    fn method_names_are_read_in_any_spelling() {
        for name in ["sha256", "SHA256", "hmacSha256", " hmacsha256 ", "Sha256"] {
            assert_eq!(SignMethod::parse(name).unwrap().digest, SignDigest::Sha256, "{name}");
        }
        assert_eq!(SignMethod::parse("hmacSha1").unwrap().digest, SignDigest::Sha1);
        assert_eq!(SignMethod::parse("HMACMD5").unwrap().digest, SignDigest::Md5);
        for name in ["sha512", "sha-256", "none"] {
            assert_eq!(SignMethod::parse(name), None, "{name}");
        }
    }

    // Proves: AUTH-1-4 AUTH-1-5 DOC-2-1
    /// The worked examples of the vendor's login page, digests computed from its printed content
    /// (`docs-mqtt.md` §2).
    #[test]
    fn the_documented_examples_verify() {
        let sha256 = SignMethod::parse("sha256").unwrap();
        let content = login_content("123456", "test", "654321", "1548753362502");
        let sign = b"B99032D49C706F7B27B22AB5CD2DD3C56A31E1BCBBC83BA0A2A6BB3272FBB166";
        assert!(verify(sha256, &content, "abcdefg", sign));
        assert!(!verify(sha256, &content, "abcdefh", sign));
        assert!(!verify(sha256, &content, "abcdefg", b""));
        assert!(!verify(sha256, &content, "abcdefg", &sign[..63]));
    }
}
