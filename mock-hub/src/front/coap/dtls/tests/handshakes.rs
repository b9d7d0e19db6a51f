//! Who is let in and who is not, and what the journal says of it.

use openssl::ssl::SslVersion;

use super::client::{CBC, CCM8, DtlsClient, GET, POST, request, response};
use super::*;

#[test]
fn both_documented_suites_sign_in() {
    for (suite, name) in [(CCM8, "PSK-AES128-CCM8"), (CBC, "PSK-AES128-CBC-SHA256")] {
        let mut world = World::new();
        let mut client = DtlsClient::new("pk1,d1,2,300", "secret-d1", suite);
        world.shake(at(1), &mut client);
        assert!(client.done, "{suite}: {:?}", client.over);
        assert_eq!(client.suite(), name);
        world.last_says("connect", "pk1/d1 signed in by coaps");
        assert_eq!(world.post(at(1), &mut client), Some(204));
    }
}

/// The key is tried twice, since the network may have damaged one message; then the client is told.
#[test]
fn a_wrong_key_is_told_to_client_and_journal() {
    for (identity, secret, fix) in [
        ("pk1,d1,2,300", "secret-d2", "device secret of pk1/d1"),
        ("pk1,d1,3,300", "secret-d1", "product secret of pk1/d1"),
    ] {
        for suite in [CCM8, CBC] {
            let mut world = World::new();
            let mut client = DtlsClient::new(identity, secret, suite);
            let finish = last_flight(&mut world, at(1), &mut client);
            assert!(!client.done && client.over.is_none());
            assert!(world.journal("refused").is_empty());
            for datagram in &finish {
                for bytes in world.tell(at(1), datagram) {
                    client.receive(&bytes);
                }
            }
            assert!(
                client.over.as_deref().is_some_and(|over| over.contains("decrypt error")),
                "{:?}",
                client.over
            );
            world.last_says("refused", "742");
            world.last_says("refused", fix);
            assert!(world.journal("connect").is_empty());
            assert_eq!(world.dtls.peers.len(), 0);
        }
    }
}

#[test]
fn one_damaged_message_is_no_wrong_key() {
    let mut world = World::new();
    let mut client = d1();
    let mut finish = first_flights(&mut world, at(1), &mut client);
    let whole = finish.clone();
    let last = finish.last_mut().unwrap();
    *last.last_mut().unwrap() ^= 1;
    for datagram in &finish {
        assert!(world.tell(at(1), datagram).is_empty());
    }
    for datagram in &whole {
        for bytes in world.tell(at(1), datagram) {
            client.receive(&bytes);
        }
    }
    assert!(client.done);
    assert!(world.journal("refused").is_empty());
}

#[test]
fn the_journal_names_the_exact_cause() {
    let mut world = World::new();
    world
        .cloud()
        .load_seed(
            r#"{"products": [{"productKey": "pk3", "productSecret": "ps3", "productName": "r", "modelId": "m",
            "biDirectionalAuth": true}],
          "devices": [{"productKey": "pk3", "deviceKey": "t1", "deviceSecret": "x"}]}"#,
        )
        .unwrap();
    for (identity, secret, cause) in [
        ("rubbish", "x", "is not productKey,deviceKey,secureMode,lifetime: \"rubbish\""),
        ("pk1,d1,2", "x", "is not productKey,deviceKey,secureMode,lifetime"),
        ("pk1,,2,300", "x", "empty key"),
        ("pk1,d1,4,300", "x", "neither 2 nor 3"),
        ("pk1,d1,2,soon", "x", "no number of seconds"),
        ("pk9,d1,2,300", "secret-d1", "product \"pk9\" does not exist"),
        ("pk1,d9,2,300", "secret-d1", "device pk1/d9 does not exist"),
        ("pk2,d1,3,300", "ps2", "allows no dynamic activation"),
        ("pk3,t1,2,300", "x", "asks for a client certificate"),
    ] {
        let mut client = DtlsClient::new(identity, secret, CCM8);
        world.shake(at(1), &mut client);
        let over = client.over.unwrap_or_default();
        assert!(over.contains("unknown psk identity"), "{identity}: {over}");
        world.last_says("refused", cause);
        assert_eq!(world.dtls.peers.len(), 0, "{identity}");
    }
    assert_eq!(world.journal("refused").len(), 9);
}

#[test]
fn strict_refuses_a_lifetime_out_of_range() {
    let mut world = World::with(CloudOptions { strict: true });
    for lifetime in ["29", "86401"] {
        let mut client = DtlsClient::new(&format!("pk1,d1,2,{lifetime}"), "secret-d1", CCM8);
        world.shake(at(1), &mut client);
        assert!(client.over.is_some());
        world.last_says("refused", "ifetime");
    }
    for lifetime in ["30", "86400"] {
        world.clock.advance(2_000);
        let mut client = DtlsClient::new(&format!("pk1,d1,2,{lifetime}"), "secret-d1", CCM8);
        world.shake(at(1), &mut client);
        assert!(client.done && client.over.is_none(), "{lifetime}: {:#?}", world.journal("refused"));
    }
}

#[test]
fn a_client_with_nothing_in_common_is_told_what_to_offer() {
    let mut world = World::new();
    let mut client = DtlsClient::new("pk1,d1,2,300", "secret-d1", "PSK-AES256-GCM-SHA384");
    world.shake(at(1), &mut client);
    assert!(client.over.unwrap_or_default().contains("handshake failure"));
    world.last_says("refused", "offer TLS_PSK_WITH_AES_128_CCM_8");
    let mut client = DtlsClient::with("pk1,d1,2,300", "secret-d1", "PSK-AES128-CBC-SHA", SslVersion::DTLS1);
    world.shake(at(2), &mut client);
    assert!(client.over.is_some());
    world.last_says("refused", "offer DTLS 1.2");
}

/// A client that asks with the product's secret gets the device's, and nothing else.
#[test]
fn mode_3_activates_and_does_no_more() {
    let mut world = World::new();
    let mut client = DtlsClient::new("pk1,d2,3,300", "ps1", CCM8);
    world.shake(at(1), &mut client);
    assert!(client.done, "{:?} {:#?}", client.over, world.journal("refused"));
    let ask = |world: &mut World, client: &mut DtlsClient, plain: &[u8]| {
        let sealed = client.seal(plain);
        let answer = world.tell(at(1), &sealed).pop().unwrap();
        response(&client.receive(&answer).pop().unwrap())
    };
    let post = request(POST, 1, "/topic/sys/pk1/d2/thing/measurepoint/post", b"{\"id\":\"1\"}");
    let (code, _, payload) = ask(&mut world, &mut client, &post);
    assert!((400..500).contains(&code), "{code} {}", String::from_utf8_lossy(&payload));
    let info = "/topic/ext/session/pk1/d2/thing/activate/info";
    let (code, _, payload) = ask(&mut world, &mut client, &request(GET, 2, info, b""));
    let told: Value = serde_json::from_slice(&payload).unwrap();
    assert_eq!((code, &told["params"]["deviceSecret"]), (205, &Value::from("secret-d2")));
    let reply = format!(r#"{{"id":"{}","code":200,"data":""}}"#, told["id"].as_str().unwrap());
    let (code, _, _) =
        ask(&mut world, &mut client, &request(POST, 3, &format!("{info}_reply"), reply.as_bytes()));
    assert_eq!(code, 204);
    // From now on the device's own secret, from the same address.
    let mut client = DtlsClient::new("pk1,d2,2,300", "secret-d2", CCM8);
    world.clock.advance(1_000);
    world.shake(at(1), &mut client);
    assert!(client.done);
    let mut again = DtlsClient::new("pk1,d2,3,300", "ps1", CCM8);
    world.shake(at(2), &mut again);
    assert!(again.over.is_some());
    world.last_says("refused", "was activated before");
}

#[test]
fn a_device_that_is_disabled_is_not_let_in() {
    let mut world = World::new();
    let mut before = world.signed_in(at(1));
    let bye = before.close();
    world.tell(at(1), &bye);
    world.clock.advance(2_000);
    let device = world.cloud().store.device(&crate::fabric::DeviceId::new("pk1", "d1")).unwrap();
    world.cloud().disable_device(&device).unwrap();
    let mut client = d1();
    world.shake(at(1), &mut client);
    assert!(client.over.is_some());
    world.last_says("refused", "723: the device is disabled");
}

/// Each datagram of the handshake but the last is lost once; the client says its own again, and so does the hub. The last
/// needs a client that numbers its records anew: `tests/dtls.rs`.
#[test]
fn a_handshake_survives_each_lost_datagram() {
    for lost_in in 0..5 {
        let mut world = World::new();
        let mut client = d1();
        let mut count = 0;
        let mut lose = || {
            count += 1;
            count - 1 == lost_in
        };
        let mut last = Vec::new();
        for round in 0..10 {
            let flight = client.transmit();
            if !flight.is_empty() {
                last = flight;
            } else if client.done {
                break;
            }
            // With nothing new to say it says the last again, as a client does whose time is up.
            for datagram in &last {
                if lose() {
                    continue;
                }
                for bytes in world.tell(at(1), datagram) {
                    if !lose() {
                        client.receive(&bytes);
                    }
                }
            }
            assert!(round < 9, "stuck with datagram {lost_in} lost: {:?}", client.over);
        }
        assert_eq!(world.post(at(1), &mut client), Some(204), "datagram {lost_in} lost");
        assert_eq!(world.journal("connect").len(), 1);
    }
}

#[test]
fn the_hub_says_its_flight_again_by_itself_and_gives_up_in_the_end() {
    let mut world = World::new();
    let mut client = d1();
    let first = client.transmit().remove(0);
    let asked = world.tell(at(1), &first).remove(0);
    client.receive(&asked);
    let second = client.transmit().remove(0);
    let flight = world.tell(at(1), &second);
    assert!(world.pass(999).is_empty());
    let again: Vec<_> = world.pass(1).into_iter().map(|(_, bytes)| bytes).collect();
    assert_eq!(again, flight);
    assert!(world.pass(1_999).is_empty());
    assert_eq!(world.pass(1).len(), flight.len());
    let mut more = 0;
    while world.dtls.peers.len() > 0 {
        more += world.pass(500).len();
        assert!(more < 10);
    }
    assert_eq!(more, 3 * flight.len());
    world.last_says("refused", "went silent in its handshake");
}

/// Runs a handshake up to the client's last flight, which is handed in and given.
fn last_flight(world: &mut World, from: std::net::SocketAddr, client: &mut DtlsClient) -> Vec<Vec<u8>> {
    let finish = first_flights(world, from, client);
    for datagram in &finish {
        let answers = world.tell(from, datagram);
        assert!(answers.is_empty(), "{answers:02x?}");
    }
    finish
}

/// Runs a handshake up to the client's last flight, which is given.
pub(super) fn first_flights(
    world: &mut World,
    from: std::net::SocketAddr,
    client: &mut DtlsClient,
) -> Vec<Vec<u8>> {
    for _ in 0..2 {
        for datagram in client.transmit() {
            for bytes in world.tell(from, &datagram) {
                client.receive(&bytes);
            }
        }
    }
    client.transmit()
}
