//! Tokens and signatures of applications.

use super::*;

// Proves: MODEL-9.1-1
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

// Proves: MODEL-9.1-2
#[tokio::test]
async fn wrong_token_requests_have_their_codes() {
    let rest = Rest::new();
    for (body, status) in [
        (token_body("nobody", "x"), 1002),
        (token_body("demo-app", "wrong"), 1003),
        ("not json".to_owned(), 1004),
        (r#"{"appKey":"demo-app"}"#.to_owned(), 1202),
        (r#"{"appKey":5}"#.to_owned(), 1004),
        (r#"{"appKey":"demo-app","encryption":"x","timestamp":""}"#.to_owned(), 1202),
        (r#"{"appKey":"demo-app","encryption":"x","timestamp":"now"}"#.to_owned(), 1004),
        (r#"{"appKey":"demo-app","encryption":"x","timestamp":-1}"#.to_owned(), 1004),
        (String::new(), 1004),
    ] {
        assert_eq!(rest.post(TOKEN_GET, &body).await["status"], status, "{body}");
    }
    let (status, _) = rest.call(Method::POST, "/apim-token-service/v2.0/token/steal", "{}").await;
    assert_eq!(status, StatusCode::NOT_FOUND);
}

// Proves: MODEL-9.1-1
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

// Proves: MODEL-9.1-3
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

/// The headers of a signed call, ready to be bent.
struct Signed {
    uri: String,
    body: String,
    token: Option<String>,
    signature: Option<String>,
    timestamp: Option<String>,
}

// Proves: MODEL-9.1-7
#[tokio::test]
async fn a_signature_covers_token_parameters_body_and_time() {
    const URI: &str = "/connect-service/v2.1/devices?action=search&orgId=o1&b=2&a=1%20x";
    const BODY: &str = r#"{"expression":"deviceKey = 't-1'"}"#;
    type Bend = fn(&mut Signed);
    let table: [(&str, Bend, i64); 14] = [
        ("nothing", |_| (), 0),
        ("upper case of the digest", |c| c.signature = c.signature.take().map(|s| s.to_uppercase()), 0),
        ("order of the parameters in the call", |c| c.uri = URI.replace("&b=2&a=1%20x", "&a=1+x&b=2"), 0),
        ("another parameter", |c| c.uri = URI.replace("b=2", "b=3"), 99403),
        ("one parameter more", |c| c.uri.push_str("&c=3"), 99403),
        ("one parameter less", |c| c.uri = URI.replace("&b=2", ""), 99403),
        ("another body", |c| c.body = BODY.replace("t-1", "t-2"), 99403),
        ("a space in the body", |c| c.body.push(' '), 99403),
        ("another time", |c| c.timestamp = Some("6".into()), 99403),
        ("no time", |c| c.timestamp = None, 99403),
        ("no signature", |c| c.signature = None, 99403),
        ("an empty signature", |c| c.signature = Some(String::new()), 99403),
        ("no token", |c| c.token = None, 99403),
        ("an unknown token", |c| c.token = Some("nobody".into()), 1203),
    ];
    for strict in [false, true] {
        for (what, bend, code) in table {
            let rest = Rest::with(strict, ServerInfo::default());
            let token = rest.post(TOKEN_GET, &token_body("demo-app", "demo-app-secret")).await;
            let token = token["data"]["accessToken"].as_str().unwrap();
            let parameters = "a1 xactionsearchb2orgIdo1";
            let signature = sign::sha256_hex(&[token, parameters, BODY, "5", "demo-app-secret"]);
            let mut call = Signed {
                uri: URI.to_owned(),
                body: BODY.to_owned(),
                token: Some(token.to_owned()),
                signature: Some(signature),
                timestamp: Some("5".to_owned()),
            };
            bend(&mut call);
            let mut request = Request::builder().method(Method::POST).uri(&call.uri);
            for (name, value) in [
                ("apim-accesstoken", &call.token),
                ("apim-signature", &call.signature),
                ("apim-timestamp", &call.timestamp),
            ] {
                if let Some(value) = value {
                    request = request.header(name, value);
                }
            }
            let (status, reply) = rest.send(request.body(Body::from(call.body)).unwrap()).await;
            assert_eq!(reply["code"], code, "strict {strict}, {what}: {reply}");
            let expected = if code == 0 { StatusCode::OK } else { StatusCode::FORBIDDEN };
            assert_eq!(status, expected, "strict {strict}, {what}");
        }
    }
}

// Proves: MODEL-9.1-7
#[tokio::test]
async fn a_token_belongs_to_its_application_and_stays_the_same_while_it_lives() {
    let rest = Rest::new();
    let seed = r#"{"applications":[{"appKey":"other","appSecret":"other-secret"}]}"#;
    rest.cloud.load_seed(seed).unwrap();
    let get = async |app: &str, secret: &str| rest.post(TOKEN_GET, &token_body(app, secret)).await;
    let first = get("demo-app", "demo-app-secret").await;
    rest.clock.advance(60_500);
    let again = get("demo-app", "demo-app-secret").await;
    assert_eq!(first["data"]["accessToken"], again["data"]["accessToken"]);
    assert_eq!(again["data"]["expire"], 7_140);
    let other = get("other", "other-secret").await;
    assert_ne!(first["data"]["accessToken"], other["data"]["accessToken"]);
    // Another application neither signs with it nor refreshes it.
    let token = first["data"]["accessToken"].as_str().unwrap();
    let uri = "/connect-service/v2.1/devices?action=get&assetId=AsTurb01&orgId=o1";
    let foreign = rest.send(signed(Method::GET, uri, "", token, "other-secret")).await.1;
    assert_eq!(foreign["code"], 99403);
    let mut refresh: Value = serde_json::from_str(&token_body("other", "other-secret")).unwrap();
    refresh["accessToken"] = token.into();
    let refused = rest.post("/apim-token-service/v2.0/token/refresh", &refresh.to_string()).await;
    assert_eq!(refused["status"], 1204);
    rest.clock.advance(7_140_000);
    assert_ne!(get("demo-app", "demo-app-secret").await["data"]["accessToken"], token);
}

// Proves: MODEL-9.1-8
#[tokio::test]
async fn a_token_request_counts_once() {
    for (strict, status) in [(false, 0), (true, 1001)] {
        let rest = Rest::with(strict, ServerInfo::default());
        let body = token_body("demo-app", "demo-app-secret");
        assert_eq!(rest.post(TOKEN_GET, &body).await["status"], 0);
        let again = rest.post(TOKEN_GET, &body).await;
        assert_eq!(again["status"], status, "{again}");
        let warnings = rest.journal("warning").await;
        assert_eq!(warnings.len(), usize::from(!strict));
        assert!(warnings.iter().all(|entry| entry["detail"]["rule"] == 13));
        assert!(!again["data"].is_null() || strict);
    }
}
