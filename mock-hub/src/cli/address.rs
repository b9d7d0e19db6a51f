//! A socket address as it is written on the command line.

use std::net::{SocketAddr, ToSocketAddrs};
use std::str::FromStr;

/// `HOST:PORT`, where the host is an IP address (IPv6 in brackets) or a name such as `localhost`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Address(pub(super) SocketAddr);

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut found = text.to_socket_addrs().map_err(|error| format!("not HOST:PORT: {error}"))?;
        found.next().map(Self).ok_or_else(|| "the name has no address".to_owned())
    }
}
