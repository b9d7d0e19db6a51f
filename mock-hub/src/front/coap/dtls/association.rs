//! One DTLS association: OpenSSL between the datagrams of a peer and its plain CoAP.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::net::SocketAddr;

use openssl::error::ErrorStack;
use openssl::ssl::{Error, ErrorCode, SslStream};

use super::context::{Attempt, Context};
use super::hello::{Hello, RANDOM};
use super::record::{fatal_alert, shift};

/// Bytes of the longest plain datagram that a record holds.
const PLAIN: usize = 16 * 1024;

/// Where OpenSSL reads and writes: one datagram each time.
#[derive(Default)]
struct Pipe {
    incoming: Option<Vec<u8>>,
    outgoing: VecDeque<Vec<u8>>,
}

impl Read for Pipe {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let datagram = self.incoming.take().ok_or(io::ErrorKind::WouldBlock)?;
        // What does not fit is cut, as a socket cuts it.
        let length = datagram.len().min(room.len());
        room.iter_mut().zip(&datagram).for_each(|(to, from)| *to = *from);
        Ok(length)
    }
}

impl Write for Pipe {
    fn write(&mut self, datagram: &[u8]) -> io::Result<usize> {
        self.outgoing.push_back(datagram.to_vec());
        Ok(datagram.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// How a handshake stands.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// More is to come.
    Open,
    /// Both sides have shown that they hold the key.
    Done,
    /// It has failed; the text is OpenSSL's.
    Failed(String),
}

/// Why an association that worked is over.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Over {
    /// The peer closed it in order.
    Closed,
    /// It broke; the text is OpenSSL's.
    Broken(String),
}

/// One peer's OpenSSL.
pub(super) struct Association {
    stream: SslStream<Pipe>,
    /// The random of the hello that began it.
    random: [u8; RANDOM],
    /// Added to the numbers of what goes out in the clear.
    shift: u64,
    /// The number after the last one in the clear.
    next_plain: u64,
}

impl Association {
    /// Begins a handshake with a hello whose cookie is good, and answers it.
    ///
    /// OpenSSL is told the story from its start: hellos without a cookie as often as the peer was asked for one, whose
    /// answers go nowhere, and then the one with the cookie. So it counts messages as the peer does, and the digest
    /// over the handshake agrees. Numbers of records in the clear go on from the peer's, as if OpenSSL had answered
    /// all along (RFC 6347 §4.2.1).
    pub(super) fn begin(
        context: &Context,
        peer: SocketAddr,
        hello: &Hello<'_>,
    ) -> Result<(Self, Progress), ErrorStack> {
        let stream = SslStream::new(context.handshake(peer)?, Pipe::default())?;
        let asked = u64::from(hello.message);
        let mut this = Self {
            stream,
            random: *hello.random,
            shift: hello.record.saturating_sub(asked),
            next_plain: hello.record.saturating_add(1),
        };
        for number in 0..hello.message {
            this.handshake(&hello.uncooked(number));
        }
        this.stream.get_mut().outgoing.clear();
        let progress = this.handshake(&hello.numbered(hello.record.max(asked)));
        Ok((this, progress))
    }

    /// Goes on with the handshake.
    pub(super) fn handshake(&mut self, datagram: &[u8]) -> Progress {
        forget_errors();
        self.stream.get_mut().incoming = Some(datagram.to_vec());
        let went = self.stream.accept();
        // What a handshake that is over leaves is read next.
        match went {
            Ok(()) => Progress::Done,
            Err(error) if wants_more(&error) => Progress::Open,
            Err(error) => Progress::Failed(reason(&error)),
        }
    }

    /// Takes a datagram; gives the plain ones that it held, and whether the association is over.
    pub(super) fn receive(&mut self, datagram: &[u8]) -> (Vec<Vec<u8>>, Option<Over>) {
        self.stream.get_mut().incoming = Some(datagram.to_vec());
        self.read()
    }

    /// Reads what has come already.
    pub(super) fn read(&mut self) -> (Vec<Vec<u8>>, Option<Over>) {
        let mut plain = Vec::new();
        let mut room = vec![0; PLAIN];
        loop {
            forget_errors();
            match self.stream.ssl_read(&mut room) {
                Ok(count) => plain.push(room.get(..count).unwrap_or_default().to_vec()),
                Err(error) if wants_more(&error) => return (plain, None),
                Err(error) if error.code() == ErrorCode::ZERO_RETURN => return (plain, Some(Over::Closed)),
                Err(error) => return (plain, Some(Over::Broken(reason(&error)))),
            }
        }
    }

    /// Seals a plain datagram.
    pub(super) fn send(&mut self, plain: &[u8]) -> Result<(), Error> {
        forget_errors();
        self.stream.ssl_write(plain).map(drop)
    }

    /// Says goodbye (close_notify).
    pub(super) fn close(&mut self) {
        forget_errors();
        // Said or not: the peer's answer is not waited for.
        let _ = self.stream.shutdown();
    }

    /// Says in the clear why the handshake is over.
    pub(super) fn alert(&mut self, description: u8) -> Vec<u8> {
        let number = self.next_plain;
        self.next_plain += 1;
        fatal_alert(description, number)
    }

    /// The next datagram to send.
    pub(super) fn transmit(&mut self) -> Option<Vec<u8>> {
        let mut datagram = self.stream.get_mut().outgoing.pop_front()?;
        if let Some(last) = shift(&mut datagram, self.shift) {
            self.next_plain = self.next_plain.max(last + 1);
        }
        Some(datagram)
    }

    /// Whether this hello began it.
    pub(super) fn began_with(&self, random: &[u8; RANDOM]) -> bool {
        self.random == *random
    }

    /// What is known of the peer.
    pub(super) fn attempt<'a>(&'a self, context: &Context) -> Option<&'a Attempt> {
        context.attempt(self.stream.ssl())
    }
}

/// What went wrong, without the places in OpenSSL's source.
fn reason(error: &Error) -> String {
    let first = error.ssl_error().and_then(|stack| stack.errors().first());
    first.and_then(|error| error.reason()).map_or_else(|| error.to_string(), str::to_owned)
}

fn wants_more(error: &Error) -> bool {
    matches!(error.code(), ErrorCode::WANT_READ | ErrorCode::WANT_WRITE)
}

/// OpenSSL leaves what it met with a record that it dropped in a list of the thread, where the next call would take it
/// for its own.
fn forget_errors() {
    drop(ErrorStack::get());
}
