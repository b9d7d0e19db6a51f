//! Messages of a device and their replies.

use proptest::prelude::*;

use super::*;

const POST: &str = "/sys/Tq4zR9Lw/t-1/thing/measurepoint/post";

fn post(world: &World, who: &SignedIn, payload: &str) -> Value {
    let outbound = world.cloud.message(who, POST, payload.as_bytes(), 1);
    assert_eq!(outbound[0].topic, "/sys/Tq4zR9Lw/t-1/thing/measurepoint/post_reply");
    reply(&outbound)
}

fn stored(world: &World, who: &SignedIn) -> Vec<String> {
    let device = world.cloud.store.device(&who.device).unwrap();
    let state = device.state();
    let latest = state.points.latest(&device.product.model);
    latest.map(|(point, latest)| format!("{}={}", point.identifier, latest.value.to_json())).collect()
}

// Proves: PAYLOAD-1.2-1 TOPIC-2.1-1
#[test]
fn a_good_post_is_stored_and_answered_in_one_form() {
    let world = World::example();
    let who = world.online("Tq4zR9Lw", "t-1");
    let answer = post(
        &world,
        &who,
        r#"{"id":"1","version":"1.0","method":"thing.measurepoint.post","params":{"measurepoints":{"temp":21.5},"time":5}}"#,
    );
    assert_eq!(answer, ok("1"));
    assert_eq!(stored(&world, &who), ["temp=21.5"]);
    let entry = world.journal("message-in").pop().unwrap();
    assert_eq!(entry["detail"]["id"], "1");
    assert_eq!(entry["detail"]["code"], 200);
    assert!(world.journal("warning").is_empty());
}

// Proves: TOPIC-2.1-1 TOPIC-4-2
#[test]
fn the_reply_has_the_quality_of_service_of_the_request_or_what_the_client_can_take() {
    let world = World::example();
    let mut who = world.online("Tq4zR9Lw", "t-1");
    let qos = |who: &SignedIn, qos| world.cloud.message(who, POST, b"{}", qos)[0].qos;
    assert_eq!((qos(&who, 0), qos(&who, 1)), (0, 1));
    who.qos_cap = 0;
    assert_eq!(qos(&who, 1), 0);
}

// Proves: DOC-11-1 DOC-11-2 DOC-11-4 PAYLOAD-1.3-2 PAYLOAD-2.1-3 PAYLOAD-2.1-4 PAYLOAD-2.1-6
#[test]
fn refusals_carry_the_documented_codes_and_store_nothing() {
    let world = World::example();
    let who = world.online("Tq4zR9Lw", "t-1");
    let huge =
        format!(r#"{{"id":"8","params":{{"measurepoints":{{"note":"{}"}}}}}}"#, "x".repeat(512 * 1024));
    let deep = format!(r#"{{"id":"9","params":{}"#, "[".repeat(10_000));
    for (payload, id, code, message) in [
        (
            r#"{"id":"1","params":{"measurepoints":{"temp":20,"nope":1}}}"#,
            "1",
            1204,
            "point \"nope\" is not in the model",
        ),
        (
            r#"{"id":"2","params":{"measurepoints":{"temp":20,"starts":"x"}}}"#,
            "2",
            1204,
            "point \"starts\": expected INT",
        ),
        (
            r#"{"id":"3","params":{"measurepoints":{"temp":151}}}"#,
            "3",
            1204,
            "point \"temp\": 151 is outside",
        ),
        (
            r#"{"id":"4","params":{"measurepoints":{"temp":{"value":1,"quality":10}}}}"#,
            "4",
            1204,
            "quality 10",
        ),
        (r#"{"id":"5","params":[]}"#, "5", 1206, "params is no object"),
        (r#"{"id":"6"}"#, "6", 1206, "no params"),
        (r#"{"id":7,"params":{"measurepoints":{"temp":20}"#, "7", 1220, "no JSON"),
        ("not json", "", 1220, "no JSON"),
        ("", "", 1251, "empty"),
        (&huge, "8", 1008, "524288"),
        (&deep, "9", 1220, "nested deeper than 64"),
    ] {
        let answer = post(&world, &who, payload);
        assert_eq!(answer["id"], id, "{message}");
        assert_eq!(answer["code"], code, "{message}");
        assert_eq!(answer["data"], "", "{message}");
        assert!(answer["message"].as_str().unwrap().contains(message), "{answer}");
        let entry = world.journal("refused").pop().unwrap();
        assert!(entry["text"].as_str().unwrap().contains(message), "{entry}");
        assert!(entry["text"].as_str().unwrap().contains("Fix: "), "{entry}");
    }
    assert!(stored(&world, &who).is_empty());
    let points = &who.target.state().points;
    assert_eq!((points.accepted, points.refused), (0, 6));
}

// Proves: MQTT-3.3.5-2 TOPIC-2.1-2 TOPIC-3-2 TOPIC-3-3 TOPIC-4.4-3
#[test]
fn topics_that_are_not_served_or_not_owned_are_answered_1009() {
    let world = World::example();
    let who = world.online("Tq4zR9Lw", "t-1");
    for topic in [
        "/sys/Tq4zR9Lw/t-1/thing/tag/find",
        "/sys/Tq4zR9Lw/t-1/nonsense",
        "/sys/Tq4zR9Lw/t-2/thing/measurepoint/post",
        "/sys/Tq4zR9Lw/integration/measurepoint/post",
        "$nothing",
    ] {
        let outbound = world.cloud.message(&who, topic, br#"{"id":"5","params":{}}"#, 1);
        assert_eq!(outbound[0].topic, format!("{topic}_reply"));
        assert_eq!(reply(&outbound)["code"], 1009, "{topic}");
    }
    // Replies are never answered, or two hubs would answer each other for ever.
    for topic in [
        "/sys/Tq4zR9Lw/t-1/thing/service/x_reply",
        "/sys/a/b/c_reply",
        "/ext/session/session/Tq4zR9Lw/combine/disable_reply",
    ] {
        assert!(world.cloud.message(&who, topic, b"{}", 1).is_empty(), "{topic}");
    }
}

// Proves: MODEL-3-2
#[test]
fn a_cut_device_stores_nothing_more() {
    let world = World::example();
    let who = world.online("Tq4zR9Lw", "t-1");
    let payload = r#"{"id":"1","params":{"measurepoints":{"temp":1}}}"#;
    who.target.state().disabled = true;
    assert_eq!(post(&world, &who, payload)["code"], 723);
    who.target.state().deleted = true;
    assert_eq!(post(&world, &who, payload)["code"], 705);
    assert!(stored(&world, &who).is_empty());
}

// Proves: DOC-11-3 DOC-5-1 PAYLOAD-1.4-1 PAYLOAD-1.4-6 TOPIC-1-2
#[test]
fn rules_of_the_envelope_warn_once_or_refuse() {
    let good = r#"{"id":"1","version":"1.0","method":"thing.measurepoint.post","params":{"measurepoints":{"temp":1}}}"#;
    let latin1 = [br#"{"id":"1","version":"1.0","method":"thing.measurepoint.post","params":{"measurepoints":{"note":""#.as_slice(), &[0xe9], br#""}}}"#].concat();
    for (rule, code, payload) in [
        (6, 1200, good.replace(r#""version":"1.0","#, "").into_bytes()),
        (6, 1200, good.replace(r#""method":"thing.measurepoint.post","#, "").into_bytes()),
        (7, 1260, good.replace("thing.measurepoint.post", "thing.measurepoint.%s").into_bytes()),
        (
            8,
            1220,
            good.replace("\"temp\":1", "\"temp\":1,\"nan\":NaN")
                .replace("\"nan\":NaN", "\"blades\":[NaN]")
                .into_bytes(),
        ),
        (9, 1220, latin1),
        (10, 1204, good.replace("\"temp\":1", r#""starts":{"value":1,"quality":1}"#).into_bytes()),
    ] {
        let shown = String::from_utf8_lossy(&payload).into_owned();
        let world = World::strict();
        let who = world.online("Tq4zR9Lw", "t-1");
        let answer = reply(&world.cloud.message(&who, POST, &payload, 1));
        assert_eq!(answer["code"], code, "{shown}");
        assert!(answer["message"].as_str().unwrap().contains(&format!("rule {rule}: ")), "{answer}");
        assert!(stored(&world, &who).is_empty());

        let world = World::example();
        let who = world.online("Tq4zR9Lw", "t-1");
        for _ in 0..3 {
            assert_eq!(reply(&world.cloud.message(&who, POST, &payload, 1)), ok("1"), "{shown}");
        }
        let warnings = world.journal("warning");
        assert_eq!(warnings.len(), 1, "{shown}");
        assert_eq!(warnings[0]["detail"]["rule"], rule);
        assert_eq!(warnings[0]["detail"]["topic"], POST);
        assert_eq!(warnings[0]["detail"]["id"], "1");
        assert!(warnings[0]["text"].as_str().unwrap().contains("Fix: "));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn random_messages_never_panic(
        topic in prop_oneof!["[/a-z_+#|&]{0,40}", Just(POST.to_owned()), "/sys/Tq4zR9Lw/t-1/[a-z/_]{0,30}", "/ext/session/[a-z/]{0,20}(_reply)?"],
        payload in prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..200),
            "[{}\\[\\]\":,a-z0-9. NaI-]{0,120}".prop_map(String::into_bytes),
        ],
        qos in 0_u8..3,
    ) {
        let world = World::example();
        let who = world.online("Tq4zR9Lw", "t-1");
        for outbound in world.cloud.message(&who, &topic, &payload, qos) {
            let answer: Value = serde_json::from_slice(&outbound.payload).unwrap();
            prop_assert!(answer["id"].is_string() && answer["code"].is_u64() && !answer["data"].is_null());
        }
    }

    #[test]
    fn random_sign_ins_never_panic(client_id in "\\PC{0,60}|[a-z]{0,5}\\|[a-z=,0-9{}|]{0,50}", username in "\\PC{0,30}|[a-z]*&Tq4zR9Lw", password in proptest::collection::vec(any::<u8>(), 0..80)) {
        let world = World::example();
        let attempt = SignIn {
            client_id: &client_id,
            username: &username,
            password: &password,
            clean_session: false,
            keep_alive_s: 0,
            peer: "[::1]:1".parse().unwrap(),
            tls: Some(TlsPeer { client_certificate: Some(&password) }),
        };
        prop_assert!(world.cloud.sign_in(attempt).is_err());
    }
}
