//! Sign-ins: over TCP with many under way, over TLS one after the other.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use super::server::Server;
use super::sources::Sources;
use super::{Watch, acceptor, devices, tls};
use crate::bench::Outcome;
use crate::bench::mqtt::{self, kind};
use crate::bench::payload::PRODUCT_KEY;
use crate::bench::plan::Order;
use crate::bench::sample::Sample;

/// Sign-ins of one device in a run: at the next the hub would warn (rule 5).
const OF_EACH: u32 = 4;

/// Sends CONNECT on a new connection.
pub(super) fn start(server: SocketAddr, packet: &[u8]) -> Outcome<TcpStream> {
    let mut socket = TcpStream::connect(server)?;
    socket.write_all(packet)?;
    Ok(socket)
}

/// Takes the CONNACK.
pub(super) fn finish(socket: &mut TcpStream) -> Outcome<()> {
    let mut answer = [0; 4];
    socket.read_exact(&mut answer)?;
    if answer == [kind::CONNACK << 4, 2, 0, 0] {
        Ok(())
    } else {
        Err(format!("the sign-in was answered with {answer:?}").into())
    }
}

/// The CONNECTs of that many devices.
pub(super) fn packets(product_key: &str, count: u32) -> Outcome<Vec<Vec<u8>>> {
    (0..count).map(|number| devices::connect(product_key, &devices::key(number))).collect()
}

/// Over TCP, `order.window` under way: CONNECT, CONNACK, DISCONNECT, close.
pub(super) fn plain(peer: &str, order: &Order) -> Outcome<Sample> {
    let many = order.count.div_ceil(OF_EACH);
    let server = Server::plain(peer, many)?;
    let packets = packets(PRODUCT_KEY, many)?;
    let mut goodbye = Vec::new();
    mqtt::put_disconnect(&mut goodbye);
    let mut under_way = VecDeque::new();
    let mut sources = Sources::new();
    let mut end = |mut socket: TcpStream| -> Outcome<()> {
        finish(&mut socket)?;
        Ok(socket.write_all(&goodbye)?)
    };
    let warm_up = order.count / 10;
    let mut watch = Watch::begin(&server)?;
    for (done, packet) in (0..order.count).zip(packets.iter().cycle()) {
        if done == warm_up {
            watch = Watch::begin(&server)?;
        }
        if under_way.len() == usize::from(order.window) {
            under_way.pop_front().map_or(Ok(()), &mut end)?;
        }
        let mut socket = sources.connect(server.mqtt)?;
        socket.write_all(packet)?;
        under_way.push_back(socket);
    }
    under_way.into_iter().try_for_each(&mut end)?;
    watch.end(order.count - warm_up)
}

/// Over TLS 1.2, one after the other.
pub(super) fn secured(peer: &str, order: &Order, mutual: bool) -> Outcome<Sample> {
    let many = order.count.div_ceil(OF_EACH);
    let role = if mutual { acceptor::MUTUAL } else { acceptor::PLAIN };
    let server = Server::secured(peer, many, mutual, role)?;
    let product_key = if mutual { devices::MUTUAL_KEY } else { PRODUCT_KEY };
    let packets = packets(product_key, many)?;
    let plain = tls::settings(&server.ca, None)?;
    let settings = (0..many)
        .map(|number| {
            if !mutual {
                return Ok(plain.clone());
            }
            tls::settings(&server.ca, Some(&server.identity(&devices::key(number))?))
        })
        .collect::<Outcome<Vec<_>>>()?;
    let warm_up = order.count / 10;
    let mut watch = Watch::begin(&server)?;
    for (done, (packet, settings)) in (0..order.count).zip(packets.iter().zip(&settings).cycle()) {
        if done == warm_up {
            watch = Watch::begin(&server)?;
        }
        tls::leave(tls::connect(&server, settings, packet)?)?;
    }
    watch.end(order.count - warm_up)
}
