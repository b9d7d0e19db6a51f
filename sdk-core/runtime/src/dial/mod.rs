//! Bringing a link up: name look-up, TCP to every address, the proxy, the TLS handshake.
//!
//! Owns everything that may block before bytes flow. Refuses to decide when to dial: the engine does.

mod connect;
mod handshake;
mod pool;
mod wait;

pub(crate) use pool::Pool;
pub(crate) use wait::{Cancel, Spare, Wait};

use crate::link::{Down, Link};
use crate::os::{clock, lookup};
use crate::proxy::Proxy;
use crate::tls::{SystemRoots, TlsSetup};
use enos_core::{LinkFault, Scheme};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

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

/// Brings a link up, or tells why not. Blocks; ends early when `wait` is called off.
///
/// The link stays registered where `wait` waits.
pub(crate) fn dial(plan: &Plan, target: &Target, roots: &SystemRoots, wait: &mut Wait) -> Result<Link, Down> {
    let deadline = clock::after(plan.total_timeout);
    let (what, host, port) = first_hop(plan, target);
    let addresses = resolve(what, host, port)?;
    establish(plan, target, roots, wait, (what, &addresses), deadline)
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
