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

/// One captured session, played again.
struct Replay {
    name: String,
    world: World,
    who: Option<SignedIn>,
    connects: u32,
    posts: u32,
}

impl Replay {
    fn connect(&mut self, event: &Value) {
        let attempt = connect(event);
        let outcome = self.world.sign_in(&attempt);
        // Mode 4, virtual gateways and compression belong to a later hub: refused as such, not as a bad signature.
        let later = ["securemode=4", "compress=GZIP", "compress=LZ4", "compress=LZO"];
        if later.iter().any(|what| attempt.client_id.contains(what)) || attempt.username.contains('%') {
            assert_eq!(outcome.unwrap_err().connack, 5, "{}: {event}", self.name);
            self.who = None;
            return;
        }
        let who = outcome.unwrap_or_else(|refused| panic!("{}: {event}: {refused}", self.name));
        let pushed = self.world.cloud.connected(&who, ConnectionId(1));
        assert_eq!(pushed.len(), usize::from(who.secure_mode == 3), "{}", self.name);
        self.who = Some(who);
        self.connects += 1;
    }

    fn publish(&mut self, topic: &str, payload: &str) {
        let Some(who) = &self.who else { return };
        if !topic.ends_with("thing/measurepoint/post")
            || !topic.contains(&format!("/{}/", who.device.device_key))
        {
            return;
        }
        let finite = payload.replace("NaN", "0").replace("Infinity", "0");
        let id = serde_json::from_str::<Value>(&finite).unwrap()["id"].clone();
        let outbound = self.world.cloud.message(who, topic, payload.as_bytes(), 1);
        assert_eq!(reply(&outbound), json!({"id": id, "code": 200, "data": ""}), "{}: {payload}", self.name);
        self.posts += 1;
    }

    fn subscribe(&self, filter: &str) {
        let Some(who) = &self.who else { return };
        let own = filter.contains(&format!("/{}/{}/", who.device.product_key, who.device.device_key));
        assert_eq!(self.world.cloud.may_subscribe(who, filter).is_ok(), own, "{}: {filter}", self.name);
    }
}

// Proves: AUTH-10-1
#[test]
fn every_captured_connect_and_post_is_accepted() {
    let (mut connects, mut posts) = (0, 0);
    for session in sessions() {
        let name = format!("{} {}", session["sdk"], session["session"]);
        let mut replay = Replay { name, world: recorded_world(), who: None, connects: 0, posts: 0 };
        for event in session["events"].as_array().unwrap() {
            match event["ev"].as_str().unwrap() {
                "CONNECT" => replay.connect(event),
                "PUBLISH" => {
                    if let (Some(topic), Some(payload)) = (event["topic"].as_str(), event["payload"].as_str())
                    {
                        replay.publish(topic, payload);
                    }
                }
                "SUBSCRIBE" => {
                    let filters = event["filters"].as_array().unwrap();
                    filters.iter().for_each(|filter| replay.subscribe(filter[0].as_str().unwrap()));
                }
                _ => {}
            }
        }
        connects += replay.connects;
        posts += replay.posts;
    }
    assert_eq!((connects, posts), (20, 13), "what the captures hold");
}
