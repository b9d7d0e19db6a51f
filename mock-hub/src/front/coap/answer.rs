//! What a request is answered, from the cloud's words to bytes that fit into one datagram.

use coap_lite::{CoapOption, Packet};

use super::block::{Block, exponent_for};
use super::message::{self, Kind, option, option_bytes, uint};
use super::request::JSON;
use super::transfer::EXPONENT;

/// Bytes of an answer without options and payload: header, and the marker of the payload.
const FRAME: usize = 5;
/// Bytes that a block option and the options beside it take.
const BLOCKS: usize = 8 + 8 + 6;

/// An answer before it is written.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) code: u8,
    pub(super) payload: Vec<u8>,
    /// The payload carries a secret: it is not shown whole anywhere.
    pub(super) secret: bool,
    pub(super) block1: Option<Block>,
    pub(super) block2: Option<Block>,
    /// Names the payload that the blocks are of.
    pub(super) etag: Option<u32>,
    /// Bytes of the whole payload.
    pub(super) size2: Option<u32>,
    /// Bytes of a request's body that would be taken.
    pub(super) size1: Option<u32>,
    /// Seconds until it may be asked again (RFC 8516).
    pub(super) max_age: Option<u32>,
    /// The path of what waits for the device.
    pub(super) hint: Option<String>,
    /// What waits itself.
    pub(super) inline: Option<Vec<u8>>,
}

impl Answer {
    /// A bare code.
    pub(super) fn of(code: u8) -> Self {
        Self { code, ..Self::default() }
    }

    /// A code with a payload.
    pub(super) fn with(code: u8, payload: Vec<u8>) -> Self {
        Self { payload, ..Self::of(code) }
    }

    /// Bytes that the datagram has at most, hints left out.
    pub(super) fn bytes(&self, token: usize) -> usize {
        let blocks = [self.block1, self.block2].into_iter().flatten().count() * 8;
        let sizes = [self.etag, self.size1, self.size2, self.max_age].into_iter().flatten().count() * 8;
        FRAME + token + 3 + blocks + sizes + self.payload.len()
    }

    /// Whether the payload goes out in blocks: the peer wants it so, or it does not fit. Gives the first block then.
    pub(super) fn split(&self, wanted: Option<Block>, token: usize) -> Option<Block> {
        let fits = self.bytes(token) <= super::DATAGRAM;
        let most = match wanted {
            Some(wanted) if self.payload.len() <= wanted.size() && fits => return None,
            Some(wanted) => wanted.exponent,
            None if fits => return None,
            None => EXPONENT,
        };
        let room = super::DATAGRAM.saturating_sub(self.bytes(token) - self.payload.len() + BLOCKS);
        let exponent = exponent_for(room)?.min(most);
        Some(Block { number: 0, more: true, exponent })
    }

    /// One block of the payload; nothing if it has none there.
    pub(super) fn part(&self, block: Block) -> Option<Self> {
        let start = block.start();
        if start > 0 && start >= self.payload.len() {
            return None;
        }
        let end = start.saturating_add(block.size()).min(self.payload.len());
        let part = self.payload.get(start..end)?.to_vec();
        let block2 = Some(Block { more: end < self.payload.len(), ..block });
        let size2 = u32::try_from(self.payload.len()).ok().filter(|_| block.number == 0);
        let (code, secret, etag, block1) = (self.code, self.secret, self.etag, self.block1);
        Some(Self { code, secret, etag, block1, payload: part, block2, size2, ..Self::default() })
    }

    /// Names the payload, since its blocks are asked for one by one.
    pub(super) fn tagged(self, etag: u32) -> Self {
        Self { etag: Some(etag), ..self }
    }

    /// The message.
    pub(super) fn write(&self, kind: Kind, id: u16, token: &[u8]) -> Vec<u8> {
        let mut packet = message::packet(kind, self.code, id, token);
        let mut put = |number: u16, value: Vec<u8>| packet.add_option(CoapOption::from(number), value);
        if let Some(etag) = self.etag {
            put(option::ETAG, etag.to_be_bytes().to_vec());
        }
        if !self.payload.is_empty() {
            put(option::CONTENT_FORMAT, uint(u32::from(JSON)));
        }
        if let Some(seconds) = self.max_age {
            put(option::MAX_AGE, uint(seconds));
        }
        for (number, block) in [(option::BLOCK2, self.block2), (option::BLOCK1, self.block1)] {
            if let Some(block) = block {
                put(number, block.write());
            }
        }
        for (number, size) in [(option::SIZE2, self.size2), (option::SIZE1, self.size1)] {
            if let Some(size) = size {
                put(number, uint(size));
            }
        }
        if let Some(hint) = &self.hint {
            put(option::HINT, hint.clone().into_bytes());
        }
        if let Some(inline) = &self.inline {
            put(option::INLINE, inline.clone());
        }
        packet.payload.extend_from_slice(&self.payload);
        encoded(&packet)
    }

    /// Bytes that are left for a hint in a datagram of at most `most`.
    pub(super) fn room(&self, token: usize, most: usize) -> usize {
        most.saturating_sub(self.bytes(token))
    }
}

/// Bytes that a hint takes, alone and with what waits.
pub(super) fn hint_bytes(path: &str, payload: &[u8]) -> (usize, usize) {
    let alone = option_bytes(path.len());
    (alone, alone + option_bytes(payload.len()))
}

/// The bytes of a packet. The codec refuses what is longer than it likes only if asked to, so nothing can fail here.
fn encoded(packet: &Packet) -> Vec<u8> {
    packet.to_bytes_unlimited().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_never_longer_than_was_said() {
        let token = [1; 8];
        let mut answer = Answer::with(message::CHANGED, vec![7; 300]).tagged(9);
        (answer.size1, answer.max_age) = (Some(524_288), Some(1));
        answer.block1 = Some(Block { number: 0xF_FFFF, more: true, exponent: 6 });
        let first = answer.part(Block { number: 0, more: true, exponent: 4 }).unwrap();
        for answer in [&answer, &first] {
            let bytes = answer.write(Kind::Ack, 1, &token);
            assert!(bytes.len() <= answer.bytes(8), "{} {}", bytes.len(), answer.bytes(8));
            for (path, payload) in [("/topic/a".to_owned(), vec![1; 12]), ("x".repeat(300), vec![1; 600])] {
                let (alone, both) = hint_bytes(&path, &payload);
                let told = Answer { hint: Some(path.clone()), ..(*answer).clone() };
                assert!(told.write(Kind::Ack, 1, &token).len() <= bytes.len() + alone);
                let told = Answer { inline: Some(payload), ..told };
                assert!(told.write(Kind::Ack, 1, &token).len() <= bytes.len() + both);
            }
        }
    }

    #[test]
    fn a_payload_is_cut_so_that_each_part_fits() {
        let long = Answer::with(message::CONTENT, vec![7; 5_000]);
        let first = long.split(None, 8).unwrap();
        assert_eq!(first.exponent, EXPONENT);
        let wanted = Block { number: 0, more: false, exponent: 2 };
        assert_eq!(long.split(Some(wanted), 8).unwrap().exponent, 2);
        let mut whole = Vec::new();
        for number in 0..10 {
            let part = long.clone().tagged(1).part(Block { number, ..first }).unwrap();
            assert!(part.write(Kind::Ack, 1, &[0; 8]).len() <= super::super::DATAGRAM);
            assert_eq!(part.block2.unwrap().more, number < 9);
            whole.extend(part.payload);
        }
        assert_eq!(whole, long.payload);
        assert_eq!(long.part(Block { number: 10, ..first }), None);
        let short = Answer::with(message::CONTENT, vec![7; 40]);
        assert_eq!(short.split(None, 8), None);
        assert_eq!(short.split(Some(Block { exponent: 2, ..wanted }), 8), None);
        assert_eq!(short.split(Some(Block { exponent: 1, ..wanted }), 8).unwrap().exponent, 1);
    }
}
