//! Bodies that take more than one datagram (RFC 7959): those that come in blocks, those that go out in blocks.

use super::EXCHANGE_MS;
use super::answer::Answer;
use super::block::Block;
use super::message::{self, BAD_REQUEST, INCOMPLETE, TOO_LARGE, UNAVAILABLE};
use crate::enos::payload::MAX_PAYLOAD;

/// Bodies of one peer under way in each direction; a new one takes the place of the oldest.
const MOST: usize = 4;
/// Bytes of bodies under way for all peers.
const ALL_BYTES: usize = 32 * 1024 * 1024;
/// The hub asks for blocks of 512 bytes, since with 1,024 a datagram is over the 1 KB that EnOS allows.
pub(super) const EXPONENT: u8 = 5;

/// Bytes of bodies under way for all peers together.
#[derive(Debug, Default)]
pub(super) struct Moving(usize);

impl Moving {
    #[cfg(any(test, feature = "fuzz"))]
    pub(super) fn bytes(&self) -> usize {
        self.0
    }

    fn add(&mut self, more: usize) -> bool {
        let fits = self.0 + more <= ALL_BYTES;
        if fits {
            self.0 += more;
        }
        fits
    }
}

/// The bodies of one peer.
#[derive(Debug, Default)]
pub(super) struct Transfers {
    uploads: Vec<Upload>,
    bodies: Vec<Body>,
}

#[derive(Debug)]
struct Upload {
    path: String,
    bytes: Vec<u8>,
    heard_ms: u64,
}

/// A body that the peer asks for block by block.
#[derive(Debug)]
struct Body {
    path: String,
    answer: Answer,
    heard_ms: u64,
}

/// What became of a block.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// It was the last one.
    Whole(Vec<u8>),
    /// More is to come, in blocks of this size.
    Continue(Block),
    /// This code, with the size that would have been taken.
    Refused(u8, Option<u32>),
}

impl Transfers {
    /// Takes a block of a request's body; `path` is its path and, if the peer tells bodies apart, its tag.
    pub(super) fn upload(
        &mut self,
        path: &str,
        block: Block,
        payload: &[u8],
        announced: Option<u32>,
        now_ms: u64,
        moving: &mut Moving,
    ) -> Taken {
        self.forget(now_ms, moving);
        let odd = if block.more { payload.len() != block.size() } else { payload.len() > block.size() };
        let place = self.uploads.iter().position(|upload| upload.path == path);
        if odd {
            return Taken::Refused(BAD_REQUEST, None);
        }
        let end = block.start() + payload.len();
        if end > MAX_PAYLOAD || announced.is_some_and(|size| size as usize > MAX_PAYLOAD) {
            if let Some(place) = place {
                self.drop_upload(place, moving);
            }
            return Taken::Refused(TOO_LARGE, u32::try_from(MAX_PAYLOAD).ok());
        }
        let place = match (block.number, place) {
            (0, place) => {
                if let Some(place) = place {
                    self.drop_upload(place, moving);
                }
                if !block.more {
                    return Taken::Whole(payload.to_vec());
                }
                if self.uploads.len() >= MOST {
                    self.drop_upload(0, moving);
                }
                let upload = Upload { path: path.to_owned(), bytes: Vec::new(), heard_ms: now_ms };
                self.uploads.push(upload);
                self.uploads.len() - 1
            }
            (_, Some(place)) => place,
            (_, None) => return Taken::Refused(INCOMPLETE, None),
        };
        let Some(upload) = self.uploads.get_mut(place) else { return Taken::Refused(INCOMPLETE, None) };
        upload.heard_ms = now_ms;
        let fresh = match block.start().cmp(&upload.bytes.len()) {
            std::cmp::Ordering::Equal => payload,
            // The block before once more, in a new exchange: its answer was lost for good.
            std::cmp::Ordering::Less if upload.bytes.get(block.start()..) == Some(payload) => &[],
            _ => return Taken::Refused(INCOMPLETE, None),
        };
        if !moving.add(fresh.len()) {
            self.drop_upload(place, moving);
            return Taken::Refused(UNAVAILABLE, None);
        }
        upload.bytes.extend_from_slice(fresh);
        if block.more {
            return Taken::Continue(Block { exponent: block.exponent.min(EXPONENT), ..block });
        }
        let upload = self.uploads.remove(place);
        moving.0 -= upload.bytes.len();
        Taken::Whole(upload.bytes)
    }

    /// Keeps an answer whose payload goes out in blocks; false if there is no room.
    pub(super) fn keep(&mut self, path: &str, answer: Answer, now_ms: u64, moving: &mut Moving) -> bool {
        self.forget(now_ms, moving);
        if let Some(place) = self.bodies.iter().position(|body| body.path == path) {
            self.drop_body(place, moving);
        }
        if self.bodies.len() >= MOST {
            self.drop_body(0, moving);
        }
        let fits = moving.add(answer.payload.len());
        if fits {
            self.bodies.push(Body { path: path.to_owned(), answer, heard_ms: now_ms });
        }
        fits
    }

    /// A further block of an answer.
    pub(super) fn block(&mut self, path: &str, block: Block, now_ms: u64, moving: &mut Moving) -> Answer {
        self.forget(now_ms, moving);
        let Some(place) = self.bodies.iter().position(|body| body.path == path) else {
            return Answer::of(INCOMPLETE);
        };
        let Some(body) = self.bodies.get_mut(place) else { return Answer::of(INCOMPLETE) };
        body.heard_ms = now_ms;
        let Some(answer) = body.answer.part(block) else { return Answer::of(BAD_REQUEST) };
        if answer.block2.is_some_and(|block| !block.more) {
            // A peer that lost it asks in the same exchange, whose answer is remembered.
            self.drop_body(place, moving);
        }
        answer
    }

    /// Drops what nobody went on with for EXCHANGE_LIFETIME.
    pub(super) fn forget(&mut self, now_ms: u64, moving: &mut Moving) {
        let old = |heard_ms: u64| now_ms > heard_ms.saturating_add(EXCHANGE_MS);
        while let Some(place) = self.uploads.iter().position(|upload| old(upload.heard_ms)) {
            self.drop_upload(place, moving);
        }
        while let Some(place) = self.bodies.iter().position(|body| old(body.heard_ms)) {
            self.drop_body(place, moving);
        }
    }

    /// Drops everything.
    pub(super) fn clear(&mut self, moving: &mut Moving) {
        while !self.uploads.is_empty() {
            self.drop_upload(0, moving);
        }
        while !self.bodies.is_empty() {
            self.drop_body(0, moving);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.uploads.is_empty() && self.bodies.is_empty()
    }

    fn drop_upload(&mut self, place: usize, moving: &mut Moving) {
        moving.0 -= self.uploads.remove(place).bytes.len();
    }

    fn drop_body(&mut self, place: usize, moving: &mut Moving) {
        moving.0 -= self.bodies.remove(place).answer.payload.len();
    }
}

/// The code of an answer that says that a body was not taken.
pub(super) fn refused(code: u8, size: Option<u32>) -> Answer {
    Answer { size1: size, ..Answer::of(code) }
}

/// The answer to a block that is not the last.
pub(super) fn go_on(block: Block) -> Answer {
    Answer { block1: Some(block), ..Answer::of(message::CONTINUE) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &[u8] = &[b'a'; 16];

    fn block(number: u32, more: bool) -> Block {
        Block { number, more, exponent: 0 }
    }

    fn put(
        transfers: &mut Transfers,
        moving: &mut Moving,
        block: Block,
        payload: &[u8],
        now_ms: u64,
    ) -> Taken {
        transfers.upload("/p", block, payload, None, now_ms, moving)
    }

    #[test]
    fn a_body_is_put_together_in_order_only() {
        let (mut transfers, mut moving) = (Transfers::default(), Moving::default());
        let up = &mut transfers;
        assert_eq!(put(up, &mut moving, block(1, true), A, 0), Taken::Refused(INCOMPLETE, None));
        assert_eq!(put(up, &mut moving, block(0, true), A, 0), Taken::Continue(block(0, true)));
        // Again in a new exchange, then one left out, then another content of what is there.
        assert_eq!(put(up, &mut moving, block(0, true), A, 0), Taken::Continue(block(0, true)));
        assert_eq!(put(up, &mut moving, block(1, true), A, 0), Taken::Continue(block(1, true)));
        assert_eq!(put(up, &mut moving, block(1, true), A, 0), Taken::Continue(block(1, true)));
        assert_eq!(put(up, &mut moving, block(1, true), &[b'b'; 16], 0), Taken::Refused(INCOMPLETE, None));
        assert_eq!(put(up, &mut moving, block(3, false), b"x", 0), Taken::Refused(INCOMPLETE, None));
        assert_eq!(put(up, &mut moving, block(2, false), b"x", 0), Taken::Whole([A, A, b"x"].concat()));
        assert!(up.is_empty() && moving.0 == 0);
        assert_eq!(put(up, &mut moving, block(0, true), b"short", 0), Taken::Refused(BAD_REQUEST, None));
        assert_eq!(put(up, &mut moving, block(0, false), b"short", 0), Taken::Whole(b"short".to_vec()));
    }

    #[test]
    fn a_large_block_is_answered_with_a_smaller_size() {
        let (mut transfers, mut moving) = (Transfers::default(), Moving::default());
        let large = Block { number: 0, more: true, exponent: 6 };
        let asked = Block { exponent: EXPONENT, ..large };
        assert_eq!(put(&mut transfers, &mut moving, large, &[1; 1_024], 0), Taken::Continue(asked));
        let next = Block { number: 2, more: false, exponent: EXPONENT };
        let Taken::Whole(body) = put(&mut transfers, &mut moving, next, &[2; 100], 0) else { panic!() };
        assert_eq!(body.len(), 1_124);
    }

    #[test]
    fn bodies_are_bounded_in_time_size_and_number() {
        let (mut transfers, mut moving) = (Transfers::default(), Moving::default());
        put(&mut transfers, &mut moving, block(0, true), A, 0);
        let late = put(&mut transfers, &mut moving, block(1, false), A, EXCHANGE_MS + 1);
        assert_eq!(late, Taken::Refused(INCOMPLETE, None));
        let far = Block { number: (MAX_PAYLOAD / 1_024) as u32, more: true, exponent: 6 };
        let size = Some(MAX_PAYLOAD as u32);
        assert_eq!(put(&mut transfers, &mut moving, far, &[0; 1_024], 0), Taken::Refused(TOO_LARGE, size));
        let announced = Some(MAX_PAYLOAD as u32 + 1);
        let told = transfers.upload("/p", block(0, true), A, announced, 0, &mut moving);
        assert_eq!(told, Taken::Refused(TOO_LARGE, size));
        for path in 0..20 {
            transfers.upload(&format!("/{path}"), block(0, true), A, None, 0, &mut moving);
        }
        assert_eq!((transfers.uploads.len(), moving.0), (MOST, MOST * 16));
        moving.0 = ALL_BYTES;
        let full = transfers.upload("/19", block(1, true), A, None, 0, &mut moving);
        assert_eq!(full, Taken::Refused(UNAVAILABLE, None));
        transfers.clear(&mut moving);
        assert_eq!(moving.0, ALL_BYTES - MOST * 16);
    }
}
