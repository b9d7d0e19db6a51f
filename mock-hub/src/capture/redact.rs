//! Masks secrets in a stream of bytes without changing its length: a signature replays, a device secret opens.

/// Longest CONNECT that is held back; the hub reads none that is longer.
const CONNECT: usize = 64 * 1024 + 5;
/// Longest secret: what goes on for longer is none, and packets behind it are not to be masked.
const SECRET: usize = 512;

/// The first packet of a client, whose password is masked.
#[derive(Debug)]
pub(super) enum Connect {
    /// Held back so far.
    Held(Vec<u8>),
    /// Gone through.
    Passed,
}

impl Default for Connect {
    fn default() -> Self {
        Self::Held(Vec::new())
    }
}

impl Connect {
    /// Takes what the client sent, and gives what may be written.
    pub(super) fn pass(&mut self, bytes: &[u8]) -> Option<Vec<u8>> {
        let Self::Held(held) = self else { return Some(bytes.to_vec()) };
        held.extend_from_slice(bytes);
        let length = whole(held)?;
        let mut bytes = std::mem::take(held);
        *self = Self::Passed;
        if let Some(packet) = bytes.get_mut(..length) {
            mask_password(packet);
        }
        Some(bytes)
    }

    /// Gives what is still held, masked as a whole behind its fixed header.
    pub(super) fn give_up(&mut self) -> Option<Vec<u8>> {
        let Self::Held(held) = std::mem::replace(self, Self::Passed) else { return None };
        let mut bytes = held;
        bytes.iter_mut().skip(12).for_each(|byte| *byte = b'*');
        Some(bytes).filter(|bytes| !bytes.is_empty())
    }
}

/// The length of the CONNECT that `bytes` start with, once it is whole; 0 if they start with something else.
fn whole(bytes: &[u8]) -> Option<usize> {
    if *bytes.first()? != 0x10 {
        return Some(0);
    }
    let mut length = 0;
    for (index, byte) in bytes.iter().skip(1).take(4).enumerate() {
        length |= usize::from(byte & 0x7F) << (7 * index);
        if byte & 0x80 == 0 {
            let end = 2 + index + length;
            return if end > CONNECT || end <= bytes.len() { Some(end.min(bytes.len())) } else { None };
        }
    }
    if bytes.len() >= 5 { Some(bytes.len()) } else { None }
}

/// Masks the password of a CONNECT; of one that is not understood everything behind the protocol level.
fn mask_password(packet: &mut [u8]) {
    let password = if packet.is_empty() { None } else { password(packet) };
    let range = password.unwrap_or(12.min(packet.len())..packet.len());
    packet[range].fill(b'*');
}

/// Where the password is: an empty range if there is none, none if the packet is not understood.
fn password(packet: &[u8]) -> Option<std::ops::Range<usize>> {
    let header = 2 + packet.iter().skip(1).take_while(|byte| **byte & 0x80 != 0).count();
    let mut at = header;
    let field = |at: &mut usize| {
        let length = packet.get(*at..*at + 2)?;
        let start = *at + 2;
        *at = start + usize::from(u16::from_be_bytes([length[0], length[1]]));
        packet.get(start..*at)?;
        Some(start..*at)
    };
    field(&mut at)?;
    let level = *packet.get(at)?;
    let flags = *packet.get(at + 1)?;
    if !matches!(level, 3 | 4) {
        return None;
    }
    at += 4;
    field(&mut at)?;
    if flags & 0x04 != 0 {
        field(&mut at)?;
        field(&mut at)?;
    }
    if flags & 0x80 != 0 {
        field(&mut at)?;
    }
    if flags & 0x40 != 0 { field(&mut at) } else { Some(packet.len()..packet.len()) }
}

/// Masks the value of every JSON member whose name ends in `Secret`, wherever the stream is cut.
#[derive(Debug, Default)]
pub(super) struct Secrets(State);

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum State {
    /// So many bytes of the name's end were met.
    #[default]
    Outside,
    Name(usize),
    /// Between name and value; whether the colon was met.
    Between(bool),
    /// Inside the value: bytes masked so far, and whether the next one is escaped.
    Value(usize, bool),
}

const NAME: &[u8] = b"Secret\"";

impl Secrets {
    pub(super) fn mask(&mut self, bytes: &mut [u8]) {
        for byte in bytes {
            self.0 = match (self.0, *byte) {
                (State::Between(colon), b' ' | b'\t' | b'\r' | b'\n') => State::Between(colon),
                (State::Between(false), b':') => State::Between(true),
                (State::Between(true), b'"') => State::Value(0, false),
                (State::Value(_, false), b'"') => State::Outside,
                (State::Value(masked, _), _) if masked >= SECRET => State::Outside,
                (State::Value(masked, escaped), other) => {
                    *byte = b'*';
                    State::Value(masked + 1, !escaped && other == b'\\')
                }
                (State::Name(met), other) if NAME[met] == other => {
                    if met + 1 == NAME.len() {
                        State::Between(false)
                    } else {
                        State::Name(met + 1)
                    }
                }
                (_, b'S') => State::Name(1),
                _ => State::Outside,
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connect(flags: u8, fields: &[&str]) -> Vec<u8> {
        let mut body = b"\x00\x04MQTT\x04".to_vec();
        body.extend_from_slice(&[flags, 0, 60]);
        for field in fields {
            body.extend_from_slice(&(field.len() as u16).to_be_bytes());
            body.extend_from_slice(field.as_bytes());
        }
        [&[0x10, body.len() as u8][..], &body].concat()
    }

    #[test]
    fn only_the_password_of_a_connect_is_masked_however_it_is_cut() {
        let plain = connect(0xC2, &["id", "d&pk", "p4ss"]);
        let masked = connect(0xC2, &["id", "d&pk", "****"]);
        for cut in 0..plain.len() {
            let mut held = Connect::default();
            let first = held.pass(&plain[..cut]);
            assert_eq!(first, None, "{cut}");
            let rest = [&plain[cut..], b"\xC0\x00"].concat();
            assert_eq!(held.pass(&rest).unwrap(), [&masked[..], b"\xC0\x00"].concat(), "{cut}");
            assert_eq!(held.pass(b"p4ss").unwrap(), b"p4ss");
            assert_eq!(held.give_up(), None);
        }
        let will = connect(0xC6, &["id", "t", "w", "d&pk", "p4ss"]);
        assert!(Connect::default().pass(&will).unwrap().ends_with(b"d&pk\x00\x04****"));
        let none = connect(0x82, &["id", "d&pk"]);
        assert_eq!(Connect::default().pass(&none).unwrap(), none);
    }

    #[test]
    fn what_is_not_understood_is_masked_and_what_is_no_connect_is_not() {
        let mut broken = connect(0xC2, &["id", "d&pk", "p4ss"]);
        broken[8] = 5;
        assert!(Connect::default().pass(&broken).unwrap().ends_with(b"****************"));
        let mut held = Connect::default();
        assert_eq!(held.pass(&connect(0xC2, &["id", "d&pk", "p4ss"])[..26]), None);
        let rest = held.give_up().unwrap();
        assert_eq!((rest.len(), &rest[12..]), (26, &b"**************"[..]));
        assert_eq!(Connect::default().pass(b"GET / HTTP").unwrap(), b"GET / HTTP");
        // A CONNECT longer than the hub reads is not held for ever.
        assert!(Connect::default().pass(b"\x10\xFF\xFF\xFF\x7F\x00\x04MQTT").is_some());
    }

    #[test]
    fn secrets_are_masked_however_the_stream_is_cut() {
        let plain = br#"x"S{"deviceSecret" : "a\"b","SecretS":"c","productSecret":"d","n":1}"#;
        let masked = br#"x"S{"deviceSecret" : "****","SecretS":"c","productSecret":"*","n":1}"#;
        for cut in 0..plain.len() {
            let mut secrets = Secrets::default();
            let (mut first, mut second) = (plain[..cut].to_vec(), plain[cut..].to_vec());
            secrets.mask(&mut first);
            secrets.mask(&mut second);
            assert_eq!([first, second].concat(), masked, "{cut}");
        }
    }

    #[test]
    fn a_value_without_an_end_does_not_mask_the_rest() {
        let mut bytes = [&b"\"aSecret\":\""[..], &[b'x'; 2_000]].concat();
        Secrets::default().mask(&mut bytes);
        assert_eq!(bytes.iter().filter(|byte| **byte == b'*').count(), SECRET);
    }
}
