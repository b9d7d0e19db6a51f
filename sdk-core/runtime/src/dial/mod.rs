//! Bringing a link up: name look-up, TCP to every address, the proxy, the TLS handshake; or a UDP socket, and DTLS.
//!
//! Owns everything that may block before bytes flow. Refuses to decide when to dial: the engine does.

mod connect;
mod handshake;
mod pool;
mod udp;
mod wait;

pub(crate) use connect::survey;
pub(crate) use pool::Pool;
pub(crate) use wait::{Cancel, Spare, Wait};

use crate::doctor::Cause;
use crate::link::{Down, Link, Stream, Unheard};
use crate::os::{clock, lookup};
use crate::proxy::Proxy;
use crate::tls::{SystemRoots, TlsSetup};
use enos_core::engine::Dial;
use enos_core::{Hub, LinkFault, Scheme};
use rustls::ClientConnection;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};
use zeroize::Zeroizing;

/// How a client's links are made; the same for each dial.
#[derive(Clone)]
pub(crate) struct Plan {
    pub(crate) tls: Arc<TlsSetup>,
    pub(crate) proxy: Option<Proxy>,
    /// For one address to accept.
    pub(crate) address_timeout: Duration,
    /// For proxy and TLS together.
    pub(crate) handshake_timeout: Duration,
    /// For all of it.
    pub(crate) total_timeout: Duration,
    /// Which address of a host has its turn where no address says whether it is alive.
    pub(crate) unheard: Unheard,
}

/// Where to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) scheme: Scheme,
    pub(crate) host: String,
    pub(crate) port: u16,
    /// Who the device is in a DTLS handshake; `coaps` only.
    pub(crate) psk: Option<Psk>,
}

impl Target {
    /// Of what the engine asks for.
    pub(crate) fn new(dial: &Dial<'_>) -> Self {
        let psk = dial.psk.as_ref().map(Psk::new);
        Self { scheme: dial.scheme, host: dial.host.to_owned(), port: dial.port, psk }
    }

    /// The hub without an identity: for a walk that does not sign in.
    pub(crate) fn of_hub(hub: &Hub<'_>) -> Self {
        Self { scheme: hub.scheme, host: hub.host.to_owned(), port: hub.port, psk: None }
    }
}

/// An identity and its key; prints no key.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Psk {
    identity: String,
    key: Zeroizing<[u8; 16]>,
}

impl Psk {
    fn new(psk: &enos_core::engine::Psk<'_>) -> Self {
        let mut room = [0; 400];
        // The core says that this is room enough for any identity.
        let identity = psk.write_identity(&mut room).unwrap_or_default().to_owned();
        Self { identity, key: Zeroizing::new(psk.key) }
    }
}

impl fmt::Debug for Psk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Psk").field("identity", &self.identity).finish_non_exhaustive()
    }
}

/// A step of a dial that was passed, for somebody who watches it.
pub(crate) enum Passed<'p> {
    /// The name of hub or proxy has these addresses.
    Resolved(&'p [SocketAddr]),
    /// This address was the first to accept.
    Connected(Option<SocketAddr>),
    /// The proxy has opened the way.
    Proxied,
    /// The handshake is done.
    Secured(&'p ClientConnection),
}

/// Brings a link up, or tells why not. Blocks; ends early when `wait` is called off.
///
/// The link stays registered where `wait` waits.
pub(crate) fn dial(plan: &Plan, target: &Target, roots: &SystemRoots, wait: &mut Wait) -> Result<Link, Down> {
    dial_watched(plan, target, roots, wait, &mut |_| ())
}

/// The same; `passed` is told of each step.
pub(crate) fn dial_watched(
    plan: &Plan,
    target: &Target,
    roots: &SystemRoots,
    wait: &mut Wait,
    passed: &mut dyn FnMut(Passed<'_>),
) -> Result<Link, Down> {
    let deadline = clock::after(plan.total_timeout);
    let (what, host, port) = first_hop(plan, target);
    let addresses = resolve(what, host, port)?;
    passed(Passed::Resolved(&addresses));
    establish(plan, target, roots, wait, (what, &addresses), deadline, passed)
}

/// Whether dialling begins with a name look-up, which nothing can call off.
pub(crate) fn needs_look_up(plan: &Plan, target: &Target) -> bool {
    first_hop(plan, target).1.parse::<IpAddr>().is_err()
}

/// What TCP goes to: in words, host and port.
fn first_hop<'a>(plan: &'a Plan, target: &'a Target) -> (&'static str, &'a str, u16) {
    match &plan.proxy {
        Some(proxy) => ("the proxy", proxy.host(), proxy.port()),
        None => ("the hub", &target.host, target.port),
    }
}

fn establish(
    plan: &Plan,
    target: &Target,
    roots: &SystemRoots,
    wait: &mut Wait,
    (what, addresses): (&str, &[SocketAddr]),
    deadline: Instant,
    passed: &mut dyn FnMut(Passed<'_>),
) -> Result<Link, Down> {
    if target.scheme.is_coap() {
        return udp::establish(plan, target, wait, addresses, deadline, passed);
    }
    let mut stream = connect::first_to_accept(wait, what, addresses, plan.address_timeout, deadline)?;
    let _ = stream.set_nodelay(true);
    passed(Passed::Connected(stream.peer_addr().ok()));
    let deadline = deadline.min(clock::after(plan.handshake_timeout));
    if let Some(proxy) = &plan.proxy {
        handshake::through(wait, &mut stream, proxy, target, deadline)?;
        passed(Passed::Proxied);
    }
    let tls = match target.scheme {
        Scheme::Ssl => {
            let tls = handshake::tls(wait, &mut stream, plan, target, roots, deadline)?;
            passed(Passed::Secured(&tls));
            Some(tls)
        }
        _ => None,
    };
    Ok(Link::Stream(Stream::new(stream, tls, &target.host, plan.tls.has_client_certificate())))
}

fn resolve(what: &str, host: &str, port: u16) -> Result<Vec<SocketAddr>, Down> {
    let text = match lookup::addresses(host, port) {
        Ok(addresses) if !addresses.is_empty() => return Ok(addresses),
        Ok(_) => format!("the name of {what}, \"{host}\", has no address"),
        Err(error) => format!("the name of {what}, \"{host}\", has no address: {error}"),
    };
    Err(Down::new(LinkFault::Resolve, text).because(Cause::NameNotFound))
}
