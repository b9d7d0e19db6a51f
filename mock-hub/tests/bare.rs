//! Connections without a socket: every byte and every moment is given by the test.
#![allow(clippy::unwrap_used)]

use std::task::{Context, Poll, Waker};

use mock_hub::bare::{BareHub, Call, Connection, Phase};
use mock_hub::clock::Clock;
use mock_hub::fabric::DeviceId;
use serde_json::Value;

mod support;

const START: u64 = 1_700_000_000_000;

fn hub() -> (BareHub, Clock) {
    let clock = Clock::manual(START);
    let hub = BareHub::new(clock.clone(), false);
    hub.cloud().load_seed(support::SEED).unwrap();
    (hub, clock)
}

fn open(hub: &BareHub) -> Connection {
    hub.connect("192.0.2.1:50000".parse().unwrap()).unwrap()
}

fn connect(clean: bool, keep_alive_s: u16) -> Vec<u8> {
    support::connect(&support::device("pk1", "d1"), clean, keep_alive_s)
}

/// Looks for news and takes what the peer is to be sent.
fn take(connection: &mut Connection) -> Vec<u8> {
    connection.take_news(&Context::from_waker(Waker::noop()));
    let bytes = connection.transmit().to_vec();
    connection.sent(bytes.len());
    bytes
}

const CONNACK: [u8; 4] = [0x20, 2, 0, 0];

#[test]
fn a_connect_in_single_bytes_is_answered_at_its_last() {
    let (hub, _) = hub();
    let mut connection = open(&hub);
    let connect = connect(true, 60);
    for byte in &connect[..connect.len() - 1] {
        connection.receive(&[*byte]);
        assert!(take(&mut connection).is_empty());
    }
    connection.receive(&connect[connect.len() - 1..]);
    assert_eq!(take(&mut connection), CONNACK);
    assert_eq!(connection.phase(), Phase::Open);
}

#[test]
fn silence_ends_at_the_very_millisecond() {
    let (hub, clock) = hub();
    let mut connection = open(&hub);
    assert_eq!(connection.deadline(), Some(10_000));
    connection.receive(&connect(true, 60));
    take(&mut connection);
    assert_eq!(connection.deadline(), Some(90_000));
    clock.advance(89_999);
    connection.expire();
    assert_eq!(connection.phase(), Phase::Open);
    connection.receive(&[0xC0, 0]);
    assert_eq!(take(&mut connection), [0xD0, 0]);
    assert_eq!(connection.deadline(), Some(179_999));
    clock.advance(90_000);
    connection.expire();
    assert_eq!(connection.phase(), Phase::Closing);
}

#[test]
fn no_whole_connect_and_a_refused_one_have_their_own_time() {
    let (hub, clock) = hub();
    let mut slow = open(&hub);
    slow.receive(&[0x10]);
    clock.advance(10_000);
    slow.expire();
    assert_eq!(slow.phase(), Phase::Gone);

    let mut refused = open(&hub);
    refused.receive(&support::connect(&support::login("pk1", "d1", 2, "wrong"), true, 60));
    assert_eq!(refused.phase(), Phase::Refused);
    assert!(!refused.wants_bytes());
    assert_eq!(take(&mut refused), [0x20, 2, 0, 4]);
    assert!(refused.wants_bytes());
    refused.receive(&[0; 100]);
    assert_eq!(refused.phase(), Phase::Refused);
    refused.receive(&[0; 256 * 1024]);
    assert_eq!(refused.phase(), Phase::Gone);

    let mut refused = open(&hub);
    refused.receive(&support::connect(&support::login("pk1", "d1", 2, "wrong"), true, 60));
    clock.advance(2_000);
    refused.expire();
    assert_eq!(refused.phase(), Phase::Gone);
}

#[test]
fn whoever_takes_a_device_over_waits_for_the_one_before_even_if_it_is_taken_over_itself() {
    let (hub, _) = hub();
    let device = DeviceId::new("pk1", "d1");
    let connect = connect(false, 60);
    let [mut first, mut second, mut third] = [open(&hub), open(&hub), open(&hub)];
    first.receive(&connect);
    assert_eq!(take(&mut first), CONNACK);
    second.receive(&connect);
    assert!(!second.wants_bytes());
    third.receive(&connect);
    assert_eq!((take(&mut second), take(&mut third)), (vec![], vec![]));
    assert_eq!((second.phase(), third.phase()), (Phase::Open, Phase::Open));
    // The first goes, and with it the second, which the third had taken over.
    take(&mut first);
    assert_eq!(first.phase(), Phase::Closing);
    assert!(take(&mut third).is_empty());
    drop(first);
    assert!(take(&mut third).is_empty());
    take(&mut second);
    assert_eq!(second.phase(), Phase::Gone);
    drop(second);
    // The session of the first has reached it.
    assert_eq!(take(&mut third), [0x20, 2, 1, 0]);
    assert_eq!(hub.fabric().locate(&device), Some(third.id()));
}

#[test]
fn a_peer_that_takes_nothing_is_given_up_and_one_that_takes_a_little_is_not() {
    let (hub, clock) = hub();
    let mut connection = open(&hub);
    connection.receive(&connect(true, 0));
    take(&mut connection);
    connection.receive(&[0xC0, 0].repeat(4));
    connection.blocked(true);
    assert_eq!(connection.deadline(), Some(20_000));
    clock.advance(19_000);
    connection.sent(1);
    clock.advance(1_000);
    connection.expire();
    assert_eq!((connection.phase(), connection.deadline()), (Phase::Open, Some(40_000)));
    clock.advance(20_000);
    connection.expire();
    assert_eq!(connection.phase(), Phase::Closing);
}

#[test]
fn a_stop_ends_all_and_lets_nobody_in() {
    let (hub, _) = hub();
    let mut early = open(&hub);
    let mut online = open(&hub);
    online.receive(&connect(true, 60));
    take(&mut online);
    hub.stop();
    take(&mut early);
    take(&mut online);
    assert_eq!((early.phase(), online.phase()), (Phase::Gone, Phase::Closing));
    assert!(hub.connect("192.0.2.1:50000".parse().unwrap()).is_none());
}

/// What a call gives now, if it gives anything.
fn poll(call: &mut Call) -> Option<(u16, Value)> {
    match call.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready((status, body)) => Some((status, serde_json::from_str(&body).unwrap())),
        Poll::Pending => None,
    }
}

#[test]
fn a_command_by_rest_is_answered_by_its_time_out_without_a_runtime() {
    let (hub, clock) = hub();
    let mut connection = open(&hub);
    connection.receive(&connect(true, 60));
    take(&mut connection);
    assert_eq!(hub.deadline(), None);
    let path = "/connect-service/v2.1/commands?action=invokeService&productKey=pk1&deviceKey=d1\
                &serviceId=reboot&timeout=5";
    let mut call = hub.call("POST", path, "{}".to_owned());
    assert!(poll(&mut call).is_none());
    assert_eq!(take(&mut connection)[0], 0x32);
    assert_eq!(hub.deadline(), Some(5_000));
    clock.advance(5_000);
    hub.tick();
    let (status, reply) = poll(&mut call).unwrap();
    assert_eq!((status, &reply["code"]), (200, &11915.into()));
}

#[test]
fn a_session_of_cleansession_0_can_be_forgotten() {
    let (hub, _) = hub();
    let device = DeviceId::new("pk1", "d1");
    assert!(!hub.forget_session(&device));
    for (forget, present) in [(false, 0), (false, 1), (true, 0)] {
        assert_eq!(forget && hub.forget_session(&device), forget);
        let mut connection = open(&hub);
        connection.receive(&connect(false, 60));
        assert_eq!(take(&mut connection)[2], present);
        connection.closed();
    }
}
