//! Who may sign in, and what the journal says of the others.

use super::*;

const TURBINE: (&str, &str) = ("Tq4zR9Lw", "t-1");

fn turbine() -> Connect {
    Connect::of(TURBINE.0, TURBINE.1)
}

// Proves: AUTH-2.2-1 MODEL-3-1
#[test]
fn a_static_login_brings_the_device_online_and_activates_it() {
    let world = World::example();
    let id = DeviceId::new(TURBINE.0, TURBINE.1);
    assert_eq!(world.status(&id), "inactive");
    let who = world.sign_in(&turbine()).unwrap();
    assert_eq!((&who.device, who.secure_mode, who.qos_cap), (&id, 2, 1));
    assert!(world.cloud.connected(&who, ConnectionId(7)).is_empty());
    assert_eq!(world.status(&id), "online");
    // The end of an older connection changes nothing.
    world.cloud.disconnected(&who, ConnectionId(6), "taken over");
    assert_eq!(world.status(&id), "online");
    world.clock.advance(10);
    world.cloud.disconnected(&who, ConnectionId(7), "DISCONNECT");
    assert_eq!(world.status(&id), "offline");
    let device = world.cloud.store.device(&id).unwrap().to_json("o1");
    assert_eq!(device["activeTime"], START_MS);
    assert_eq!(device["lastOfflineTime"], START_MS + 10);
    assert!(world.last("connect").contains("signed in, securemode 2"));
}

// Proves: AUTH-1-3 AUTH-1-5 AUTH-2-2 AUTH-2-4 AUTH-2.1-3 AUTH-2.2-3 AUTH-2.2-4 AUTH-2.2-5 AUTH-2.5-1
#[test]
fn every_refusal_has_its_connack_and_names_cause_and_fix() {
    let seed = example_seed().replace("\"u8Yp2QvKs0t2\"", "\"u8Yp2QvKs0t2\", \"deviceDesc\": \"x\"");
    type Bend = fn(&mut Connect);
    let table: [(&str, Bend, u8, u32, &str); 14] = [
        ("no bar", |c| c.client_id = "t-1".into(), 4, 1200, "has no |…| part"),
        ("no user name", |c| c.username = String::new(), 4, 1200, "is not deviceKey&productKey"),
        ("unknown product", |c| c.username = "t-1&Nope".into(), 4, 705, "product \"Nope\" does not exist"),
        (
            "unknown device",
            |c| c.username = "t-9&Tq4zR9Lw".into(),
            4,
            705,
            "device Tq4zR9Lw/t-9 does not exist",
        ),
        ("wrong password", |c| c.password = "00".repeat(32), 4, 742, "the password does not match"),
        ("no password", |c| c.password = String::new(), 4, 742, "there is no password"),
        (
            "other client id",
            |c| c.client_id = c.client_id.replace("t-1|", "mac-1|"),
            4,
            742,
            "signed over another clientId",
        ),
        (
            "other time",
            |c| c.client_id = c.client_id.replace("8901|", "8902|"),
            4,
            742,
            "the password does not match",
        ),
        ("bad method", |c| c.client_id = c.client_id.replace("sha256", "sha3"), 4, 742, "signmethod"),
        (
            "bad mode",
            |c| c.client_id = c.client_id.replace("mode=2", "mode=9"),
            4,
            1200,
            "securemode \"9\" is unknown",
        ),
        ("mode 4", |c| c.client_id = c.client_id.replace("mode=2", "mode=4"), 5, 1200, "message integration"),
        ("virtual gateway", |c| c.username = "o1&%VIRT_GATEWAY%".into(), 5, 1200, "virtual gateways"),
        (
            "product secret in mode 2",
            |c| *c = Connect::signed("Tq4zR9Lw", "t-1", 2, "PsEcret01"),
            4,
            742,
            "signed with the product secret",
        ),
        (
            "device secret in mode 3",
            |c| *c = Connect::signed("Tq4zR9Lw", "t-1", 3, "u8Yp2QvKs0t1"),
            4,
            742,
            "signed with the device secret",
        ),
    ];
    for (what, bend, connack, code, reason) in table {
        let world = World::new(false, &seed);
        let mut connect = turbine();
        bend(&mut connect);
        let refused = world.sign_in(&connect).unwrap_err();
        assert_eq!((refused.connack, refused.code), (connack, code), "{what}: {refused}");
        assert!(refused.reason.contains(reason), "{what}: {refused}");
        assert!(refused.reason.contains("Fix: "), "{what}: {refused}");
        let entry = world.journal("refused").pop().unwrap();
        assert!(entry["text"].as_str().unwrap().contains(reason), "{what}: {entry}");
        assert_eq!(entry["detail"]["connack"], connack, "{what}");
        assert!(!entry.to_string().contains("u8Yp2QvKs0"), "{what}: the journal shows a secret");
    }
}

// Proves: AUTH-2.5-2
#[test]
fn a_disabled_device_is_refused_with_5() {
    let world = World::example();
    let id = DeviceId::new(TURBINE.0, TURBINE.1);
    world.cloud.store.device(&id).unwrap().state().disabled = true;
    let refused = world.sign_in(&turbine()).unwrap_err();
    assert_eq!((refused.connack, refused.code), (5, 723));
    assert_eq!(world.status(&id), "disabled");
}

// Proves: AUTH-1-2 AUTH-1-4
#[test]
fn signatures_of_every_vendor_client_are_accepted() {
    for (id, method, upper) in [
        ("t-1", "sha256", true),
        ("t-1", "hmacsha256", false),
        ("t-1{ip=10.0.0.1,version=x,compress=DEFAULT}", "SHA256", false),
        ("Tq4zR9Lw.t-1", "Sha256", true),
        ("any other text", "hmacSha256", false),
    ] {
        let world = World::example();
        let content = sign::login_content(id, "t-1", "Tq4zR9Lw", "1.5");
        let mut connect = turbine();
        connect.client_id = format!("{id}|timestamp=1.5,,x=y, securemode=2,signmethod={method}|");
        connect.password = sign::sha256_hex(&[&content, "u8Yp2QvKs0t1"]);
        if upper {
            connect.password = connect.password.to_uppercase();
        }
        let who = world.sign_in(&connect).unwrap();
        assert_eq!(who.qos_cap, u8::from(id != "Tq4zR9Lw.t-1"), "{id}");
        assert!(world.journal("warning").is_empty(), "{id}");
    }
}

// Proves: AUTH-2.2-5
#[test]
fn compressed_payloads_are_refused_clearly() {
    let world = World::example();
    let id = "t-1{compress=GZIP}";
    let content = sign::login_content(id, "t-1", "Tq4zR9Lw", "1");
    let mut connect = turbine();
    connect.client_id = format!("{id}|securemode=2,signmethod=sha256,timestamp=1|");
    connect.password = sign::sha256_hex(&[&content, "u8Yp2QvKs0t1"]);
    let refused = world.sign_in(&connect).unwrap_err();
    assert_eq!(refused.connack, 5);
    assert!(refused.reason.contains("compressed"));
}

// Proves: AUTH-2.2-2 AUTH-3-5 AUTH-3-7
#[test]
fn activation_gives_the_same_secret_until_the_device_has_it() {
    let world = World::example();
    let id = DeviceId::new("Dy5nA8Mt", "new-1");
    let first = || Connect::signed("Dy5nA8Mt", "new-1", 3, "PsEcret03");
    let mut secrets = Vec::new();
    for connection in 1..=3 {
        let who = world.sign_in(&first()).unwrap();
        let pushed = world.cloud.connected(&who, ConnectionId(connection));
        assert_eq!(pushed[0].topic, "/ext/session/Dy5nA8Mt/new-1/thing/activate/info");
        let message: Value = serde_json::from_slice(&pushed[0].payload).unwrap();
        assert_eq!(message["params"]["assetId"], "AsNewT01");
        assert_eq!(message["id"].as_str().unwrap().len(), 11);
        secrets.push(message["params"]["deviceSecret"].as_str().unwrap().to_owned());
        assert_eq!(world.status(&id), "inactive");
        // A device without a handler answers 1101 and keeps nothing.
        let refusal = br#"{"code":1101,"id":"90000000001","message":"no handler"}"#;
        let topic = "/ext/session/Dy5nA8Mt/new-1/thing/activate/info_reply";
        assert!(world.cloud.message(&who, topic, refusal, 0).is_empty());
        assert_eq!(world.status(&id), "inactive");
        world.cloud.disconnected(&who, ConnectionId(connection), "cut");
    }
    assert!(secrets.iter().all(|secret| *secret == secrets[0] && secret.len() == 20));
    let shown = world.cloud.journal.read(&Filter { limit: 100, ..Filter::default() }).to_json().to_string();
    assert!(!shown.contains(&secrets[0]), "the journal shows the device secret");
    // The static login activates; after it mode 3 is over.
    let who = world.sign_in(&Connect::signed("Dy5nA8Mt", "new-1", 2, &secrets[0])).unwrap();
    world.cloud.connected(&who, ConnectionId(9));
    assert_eq!(world.status(&id), "online");
    let refused = world.sign_in(&first()).unwrap_err();
    assert_eq!((refused.connack, refused.code), (5, 771));
}

// Proves: AUTH-3-6
#[test]
fn a_confirmed_activation_message_activates() {
    for answer in [
        r#"{"id":"90000000001","code":200,"data":{}}"#,
        r#"{"id":"1","code":"200"}"#,
        r#"{"id":"1","code":0}"#,
    ] {
        let world = World::example();
        let who = world.sign_in(&Connect::signed("Dy5nA8Mt", "new-1", 3, "PsEcret03")).unwrap();
        world.cloud.connected(&who, ConnectionId(1));
        let topic = "/ext/session/Dy5nA8Mt/new-1/thing/activate/info_reply";
        world.cloud.message(&who, topic, answer.as_bytes(), 1);
        assert_eq!(world.status(&who.device), "online", "{answer}");
    }
}

// Proves: AUTH-2.5-3
#[test]
fn a_product_without_activation_refuses_mode_3() {
    let world = World::example();
    let refused = world.sign_in(&Connect::signed("Tq4zR9Lw", "t-1", 3, "PsEcret01")).unwrap_err();
    assert_eq!((refused.connack, refused.code), (5, 770));
}

// Proves: AUTH-2.4-2 DOC-4-2 DOC-4-3
#[test]
fn a_certificate_is_asked_for_and_bound_to_its_device() {
    let issued = |name: &str| {
        let mut parameters = rcgen::CertificateParams::default();
        parameters.distinguished_name = rcgen::DistinguishedName::new();
        parameters.distinguished_name.push(rcgen::DnType::CommonName, name);
        let key = rcgen::KeyPair::generate().unwrap();
        parameters.self_signed(&key).unwrap().der().to_vec()
    };
    for (certificate, code) in [
        (None, Some(746)),
        (Some(None), Some(746)),
        (Some(Some(issued("cert-2"))), Some(745)),
        (Some(Some(vec![0x30, 0x82])), Some(745)),
        (Some(Some(issued("cert-1"))), None),
        (Some(Some(issued("AsCert01"))), None),
    ] {
        let world = World::example();
        let mut connect = Connect::of("Ce7rT1Qz", "cert-1");
        connect.certificate = certificate;
        let outcome = world.sign_in(&connect);
        assert_eq!(outcome.as_ref().err().map(|refused| refused.code), code, "{outcome:?}");
        assert!(outcome.is_ok() || outcome.unwrap_err().connack == 5);
    }
}

// Proves: DOC-12-1 DOC-12-3 DOC-2-2 DOC-2-3
#[test]
fn strict_refuses_what_lenient_warns_of() {
    type Bend = fn(&mut Connect);
    let sha1 = |connect: &mut Connect| {
        // The SHA-1 of the content, made by another tool than the hub.
        connect.client_id = "t-1|securemode=2,signmethod=sha1,timestamp=1|".into();
        connect.password = "2db94db9242bc6ff23dcfb21ad506b40ddf24429".into();
    };
    let unlisted = |connect: &mut Connect| {
        connect.client_id = "t-1|signmethod=sha256,timestamp=1626345678901|".into();
    };
    let long = |connect: &mut Connect| {
        let id = "x".repeat(65);
        let content = sign::login_content(&id, "t-1", "Tq4zR9Lw", "1");
        connect.client_id = format!("{id}|securemode=2,signmethod=sha256,timestamp=1|");
        connect.password = sign::sha256_hex(&[&content, "u8Yp2QvKs0t1"]);
    };
    let table: [(u8, u8, Bend); 4] =
        [(1, 2, unlisted), (2, 2, sha1), (3, 2, long), (4, 5, |connect| connect.keep_alive_s = 0)];
    for (rule, connack, bend) in table {
        let mut connect = turbine();
        bend(&mut connect);
        let refused = World::strict().sign_in(&connect).unwrap_err();
        assert_eq!(refused.connack, connack, "rule {rule}");
        assert!(refused.reason.starts_with(&format!("rule {rule}: ")), "{refused}");
        let world = World::example();
        world.sign_in(&connect).unwrap();
        let warning = world.journal("warning").pop().unwrap();
        assert_eq!(warning["detail"]["rule"], rule, "{warning}");
        assert_eq!(warning["device"], "Tq4zR9Lw/t-1");
    }
}

// Proves: DOC-12-2
#[test]
fn strict_blocks_the_fifth_connect_in_two_minutes() {
    let world = World::strict();
    for _ in 0..4 {
        world.sign_in(&turbine()).unwrap();
    }
    // Wrong passwords do not count: nobody can block another's device.
    let mut wrong = turbine();
    wrong.password = "00".repeat(32);
    assert_eq!(world.sign_in(&wrong).unwrap_err().code, 742);
    let refused = world.sign_in(&turbine()).unwrap_err();
    assert_eq!((refused.connack, refused.code), (3, 429));
    world.clock.advance(299_000);
    assert_eq!(world.sign_in(&turbine()).unwrap_err().connack, 3);
    world.clock.advance(1_000);
    world.sign_in(&turbine()).unwrap();
}

// Proves: TOPIC-4.4-1 TOPIC-4.4-2
#[test]
fn a_device_uses_its_own_topics_only() {
    let world = World::example();
    let who = world.online(TURBINE.0, TURBINE.1);
    for own in
        ["/sys/Tq4zR9Lw/t-1/thing/measurepoint/post", "/ext/session/Tq4zR9Lw/t-1/thing/activate/info_reply"]
    {
        assert!(world.cloud.may_publish(&who, own).is_ok(), "{own}");
        assert!(world.cloud.may_subscribe(&who, own).is_ok(), "{own}");
    }
    assert!(world.cloud.may_publish(&who, "/ext/session/session/Tq4zR9Lw/combine/disable_reply").is_ok());
    for filter in ["/sys/Tq4zR9Lw/t-1/#", "/sys/Tq4zR9Lw/t-1/thing/service/+"] {
        assert!(world.cloud.may_subscribe(&who, filter).is_ok(), "{filter}");
        assert_eq!(world.last("subscribe"), format!("subscribed to {filter}"));
    }
    for foreign in [
        "/sys/Tq4zR9Lw/t-2/thing/measurepoint/post",
        "/sys/Tq4zR9Lw/t-1",
        "/sys/Tq4zR9Lw/t-10/thing/measurepoint/post",
        "/ext/session/Tq4zR9Lw/t-2/combine/login",
        "$SYS/broker",
        "",
    ] {
        let denied = world.cloud.may_publish(&who, foreign).unwrap_err();
        assert_eq!(denied.code, 1009, "{foreign}");
    }
    for foreign in
        ["#", "/sys/#", "/sys/+/+/thing/measurepoint/post", "/sys/Tq4zR9Lw/+/x", "/sys/Tq4zR9Lw/t-1/a#", "+"]
    {
        assert!(world.cloud.may_subscribe(&who, foreign).is_err(), "{foreign}");
    }
}
