//! Addresses that connections come from.
//!
//! A connection that ends leaves its port taken for a minute. From one address the kernel soon searches longer for a free
//! port than all the rest of a connection takes, and the load generator becomes the limit. There are 16 million loopback
//! addresses, so a few hundred connections come from each.

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpStream};
use std::os::fd::AsRawFd;

use nix::sys::socket::{
    AddressFamily, SockFlag, SockType, SockaddrIn, bind, connect, setsockopt, socket, sockopt,
};

use crate::bench::Outcome;

/// Connections from one address.
const OF_EACH: u32 = 500;

/// Source addresses, one after the other; the next process begins elsewhere.
pub(super) struct Sources {
    process: [u8; 2],
    count: u32,
}

impl Sources {
    pub(super) fn new() -> Self {
        let [.., high, low] = std::process::id().to_be_bytes();
        Self { process: [high, low], count: 0 }
    }

    fn next(&mut self) -> Ipv4Addr {
        let block = self.count / OF_EACH;
        self.count += 1;
        let [high, low] = self.process;
        // Away from 127.0.0.x, where servers listen, and from the first and last address of a net.
        Ipv4Addr::new(127, 1 + high % 200, low, 1 + (block % 250) as u8)
    }

    /// Connects to an IPv4 server.
    pub(super) fn connect(&mut self, server: SocketAddr) -> Outcome<TcpStream> {
        let SocketAddr::V4(server) = server else { return Err("a server of IPv4 is wanted".into()) };
        let socket = socket(AddressFamily::Inet, SockType::Stream, SockFlag::SOCK_CLOEXEC, None)?;
        // The port is chosen when the server is known: it only has to be free towards that one.
        setsockopt(&socket, sockopt::IpBindAddressNoPort, &true)?;
        bind(socket.as_raw_fd(), &SockaddrIn::from(SocketAddrV4::new(self.next(), 0)))?;
        connect(socket.as_raw_fd(), &SockaddrIn::from(server))?;
        Ok(socket.into())
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn connections_come_from_many_addresses() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = listener.local_addr().unwrap();
        let mut sources = Sources::new();
        let mut from = |skip: u32| {
            sources.count += skip;
            let stream = sources.connect(server).unwrap();
            let (accepted, peer) = listener.accept().unwrap();
            assert_eq!(stream.peer_addr().unwrap(), accepted.local_addr().unwrap());
            assert!(peer.ip().is_loopback());
            peer.ip()
        };
        let first = from(0);
        assert_eq!(from(0), first);
        assert_ne!(from(OF_EACH), first);
        assert!(sources.connect("[::1]:1".parse().unwrap()).is_err());
    }
}
