//! Signing in by CoAP (`docs-coap-http.md` A.2, A.3): by a signature in `POST /auth`, or by a DTLS handshake with a
//! pre-shared key. Where a session ends is the front's affair.

#[cfg(feature = "coaps")]
mod psk;

use std::net::SocketAddr;
use std::sync::Arc;

use serde_json::json;

use crate::enos::sign::{self, SignMethod};
use crate::fabric::DeviceId;
use crate::journal::{self, clip};

use super::device::{Device, Product};
use super::device_log::Happening;
use super::rule::{self, Rule};
use super::session::{BAD_CREDENTIALS, NOT_AUTHORISED, check_mode};
use super::{Cloud, Entry, EntryKind, Refused, SignedIn};
#[cfg(feature = "coaps")]
pub(crate) use psk::PskIdentity;

/// Seconds that a session may be silent, at least and at most.
const LIFETIME_S: std::ops::RangeInclusive<u32> = 30..=86_400;
/// Rule 15.
const CONNECT_EVERY_MS: u64 = 1_000;
/// The longest keys that the journal files an attempt under.
const KEYS: usize = 256;

/// Code of a request that makes no sense.
const BAD_REQUEST: u32 = 1200;
/// Code of a device that signs in too often.
const TOO_OFTEN: u32 = 429;

/// What `POST /auth/{productKey}/{deviceKey}` says.
#[derive(Clone, Copy)]
pub(crate) struct CoapSignIn<'a> {
    pub(crate) product_key: &'a str,
    pub(crate) device_key: &'a str,
    /// As the device wrote it, since that is what is signed.
    pub(crate) secure_mode: &'a str,
    /// Seconds, as the device wrote them.
    pub(crate) lifetime: &'a str,
    pub(crate) sign: &'a str,
    pub(crate) peer: SocketAddr,
}

/// A limit of the CoAP binding that a signed-in device broke.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CoapLimit {
    /// Rule 16.
    Uplink,
    /// Rule 17.
    Downlink,
    /// Rule 18.
    Packet,
}

impl CoapLimit {
    fn rule(self) -> &'static Rule {
        match self {
            Self::Uplink => &rule::COAP_UPLINK,
            Self::Downlink => &rule::COAP_DOWNLINK,
            Self::Packet => &rule::COAP_PACKET,
        }
    }
}

impl Cloud {
    /// Judges `POST /auth` and writes the outcome, with its exact cause, into the journal; the lifetime in seconds
    /// comes with it.
    pub(crate) fn coap_sign_in(&self, attempt: CoapSignIn<'_>) -> Result<(SignedIn, u32), Refused> {
        let mut tolerated = Vec::new();
        let outcome = self.judge_auth(&attempt, &mut tolerated);
        let device = DeviceId::new(attempt.product_key, attempt.device_key);
        match outcome {
            Ok((target, lifetime_s)) => {
                let who = self.coap_accepted(target, 2, lifetime_s, attempt.peer, "coap", &tolerated);
                Ok((who, lifetime_s))
            }
            Err(refused) => {
                self.coap_refused("POST /auth refused", Some(device), attempt.peer, "coap", &refused);
                Err(refused)
            }
        }
    }

    /// A device broke a limit: true if the hub is strict and refuses what did it. Otherwise it is warned, once for
    /// each session.
    pub(crate) fn over_coap_limit(&self, who: &SignedIn, limit: CoapLimit, topic: &str) -> bool {
        let rule = limit.rule();
        if !self.options.strict {
            self.warn(&who.target, rule, topic, "", "accepted nevertheless");
            return false;
        }
        let text = format!(
            "refused with {}: rule {}: {}. Fix: {}",
            rule.refused_with, rule.number, rule.text, rule.fix
        );
        let detail = json!({"rule": rule.number, "topic": topic, "fix": rule.fix});
        self.note(Entry::new(EntryKind::Refused, text).device(&who.device).detail(detail));
        true
    }

    fn find(&self, product_key: &str, device_key: &str) -> Result<(Arc<Device>, Arc<Product>), Refused> {
        let product = self.store.read(|directory| directory.products.get(product_key).cloned());
        let Some(product) = product else {
            let reason =
                format!("product \"{}\" does not exist. Fix: check the product key", clip(product_key, 64));
            return Err(Refused::new(BAD_CREDENTIALS, 705, reason));
        };
        let id = DeviceId::new(product_key, device_key);
        let Some(device) = self.store.device(&id) else {
            let reason = format!("device {id} does not exist. Fix: create it by REST or in the seed");
            return Err(Refused::new(BAD_CREDENTIALS, 705, clip(&reason, 400)));
        };
        if product.bi_directional_auth {
            let reason = format!(
                "product {} asks for a client certificate, which CoAP has not. Fix: connect by MQTT over TLS",
                product.key
            );
            return Err(Refused::new(NOT_AUTHORISED, 746, reason));
        }
        Ok((device, product))
    }

    fn judge_auth(
        &self,
        attempt: &CoapSignIn<'_>,
        tolerated: &mut Vec<&'static Rule>,
    ) -> Result<(Arc<Device>, u32), Refused> {
        let (device, product) = self.find(attempt.product_key, attempt.device_key)?;
        let content = sign::content(&mut [
            ("deviceKey", attempt.device_key),
            ("lifetime", attempt.lifetime),
            ("productKey", attempt.product_key),
            ("secureMode", attempt.secure_mode),
        ]);
        let rotated = self.rotated_secret(&device.id);
        let secret = rotated.as_ref().unwrap_or(&device.secret).expose();
        let signs = |secret: &str| {
            let method = SignMethod::parse("sha256");
            method.is_some_and(|method| sign::verify(method, &content, secret, attempt.sign.as_bytes()))
        };
        if !signs(secret) {
            let reason = if signs(product.secret.expose()) {
                "the sign is made with the product secret. Fix: sign with the device secret".to_owned()
            } else {
                format!(
                    "the sign does not match. Fix: check the device secret of {}, and sign deviceKey, lifetime, \
                     productKey and secureMode with their values as they stand in the payload",
                    device.id
                )
            };
            return Err(Refused::new(BAD_CREDENTIALS, 742, reason));
        }
        match attempt.secure_mode {
            "2" => {}
            "3" => {
                let reason = "dynamic activation needs DTLS. Fix: use coaps:// with secureMode 3";
                return Err(Refused::new(BAD_CREDENTIALS, BAD_REQUEST, reason));
            }
            other => {
                let reason = format!("secureMode \"{}\" is unknown. Fix: send 2", clip(other, 20));
                return Err(Refused::new(BAD_CREDENTIALS, BAD_REQUEST, reason));
            }
        }
        let Some(lifetime_s) = number(attempt.lifetime) else {
            let reason = "the lifetime is no number of seconds. Fix: send an integer, 30 to 86400";
            return Err(Refused::new(BAD_CREDENTIALS, BAD_REQUEST, reason));
        };
        self.check_ordered_block(&device.id)?;
        check_mode(2, &product, &device.state())?;
        self.check_lifetime(lifetime_s, tolerated)?;
        self.check_coap_connects(&device, tolerated)?;
        Ok((device, lifetime_s))
    }

    fn check_lifetime(&self, lifetime_s: u32, tolerated: &mut Vec<&'static Rule>) -> Result<(), Refused> {
        if LIFETIME_S.contains(&lifetime_s) {
            return Ok(());
        }
        self.tolerate(&rule::COAP_LIFETIME, BAD_REQUEST, tolerated)
    }

    /// Rule 15; counts sign-ins that are proved, so that nobody can keep another's device out.
    fn check_coap_connects(
        &self,
        device: &Device,
        tolerated: &mut Vec<&'static Rule>,
    ) -> Result<(), Refused> {
        let now_ms = self.clock.monotonic_ms();
        let before = device.state().last_coap_ms.replace(now_ms);
        if before.is_none_or(|before| now_ms.saturating_sub(before) >= CONNECT_EVERY_MS) {
            return Ok(());
        }
        self.tolerate(&rule::COAP_CONNECTS, TOO_OFTEN, tolerated)
    }

    fn tolerate(
        &self,
        rule: &'static Rule,
        code: u32,
        tolerated: &mut Vec<&'static Rule>,
    ) -> Result<(), Refused> {
        if self.options.strict {
            let reason = format!("rule {}: {}. Fix: {}", rule.number, rule.text, rule.fix);
            return Err(Refused::new(NOT_AUTHORISED, code, reason));
        }
        tolerated.push(rule);
        Ok(())
    }

    fn coap_accepted(
        &self,
        target: Arc<Device>,
        secure_mode: u8,
        lifetime_s: u32,
        peer: SocketAddr,
        transport: &'static str,
        tolerated: &[&'static Rule],
    ) -> SignedIn {
        self.metrics.connects_accepted.add(1);
        let device = target.id.clone();
        let text =
            format!("{device} signed in by {transport}, securemode {secure_mode}, lifetime {lifetime_s} s");
        let seen =
            journal::CoapSignIn { transport, peer, accepted: Some((secure_mode, lifetime_s)), refused: None };
        self.note(Entry::new(EntryKind::Connect, text).device(&device).coap_sign_in(seen));
        // A new session is warned anew.
        target.state().warned = 0;
        for rule in tolerated {
            self.warn(&target, rule, "", "", "accepted nevertheless");
        }
        SignedIn { device, secure_mode, qos_cap: 1, target }
    }

    fn coap_refused(
        &self,
        what: &str,
        device: Option<DeviceId>,
        peer: SocketAddr,
        transport: &'static str,
        refused: &Refused,
    ) {
        self.metrics.connects_refused.add(refused.code);
        let (code, reason) = (refused.code, &refused.reason);
        let text = format!("{what}, code {code}: {reason}");
        let seen = journal::CoapSignIn { transport, peer, accepted: None, refused: Some(code) };
        let mut entry = Entry::new(EntryKind::Refused, text).coap_sign_in(seen);
        if let Some(device) =
            device.filter(|device| device.product_key.len() + device.device_key.len() <= KEYS)
        {
            let asset_id = self.store.device(&device).map(|known| known.asset_id.clone());
            self.log_device(&device, asset_id, Happening::LoginFailed, code, reason);
            entry = entry.device(&device);
        }
        self.note(entry);
    }
}

/// Digits alone: no sign, no blank.
fn number(text: &str) -> Option<u32> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) { text.parse().ok() } else { None }
}
