//! The hub against the vendor's own Python SDK, unchanged.

use serde_json::json;

use crate::python::Script;
use crate::{DEVICE, PRODUCT, SECRET, hub, invoke, journal, latest};

fn start(
    hub: &conformance::peer::hub::Hub,
    product_key: &str,
    device_key: &str,
    mode: &str,
    secret: &str,
) -> Script {
    let url = format!("tcp://{}", hub.ready().mqtt);
    let packages = ["enos-mqtt-sdk-python==0.1.1", "paho-mqtt==1.6.1"];
    Script::start("vendor", &packages, "vendor.py", &[&url, product_key, device_key, mode, secret])
}

#[test]
fn it_signs_in_posts_and_is_told_of_an_unknown_point() {
    let hub = hub();
    let mut device = start(&hub, PRODUCT, DEVICE, "device", SECRET);
    device.event("connected");
    let points =
        json!({"temp": {"value": 21.5, "quality": 3}, "starts": 7, "gps": {"lat": 31.2, "lon": 121.4}});
    device.order(&json!({"do": "post", "points": points}));
    assert_eq!(device.event("replied")["code"], 200);
    assert_eq!(latest(&hub, "starts")["value"], 7);
    assert_eq!(latest(&hub, "gps")["value"], json!({"lat": 31.2, "lon": 121.4}));
    device.order(&json!({"do": "post", "points": {"nowhere": 1}}));
    assert_eq!(device.event("replied")["code"], 1204);
    device.end();
}

// Proves: AUTH-2.5-8
#[test]
fn a_wrong_secret_never_connects() {
    let hub = hub();
    let mut device = start(&hub, PRODUCT, DEVICE, "device", "another");
    // The SDK says nothing of a refusal and goes on trying (`behaviour.md` §3); the hub's journal tells.
    let until = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while !journal(&hub, "refused").contains(DEVICE) {
        assert!(std::time::Instant::now() < until, "the hub was never asked");
        std::thread::park_timeout(std::time::Duration::from_millis(20));
    }
    device.order(&json!({"do": "look"}));
    assert_eq!(device.event("state")["connected"], false);
}

#[test]
fn it_is_activated_and_signs_in_with_its_new_secret() {
    let hub = hub();
    let device = start(&hub, "Dy5nA8Mt", "new-1", "product", "PsEcret03");
    let secret = device.event("activated")["secret"].as_str().expect("a secret").to_owned();
    device.end();
    let device = start(&hub, "Dy5nA8Mt", "new-1", "device", &secret);
    device.event("connected");
    device.end();
}

#[test]
fn services_and_points_go_both_ways() {
    let hub = hub();
    let device = start(&hub, PRODUCT, DEVICE, "device", SECRET);
    device.event("connected");
    let result = hub.call("POST", &invoke("reboot"), r#"{"inputData":{"delay":3}}"#).expect("REST");
    let heard = device.event("service");
    assert_eq!((&heard["identifier"], &heard["params"]), (&json!("reboot"), &json!({"delay": 3})));
    assert_eq!(
        (&result["code"], &result["data"]["outputData"]),
        (&json!(0), &json!({"accepted": true})),
        "{result}"
    );

    let refused = hub.call("POST", &invoke("INV.Control"), r#"{"inputData":{"mode":3}}"#).expect("REST");
    assert_eq!((&refused["code"], &refused["msg"]), (&json!(2001), &json!("not that one")), "{refused}");

    let keys = format!("productKey={PRODUCT}&deviceKey={DEVICE}");
    let path =
        format!("/connect-service/v2.1/commands?action=setMeasurepoint&{keys}&measurepointId=setpoint");
    let set = hub.call("POST", &path, r#"{"value":1500}"#).expect("REST");
    assert_eq!(set["code"], 0, "{set}");
    assert_eq!(device.event("set")["params"], json!({"setpoint": 1500}));

    let get =
        hub.call("POST", &format!("/hub/v1/measurepoint-get?{keys}"), r#"{"measurepointIds":["temp"]}"#);
    let get = get.expect("the hub's control");
    assert_eq!(get["data"]["outputData"], json!({"temp": 21.5}), "{get}");
    device.end();
}
