//! Name look-up by the operating system's resolver.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};

/// All addresses of a host, in the resolver's order. Blocks as long as the resolver does; addresses cost nothing.
pub(crate) fn addresses(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    (host, port).to_socket_addrs().map(Iterator::collect)
}
