//! The hub against rumqttc, which shares no code with either side of this project.

use rumqttc::QoS;
use serde_json::json;

use crate::device::{Device, Nothing};
use crate::{DEVICE, PRODUCT, SECRET, hub, invoke, journal, latest, topic};

fn post(id: &str, points: &serde_json::Value) -> String {
    json!({"id": id, "version": "1.0", "method": "thing.measurepoint.post",
           "params": {"measurepoints": points, "time": 1_700_000_000_000_u64}})
    .to_string()
}

// Proves: TOPIC-4-1
#[test]
fn a_device_signs_in_posts_and_is_answered_without_subscribing() {
    let hub = hub();
    let mut device = Device::signed(hub.ready().mqtt, PRODUCT, DEVICE, 2, SECRET).connected();
    let post_topic = topic("thing/measurepoint/post");
    device.send(&post_topic, post("17", &json!({"temp": {"value": 21.5, "quality": 3}})));
    let reply = device.message(&format!("{post_topic}_reply"));
    assert_eq!((&reply["id"], &reply["code"]), (&json!("17"), &json!(200)), "{reply}");
    let point = latest(&hub, "temp");
    assert_eq!(
        (&point["value"], &point["quality"], &point["time"]),
        (&json!(21.5), &json!(3), &json!("1700000000000"))
    );
}

// Proves: DOC-11-2
#[test]
fn each_bad_post_is_refused_with_its_code_and_leaves_the_connection_up() {
    let hub = hub();
    let mut device = Device::signed(hub.ready().mqtt, PRODUCT, DEVICE, 2, SECRET).connected();
    let post_topic = topic("thing/measurepoint/post");
    let nested = format!(
        r#"{{"id":"5","version":"1.0","method":"thing.measurepoint.post","params":{{"measurepoints":{{"temp":{}1{}}}}}}}"#,
        "[".repeat(10_000),
        "]".repeat(10_000)
    );
    let cases = [
        ("unknown point", post("1", &json!({"nowhere": 1})), 1204),
        ("wrong type", post("2", &json!({"temp": "warm"})), 1204),
        ("out of range", post("3", &json!({"temp": 151})), 1204),
        ("over 512 KB", post("4", &json!({"log": "x".repeat(530_000)})), 1008),
        ("nested 10,000 deep", nested, 1220),
        ("no JSON", "{\"id\":\"6\",".to_owned(), 1220),
    ];
    for (what, payload, code) in cases {
        device.send(&post_topic, payload);
        let reply = device.message(&format!("{post_topic}_reply"));
        assert_eq!(reply["code"], code, "{what}: {reply}");
    }
    device.send(&post_topic, post("7", &json!({"temp": 1})));
    assert_eq!(device.message(&format!("{post_topic}_reply"))["code"], 200);
    assert_eq!(latest(&hub, "temp")["value"], 1.0);
}

#[test]
fn a_wrong_secret_is_refused_and_the_journal_says_why() {
    let hub = hub();
    let mut device = Device::signed(hub.ready().mqtt, PRODUCT, DEVICE, 2, "another");
    match device.wait(|_| Some(())) {
        Err(Nothing::Broken(text)) => assert!(text.contains("BadUserNamePassword"), "{text}"),
        other => panic!("wanted CONNACK 4, came {other:?}"),
    }
    assert!(journal(&hub, "refused").contains("sign"), "{}", journal(&hub, "refused"));
}

#[test]
fn activation_gives_the_secret_without_subscribing() {
    let hub = hub();
    let mut device = Device::signed(hub.ready().mqtt, "Dy5nA8Mt", "new-1", 3, "PsEcret03").connected();
    let info = "/ext/session/Dy5nA8Mt/new-1/thing/activate/info";
    let message = device.message(info);
    let secret = message["params"]["deviceSecret"].as_str().expect("a secret").to_owned();
    device.send(&format!("{info}_reply"), json!({"id": message["id"], "code": 200, "data": {}}).to_string());
    device.client.disconnect().expect("room for a request");
    let _ = device.wait(|_| None::<()>);
    Device::signed(hub.ready().mqtt, "Dy5nA8Mt", "new-1", 2, &secret).connected();
}

#[test]
fn a_service_goes_down_and_its_result_comes_up() {
    let hub = hub();
    let mut device = Device::signed(hub.ready().mqtt, PRODUCT, DEVICE, 2, SECRET).connected();
    let rest = hub.rest().expect("REST");
    let result =
        std::thread::spawn(move || rest.call("POST", &invoke("reboot"), r#"{"inputData":{"delay":3}}"#));
    let command = device.message(&topic("thing/service/reboot"));
    assert_eq!(command["params"], json!({"delay": 3}));
    assert_eq!(command["method"], "thing.service.reboot");
    let answer = json!({"id": command["id"], "code": 200, "data": {"accepted": true}});
    device.send(&topic("thing/service/reboot_reply"), answer.to_string());
    // The loop must turn for the answer to leave.
    let _ = device.wait(|packet| matches!(packet, rumqttc::Packet::PubAck(_)).then_some(()));
    let result = result.join().expect("the caller").expect("REST");
    assert_eq!(
        (&result["code"], &result["data"]["outputData"]),
        (&json!(0), &json!({"accepted": true})),
        "{result}"
    );
}

#[test]
fn the_newer_connection_wins() {
    let hub = hub();
    let mut older = Device::signed(hub.ready().mqtt, PRODUCT, DEVICE, 2, SECRET).connected();
    let _newer = Device::signed(hub.ready().mqtt, PRODUCT, DEVICE, 2, SECRET).connected();
    assert!(matches!(older.wait(|_| None::<()>), Err(Nothing::Broken(_))));
}

// Proves: MQTT-3.3.5-2 TOPIC-4.4-3
#[test]
fn topics_of_others_are_closed() {
    let hub = hub();
    let mut device = Device::signed(hub.ready().mqtt, PRODUCT, DEVICE, 2, SECRET).connected();
    device
        .client
        .subscribe(format!("/sys/{PRODUCT}/t-2/thing/service/reboot"), QoS::AtLeastOnce)
        .expect("room");
    let refused = device.wait(|packet| match packet {
        rumqttc::Packet::SubAck(ack) => Some(ack.return_codes.clone()),
        _ => None,
    });
    assert_eq!(refused.expect("SUBACK"), [rumqttc::SubscribeReasonCode::Failure]);
    let foreign = format!("/sys/{PRODUCT}/t-2/thing/measurepoint/post");
    device.send(&foreign, post("1", &json!({"temp": 1})));
    assert_ne!(device.message(&format!("{foreign}_reply"))["code"], 200);
}
