//! What must hold of the server for any datagrams, in any order, from anybody.

use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Waker};

use crate::capture::Side;
use crate::clock::Clock;
use crate::domain::{Cloud, CloudOptions, example_seed};
use crate::fabric::Fabric;
use crate::front::{Front, Limits, mqtt};

use super::message::{self, Head, Kind};
use super::{DATAGRAM, Endpoint, Server};

thread_local! {
    static FRONT: Arc<Front> = front();
}

fn front() -> Arc<Front> {
    let (clock, fabric) = (Clock::manual(1_700_000_000_000), Fabric::new());
    let cloud = Cloud::new(clock.clone(), fabric.clone(), CloudOptions::default());
    cloud.load_seed(example_seed()).expect("the example is right");
    let (sessions, limits) = (mqtt::Sessions::default(), Limits::default());
    Arc::new(Front { cloud, fabric, clock, sessions, capture: None, limits })
}

/// Takes the input as datagrams: one byte says from whom and how much later, one how long it is. Nobody is answered
/// with more than one datagram, with one that is no CoAP, or, before he is signed in, with more than three times his
/// bytes; what was asked before is answered as before; and at the end nothing is left behind.
pub(crate) fn server(data: &[u8]) {
    let front = FRONT.with(Arc::clone);
    let mut server = Server::new(front.clone(), Side::Coap);
    let mut rest = data;
    while let [head, length, behind @ ..] = rest {
        let (datagram, next) = behind.split_at(usize::from(*length).min(behind.len()));
        rest = next;
        front.clock.advance(u64::from(head >> 2) * 5_000);
        server.expire();
        let from = SocketAddr::from(([192, 0, 2, 1], u16::from(head & 3)));
        let known = server.knows(from);
        let first = answers(&mut server, from, datagram);
        let most = if known { DATAGRAM } else { 3 * datagram.len() };
        assert!(first.len() <= most, "{} bytes for {}", first.len(), datagram.len());
        check(datagram, &first);
        let confirmable = Head::read(datagram).is_some_and(|head| head.kind == Kind::Con);
        if known && confirmable && server.knows(from) {
            assert_eq!(answers(&mut server, from, datagram), first, "a duplicate is answered otherwise");
        }
    }
    server.stop();
    server.is_empty();
    assert_eq!(front.fabric.connections(), 0);
}

/// The bytes of the one answer, none if there is none.
fn answers(server: &mut Server, from: SocketAddr, datagram: &[u8]) -> Vec<u8> {
    server.receive(from, datagram);
    server.take_news(&Context::from_waker(Waker::noop()));
    let mut sent = Vec::new();
    while let Some(datagram) = server.transmit() {
        assert_eq!((datagram.to, sent.len()), (from, 0), "somebody else, or a second time");
        sent = datagram.bytes;
    }
    sent
}

/// An answer is CoAP, and answers what was asked.
fn check(asked: &[u8], answer: &[u8]) {
    if answer.is_empty() {
        return;
    }
    let (asked, answer_head) = (Head::read(asked).expect("what is no CoAP is ignored"), Head::read(answer));
    let answer_head = answer_head.expect("an answer is CoAP");
    match (asked.kind, answer_head.kind) {
        (Kind::Con, Kind::Ack | Kind::Rst) => assert_eq!(asked.id, answer_head.id),
        (Kind::Non, Kind::Non) => {}
        other => panic!("{other:?}"),
    }
    assert!(answer_head.code == 0 || answer_head.code >> 5 >= 2);
    assert!(answer_head.code == 0 || message::read(answer).is_some());
}
