//! Received datagrams: which of them answer what is open, and what their options say.

use super::exchange::{MAX_RESTARTS, Open, Stage};
use super::ids::Verdict;
use super::timers::ANSWER_WAIT_MS;
use super::{Coap, Heard, MAX_HINT, Phase, What};
use crate::error::{Cause, Error, ErrorKind};
use crate::session::buffers::Tx;
use crate::wire::coap::{
    Block, DecodeError, Message, MessageClass, MessageType, ResponseType, class_and_detail, decode,
    is_critical, option, sender,
};

/// What the options of an answer say about commands that wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hint<'p> {
    /// Nothing, or something that is fetched later.
    Nothing,
    /// A command, by its topic.
    Command { topic: &'p str, payload: &'p [u8] },
    /// Options that make no sense.
    Malformed,
}

const BLOCK1: u16 = 27;
const BLOCK2: u16 = 23;
const ETAG: u16 = 4;

impl Coap {
    /// Takes one datagram. The caller has made sure that [`can_hear`](Self::can_hear).
    pub(crate) fn on_datagram<'p>(&mut self, now: u64, datagram: &'p [u8], tx: &mut Tx<'_>) -> Heard<'p> {
        let message = match decode(datagram) {
            Ok(message) => message,
            Err(error) => return self.on_format_error(datagram, error),
        };
        self.unheard = 0;
        match message.code {
            MessageClass::Empty => self.on_empty(now, &message),
            code if u8::from(code) >> 5 == 0 => {
                // A client has nothing to ask for (RFC 7252 §4.2, §4.3).
                if message.kind == MessageType::Confirmable {
                    self.reset(message.id);
                }
                Heard::Malformed
            }
            _ => self.on_response(now, &message, tx),
        }
    }

    /// Rejects what is no message: a reset to a confirmable one, nothing else (RFC 7252 §4.2, §4.3).
    fn on_format_error(&mut self, datagram: &[u8], error: DecodeError) -> Heard<'static> {
        if let (Some((MessageType::Confirmable, id)), false) =
            (sender(datagram), matches!(error, DecodeError::Version(_)))
        {
            self.reset(id);
        }
        Heard::Malformed
    }

    fn on_empty(&mut self, now: u64, message: &Message<'_>) -> Heard<'static> {
        if message.kind == MessageType::Confirmable {
            // A ping (RFC 7252 §4.3).
            self.reset(message.id);
            return Heard::Nothing;
        }
        let Some(open) = self.open.as_mut().filter(|open| open.is_out() && open.id == message.id) else {
            return Heard::Stray;
        };
        match message.kind {
            MessageType::Acknowledgement => {
                if !matches!(open.stage, Stage::Acknowledged { .. }) {
                    open.stage = Stage::Acknowledged { until: now + ANSWER_WAIT_MS };
                }
                match open.what {
                    What::Ask(token) => Heard::Accepted(token),
                    _ => Heard::Nothing,
                }
            }
            MessageType::Reset => Heard::Fault(Error::new(ErrorKind::LinkLost, Cause::Reset)),
            _ => Heard::Malformed,
        }
    }

    fn on_response<'p>(&mut self, now: u64, message: &Message<'p>, tx: &mut Tx<'_>) -> Heard<'p> {
        let confirmable = message.kind == MessageType::Confirmable;
        if let Some(verdict) = self.seen.find(now, message.id).filter(|_| confirmable) {
            // Our acknowledgement was lost, or the network doubled it.
            match verdict {
                Verdict::Acknowledged => self.acknowledge(message.id),
                Verdict::Reset => self.reset(message.id),
            }
            return Heard::Nothing;
        }
        let piggybacked = message.kind == MessageType::Acknowledgement;
        let answers = |open: &Open| {
            open.is_out()
                && message.token == open.token.to_be_bytes()
                && (!piggybacked || message.id == open.id)
        };
        let ours = message.kind != MessageType::Reset && self.open.as_ref().is_some_and(answers);
        let understood = ours && understands(message);
        if confirmable {
            let verdict = if understood { Verdict::Acknowledged } else { Verdict::Reset };
            match verdict {
                Verdict::Acknowledged => self.acknowledge(message.id),
                Verdict::Reset => self.reset(message.id),
            }
            self.seen.note(now, message.id, verdict);
        }
        if !ours {
            return Heard::Stray;
        }
        let Some(open) = self.open.as_ref() else { return Heard::Stray };
        let (what, sent_at) = (open.what, open.sent_at);
        if !understood {
            return self.useless(
                now,
                what,
                "an answer with an option that is critical and unknown, or malformed",
            );
        }
        let (class, detail) = class_and_detail(message.code);
        match message.code {
            MessageClass::Response(ResponseType::Continue) => self.on_continue(now, message, what, tx),
            MessageClass::Response(ResponseType::Unauthorized) if what != What::SignIn => {
                self.on_unauthorized(now, what, tx)
            }
            MessageClass::Response(
                ResponseType::RequestEntityIncomplete | ResponseType::RequestEntityTooLarge,
            ) if self.restarts(message) => {
                self.renewed(sent_at);
                Heard::Nothing
            }
            _ if class == 2 => {
                self.renewed(sent_at);
                self.on_success(now, message, what, tx)
            }
            _ => {
                self.second_look = what != What::Fetch;
                self.refused_with(now, what, Error::coap(class, detail))
            }
        }
    }

    /// 2.31: the hub has this block and wants the next (RFC 7959 §2.3), maybe smaller ones from now on.
    fn on_continue(
        &mut self,
        now: u64,
        message: &Message<'_>,
        what: What,
        tx: &mut Tx<'_>,
    ) -> Heard<'static> {
        let echoed = message.block(BLOCK1).ok().flatten();
        let next = self.open.as_ref().and_then(|open| next_block(open.upload?, echoed?));
        let (Some(block), Some(open)) = (next, self.open.as_mut()) else {
            return self.useless(now, what, "2.31 to what was not a block, or was another or the last");
        };
        open.upload = Some(block);
        open.stage = Stage::Unwritten;
        let sent_at = open.sent_at;
        tx.reset();
        self.renewed(sent_at);
        Heard::Nothing
    }

    fn on_success<'p>(&mut self, now: u64, message: &Message<'p>, what: What, tx: &mut Tx<'_>) -> Heard<'p> {
        let Some(open) = self.open.as_mut() else { return Heard::Stray };
        if !open.uploaded
            && let Some(sent) = open.upload
            && sent.more
        {
            return self.useless(now, what, "a final answer before the last block was sent");
        }
        open.uploaded = true;
        // `understands` has read it.
        let block = message.block(BLOCK2).ok().flatten();
        match (open.download, block) {
            (None, None) => {}
            (None, Some(first)) if first.number == 0 => {}
            (Some(wanted), Some(block))
                if block.offset() == wanted.offset() && block.exponent <= wanted.exponent => {}
            _ => return self.useless(now, what, "another block than the one that was asked for"),
        }
        let etag = message
            .option(ETAG)
            .map(|etag| (etag.len(), etag.iter().fold(0, |number, byte| number << 8 | u64::from(*byte))));
        if open.download.is_some() && etag != open.etag {
            return self.useless(now, what, "blocks of two bodies");
        }
        open.etag = etag;
        if let Some(block) = block.filter(|block| block.more) {
            if message.payload.len() != block.size() || block.number == Block::MAX_NUMBER {
                return self.useless(now, what, "a block of another size than it says");
            }
            open.download = Some(Block { number: block.number + 1, ..block });
            open.stage = Stage::Unwritten;
            tx.reset();
            return Heard::Part(message.payload);
        }
        self.finish(now);
        tx.reset();
        self.second_look = true;
        match what {
            What::SignIn => {
                self.signs_in_again = false;
                if let Phase::SigningIn { .. } = self.phase {
                    self.phase = Phase::Online { activating: false };
                    return Heard::Online;
                }
                Heard::Nothing
            }
            What::Ask(token) => Heard::Reply { token, payload: message.payload },
            What::Tell => Heard::Delivered,
            What::LastWord => Heard::Nothing,
            What::Fetch => Heard::Fetched(message.payload),
        }
    }

    /// 4.01: the hub does not know this address any more. Sign in again, once, and ask again.
    fn on_unauthorized(&mut self, now: u64, what: What, tx: &mut Tx<'_>) -> Heard<'static> {
        let Some(open) = self.open.as_mut() else { return Heard::Stray };
        if open.refused || self.phase == Phase::Leaving {
            return self.refused_with(now, what, Error::coap(4, 1));
        }
        open.refused = true;
        open.restart();
        tx.reset();
        if self.secure {
            self.refused = Some(what);
            self.finish(now);
            return Heard::Unknown;
        }
        self.signs_in_again = true;
        self.paused = self.open.take();
        Heard::Nothing
    }

    /// Whether the body is to be sent from its first block: the hub has lost blocks (4.08), or wants smaller ones (4.13).
    fn restarts(&mut self, message: &Message<'_>) -> bool {
        let wanted = message.block(BLOCK1).ok().flatten();
        let Some(open) = self.open.as_mut().filter(|open| open.restarts < MAX_RESTARTS) else { return false };
        if message.code == MessageClass::Response(ResponseType::RequestEntityTooLarge) {
            let now = open.upload.map_or(Block::MAX_EXPONENT + 1, |block| block.exponent);
            match wanted.filter(|block| block.exponent < now) {
                Some(block) => open.exponent = Some(block.exponent),
                None => return false,
            }
        } else if open.upload.is_none() {
            return false;
        }
        open.restarts += 1;
        open.restart();
        true
    }

    /// The answer is of no use: the exchange has failed.
    fn useless(&mut self, now: u64, what: What, text: &'static str) -> Heard<'static> {
        self.refused_with(now, what, Error::new(ErrorKind::Malformed, Cause::Protocol(text)))
    }

    /// A body that does not fit: the exchange has failed.
    pub(crate) fn too_large(&mut self, now: u64) -> Heard<'static> {
        let Some(what) = self.open.as_ref().map(|open| open.what) else { return Heard::Nothing };
        let cause = Cause::Protocol("an answer larger than the limits of this client");
        self.refused_with(now, what, Error::new(ErrorKind::PayloadTooLarge, cause))
    }

    fn refused_with(&mut self, now: u64, what: What, error: Error) -> Heard<'static> {
        self.finish(now);
        match what {
            What::SignIn => Heard::Denied(error),
            What::Ask(token) => Heard::Failed { token: Some(token), error },
            What::Tell => Heard::Failed { token: None, error },
            What::LastWord => Heard::Nothing,
            What::Fetch => {
                self.hint.clear();
                Heard::NotFetched(error)
            }
        }
    }

    /// Looks at the options of the datagram that was heard last. What was fetched is no longer waited for.
    pub(crate) fn on_hint<'p>(&mut self, datagram: &'p [u8]) -> Hint<'p> {
        self.second_look = false;
        let Ok(message) = decode(datagram) else { return Hint::Nothing };
        let Some(path) = message.option(option::COMMAND_PATH) else {
            return match message.option(option::COMMAND) {
                Some(_) => Hint::Malformed,
                None => Hint::Nothing,
            };
        };
        let topic = path.strip_prefix(b"/topic").filter(|topic| topic.starts_with(b"/"));
        let Some(topic) = topic.and_then(|topic| core::str::from_utf8(topic).ok()) else {
            return Hint::Malformed;
        };
        if topic.len() > MAX_HINT {
            return Hint::Malformed;
        }
        match message.option(option::COMMAND) {
            Some(payload) => Hint::Command { topic, payload },
            None => {
                self.fetch(topic);
                Hint::Nothing
            }
        }
    }

    /// What was fetched is here: it is no longer waited for.
    pub(crate) fn forget_hint(&mut self) {
        self.hint.clear();
    }
}

/// The block after the one that was sent, in blocks of the size that the hub asks for.
fn next_block(sent: Block, echoed: Block) -> Option<Block> {
    if !sent.more || echoed.number != sent.number || echoed.exponent > sent.exponent {
        return None;
    }
    let end = sent.offset() + sent.size();
    let number = u32::try_from(end >> (4 + echoed.exponent)).ok()?;
    Some(Block { number, more: true, exponent: echoed.exponent })
}

/// Whether each option is known, or may be passed over, and block options are there once and well-formed (RFC 7252
/// §5.4.1, §5.4.5).
fn understands(message: &Message<'_>) -> bool {
    let mut last = 0;
    let known = message.options().all(|(number, _)| {
        let again = core::mem::replace(&mut last, number) == number;
        !is_critical(number) || (matches!(number, BLOCK1 | BLOCK2) && !again)
    });
    known && message.block(BLOCK1).is_ok() && message.block(BLOCK2).is_ok()
}
