//! A request as the hub understands it: its options judged, its path cut (RFC 7252 §5.4, §5.10).

use coap_lite::{CoapOption, Packet};

use crate::enos::topic;

use super::block::Block;
use super::message::{BAD_OPTION, BAD_REQUEST, NO_PROXY, NOT_ACCEPTABLE, option, read_uint};

/// Content formats that the hub gives: JSON, octets, and plain text for those who ask for nothing else
/// (RFC 7252 §12.3; `decisions.md` §7 for the first two).
pub(super) const JSON: u16 = 50;
const GIVEN: [u32; 3] = [0, 42, JSON as u32];

/// A request without its header.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) method: u8,
    /// Its Uri-Path options, each behind a slash.
    pub(super) path: String,
    pub(super) block1: Option<Block>,
    pub(super) block2: Option<Block>,
    pub(super) size1: Option<u32>,
    /// Which body a block is of (RFC 9175 §3), if the peer says so.
    pub(super) tag: Option<Vec<u8>>,
    pub(super) token: Vec<u8>,
    pub(super) payload: Vec<u8>,
    /// Bytes of the datagram.
    pub(super) bytes: usize,
}

impl Request {
    /// Reads a request; the error is the code it is answered with.
    pub(super) fn read(method: u8, packet: Packet, bytes: usize) -> Result<Self, u8> {
        let mut request = Self {
            method,
            path: String::with_capacity(80),
            block1: None,
            block2: None,
            size1: None,
            tag: None,
            token: Vec::new(),
            payload: Vec::new(),
            bytes,
        };
        for (number, values) in packet.options() {
            let (number, mut all) = (*number, values.iter());
            let Some(first) = all.next() else { continue };
            match number {
                option::URI_PATH => {
                    for segment in values {
                        request.segment(segment)?;
                    }
                    continue;
                }
                option::URI_QUERY => continue,
                _ => {}
            }
            let repeated = all.next().is_some();
            let taken = !repeated && request.option(number, first)?;
            // An elective option that means nothing is as if it were not there; a critical one is not (§5.4.1).
            if !taken && number % 2 == 1 {
                return Err(BAD_OPTION);
            }
        }
        request.token = packet.get_token().to_vec();
        request.payload = packet.payload;
        Ok(request)
    }

    /// Takes an option that stands once; false if it is not known, or as long as none of its kind may be, which counts
    /// as unknown (§5.4.3).
    fn option(&mut self, number: u16, value: &[u8]) -> Result<bool, u8> {
        match number {
            // The hub is one server whatever it is called.
            option::URI_HOST => return Ok((1..=255).contains(&value.len())),
            option::URI_PORT => return Ok(value.len() <= 2),
            option::PROXY_URI | option::PROXY_SCHEME => return Err(NO_PROXY),
            option::ACCEPT => {
                let Some(format) = read_uint(value, 2) else { return Ok(false) };
                if !GIVEN.contains(&format) {
                    return Err(NOT_ACCEPTABLE);
                }
            }
            option::BLOCK1 | option::BLOCK2 => {
                if value.len() > 3 {
                    return Ok(false);
                }
                let block = Block::read(value).ok_or(BAD_REQUEST)?;
                match number {
                    option::BLOCK1 => self.block1 = Some(block),
                    _ => self.block2 = Some(block),
                }
            }
            option::SIZE1 => self.size1 = read_uint(value, 4),
            // Elective: one that is too long is none.
            option::REQUEST_TAG if value.len() <= 8 => self.tag = Some(value.to_vec()),
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Names the body that a block is of: blocks of two bodies for one path must not mix, however late some of them
    /// are (RFC 9175 §3.3).
    pub(super) fn body(&self) -> String {
        match &self.tag {
            None => self.path.clone(),
            // A path of a topic holds no line feed.
            Some(tag) => {
                tag.iter().fold(format!("{}\n", self.path), |name, byte| format!("{name}{byte:02x}"))
            }
        }
    }

    fn segment(&mut self, segment: &[u8]) -> Result<(), u8> {
        let text = std::str::from_utf8(segment).map_err(|_| BAD_REQUEST)?;
        if text.len() > 255 {
            return Err(BAD_OPTION);
        }
        // No key and no topic holds a slash: it would stand for another path.
        if text.contains('/') {
            return Err(BAD_REQUEST);
        }
        self.path.push('/');
        self.path.push_str(text);
        Ok(())
    }
}

/// What a path names.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Resource<'a> {
    /// `/auth/{productKey}/{deviceKey}`
    Auth { product_key: &'a str, device_key: &'a str },
    /// `/topic{topic}`, of one device.
    Topic { topic: &'a str, product_key: &'a str, device_key: &'a str },
    /// Nothing that is here.
    Unknown,
}

/// What is in front of a topic in a path.
pub(super) const TOPIC: &str = "/topic";

impl<'a> Resource<'a> {
    pub(super) fn of(path: &'a str) -> Self {
        if let Some(keys) = path.strip_prefix("/auth/") {
            return match keys.split_once('/') {
                Some((product_key, device_key))
                    if !product_key.is_empty() && !device_key.is_empty() && !device_key.contains('/') =>
                {
                    Self::Auth { product_key, device_key }
                }
                _ => Self::Unknown,
            };
        }
        let Some(topic) = path.strip_prefix(TOPIC) else { return Self::Unknown };
        topic::parse(topic).map_or(Self::Unknown, |cut| Self::Topic {
            topic,
            product_key: cut.product_key,
            device_key: cut.device_key,
        })
    }

    /// The device that a path names.
    pub(super) fn device(&self) -> Option<(&'a str, &'a str)> {
        match self {
            Self::Auth { product_key, device_key } | Self::Topic { product_key, device_key, .. } => {
                Some((product_key, device_key))
            }
            Self::Unknown => None,
        }
    }
}

/// The path of a request that may be refused otherwise, for the journal and for faults.
pub(super) fn path(packet: &Packet) -> String {
    let segments = packet.get_option(CoapOption::UriPath).into_iter().flatten();
    segments.fold(String::new(), |mut path, segment| {
        path.push('/');
        path.push_str(&String::from_utf8_lossy(segment));
        path
    })
}

#[cfg(test)]
mod tests {
    use super::super::message::read;
    use super::*;

    fn request(options: &[u8]) -> Result<Request, u8> {
        let datagram = [b"\x40\x02\x00\x01", options].concat();
        Request::read(2, read(&datagram).unwrap(), datagram.len())
    }

    // Proves: COAP-5.4.1-1 COAP-5.4.1-2 COAP-5.4.3-1 COAP-5.4.5-1
    #[test]
    fn options_are_judged_as_the_standard_says() {
        assert_eq!(request(b"\xB4auth\x02pk").unwrap().path, "/auth/pk");
        // Elective: Observe (6), Content-Format twice (12), Size1 too long (60).
        assert!(request(b"\x60").is_ok());
        assert!(request(b"\xC1\x32\x01\x32").is_ok());
        assert_eq!(request(b"\xD5\x2F\x00\x00\x00\x00\x01").unwrap().size1, None);
        assert_eq!(request(b"\xD1\x2F\x63").unwrap().size1, Some(99));
        // Critical: If-None-Match (5), unknown 9, Accept twice, Uri-Port too long, Block1 of four bytes.
        for bad in [&b"\x50"[..], b"\x90", b"\xD1\x04\x32\x01\x32", b"\x73abc", b"\xD4\x0E\x00\x00\x00\x06"] {
            assert_eq!(request(bad).unwrap_err(), BAD_OPTION, "{bad:?}");
        }
        assert_eq!(request(b"\xD1\x04\x28").unwrap_err(), NOT_ACCEPTABLE);
        assert_eq!(request(b"\xD1\x16a").unwrap_err(), NO_PROXY);
        assert_eq!(request(b"\xD1\x0E\x07").unwrap_err(), BAD_REQUEST);
        assert_eq!(request(b"\xB2\xC3\x28").unwrap_err(), BAD_REQUEST);
        assert_eq!(request(b"\xB3a/b").unwrap_err(), BAD_REQUEST);
    }

    #[test]
    fn paths_name_what_is_here() {
        assert_eq!(Resource::of("/auth/pk/a,b"), Resource::Auth { product_key: "pk", device_key: "a,b" });
        let topic = Resource::of("/topic/sys/pk/dk/thing/measurepoint/post");
        assert_eq!(topic.device(), Some(("pk", "dk")));
        assert!(matches!(topic, Resource::Topic { topic: "/sys/pk/dk/thing/measurepoint/post", .. }));
        for path in [
            "",
            "/",
            "/auth",
            "/auth/pk",
            "/auth/pk/",
            "/auth//dk",
            "/auth/pk/dk/x",
            "/topic",
            "/topic/a/b/c",
            "/topic/sys/pk/dk",
            "/.well-known/core",
            "/topicsys/pk/dk/x",
        ] {
            assert_eq!(Resource::of(path), Resource::Unknown, "{path}");
        }
    }
}
