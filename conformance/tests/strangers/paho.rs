//! The hub against a stock client of Python's world: paho-mqtt 2 over its sockets and OpenSSL.

use serde_json::{Value, json};

use crate::python::Script;
use crate::{DEVICE, PRODUCT, SECRET, hub, invoke, latest, topic};

fn start(address: std::net::SocketAddr, secret: &str, tls: &[&str]) -> Script {
    let (host, port) = (address.ip().to_string(), address.port().to_string());
    let mut arguments = vec![host.as_str(), port.as_str(), PRODUCT, DEVICE, secret];
    arguments.extend(tls);
    Script::start("paho2", &["paho-mqtt==2.2.0"], "stock_client.py", &arguments)
}

fn post(id: &str, points: &Value) -> Value {
    let payload = json!({"id": id, "version": "1.0", "method": "thing.measurepoint.post",
                         "params": {"measurepoints": points}});
    json!({"do": "publish", "topic": topic("thing/measurepoint/post"), "payload": payload, "qos": 1})
}

#[test]
fn it_signs_in_posts_and_answers_a_service() {
    let hub = hub();
    let mut device = start(hub.ready().mqtt, SECRET, &[]);
    assert_eq!(device.event("connack")["refused"], false);
    device.order(&post("1", &json!({"temp": 21.5, "note": "温度"})));
    let reply = device.event("message");
    assert_eq!((&reply["payload"]["id"], &reply["payload"]["code"]), (&json!("1"), &json!(200)), "{reply}");
    assert_eq!(latest(&hub, "note")["value"], "温度");
    device.order(&post("2", &json!({"nowhere": 1})));
    assert_eq!(device.event("message")["payload"]["code"], 1204);

    let result = hub.call("POST", &invoke("reboot"), r#"{"inputData":{"delay":3}}"#).expect("REST");
    assert_eq!(device.event("message")["payload"]["params"], json!({"delay": 3}));
    assert_eq!(
        (&result["code"], &result["data"]["outputData"]),
        (&json!(0), &json!({"accepted": true})),
        "{result}"
    );
    device.end();
}

#[test]
fn a_wrong_secret_is_refused() {
    let hub = hub();
    let device = start(hub.ready().mqtt, "another", &[]);
    let answer = device.event("connack");
    assert_eq!(answer["refused"], true, "{answer}");
}

#[test]
fn tls_of_openssl_finds_the_certificate_it_can_read() {
    let hub = hub();
    let scratch = conformance::peer::scratch::Scratch::new().expect("a folder");
    let ca = scratch.write("ca.pem", &hub.ready().ca_pem).expect("a file").display().to_string();
    for (version, ciphers, wanted) in [
        ("1.2", "ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256"),
        ("1.2", "ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-ECDSA-AES256-GCM-SHA384"),
        ("1.3", "-", "TLS_"),
    ] {
        let mut device = start(hub.ready().mqtts, SECRET, &[&ca, version, ciphers]);
        let answer = device.event("connack");
        assert_eq!(answer["refused"], false, "{answer}");
        assert!(answer["cipher"].as_str().is_some_and(|cipher| cipher.starts_with(wanted)), "{answer}");
        device.order(&post("1", &json!({"temp": 1.5})));
        assert_eq!(device.event("message")["payload"]["code"], 200);
        device.end();
    }
}
