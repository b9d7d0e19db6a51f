//! Everything of an engine but its receive buffer, so that a message can be read where it lies while the rest
//! changes. Holds the steps that cut across: signing in, encoding, hearing of the link.

use super::connection::{Connection, Stage, Then};
use super::memory::Memory;
use super::tables::{Calls, DeviceRecord, Devices, Handlers, Names, Span};
use super::types::{DeviceIx, Event, LinkError, Stats, Warning};
use crate::config::{Config, ConfigError, Login, Scheme};
use crate::error::{Cause, Error, ErrorKind};
use crate::feature::activation::{self, Activation, MAX_SECRET, StoreResult};
use crate::feature::command;
use crate::feature::login::{self, Credentials, MAX_DEVICE_KEY, MAX_PRODUCT_KEY, SecureMode};
use crate::limits::MAX_PAYLOAD;
use crate::session::backoff::{Jitter, MAX_DIALS};
use crate::session::buffers::{Rx, Tx};
use crate::session::mqtt::{Mqtt, connect_len};
use crate::session::outbox::Outbox;
use crate::session::{Exchange, Kind as Sort, Session};
use crate::time::{Now, sooner};
use crate::topic::{self, Kind};
#[cfg(feature = "coap")]
use crate::wire::Writer;
use crate::wire::mqtt::{Connect, QoS, SubscribeWriter};

/// The longest host name.
const MAX_HOST: usize = 253;

pub(super) struct State<'m> {
    pub(super) tx: Tx<'m>,
    pub(super) session: Session,
    pub(super) outbox: Outbox<'m>,
    pub(super) names: Names<'m>,
    pub(super) devices: Devices<'m>,
    pub(super) handlers: Handlers<'m>,
    pub(super) calls: Calls<'m>,
    pub(super) activation: Activation,
    pub(super) connection: Connection,
    pub(super) stats: Stats,
    pub(super) scheme: Scheme,
    host: Span,
    port: u16,
    pub(super) product_secret: Option<Span>,
    /// Room for the secret that an activation brings.
    pub(super) new_secret: Option<Span>,
    /// The message just dispatched held a secret: its bytes are to be wiped.
    pub(super) received_secret: bool,
    /// Which secret signed the CONNECT that is out.
    pub(super) mode: SecureMode,
    keep_alive_s: u16,
    clean_session: bool,
    in_flight: u16,
    #[cfg(feature = "coap")]
    pub(super) coap: super::datagrams::Wakes,
    /// The filter of the replies was subscribed in this session.
    replies_subscribed: bool,
}

/// Product key and device key of a device; empty if there is none.
pub(super) fn keys_of<'n>(
    names: &'n Names<'_>,
    devices: &Devices<'_>,
    device: DeviceIx,
) -> (&'n str, &'n str) {
    match devices.get(device) {
        Some(record) => (names.text(record.product_key), names.text(record.device_key)),
        None => ("", ""),
    }
}

/// Who signs in and with which secret.
pub(super) fn credentials<'n>(
    names: &'n Names<'_>,
    devices: &Devices<'_>,
    product_secret: Option<Span>,
    mode: SecureMode,
) -> Option<Credentials<'n>> {
    let (product_key, device_key) = keys_of(names, devices, DeviceIx::ROOT);
    let secret = match mode {
        SecureMode::Product => product_secret?,
        SecureMode::Device => devices.get(DeviceIx::ROOT)?.secret,
    };
    Some(Credentials { product_key, device_key, secret: names.text(secret), mode })
}

impl<'m> State<'m> {
    /// Checks the configuration, copies what it must keep; gives the receive buffer back beside it.
    pub(super) fn new(
        config: &Config<'_>,
        entropy: [u8; 32],
        memory: Memory<'m>,
    ) -> Result<(Rx<'m>, Self), ConfigError> {
        let (product_key, device_key) = config.login.identity();
        check_config(config, product_key, device_key)?;
        let mut jitter = Jitter::new(entropy);
        let Memory { receive, transmit, outbox, names, requests, calls, handlers, devices } = memory;
        if receive.max() < 256 {
            return Err(ConfigError::Memory("receive"));
        }
        if requests.max() == 0 {
            return Err(ConfigError::Memory("requests"));
        }
        let no_names = ConfigError::Memory("names");
        let mut names = Names::new(names);
        let mut keep = |text| names.add(text).ok_or(no_names);
        let host = keep(config.hub.host)?;
        let mut record = DeviceRecord {
            product_key: keep(product_key)?,
            device_key: keep(device_key)?,
            secret: Span::EMPTY,
        };
        let (mut product_secret, mut new_secret) = (None, None);
        match config.login {
            Login::DeviceSecret { device_secret, .. } => record.secret = keep(device_secret)?,
            Login::DynamicActivation { device_secret: Some(secret), .. } => record.secret = keep(secret)?,
            Login::DynamicActivation { product_secret: secret, device_secret: None, .. } => {
                product_secret = Some(keep(secret)?);
                new_secret = Some(names.reserve(MAX_SECRET).ok_or(no_names)?);
            }
        }
        let mut devices = Devices::new(devices);
        devices.add(record).ok_or(ConfigError::Memory("devices"))?;
        let outbox = Outbox::new(outbox, requests, jitter.next() as u32);
        let session = match config.hub.scheme {
            #[cfg(feature = "coap")]
            scheme if scheme.is_coap() => super::datagrams::session(config, &mut jitter),
            _ => Session::Mqtt(Mqtt::new(
                config.keep_alive_s,
                config.sign_in_timeout_ms,
                config.pong_timeout_ms,
                outbox.last_packet_id(),
            )),
        };
        let state = Self {
            tx: Tx::new(transmit),
            session,
            outbox,
            names,
            devices,
            handlers: Handlers::new(handlers),
            calls: Calls::new(calls, jitter.next() as u32),
            activation: Activation::new(product_secret.is_some()),
            connection: Connection::new(config, jitter),
            stats: Stats::default(),
            scheme: config.hub.scheme,
            host,
            port: config.hub.port,
            product_secret,
            new_secret,
            received_secret: false,
            mode: SecureMode::Device,
            keep_alive_s: config.keep_alive_s,
            clean_session: config.clean_session,
            in_flight: config.in_flight,
            #[cfg(feature = "coap")]
            coap: super::datagrams::Wakes::new(config.coap),
            replies_subscribed: false,
        };
        #[cfg(feature = "coap")]
        if config.hub.scheme.is_coap() {
            super::datagrams::check(config, receive.max(), state.tx.max())?;
            return Ok((Rx::new(receive), state));
        }
        let longest = credentials(&state.names, &state.devices, product_secret, state.next_mode())
            .and_then(|known| login::with_connect(&known, u64::MAX, u16::MAX, true, connect_len).ok());
        match longest {
            Some(len) if len <= state.tx.max() => Ok((Rx::new(receive), state)),
            _ => Err(ConfigError::Memory("transmit")),
        }
    }

    /// Where to dial.
    pub(super) fn dial(&self) -> super::types::Dial<'_> {
        super::types::Dial {
            scheme: self.scheme,
            host: self.names.text(self.host),
            port: self.port,
            #[cfg(feature = "coap")]
            psk: self.psk(),
            #[cfg(not(feature = "coap"))]
            psk: None,
        }
    }

    /// The secret to be stored.
    pub(super) fn secret(&self) -> super::types::SecretRecord<'_> {
        let (product_key, device_key) = keys_of(&self.names, &self.devices, DeviceIx::ROOT);
        let secret = self.devices.get(DeviceIx::ROOT).map_or(Span::EMPTY, |record| record.secret);
        super::types::SecretRecord { product_key, device_key, device_secret: self.names.text(secret) }
    }

    pub(super) fn next_mode(&self) -> SecureMode {
        if self.activation.is_open() { SecureMode::Product } else { SecureMode::Device }
    }

    /// The largest topic and payload together that can be sent.
    pub(super) fn most(&self) -> usize {
        self.session.most(self.tx.max()).min(MAX_PAYLOAD)
    }

    /// The link is up: CONNECT goes out. False if no link was expected.
    pub(super) fn on_link_up(&mut self, now: Now) -> bool {
        if !self.connection.on_link_up() {
            return false;
        }
        self.mode = self.next_mode();
        #[cfg(feature = "coap")]
        if matches!(self.session, Session::Coap(_)) {
            self.start_datagrams(now.mono_ms);
            return true;
        }
        let Self { session: Session::Mqtt(session), tx, names, devices, product_secret, mode, .. } = self
        else {
            return true;
        };
        if let Some(credentials) = credentials(names, devices, *product_secret, *mode) {
            // It fits: `new` has tried with the longest timestamp.
            let send = |connect: &Connect<'_>| session.start(now.mono_ms, connect, tx);
            let _ =
                login::with_connect(&credentials, now.stamp(), self.keep_alive_s, self.clean_session, send);
        }
        true
    }

    /// The hub has accepted the sign-in.
    pub(super) fn on_signed_in(&mut self, now: u64, session_present: bool) {
        self.outbox.rewind(session_present);
        self.replies_subscribed = false;
        self.handlers.forget_subscriptions();
        match self.mode {
            SecureMode::Device => {
                if self.connection.on_online(now) {
                    self.stats.reconnects += 1;
                }
            }
            SecureMode::Product => {
                self.connection.on_activating(now);
                if !self.activation.is_open() {
                    // It was stored meanwhile.
                    self.confirm_activation(now);
                } else if self.activation.waits_for_hub() {
                    self.fetch_activation();
                }
            }
        }
    }

    /// Asks for the activation message, where it does not come by itself.
    fn fetch_activation(&mut self) {
        #[cfg(feature = "coap")]
        if let Session::Coap(coap) = &mut self.session {
            let (product_key, device_key) = keys_of(&self.names, &self.devices, DeviceIx::ROOT);
            let mut room = [0; activation::ANSWER_ROOM];
            let mut w = Writer::new(&mut room);
            if topic::write(&mut w, product_key, device_key, Kind::ActivateInfo).is_ok() {
                coap.fetch(core::str::from_utf8(w.as_slice()).unwrap_or(""));
            }
        }
    }

    /// The link is gone, or the dial failed.
    pub(super) fn on_link_down(&mut self, now: u64, error: LinkError) {
        self.session.down(now);
        self.tx.clear();
        let keep_answers = self.connection.is_renewing();
        self.stats.dropped_answers += self.outbox.link_lost(keep_answers) as u64;
        self.connection.on_link_down(now, error);
    }

    /// The driver has answered to `Store`.
    pub(super) fn on_stored(&mut self, now: u64, stored: bool) {
        let result = self.activation.on_stored(now, stored);
        if matches!(self.connection.stage, Stage::Closed) {
            return;
        }
        match result {
            StoreResult::Activated => {
                self.connection.tell(Event::Activated);
                self.confirm_activation(now);
            }
            StoreResult::RetryIn(pause) => self.connection.tell(Event::Warning(Warning::StoreFailed(pause))),
            StoreResult::Unasked => {}
        }
    }

    /// Tells the hub, if it listens, that the secret is stored, and leaves mode 3 for a sign-in with it.
    pub(super) fn confirm_activation(&mut self, now: u64) {
        if !matches!(self.connection.stage, Stage::Activating { .. }) {
            return;
        }
        let mut room = [0; activation::ANSWER_ROOM];
        let keys = keys_of(&self.names, &self.devices, DeviceIx::ROOT);
        if let Ok((topic, payload)) = self.activation.write_answer(&mut room, keys) {
            let (topic, rest) = room.split_at(topic);
            let exchange = Exchange {
                token: None,
                topic: core::str::from_utf8(topic).unwrap_or(""),
                payload: rest.get(..payload).unwrap_or(&[]),
                kind: Sort::Tell,
                repeated: false,
            };
            match &mut self.session {
                Session::Mqtt(mqtt) => {
                    mqtt.offer(&exchange, &mut self.tx);
                }
                #[cfg(feature = "coap")]
                Session::Coap(coap) => coap.write_last_word(now, &exchange, &mut self.tx),
            }
        }
        self.session.leave(&mut self.tx);
        self.connection.hang_up(now, Then::Redial, true);
    }

    /// Encodes what waits: subscriptions first, then messages, as far as window and room allow.
    pub(super) fn encode(&mut self) {
        if !matches!(self.connection.stage, Stage::Online) {
            return;
        }
        self.subscribe();
        let Self { outbox, session: Session::Mqtt(session), tx, stats, .. } = self else { return };
        loop {
            let window = outbox.in_flight() < self.in_flight;
            let Some(record) = outbox.unsent() else { break };
            if record.token.is_some() && !window {
                break;
            }
            let exchange = Exchange {
                token: record.token,
                topic: record.topic,
                payload: record.payload,
                kind: if record.token.is_some() { Sort::Ask } else { Sort::Tell },
                repeated: record.dup,
            };
            if !session.offer(&exchange, tx) {
                break;
            }
            stats.messages_sent += 1;
            stats.retries += u64::from(outbox.mark_sent());
        }
    }

    /// One SUBSCRIBE for the exact filters that this session does not have yet. The hub delivers without them; a
    /// stock broker does not. Never a wildcard: such a broker would send our own answers back.
    fn subscribe(&mut self) {
        let Self { handlers, names, devices, session, tx, connection, replies_subscribed, .. } = self;
        let Session::Mqtt(session) = session else { return };
        let missing = |slot: &&mut super::tables::HandlerSlot| slot.active && !slot.subscribed;
        if *replies_subscribed && !handlers.unsubscribed {
            return;
        }
        if *replies_subscribed && handlers.all_mut().iter_mut().find(missing).is_none() {
            handlers.unsubscribed = false;
            return;
        }
        let most = tx.max();
        let root = keys_of(names, devices, DeviceIx::ROOT);
        let mut room_needed = SUBSCRIBE_HEAD;
        if !*replies_subscribed {
            room_needed += filter_room(root, "");
        }
        let mut batch = 0;
        for slot in handlers.all_mut().iter_mut().filter(missing) {
            let keys = keys_of(names, devices, DeviceIx(slot.device));
            let more = filter_room(keys, names.text(slot.id));
            if room_needed + more > most {
                break;
            }
            room_needed += more;
            batch += 1;
        }
        if room_needed == SUBSCRIBE_HEAD || room_needed > most {
            // Not even one filter fits: go on without, as EnOS does.
            *replies_subscribed = true;
            handlers.all_mut().iter_mut().for_each(|slot| slot.subscribed = true);
            connection.tell(Event::Warning(Warning::SubscriptionRefused(1)));
            return;
        }
        let Some(room) = tx.room(room_needed) else { return };
        let Ok(mut packet) = SubscribeWriter::new(room, session.subscribe_id()) else { return };
        if !*replies_subscribed {
            let (pk, dk) = root;
            let written =
                packet.filter(QoS::AtLeastOnce, |w| topic::write_reply(w, pk, dk, Kind::MeasurepointPost));
            *replies_subscribed = written.is_ok();
        }
        for slot in handlers.all_mut().iter_mut().filter(missing).take(batch) {
            let (pk, dk) = keys_of(names, devices, DeviceIx(slot.device));
            let kind = command::topic_kind(slot.verb.kind(names.text(slot.id)));
            slot.subscribed = packet.filter(QoS::AtLeastOnce, |w| topic::write(w, pk, dk, kind)).is_ok();
        }
        let n = packet.finish();
        tx.commit(n);
    }

    /// The next moment at which something is due.
    pub(super) fn deadline(&self) -> Option<u64> {
        if matches!(self.connection.stage, Stage::Closed) {
            return None;
        }
        let link = sooner(self.connection.deadline(self.is_storing()), self.session.deadline(&self.tx));
        #[cfg(feature = "coap")]
        let link = sooner(link, self.coap.deadline());
        sooner(sooner(link, self.outbox.deadline()), self.activation.deadline())
    }

    /// Why a request failed: its time ran out, or (`given_up`) the client was closed.
    pub(super) fn failure(&self, acknowledged: bool, given_up: bool) -> Error {
        match self.connection.stage {
            _ if given_up => Error::new(ErrorKind::Closed, Cause::Closed),
            Stage::Online => Error::new(ErrorKind::Timeout, Cause::NoReply { acknowledged }),
            _ => Error::new(ErrorKind::LinkLost, Cause::Offline),
        }
    }

    /// Whether the CONNECT that is out was signed with the product secret.
    pub(super) fn signs_in_with_product_secret(&self) -> bool {
        self.mode == SecureMode::Product
    }

    /// Whether the driver's store stands between the device and its secret.
    pub(super) fn is_storing(&self) -> bool {
        self.activation.is_open() && !self.activation.waits_for_hub()
    }
}

/// Fixed header with the longest length, and packet identifier.
const SUBSCRIBE_HEAD: usize = 7;

/// The most that one filter can take: length, QoS, `/sys/…/…/`, the longest path and an identifier.
fn filter_room((product_key, device_key): (&str, &str), id: &str) -> usize {
    48 + product_key.len() + device_key.len() + id.len()
}

fn check_config(config: &Config<'_>, product_key: &str, device_key: &str) -> Result<(), ConfigError> {
    let clean = |text: &str, not: &[u8]| !text.bytes().any(|b| b < 0x20 || b == 0x7F || not.contains(&b));
    if product_key.is_empty() || product_key.len() > MAX_PRODUCT_KEY || !clean(product_key, b"/+#|&") {
        return Err(ConfigError::ProductKey);
    }
    if device_key.is_empty() || device_key.len() > MAX_DEVICE_KEY || !clean(device_key, b"/+#|") {
        return Err(ConfigError::DeviceKey);
    }
    let (secret, stored) = match config.login {
        Login::DeviceSecret { device_secret, .. } => (device_secret, None),
        Login::DynamicActivation { product_secret, device_secret, .. } => (product_secret, device_secret),
    };
    for secret in [Some(secret), stored].into_iter().flatten() {
        if secret.is_empty() || secret.len() > 256 {
            return Err(ConfigError::Secret);
        }
    }
    #[cfg(not(feature = "coap"))]
    if config.hub.scheme.is_coap() {
        return Err(ConfigError::Unsupported("CoAP is not in this build. Use tcp:// or ssl://"));
    }
    let (first, most) = config.backoff_ms;
    for (wrong, what) in [
        (config.hub.host.is_empty() || config.hub.host.len() > MAX_HOST, "the hub's host"),
        (config.hub.port == 0, "the hub's port"),
        (config.keep_alive_s > 43_200, "keep_alive_s (0 to 43200)"),
        (config.in_flight == 0, "in_flight (1 to 65535)"),
        (config.dial_budget == 0 || usize::from(config.dial_budget) > MAX_DIALS, "dial_budget (1 to 8)"),
        (first == 0 || first > most, "backoff_ms (first above 0 and not above most)"),
        (config.sign_in_timeout_ms == 0, "sign_in_timeout_ms (above 0)"),
        (config.activation_timeout_ms == 0, "activation_timeout_ms (above 0)"),
        (config.pong_timeout_ms == 0, "pong_timeout_ms (above 0)"),
    ] {
        if wrong {
            return Err(ConfigError::Range(what));
        }
    }
    Ok(())
}
