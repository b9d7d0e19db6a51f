//! The exchange that is open: which block goes next, and the datagram that asks for it.

use super::{Coap, MAX_HINT, Needs, Phase, What};
use crate::session::Exchange;
use crate::session::buffers::Tx;
use crate::sign;
use crate::wire::coap::{
    Block, CoapOption, MessageClass, MessageType, MessageWriter, RequestType, content_format, option,
};
use crate::wire::{Full, Writer};

/// ACK_TIMEOUT, and the same times ACK_RANDOM_FACTOR (RFC 7252 §4.8), in milliseconds.
const ACK_TIMEOUT_MS: (u32, u32) = (2_000, 3_000);
/// Exponent of the blocks that a large body goes in, unless the hub asks for smaller ones: 512 bytes.
const EXPONENT: u8 = 5;
/// How often a body is begun anew because the hub lost pieces of it, or wants smaller ones.
pub(super) const MAX_RESTARTS: u8 = 4;
/// The largest that header, token, options but Uri-Path, and payload marker take together.
const FIXED: usize = 4 + 4 + 2 + 5 + 5 + 6 + 4 + 1;

/// How far the newest datagram of an exchange has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// It is still to be written.
    Unwritten,
    /// It is written and was never sent.
    Written,
    /// It was sent, `tries` times again; it goes again then.
    Waiting { until: u64, timeout_ms: u32, tries: u8 },
    /// It is to be sent again.
    Again { timeout_ms: u32, tries: u8 },
    /// The hub has it, and answers later.
    Acknowledged { until: u64 },
}

/// An exchange: one request and its answer, or those of each block of a body.
#[derive(Clone, Debug)]
pub(super) struct Open {
    pub(super) what: What,
    pub(super) token: u32,
    pub(super) id: u16,
    pub(super) stage: Stage,
    /// When its newest datagram was first sent.
    pub(super) sent_at: u64,
    /// The block of our body that is sent; `None`: it goes whole, or has gone.
    pub(super) upload: Option<Block>,
    /// Tells its blocks from those of an earlier body, which may come late: without it a hub could make one body of two
    /// (RFC 9175 §3.4).
    pub(super) tag: u16,
    /// The hub has all of our body.
    pub(super) uploaded: bool,
    /// The size that the hub asked for.
    pub(super) exponent: Option<u8>,
    /// The block of the answer that is asked for next.
    pub(super) download: Option<Block>,
    /// Length and bytes of the answer's ETag: its blocks must be of one body (RFC 7959 §2.4).
    pub(super) etag: Option<(usize, u64)>,
    /// It was refused with 4.01 before.
    pub(super) refused: bool,
    pub(super) restarts: u8,
}

impl Open {
    fn new(what: What, refused: bool) -> Self {
        Self {
            what,
            token: 0,
            id: 0,
            stage: Stage::Unwritten,
            sent_at: 0,
            upload: None,
            tag: 0,
            uploaded: false,
            exponent: None,
            download: None,
            etag: None,
            refused,
            restarts: 0,
        }
    }

    /// From the first block, in blocks of the size that the hub is known to take.
    pub(super) fn restart(&mut self) {
        self.stage = Stage::Unwritten;
        if let Some(block) = self.upload.take() {
            self.exponent = Some(self.exponent.map_or(block.exponent, |asked| asked.min(block.exponent)));
        }
        self.etag = None;
        self.uploaded = false;
        self.download = None;
    }

    /// Whether a datagram is out that nothing was heard after.
    pub(super) fn was_not_heard(&self) -> bool {
        matches!(self.stage, Stage::Waiting { .. } | Stage::Again { .. })
    }

    /// Whether its datagram was sent.
    pub(super) fn is_out(&self) -> bool {
        !matches!(self.stage, Stage::Unwritten | Stage::Written)
    }
}

/// Who signs in, in clear.
pub(crate) struct SignIn<'a> {
    pub(crate) product_key: &'a str,
    pub(crate) device_key: &'a str,
    pub(crate) secret: &'a str,
}

/// Room for the largest sign-in payload.
const SIGN_IN_ROOM: usize = 128;

impl SignIn<'_> {
    /// Writes the payload (`docs-coap-http.md` A.3).
    pub(super) fn payload<'o>(
        &self,
        lifetime_s: u32,
        out: &'o mut [u8; SIGN_IN_ROOM],
    ) -> Result<&'o [u8], Full> {
        let sign = sign::coap_sign(self.device_key, lifetime_s, self.product_key, self.secret.as_bytes());
        let mut w = Writer::new(&mut out[..]);
        w.bytes(b"{\"secureMode\":2,\"lifetime\":")?;
        w.decimal_u64(lifetime_s.into())?;
        w.bytes(b",\"sign\":\"")?;
        w.bytes(&sign)?;
        w.bytes(b"\"}")?;
        let len = w.len();
        out.get(..len).ok_or(Full)
    }
}

/// Bytes of a datagram that a topic of this length takes beside the payload, at the most.
pub(crate) const fn path_room(topic: usize) -> usize {
    // `/topic`, then up to a dozen segments with three bytes in front of each.
    FIXED + 6 + topic + 12 * 3
}

/// What a datagram is made of.
struct Body<'a> {
    method: RequestType,
    /// Comes before the path.
    root: &'a str,
    path: [&'a str; 3],
    payload: &'a [u8],
}

impl Coap {
    /// What comes next. `waiting`: the outbox has something to send.
    pub(crate) fn needs(&mut self, now: u64, waiting: bool) -> Needs {
        self.ids_ready_at = None;
        let what = match (&self.open, self.phase) {
            (_, Phase::Down) => return Needs::Nothing,
            (Some(open), _) if open.stage == Stage::Unwritten => open.what,
            (Some(_), _) | (_, Phase::Leaving) => return Needs::Nothing,
            (None, Phase::SigningIn { .. }) => What::SignIn,
            (None, Phase::Online { activating }) => {
                if self.signs_in_again {
                    What::SignIn
                } else if let Some(paused) = self.paused.take() {
                    let what = paused.what;
                    self.open = Some(paused);
                    what
                } else if self.is_due(now, waiting) && !self.secure {
                    What::SignIn
                } else if !self.hint.is_empty() {
                    // The options of an answer are looked at once the next message is written, so that the outbox
                    // has its turn after each command.
                    What::Fetch
                } else if waiting && !activating {
                    // A token stands for any here; the caller knows which.
                    What::Tell
                } else {
                    return Needs::Nothing;
                }
            }
        };
        if let Some(at) = self.ids.ready_at(now) {
            self.ids_ready_at = Some(at);
            return Needs::Nothing;
        }
        match what {
            What::SignIn => Needs::SignIn,
            What::Ask(_) | What::Tell | What::LastWord => Needs::Message,
            What::Fetch => Needs::Fetch,
        }
    }

    /// Writes the sign-in.
    pub(crate) fn write_sign_in(&mut self, now: u64, who: &SignIn<'_>, tx: &mut Tx<'_>) {
        self.begin(What::SignIn);
        let mut room = [0; SIGN_IN_ROOM];
        let payload = who.payload(self.settings.lifetime_s, &mut room).unwrap_or(&[]);
        let path = [who.product_key, "/", who.device_key];
        let written = self.write(now, &Body { method: RequestType::Post, root: "/auth", path, payload }, tx);
        debug_assert!(written, "the engine has checked that it fits");
    }

    /// Writes the next datagram of a message of the outbox, or the last word of an activation. False if it does not fit.
    pub(crate) fn write_message(&mut self, now: u64, exchange: &Exchange<'_>, tx: &mut Tx<'_>) -> bool {
        self.begin(match exchange.token {
            Some(token) => What::Ask(token),
            None => What::Tell,
        });
        let path = [exchange.topic, "", ""];
        let payload = exchange.payload;
        self.write(now, &Body { method: RequestType::Post, root: "/topic", path, payload }, tx)
    }

    /// Writes the last word of an activation, if nothing is open; nobody hears whether it arrives.
    pub(crate) fn write_last_word(&mut self, now: u64, exchange: &Exchange<'_>, tx: &mut Tx<'_>) {
        if self.open.is_none() && self.ids.ready_at(now).is_none() {
            self.begin(What::LastWord);
            let path = [exchange.topic, "", ""];
            let payload = exchange.payload;
            let written =
                self.write(now, &Body { method: RequestType::Post, root: "/topic", path, payload }, tx);
            // It cannot be asked for again, so it goes in one datagram or not at all.
            if !written || self.open.as_ref().is_some_and(|open| open.upload.is_some()) {
                self.finish(now);
                tx.reset();
            }
        }
    }

    /// Writes the next datagram that fetches what the hub has hinted at. False if it does not fit.
    pub(crate) fn write_fetch(&mut self, now: u64, tx: &mut Tx<'_>) -> bool {
        self.begin(What::Fetch);
        let mut path = [0; MAX_HINT];
        let len = self.hint.len().min(MAX_HINT);
        path[..len].copy_from_slice(&self.hint[..len]);
        let topic = core::str::from_utf8(&path[..len]).unwrap_or("");
        let body = Body { method: RequestType::Get, root: "/topic", path: [topic, "", ""], payload: &[] };
        self.write(now, &body, tx)
    }

    /// Whether a message is about to begin, and not to go on.
    pub(crate) fn begins(&self) -> bool {
        self.open.is_none()
    }

    fn begin(&mut self, what: What) {
        if self.open.is_none() {
            let refused = self.refused.take_if(|known| *known == what).is_some();
            self.open = Some(Open::new(what, refused));
        }
    }

    /// Writes one datagram into `tx`, where it stays until it is answered.
    fn write(&mut self, now: u64, body: &Body<'_>, tx: &mut Tx<'_>) -> bool {
        tx.reset();
        let most = usize::from(self.settings.datagram).min(tx.max());
        let head = path_room(body.path.iter().map(|part| part.len()).sum());
        let Some(open) = &mut self.open else { return false };
        let Some(room) = tx.room((head + body.payload.len()).min(most)) else { return false };
        self.token = self.token.wrapping_add(1);
        (open.id, open.token) = (self.ids.take(now), self.token);
        match datagram(room, open, body) {
            Ok(n) => {
                open.stage = Stage::Written;
                tx.commit(n);
                true
            }
            Err(Full) => false,
        }
    }

    /// A first time-out, drawn at random.
    pub(super) fn first_timeout(&mut self) -> u32 {
        self.random.between(ACK_TIMEOUT_MS.0, ACK_TIMEOUT_MS.1)
    }
}

/// Writes the datagram that this exchange needs next, and notes which block it carries.
fn datagram(room: &mut [u8], open: &mut Open, body: &Body<'_>) -> Result<usize, Full> {
    let method = MessageClass::Request(body.method);
    let mut w =
        MessageWriter::new(room, MessageType::Confirmable, method, open.id, &open.token.to_be_bytes())?;
    w.path(body.root)?;
    let [first, separator, last] = body.path;
    w.path(first)?;
    if !separator.is_empty() {
        w.path(last)?;
    }
    if !body.payload.is_empty() {
        w.uint(CoapOption::ContentFormat.into(), content_format::JSON)?;
    }
    if let Some(block) = open.download {
        // What the hub has of ours is not sent again (RFC 7959 §3.3); the other options are, since by them a hub knows
        // which answer is meant.
        w.block(CoapOption::Block2.into(), Block { more: false, ..block })?;
        if open.upload.is_some() {
            w.option(option::REQUEST_TAG, &open.tag.to_be_bytes())?;
        }
        return w.finish(&[]);
    }
    if body.payload.is_empty() {
        return w.finish(&[]);
    }
    let left = w.payload_room();
    let fits = body.payload.len() <= left && open.exponent.is_none_or(|e| body.payload.len() <= 16 << e);
    if open.upload.is_none() && fits {
        return w.finish(body.payload);
    }
    let block = match open.upload {
        Some(block) => block,
        None => {
            // Block1 with the largest number, Size1, Request-Tag.
            let left = left.saturating_sub(5 + 6 + 4);
            open.tag = open.token as u16;
            let fitting = (0..=EXPONENT).rev().find(|exponent| 16 << exponent <= left).ok_or(Full)?;
            let exponent = open.exponent.map_or(fitting, |asked| asked.min(fitting));
            Block { number: 0, more: true, exponent }
        }
    };
    let rest = body.payload.get(block.offset()..).unwrap_or(&[]);
    let piece = rest.get(..block.size()).unwrap_or(rest);
    let block = Block { more: rest.len() > piece.len(), ..block };
    if block.number > Block::MAX_NUMBER || piece.is_empty() {
        return Err(Full);
    }
    open.upload = Some(block);
    w.block(CoapOption::Block1.into(), block)?;
    if block.number == 0 {
        w.uint(CoapOption::Size1.into(), u32::try_from(body.payload.len()).map_err(|_| Full)?)?;
    }
    w.option(option::REQUEST_TAG, &open.tag.to_be_bytes())?;
    w.finish(piece)
}
