//! Bringing a link up: name look-up, TCP to every address, the proxy, the TLS handshake.
//!
//! Owns everything that may block before bytes flow. Refuses to decide when to dial: the engine does.

mod connect;
mod handshake;
mod pool;
mod wait;

pub(crate) use pool::Pool;
pub(crate) use wait::Cancel;

use crate::link::{Down, Link};
use crate::os::{clock, lookup};
use crate::proxy::Proxy;
use crate::tls::{SystemRoots, TlsSetup};
use enos_core::{LinkFault, Scheme};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use wait::Wait;

/// How a client's links are made; the same for each dial.
pub(crate) struct Plan {
    pub(crate) tls: Arc<TlsSetup>,
    pub(crate) proxy: Option<Proxy>,
    /// For one address to accept.
    pub(crate) address_timeout: Duration,
    /// For proxy and TLS together.
    pub(crate) handshake_timeout: Duration,
    /// For all of it.
    pub(crate) total_timeout: Duration,
}

/// Where to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) scheme: Scheme,
    pub(crate) host: String,
    pub(crate) port: u16,
}

/// Brings a link up, or tells why not. Blocks; ends early when cancelled.
pub(crate) fn dial(
    plan: &Plan,
    target: &Target,
    roots: &SystemRoots,
    cancel: &Arc<Cancel>,
) -> Result<Link, Down> {
    let deadline = clock::after(plan.total_timeout);
    let (host, port) = match &plan.proxy {
        Some(proxy) => (proxy.host(), proxy.port()),
        None => (target.host.as_str(), target.port),
    };
    let what = if plan.proxy.is_some() { "the proxy" } else { "the hub" };
    let addresses = resolve(what, host, port)?;
    let mut wait = Wait::new(cancel)?;
    let dialed = establish(plan, target, roots, &mut wait, (what, &addresses), deadline);
    wait.end();
    dialed
}

fn establish(
    plan: &Plan,
    target: &Target,
    roots: &SystemRoots,
    wait: &mut Wait,
    (what, addresses): (&str, &[SocketAddr]),
    deadline: Instant,
) -> Result<Link, Down> {
    let mut stream = connect::first_to_accept(wait, what, addresses, plan.address_timeout, deadline)?;
    let _ = stream.set_nodelay(true);
    let deadline = deadline.min(clock::after(plan.handshake_timeout));
    if let Some(proxy) = &plan.proxy {
        handshake::through(wait, &mut stream, proxy, target, deadline)?;
    }
    let tls = match target.scheme {
        Scheme::Ssl => Some(handshake::tls(wait, &mut stream, plan, target, roots, deadline)?),
        _ => None,
    };
    wait.leave(&mut stream)?;
    Ok(Link::new(stream, tls, &target.host, plan.tls.has_client_certificate()))
}

fn resolve(what: &str, host: &str, port: u16) -> Result<Vec<SocketAddr>, Down> {
    match lookup::addresses(host, port) {
        Ok(addresses) if !addresses.is_empty() => Ok(addresses),
        Ok(_) => {
            Err(Down::new(LinkFault::Resolve, format!("the name of {what}, \"{host}\", has no address")))
        }
        Err(error) => Err(Down::new(
            LinkFault::Resolve,
            format!("the name of {what}, \"{host}\", has no address: {error}"),
        )),
    }
}
