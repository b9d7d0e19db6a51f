//! What must be said before MQTT: CONNECT to a proxy, and TLS.

use super::wait::Wait;
use super::{Plan, Target};
use crate::doctor::Cause;
use crate::link::Down;
use crate::proxy::{self, Answer, Proxy};
use crate::tls::{SystemRoots, explain, explain_io};
use enos_core::LinkFault;
use mio::net::TcpStream;
use rustls::ClientConnection;
use std::io::{self, Read, Write};
use std::time::Instant;

/// Asks the proxy for the way to the hub.
pub(crate) fn through(
    wait: &mut Wait,
    stream: &mut TcpStream,
    proxy: &Proxy,
    target: &Target,
    deadline: Instant,
) -> Result<(), Down> {
    let no =
        |fault, text: &str| Down::new(fault, format!("the proxy {}:{}: {text}", proxy.host(), proxy.port()));
    let broke = |error: io::Error| {
        no(LinkFault::Connect, &format!("the connection broke: {error}")).because(Cause::ProxyFailed)
    };
    let request = proxy.request(&target.host, target.port);
    let mut unsent = request.as_bytes();
    let mut received = Vec::with_capacity(512);
    loop {
        if Instant::now() >= deadline {
            return Err(no(
                LinkFault::Timeout,
                "it did not answer CONNECT in time. Check host and port of the proxy",
            )
            .because(Cause::ProxySilent));
        }
        while !unsent.is_empty() {
            match stream.write(unsent) {
                Ok(sent) => unsent = unsent.get(sent..).unwrap_or_default(),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => return Err(broke(error)),
            }
        }
        // One byte at a time would be exact; since nothing may follow the head, a block is as good.
        let mut block = [0; 512];
        match stream.read(&mut block) {
            Ok(0) => {
                return Err(no(LinkFault::Connect, "it closed the connection without an answer to CONNECT")
                    .because(Cause::ProxyFailed));
            }
            Ok(count) => received.extend_from_slice(block.get(..count).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                wait.until(deadline)?;
                continue;
            }
            Err(error) => return Err(broke(error)),
        }
        match proxy::answer(&received, proxy.has_login()) {
            Answer::More => {}
            Answer::Open => return Ok(()),
            Answer::No(cause, text) => return Err(no(LinkFault::Connect, &text).because(cause)),
        }
    }
}

/// Makes the TLS handshake; what it leaves to send is sent.
pub(crate) fn tls(
    wait: &mut Wait,
    stream: &mut TcpStream,
    plan: &Plan,
    target: &Target,
    roots: &SystemRoots,
    deadline: Instant,
) -> Result<ClientConnection, Down> {
    let shown = plan.tls.has_client_certificate();
    let mut tls = plan.tls.connection(&target.host, roots)?;
    let mut heard = false;
    loop {
        if Instant::now() >= deadline {
            let text = if heard {
                "the TLS handshake did not end in time"
            } else {
                "the port did not answer the TLS handshake in time. Check that it speaks TLS, or use tcp://"
            };
            return Err(Down::new(LinkFault::Timeout, text).because(Cause::TlsTimeout));
        }
        let mut blocked = false;
        while tls.wants_write() {
            match tls.write_tls(stream) {
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    blocked = true;
                    break;
                }
                Err(error) => return Err(broke(&error, heard)),
            }
        }
        if !tls.is_handshaking() && !tls.wants_write() {
            return Ok(tls);
        }
        if tls.wants_read() {
            match tls.read_tls(stream) {
                Ok(0) => return Err(broke(&io::ErrorKind::UnexpectedEof.into(), heard)),
                Ok(_) => {
                    heard = true;
                    if let Err(error) = tls.process_new_packets() {
                        // The alert that tells the hub why; it may be lost.
                        let _ = tls.write_tls(stream);
                        return Err(explain(&error, &target.host, shown));
                    }
                    continue;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => blocked = true,
                Err(error) => {
                    return Err(
                        explain_io(&error, &target.host, shown).unwrap_or_else(|| broke(&error, heard))
                    );
                }
            }
        }
        if blocked {
            wait.until(deadline)?;
        }
    }
}

/// The peer left in the middle. That may be a restart, so it is no fault of TLS, and dialling again may help.
fn broke(error: &io::Error, heard: bool) -> Down {
    let text = if heard {
        format!(
            "the connection broke during the TLS handshake ({error}). The hub may refuse this client; its journal knows"
        )
    } else {
        format!(
            "the hub closed the connection instead of a TLS handshake ({error}). Check that the port speaks TLS, or use tcp://"
        )
    };
    Down::new(LinkFault::Connect, text).because(if heard { Cause::TlsBroken } else { Cause::NotTls })
}
