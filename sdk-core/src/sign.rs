//! Signatures: who a device is, shown without sending its secret.
//!
//! Owns the signed content (`auth.md §1`), the texts of the MQTT sign-on (`auth.md §2`), and those of the CoAP
//! sign-in and of its DTLS handshake (`docs-coap-http.md` A.2, A.3). Content goes
//! into the digest piece by piece; nothing is buffered and no secret is kept.
//! Refuses to know where secrets come from and what a hub answers.

use crate::wire::{Full, Writer};
use sha2::{Digest, Sha256};

/// How the content is digested (`auth.md §1`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SignMethod {
    /// Plain SHA-256 over content and secret: what a device of this SDK sends.
    Sha256,
    /// Plain SHA-1 over content and secret.
    #[cfg(feature = "sign-legacy")]
    Sha1,
    /// Plain MD5 over content and secret.
    #[cfg(feature = "sign-legacy")]
    Md5,
    /// HMAC-SHA-1 keyed by the secret over content **and** secret, as one vendor client does it.
    #[cfg(feature = "sign-legacy")]
    HmacSha1,
}

#[cfg(feature = "sign-legacy")]
impl SignMethod {
    /// The plain digest that a method name stands for, or `None` for an unknown name.
    ///
    /// Blanks around it and upper case do not count, a leading `hmac` changes nothing and an empty name is
    /// SHA-1 (`auth.md §1`). [`SignMethod::HmacSha1`] has no name of its own: a hub tries it after
    /// [`SignMethod::Sha1`] when the name was `hmacsha1`.
    pub fn plain(name: &str) -> Option<SignMethod> {
        let name = name.trim();
        let name = match name.get(..4) {
            Some(head) if head.eq_ignore_ascii_case("hmac") => name.get(4..)?,
            _ => name,
        };
        if name.is_empty() || name.eq_ignore_ascii_case("sha1") {
            Some(SignMethod::Sha1)
        } else if name.eq_ignore_ascii_case("sha256") {
            Some(SignMethod::Sha256)
        } else if name.eq_ignore_ascii_case("md5") {
            Some(SignMethod::Md5)
        } else {
            None
        }
    }
}

/// A digest in lower-case hexadecimal digits.
///
/// It is not printed by `Debug`: whoever has it can sign in with it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Signature {
    hex: [u8; 64],
    len: u8,
}

impl Signature {
    fn of(digest: &[u8]) -> Self {
        let mut hex = [0; 64];
        for (pair, byte) in hex.chunks_exact_mut(2).zip(digest) {
            for (digit, nibble) in pair.iter_mut().zip([byte >> 4, byte & 0x0F]) {
                *digit = nibble + if nibble < 10 { b'0' } else { b'a' - 10 };
            }
        }
        Signature { hex, len: (digest.len() * 2).min(64) as u8 }
    }

    /// The digits.
    pub fn as_bytes(&self) -> &[u8] {
        self.hex.get(..self.len.into()).unwrap_or_default()
    }

    /// The digits as text.
    pub fn as_str(&self) -> &str {
        core::str::from_utf8(self.as_bytes()).unwrap_or_default()
    }
}

impl core::fmt::Debug for Signature {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Signature(..)")
    }
}

/// Signs parameters: name and value of each, in ascending order of the names, then the secret.
///
/// The pairs may come in any order; two of the same name keep theirs.
pub fn sign(method: SignMethod, pairs: &[(&str, &str)], secret: &[u8]) -> Signature {
    fn plain<D: Digest>(pairs: &[(&str, &str)], secret: &[u8]) -> Signature {
        let mut digest = D::new();
        in_order(pairs, |piece| digest.update(piece));
        digest.update(secret);
        Signature::of(&digest.finalize())
    }
    match method {
        SignMethod::Sha256 => plain::<Sha256>(pairs, secret),
        #[cfg(feature = "sign-legacy")]
        SignMethod::Sha1 => plain::<sha1::Sha1>(pairs, secret),
        #[cfg(feature = "sign-legacy")]
        SignMethod::Md5 => plain::<md5::Md5>(pairs, secret),
        #[cfg(feature = "sign-legacy")]
        SignMethod::HmacSha1 => {
            use hmac::{Hmac, KeyInit, Mac};
            let mut mac = Hmac::<sha1::Sha1>::new_from_slice(secret).expect("HMAC takes a key of any length");
            in_order(pairs, |piece| mac.update(piece));
            mac.update(secret);
            Signature::of(&mac.finalize().into_bytes())
        }
    }
}

/// Feeds names and values in ascending order of the names, finding each next one by a scan: there are few.
fn in_order(pairs: &[(&str, &str)], mut feed: impl FnMut(&[u8])) {
    let mut done = None;
    for _ in pairs {
        let next = pairs
            .iter()
            .enumerate()
            .map(|(place, (name, value))| ((*name, place), *value))
            .filter(|(key, _)| done.is_none_or(|done| *key > done))
            .min_by_key(|(key, _)| *key);
        if let Some((key, value)) = next {
            feed(key.0.as_bytes());
            feed(value.as_bytes());
            done = Some(key);
        }
    }
}

/// Writes the MQTT client identifier: `<client>|securemode=N,signmethod=sha256,timestamp=<ms>|`.
///
/// `client` is the device key, and the product key in secure mode 4 (`auth.md §2.1`).
pub fn mqtt_client_id(
    w: &mut Writer<'_>,
    client: &str,
    secure_mode: u8,
    timestamp_ms: u64,
) -> Result<(), Full> {
    w.bytes(client.as_bytes())?;
    w.bytes(b"|securemode=")?;
    w.decimal_u64(secure_mode.into())?;
    w.bytes(b",signmethod=sha256,timestamp=")?;
    w.decimal_u64(timestamp_ms)?;
    w.byte(b'|')
}

/// Writes the MQTT user name: `<device key>&<product key>`.
pub fn mqtt_username(w: &mut Writer<'_>, device_key: &str, product_key: &str) -> Result<(), Full> {
    w.bytes(device_key.as_bytes())?;
    w.byte(b'&')?;
    w.bytes(product_key.as_bytes())
}

/// The MQTT password: SHA-256 in lower-case hexadecimal digits, over the sorted content and the secret.
///
/// `client` and `timestamp_ms` must be those of [`mqtt_client_id`]. The secret is the device's in secure mode
/// 2, the product's in 3 and 4.
pub fn mqtt_password(
    client: &str,
    device_key: &str,
    product_key: &str,
    timestamp_ms: u64,
    secret: &[u8],
) -> [u8; 64] {
    let mut room = [0; 20];
    let mut timestamp = Writer::new(&mut room);
    // The longest number has 20 digits.
    let _ = timestamp.decimal_u64(timestamp_ms);
    let mut digest = Sha256::new();
    for piece in [
        b"clientId",
        client.as_bytes(),
        b"deviceKey",
        device_key.as_bytes(),
        b"productKey",
        product_key.as_bytes(),
        b"timestamp",
        timestamp.as_slice(),
        secret,
    ] {
        digest.update(piece);
    }
    Signature::of(&digest.finalize()).hex
}

/// The signature of a CoAP sign-in in clear: SHA-256 in upper-case hexadecimal digits over
/// `deviceKey{v}lifetime{v}productKey{v}secureMode2` and the device's secret (`docs-coap-http.md` A.3).
pub fn coap_sign(device_key: &str, lifetime_s: u32, product_key: &str, secret: &[u8]) -> [u8; 64] {
    let mut room = [0; 10];
    let mut lifetime = Writer::new(&mut room);
    // The longest number has 10 digits.
    let _ = lifetime.decimal_u64(lifetime_s.into());
    let mut digest = Sha256::new();
    for piece in [
        b"deviceKey",
        device_key.as_bytes(),
        b"lifetime",
        lifetime.as_slice(),
        b"productKey",
        product_key.as_bytes(),
        b"secureMode2",
        secret,
    ] {
        digest.update(piece);
    }
    let mut hex = Signature::of(&digest.finalize()).hex;
    hex.make_ascii_uppercase();
    hex
}

/// The pre-shared key of a DTLS handshake: bytes 9 to 24 of the secret's SHA-256, counted from 1
/// (`docs-coap-http.md` A.2).
pub fn psk_key(secret: &[u8]) -> [u8; 16] {
    let digest = Sha256::digest(secret);
    let mut key = [0; 16];
    key.copy_from_slice(&digest[8..24]);
    key
}

/// Writes the identity of a DTLS handshake: `<product key>,<device key>,<secure mode>,<lifetime>`. A device key may
/// hold commas: a hub takes the product key up to the first, lifetime and secure mode behind the last two.
pub fn psk_identity(
    w: &mut Writer<'_>,
    product_key: &str,
    device_key: &str,
    secure_mode: u8,
    lifetime_s: u32,
) -> Result<(), Full> {
    w.bytes(product_key.as_bytes())?;
    w.byte(b',')?;
    w.bytes(device_key.as_bytes())?;
    w.byte(b',')?;
    w.decimal_u64(secure_mode.into())?;
    w.byte(b',')?;
    w.decimal_u64(lifetime_s.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    extern crate std;

    // Proves: AUTH-1-1
    #[test]
    fn order_of_the_pairs_does_not_matter() {
        let sorted = [("a", "1"), ("b", "2"), ("c", "3"), ("c", "4")];
        let mixed = [("c", "3"), ("a", "1"), ("c", "4"), ("b", "2")];
        let mut fed = std::string::String::new();
        in_order(&mixed, |piece| fed.push_str(core::str::from_utf8(piece).unwrap()));
        assert_eq!(fed, "a1b2c3c4");
        assert_eq!(sign(SignMethod::Sha256, &sorted, b"s"), sign(SignMethod::Sha256, &mixed, b"s"));
        assert_ne!(sign(SignMethod::Sha256, &sorted, b"s"), sign(SignMethod::Sha256, &sorted, b"t"));
    }

    #[test]
    fn password_is_the_general_signature_of_its_parameters() {
        let pairs =
            [("clientId", "c"), ("deviceKey", "dk"), ("productKey", "pk"), ("timestamp", "1626345678901")];
        let general = sign(SignMethod::Sha256, &pairs, b"secret");
        assert_eq!(&mqtt_password("c", "dk", "pk", 1_626_345_678_901, b"secret"), general.as_bytes());
        assert_eq!(general.as_str().len(), 64);
    }

    #[test]
    fn debug_shows_no_digit() {
        let shown = std::format!("{:?}", sign(SignMethod::Sha256, &[], b"secret"));
        assert_eq!(shown, "Signature(..)");
    }

    #[test]
    fn sign_on_texts_that_do_not_fit_are_refused() {
        let mut out = [0; 60];
        for room in 0..58 {
            let mut w = Writer::new(&mut out[..room]);
            assert_eq!(mqtt_client_id(&mut w, "t-1", 2, 1_626_345_678_901), Err(Full), "{room}");
        }
        let mut w = Writer::new(&mut out[..6]);
        assert_eq!(mqtt_username(&mut w, "dk", "pkey"), Err(Full));
    }

    // Proves: AUTH-1-2
    #[cfg(feature = "sign-legacy")]
    #[test]
    fn method_names_are_read_as_the_vendor_reads_them() {
        for (name, method) in [
            ("sha256", Some(SignMethod::Sha256)),
            ("Sha256", Some(SignMethod::Sha256)),
            ("hmacSha256", Some(SignMethod::Sha256)),
            (" HmacSHA1 ", Some(SignMethod::Sha1)),
            ("hmacmd5", Some(SignMethod::Md5)),
            ("", Some(SignMethod::Sha1)),
            ("sha512", None),
            ("温度", None),
        ] {
            assert_eq!(SignMethod::plain(name), method, "{name}");
        }
    }
}
