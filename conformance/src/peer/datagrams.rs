//! UDP between a client and the hub: a relay that loses datagrams and moves to another address, and servers that
//! misbehave. Datagrams are carried as they are, so DTLS passes through it, too.

use std::collections::BTreeSet;
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::net::Direction;
use crate::coap::{Kind, Message};

/// How often a thread looks whether it has to end or a socket was replaced.
const LOOK: Duration = Duration::from_millis(20);
/// Largest datagram.
const LARGEST: usize = 64 * 1024;

/// What a server does with a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// Carries it to the hub, and what comes back to whoever spoke last.
    Relay(SocketAddr),
    /// Answers it with RST.
    Reset,
    /// Reads it and says nothing.
    Silent,
}

/// A server on a free loopback port; dropping it ends it.
#[derive(Debug)]
pub struct Datagrams {
    address: SocketAddr,
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    ends: AtomicBool,
    /// Datagrams of clients that were seen.
    seen: AtomicU64,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// Towards the hub.
    back: Arc<UdpSocket>,
    client: Option<SocketAddr>,
    /// Nothing passes.
    cut: bool,
    /// Which of the next datagrams are lost, counted from 0, on the way up and down.
    lost: [BTreeSet<u64>; 2],
    carried: [u64; 2],
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ends(&self) -> bool {
        self.ends.load(Ordering::Relaxed)
    }
}

impl State {
    /// Whether the next datagram of this way is lost.
    fn loses(&mut self, way: Direction) -> bool {
        let way = way as usize;
        let number = self.carried[way];
        self.carried[way] += 1;
        self.lost[way].remove(&number) || self.cut
    }
}

impl Datagrams {
    /// Starts a server.
    ///
    /// # Errors
    /// There is no free port.
    pub fn start(manner: Manner) -> io::Result<Self> {
        let front = Arc::new(socket()?);
        let address = front.local_addr()?;
        let state = State {
            back: Arc::new(socket()?),
            client: None,
            cut: false,
            lost: [BTreeSet::new(), BTreeSet::new()],
            carried: [0; 2],
        };
        let shared = Arc::new(Shared {
            ends: AtomicBool::new(false),
            seen: AtomicU64::new(0),
            state: Mutex::new(state),
        });
        let mut threads = Vec::new();
        let (up, upward) = (shared.clone(), front.clone());
        threads.push(thread::spawn(move || carry_up(&up, &upward, manner)));
        if let Manner::Relay(_) = manner {
            let down = shared.clone();
            threads.push(thread::spawn(move || carry_down(&down, &front)));
        }
        Ok(Self { address, shared, threads })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Datagrams of clients that came.
    #[must_use]
    pub fn seen(&self) -> u64 {
        self.shared.seen.load(Ordering::Relaxed)
    }

    /// Nothing passes any more, or everything again.
    pub fn cut(&self, cut: bool) {
        self.shared.state().cut = cut;
    }

    /// The datagram behind so many others of this way is lost.
    pub fn lose(&self, way: Direction, behind: u64) {
        let mut state = self.shared.state();
        let number = state.carried[way as usize] + behind;
        state.lost[way as usize].insert(number);
    }

    /// From now on the hub sees another address.
    ///
    /// # Errors
    /// There is no free port.
    pub fn move_on(&self) -> io::Result<()> {
        self.shared.state().back = Arc::new(socket()?);
        Ok(())
    }
}

impl Drop for Datagrams {
    fn drop(&mut self) {
        self.shared.ends.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            // One that panicked has ended, too.
            let _ = thread.join();
        }
    }
}

fn socket() -> io::Result<UdpSocket> {
    let socket = UdpSocket::bind(("127.0.0.1", 0))?;
    socket.set_read_timeout(Some(LOOK))?;
    Ok(socket)
}

fn carry_up(shared: &Shared, front: &UdpSocket, manner: Manner) {
    let mut buffer = vec![0; LARGEST];
    while !shared.ends() {
        // Nothing came, or a port that is closed said so.
        let Ok((count, from)) = front.recv_from(&mut buffer) else { continue };
        shared.seen.fetch_add(1, Ordering::Relaxed);
        let datagram = &buffer[..count];
        match manner {
            Manner::Silent => {}
            Manner::Reset => {
                if let Ok(message) = Message::parse(datagram) {
                    let _ = front.send_to(&Message::empty(Kind::Rst, message.id).bytes(), from);
                }
            }
            Manner::Relay(hub) => {
                let mut state = shared.state();
                state.client = Some(from);
                if !state.loses(Direction::Up) {
                    // A hub that is down loses it, as a network does.
                    let _ = state.back.send_to(datagram, hub);
                }
            }
        }
    }
}

fn carry_down(shared: &Shared, front: &UdpSocket) {
    let mut buffer = vec![0; LARGEST];
    while !shared.ends() {
        let back = shared.state().back.clone();
        let Ok((count, _)) = back.recv_from(&mut buffer) else { continue };
        let mut state = shared.state();
        // What comes to an address that was left is lost.
        if Arc::ptr_eq(&back, &state.back)
            && !state.loses(Direction::Down)
            && let Some(client) = state.client
        {
            let _ = front.send_to(&buffer[..count], client);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::coap::Peer;

    #[test]
    fn a_relay_carries_loses_and_moves() {
        let mut hub = Peer::listen().expect("a socket");
        let relay = Datagrams::start(Manner::Relay(hub.address().expect("an address"))).expect("a relay");
        let mut client = Peer::to(relay.address()).expect("a socket");
        let ping = |id| Message::empty(Kind::Con, id);
        let pong = |id| Message::empty(Kind::Rst, id);
        client.send(&ping(1)).expect("sent");
        assert_eq!(hub.take().expect("a ping"), ping(1));
        let before = hub.other();
        hub.send(&pong(1)).expect("sent");
        assert_eq!(client.take().expect("a pong"), pong(1));
        relay.lose(Direction::Up, 1);
        for id in 2..=4 {
            client.send(&ping(id)).expect("sent");
        }
        assert_eq!([hub.take().expect("a ping"), hub.take().expect("a ping")], [ping(2), ping(4)]);
        relay.lose(Direction::Down, 0);
        for id in [2, 4] {
            hub.send(&pong(id)).expect("sent");
        }
        assert_eq!(client.take().expect("a pong"), pong(4));
        relay.move_on().expect("a socket");
        client.send(&ping(5)).expect("sent");
        assert_eq!(hub.take().expect("a ping"), ping(5));
        assert_ne!(hub.other(), before);
        hub.send(&pong(5)).expect("sent");
        assert_eq!(client.take().expect("a pong"), pong(5));
    }

    #[test]
    fn a_server_resets_everything() {
        let server = Datagrams::start(Manner::Reset).expect("a server");
        let mut client = Peer::to(server.address()).expect("a socket");
        let post = Message::new(Kind::Con, 2, 9, &[1]).with_path("/auth/a/b");
        assert_eq!(client.ask(&post).expect("an answer"), Message::empty(Kind::Rst, 9));
        assert_eq!(server.seen(), 1);
    }
}
