//! Cuts a stream of MQTT packets into segments that readers understand.
//!
//! Wireshark takes the length of a packet from what it has: a segment that ends between two bytes of a remaining length
//! gives a wrong one. So no segment ends inside a fixed header.

use super::SEGMENT;

/// Where one direction of a connection is.
#[derive(Debug, Default)]
pub(super) struct Cutter {
    /// The beginning of a fixed header whose end has not come.
    held: Vec<u8>,
    /// Bytes of the packet under way that are still to come.
    left: usize,
}

impl Cutter {
    /// Gives the segments that `bytes` complete to `segment`.
    pub(super) fn cut(&mut self, bytes: &[u8], mut segment: impl FnMut(&[u8])) {
        let mut joined = std::mem::take(&mut self.held);
        let bytes = if joined.is_empty() {
            bytes
        } else {
            joined.extend_from_slice(bytes);
            &joined
        };
        let (mut start, mut at) = (0, 0);
        while at < bytes.len() {
            if self.left == 0 {
                let Some((header, body)) = fixed_header(&bytes[at..]) else { break };
                if at + header - start > SEGMENT {
                    segment(&bytes[start..at]);
                    start = at;
                }
                at += header;
                self.left = body;
            }
            let taken = self.left.min(bytes.len() - at);
            at += taken;
            self.left -= taken;
            while at - start > SEGMENT {
                segment(&bytes[start..start + SEGMENT]);
                start += SEGMENT;
            }
        }
        if at > start {
            segment(&bytes[start..at]);
        }
        self.held = bytes[at..].to_vec();
    }

    /// What was held back and will not be completed.
    pub(super) fn rest(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.held)
    }
}

/// The length of the fixed header and of what follows it; what is no length stands for no end.
fn fixed_header(bytes: &[u8]) -> Option<(usize, usize)> {
    let mut length = 0;
    for (index, byte) in bytes.iter().skip(1).take(4).enumerate() {
        length |= usize::from(byte & 0x7F) << (7 * index);
        if byte & 0x80 == 0 {
            return Some((2 + index, length));
        }
    }
    (bytes.len() >= 5).then_some((5, usize::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Packets of these body lengths, and where their fixed headers begin and end.
    fn stream(lengths: &[usize]) -> (Vec<u8>, Vec<(usize, usize)>) {
        let (mut bytes, mut headers) = (Vec::new(), Vec::new());
        for &length in lengths {
            let start = bytes.len();
            bytes.push(0x30);
            let mut left = length;
            loop {
                let byte = (left & 0x7F) as u8;
                left >>= 7;
                bytes.push(if left > 0 { byte | 0x80 } else { byte });
                if left == 0 {
                    break;
                }
            }
            headers.push((start, bytes.len()));
            bytes.resize(bytes.len() + length, 0xFF);
        }
        (bytes, headers)
    }

    proptest! {
        #[test]
        fn nothing_is_lost_and_no_header_is_cut(
            lengths in prop::collection::vec(prop_oneof![0_usize..300, 1_380_usize..1_400, 16_000_usize..17_000], 1..20),
            reads in prop::collection::vec(prop_oneof![1_usize..2_000, 3_000_usize..9_000], 1..40),
        ) {
            let (bytes, headers) = stream(&lengths);
            let (mut cutter, mut ends, mut out) = (Cutter::default(), Vec::new(), Vec::new());
            let mut rest = &bytes[..];
            for size in reads.iter().chain(std::iter::once(&usize::MAX)) {
                let (now, later) = rest.split_at((*size).min(rest.len()));
                rest = later;
                cutter.cut(now, |segment| {
                    assert!(!segment.is_empty() && segment.len() <= SEGMENT);
                    out.extend_from_slice(segment);
                    ends.push(out.len());
                });
            }
            prop_assert_eq!(&out, &bytes);
            for end in ends {
                prop_assert!(headers.iter().all(|(from, to)| end <= *from || end >= *to), "cut at {}", end);
            }
        }
    }

    #[test]
    fn what_is_no_mqtt_goes_through() {
        let mut out = Vec::new();
        let mut cutter = Cutter::default();
        cutter.cut(&[0xFF; 5_000], |segment| out.extend_from_slice(segment));
        cutter.cut(b"G", |segment| out.extend_from_slice(segment));
        assert_eq!(out.len() + cutter.rest().len(), 5_001);
    }
}
