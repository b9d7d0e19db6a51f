//! A connected UDP socket to one of the hub's addresses, and the DTLS handshake over it.
//!
//! UDP answers nobody: in clear a dial is over once the socket stands, and the sign-in shows whether anybody listens.
//! An address over which nothing was heard lets the next dial begin with the next one. With DTLS the handshake shows
//! it, and the addresses are tried one after the other.

use super::connect::interleave;
use super::wait::Wait;
use super::{Passed, Plan, Target};
use crate::doctor::Cause;
use crate::link::{Datagrams, Down, Link};
use enos_core::{LinkFault, Scheme};
use mio::net::UdpSocket;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::atomic::Ordering;
use std::time::Instant;

/// Where the socket is registered while it is dialled.
const TOKEN: usize = 0;

/// Brings the link up, watched by `wait`.
pub(super) fn establish(
    plan: &Plan,
    target: &Target,
    wait: &mut Wait,
    addresses: &[SocketAddr],
    deadline: Instant,
    passed: &mut dyn FnMut(Passed<'_>),
) -> Result<Link, Down> {
    let mut order = interleave(addresses);
    let turn = plan.unheard.load(Ordering::Relaxed) % order.len().max(1);
    order.rotate_left(turn);
    match target.scheme {
        // Without an identity it is the doctor who dials, and no further than a handshake, which is a sign-in.
        Scheme::Coaps if target.psk.is_some() => secured(plan, target, wait, &order, deadline, passed),
        _ => {
            let (socket, address) = first_to_stand(wait, &order)?;
            passed(Passed::Connected(Some(address)));
            Ok(Link::Datagrams(Datagrams::plain(socket, plan.unheard.clone())))
        }
    }
}

/// A socket to the first address to which there is a way at all.
fn first_to_stand(wait: &Wait, addresses: &[SocketAddr]) -> Result<(UdpSocket, SocketAddr), Down> {
    let mut failures = Vec::new();
    for address in addresses {
        match connect(wait, *address) {
            Ok(socket) => return Ok((socket, *address)),
            Err(error) => failures.push((*address, error)),
        }
    }
    let text = format!("there is no way to the hub{}", super::connect::said(&failures));
    Err(Down::new(LinkFault::Connect, text).because(super::connect::common(&failures)))
}

fn connect(wait: &Wait, address: SocketAddr) -> io::Result<UdpSocket> {
    let any: IpAddr =
        if address.is_ipv6() { Ipv6Addr::UNSPECIFIED.into() } else { Ipv4Addr::UNSPECIFIED.into() };
    let mut socket = UdpSocket::bind(SocketAddr::new(any, 0))?;
    socket.connect(address)?;
    wait.watch(&mut socket, TOKEN).map_err(|down| io::Error::other(down.text))?;
    Ok(socket)
}

#[cfg(not(feature = "coaps"))]
fn secured(
    _: &Plan,
    _: &Target,
    _: &mut Wait,
    _: &[SocketAddr],
    _: Instant,
    _: &mut dyn FnMut(Passed<'_>),
) -> Result<Link, Down> {
    // `ClientBuilder::build` refuses such a client, so nobody gets here.
    Err(Down::new(LinkFault::Tls, "this build has no DTLS (cargo feature coaps)").because(Cause::Internal))
}

/// Tries the addresses one after the other; each but the last has a part of the time.
#[cfg(feature = "coaps")]
fn secured(
    plan: &Plan,
    target: &Target,
    wait: &mut Wait,
    addresses: &[SocketAddr],
    deadline: Instant,
    passed: &mut dyn FnMut(Passed<'_>),
) -> Result<Link, Down> {
    use crate::os::clock;
    let Some(psk) = &target.psk else {
        return Err(Down::new(LinkFault::Tls, "DTLS has neither identity nor key").because(Cause::Internal));
    };
    let mut last = None;
    for (place, address) in addresses.iter().enumerate() {
        let is_last = place + 1 == addresses.len();
        let each = if is_last { plan.handshake_timeout } else { plan.address_timeout };
        let until = deadline.min(clock::after(each));
        let attempt = match connect(wait, *address) {
            Ok(socket) => {
                passed(Passed::Connected(Some(*address)));
                handshake(wait, socket, &psk.identity, *psk.key, until)
            }
            Err(error) => Err(crate::link::lost(&error)),
        };
        match attempt {
            Ok((socket, session)) => {
                let link = Datagrams::secured(socket, session, plan.unheard.clone());
                return Ok(Link::Datagrams(link));
            }
            // Another address is another way to the same hub, which would say the same.
            Err(down) if down.fault == LinkFault::Tls || wait.is_called_off() => return Err(down),
            Err(down) => last = Some(down),
        }
    }
    Err(last.unwrap_or_else(|| Down::new(LinkFault::Resolve, "the hub has no address")))
}

/// Makes the DTLS handshake; what is lost is repeated.
#[cfg(feature = "coaps")]
fn handshake(
    wait: &mut Wait,
    socket: UdpSocket,
    identity: &str,
    key: [u8; 16],
    deadline: Instant,
) -> Result<(UdpSocket, Box<crate::link::DtlsSession>), Down> {
    use crate::link::{DtlsSession, LARGEST, lost, silent};
    let mut session = Box::new(DtlsSession::new(identity, key)?);
    let mut datagram = [0; LARGEST + 1];
    loop {
        let now = Instant::now();
        if now >= deadline {
            return Err(silent(session.heard()));
        }
        if now >= session.timer() {
            session.on_time(&socket, now)?;
        }
        loop {
            match socket.recv(&mut datagram) {
                Ok(count) => {
                    let bytes = datagram.get(..count).unwrap_or_default();
                    session.take(&socket, bytes)?;
                    if session.is_connected() {
                        return Ok((socket, session));
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => return Err(lost(&error)),
            }
        }
        wait.until(deadline.min(session.timer()))?;
    }
}

#[cfg(test)]
#[cfg(feature = "coaps")]
mod tests;
