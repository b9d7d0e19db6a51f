//! From the first byte of a connection to the end of it: CONNECT, sign-in, take-over, CONNACK, packets.

use std::borrow::Cow;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::Poll;

use tokio::io::{AsyncRead, AsyncWrite};

use crate::domain::{SignIn, SignedIn, TlsPeer};
use crate::fabric::{ConnectionId, Line, OpenLine};
use crate::front::Front;
use crate::journal::{Entry, EntryKind};

use super::buffers::{Output, poll_read};
use super::inbound::Inbound;
use super::online::Online;
use super::packet::{self, Connect, Frame, Packet, Unframed, frame};

/// Longest CONNECT that is read; the vendor's clients stay below 1 kB.
const CONNECT_BYTES: usize = 64 * 1024;
/// Bytes read and dropped behind a refused CONNECT, so that the CONNACK is not lost to a reset.
const LINGER_BYTES: usize = 256 * 1024;

const LEVEL_UNSUPPORTED: u8 = 1;
const IDENTIFIER_REJECTED: u8 = 2;

/// How the connection is secured.
pub(crate) enum Security {
    /// Plain TCP.
    Plain,
    /// TLS, with the verified leaf of the client's certificate (DER) if it offered one.
    Tls {
        /// The leaf.
        certificate: Option<Vec<u8>>,
    },
}

/// Serves one connection until it ends.
pub(crate) async fn serve<S: AsyncRead + AsyncWrite + Unpin>(
    front: &Front,
    open: OpenLine,
    mut stream: S,
    peer: SocketAddr,
    security: Security,
) {
    let line = open.line();
    let mut received = Vec::new();
    let length = tokio::select! {
        biased;
        _ = line.ended() => return,
        length = read_connect(&mut stream, &mut received) => match length {
            Ok(length) => length,
            Err(reason) => return front.transport(format!("{peer}: {reason}")),
        },
        () = front.clock.sleep(front.limits.connect_wait) => {
            let waited = front.limits.connect_wait.as_secs();
            return front.transport(format!("{peer}: no whole CONNECT within {waited} s; closed"));
        }
    };
    let early = received.split_off(length);
    let connect = match read_packet(&received) {
        Ok(connect) => connect,
        Err(reason) => return front.transport(format!("{peer}: {reason}")),
    };
    match sign_in(front, &connect, peer, &security) {
        Err(code) => refuse(front, line, &mut stream, code).await,
        Ok(who) => {
            let (clean, keep_alive_s) = (connect.clean_session, connect.keep_alive_s);
            drop((received, security));
            carry(front, open, stream, who, clean, keep_alive_s, early).await;
        }
    }
}

/// Reads until a whole CONNECT is there and returns its length.
async fn read_connect<S: AsyncRead + Unpin>(
    stream: &mut S,
    received: &mut Vec<u8>,
) -> Result<usize, Cow<'static, str>> {
    loop {
        let count = poll_fn(|cx| {
            poll_read(stream, cx, |bytes| {
                received.extend_from_slice(bytes);
                bytes.len()
            })
        })
        .await
        .map_err(|error| format!("lost before CONNECT: {error}"))?;
        match received.first() {
            _ if count == 0 => return Err("closed before a whole CONNECT had come".into()),
            Some(&packet::CONNECT) | None => {}
            Some(&other) => return Err(not_mqtt(other).into()),
        }
        match frame(received, CONNECT_BYTES) {
            Ok(Frame { length, .. }) => return Ok(length),
            Err(Unframed::Incomplete) => {}
            Err(Unframed::TooLong(bytes)) => {
                return Err(format!("a CONNECT of {bytes} bytes is over the limit of {CONNECT_BYTES}").into());
            }
            Err(Unframed::Malformed(malformed)) => {
                return Err(format!("malformed CONNECT: {malformed}").into());
            }
        }
    }
}

/// What a first byte that starts no CONNECT tells about the peer.
fn not_mqtt(first: u8) -> &'static str {
    match first {
        0x16 => "the first bytes are a TLS handshake, but this is the plain MQTT port; use the mqtts port",
        b'G' | b'H' => "the first bytes look like HTTP, but this is an MQTT port; use the http port",
        _ => "the first packet is not a CONNECT [MQTT-3.1.0-1]",
    }
}

fn read_packet(bytes: &[u8]) -> Result<Connect<'_>, String> {
    let frame = frame(bytes, CONNECT_BYTES).map_err(|error| format!("malformed CONNECT: {error:?}"))?;
    match packet::decode(&frame) {
        Ok(Packet::Connect(connect)) => Ok(connect),
        Ok(_) => Err("the first packet is not a CONNECT [MQTT-3.1.0-1]".to_owned()),
        Err(malformed) => Err(format!("malformed CONNECT: {malformed}")),
    }
}

/// Asks the cloud; the error is the return code for CONNACK.
fn sign_in(
    front: &Front,
    connect: &Connect<'_>,
    peer: SocketAddr,
    security: &Security,
) -> Result<SignedIn, u8> {
    if !connect.supported {
        let level = connect.level;
        front.transport(format!(
            "{peer}: protocol level {level} refused with return code 1 [MQTT-3.1.2-2]; EnOS speaks MQTT 3.1.1"
        ));
        return Err(LEVEL_UNSUPPORTED);
    }
    if connect.client_id.is_empty() && !connect.clean_session {
        front.transport(format!(
            "{peer}: an empty client identifier with cleanSession 0 refused with return code 2 [MQTT-3.1.3-8]"
        ));
        return Err(IDENTIFIER_REJECTED);
    }
    let attempt = SignIn {
        client_id: connect.client_id,
        username: connect.user_name,
        password: connect.password,
        clean_session: connect.clean_session,
        keep_alive_s: connect.keep_alive_s,
        peer,
        tls: match security {
            Security::Plain => None,
            Security::Tls { certificate } => Some(TlsPeer { client_certificate: certificate.as_deref() }),
        },
    };
    let who = front.cloud.sign_in(attempt).map_err(|refused| refused.connack)?;
    if connect.has_will {
        let text = "CONNECT carries a will; EnOS has none, so it is ignored";
        front.cloud.note(Entry::new(EntryKind::Warning, text).device(&who.device));
    }
    Ok(who)
}

/// Answers CONNACK with a refusal and closes, without cutting off what the client still sends.
async fn refuse<S: AsyncRead + AsyncWrite + Unpin>(front: &Front, line: &Line, stream: &mut S, code: u8) {
    let mut output = Output::default();
    packet::put_connack(output.buffer(), false, code);
    let mut dropped = 0;
    let lingering = poll_fn(|cx| {
        // An error here is the end all the same.
        if output.poll_write(stream, cx).is_pending() || Pin::new(&mut *stream).poll_shutdown(cx).is_pending()
        {
            return Poll::Pending;
        }
        loop {
            match poll_read(stream, cx, <[u8]>::len) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(count)) if count > 0 && dropped < LINGER_BYTES => dropped += count,
                Poll::Ready(_) => return Poll::Ready(()),
            }
        }
    });
    tokio::select! {
        biased;
        _ = line.ended() => {}
        () = lingering => {}
        () = front.clock.sleep(front.limits.linger) => {}
    }
}

/// Tells the cloud that a device is gone, however its connection ends.
struct Presence<'a> {
    front: &'a Front,
    who: SignedIn,
    connection: ConnectionId,
    reason: Cow<'static, str>,
}

impl Drop for Presence<'_> {
    fn drop(&mut self) {
        self.front.cloud.disconnected(&self.who, self.connection, &self.reason);
    }
}

/// A signed-in connection: takes the device over, answers CONNACK, and carries packets until the end.
async fn carry<S: AsyncRead + AsyncWrite + Unpin>(
    front: &Front,
    open: OpenLine,
    stream: S,
    who: SignedIn,
    clean: bool,
    keep_alive_s: u16,
    early: Vec<u8>,
) {
    let line = open.line();
    let mut claim = front.fabric.claim(&who.device, line);
    // The old connection must have left its session and its state behind before this one goes on.
    tokio::select! {
        biased;
        _ = line.ended() => return,
        () = claim.predecessor_gone() => {}
    }
    let (session, present) = front.sessions.take(&who.device, clean);
    let device = who.device.clone();
    let connection = line.id();
    let mut presence = Presence { front, who, connection, reason: "the hub stopped".into() };
    let end;
    let mut session = {
        let who = &presence.who;
        let mut inbound = Inbound::new(front, who, session, early);
        packet::put_connack(inbound.output().buffer(), present, 0);
        let first = front.cloud.connected(who, connection);
        let queued = first.iter().try_for_each(|message| inbound.send(message));
        let queued = queued.and_then(|()| inbound.resume());
        let stall_ms = front.limits.stall_ms;
        let mut online = Online::new(stream, &front.clock, line, inbound, keep_alive_s, stall_ms);
        end = match queued {
            Ok(()) => online.run().await,
            Err(end) => end,
        };
        online.close().await.into_session()
    };
    if end.is_fault() {
        front.cloud.note(Entry::new(EntryKind::Transport, format!("{end}; closed")).device(&device));
    }
    session.keep_unsent(line.take_mail());
    front.sessions.park(&device, session);
    presence.reason = end.to_string().into();
}
