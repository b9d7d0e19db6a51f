//! Signing in by a DTLS handshake with a pre-shared key (`docs-coap-http.md` A.2).

use std::net::SocketAddr;

use sha2::{Digest, Sha256};

use crate::domain::session::{BAD_CREDENTIALS, check_mode};
use crate::domain::{Cloud, Refused, SignedIn};
use crate::fabric::DeviceId;
use crate::journal::clip;

use super::number;

/// Bytes of a pre-shared key.
const PSK: usize = 16;

/// The identity of a DTLS client: `{productKey},{deviceKey},{secureMode},{lifetime}`. A device key may hold commas, the
/// other three cannot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PskIdentity<'a> {
    pub(crate) product_key: &'a str,
    pub(crate) device_key: &'a str,
    /// 2 static, 3 dynamic activation.
    pub(crate) secure_mode: u8,
    /// Seconds.
    pub(crate) lifetime_s: u32,
}

impl<'a> PskIdentity<'a> {
    /// Reads an identity; the error says what is wrong with it.
    pub(crate) fn parse(identity: &'a [u8]) -> Result<Self, &'static str> {
        let text = std::str::from_utf8(identity).map_err(|_| "the PSK identity is not UTF-8")?;
        let fields = text.split_once(',').and_then(|(product_key, rest)| {
            let (rest, lifetime) = rest.rsplit_once(',')?;
            let (device_key, mode) = rest.rsplit_once(',')?;
            Some((product_key, device_key, mode, lifetime))
        });
        let Some((product_key, device_key, mode, lifetime)) = fields else {
            return Err("the PSK identity is not productKey,deviceKey,secureMode,lifetime");
        };
        if product_key.is_empty() || device_key.is_empty() {
            return Err("the PSK identity has an empty key");
        }
        let secure_mode = match mode {
            "2" => 2,
            "3" => 3,
            _ => return Err("the secure mode of the PSK identity is neither 2 nor 3"),
        };
        let lifetime_s =
            number(lifetime).ok_or("the lifetime of the PSK identity is no number of seconds")?;
        Ok(Self { product_key, device_key, secure_mode, lifetime_s })
    }

    fn device(&self) -> DeviceId {
        DeviceId::new(self.product_key, self.device_key)
    }
}

impl Cloud {
    /// The key that a DTLS client of this identity must have: bytes 9 to 24 of the secret's SHA-256. Everything that can
    /// be judged before the client has proved it is judged here; a refusal is written into the journal.
    pub(crate) fn psk_key(&self, identity: &PskIdentity<'_>, peer: SocketAddr) -> Result<[u8; PSK], Refused> {
        self.judge_psk(identity).inspect_err(|refused| {
            self.coap_refused("DTLS handshake refused", Some(identity.device()), peer, "coaps", refused);
        })
    }

    /// A DTLS handshake with this identity is done: the device is signed in, unless it does so too often.
    pub(crate) fn psk_signed_in(
        &self,
        identity: &PskIdentity<'_>,
        peer: SocketAddr,
    ) -> Result<SignedIn, Refused> {
        let mut tolerated = Vec::new();
        let checked = self.find(identity.product_key, identity.device_key).and_then(|(target, product)| {
            self.check_ordered_block(&target.id)?;
            check_mode(identity.secure_mode, &product, &target.state())?;
            self.check_lifetime(identity.lifetime_s, &mut tolerated)?;
            self.check_coap_connects(&target, &mut tolerated)?;
            Ok(target)
        });
        match checked {
            Ok(target) => {
                let (mode, lifetime_s) = (identity.secure_mode, identity.lifetime_s);
                Ok(self.coap_accepted(target, mode, lifetime_s, peer, "coaps", &tolerated))
            }
            Err(refused) => {
                self.coap_refused("sign-in refused", Some(identity.device()), peer, "coaps", &refused);
                Err(refused)
            }
        }
    }

    /// A DTLS handshake failed: the wrong key, an identity that says nothing, no suite in common.
    pub(crate) fn psk_failed(
        &self,
        identity: Option<&PskIdentity<'_>>,
        peer: SocketAddr,
        code: u32,
        reason: &str,
    ) {
        let refused = Refused::new(BAD_CREDENTIALS, code, clip(reason, 400));
        let device = identity.map(PskIdentity::device);
        self.coap_refused("DTLS handshake refused", device, peer, "coaps", &refused);
    }

    fn judge_psk(&self, identity: &PskIdentity<'_>) -> Result<[u8; PSK], Refused> {
        let (device, product) = self.find(identity.product_key, identity.device_key)?;
        self.check_lifetime(identity.lifetime_s, &mut Vec::new())?;
        check_mode(identity.secure_mode, &product, &device.state())?;
        let rotated = self.rotated_secret(&device.id);
        let secret = match identity.secure_mode {
            3 => &product.secret,
            _ => rotated.as_ref().unwrap_or(&device.secret),
        };
        Ok(psk(secret.expose()))
    }
}

/// The pre-shared key of a secret: "9th to 24th byte" of its SHA-256, counted from one (`docs-coap-http.md` A.2).
fn psk(secret: &str) -> [u8; PSK] {
    let digest = Sha256::digest(secret.as_bytes());
    let mut key = [0; PSK];
    key.iter_mut().zip(digest.iter().skip(8)).for_each(|(to, from)| *to = *from);
    key
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::enos::sign::{hex, sha256_hex};

    #[test]
    fn an_identity_is_cut_from_both_ends() {
        let read = |text: &'static str| PskIdentity::parse(text.as_bytes());
        let plain = PskIdentity { product_key: "pk", device_key: "dk", secure_mode: 2, lifetime_s: 300 };
        assert_eq!(read("pk,dk,2,300"), Ok(plain));
        assert_eq!(read("pk,a,b,,c,3,30").unwrap().device_key, "a,b,,c");
        assert_eq!(read("pk,a,b,,c,3,30").unwrap().secure_mode, 3);
        for bad in [
            "",
            "pk",
            "pk,dk",
            "pk,dk,2",
            ",dk,2,300",
            "pk,,2,300",
            "pk,dk,4,300",
            "pk,dk,2,+300",
            "pk,dk,2,",
            "pk,dk,2,-1",
            "pk,dk,2,99999999999",
        ] {
            assert!(read(bad).is_err(), "{bad}");
        }
        assert!(PskIdentity::parse(b"pk,\xFF,2,300").is_err());
    }

    #[test]
    fn the_key_is_the_middle_of_the_digest() {
        assert_eq!(hex(&psk("secret")), sha256_hex(&["secret"])[16..48]);
    }
}
