//! Captured sessions of the vendor's clients: every CONNECT and every post that the hub serves is accepted.

use super::*;

/// A world in which the captured clients exist, with a model of the points that they post.
fn recorded_world() -> World {
    let kinds = [
        ("i", "INT"),
        ("d", "DOUBLE"),
        ("t", "DOUBLE"),
        ("big", "DOUBLE"),
        ("s", "STRING"),
        ("q", "DOUBLE"),
        ("nan", "DOUBLE"),
        ("b", "BOOL"),
    ];
    let mut points: serde_json::Map<String, Value> = kinds
        .iter()
        .map(|(id, kind)| {
            ((*id).to_owned(), json!({"identifier": id, "dataType": kind, "hasQuality": *id == "q"}))
        })
        .collect();
    points.insert(
        "arr".into(),
        json!({"identifier": "arr", "dataType": "ARRAY", "dataDefinition": {"itemType": "INT"}}),
    );
    let device =
        |key: &str| json!({"productKey": "pkA", "deviceKey": key, "deviceSecret": key.replace("dk", "ds")});
    let mut file_profile = device("dkF");
    file_profile["deviceSecret"] = "Zs3cretFromHub".into();
    let seed = json!({
        "models": [{"modelId": "m", "measurepoints": points}],
        "products": [{"productKey": "pkA", "productSecret": "psA", "modelId": "m", "dynamicActivateEnabled": true}],
        "devices": [device("dkJ"), device("dkP"), device("dkN"), device("dkC"), file_profile],
    });
    World::new(false, &seed.to_string())
}

fn sessions() -> Vec<Value> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../conformance/vectors/captures.json");
    let captures: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    captures["sessions"].as_array().unwrap().clone()
}

fn connect(event: &Value) -> Connect {
    let text = |key: &str| event[key].as_str().unwrap_or_default().to_owned();
    Connect {
        client_id: text("clientId"),
        username: text("username"),
        password: text("password"),
        keep_alive_s: 60,
        certificate: None,
    }
}

#[test]
fn every_captured_connect_and_post_is_accepted() {
    let (mut connects, mut posts) = (0, 0);
    for session in sessions() {
        let name = format!("{} {}", session["sdk"], session["session"]);
        let mut world = recorded_world();
        let mut who: Option<SignedIn> = None;
        for event in session["events"].as_array().unwrap() {
            match event["ev"].as_str().unwrap() {
                "CONNECT" => {
                    let attempt = connect(event);
                    let later = ["securemode=4", "compress=GZIP", "compress=LZ4", "compress=LZO"];
                    let outcome = world.sign_in(&attempt);
                    if later.iter().any(|what| attempt.client_id.contains(what))
                        || attempt.username.contains('%')
                    {
                        assert_eq!(outcome.unwrap_err().connack, 5, "{name}: {event}");
                        who = None;
                        continue;
                    }
                    if attempt.client_id.contains("securemode=3") && outcome.is_err() {
                        // Captured against a recorder that knew no state: this device was activated before.
                        world = recorded_world();
                    }
                    let signed_in = world
                        .sign_in(&attempt)
                        .unwrap_or_else(|refused| panic!("{name}: {event}: {refused}"));
                    let pushed = world.cloud.connected(&signed_in, ConnectionId(1));
                    assert_eq!(pushed.len(), usize::from(signed_in.secure_mode == 3), "{name}");
                    who = Some(signed_in);
                    connects += 1;
                }
                "PUBLISH" if event["topic"].as_str().unwrap().ends_with("thing/measurepoint/post") => {
                    let (Some(who), Some(payload)) = (&who, event["payload"].as_str()) else { continue };
                    let topic = event["topic"].as_str().unwrap();
                    if !topic.contains(&*who.device.device_key) {
                        continue;
                    }
                    let id =
                        serde_json::from_str::<Value>(&payload.replace("NaN", "0").replace("Infinity", "0"))
                            .unwrap()["id"]
                            .clone();
                    let outbound = world.cloud.message(who, topic, payload.as_bytes(), 1);
                    assert_eq!(
                        reply(&outbound),
                        json!({"id": id, "code": 200, "data": ""}),
                        "{name}: {payload}"
                    );
                    posts += 1;
                }
                "SUBSCRIBE" => {
                    let Some(who) = &who else { continue };
                    for filter in event["filters"].as_array().unwrap() {
                        let filter = filter[0].as_str().unwrap();
                        let own = filter
                            .contains(&format!("/{}/{}/", who.device.product_key, who.device.device_key));
                        assert_eq!(world.cloud.may_subscribe(who, filter).is_ok(), own, "{name}: {filter}");
                    }
                }
                _ => {}
            }
        }
    }
    assert!(connects > 10 && posts > 8, "{connects} CONNECTs, {posts} posts");
}
