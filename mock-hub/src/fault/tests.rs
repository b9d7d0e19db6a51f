use super::*;

fn d1() -> DeviceId {
    DeviceId::new("pk", "d1")
}

fn ordered(orders: &[&str]) -> Faults {
    let faults = Faults::default();
    for order in orders {
        faults.order(order.as_bytes()).unwrap();
    }
    faults
}

#[test]
fn nonsense_is_refused_with_place_and_fix() {
    for (order, says) in [
        ("", "body: no JSON"),
        ("[]", "body: no JSON object"),
        ("{}", "kind: it is missing. Fix: it is one of latency"),
        (r#"{"kind":"earthquake"}"#, "kind: \"earthquake\" is no fault. Fix: it is one of"),
        (r#"{"kind":5}"#, "kind: 5 is no string"),
        (
            r#"{"kind":"drop","dellay":5}"#,
            "dellay: the fault \"drop\" has no such field. Fix: its fields are kind, device",
        ),
        (r#"{"kind":"delay"}"#, "delay: it is missing. Fix: send a whole number from 1"),
        (r#"{"kind":"delay","delay":0}"#, "delay: 0 is out of place"),
        (r#"{"kind":"delay","delay":"5"}"#, "delay: \"5\" is out of place"),
        (r#"{"kind":"drop","count":0}"#, "count: 0 is out of place"),
        (r#"{"kind":"drop","after":-1}"#, "after: -1 is out of place"),
        (
            r#"{"kind":"drop","device":"d1"}"#,
            "device: it names no device. Fix: send \"productKey/deviceKey\"",
        ),
        (r#"{"kind":"drop","direction":"left"}"#, "direction: \"left\" is no direction"),
        (r#"{"kind":"drop","packet":"CONNECT"}"#, "packet: \"CONNECT\" is no packet here"),
        (r#"{"kind":"drop","packet":"SUBACK","direction":"up"}"#, "direction: no SUBACK goes up"),
        (r#"{"kind":"wrong_id","packet":"PINGREQ"}"#, "packet: a PINGREQ carries no packet identifier"),
        (r#"{"kind":"latency","latency":5,"jitter":6}"#, "jitter: it is more than the latency"),
        (
            r#"{"kind":"latency","latency":5,"packet":"PUBACK"}"#,
            "packet: the fault \"latency\" has no such field",
        ),
        (
            r#"{"kind":"slicer","average_size":2,"size_variation":2}"#,
            "size_variation: a slice could be empty",
        ),
        (r#"{"kind":"refuse_connect","code":6}"#, "code: 6 is out of place"),
        (r#"{"kind":"reply_code","code":200}"#, "code: 200 is out of place"),
        (r#"{"kind":"secret_rotated"}"#, "device: secret_rotated strikes one device"),
        (r#"{"kind":"secret_rotated","device":"a/b","secret":""}"#, "secret: it has no such length"),
        (r#"{"kind":"certificate_revoked"}"#, "device: certificate_revoked strikes one device"),
    ] {
        let faults = Faults::default();
        let refused = faults.order(order.as_bytes()).unwrap_err().0;
        assert!(refused.starts_with(says), "{order}: {refused}");
        assert!(refused.contains(". Fix: "), "{refused}");
        assert_eq!((faults.generation(), faults.list()["faults"].as_array().unwrap().len()), (0, 0));
    }
}

#[test]
fn every_kind_can_be_ordered_and_is_told_as_it_was_ordered() {
    for name in Kind::NAMES {
        let order = format!(
            r#"{{"kind":"{name}","device":"pk/d1","after":2,"count":3{}}}"#,
            match *name {
                "latency" => r#","latency":10,"jitter":2,"direction":"up""#,
                "bandwidth" => r#","rate":5"#,
                "slicer" => r#","average_size":5,"direction":"down""#,
                "limit_data" => r#","bytes":100"#,
                "slow_close" | "slow_connack" | "delay" => r#","delay":100"#,
                "refuse_connect" => r#","code":3"#,
                "reply_code" => r#","code":1204"#,
                "secret_rotated" => r#","secret":"hush""#,
                _ => "",
            }
        );
        let faults = ordered(&[&order]);
        let told = faults.one(1).unwrap();
        assert_eq!(told["kind"], **name);
        assert_eq!((&told["struck"], &told["spent"], &told["after"]), (&json!(0), &json!(false), &json!(2)));
        assert!(!told.to_string().contains("hush"), "a secret is not told");
        let sent: Value = serde_json::from_str(&order).unwrap();
        for (field, value) in sent.as_object().unwrap().iter().filter(|(field, _)| *field != "secret") {
            assert_eq!(&told[field], value, "{name}");
        }
        assert!(faults.remove(1) && !faults.remove(1));
        assert_eq!(faults.list(), json!({"faults": []}));
    }
}

#[test]
fn after_and_count_say_which_matches_are_struck() {
    let faults = ordered(&[r#"{"kind":"reply_code","code":1204,"device":"pk/d1","after":1,"count":2}"#]);
    let other = DeviceId::new("pk", "d2");
    assert!(faults.on_request(&other).is_none());
    let struck: Vec<bool> = (0..5).map(|_| faults.on_request(&d1()).is_some()).collect();
    assert_eq!(struck, [false, true, true, false, false]);
    let told = faults.one(1).unwrap();
    assert_eq!((&told["matched"], &told["struck"], &told["spent"]), (&json!(3), &json!(2), &json!(true)));
    assert!(faults.quiet(Group::Enos), "a spent fault costs nothing");
}

#[test]
fn faults_are_bounded_and_cleared() {
    let faults = Faults::default();
    for _ in 0..MAX_FAULTS {
        faults.order(br#"{"kind":"no_reply"}"#).unwrap();
    }
    let full = faults.order(br#"{"kind":"no_reply"}"#).unwrap_err().0;
    assert!(full.contains("100 faults stand already. Fix: remove one"), "{full}");
    assert!(!faults.quiet(Group::Enos) && faults.quiet(Group::Packets));
    assert_eq!(faults.clear(), MAX_FAULTS);
    assert!(faults.quiet(Group::Enos));
    assert_eq!(
        faults.order(br#"{"kind":"no_reply"}"#).unwrap().0,
        MAX_FAULTS as u64 + 1,
        "no number comes twice"
    );
}

#[test]
fn a_block_lasts_its_time_by_the_clock_that_is_given() {
    let faults = ordered(&[r#"{"kind":"block","device":"pk/d1","count":1}"#]);
    let (strike, left) = faults.blocked(&d1(), 1_000).unwrap();
    assert!(strike.is_some());
    assert_eq!(left, 300_000);
    assert_eq!(faults.blocked(&d1(), 300_999), Some((None, 1)));
    assert_eq!(faults.blocked(&d1(), 301_000), None);
    assert_eq!(faults.blocked(&DeviceId::new("pk", "d2"), 1_000), None);
}

#[test]
fn a_byte_fault_is_decided_once_for_each_connection() {
    let faults = ordered(&[r#"{"kind":"limit_data","bytes":9,"after":1,"count":1}"#]);
    let (mut first, mut second, mut third) = (Vec::new(), Vec::new(), Vec::new());
    assert!(faults.attach(None, &mut first).0.is_empty());
    let (active, strikes) = faults.attach(None, &mut second);
    assert_eq!((active.len(), strikes.len()), (1, 1));
    let (active, strikes) = faults.attach(None, &mut second);
    assert_eq!((active.len(), strikes.len()), (1, 0), "it goes on, and is told once");
    assert!(faults.attach(None, &mut first).0.is_empty());
    assert!(faults.attach(None, &mut third).0.is_empty());
    faults.clear();
    assert!(faults.attach(None, &mut second).0.is_empty());
    assert!(second.is_empty());
}

#[test]
fn only_the_certificate_of_the_named_device_is_revoked() {
    let faults = ordered(&[r#"{"kind":"certificate_revoked","device":"pk/d1"}"#]);
    assert!(faults.revokes() && !Faults::default().revokes());
    assert!(faults.revoked("d2").is_none());
    let strike = faults.revoked("d1").unwrap();
    assert!(format!("{:?}", strike.entry(Some(&d1()))).contains("certificate of pk/d1"));
}

#[test]
fn a_rotated_secret_is_the_devices_until_the_fault_is_gone() {
    let faults = ordered(&[r#"{"kind":"secret_rotated","device":"pk/d1","secret":"new"}"#]);
    assert_eq!(faults.rotated_secret(&d1()).unwrap().1, "new");
    assert!(faults.rotated_secret(&DeviceId::new("pk", "d2")).is_none());
    faults.clear();
    assert!(faults.rotated_secret(&d1()).is_none());
}

/// The README has an example of each kind, and the hub takes it.
#[test]
fn the_readme_shows_an_order_of_each_kind() {
    let readme = include_str!("../../README.md");
    let examples = readme.lines().filter_map(|line| line.strip_prefix("| `{")?.split_once("}` |"));
    let kinds: Vec<&str> = examples
        .map(|(order, _)| Order::read(format!("{{{order}}}").as_bytes()).unwrap().kind.name())
        .collect();
    let mut known = Kind::NAMES.to_vec();
    let mut shown = kinds.clone();
    known.sort_unstable();
    shown.sort_unstable();
    assert_eq!(shown, known);
}
