//! Time series by REST.

use super::*;

const POST: &str = "/sys/Tq4zR9Lw/t-1/thing/measurepoint/post";
/// 2020-04-20 00:00:00 UTC.
const DAY_MS: i64 = 1_587_340_800_000;
const MINUTE_MS: i64 = 60_000;

/// A hub whose turbines have posted; t-1 is in UTC, t-9 in China.
async fn posted(samples: &[(i64, &str)]) -> Rest {
    let rest = Rest::new();
    let body = r#"{"productKey":"Tq4zR9Lw","deviceKey":"t-9","timezone":"+08:00"}"#;
    rest.post("/connect-service/v2.1/devices?action=create", body).await;
    for name in ["Tq4zR9Lw/t-1", "Tq4zR9Lw/t-9"] {
        let device = rest.device(name);
        for (time, points) in samples {
            let payload = format!(
                r#"{{"id":"1","version":"1.0","method":"thing.measurepoint.post","params":{{"measurepoints":{points},"time":{time}}}}}"#
            );
            let reply = device.say(&POST.replace("Tq4zR9Lw/t-1", name), &payload);
            assert!(String::from_utf8_lossy(&reply[0].payload).contains("200"), "{points}");
        }
    }
    rest
}

impl Rest {
    async fn tsdb(&self, operation: &str, body: Value) -> Value {
        self.post(&format!("/tsdb-service/v2.1/{operation}?orgId=o1"), &body.to_string()).await
    }

    async fn asset(&self, device: &str) -> String {
        self.get(&uri(device, "devices?action=get")).await["data"]["assetId"].as_str().unwrap().to_owned()
    }
}

fn raw(more: Value) -> Value {
    let mut body = json!({"assetIds": "AsTurb01", "pointIds": "temp", "startTime": "2020-04-20 00:00:00", "endTime": "2020-04-21 00:00:00"});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

fn times(reply: &Value) -> Vec<i64> {
    assert_eq!(reply["code"], 0, "{reply}");
    reply["data"]["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["timestamp"].as_i64().unwrap())
        .collect()
}

// Proves: MODEL-9.3-1
#[tokio::test]
async fn samples_come_back_by_time_with_their_local_time_and_quality() {
    let samples = [
        (DAY_MS, r#"{"temp":1.1}"#),
        (DAY_MS + 123, r#"{"temp":{"value":2,"quality":3},"note":"x"}"#),
        (DAY_MS - 1, r#"{"temp":0}"#),
        (DAY_MS + 86_400_000, r#"{"temp":9}"#),
    ];
    let rest = posted(&samples).await;
    let reply = rest
        .tsdb("raw", raw(json!({"withQuality": "true", "localTimeAccuracy": true, "localTimeFormat": 1})))
        .await;
    assert_eq!(
        reply["data"]["items"],
        json!([
            {"assetId": "AsTurb01", "timestamp": DAY_MS, "temp": 1.1, "localtime": "2020-04-20T00:00:00.000+00:00", "quality": null},
            {"assetId": "AsTurb01", "timestamp": DAY_MS + 123, "temp": 2, "localtime": "2020-04-20T00:00:00.123+00:00", "quality": "3"},
            {"assetId": "AsTurb01", "timestamp": DAY_MS + 86_400_000, "temp": 9, "localtime": "2020-04-21T00:00:00.000+00:00", "quality": null},
        ])
    );
    let newest = rest.tsdb("raw", raw(json!({"pageSize": 2, "orderBy": "timestamp desc"}))).await;
    assert_eq!(times(&newest), [DAY_MS + 86_400_000, DAY_MS + 123]);
    assert_eq!(newest["data"]["items"][1]["localtime"], "2020-04-20 00:00:00");
    // The next page begins beside the last.
    let next = json!({"pageSize": "2", "startTime": "2020-04-20T00:00:00.001Z", "endTime": "2020-04-21T08:00:00+08:00"});
    assert_eq!(times(&rest.tsdb("raw", raw(next)).await), [DAY_MS + 123, DAY_MS + 86_400_000]);
    // Local time is the device's own.
    let china = rest.asset("Tq4zR9Lw/t-9").await;
    let body = raw(json!({"assetIds": format!("AsTurb01,{china}"), "pointIds": "temp, note",
        "startTime": "2020-04-20 00:00:00", "endTime": "2020-04-20 08:00:00"}));
    let reply = rest.tsdb("raw", body).await;
    let items = reply["data"]["items"].as_array().unwrap();
    let shown: Vec<_> = items
        .iter()
        .map(|item| {
            (
                item["assetId"] == "AsTurb01",
                item["timestamp"].as_i64().unwrap() - DAY_MS,
                item.get("note").is_some(),
            )
        })
        .collect();
    assert_eq!(
        shown,
        [(true, 0, false), (true, 123, false), (true, 123, true), (false, -1, false), (false, 0, false)]
    );
    assert_eq!(items[4]["localtime"], "2020-04-20 08:00:00");
}

// Proves: MODEL-9.3-2
#[tokio::test]
async fn five_and_ten_minute_averages_are_answered() {
    let every_two: Vec<(i64, String)> =
        (0..10).map(|n| (DAY_MS + n * 2 * MINUTE_MS, format!("{{\"temp\":{n},\"rotorSpeed\":1}}"))).collect();
    let samples: Vec<(i64, &str)> = every_two.iter().map(|(time, points)| (*time, &**points)).collect();
    let rest = posted(&samples).await;
    let ask = async |logic: &str, interval: u32, more: Value| {
        let mut body = json!({"assetIds": "AsTurb01", "pointIdsWithLogic": logic, "interval": interval,
            "startTime": "2020-04-20 00:00:00", "endTime": "2020-04-20 00:18:00"});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        rest.tsdb("ai-normalized", body).await
    };
    let values = |reply: &Value, name: &str| -> Vec<(i64, f64)> {
        let items = reply["data"]["items"].as_array().unwrap_or_else(|| panic!("{reply}"));
        let wanted = items.iter().filter(|item| item.get(name).is_some());
        wanted
            .map(|item| {
                ((item["timestamp"].as_i64().unwrap() - DAY_MS) / MINUTE_MS, item[name].as_f64().unwrap())
            })
            .collect()
    };
    // Samples at 0 2 4 | 6 8 | 10 12 14 | 16; the one at 18 is the end and does not count.
    let reply = ask("avg(temp),count( temp )", 5, json!({})).await;
    assert_eq!(values(&reply, "avg(temp)"), [(0, 1.0), (5, 3.5), (10, 6.0), (15, 8.0)]);
    assert_eq!(values(&reply, "count(temp)"), [(0, 3.0), (5, 2.0), (10, 3.0), (15, 1.0)]);
    assert_eq!(reply["data"]["items"][1]["localtime"], "2020-04-20 00:05:00");
    assert_eq!(values(&ask("avg(temp)", 10, json!({})).await, "avg(temp)"), [(0, 2.0), (10, 6.5)]);
    for (logic, first) in [("sum", 10.0), ("min", 0.0), ("max", 4.0), ("first", 0.0), ("last", 4.0)] {
        let name = format!("{logic}(temp)");
        let reply = ask(&name, 10, json!({"pageSize": 1, "localTimeFormat": 1})).await;
        assert_eq!(values(&reply, &name), [(0, first)], "{logic}");
        assert_eq!(reply["data"]["items"][0]["localtime"], "2020-04-20T00:00:00+00:00");
    }
    // Windows begin where the range does, and interval 0 gives the samples.
    let late = ask(
        "last(temp)",
        10,
        json!({"startTime": "2020-04-20T00:03:00Z", "endTime": "2020-04-20T00:14:00Z"}),
    )
    .await;
    assert_eq!(values(&late, "last(temp)"), [(3, 6.0)]);
    assert_eq!(times(&ask("temp", 0, json!({"pageSize": 2})).await), [DAY_MS, DAY_MS + 2 * MINUTE_MS]);
    assert_eq!(times(&ask("temp", 0, json!({})).await).len(), 9);
}

#[tokio::test]
async fn many_samples_make_few_windows() {
    // More than are read at a time, with holes.
    let rest = Rest::new();
    let device = rest.device("Tq4zR9Lw/t-1");
    for n in 0..1_000_i64 {
        let value = if n % 100 == 7 { "null".to_owned() } else { (n % 2).to_string() };
        let points = format!(r#""starts":1,"blades":[1],"setpoint":{value}"#);
        let time = DAY_MS + n * 27_000;
        let payload = format!(r#"{{"id":"1","params":{{"measurepoints":{{{points}}},"time":{time}}}}}"#);
        device.say(POST, &payload);
    }
    let body = json!({"assetIds": "AsTurb01", "pointIdsWithLogic": "avg(setpoint),count(starts)", "interval": 300,
        "startTime": "2020-04-20 00:00:00", "endTime": "2020-04-21 00:00:00"});
    let reply = rest.tsdb("ai-normalized", body).await;
    let items = reply["data"]["items"].as_array().unwrap();
    // Five hours hold 667 samples, the rest 333; 7 and 3 odd ones are missing.
    let avg: Vec<f64> = items[..2].iter().map(|item| item["avg(setpoint)"].as_f64().unwrap()).collect();
    let expected = [(333.0 - 7.0) / 660.0, (167.0 - 3.0) / 330.0];
    assert!(avg.iter().zip(expected).all(|(avg, expected)| (avg - expected).abs() < 1e-12), "{avg:?}");
    assert_eq!((&items[2]["count(starts)"], &items[3]["count(starts)"]), (&json!(667), &json!(333)));
    assert_eq!(items.len(), 4);
}

#[tokio::test]
async fn the_latest_values_come_with_or_without_local_time() {
    let now = i64::try_from(START_MS).unwrap();
    let rest = posted(&[(now - 10 * MINUTE_MS, r#"{"temp":1,"state":2}"#), (now, r#"{"temp":2}"#)]).await;
    let ask = async |more: Value| {
        let mut body = json!({"assetIds": "AsTurb01", "pointIds": "temp,state,power"});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        rest.tsdb("latest", body).await["data"]["items"].clone()
    };
    assert_eq!(
        ask(json!({"timeWindow": "", "ifWithLocalTime": "false"})).await,
        json!([
            {"assetId": "AsTurb01", "state": 2, "timestamp": now - 10 * MINUTE_MS},
            {"assetId": "AsTurb01", "temp": 2, "timestamp": now},
        ])
    );
    let recent = ask(json!({"timeWindow": 9, "ifWithLocalTime": true})).await;
    assert_eq!(
        recent,
        json!([{"assetId": "AsTurb01", "temp": 2, "timestamp": now, "localtime": "2023-11-14 22:13:20"}])
    );
    assert_eq!(ask(json!({"timeWindow": 10})).await.as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_replaced_device_keeps_its_series() {
    let rest = posted(&[(DAY_MS, r#"{"temp":1}"#)]).await;
    rest.post_for("Tq4zR9Lw/t-1", "devices?action=replaceDevice", r#"{"newDeviceKey":"t-1b"}"#).await;
    assert_eq!(times(&rest.tsdb("raw", raw(json!({}))).await), [DAY_MS]);
    rest.post_for("Tq4zR9Lw/t-1b", "devices?action=delete", "").await;
    assert_eq!(rest.tsdb("raw", raw(json!({}))).await["code"], 80401);
}

// Proves: MODEL-9.3-3
#[tokio::test]
async fn odd_queries_are_refused_with_the_name_of_the_field() {
    let rest = Rest::new();
    let many = (0..3_001).map(|n| format!("p{n}")).collect::<Vec<_>>().join(",");
    for (more, field) in [
        (json!({"assetIds": " , "}), "assetIds: is empty"),
        (json!({"pointIds": ""}), "pointIds: is empty"),
        (json!({"pointIds": "temp,nope"}), "pointIds: \"nope\" is no point"),
        (json!({"pointIds": many}), "assetIds: more than 3000"),
        (json!({"modelId": "inverter"}), "modelId: asset \"AsTurb01\" is of the model \"turbine\""),
        (json!({"startTime": "2020-04-20"}), "startTime: \"2020-04-20\" is no time"),
        (json!({"endTime": "2020-04-19 23:59:59"}), "endTime: is before startTime"),
        (json!({"endTime": "2020-04-21T00:00:00Z"}), "endTime: has another form"),
        (json!({"pageSize": 0}), "pageSize: is no whole number from 1"),
        (json!({"pageSize": 320_001, "pointIds": "temp,power"}), "pageSize: assets times points"),
        (json!({"orderBy": "temp desc"}), "orderBy: is"),
        (json!({"withQuality": "yes"}), "withQuality: \"yes\" is neither true nor false"),
        (json!({"localTimeFormat": 2}), "localTimeFormat: is no whole number from 0 to 1"),
        (json!({"itemFormat": 1}), "itemFormat: this hub gives format 0 only"),
        (json!({"pointids": "temp"}), "pointids: unknown field"),
        (json!({"startTime": 5}), "startTime: invalid type"),
    ] {
        let reply = rest.tsdb("raw", raw(more.clone())).await;
        assert_eq!(reply["code"], 80400, "{more}: {reply}");
        assert!(reply["msg"].as_str().unwrap().contains(field), "{more}: {reply}");
    }
    let windows = |logic: &str, interval: Value| {
        json!({"assetIds": "AsTurb01", "pointIdsWithLogic": logic, "interval": interval,
            "startTime": "2020-04-20 00:00:00", "endTime": "2020-04-21 00:00:00"})
    };
    for (logic, interval, field) in [
        ("temp", json!(5), "\"temp\" has no logic"),
        ("avg(temp)", json!(0), "\"avg(temp)\" has a logic"),
        ("mean(temp)", json!(5), "is not like avg(pointId); there are count avg"),
        ("avg(temp", json!(5), "is not like avg(pointId)"),
        ("avg()", json!(5), "is not like avg(pointId)"),
        ("avg(note)", json!(5), "\"note\" is a STRING, not a number"),
        ("avg(nope)", json!(5), "\"nope\" is no point"),
        ("avg(temp)", json!(1_441), "interval: is no whole number from 0 to 1440"),
        ("avg(temp)", json!(null), "interval: is missing"),
    ] {
        let reply = rest.tsdb("ai-normalized", windows(logic, interval)).await;
        assert_eq!(reply["code"], 80400, "{logic}: {reply}");
        assert!(reply["msg"].as_str().unwrap().contains(field), "{logic}: {reply}");
    }
    let (_, reply) = rest.call(Method::GET, "/tsdb-service/v2.1/raw", "").await;
    assert_eq!(reply["code"], 80400);
    assert_eq!(rest.post("/tsdb-service/v2.0/raw", "{}").await["code"], 99404);
}
