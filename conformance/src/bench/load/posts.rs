//! Posts: many connections in one thread, each with a full window open.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;

use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};

use super::server::Server;
use super::{Watch, connects, devices};
use crate::bench::mqtt::{self, kind};
use crate::bench::payload::PRODUCT_KEY;
use crate::bench::plan::Order;
use crate::bench::report::OURS;
use crate::bench::sample::Sample;
use crate::bench::{Outcome, payload};

/// Connections of every run of posts.
pub(super) const CONNECTIONS: u32 = 50;
/// Milliseconds without any reply after which a run has failed.
const PATIENCE_MS: u16 = 20_000;
/// Bytes asked of a socket at a time.
const READ: usize = 16 * 1024;

/// One run: the first tenth is left out.
pub(super) fn run(peer: &str, order: &Order, qos: u8, kept: bool) -> Outcome<Sample> {
    let server = match peer {
        OURS => Server::hub(CONNECTIONS, 0, kept)?,
        _ => Server::plain(peer, CONNECTIONS)?,
    };
    let mut load = Load::connect(&server, qos, order.window)?;
    let warm_up = order.count / 10;
    load.posts(warm_up)?;
    let watch = Watch::begin(&server)?;
    load.posts(order.count - warm_up)?;
    watch.end(order.count - warm_up)
}

/// Signed-in devices.
pub(super) struct Load {
    epoll: Epoll,
    devices: Vec<Device>,
    window: u32,
}

impl Load {
    /// Signs them in.
    pub(super) fn connect(server: &Server, qos: u8, window: u16) -> Outcome<Self> {
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        // So long ago that no post is of the future, however many follow.
        let first_ms = devices::now_ms().saturating_sub(3_600_000);
        let mut all = Vec::new();
        for (number, packet) in (0..CONNECTIONS).zip(connects::packets(PRODUCT_KEY, CONNECTIONS)?) {
            let mut socket = connects::start(server.mqtt, &packet)?;
            connects::finish(&mut socket)?;
            socket.set_nodelay(true)?;
            socket.set_nonblocking(true)?;
            epoll.add(&socket, EpollEvent::new(EpollFlags::EPOLLIN, number.into()))?;
            let post = devices::Post::new(&devices::key(number), qos, first_ms)?;
            all.push(Device { socket, post, inbox: vec![0; READ], filled: 0, out: Vec::new(), open: 0 });
        }
        Ok(Self { epoll, devices: all, window: window.into() })
    }

    /// That many posts, each answered with 200; an error if one is not.
    pub(super) fn posts(&mut self, count: u32) -> Outcome<()> {
        let (mut sent, mut done) = (0, 0);
        for device in &mut self.devices {
            sent += device.send((count - sent).min(self.window))?;
        }
        let mut events = [EpollEvent::empty(); CONNECTIONS as usize];
        while done < count {
            let ready = self.epoll.wait(&mut events, EpollTimeout::from(PATIENCE_MS))?;
            if ready == 0 {
                return Err(format!("{done} of {count} posts were answered, then none any more").into());
            }
            for event in events.iter().take(ready) {
                let device = self.devices.get_mut(usize::try_from(event.data())?).ok_or("no such device")?;
                done += device.take()?;
                sent += device.send((count - sent).min(self.window - device.open))?;
            }
        }
        Ok(())
    }
}

struct Device {
    socket: TcpStream,
    post: devices::Post,
    inbox: Vec<u8>,
    filled: usize,
    out: Vec<u8>,
    /// Posts without a reply.
    open: u32,
}

impl Device {
    /// Sends that many posts behind what waits already; says how many.
    fn send(&mut self, posts: u32) -> Outcome<u32> {
        for _ in 0..posts {
            self.post.put_next(&mut self.out);
        }
        self.open += posts;
        if !self.out.is_empty() {
            // A window is far smaller than a socket's buffer: a server that reads never makes this wait.
            self.socket.write_all(&self.out)?;
            self.out.clear();
        }
        Ok(posts)
    }

    /// One read; says how many posts were answered, and has the acknowledgements of their replies wait.
    fn take(&mut self) -> Outcome<u32> {
        match self.socket.read(self.inbox.get_mut(self.filled..).unwrap_or_default()) {
            Ok(0) => return Err("the server hung up".into()),
            Ok(count) => self.filled += count,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(0),
            Err(error) => return Err(error.into()),
        }
        let Self { inbox, filled, out, .. } = self;
        let mut replies = 0;
        let taken = mqtt::each_packet(inbox.get(..*filled).unwrap_or_default(), |packet| {
            if packet.kind() == kind::PUBLISH {
                let reply = packet.publish()?;
                if !payload::is_success(reply.payload) {
                    return Err(format!("answered {}", String::from_utf8_lossy(reply.payload)).into());
                }
                if let Some(identifier) = reply.identifier {
                    mqtt::put_puback(out, identifier);
                }
                replies += 1;
            }
            Ok(())
        })?;
        inbox.copy_within(taken..*filled, 0);
        self.filled -= taken;
        self.open = self.open.checked_sub(replies).ok_or("more replies than posts")?;
        Ok(replies)
    }
}
