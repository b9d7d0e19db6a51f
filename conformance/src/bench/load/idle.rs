//! Memory of a server for connections on which nothing happens.

use std::collections::VecDeque;

use super::server::Server;
use super::{acceptor, connects, devices, tls};
use crate::bench::Outcome;
use crate::bench::payload::PRODUCT_KEY;
use crate::bench::plan::Order;
use crate::bench::sample::Sample;

/// Connections that may be waiting for their CONNACK.
const UNDER_WAY: usize = 64;

/// Over TCP: `kb_each` and the whole server's `mb`.
pub(super) fn plain(peer: &str, order: &Order) -> Outcome<Sample> {
    let server = Server::plain(peer, order.count)?;
    let packets = connects::packets(PRODUCT_KEY, order.count)?;
    let before = server.resident_kb()?;
    let mut held = Vec::new();
    let mut under_way = VecDeque::new();
    for packet in &packets {
        under_way.push_back(connects::start(server.mqtt, packet)?);
        if under_way.len() == UNDER_WAY
            && let Some(mut socket) = under_way.pop_front()
        {
            connects::finish(&mut socket)?;
            held.push(socket);
        }
    }
    for mut socket in under_way {
        connects::finish(&mut socket)?;
        held.push(socket);
    }
    let after = server.resident_kb()?;
    Ok(Sample::of("kb_each", (after - before) / f64::from(order.count)).with("mb", after / 1000.0))
}

/// Over TLS 1.2: `kb_each`.
pub(super) fn secured(peer: &str, order: &Order) -> Outcome<Sample> {
    let server = Server::secured(peer, order.count, false, acceptor::HOLDING)?;
    let settings = tls::settings(&server.ca, None)?;
    let before = server.resident_kb()?;
    let mut held = Vec::new();
    for number in 0..order.count {
        let packet = devices::connect(PRODUCT_KEY, &devices::key(number))?;
        held.push(tls::connect(&server, &settings, &packet)?);
    }
    let after = server.resident_kb()?;
    Ok(Sample::of("kb_each", (after - before) / f64::from(order.count)))
}
