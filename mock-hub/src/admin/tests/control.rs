//! `/hub/v1`: state, journal, reset.

use proptest::prelude::*;

use super::*;

#[tokio::test]
async fn the_state_shows_the_world_and_secrets_only_when_asked() {
    let rest = Rest::new();
    let device = rest.device("Tq4zR9Lw/t-1");
    device.say(
        "/sys/Tq4zR9Lw/t-1/thing/measurepoint/post",
        r#"{"id":"1","params":{"measurepoints":{"temp":1},"time":5}}"#,
    );
    device.say(
        "/sys/Tq4zR9Lw/t-1/thing/measurepoint/post",
        r#"{"id":"2","params":{"measurepoints":{"nope":1}}}"#,
    );
    let state = rest.get("/hub/v1/state").await;
    assert_eq!((&state["devicesOnline"], &state["connections"]), (&json!(1), &json!(1)));
    let devices = state["devices"].as_array().unwrap();
    let turbine = devices.iter().find(|device| device["deviceKey"] == "t-1").unwrap();
    assert_eq!(turbine["posts"], json!({"accepted": 1, "refused": 1, "unchanged": 0}));
    assert_eq!(turbine["measurepoints"]["temp"], json!({"time": 5, "value": 1, "quality": null}));
    let text = state.to_string();
    assert!(!text.contains("Secret") && !text.contains("u8Yp2QvKs0t1") && !text.contains("PsEcret01"));
    let open = rest.get("/hub/v1/state?secrets=true").await.to_string();
    assert!(open.contains("u8Yp2QvKs0t1") && open.contains("PsEcret01"));
    assert_eq!(rest.call(Method::GET, "/hub/v1/state?secret=true", "").await.0, StatusCode::BAD_REQUEST);
}

// Proves: MODEL-9.2-5
#[tokio::test]
async fn a_wrong_method_is_told() {
    let (status, reply) = Rest::new().call(Method::POST, "/hub/v1/state", "{}").await;
    assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(reply["msg"], "/hub/v1/state does not take POST");
}

#[test]
fn every_route_is_remembered_once() {
    let routes = super::super::routes();
    let mut served = routes.served().to_vec();
    assert!(served.contains(&("get", "/hub/v1/journal")) && served.contains(&("post", "/hub/v1/reset")));
    served.sort_unstable();
    assert!(served.is_sorted_by(|one, other| one < other), "twice: {served:?}");
}

#[tokio::test]
async fn the_journal_is_filtered_and_counted_on() {
    let rest = Rest::new();
    let device = rest.device("Tq4zR9Lw/t-1");
    let first = rest.get("/hub/v1/journal").await["last"].as_u64().unwrap();
    device.say(
        "/sys/Tq4zR9Lw/t-1/thing/measurepoint/post",
        r#"{"id":"7","params":{"measurepoints":{"nope":1}}}"#,
    );
    let refused =
        rest.get(&format!("/hub/v1/journal?device=Tq4zR9Lw/t-1&kind=refused&since={first}&limit=5")).await;
    assert_eq!(refused["entries"].as_array().unwrap().len(), 1);
    assert_eq!(refused["entries"][0]["detail"]["id"], "7");
    assert_eq!(refused["entries"][0]["time"], START_MS);
    assert!(refused["entries"][0]["text"].as_str().unwrap().contains("point \"nope\""));
    let other = rest.get("/hub/v1/journal?device=Tq4zR9Lw/t-2").await;
    assert_eq!(other["entries"], json!([]));
    for bad in ["kind=nope", "since=x", "limit=-1", "device=x", "devise=x/y"] {
        let (status, reply) = rest.call(Method::GET, &format!("/hub/v1/journal?{bad}"), "").await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{bad}");
        assert!(reply["error"].as_str().unwrap().contains(bad.split('=').next().unwrap()), "{reply}");
    }
}

#[tokio::test]
async fn a_reset_goes_back_to_the_seed_and_cuts_devices() {
    let rest = Rest::new();
    let device = rest.device("Tq4zR9Lw/t-1");
    rest.post(
        "/connect-service/v2.1/devices?action=create",
        r#"{"productKey":"Tq4zR9Lw","deviceKey":"extra"}"#,
    )
    .await;
    assert_eq!(rest.post("/hub/v1/reset", "").await, json!({"reset": true}));
    assert_eq!(device.news().await, News::End("the hub was reset".into()));
    let state = rest.get("/hub/v1/state").await;
    assert!(!state.to_string().contains("extra"));
    assert_eq!(state["devicesOnline"], 0);
    // The seed's devices sign in as before.
    drop(device);
    rest.device("Tq4zR9Lw/t-1");
}

#[tokio::test]
async fn a_snapshot_goes_out_and_in_and_a_bad_one_changes_nothing() {
    let rest = Rest::new();
    let create = "/connect-service/v2.1/devices?action=create";
    rest.post(create, r#"{"productKey":"Tq4zR9Lw","deviceKey":"extra"}"#).await;
    let snapshot = rest.get("/hub/v1/snapshot").await;
    assert_eq!(snapshot["format"], "mock-hub snapshot");
    let other = Rest::new();
    let device = other.device("Tq4zR9Lw/t-1");
    let bad = r#"{"format":"mock-hub snapshot","version":1,"orgId":"o1","colour":1}"#;
    let (status, reply) = other.call(Method::PUT, "/hub/v1/snapshot", bad).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(reply["error"].as_str().unwrap().starts_with("colour: unknown field"), "{reply}");
    assert!(!other.get("/hub/v1/state").await.to_string().contains("extra"));
    let (status, reply) = other.call(Method::PUT, "/hub/v1/snapshot", &snapshot.to_string()).await;
    assert_eq!((status, reply), (StatusCode::OK, json!({"restored": true})));
    assert_eq!(device.news().await, News::End("the hub was given a snapshot".into()));
    assert!(other.get("/hub/v1/state").await.to_string().contains("extra"));
    let (status, _) = other.call(Method::PUT, "/hub/v1/snapshot", "\u{0}").await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_reset_ends_who_waits_for_a_command() {
    let rest = Rest::new();
    let device = rest.device("Tq4zR9Lw/t-1");
    let (reply, ()) = tokio::join!(
        rest.post_for("Tq4zR9Lw/t-1", "commands?action=invokeService&serviceId=reboot", "{}"),
        async {
            device.command().await;
            rest.post("/hub/v1/reset", "").await;
        }
    );
    assert_eq!(reply["code"], 99404);
}

#[tokio::test]
async fn the_authority_is_served() {
    assert_eq!(Rest::new().get("/hub/v1/ca.pem").await, json!("(a certificate)"));
    let (status, _) = Rest::with(false, ServerInfo::default()).call(Method::GET, "/hub/v1/ca.pem", "").await;
    assert_eq!(status, StatusCode::NOT_FOUND);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn random_calls_never_panic_and_always_have_an_envelope(
        resource in "products|devices|commands|measurepoints|certificates|[a-z]{1,8}",
        action in "create|get|search|enable|disable|delete|invokeService|setMeasurepoint|queryLatest|apply|[a-z]{0,5}",
        query in "(&[a-zA-Z]{0,14}=[a-zA-Z0-9%-]{0,8}){0,4}",
        known in any::<bool>(),
        body in "\\PC{0,40}|[{}\\[\\]\":,a-z0-9.]{0,60}",
        get in any::<bool>(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let rest = Rest::new();
        let device = if known { "&productKey=Tq4zR9Lw&deviceKey=t-1&serviceId=reboot&measurepointId=temp" } else { "" };
        let uri = format!("/connect-service/v2.1/{resource}?action={action}{device}{query}");
        let method = if get { Method::GET } else { Method::POST };
        let (_, reply) = runtime.block_on(rest.call(method, &uri, &body));
        prop_assert!(reply["code"].is_i64() && reply["msg"].is_string() && reply["requestId"].is_string(), "{}", reply);
    }
}
