//! Signing in, coming online and going offline (`auth.md` §1 to §3, §10; `docs-model.md` §3).

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use crate::enos::client_id::{self, ClientId};
use crate::enos::payload;
use crate::enos::sign::{self, SignDigest, SignMethod};
use crate::fabric::{ConnectionId, DeviceId, Outbound};
use crate::journal::{self, clip};

use super::certificate::common_name;
use super::device::{Device, DeviceState, Product, Secret};
use super::device_log::Happening;
use super::rule::{self, Rule};
use super::{Cloud, Entry, EntryKind};

/// A CONNECT as the transport received it.
#[derive(Clone, Copy)]
pub struct SignIn<'a> {
    /// The MQTT client id.
    pub client_id: &'a str,
    /// The user name, empty if none was sent.
    pub username: &'a str,
    /// The password, empty if none was sent.
    pub password: &'a [u8],
    /// The clean session flag.
    pub clean_session: bool,
    /// Seconds, 0 for none.
    pub keep_alive_s: u16,
    /// Where the connection comes from.
    pub peer: SocketAddr,
    /// What TLS knows of the peer; `None` on a plain connection.
    pub tls: Option<TlsPeer<'a>>,
}

/// The peer of a TLS connection.
#[derive(Debug, Clone, Copy)]
pub struct TlsPeer<'a> {
    /// The client's certificate in DER, already verified against the hub's authority.
    pub client_certificate: Option<&'a [u8]>,
}

/// A device that signed in.
#[derive(Clone)]
pub struct SignedIn {
    /// The device.
    pub device: DeviceId,
    /// 2 static, 3 dynamic activation.
    pub secure_mode: u8,
    /// The highest quality of service that the device is sent: 0 for the vendor's C client, else 1.
    pub qos_cap: u8,
    pub(super) target: Arc<Device>,
}

impl fmt::Debug for SignedIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SignedIn({}, securemode {})", self.device, self.secure_mode)
    }
}

/// Why a sign-in was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The return code of the CONNACK (`auth.md` §2.5).
    pub connack: u8,
    /// The code of the vendor's pages (`docs-mqtt.md` §11), for the journal.
    pub code: u32,
    /// The exact cause and the fix; for the journal, not for the peer.
    pub reason: String,
}

impl Refused {
    pub(super) fn new(connack: u8, code: u32, reason: impl Into<String>) -> Self {
        Self { connack, code, reason: reason.into() }
    }

    fn rule(connack: u8, rule: &Rule) -> Self {
        Self::new(connack, 1200, format!("rule {}: {}. Fix: {}", rule.number, rule.text, rule.fix))
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

impl std::error::Error for Refused {}

/// The return codes that the hub gives (`auth.md` §2.5).
const IDENTIFIER_REJECTED: u8 = 2;
pub(super) const UNAVAILABLE: u8 = 3;
pub(super) const BAD_CREDENTIALS: u8 = 4;
pub(super) const NOT_AUTHORISED: u8 = 5;

/// Rule 5: this many CONNECTs in this time, or the device waits (`docs-mqtt.md` §12).
const CONNECTS: usize = 4;
const CONNECT_WINDOW_MS: u64 = 120_000;
const BLOCK_MS: u64 = 300_000;

/// A CONNECT taken apart.
struct Claimed<'a> {
    id: ClientId<'a>,
    device_key: &'a str,
    product_key: &'a str,
    secure_mode: u8,
    method: SignMethod,
}

impl Cloud {
    /// Checks a CONNECT and writes the outcome, with its exact cause, into the journal.
    ///
    /// # Errors
    /// The device is unknown, wrongly signed, disabled, or may not sign in this way.
    pub fn sign_in(&self, attempt: SignIn<'_>) -> Result<SignedIn, Refused> {
        let outcome = self.judge(&attempt);
        let named = client_id::parse_username(attempt.username);
        let device = named.map(|(device_key, product_key)| DeviceId::new(product_key, device_key));
        let mut entry = match &outcome {
            Ok(who) => Entry::new(
                EntryKind::Connect,
                format!("{} signed in, securemode {}", who.device, who.secure_mode),
            ),
            Err(refused) => Entry::new(
                EntryKind::Refused,
                format!(
                    "CONNECT refused with {}, code {}: {}",
                    refused.connack, refused.code, refused.reason
                ),
            ),
        };
        match &outcome {
            Ok(_) => self.metrics.connects_accepted.add(1),
            Err(refused) => self.metrics.connects_refused.add(refused.code),
        }
        let refusal = outcome.as_ref().err().map(|refused| (refused.connack, refused.code));
        entry = entry.sign_in(seen(&attempt, refusal));
        if let Some(device) =
            device.filter(|device| device.device_key.len() + device.product_key.len() <= 256)
        {
            if let Err(refused) = &outcome {
                let asset_id = self.store.device(&device).map(|known| known.asset_id.clone());
                let (code, reason) = (refused.code, &refused.reason);
                self.log_device(&device, asset_id, Happening::LoginFailed, code, reason);
            }
            entry = entry.device(&device);
        }
        self.note(entry);
        outcome
    }

    /// Records that a signed-in device is connected; gives what it is to be sent first.
    ///
    /// In mode 3 that is the activation message, which no client subscribes to. The secret stays the same until the
    /// device is activated, so a device that lost it on the way may ask again.
    pub fn connected(&self, who: &SignedIn, connection: ConnectionId) -> Vec<Outbound> {
        if !self.come_online(who, connection) {
            return Vec::new();
        }
        if who.secure_mode == 3 {
            // Its commands wait for the login with the device secret, which follows.
            return vec![self.activation(who)];
        }
        self.tick();
        self.send_next(&who.target.asset_id);
        Vec::new()
    }

    /// Records that a signed-in device is connected; false if it may not be any more, and is cut.
    pub(crate) fn come_online(&self, who: &SignedIn, connection: ConnectionId) -> bool {
        let now = self.clock.now_ms();
        let device = &who.target;
        let refused = {
            let mut state = device.state();
            state.connection = Some(connection);
            state.last_online_ms = now;
            if who.secure_mode == 2 && state.active_ms == 0 {
                state.active_ms = now;
            }
            self.keep_state(device, &state);
            match (state.deleted, state.disabled) {
                (true, _) => Some(705),
                (_, true) => Some(723),
                _ => None,
            }
        };
        let asset_id = Some(device.asset_id.clone());
        if let Some(code) = refused {
            // Disabled or deleted while it was signing in.
            let reason = "the device was disabled or deleted";
            self.log_device(&who.device, asset_id, Happening::LoginFailed, code, reason);
            self.fabric.cut(&who.device, reason);
            return false;
        }
        self.log_device(&who.device, asset_id, Happening::LoggedIn, 200, "device connected");
        true
    }

    /// Records that a connection ended. A connection that was taken over changes nothing.
    pub fn disconnected(&self, who: &SignedIn, connection: ConnectionId, reason: &str) {
        {
            let mut state = who.target.state();
            if state.connection == Some(connection) {
                state.connection = None;
                state.last_offline_ms = self.clock.now_ms();
                state.last_offline_reason = clip(reason, 200).to_owned();
                self.keep_state(&who.target, &state);
            }
        }
        let asset_id = Some(who.target.asset_id.clone());
        self.log_device(&who.device, asset_id, Happening::ConnectionLost, 200, reason);
        let text = format!("{} disconnected: {reason}", who.device);
        self.note(Entry::new(EntryKind::Disconnect, text).device(&who.device));
    }

    /// Activates a device that answered the activation message with success.
    pub(super) fn activate(&self, who: &SignedIn) {
        let now = self.clock.now_ms();
        let first = {
            let mut state = who.target.state();
            let first = state.active_ms == 0;
            if first {
                state.active_ms = now;
                self.keep_state(&who.target, &state);
            }
            first
        };
        if first {
            let text = format!("{} activated: it confirmed its device secret", who.device);
            self.note(Entry::new(EntryKind::Connect, text).device(&who.device));
        }
    }

    /// The activation message with the device secret, the same one until the device is activated.
    pub(crate) fn activation(&self, who: &SignedIn) -> Outbound {
        let DeviceId { product_key, device_key } = &who.device;
        let id = self.next_message_id();
        let secret = who.target.secret.expose();
        let payload = payload::activation(id, &who.target.asset_id, product_key, device_key, secret);
        let topic = format!("/ext/session/{product_key}/{device_key}/thing/activate/info");
        let shown = journal::Message::confidential(&topic, &id.to_string(), who.qos_cap, payload.len());
        let entry = Entry::new(EntryKind::MessageOut, "activation message with the device secret");
        self.note(entry.device(&who.device).message(shown));
        Outbound { topic, payload, qos: who.qos_cap }
    }

    fn judge(&self, attempt: &SignIn<'_>) -> Result<SignedIn, Refused> {
        let mut tolerated = Vec::new();
        let claimed = self.read(attempt, &mut tolerated)?;
        let id = DeviceId::new(claimed.product_key, claimed.device_key);
        let product = self.store.read(|directory| directory.products.get(claimed.product_key).cloned());
        let Some(product) = product else {
            let reason = format!(
                "product \"{}\" does not exist. Fix: check the part of the user name after the last &",
                clip(claimed.product_key, 64)
            );
            return Err(Refused::new(BAD_CREDENTIALS, 705, reason));
        };
        let Some(device) = self.store.device(&id) else {
            let reason = format!("device {id} does not exist. Fix: create it by REST or in the seed");
            return Err(Refused::new(BAD_CREDENTIALS, 705, clip(&reason, 400)));
        };
        match self.rotated_secret(&device.id) {
            None => check_sign(&claimed, attempt.password, &product, &device.secret, &device.id)?,
            Some(secret) => check_sign(&claimed, attempt.password, &product, &secret, &device.id)?,
        }
        self.check_ordered_block(&device.id)?;
        self.check_budget(&device, &mut tolerated)?;
        check_mode(claimed.secure_mode, &product, &device.state())?;
        check_certificate(attempt, &product, &device)?;
        if claimed.id.compression().is_some() {
            let reason = "the client id announces compressed payloads, which this hub does not serve yet. Fix: \
                          leave the compression of the client at DEFAULT";
            return Err(Refused::new(NOT_AUTHORISED, 1200, reason));
        }
        // A new connection is warned anew.
        device.state().warned = 0;
        for rule in tolerated {
            self.warn(&device, rule, "CONNECT", "", "accepted nevertheless");
        }
        let is_c_client = claimed.id.signed == format!("{}.{}", id.product_key, id.device_key);
        Ok(SignedIn {
            device: device.id.clone(),
            secure_mode: claimed.secure_mode,
            qos_cap: u8::from(!is_c_client),
            target: device,
        })
    }

    /// Reads client id and user name; what a rule forbids is refused in strict mode, else collected.
    fn read<'a>(
        &self,
        attempt: &SignIn<'a>,
        tolerated: &mut Vec<&'static Rule>,
    ) -> Result<Claimed<'a>, Refused> {
        let Some(id) = client_id::parse(attempt.client_id) else {
            let reason = format!(
                "the client id \"{}\" has no |…| part. Fix: {}",
                clip(attempt.client_id, 80),
                rule::CLIENT_ID_LIST.fix
            );
            return Err(Refused::new(BAD_CREDENTIALS, 1200, reason));
        };
        let Some((device_key, product_key)) = client_id::parse_username(attempt.username) else {
            let reason = format!(
                "the user name \"{}\" is not deviceKey&productKey. Fix: send both keys",
                clip(attempt.username, 80)
            );
            return Err(Refused::new(BAD_CREDENTIALS, 1200, reason));
        };
        let secure_mode = read_secure_mode(&id, device_key, product_key)?;
        let Some(method) =
            id.sign_method.map_or_else(|| SignMethod::by_length(attempt.password.len()), SignMethod::parse)
        else {
            let reason = "the signmethod of the client id is unknown. Fix: send signmethod=sha256";
            return Err(Refused::new(BAD_CREDENTIALS, 742, reason));
        };
        let incomplete = id.secure_mode.is_none() || id.sign_method.is_none() || id.timestamp.is_none();
        let keep_alive = attempt.keep_alive_s;
        for (broken, connack, rule) in [
            (incomplete, IDENTIFIER_REJECTED, &rule::CLIENT_ID_LIST),
            (method.digest != SignDigest::Sha256, IDENTIFIER_REJECTED, &rule::SIGN_BY_SHA256),
            (id.name.chars().count() > 64, IDENTIFIER_REJECTED, &rule::CLIENT_ID_LENGTH),
            (!(60..=300).contains(&keep_alive), NOT_AUTHORISED, &rule::KEEP_ALIVE),
        ] {
            if broken && self.options.strict {
                return Err(Refused::rule(connack, rule));
            }
            if broken {
                tolerated.push(rule);
            }
        }
        Ok(Claimed { id, device_key, product_key, secure_mode, method })
    }

    /// Rule 5. Counts correctly signed CONNECTs, so that nobody can block another's device.
    fn check_budget(&self, device: &Device, tolerated: &mut Vec<&'static Rule>) -> Result<(), Refused> {
        let now = self.clock.monotonic_ms();
        let rule = &rule::CONNECT_BUDGET;
        let mut state = device.state();
        while state.connects.front().is_some_and(|first| first + CONNECT_WINDOW_MS <= now) {
            state.connects.pop_front();
        }
        if now < state.blocked_until_ms {
            let left = (state.blocked_until_ms - now).div_ceil(1000);
            let reason = format!("rule 5: {} is blocked for {left} s more. Fix: {}", device.id, rule.fix);
            return Err(Refused::new(UNAVAILABLE, 429, reason));
        }
        if state.connects.len() >= CONNECTS {
            state.connects.clear();
            if !self.options.strict {
                tolerated.push(rule);
                return Ok(());
            }
            state.blocked_until_ms = now + BLOCK_MS;
            let reason = format!("rule 5: {}. Fix: {}", rule.text, rule.fix);
            return Err(Refused::new(UNAVAILABLE, 429, reason));
        }
        state.connects.push_back(now);
        Ok(())
    }
}

fn read_secure_mode(id: &ClientId<'_>, device_key: &str, product_key: &str) -> Result<u8, Refused> {
    if product_key == "%VIRT_GATEWAY%" {
        let reason = "virtual gateways are not served by this hub yet. Fix: sign in as a device";
        return Err(Refused::new(NOT_AUTHORISED, 1200, reason));
    }
    match id.secure_mode.unwrap_or("2") {
        "4" => {
            let reason =
                "message integration (securemode 4) is not served by this hub yet. Fix: sign in as a device";
            Err(Refused::new(NOT_AUTHORISED, 1200, reason))
        }
        _ if device_key == "%channel%" => {
            let reason = "message integration is not served by this hub yet. Fix: sign in as a device";
            Err(Refused::new(NOT_AUTHORISED, 1200, reason))
        }
        "2" => Ok(2),
        "3" => Ok(3),
        other => {
            let other = clip(other, 20);
            let reason = format!(
                "securemode \"{other}\" is unknown. Fix: 2 with the device secret, 3 with the product secret"
            );
            Err(Refused::new(BAD_CREDENTIALS, 1200, reason))
        }
    }
}

/// Checks the signature; on failure finds out what was signed instead, as far as the hub can tell.
fn check_sign(
    claimed: &Claimed<'_>,
    password: &[u8],
    product: &Product,
    device_secret: &Secret,
    device: &DeviceId,
) -> Result<(), Refused> {
    let timestamp = claimed.id.timestamp.unwrap_or("");
    let content =
        |client_id: &str| sign::login_content(client_id, claimed.device_key, claimed.product_key, timestamp);
    let (right, wrong, wrong_name) = match claimed.secure_mode {
        3 => (&product.secret, device_secret, "device secret"),
        _ => (device_secret, &product.secret, "product secret"),
    };
    let signs = |content: &str, secret: &str| sign::verify(claimed.method, content, secret, password);
    let expected = content(claimed.id.signed);
    if signs(&expected, right.expose()) {
        return Ok(());
    }
    let mode = claimed.secure_mode;
    let right_name = if mode == 3 { "product secret" } else { "device secret" };
    let other_ids = [claimed.id.name, claimed.device_key, claimed.product_key];
    let reason = if signs(&expected, wrong.expose()) {
        format!(
            "the password is signed with the {wrong_name}. Fix: securemode {mode} is signed with the {right_name}"
        )
    } else if other_ids.iter().any(|id| signs(&content(id), right.expose())) {
        "the password is signed over another clientId. Fix: sign exactly what stands before the first bar of the \
         client id"
            .to_owned()
    } else if password.is_empty() {
        "there is no password. Fix: send the signature as the password".to_owned()
    } else {
        format!(
            "the password does not match. Fix: check the {right_name} of {}, and that clientId and timestamp are \
             signed as they stand in the client id",
            device
        )
    };
    Err(Refused::new(BAD_CREDENTIALS, 742, reason))
}

pub(super) fn check_mode(secure_mode: u8, product: &Product, state: &DeviceState) -> Result<(), Refused> {
    if state.disabled {
        let reason = "the device is disabled. Fix: enable it (devices?action=enable)";
        return Err(Refused::new(NOT_AUTHORISED, 723, reason));
    }
    if secure_mode != 3 {
        return Ok(());
    }
    if !product.dynamic_activation {
        let reason = format!(
            "product {} allows no dynamic activation. Fix: set dynamicActivateEnabled, or sign in with the device \
             secret",
            product.key
        );
        return Err(Refused::new(NOT_AUTHORISED, 770, reason));
    }
    if state.active_ms != 0 {
        let reason = "the device was activated before. Fix: sign in with securemode 2 and the device secret";
        return Err(Refused::new(NOT_AUTHORISED, 771, reason));
    }
    Ok(())
}

/// Binds a client certificate to its device: the common name is the device key or the asset id
/// (`docs-mqtt.md` §4).
fn check_certificate(attempt: &SignIn<'_>, product: &Product, device: &Device) -> Result<(), Refused> {
    if !product.bi_directional_auth {
        return Ok(());
    }
    let Some(certificate) = attempt.tls.and_then(|tls| tls.client_certificate) else {
        let what = if attempt.tls.is_some() { "without a client certificate" } else { "without TLS" };
        let reason = format!(
            "product {} asks for a client certificate, the device came {what}. Fix: connect by TLS with the \
             certificate of certificates?action=apply",
            product.key
        );
        return Err(Refused::new(NOT_AUTHORISED, 746, reason));
    };
    let name = common_name(certificate);
    if name.as_deref().is_some_and(|name| *name == *device.id.device_key || *name == *device.asset_id) {
        return Ok(());
    }
    let reason = format!(
        "the client certificate was issued for \"{}\". Fix: its common name must be the device key \"{}\" or the asset \
         id \"{}\"",
        clip(name.as_deref().unwrap_or(""), 80),
        device.id.device_key,
        device.asset_id
    );
    Err(Refused::new(NOT_AUTHORISED, 745, reason))
}

/// What the journal keeps of a CONNECT: everything but the password.
fn seen(attempt: &SignIn<'_>, refusal: Option<(u8, u32)>) -> journal::SignIn {
    let mut seen = journal::SignIn::new(attempt.client_id, attempt.username, attempt.peer);
    seen.keep_alive_s = attempt.keep_alive_s;
    seen.clean_session = attempt.clean_session;
    seen.tls = attempt.tls.is_some();
    seen.certificate_for = attempt.tls.and_then(|tls| tls.client_certificate).map(common_name);
    seen.refusal = refusal;
    seen
}
