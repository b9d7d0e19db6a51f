//! Products, devices, models, points and certificates by REST.

use super::*;

const TURBINE: &str = "Tq4zR9Lw/t-1";

// Proves: MODEL-9.2-1
#[tokio::test]
async fn a_product_is_created_found_and_deleted() {
    let rest = Rest::new();
    let body = r#"{"productName":{"defaultValue":"P"},"modelId":"turbine","productType":"Device","dataFormat":"Json","biDirectionalAuth":false,"dynamicActivateEnabled":true}"#;
    let created = rest.post("/connect-service/v2.1/products?action=create&orgId=o1", body).await;
    assert_eq!((&created["code"], &created["msg"]), (&json!(0), &json!("OK")));
    assert_eq!(created["requestId"].as_str().unwrap().len(), 36);
    let key = created["data"]["productKey"].as_str().unwrap();
    let product = rest.get(&format!("/connect-service/v2.1/products?action=get&productKey={key}")).await;
    assert_eq!(product["data"]["dynamicActivateEnabled"], true);
    assert_eq!(product["data"]["productSecret"].as_str().unwrap().len(), 11);
    let found = rest
        .post("/connect-service/v2.1/products?action=search", r#"{"expression":"productName like 'p'"}"#)
        .await;
    assert!(found["data"].as_array().unwrap().iter().any(|product| product["productKey"] == key), "{found}");
    let device = format!(r#"{{"productKey":"{key}","deviceName":"d","timezone":"+08:00"}}"#);
    let device = rest.post("/connect-service/v2.1/devices?action=create", &device).await;
    let delete = format!("/connect-service/v2.1/products?action=delete&productKey={key}");
    assert!(rest.post(&delete, "").await["msg"].as_str().unwrap().contains("still has devices"));
    let asset_id = device["data"]["assetId"].as_str().unwrap();
    rest.post(&format!("/connect-service/v2.1/devices?action=delete&assetId={asset_id}"), "").await;
    assert_eq!(rest.post(&delete, "").await["code"], 0);
    assert_eq!(rest.post(&delete, "").await["code"], 99404);
}

// Proves: MODEL-9.2-1
#[tokio::test]
async fn a_device_is_created_and_may_sign_in_at_once() {
    let rest = Rest::new();
    let body = r#"{"productKey":"Tq4zR9Lw","deviceKey":"t-9","deviceName":{"defaultValue":"nine"},"timezone":"+08:00","deviceAttributes":{"sn":"x"},"deviceTags":{"site":"east"}}"#;
    let created = rest.post("/connect-service/v2.1/devices?action=create", body).await;
    assert_eq!(created["data"]["deviceSecret"].as_str().unwrap().len(), 20);
    let player = rest.device("Tq4zR9Lw/t-9");
    let read = rest.get(&uri("Tq4zR9Lw/t-9", "devices?action=get")).await;
    assert_eq!(read["data"]["status"], "online");
    assert_eq!(read["data"]["deviceSecret"], created["data"]["deviceSecret"]);
    assert_eq!(read["data"]["deviceAttributes"], json!({"sn": "x"}));
    let again = rest.post("/connect-service/v2.1/devices?action=create", body).await;
    assert_eq!(again["code"], 11702);
    for (expression, count) in [
        ("status = 'online'", 1),
        ("productKey = 'Tq4zR9Lw' and deviceKey in ('t-1','t-2')", 2),
        ("deviceTags.site = 'east'", 1),
        ("deviceName like 'turbine'", 4),
    ] {
        let body = json!({"expression": expression, "pagination": {"pageNo": 1, "pageSize": 50}, "projection": ["deviceKey"]});
        let found = rest.post("/connect-service/v2.1/devices?action=search", &body.to_string()).await;
        assert_eq!(found["data"].as_array().map(Vec::len), Some(count), "{expression}: {found}");
        assert_eq!(found["pagination"]["totalSize"], count);
        assert!(found["data"][0].get("deviceSecret").is_none());
    }
    drop(player);
}

// Proves: MODEL-9.2-2
#[tokio::test]
async fn wrong_arguments_are_named() {
    let rest = Rest::new();
    for (uri, body, code, msg) in [
        (
            "/connect-service/v2.1/devices?action=create",
            r#"{"productKey":"nope"}"#,
            99404,
            "there is no product \"nope\"",
        ),
        (
            "/connect-service/v2.1/devices?action=create",
            r#"{"productKey":5}"#,
            99400,
            "productKey: invalid type: integer `5`",
        ),
        (
            "/connect-service/v2.1/devices?action=create",
            r#"{"productKey":"Tq4zR9Lw","deviceName":[]}"#,
            99400,
            "deviceName: invalid type: sequence, expected a name",
        ),
        (
            "/connect-service/v2.1/devices?action=create",
            r#"{"productKey":"Tq4zR9Lw","deviceKey":"a/b"}"#,
            99400,
            "deviceKey: \"a/b\" is no key",
        ),
        (
            "/connect-service/v2.1/devices?action=create",
            r#"{"productKey":"Tq4zR9Lw","deviceAttributes":{"sn":5}}"#,
            99400,
            "attribute \"sn\": expected STRING",
        ),
        (
            "/connect-service/v2.1/devices?action=create",
            r#"{"productKey":"Tq4zR9Lw","deviceSecret":"x"}"#,
            99400,
            "the cloud assigns secret",
        ),
        ("/connect-service/v2.1/devices?action=create", "{", 99400, "EOF"),
        ("/connect-service/v2.1/devices?action=create", "", 99400, "missing field `productKey`"),
        (
            "/connect-service/v2.1/devices?action=search",
            r#"{"expression":"colour = 1"}"#,
            99400,
            "\"colour\" is no field",
        ),
        (
            "/connect-service/v2.1/devices?action=disable",
            "",
            99400,
            "give assetId, or productKey and deviceKey",
        ),
        ("/connect-service/v2.1/devices?action=disable&assetId=nope", "", 99404, "assetId \"nope\""),
        ("/connect-service/v2.1/devices?action=create&orgId=o2", "{}", 99403, "another organisation"),
        (
            "/connect-service/v2.1/products?action=create",
            r#"{"modelId":"nope"}"#,
            11699,
            "there is no model \"nope\"",
        ),
        (
            "/connect-service/v2.1/products?action=create",
            r#"{"modelId":"turbine","productType":"Edge"}"#,
            99400,
            "productType: unknown variant",
        ),
        (
            "/connect-service/v2.1/measurepoints?action=queryLatest&productKey=Tq4zR9Lw&deviceKey=t-1",
            r#"{"measurepointIds":"temp"}"#,
            99400,
            "measurepointIds: invalid type",
        ),
        (
            "/connect-service/v2.1/measurepoints?action=queryLatest&productKey=Tq4zR9Lw&deviceKey=t-1",
            r#"{"measurepointIds":["temp","x"]}"#,
            99400,
            "measurepointIds[1]: \"x\"",
        ),
        ("/connect-service/v9/devices?action=get", "", 99404, "version v9"),
        ("/connect-service/v2.1/device-topos?action=addSubDevice", "", 99404, "not served"),
    ] {
        let reply = rest.post(uri, body).await;
        assert_eq!(reply["code"], code, "{uri} {body}: {reply}");
        assert!(reply["msg"].as_str().unwrap().contains(msg), "{uri} {body}: {reply}");
    }
    let deep = format!(r#"{{"deviceTags":{}"#, "[".repeat(10_000));
    assert_eq!(rest.post("/connect-service/v2.1/devices?action=create", &deep).await["code"], 99400);
    let long = format!(r#"{{"deviceDesc":"{}"}}"#, "x".repeat(1024 * 1024));
    let (status, reply) = rest.call(Method::POST, "/connect-service/v2.1/devices?action=create", &long).await;
    assert_eq!((status, &reply["code"]), (StatusCode::PAYLOAD_TOO_LARGE, &json!(99400)));
    let (status, _) = rest.call(Method::GET, &uri(TURBINE, "devices?action=disable"), "").await;
    assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED);
    let (status, reply) = rest.call(Method::GET, "/nowhere", "").await;
    assert_eq!((status, &reply["code"]), (StatusCode::NOT_FOUND, &json!(99404)));
}

// Proves: MODEL-3-2 MODEL-3-3
#[tokio::test]
async fn disabling_cuts_the_connection_and_enabling_lifts_it() {
    let rest = Rest::new();
    let device = rest.device(TURBINE);
    assert_eq!(rest.post_for(TURBINE, "devices?action=enable", "").await["code"], 11794);
    assert_eq!(rest.post_for(TURBINE, "devices?action=disable", "").await["code"], 0);
    assert_eq!(device.news().await, News::End("the device was disabled".into()));
    assert_eq!(rest.get(&uri(TURBINE, "devices?action=get")).await["data"]["status"], "disabled");
    let found = rest
        .post("/connect-service/v2.1/devices?action=search", r#"{"expression":"status = 'disable'"}"#)
        .await;
    assert_eq!(found["pagination"]["totalSize"], 1);
    assert_eq!(rest.post_for(TURBINE, "devices?action=disable", "").await["code"], 11794);
    rest.cloud.disconnected(&device.who, device.open.line().id(), "cut");
    drop(device);
    assert_eq!(rest.post_for(TURBINE, "devices?action=enable", "").await["code"], 0);
    assert_eq!(rest.get(&uri(TURBINE, "devices?action=get")).await["data"]["status"], "offline");
    let device = rest.device(TURBINE);
    assert_eq!(rest.post_for(TURBINE, "devices?action=delete", "").await["code"], 0);
    assert_eq!(device.news().await, News::End("the device was deleted".into()));
    assert_eq!(rest.get(&uri(TURBINE, "devices?action=get")).await["code"], 99404);
}

// Proves: MODEL-9.2-3
#[tokio::test]
async fn the_latest_points_are_read_back_as_posted() {
    let rest = Rest::new();
    let device = rest.device(TURBINE);
    let topic = "/sys/Tq4zR9Lw/t-1/thing/measurepoint/post";
    for params in [
        r#"{"measurepoints":{"temp":{"value":21.5,"quality":3},"state":2},"time":1626345678901}"#,
        r#"{"measurepoints":{"temp":99},"time":1626345678900}"#,
        r#"{"measurepoints":{"blades":[1,2.5,NaN],"gps":{"lat":31.2,"lon":121.4}}}"#,
    ] {
        device.say(
            topic,
            &format!(r#"{{"id":"1","version":"1.0","method":"thing.measurepoint.post","params":{params}}}"#),
        );
    }
    let all = rest.post_for(TURBINE, "measurepoints?action=queryLatest", "").await;
    let now = START_MS.to_string();
    assert_eq!(
        all["data"],
        json!([
            {"id": "blades", "time": now, "value": [1, 2.5, "NaN"]},
            {"id": "gps", "time": now, "value": {"lat": 31.2, "lon": 121.4}},
            {"id": "state", "time": "1626345678901", "value": 2},
            {"id": "temp", "time": "1626345678901", "value": 21.5, "quality": 3},
        ])
    );
    let one = rest
        .post(
            "/connect-service/v2.1/measurepoints?action=queryLatest&assetId=AsTurb01",
            r#"{"measurepointIds":["temp"]}"#,
        )
        .await;
    assert_eq!(one["data"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn models_are_shown() {
    let rest = Rest::new();
    let model = rest.get("/model-service/v2.1/thing-models?action=get&modelId=turbine&scope=1").await;
    assert_eq!(model["data"]["measurepoints"]["temp"]["dataType"], "DOUBLE");
    assert_eq!(model["data"]["services"]["reboot"]["callType"], "SYNC");
    assert_eq!(rest.get("/model-service/v2.1/thing-models?action=get&modelId=nope").await["code"], 99404);
    let found = rest
        .post(
            "/model-service/v2.1/thing-models?action=search",
            r#"{"expression":"modelId in ('inverter','x')"}"#,
        )
        .await;
    assert_eq!(found["pagination"]["totalSize"], 1);
}

// Proves: MODEL-9.2-4
#[tokio::test]
async fn a_certificate_is_issued_for_the_device_it_names() {
    use rcgen::{
        CertificateParams, CertificateSigningRequestParams, DistinguishedName, DnType, Issuer, KeyPair,
    };
    let authority = CertificateParams::default();
    let issuer = Issuer::new(authority, KeyPair::generate().unwrap());
    let sign_csr = move |csr: &str| {
        let request = CertificateSigningRequestParams::from_pem(csr).map_err(|error| error.to_string())?;
        Ok(request.signed_by(&issuer).map_err(|error| error.to_string())?.pem())
    };
    let info =
        ServerInfo { ca_pem: "ca".into(), sign_csr: Some(Arc::new(sign_csr)), ..ServerInfo::default() };
    let rest = Rest::with(false, info);
    let request = |name: &str| {
        let mut parameters = CertificateParams::default();
        parameters.distinguished_name = DistinguishedName::new();
        parameters.distinguished_name.push(DnType::CommonName, name);
        parameters.serialize_request(&KeyPair::generate().unwrap()).unwrap().pem().unwrap()
    };
    let apply = uri("Ce7rT1Qz/cert-1", "certificates?action=apply");
    let good = json!({"csr": request("cert-1"), "issueAuthority": "ecc"});
    let reply = rest.post(&apply.replace("v2.1", "v2.0"), &good.to_string()).await;
    assert_eq!(reply["code"], 0, "{reply}");
    assert!(reply["data"]["cert"].as_str().unwrap().starts_with("-----BEGIN CERTIFICATE-----"));
    assert!(reply["data"]["certSN"].as_str().unwrap().bytes().all(|digit| digit.is_ascii_digit()));
    assert_eq!((&reply["data"]["caCert"], &reply["data"]["issueAuthority"]), (&json!("ca"), &json!("ECC")));
    for (body, msg) in [
        (json!({"csr": request("cert-2")}), "its common name is \"cert-2\""),
        (json!({"csr": "nonsense"}), "csr: is no PKCS#10 request"),
        (json!({}), "missing field `csr`"),
        (json!({"csr": request("cert-1"), "issueAuthority": "DSA"}), "is RSA or ECC"),
        (json!({"csr": request("cert-1"), "validDay": 5}), "validDay"),
    ] {
        let reply = rest.post(&apply, &body.to_string()).await;
        assert_eq!(reply["code"], 99400, "{reply}");
        assert!(reply["msg"].as_str().unwrap().contains(msg), "{reply}");
    }
    let without = rest.post_for(TURBINE, "certificates?action=apply", &good.to_string()).await;
    assert!(without["msg"].as_str().unwrap().contains("does not support bi-directional"));
    let no_authority = Rest::new().post(&apply, &good.to_string()).await;
    assert_eq!(no_authority["code"], 99500);
}

// Proves: MODEL-9.2-7
#[tokio::test]
async fn a_device_is_updated_while_it_is_connected() {
    let rest = Rest::new();
    let device = rest.device(TURBINE);
    let update = async |body: Value| rest.post_for(TURBINE, "devices?action=update", &body.to_string()).await;
    let first = json!({"deviceName": "new", "deviceDesc": "d", "timezone": "+08:00", "deviceTags": {"a": "1", "b": "2"}});
    assert_eq!(update(first).await["code"], 0);
    assert_eq!(update(json!({"deviceTags": {"b": "3"}, "deviceAttributes": {"sn": "new"}})).await["code"], 0);
    let read = rest.get(&uri(TURBINE, "devices?action=get")).await["data"].clone();
    assert_eq!((&read["deviceName"]["defaultValue"], &read["deviceDesc"]), (&json!("new"), &json!("d")));
    assert_eq!((&read["timezone"], &read["deviceAttributes"]), (&json!("+08:00"), &json!({"sn": "new"})));
    assert_eq!(read["deviceTags"], json!({"a": "1", "b": "3"}));
    // Connection, state and secret are those of before.
    assert_eq!((&read["status"], &read["deviceSecret"]), (&json!("online"), &json!("u8Yp2QvKs0t1")));
    device.say(
        "/sys/Tq4zR9Lw/t-1/thing/measurepoint/post",
        r#"{"id":"1","params":{"measurepoints":{"temp":1},"time":5}}"#,
    );
    let latest = rest.post_for(TURBINE, "measurepoints?action=queryLatest", "").await;
    assert_eq!(latest["data"], json!([{"id": "temp", "time": "5", "value": 1}]));
    rest.post_for(TURBINE, "devices?action=disable", "").await;
    assert_eq!(device.news().await, News::End("the device was disabled".into()));
    // What is refused changes nothing.
    let many: serde_json::Map<String, Value> = (0..100).map(|n| (format!("k{n}"), "v".into())).collect();
    for (body, msg) in [
        (json!({"deviceDesc": "e", "deviceAttributes": {"nope": 1}}), "attribute \"nope\": not in the model"),
        (json!({"deviceDesc": "e", "deviceTags": {"a": 1}}), "deviceTags: the value of \"a\" is no text"),
        (json!({"deviceDesc": "e", "deviceTags": many}), "102 tags are more than 100"),
        (json!({"deviceKey": "t-7"}), "deviceKey: unknown field"),
    ] {
        let reply = update(body).await;
        assert_eq!(reply["code"], 99400, "{reply}");
        assert!(reply["msg"].as_str().unwrap().contains(msg), "{reply}");
    }
    assert_eq!(rest.get(&uri(TURBINE, "devices?action=get")).await["data"]["deviceDesc"], "d");
}

// Proves: MODEL-9.2-7
#[tokio::test]
async fn an_updated_product_counts_from_the_next_sign_in_on() {
    let rest = Rest::new();
    let update = "/connect-service/v2.1/products?action=update&productKey=Tq4zR9Lw";
    let _device = rest.device(TURBINE);
    let body = r#"{"productName":"P","productDesc":"d","productTags":{"a":"1"},"dynamicActivateEnabled":true,"biDirectionalAuth":true}"#;
    assert_eq!(rest.post(update, body).await["data"], "Tq4zR9Lw");
    let product =
        rest.get("/connect-service/v2.1/products?action=get&productKey=Tq4zR9Lw").await["data"].clone();
    assert_eq!(
        (&product["productName"]["defaultValue"], &product["productDesc"]),
        (&json!("P"), &json!("d"))
    );
    assert_eq!(
        (&product["biDirectionalAuth"], &product["productSecret"]),
        (&json!(true), &json!("PsEcret01"))
    );
    let device = rest.get(&uri(TURBINE, "devices?action=get")).await["data"].clone();
    assert_eq!((&device["status"], &device["productName"]["defaultValue"]), (&json!("online"), &json!("P")));
    let content = sign::login_content("t-2", "t-2", "Tq4zR9Lw", "1");
    let password = sign::sha256_hex(&[&content, "u8Yp2QvKs0t2"]);
    let attempt = SignIn {
        client_id: "t-2|securemode=2,signmethod=sha256,timestamp=1|",
        username: "t-2&Tq4zR9Lw",
        password: password.as_bytes(),
        clean_session: true,
        keep_alive_s: 60,
        peer: "127.0.0.1:40000".parse().unwrap(),
        tls: None,
    };
    assert_eq!(rest.cloud.sign_in(attempt).unwrap_err().code, 746);
}
