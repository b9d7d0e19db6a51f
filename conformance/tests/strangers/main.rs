//! Strangers: our client against somebody else's broker, our hub against other people's clients.
//!
//! Each test starts what it needs on free loopback ports and ends it.

mod aiocoap;
mod device;
mod libcoap;
mod mosquitto;
mod paho;
mod python;
mod rumqttc;
mod vendor;

use std::path::{Path, PathBuf};

use conformance::peer::hub::Hub;

/// A hub of its own, with the plant of the scenarios.
fn hub() -> Hub {
    let program = PathBuf::from(env!("CARGO_BIN_EXE_conformance-hub"));
    let seed = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds/plant.json");
    Hub::start(&program, &seed, false).expect("a hub")
}

const PRODUCT: &str = "Tq4zR9Lw";
const DEVICE: &str = "t-1";
const SECRET: &str = "u8Yp2QvKs0t1";

/// A topic of the plant's first device.
fn topic(path: &str) -> String {
    format!("/sys/{PRODUCT}/{DEVICE}/{path}")
}

/// The newest value of a point of the plant's first device, as REST tells it.
fn latest(hub: &Hub, point: &str) -> serde_json::Value {
    let path = format!(
        "/connect-service/v2.1/measurepoints?action=queryLatest&productKey={PRODUCT}&deviceKey={DEVICE}"
    );
    let body = serde_json::json!({ "measurepointIds": [point] }).to_string();
    let reply = hub.call("POST", &path, &body).expect("REST");
    assert_eq!(reply["code"], 0, "{reply}");
    reply["data"][0].clone()
}

/// What the hub's journal says of this kind, as one text.
fn journal(hub: &Hub, kind: &str) -> String {
    hub.call("GET", &format!("/hub/v1/journal?kind={kind}&limit=1000"), "").expect("the journal").to_string()
}

/// The route of a service invocation of the plant's first device.
fn invoke(service: &str) -> String {
    format!(
        "/connect-service/v2.1/commands?action=invokeService&productKey={PRODUCT}&deviceKey={DEVICE}&serviceId={service}"
    )
}
