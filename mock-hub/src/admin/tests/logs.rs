//! The behaviour log of devices by REST.

use super::*;

const TURBINE: &str = "Tq4zR9Lw/t-1";
const SEARCH: &str = "/connect-service/v2.1/device-logs?action=search&startTime=0&endTime=9000000000000";

/// Signs in with a wrong secret, as the transport would.
fn wrong_login(rest: &Rest, device_key: &str) {
    let attempt = SignIn {
        client_id: &format!("{device_key}|securemode=2,signmethod=sha256,timestamp=1|"),
        username: &format!("{device_key}&Tq4zR9Lw"),
        password: &[b'0'; 64],
        clean_session: true,
        keep_alive_s: 60,
        peer: "127.0.0.1:40000".parse().unwrap(),
        tls: None,
    };
    rest.cloud.sign_in(attempt).unwrap_err();
}

// Proves: MODEL-9.2-6
#[tokio::test]
async fn logins_and_lost_connections_are_logged_newest_first() {
    let rest = Rest::new();
    let device = rest.device(TURBINE);
    rest.clock.advance(1_000);
    rest.post_for(TURBINE, "devices?action=disable", "").await;
    rest.cloud.disconnected(&device.who, device.open.line().id(), "the device was disabled");
    rest.clock.advance(1_000);
    wrong_login(&rest, "t-1");
    wrong_login(&rest, "nobody");
    let log = rest.post(SEARCH, "").await;
    let shown: Vec<Value> = log["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| {
            json!([
                entry["deviceKey"],
                entry["assetId"],
                entry["createTime"],
                entry["code"],
                entry["content"]
            ])
        })
        .collect();
    assert_eq!(
        shown,
        [
            json!(["nobody", null, START_MS + 2_000, 705, "device login failed"]),
            json!(["t-1", "AsTurb01", START_MS + 2_000, 742, "device login failed"]),
            json!(["t-1", "AsTurb01", START_MS + 1_000, 200, "connection lost"]),
            json!(["t-1", "AsTurb01", START_MS, 200, "device login succeeded"]),
        ]
    );
    assert_eq!(log["data"][2]["reason"], "the device was disabled");
    assert_eq!(
        (&log["data"][3]["reason"], &log["data"][3]["orgId"]),
        (&json!("device connected"), &json!("o1"))
    );
    assert_eq!(log["pagination"]["pageSize"], 100);
    assert!(!log.to_string().contains("u8Yp2QvKs0t1"));
    for (range, body, count) in [
        (format!("startTime={START_MS}&endTime={START_MS}"), "{}", 1),
        (format!("startTime={}&endTime={}", START_MS + 1, START_MS + 1_000), "{}", 1),
        ("startTime=0&endTime=1".to_owned(), "{}", 0),
        (format!("startTime=0&endTime={}", u64::MAX), r#"{"expression":"assetId = 'AsTurb01'"}"#, 3),
        (format!("startTime=0&endTime={}", u64::MAX), r#"{"expression":"deviceKey in ('t-1','nobody')"}"#, 4),
        (format!("startTime=0&endTime={}", u64::MAX), r#"{"expression":"productKey = 'x'"}"#, 0),
    ] {
        let uri = format!("/connect-service/v2.1/device-logs?action=search&{range}");
        assert_eq!(rest.post(&uri, body).await["pagination"]["totalSize"], count, "{range} {body}");
    }
    let page = r#"{"pagination":{"pageNo":2,"pageSize":3},"projection":["content"]}"#;
    assert_eq!(rest.post(SEARCH, page).await["data"], json!([{"content": "device login succeeded"}]));
    rest.post("/hub/v1/reset", "").await;
    assert_eq!(rest.post(SEARCH, "").await["pagination"]["totalSize"], 0);
}

#[tokio::test]
async fn a_login_that_crosses_a_disable_is_logged_as_refused() {
    let rest = Rest::new();
    let device = rest.device(TURBINE);
    rest.post_for(TURBINE, "devices?action=disable", "").await;
    rest.cloud.connected(&device.who, device.open.line().id());
    let log = rest.post(SEARCH, "").await;
    assert_eq!(
        (&log["data"][0]["code"], &log["data"][0]["content"]),
        (&json!(723), &json!("device login failed"))
    );
}
