//! Faults and the clock, ordered by REST.

use super::*;
use crate::domain::Refused;

const DEVICE: &str = "Tq4zR9Lw/t-1";
const POST: &str = "/sys/Tq4zR9Lw/t-1/thing/measurepoint/post";

fn payload(id: u32, temp: f64) -> String {
    format!(
        r#"{{"id":"{id}","version":"1.0","method":"thing.measurepoint.post","params":{{"measurepoints":{{"temp":{temp}}},"time":{id}}}}}"#
    )
}

fn reply(message: &Outbound) -> Value {
    serde_json::from_slice(&message.payload).unwrap()
}

#[tokio::test]
async fn faults_are_ordered_listed_and_removed() {
    let rest = Rest::new();
    assert_eq!(rest.get("/hub/v1/faults").await, json!({"faults": []}));
    let order =
        r#"{"kind":"drop","device":"Tq4zR9Lw/t-1","direction":"down","packet":"PUBACK","after":2,"count":1}"#;
    let told = rest.post("/hub/v1/faults", order).await;
    assert_eq!(
        told,
        json!({
            "id": 1, "kind": "drop", "device": "Tq4zR9Lw/t-1", "direction": "down", "packet": "PUBACK",
            "after": 2, "count": 1, "matched": 0, "struck": 0, "spent": false
        })
    );
    rest.post("/hub/v1/faults", r#"{"kind":"latency","latency":5}"#).await;
    rest.post("/hub/v1/faults", r#"{"kind":"no_reply"}"#).await;
    assert_eq!(rest.get("/hub/v1/faults").await["faults"].as_array().unwrap().len(), 3);
    let removed = rest.call(Method::DELETE, "/hub/v1/faults/2", "").await;
    assert_eq!(removed, (StatusCode::OK, json!({"removed": 1})));
    for missing in ["/hub/v1/faults/2", "/hub/v1/faults/first"] {
        let (status, told) = rest.call(Method::DELETE, missing, "").await;
        assert_eq!(status, StatusCode::NOT_FOUND);
        assert!(told["error"].as_str().unwrap().contains("Fix: "));
    }
    let removed = rest.call(Method::DELETE, "/hub/v1/faults", "").await;
    assert_eq!(removed, (StatusCode::OK, json!({"removed": 2})));
    rest.post("/hub/v1/faults", r#"{"kind":"no_reply"}"#).await;
    rest.post("/hub/v1/reset", "").await;
    assert_eq!(rest.get("/hub/v1/faults").await, json!({"faults": []}));
    let journal = rest.journal("fault").await;
    assert_eq!(journal[0]["text"], "fault 1, drop: ordered");
    assert_eq!(journal[0]["device"], DEVICE);
}

#[tokio::test]
async fn orders_that_mean_nothing_are_refused_and_bounded() {
    let rest = Rest::new();
    for (body, says) in [
        (r#"{"kind":"drop","colour":"red"}"#, "colour: the fault \"drop\" has no such field. Fix: "),
        ("", "body: no JSON"),
        (r#"{"kind":["drop"]}"#, "kind: [\"drop\"] is no string"),
    ] {
        let (status, told) = rest.call(Method::POST, "/hub/v1/faults", body).await;
        assert_eq!(status, StatusCode::BAD_REQUEST);
        assert!(told["error"].as_str().unwrap().starts_with(says), "{told}");
    }
    let huge = format!(r#"{{"kind":"drop","device":"{}"}}"#, "x".repeat(20_000));
    assert_eq!(rest.call(Method::POST, "/hub/v1/faults", &huge).await.0, StatusCode::BAD_REQUEST);
    assert_eq!(rest.get("/hub/v1/faults").await, json!({"faults": []}));
}

#[tokio::test]
async fn the_cloud_answers_as_a_fault_wants_it_and_says_so() {
    let rest = Rest::new();
    let device = rest.device(DEVICE);
    for kind in ["no_reply", "unknown_id", "rate_limit"] {
        rest.post("/hub/v1/faults", &format!(r#"{{"kind":"{kind}","count":1}}"#)).await;
    }
    rest.post("/hub/v1/faults", r#"{"kind":"reply_code","code":1204,"device":"Tq4zR9Lw/t-2"}"#).await;
    rest.post("/hub/v1/faults", r#"{"kind":"reply_code","code":705,"count":1}"#).await;

    assert!(device.say(POST, &payload(1, 1.0)).is_empty());
    let unknown = device.say(POST, &payload(2, 2.0));
    assert_eq!(reply(&unknown[0])["id"], (2_u32 ^ 1 << 30).to_string());
    let limited = device.say(POST, &payload(3, 3.0));
    assert_eq!((&reply(&limited[0])["id"], &reply(&limited[0])["code"]), (&json!("3"), &json!(429)));
    assert_eq!(limited[1].topic, "/sys/Tq4zR9Lw/t-1/traffic/control");
    assert_eq!(reply(&limited[1])["method"], "traffic.control");
    let refused = device.say(POST, &payload(4, 4.0));
    assert_eq!(refused[0].topic, format!("{POST}_reply"));
    assert_eq!((&reply(&refused[0])["id"], &reply(&refused[0])["code"]), (&json!("4"), &json!(705)));
    let fine = device.say(POST, &payload(5, 5.0));
    assert_eq!(reply(&fine[0])["code"], 200);

    // What was not answered was taken all the same; what was refused was not.
    let accepted =
        rest.cloud.store.device(&DeviceId::new("Tq4zR9Lw", "t-1")).unwrap().state().points.accepted;
    assert_eq!(accepted, 3);
    let journal = rest.journal("fault").await;
    let strikes =
        journal.iter().filter(|line| line["text"].as_str().unwrap().ends_with(": a request")).count();
    assert_eq!(strikes, 4, "{journal:#?}");
    let listed = rest.get("/hub/v1/faults").await;
    let struck: Vec<&Value> =
        listed["faults"].as_array().unwrap().iter().map(|fault| &fault["struck"]).collect();
    assert_eq!(struck, [1, 1, 1, 0, 1]);
}

fn refusal(rest: &Rest, secret: &str) -> Result<(), Refused> {
    let content = sign::login_content("t-1", "t-1", "Tq4zR9Lw", "1");
    let password = sign::sha256_hex(&[&content, secret]);
    let attempt = SignIn {
        client_id: "t-1|securemode=2,signmethod=sha256,timestamp=1|",
        username: "t-1&Tq4zR9Lw",
        password: password.as_bytes(),
        clean_session: true,
        keep_alive_s: 60,
        peer: "127.0.0.1:40000".parse().unwrap(),
        tls: None,
    };
    rest.cloud.sign_in(attempt).map(drop)
}

#[tokio::test]
async fn a_rotated_secret_cuts_the_device_and_counts_from_then_on() {
    let rest = Rest::new();
    let device = rest.device(DEVICE);
    let old = rest.cloud.store.device(&DeviceId::new("Tq4zR9Lw", "t-1")).unwrap().secret.expose().to_owned();
    rest.post("/hub/v1/faults", r#"{"kind":"secret_rotated","device":"Tq4zR9Lw/t-1","secret":"brand-new"}"#)
        .await;
    assert_eq!(device.news().await, News::End("the device has a new secret".into()));
    assert_eq!(refusal(&rest, &old).unwrap_err().connack, 4);
    refusal(&rest, "brand-new").unwrap();
    rest.call(Method::DELETE, "/hub/v1/faults", "").await;
    refusal(&rest, &old).unwrap();
    assert!(!rest.get("/hub/v1/journal?limit=1000").await.to_string().contains("brand-new"));
}

#[tokio::test]
async fn a_block_ends_when_the_clock_has_moved_on() {
    let rest = Rest::new();
    let secret =
        rest.cloud.store.device(&DeviceId::new("Tq4zR9Lw", "t-1")).unwrap().secret.expose().to_owned();
    rest.post("/hub/v1/faults", r#"{"kind":"block","device":"Tq4zR9Lw/t-1","count":1}"#).await;
    for _ in 0..3 {
        let refused = refusal(&rest, &secret).unwrap_err();
        assert_eq!((refused.connack, refused.code), (3, 429));
        assert!(refused.reason.contains("300 s more. Fix: "), "{}", refused.reason);
    }
    rest.post("/hub/v1/clock", r#"{"advance":299999}"#).await;
    assert!(refusal(&rest, &secret).is_err());
    rest.post("/hub/v1/clock", r#"{"advance":1}"#).await;
    refusal(&rest, &secret).unwrap();
    assert_eq!(
        rest.journal("fault").await.iter().filter(|line| line["detail"]["kind"] == "block").count(),
        1
    );
}

#[tokio::test]
async fn the_clock_is_stopped_moved_and_let_run() {
    let rest = Rest::new();
    let stands = json!({"now": START_MS, "monotonic": 0, "frozen": true, "offset": 0});
    assert_eq!(rest.get("/hub/v1/clock").await, stands);
    let moved = rest.post("/hub/v1/clock", r#"{"frozen":true,"advance":172800000,"offset":-5000}"#).await;
    assert_eq!(
        moved,
        json!({"now": START_MS + 172_800_000 - 5_000, "monotonic": 172_800_000, "frozen": true, "offset": -5000})
    );
    assert_eq!(rest.clock.monotonic_ms(), 172_800_000);
    let runs = rest.post("/hub/v1/clock", r#"{"frozen":false,"offset":0}"#).await;
    assert_eq!(runs["frozen"], false);
    assert!(runs["now"].as_u64().unwrap() >= START_MS + 172_800_000);
    for (body, says) in [
        ("{}", "body: it changes nothing. Fix: send frozen"),
        (r#"{"advance":-1}"#, "advance: -1 is out of place. Fix: "),
        (r#"{"advance":1e3}"#, "advance: 1000.0 is out of place"),
        (r#"{"frozen":"yes"}"#, "frozen: \"yes\" is no truth value. Fix: "),
        (r#"{"speed":2}"#, "speed: the clock has no such field. Fix: its fields are frozen, advance, offset"),
    ] {
        let (status, told) = rest.call(Method::POST, "/hub/v1/clock", body).await;
        assert_eq!(status, StatusCode::BAD_REQUEST);
        assert!(told["error"].as_str().unwrap().starts_with(says), "{told}");
    }
    let journal = rest.journal("fault").await;
    assert_eq!(journal[0]["text"], "the hub's clock: stopped, offset -5000 ms, 172800000 ms on");
}
