//! A DTLS client without a socket, for tests that decide what becomes of each datagram; and the little CoAP they need.

use std::collections::VecDeque;
use std::io::{self, Read, Write};

use openssl::ssl::{ErrorCode, Ssl, SslContext, SslMethod, SslOptions, SslStream, SslVersion};
use sha2::{Digest, Sha256};

pub(crate) const CCM8: &str = "PSK-AES128-CCM8";
pub(crate) const CBC: &str = "PSK-AES128-CBC-SHA256";

/// The pre-shared key of a secret.
pub(crate) fn key(secret: &str) -> Vec<u8> {
    Sha256::digest(secret.as_bytes())[8..24].to_vec()
}

#[derive(Default)]
struct Pipe {
    incoming: VecDeque<Vec<u8>>,
    outgoing: Vec<Vec<u8>>,
}

impl Read for Pipe {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let datagram = self.incoming.pop_front().ok_or(io::ErrorKind::WouldBlock)?;
        room[..datagram.len()].copy_from_slice(&datagram);
        Ok(datagram.len())
    }
}

impl Write for Pipe {
    fn write(&mut self, datagram: &[u8]) -> io::Result<usize> {
        self.outgoing.push(datagram.to_vec());
        Ok(datagram.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// One client; OpenSSL's.
pub(crate) struct DtlsClient {
    stream: SslStream<Pipe>,
    /// Its handshake is done.
    pub(crate) done: bool,
    /// Why it is over, in OpenSSL's words; "closed" after a close_notify.
    pub(crate) over: Option<String>,
}

impl DtlsClient {
    /// A client with the secret's key, which offers these suites.
    pub(crate) fn new(identity: &str, secret: &str, suites: &str) -> Self {
        Self::with(identity, secret, suites, SslVersion::DTLS1_2)
    }

    pub(crate) fn with(identity: &str, secret: &str, suites: &str, version: SslVersion) -> Self {
        let mut builder = SslContext::builder(SslMethod::dtls_client()).unwrap();
        builder.set_min_proto_version(Some(version)).unwrap();
        builder.set_max_proto_version(Some(version)).unwrap();
        builder.set_cipher_list(&format!("{suites}:@SECLEVEL=0")).unwrap();
        builder.set_options(SslOptions::NO_QUERY_MTU);
        let (identity, key) = (identity.to_owned(), key(secret));
        builder.set_psk_client_callback(move |_, _, name, room| {
            name[..identity.len()].copy_from_slice(identity.as_bytes());
            name[identity.len()] = 0;
            room[..key.len()].copy_from_slice(&key);
            Ok(key.len())
        });
        let mut ssl = Ssl::new(&builder.build()).unwrap();
        ssl.set_mtu(1_200).unwrap();
        ssl.set_connect_state();
        let mut stream = SslStream::new(ssl, Pipe::default()).unwrap();
        let started = stream.connect().unwrap_err();
        assert_eq!(started.code(), ErrorCode::WANT_READ, "{started}");
        Self { stream, done: false, over: None }
    }

    /// What it wants to send.
    pub(crate) fn transmit(&mut self) -> Vec<Vec<u8>> {
        std::mem::take(&mut self.stream.get_mut().outgoing)
    }

    /// Takes a datagram; gives what it held.
    pub(crate) fn receive(&mut self, datagram: &[u8]) -> Vec<Vec<u8>> {
        self.stream.get_mut().incoming.push_back(datagram.to_vec());
        let mut plain = Vec::new();
        let mut room = vec![0; 16 * 1024];
        loop {
            drop(openssl::error::ErrorStack::get());
            let went =
                if self.done { self.stream.ssl_read(&mut room) } else { self.stream.connect().map(|()| 0) };
            match went {
                Ok(_) if !self.done => self.done = true,
                Ok(count) => plain.push(room[..count].to_vec()),
                Err(error) if error.code() == ErrorCode::WANT_READ => return plain,
                Err(error) if error.code() == ErrorCode::ZERO_RETURN => {
                    self.over = Some("closed".to_owned());
                    return plain;
                }
                Err(error) => {
                    self.over = Some(error.to_string());
                    return plain;
                }
            }
        }
    }

    /// Looks at the time: OpenSSL says its flight again when it has waited long enough.
    pub(crate) fn look(&mut self) {
        if !self.done {
            // That nothing came is what it says.
            let _ = self.stream.connect();
        }
    }

    /// Seals a plain datagram.
    pub(crate) fn seal(&mut self, plain: &[u8]) -> Vec<u8> {
        assert_eq!(self.stream.ssl_write(plain).unwrap(), plain.len());
        self.transmit().pop().unwrap()
    }

    /// A close_notify.
    pub(crate) fn close(&mut self) -> Vec<u8> {
        self.stream.shutdown().unwrap();
        self.transmit().pop().unwrap()
    }

    /// The suite that was agreed on, in OpenSSL's words.
    pub(crate) fn suite(&self) -> &'static str {
        self.stream.ssl().current_cipher().unwrap().name()
    }
}

/// Method codes of CoAP.
pub(crate) const GET: u8 = 1;
pub(crate) const POST: u8 = 2;

/// A confirmable request; the path's segments are divided by slashes.
pub(crate) fn request(method: u8, message_id: u16, path: &str, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0x44, method];
    bytes.extend(message_id.to_be_bytes());
    bytes.extend([0x70, 0x6B, message_id.to_be_bytes()[0], message_id.to_be_bytes()[1]]);
    let mut number = 0;
    for segment in path.trim_start_matches('/').split('/') {
        option(&mut bytes, &mut number, 11, segment.as_bytes());
    }
    if !payload.is_empty() {
        option(&mut bytes, &mut number, 12, &[50]);
        bytes.push(0xFF);
        bytes.extend(payload);
    }
    bytes
}

fn option(bytes: &mut Vec<u8>, last: &mut u16, number: u16, value: &[u8]) {
    let delta = u8::try_from(number - *last).unwrap();
    assert!(delta < 13 && value.len() < 269, "not built for this");
    *last = number;
    if value.len() < 13 {
        bytes.push(delta << 4 | u8::try_from(value.len()).unwrap());
    } else {
        bytes.push(delta << 4 | 13);
        bytes.push(u8::try_from(value.len() - 13).unwrap());
    }
    bytes.extend(value);
}

/// Code (c.dd as c*100+dd), Message ID and payload of a response.
pub(crate) fn response(bytes: &[u8]) -> (u16, u16, Vec<u8>) {
    let code = u16::from(bytes[1] >> 5) * 100 + u16::from(bytes[1] & 0x1F);
    let message_id = u16::from_be_bytes([bytes[2], bytes[3]]);
    let mut at = 4 + usize::from(bytes[0] & 0x0F);
    while at < bytes.len() && bytes[at] != 0xFF {
        let extended = |nibble: u8, at: &mut usize| match nibble {
            13 => {
                *at += 1;
                usize::from(bytes[*at - 1]) + 13
            }
            14 => {
                *at += 2;
                usize::from(u16::from_be_bytes([bytes[*at - 2], bytes[*at - 1]])) + 269
            }
            nibble => usize::from(nibble),
        };
        let head = bytes[at];
        at += 1;
        extended(head >> 4, &mut at);
        at += extended(head & 0x0F, &mut at);
    }
    (code, message_id, bytes.get(at + 1..).unwrap_or_default().to_vec())
}
