//! CoAP against Python's aiocoap, both ways: our client and a hub of its resources, our hub and a device of its client.

use std::sync::mpsc::channel;
use std::time::Duration;

use enos_runtime::{Client, ClientBuilder, ErrorKind, Login, Point, PostOptions};
use serde_json::{Value, json};

use crate::python::Script;
use crate::{DEVICE, PRODUCT, SECRET, hub, invoke, latest, topic};

const PACKAGES: &[&str] = &["aiocoap==0.4.17"];
const PATIENCE: Duration = Duration::from_secs(20);

/// A hub played by aiocoap, and the URL of it.
fn their_hub() -> (Script, String) {
    let script = Script::start("aiocoap", PACKAGES, "aiocoap_hub.py", &[PRODUCT, DEVICE, SECRET]);
    let port = script.event("ready")["port"].clone();
    (script, format!("coap://127.0.0.1:{port}"))
}

fn their_device(secret: &str) -> (conformance::peer::hub::Hub, Script) {
    let hub = hub();
    let address = hub.ready().coap;
    let (host, port) = (address.ip().to_string(), address.port().to_string());
    let arguments = [host.as_str(), port.as_str(), PRODUCT, DEVICE, secret];
    let script = Script::start("aiocoap", PACKAGES, "aiocoap_device.py", &arguments);
    (hub, script)
}

fn client(url: &str, secret: &str) -> ClientBuilder {
    Client::builder(url)
        .login(Login::device_secret(PRODUCT, DEVICE, secret))
        .backoff(Duration::from_millis(50), Duration::from_millis(200))
        .dial_budget(8, Duration::from_secs(1))
}

#[test]
fn our_client_signs_in_posts_and_serves_commands() {
    let (mut script, url) = their_hub();
    let client = client(&url, SECRET).build().expect("a client");
    let (told, heard) = channel();
    client
        .on_service("reboot", move |call, reply| {
            drop(told.send(call.args().clone()));
            reply.ok(&[("accepted", true.into())])
        })
        .expect("a handler");
    client.connect(PATIENCE).expect("signed in");
    assert_eq!(script.event("auth"), json!({ "event": "auth", "right": true, "lifetime": 3600 }));
    client.post_measurepoints(&[Point::new("temp", 21.5)]).expect("a post");
    let posted = script.event("posted");
    assert_eq!(posted["body"]["params"]["measurepoints"], json!({ "temp": 21.5 }), "{posted}");

    // Both ways in blocks: Block1 up, and a reply of 2,000 bytes in Block2.
    let text = "x".repeat(3_000);
    client.post_measurepoints(&[Point::new("log", text.as_str())]).expect("a large post");
    assert_eq!(script.event("posted")["body"]["params"]["measurepoints"]["log"], text);

    // A command beside its hint, and one that has to be fetched in blocks.
    let path = format!("/topic{}", topic("thing/service/reboot"));
    for (id, inline, delay) in [("901", true, 3), ("902", false, 4)] {
        let padding = if inline { "" } else { "long " }.repeat(400);
        let body = json!({ "id": id, "version": "1.0", "method": "thing.service.reboot",
                           "params": { "delay": delay, "padding": padding } });
        script.order(&json!({ "do": "command", "path": path, "body": body, "inline": inline }));
        script.event("taken");
        client.post_measurepoints(&[Point::new("temp", f64::from(delay))]).expect("a post");
        assert_eq!(heard.recv_timeout(PATIENCE).expect("the command")["delay"], delay);
        if !inline {
            assert_eq!(script.event("fetched")["path"], path);
            script.order(&json!({ "do": "done" }));
        }
        let answer = loop {
            let posted = script.event("posted");
            if posted["path"].as_str().is_some_and(|path| path.ends_with("_reply")) {
                break posted["body"].clone();
            }
        };
        assert_eq!(
            (&answer["id"], &answer["code"], &answer["data"]["accepted"]),
            (&json!(id), &json!(200), &json!(true))
        );
    }

    // The session is gone: 4.01, and the client signs in again by itself.
    script.order(&json!({ "do": "forget" }));
    client.post_measurepoints(&[Point::new("temp", 1.0)]).expect("a post after a new sign-in");
    assert_eq!(script.event("auth")["right"], true);
    client.close(PATIENCE).expect("an end in order");
    script.end();
}

#[test]
fn our_client_takes_its_401_for_what_it_is() {
    let (script, url) = their_hub();
    let client = client(&url, "another").build().expect("a client");
    let error = client.connect(PATIENCE).expect_err("a wrong secret");
    assert_eq!(error.kind, ErrorKind::SignatureRejected, "{error}");
    assert_eq!(script.event("auth")["right"], false);
    let options = PostOptions::new().timeout(Duration::from_millis(300));
    let error = client.post_measurepoints_with(&[Point::new("temp", 1.0)], options).expect_err("no link");
    assert_eq!(error.kind, ErrorKind::LinkLost, "{error}");
}

fn post(id: &str, points: &Value) -> Value {
    let payload = json!({ "id": id, "version": "1.0", "method": "thing.measurepoint.post",
                          "params": { "measurepoints": points } });
    json!({ "do": "post", "topic": topic("thing/measurepoint/post"), "payload": payload })
}

fn reply(response: &Value) -> Value {
    serde_json::from_str(response["payload"].as_str().unwrap_or_default()).unwrap_or_default()
}

#[test]
fn our_hub_serves_its_client() {
    let (hub, mut device) = their_device(SECRET);
    device.order(&post("1", &json!({ "temp": 1 })));
    assert_eq!(device.event("response")["code"], "4.01", "before the sign-in");
    device.order(&json!({ "do": "auth", "lifetime": 3600 }));
    assert_eq!(device.event("response")["code"], "2.04");
    device.order(&post("1", &json!({ "temp": 21.5, "note": "温度" })));
    let response = device.event("response");
    assert_eq!((&response["code"], &reply(&response)["code"]), (&json!("2.04"), &json!(200)), "{response}");
    assert_eq!(latest(&hub, "note")["value"], "温度");
    device.order(&post("2", &json!({ "nowhere": 1 })));
    assert_eq!(reply(&device.event("response"))["code"], 1204);

    // Block1 up.
    device.order(&post("3", &json!({ "log": "x".repeat(5_000) })));
    let response = device.event("response");
    assert_eq!(reply(&response)["code"], 200, "{response}");
    assert_eq!(latest(&hub, "log")["value"], "x".repeat(5_000));

    // A command beside the hint; then one that is fetched in blocks.
    let cached = format!("{}&pendingTtl=600", invoke("reboot"));
    let given = hub.call("POST", &cached, r#"{"inputData":{"delay":3}}"#).expect("REST");
    assert_eq!(given["code"], 0, "{given}");
    device.order(&post("4", &json!({ "temp": 1 })));
    let response = device.event("response");
    let command: Value =
        serde_json::from_str(response["command"].as_str().unwrap_or_default()).expect("a command");
    assert_eq!(command["params"], json!({ "delay": 3 }), "{response}");
    let answer = |id: &Value, topic: &str| json!({ "do": "post", "topic": topic, "payload": { "id": id, "code": 200, "data": { "accepted": true } } });
    device.order(&answer(&command["id"], &topic("thing/service/reboot_reply")));
    assert_eq!(device.event("response")["code"], "2.04");

    let set = format!(
        "/connect-service/v2.1/commands?action=setMeasurepoint&productKey={PRODUCT}&deviceKey={DEVICE}\
         &measurepointId=log&pendingTtl=600"
    );
    let given = hub.call("POST", &set, &json!({ "value": "y".repeat(4_000) }).to_string()).expect("REST");
    assert_eq!(given["code"], 0, "{given}");
    device.order(&post("5", &json!({ "temp": 2 })));
    let response = device.event("response");
    assert_eq!(response["command"], Value::Null, "{response}");
    device.order(&json!({ "do": "get", "path": response["hint"] }));
    let response = device.event("response");
    let command = reply(&response);
    assert_eq!((&response["code"], &command["params"]["log"]), (&json!("2.05"), &json!("y".repeat(4_000))));
    device.order(&answer(&command["id"], &topic("thing/service/measurepoint/set_reply")));
    assert_eq!(device.event("response")["hint"], Value::Null);
    device.end();
}

#[test]
fn our_hub_refuses_its_client_with_a_wrong_secret() {
    let (_hub, mut device) = their_device("another");
    device.order(&json!({ "do": "auth", "lifetime": 3600 }));
    let response = device.event("response");
    assert_eq!((&response["code"], &response["payload"]), (&json!("4.01"), &json!("")), "{response}");
    device.end();
}
