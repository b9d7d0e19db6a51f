//! A CoAP device that speaks bytes over UDP, written from RFC 7252 for the tests alone.

use std::net::{SocketAddr, UdpSocket};

use mock_hub::Hub;
use sha2::{Digest, Sha256};

use super::PATIENCE;

pub(crate) const CON: u8 = 0;
pub(crate) const NON: u8 = 1;
pub(crate) const ACK: u8 = 2;
pub(crate) const RST: u8 = 3;
pub(crate) const GET: u8 = 1;
pub(crate) const POST: u8 = 2;

/// A code from class and detail: `code(4, 1)` is 4.01.
pub(crate) const fn code(class: u8, detail: u8) -> u8 {
    class << 5 | detail
}

/// A message as it is on the wire.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) kind: u8,
    pub(crate) code: u8,
    pub(crate) id: u16,
    pub(crate) token: Vec<u8>,
    pub(crate) options: Vec<(u16, Vec<u8>)>,
    pub(crate) payload: Vec<u8>,
}

impl Message {
    /// A confirmable request to a path.
    pub(crate) fn request(code: u8, path: &str) -> Self {
        let segments = path.split('/').skip(1).map(|segment| (11, segment.as_bytes().to_vec()));
        Self { code, token: vec![0xA5, 1], options: segments.collect(), ..Self::default() }
    }

    pub(crate) fn with(mut self, number: u16, value: &[u8]) -> Self {
        self.options.push((number, value.to_vec()));
        self
    }

    pub(crate) fn payload(mut self, payload: &[u8]) -> Self {
        self.payload = payload.to_vec();
        self
    }

    /// Block1 (27) or Block2 (23).
    pub(crate) fn block(self, option: u16, number: u32, more: bool, exponent: u32) -> Self {
        let value = number << 4 | u32::from(more) << 3 | exponent;
        let bytes = value.to_be_bytes();
        let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
        self.with(option, &bytes[zeros..])
    }

    pub(crate) fn option(&self, number: u16) -> Option<&[u8]> {
        self.options.iter().find(|(known, _)| *known == number).map(|(_, value)| &value[..])
    }

    pub(crate) fn text(&self, number: u16) -> Option<&str> {
        self.option(number).map(|value| std::str::from_utf8(value).unwrap())
    }

    /// The value of an unsigned option.
    pub(crate) fn number(&self, number: u16) -> Option<u32> {
        self.option(number).map(|value| value.iter().fold(0, |sum, byte| sum << 8 | u32::from(*byte)))
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let token = u8::try_from(self.token.len()).unwrap();
        let mut bytes = vec![0x40 | self.kind << 4 | token, self.code];
        bytes.extend_from_slice(&self.id.to_be_bytes());
        bytes.extend_from_slice(&self.token);
        let mut options = self.options.clone();
        options.sort_by_key(|(number, _)| *number);
        let mut last = 0;
        for (number, value) in options {
            let (delta, more) = nibble(usize::from(number - last));
            let (length, rest) = nibble(value.len());
            bytes.push(delta << 4 | length);
            bytes.extend(more.into_iter().chain(rest).chain(value));
            last = number;
        }
        if !self.payload.is_empty() {
            bytes.push(0xFF);
            bytes.extend_from_slice(&self.payload);
        }
        bytes
    }

    pub(crate) fn read(bytes: &[u8]) -> Self {
        assert_eq!(bytes[0] >> 6, 1, "version");
        let token = usize::from(bytes[0] & 0xF);
        let mut message = Self {
            kind: bytes[0] >> 4 & 3,
            code: bytes[1],
            id: u16::from_be_bytes([bytes[2], bytes[3]]),
            token: bytes[4..4 + token].to_vec(),
            ..Self::default()
        };
        let (mut at, mut number) = (4 + token, 0);
        while at < bytes.len() && bytes[at] != 0xFF {
            let head = bytes[at];
            at += 1;
            let mut long = |nibble: u8| match nibble {
                13 => {
                    at += 1;
                    usize::from(bytes[at - 1]) + 13
                }
                14 => {
                    at += 2;
                    usize::from(u16::from_be_bytes([bytes[at - 2], bytes[at - 1]])) + 269
                }
                15 => panic!("a reserved nibble"),
                short => usize::from(short),
            };
            let (delta, length) = (long(head >> 4), long(head & 0xF));
            number += u16::try_from(delta).unwrap();
            message.options.push((number, bytes[at..at + length].to_vec()));
            at += length;
        }
        if at < bytes.len() {
            message.payload = bytes[at + 1..].to_vec();
            assert!(!message.payload.is_empty(), "a marker without a payload");
        }
        message
    }
}

fn nibble(number: usize) -> (u8, Vec<u8>) {
    match number {
        0..=12 => (number as u8, vec![]),
        13..=268 => (13, vec![(number - 13) as u8]),
        _ => (14, ((number - 269) as u16).to_be_bytes().to_vec()),
    }
}

/// The payload of `POST /auth`.
pub(crate) fn auth_payload(product_key: &str, device_key: &str, lifetime_s: u32, secret: &str) -> Vec<u8> {
    let content =
        format!("deviceKey{device_key}lifetime{lifetime_s}productKey{product_key}secureMode2{secret}");
    let sign: String = Sha256::digest(content.as_bytes()).iter().map(|byte| format!("{byte:02X}")).collect();
    format!(r#"{{"secureMode":2,"lifetime":{lifetime_s},"sign":"{sign}"}}"#).into_bytes()
}

/// The sign-in of a device of `pk1` of the seed.
pub(crate) fn auth(device_key: &str, lifetime_s: u32) -> Message {
    let payload = auth_payload("pk1", device_key, lifetime_s, &format!("secret-{device_key}"));
    Message::request(POST, &format!("/auth/pk1/{device_key}")).with(12, &[50]).payload(&payload)
}

/// A device's socket.
pub(crate) struct Device {
    pub(crate) socket: UdpSocket,
    last_id: u16,
}

impl Device {
    /// A device that has said nothing yet.
    pub(crate) fn new(hub: &Hub) -> Self {
        Self::at(hub.coap())
    }

    /// The same, of the hub with this address.
    pub(crate) fn at(hub: SocketAddr) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.connect(hub).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        Self { socket, last_id: 0x1000 }
    }

    /// A device of `pk1` that is signed in.
    pub(crate) fn signed_in(hub: &Hub, device_key: &str) -> Self {
        let mut device = Self::new(hub);
        assert_eq!(device.ask(auth(device_key, 3_600)).code, code(2, 4));
        device
    }

    /// Sends a message under a fresh Message ID, which it gives.
    pub(crate) fn send(&mut self, message: Message) -> u16 {
        self.last_id += 1;
        self.raw(&Message { id: self.last_id, ..message }.bytes());
        self.last_id
    }

    pub(crate) fn raw(&self, bytes: &[u8]) {
        self.socket.send(bytes).unwrap();
    }

    /// The next datagram.
    pub(crate) fn datagram(&self) -> Vec<u8> {
        let mut buffer = [0; 65_536];
        let length = self.socket.recv(&mut buffer).expect("an answer");
        buffer[..length].to_vec()
    }

    pub(crate) fn message(&self) -> Message {
        Message::read(&self.datagram())
    }

    /// Asks and gives the answer, which must be piggybacked and carry the token.
    pub(crate) fn ask(&mut self, message: Message) -> Message {
        let token = message.token.clone();
        let id = self.send(message);
        let answer = self.message();
        assert_eq!((answer.kind, answer.id, &answer.token), (ACK, id, &token), "{answer:?}");
        answer
    }

    /// Posts one value of `temp` as a device of `pk1`.
    pub(crate) fn post(&mut self, device_key: &str, id: &str, value: f64) -> Message {
        let path = format!("/topic/sys/pk1/{device_key}/thing/measurepoint/post");
        self.ask(Message::request(POST, &path).with(12, &[50]).payload(&super::post(id, value)))
    }

    /// Fails if anything came before the answer to a ping that is sent now.
    pub(crate) fn nothing_came(&mut self) {
        let id = self.send(Message::default());
        let answer = self.message();
        assert_eq!((answer.kind, answer.code, answer.id), (RST, 0, id), "{answer:?}");
    }
}
