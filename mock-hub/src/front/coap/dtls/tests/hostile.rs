//! Spoofed, replayed, damaged and endless: nothing is stored twice, nobody is locked out, nothing grows.

use super::client::{CBC, CCM8, DtlsClient, GET, request};
use super::handshakes::first_flights;
use super::*;

/// RFC 6347 §4.2.8: a client that lost its state starts anew at the same address.
#[test]
fn a_client_that_starts_anew_at_its_address_is_let_in() {
    let mut world = World::new();
    let mut old = world.signed_in(at(1));
    assert_eq!(world.post(at(1), &mut old), Some(204));
    let mut new = world.signed_in(at(1));
    assert_eq!(world.post(at(1), &mut new), Some(204));
    assert_eq!(world.post(at(1), &mut old), None);
    assert_eq!(world.post(at(1), &mut new), Some(204));
    assert_eq!(world.dtls.peers.len(), 1);
}

/// The number of a record in the clear is the client's choice: it grows with each hello that is lost on its way.
#[test]
fn numbers_in_the_clear_go_on_from_the_clients() {
    let number = |bytes: &[u8]| super::super::record::records(bytes).next().unwrap().sequence;
    let mut world = World::new();
    let mut client = d1();
    let mut hello = client.transmit().remove(0);
    hello[10] = 9;
    let asked = world.tell(at(1), &hello).remove(0);
    assert_eq!(number(&asked), 9);
    client.receive(&asked);
    let mut cooked = client.transmit().remove(0);
    // Not beyond what the window for replays forgives: the client counts on from where it was.
    cooked[10] = 20;
    let flight = world.tell(at(1), &cooked);
    assert_eq!(number(&flight[0]), 20);
    flight.iter().for_each(|bytes| drop(client.receive(bytes)));
    world.shake(at(1), &mut client);
    assert_eq!(world.post(at(1), &mut client), Some(204));
}

/// Somebody who can send in the device's name, but not read what comes back, changes nothing.
#[test]
fn a_handshake_that_is_not_finished_leaves_the_association_alone() {
    let mut world = World::new();
    let mut client = world.signed_in(at(1));
    // Only the hello, whose cookie goes to the device.
    let mut spoofed = DtlsClient::new("pk1,d1,2,300", "guess", CCM8);
    for datagram in spoofed.transmit() {
        world.tell(at(1), &datagram);
    }
    assert_eq!(world.post(at(1), &mut client), Some(204));
    // Further, as one who reads along could: the key is still missing.
    let mut wrong = DtlsClient::new("pk1,d1,2,300", "guess", CCM8);
    let finish = first_flights(&mut world, at(1), &mut wrong);
    assert_eq!(world.post(at(1), &mut client), Some(204));
    for _ in 0..2 {
        for datagram in &finish {
            world.tell(at(1), datagram);
        }
        assert_eq!(world.post(at(1), &mut client), Some(204));
    }
    world.last_says("refused", "key is wrong");
    assert_eq!(world.post(at(1), &mut client), Some(204));
}

#[test]
fn what_is_replayed_is_dropped() {
    let mut world = World::new();
    let mut client = d1();
    let hello = client.transmit();
    let asked = world.tell(at(1), &hello[0]);
    client.receive(&asked[0]);
    let cooked = client.transmit();
    let flight = world.tell(at(1), &cooked[0]);
    flight.iter().for_each(|bytes| drop(client.receive(bytes)));
    let finish = client.transmit();
    for datagram in &finish {
        for bytes in world.tell(at(1), datagram) {
            client.receive(&bytes);
        }
    }
    assert!(client.done);
    let post = world.sealed_post(&mut client);
    assert_eq!(world.tell(at(1), &post).len(), 1);
    assert!(world.tell(at(1), &post).is_empty());
    assert_eq!(world.journal("message-in").len(), 1);
    // The hello with its cookie begins nothing new, though its cookie is still good.
    assert!(world.tell(at(1), &cooked[0]).is_empty());
    world.tell(at(1), &hello[0]);
    for datagram in &finish {
        world.tell(at(1), datagram);
    }
    // From elsewhere the cookie is not good.
    let answers = world.tell(at(2), &cooked[0]);
    assert_eq!(answers[0].len(), asked[0].len());
    assert_eq!(world.post(at(1), &mut client), Some(204));
    assert_eq!(world.journal("connect").len(), 1);
    assert_eq!(world.dtls.peers.len(), 1);
}

#[test]
fn what_is_forged_or_damaged_is_dropped_without_an_answer() {
    let mut world = World::new();
    let mut client = world.signed_in(at(1));
    let mut forged: Vec<Vec<u8>> = vec![
        // Alerts in the clear: fatal, and close_notify.
        super::super::record::fatal_alert(40, 99),
        super::super::record::plain(21, [0xFE, 0xFD], 100, &[&[1, 0]]),
        // Plain CoAP, nothing, rubbish.
        request(GET, 7, "/x", b""),
        Vec::new(),
        vec![0xFF; 1_500],
        vec![22, 0xFE, 0xFD, 0, 1, 0, 0, 0, 0, 0, 9, 0, 4, 1, 2, 3, 4],
    ];
    let sealed = world.sealed_post(&mut client);
    forged.extend((0..sealed.len()).map(|index| {
        let mut damaged = sealed.clone();
        damaged[index] ^= 0x40;
        damaged
    }));
    forged.extend((0..sealed.len()).map(|length| sealed[..length].to_vec()));
    for datagram in &forged {
        let answers = world.tell(at(1), datagram);
        assert!(answers.is_empty(), "{datagram:02x?} {answers:02x?} {:#?}", world.journal("transport"));
        assert!(world.tell(at(2), datagram).is_empty(), "{datagram:02x?}");
    }
    assert_eq!(world.journal("message-in").len(), 0);
    assert_eq!(world.tell(at(1), &sealed).len(), 1);
    assert_eq!(world.post(at(1), &mut client), Some(204));
    // A few lines say so, not one for each.
    let lines = world.journal("transport");
    assert!((1..=20).contains(&lines.len()), "{lines:#?}");
    assert!(lines.iter().any(|line| line.contains("no DTLS")), "{lines:#?}");
}

/// A sealed record of any kind and length that somebody made up ends no association.
#[test]
fn what_was_sealed_with_no_key_changes_nothing() {
    for suite in [CCM8, CBC] {
        let mut world = World::new();
        let mut client = DtlsClient::new("pk1,d1,2,300", "secret-d1", suite);
        world.shake(at(1), &mut client);
        assert!(client.done);
        for kind in 20..24 {
            for length in 0..130_u8 {
                let mut forged =
                    super::super::record::plain(kind, [0xFE, 0xFD], 90, &[&vec![0x5A; length.into()]]);
                forged[4] = 1;
                let answers = world.tell(at(1), &forged);
                assert!(answers.is_empty(), "{suite} {kind} {length} {answers:02x?}");
            }
        }
        assert_eq!(world.post(at(1), &mut client), Some(204), "{suite}");
    }
}

/// Until its cookie came back, an address gets less than it sent.
#[test]
fn nobody_is_sent_more_than_he_sent() {
    let mut world = World::new();
    let mut hello = d1().transmit().remove(0);
    let (mut sent, mut got) = (0, 0);
    for port in 1..200 {
        for _ in 0..5 {
            sent += hello.len();
            got += world.tell(at(port), &hello).iter().map(Vec::len).sum::<usize>();
        }
    }
    assert!(got > 0 && got < sent, "{got} of {sent}");
    assert_eq!(world.dtls.peers.len(), 0);
    // Cut anywhere, or with a cookie that somebody made up.
    for length in 0..hello.len() {
        let got: usize = world.tell(at(1), &hello[..length]).iter().map(Vec::len).sum();
        assert!(got <= length, "{got} of {length}");
    }
    let cookie_at = 13 + 12 + 2 + 32 + 1;
    assert_eq!(hello[cookie_at], 0);
    hello[cookie_at] = 16;
    hello.splice(cookie_at + 1..cookie_at + 1, [9; 16]);
    for at in [11, 13 + 2, 13 + 10] {
        let longer = u16::from_be_bytes([hello[at], hello[at + 1]]) + 16;
        hello[at..at + 2].copy_from_slice(&longer.to_be_bytes());
    }
    let answers = world.tell(at(1), &hello);
    assert!(answers.len() == 1 && answers[0].len() < hello.len());
    assert_eq!(world.dtls.peers.len(), 0);
}

#[test]
fn a_new_address_needs_a_new_handshake_and_ends_the_old_one() {
    let mut world = World::new();
    let mut client = world.signed_in(at(1));
    let moved = world.sealed_post(&mut client);
    assert!(world.tell(at(2), &moved).is_empty());
    assert_eq!(world.journal("message-in").len(), 0);
    world.last_says("transport", "must shake hands anew");
    let mut moved = d1();
    let mut told = Vec::new();
    while !moved.done {
        for datagram in moved.transmit() {
            world.dtls.receive(at(2), &datagram);
            for (to, bytes) in world.take() {
                if to == at(2) { drop(moved.receive(&bytes)) } else { told.push((to, bytes)) }
            }
        }
    }
    // The old address hears that it is over.
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].0, at(1));
    client.receive(&told[0].1);
    assert_eq!(client.over.as_deref(), Some("closed"));
    assert_eq!(world.post(at(2), &mut moved), Some(204));
    assert_eq!(world.dtls.peers.len(), 1);
}

#[test]
fn after_the_lifetime_comes_4_01_and_then_the_end() {
    let mut world = World::new();
    let mut client = world.signed_in(at(1));
    world.pass(200_000);
    assert_eq!(world.post(at(1), &mut client), Some(204));
    // Each request renews it.
    world.pass(299_000);
    assert_eq!(world.post(at(1), &mut client), Some(204));
    world.pass(300_000);
    assert_eq!(world.post(at(1), &mut client), Some(401));
    let farewell = world.pass(600_001);
    assert_eq!(farewell.len(), 1);
    client.receive(&farewell[0].1);
    assert_eq!(client.over.as_deref(), Some("closed"));
    assert_eq!(world.dtls.peers.len(), 0);
    assert!(world.dtls.peers.is_consistent());
}

#[test]
fn a_close_notify_ends_the_session() {
    let mut world = World::new();
    let mut client = world.signed_in(at(1));
    let bye = client.close();
    let answer = world.tell(at(1), &bye);
    assert_eq!(answer.len(), 1);
    client.receive(&answer[0]);
    assert_eq!(client.over.as_deref(), Some("closed"));
    world.last_says("disconnect", "close_notify");
    assert_eq!(world.dtls.peers.len(), 0);
}

#[test]
fn handshakes_that_are_never_finished_keep_nobody_out() {
    let mut world = World::new();
    for port in 1..2_000 {
        let mut client = d1();
        for _ in 0..2 {
            for datagram in client.transmit() {
                for bytes in world.tell(at(port), &datagram) {
                    client.receive(&bytes);
                }
            }
        }
    }
    assert_eq!(world.dtls.peers.len(), 512);
    assert!(world.dtls.peers.is_consistent());
    let mut client = world.signed_in(at(2_000));
    assert_eq!(world.post(at(2_000), &mut client), Some(204));
    world.pass(61_000);
    assert_eq!(world.dtls.peers.len(), 1);
}

#[test]
fn a_thousand_sign_ins_leave_one_association() {
    let mut world = World::new();
    for port in 1..=1_000 {
        world.clock.advance(1_000);
        let mut client = world.signed_in(at(port));
        assert_eq!(world.post(at(port), &mut client), Some(204));
    }
    assert_eq!(world.dtls.peers.len(), 1);
    assert!(world.dtls.peers.is_consistent());
    for port in 1..=1_000 {
        world.clock.advance(1_000);
        let mut client = world.signed_in(at(7));
        assert_eq!(world.post(at(7), &mut client), Some(204), "{port}");
        let bye = client.close();
        world.tell(at(7), &bye);
    }
    assert_eq!(world.dtls.peers.len(), 0);
    assert!(world.dtls.peers.is_consistent() && world.dtls.outgoing.is_empty());
}

#[test]
fn the_hub_says_goodbye_when_it_stops() {
    let mut world = World::new();
    let mut client = world.signed_in(at(1));
    world.dtls.stop();
    for (to, bytes) in world.take() {
        assert_eq!(to, at(1));
        client.receive(&bytes);
    }
    assert_eq!(client.over.as_deref(), Some("closed"));
}
