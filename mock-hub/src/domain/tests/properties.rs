//! Tags and attributes that a device asks for, sets and deletes.

use super::*;

const SEED: &str = r#"{
    "models":[{"modelId":"m","attributes":{"sn":{"identifier":"sn","dataType":"STRING"},"size":{"identifier":"size","dataType":"INT"}}}],
    "products":[{"modelId":"m","productKey":"p"}],
    "devices":[{"productKey":"p","deviceKey":"d","deviceSecret":"s","deviceTags":{"site":"east-2","row":"7"},
                "deviceAttributes":{"sn":"A-1"}}]}"#;

struct Bench {
    world: World,
    who: SignedIn,
}

impl Bench {
    fn new(strict: bool) -> Self {
        let world = World::new(strict, SEED);
        let who = world.sign_in(&Connect::signed("p", "d", 2, "s")).unwrap();
        world.cloud.connected(&who, ConnectionId(1));
        Self { world, who }
    }

    /// The reply to a request on `thing/<what>`.
    fn ask(&self, what: &str, params: &str) -> Value {
        let topic = format!("/sys/p/d/thing/{what}");
        let method = format!("thing.{}", what.replace('/', "."));
        let payload = format!(r#"{{"id":"41","version":"1.0","method":"{method}","params":{params}}}"#);
        let outbound = self.world.cloud.message(&self.who, &topic, payload.as_bytes(), 1);
        assert_eq!(outbound[0].topic, format!("{topic}_reply"));
        reply(&outbound)
    }

    fn good(&self, what: &str, params: &str) -> Value {
        let answer = self.ask(what, params);
        assert_eq!((&answer["id"], &answer["code"]), (&json!("41"), &json!(200)), "{answer}");
        answer["data"].clone()
    }

    fn refused(&self, what: &str, params: &str, code: u32, message: &str) {
        let before = self.device();
        let answer = self.ask(what, params);
        assert_eq!((&answer["code"], &answer["data"]), (&json!(code), &json!("")), "{answer}");
        assert!(answer["message"].as_str().unwrap().contains(message), "{answer}");
        assert_eq!(self.device(), before, "nothing is changed by what is refused");
        let entry = self.world.journal("refused").pop().unwrap();
        assert!(entry["text"].as_str().unwrap().contains("Fix: "), "{entry}");
    }

    /// Tags and attributes as the REST API gives them.
    fn device(&self) -> (Value, Value) {
        let device = self.world.cloud.store.device(&self.who.device).unwrap().to_json("o1");
        (device["deviceTags"].clone(), device["deviceAttributes"].clone())
    }
}

#[test]
fn tags_are_told_by_key_or_all_of_them() {
    let bench = Bench::new(true);
    assert_eq!(bench.good("tag/query", r#"{"tags":["site"]}"#), json!({"site": "east-2"}));
    assert_eq!(bench.good("tag/query", r#"{"tags":[]}"#), json!({"site": "east-2", "row": "7"}));
    assert_eq!(bench.good("tag/query", r#"{"tags":["none"]}"#), json!({}));
    let entry = bench.world.journal("message-in").pop().unwrap();
    assert_eq!(entry["text"], "tags told, replied 200");
    assert!(bench.world.journal("refused").is_empty());
}

#[test]
fn tags_are_set_and_deleted_for_the_other_side_too() {
    let bench = Bench::new(true);
    let set = r#"[{"tagKey":"site","tagValue":"west"},{"tagKey":"new","tagValue":""}]"#;
    assert_eq!(bench.good("tag/update", set), "1");
    assert_eq!(bench.device().0, json!({"site": "west", "row": "7", "new": ""}));
    assert_eq!(bench.good("tag/delete", r#"{"tags":["row","none"]}"#), "1");
    assert_eq!(bench.good("tag/delete", r#"[{"tagKey":"new"}]"#), "1");
    assert_eq!(bench.device().0, json!({"site": "west"}));
    assert_eq!(bench.good("tag/query", r#"{"tags":[]}"#), json!({"site": "west"}));
}

#[test]
fn attributes_follow_the_model() {
    let bench = Bench::new(true);
    assert_eq!(bench.good("attribute/query", r#"{"attributes":[]}"#), json!({"sn": "A-1"}));
    assert_eq!(bench.good("attribute/update", r#"{"attributes":{"size":5}}"#), "");
    assert_eq!(bench.good("attribute/query", r#"{"attributes":["size"]}"#), json!({"size": 5}));
    bench.refused("attribute/update", r#"{"attributes":{"size":"x","sn":"B"}}"#, 1204, "\"size\"");
    bench.refused("attribute/update", r#"{"attributes":{"nope":1}}"#, 1204, "not in the model");
    assert_eq!(bench.good("attribute/delete", r#"{"attributes":["sn"]}"#), "");
    assert_eq!(bench.device().1, json!({"size": 5}));
}

#[test]
fn params_of_another_form_are_refused_and_change_nothing() {
    let bench = Bench::new(false);
    for (what, params) in [
        ("tag/query", r#"["site"]"#),
        ("tag/query", r#"{"tags":"site"}"#),
        ("tag/update", r#"{"site":"x"}"#),
        ("tag/update", r#"[{"tagKey":"a","tagValue":"b"},{"tagKey":"c","tagValue":1}]"#),
        ("tag/delete", r#"{"tags":[1]}"#),
        ("attribute/query", r#"{"tags":[]}"#),
        ("attribute/update", r#"{"attributes":["sn"]}"#),
        ("attribute/delete", r#"{"attributes":{"sn":1}}"#),
    ] {
        bench.refused(what, params, 1206, "of another form");
    }
    let many: Vec<_> =
        (0..99).map(|number| json!({"tagKey": format!("t{number}"), "tagValue": "x"})).collect();
    bench.refused("tag/update", &json!(many).to_string(), 1206, "101 tags are more than 100");
    let none = bench.world.cloud.message(&bench.who, "/sys/p/d/thing/tag/query", br#"{"id":"1"}"#, 1);
    assert_eq!(reply(&none)["code"], 1206);
    let session = bench.world.cloud.message(
        &bench.who,
        "/ext/session/p/d/thing/tag/query",
        br#"{"id":"1","params":{"tags":[]}}"#,
        1,
    );
    assert_eq!(reply(&session)["code"], 1009);
    bench.world.cloud.disable_device(&bench.who.target).unwrap();
    bench.refused("tag/query", r#"{"tags":[]}"#, 723, "disabled");
}

#[test]
fn a_foreign_method_breaks_a_rule() {
    let bench = Bench::new(true);
    let payload = br#"{"id":"1","version":"1.0","method":"thing.tag.update","params":{"tags":[]}}"#;
    let outbound = bench.world.cloud.message(&bench.who, "/sys/p/d/thing/tag/query", payload, 1);
    assert_eq!(reply(&outbound)["code"], 1260);
    assert_eq!(bench.who.target.state().points.refused, 0, "it is no refused post");
}
