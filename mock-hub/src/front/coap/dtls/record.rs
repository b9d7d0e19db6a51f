//! DTLS records as far as the hub reads them itself: their headers, and alerts that go out in the clear.
//!
//! Everything else is OpenSSL's. A header is 13 bytes: content type, version, epoch, sequence number (48 bits), length
//! (RFC 6347 §4.1).

/// Content types (RFC 5246 §6.2.1).
pub(super) const CHANGE_CIPHER_SPEC: u8 = 20;
pub(super) const ALERT: u8 = 21;
pub(super) const HANDSHAKE: u8 = 22;

/// Versions as they stand on the wire.
pub(super) const DTLS_1_0: [u8; 2] = [0xFE, 0xFF];
pub(super) const DTLS_1_2: [u8; 2] = [0xFE, 0xFD];

/// Bytes of a record's header.
const HEADER: usize = 13;
/// Sequence numbers have 48 bits.
const SEQUENCE: u64 = (1 << 48) - 1;

/// One record of a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Record<'a> {
    pub(super) content: u8,
    pub(super) epoch: u16,
    pub(super) sequence: u64,
    pub(super) body: &'a [u8],
}

/// The records of a datagram, up to the first that is none.
pub(super) fn records(datagram: &[u8]) -> impl Iterator<Item = Record<'_>> {
    let mut rest = datagram;
    std::iter::from_fn(move || {
        let (record, after) = cut(rest)?;
        rest = after;
        Some(record)
    })
}

fn cut(bytes: &[u8]) -> Option<(Record<'_>, &[u8])> {
    let (header, rest) = bytes.split_first_chunk::<HEADER>()?;
    let [content, major, _, epoch_high, epoch_low, s5, s4, s3, s2, s1, s0, high, low] = *header;
    if !(CHANGE_CIPHER_SPEC..=23).contains(&content) || major != 0xFE {
        return None;
    }
    let (body, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes([high, low])))?;
    let epoch = u16::from_be_bytes([epoch_high, epoch_low]);
    let sequence = u64::from_be_bytes([0, 0, s5, s4, s3, s2, s1, s0]);
    Some((Record { content, epoch, sequence, body }, rest))
}

/// Writes a record of epoch 0, which is in the clear.
pub(super) fn plain(content: u8, version: [u8; 2], sequence: u64, parts: &[&[u8]]) -> Vec<u8> {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let mut bytes = Vec::with_capacity(HEADER + length);
    bytes.push(content);
    bytes.extend(version);
    bytes.extend([0, 0]);
    bytes.extend(&sequence.to_be_bytes()[2..]);
    // What is written here is built of bounded parts, all far below 64 kB.
    bytes.extend(u16::try_from(length).unwrap_or(u16::MAX).to_be_bytes());
    parts.iter().for_each(|part| bytes.extend_from_slice(part));
    bytes
}

/// A fatal alert in the clear.
pub(super) fn fatal_alert(description: u8, sequence: u64) -> Vec<u8> {
    plain(ALERT, DTLS_1_2, sequence, &[&[2, description]])
}

/// Adds to the sequence numbers of the records in the clear; gives the highest that they have now.
///
/// Such a record's number is covered by no digest, and the peer asks only that no number comes twice.
pub(super) fn shift(datagram: &mut [u8], by: u64) -> Option<u64> {
    let (mut at, mut last) = (0, None);
    while let Some((record, _)) = datagram.get(at..).and_then(cut) {
        let (epoch, sequence, length) = (record.epoch, record.sequence, record.body.len());
        if epoch == 0 {
            let moved = sequence.wrapping_add(by) & SEQUENCE;
            if let Some(field) = datagram.get_mut(at + 5..at + 11) {
                field.copy_from_slice(&moved.to_be_bytes()[2..]);
            }
            last = last.max(Some(moved));
        }
        at += HEADER + length;
    }
    last
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_datagram_is_cut_into_records() {
        let mut datagram = plain(HANDSHAKE, DTLS_1_0, 7, &[b"abc", b"de"]);
        datagram.extend(fatal_alert(51, 8));
        datagram.extend(b"rubbish");
        let found: Vec<_> = records(&datagram).collect();
        assert_eq!(found[0], Record { content: HANDSHAKE, epoch: 0, sequence: 7, body: b"abcde" });
        assert_eq!(found[1], Record { content: ALERT, epoch: 0, sequence: 8, body: &[2, 51] });
        assert_eq!(found.len(), 2);
        for broken in [&datagram[..12], &datagram[..17], b"", b"\x40\x01\x00\x01................."] {
            assert_eq!(records(broken).count(), 0, "{broken:02x?}");
        }
    }

    #[test]
    fn only_numbers_in_the_clear_are_moved() {
        let mut datagram = plain(HANDSHAKE, DTLS_1_2, 1, &[b"hello"]);
        let mut sealed = plain(HANDSHAKE, DTLS_1_2, 1, &[b"finished"]);
        sealed[4] = 1;
        datagram.extend(&sealed);
        datagram.extend(plain(ALERT, DTLS_1_2, 2, &[&[1, 0]]));
        assert_eq!(shift(&mut datagram, 0x0001_0000_0005), Some(0x0001_0000_0007));
        let found: Vec<_> = records(&datagram).map(|record| (record.epoch, record.sequence)).collect();
        assert_eq!(found, [(0, 0x0001_0000_0006), (1, 1), (0, 0x0001_0000_0007)]);
        assert_eq!(shift(&mut sealed, 9), None);
        assert_eq!(sealed[11..], plain(HANDSHAKE, DTLS_1_2, 1, &[b"finished"])[11..]);
    }
}
