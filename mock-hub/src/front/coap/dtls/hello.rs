//! The ClientHello of a peer that nothing is kept of yet, and the answer that asks whether it can hear (RFC 6347 §4.2.1).
//!
//! OpenSSL has this in one call, which the crate does not offer: so the hub reads the first message itself, and hands
//! it to OpenSSL only when its cookie shows that the address is true.

use super::cookie::COOKIE;
use super::record::{DTLS_1_0, HANDSHAKE, Record, plain};

/// Handshake types (RFC 6347 §4.3.2).
const CLIENT_HELLO: u8 = 1;
const HELLO_VERIFY_REQUEST: u8 = 3;
/// Bytes of a handshake header: type, length, message number, fragment offset, fragment length.
const HEADER: usize = 12;
/// Bytes of a random.
pub(super) const RANDOM: usize = 32;

/// A ClientHello that came in one piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Hello<'a> {
    /// Number of the record.
    pub(super) record: u64,
    /// Number of the message: 0 for the first, one more for each HelloVerifyRequest that was answered.
    pub(super) message: u16,
    /// Version, random and session id.
    before: &'a [u8],
    pub(super) random: &'a [u8; RANDOM],
    pub(super) cookie: &'a [u8],
    /// Suites, compression methods and extensions.
    after: &'a [u8],
}

/// What a record of epoch 0 is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum First<'a> {
    Hello(Hello<'a>),
    /// It begins a ClientHello, but is none.
    Broken(&'static str),
    /// Something else.
    Other,
}

/// Reads the first record of a datagram.
pub(super) fn read<'a>(record: &Record<'a>) -> First<'a> {
    if record.content != HANDSHAKE || record.epoch != 0 || record.body.first() != Some(&CLIENT_HELLO) {
        return First::Other;
    }
    match read_hello(record) {
        Some(Some(hello)) => First::Hello(hello),
        Some(None) => First::Broken(
            "a ClientHello in fragments, which the hub does not gather before it knows the peer",
        ),
        None => First::Broken("a malformed ClientHello"),
    }
}

/// Nothing if it is malformed, nothing inside if it is a fragment.
fn read_hello<'a>(record: &Record<'a>) -> Option<Option<Hello<'a>>> {
    let (header, body) = record.body.split_first_chunk::<HEADER>()?;
    let [_, l2, l1, l0, m1, m0, o2, o1, o0, f2, f1, f0] = *header;
    let length = u32::from_be_bytes([0, l2, l1, l0]);
    if [o2, o1, o0] != [0, 0, 0] || [f2, f1, f0] != [l2, l1, l0] {
        return Some(None);
    }
    if body.len() != usize::try_from(length).ok()? {
        return None;
    }
    let (_, rest) = body.split_at_checked(2)?;
    let (random, rest) = rest.split_first_chunk::<RANDOM>()?;
    let (_, rest) = vector(rest)?;
    let before = body.get(..body.len() - rest.len())?;
    let (cookie, after) = vector(rest)?;
    // A suite and a compression method at least.
    (after.len() >= 6).then_some(())?;
    let message = u16::from_be_bytes([m1, m0]);
    Some(Some(Hello { record: record.sequence, message, before, random, cookie, after }))
}

/// A vector whose length stands in one byte, and what follows.
fn vector(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first()?;
    rest.split_at_checked(usize::from(*length))
}

impl Hello<'_> {
    /// The answer that asks for the cookie; always shorter than what it answers.
    pub(super) fn verify_request(&self, cookie: &[u8; COOKIE]) -> Vec<u8> {
        let length = [COOKIE as u8];
        let body: [&[u8]; 3] = [&DTLS_1_0, &length, cookie];
        message(HELLO_VERIFY_REQUEST, self.message, self.record, &body)
    }

    /// The same hello without its cookie, as message and record number `number`: how it would have come first.
    pub(super) fn uncooked(&self, number: u16) -> Vec<u8> {
        message(CLIENT_HELLO, number, u64::from(number), &[self.before, &[0], self.after])
    }

    /// The hello as it came, in a record of this number.
    pub(super) fn numbered(&self, record: u64) -> Vec<u8> {
        // A cookie that was accepted is one of ours.
        let length = [u8::try_from(self.cookie.len()).unwrap_or(u8::MAX)];
        message(CLIENT_HELLO, self.message, record, &[self.before, &length, self.cookie, self.after])
    }
}

fn message(kind: u8, number: u16, record: u64, parts: &[&[u8]]) -> Vec<u8> {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    // It came in one datagram, or is shorter.
    let [_, l2, l1, l0] = u32::try_from(length).unwrap_or(0).to_be_bytes();
    let [m1, m0] = number.to_be_bytes();
    let header = [kind, l2, l1, l0, m1, m0, 0, 0, 0, l2, l1, l0];
    let mut whole: Vec<&[u8]> = vec![&header];
    whole.extend(parts);
    plain(HANDSHAKE, DTLS_1_0, record, &whole)
}

#[cfg(test)]
mod tests {
    use super::super::record::records;
    use super::*;

    /// The body of a ClientHello with this cookie.
    fn body(cookie: &[u8]) -> Vec<u8> {
        let mut body = vec![0xFE, 0xFD];
        body.extend([7; RANDOM]);
        body.extend([2, 0xAA, 0xBB, u8::try_from(cookie.len()).unwrap()]);
        body.extend(cookie);
        body.extend([0, 2, 0xC0, 0xA8, 1, 0]);
        body
    }

    fn datagram(cookie: &[u8]) -> Vec<u8> {
        message(CLIENT_HELLO, 1, 9, &[&body(cookie)])
    }

    fn hello(datagram: &[u8]) -> Hello<'_> {
        match read(&records(datagram).next().unwrap()) {
            First::Hello(hello) => hello,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_hello_is_read_and_written_again() {
        let came = datagram(b"cookie");
        let hello = hello(&came);
        assert_eq!((hello.record, hello.message, hello.cookie), (9, 1, &b"cookie"[..]));
        assert_eq!(hello.random, &[7; RANDOM]);
        assert_eq!(hello.numbered(9), came);
        let first = hello.uncooked(0);
        assert_eq!(first, message(CLIENT_HELLO, 0, 0, &[&body(b"")]));
    }

    #[test]
    fn the_question_is_shorter_than_the_shortest_hello() {
        let mut shortest = vec![0xFE, 0xFD];
        shortest.extend([7; RANDOM]);
        shortest.extend([0, 0, 0, 2, 0xC0, 0xA8, 1, 0]);
        let came = message(CLIENT_HELLO, 0, 3, &[&shortest]);
        let asked = hello(&came).verify_request(&[1; COOKIE]);
        assert!(asked.len() < came.len(), "{} {}", asked.len(), came.len());
        let record = records(&asked).next().unwrap();
        assert_eq!((record.sequence, record.body[0], record.body[5]), (3, HELLO_VERIFY_REQUEST, 0));
        assert_eq!(record.body[HEADER..], [&DTLS_1_0[..], &[16], &[1; COOKIE]].concat());
    }

    #[test]
    fn what_is_cut_or_in_fragments_is_no_hello() {
        let whole = datagram(b"cookie");
        let record = records(&whole).next().unwrap();
        for end in 1..record.body.len() {
            let short = Record { body: &record.body[..end], ..record };
            assert!(matches!(read(&short), First::Broken(_)), "{end}");
        }
        let mut fragment = record.body.to_vec();
        fragment[8] = 1;
        assert!(
            matches!(read(&Record { body: &fragment, ..record }), First::Broken(why) if why.contains("fragments"))
        );
        for other in
            [Record { content: 23, ..record }, Record { epoch: 1, ..record }, Record { body: b"", ..record }]
        {
            assert_eq!(read(&other), First::Other);
        }
    }
}
