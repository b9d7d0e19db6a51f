//! Tokens and signatures of applications.

use super::*;

#[tokio::test]
async fn a_token_is_given_refreshed_and_expires() {
    let rest = Rest::new();
    let reply = rest.post(TOKEN_GET, &token_body("demo-app", "demo-app-secret")).await;
    assert_eq!((&reply["status"], &reply["msg"]), (&json!(0), &json!("SUCCESS")));
    assert_eq!((&reply["business"], &reply["data"]["expire"]), (&json!("apim-token-service"), &json!(7200)));
    let token = reply["data"]["accessToken"].as_str().unwrap();
    rest.clock.advance(7_000_000);
    let mut refresh: Value = serde_json::from_str(&token_body("demo-app", "demo-app-secret")).unwrap();
    refresh["accessToken"] = token.into();
    let refreshed = rest.post("/apim-token-service/v2.0/token/refresh", &refresh.to_string()).await;
    assert_eq!(refreshed["data"]["accessToken"], token);
    rest.clock.advance(7_199_000);
    let uri = "/connect-service/v2.1/devices?action=get&assetId=AsTurb01&orgId=o1";
    let call = || signed(Method::GET, uri, "", token, "demo-app-secret");
    assert_eq!(rest.send(call()).await.1["code"], 0);
    rest.clock.advance(1_000);
    assert_eq!(rest.send(call()).await.1["code"], 1203);
    assert_eq!(
        rest.post("/apim-token-service/v2.0/token/refresh", &refresh.to_string()).await["status"],
        1204
    );
}

#[tokio::test]
async fn wrong_token_requests_have_their_codes() {
    let rest = Rest::new();
    for (body, status) in [
        (token_body("nobody", "x"), 1002),
        (token_body("demo-app", "wrong"), 1003),
        ("not json".to_owned(), 1004),
        (r#"{"appKey":"demo-app"}"#.to_owned(), 1202),
        (r#"{"appKey":5}"#.to_owned(), 1004),
    ] {
        assert_eq!(rest.post(TOKEN_GET, &body).await["status"], status, "{body}");
    }
    let (status, _) = rest.call(Method::POST, "/apim-token-service/v2.0/token/steal", "{}").await;
    assert_eq!(status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn strict_mode_asks_for_a_signature_and_the_organisation() {
    let rest = Rest::with(true, ServerInfo::default());
    let uri = "/connect-service/v2.1/devices?action=search&orgId=o1";
    let (status, reply) = rest.call(Method::POST, uri, "{}").await;
    assert_eq!((status, &reply["code"]), (StatusCode::FORBIDDEN, &json!(99403)));
    let token =
        rest.post(TOKEN_GET, &token_body("demo-app", "demo-app-secret")).await["data"]["accessToken"].clone();
    let token = token.as_str().unwrap();
    let body = r#"{"expression":"deviceKey = 't-1'"}"#;
    let (status, reply) = rest.send(signed(Method::POST, uri, body, token, "demo-app-secret")).await;
    assert_eq!((status, &reply["code"]), (StatusCode::OK, &json!(0)), "{reply}");
    let bare = uri.replace("&orgId=o1", "");
    let (_, reply) = rest.send(signed(Method::POST, &bare, body, token, "demo-app-secret")).await;
    assert!(reply["msg"].as_str().unwrap().contains("orgId: is missing"));
    let create = "/connect-service/v2.1/devices?action=create&orgId=o1";
    let (_, reply) = rest
        .send(signed(Method::POST, create, r#"{"productKey":"Tq4zR9Lw"}"#, token, "demo-app-secret"))
        .await;
    assert!(reply["msg"].as_str().unwrap().contains("deviceName: is missing"));
    // The journal shows no token and no secret.
    let shown = rest.get("/hub/v1/journal?limit=1000").await.to_string();
    assert!(!shown.contains(token) && !shown.contains("demo-app-secret"));
}

#[tokio::test]
async fn a_wrong_signature_is_refused_in_both_modes() {
    let uri = "/connect-service/v2.1/devices?action=search&orgId=o1";
    for strict in [false, true] {
        let rest = Rest::with(strict, ServerInfo::default());
        let token =
            rest.post(TOKEN_GET, &token_body("demo-app", "demo-app-secret")).await["data"]["accessToken"]
                .clone();
        let token = token.as_str().unwrap();
        let wrong = signed(Method::POST, uri, "{}", token, "wrong");
        assert_eq!(rest.send(wrong).await.1["code"], 99403);
        let unknown = signed(Method::POST, uri, "{}", "nobody", "demo-app-secret");
        assert_eq!(rest.send(unknown).await.1["code"], 1203);
    }
}
