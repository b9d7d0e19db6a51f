//! `/hub/v1/events`, `journal`, `verify`, `publish` and `/metrics`.

use std::future::poll_fn;
use std::pin::Pin;
use std::time::Duration;

use axum::body::HttpBody;
use axum::response::Response;

use super::*;

const POST: &str = "/sys/Tq4zR9Lw/t-1/thing/measurepoint/post";
const DEVICE: &str = "Tq4zR9Lw/t-1";

/// A stream of events that a test reads.
struct Events {
    body: Body,
    text: String,
}

impl Events {
    async fn open(rest: &Rest, query: &str, last_id: Option<u64>) -> Self {
        let mut request = Request::builder().uri(format!("/hub/v1/events{query}"));
        if let Some(id) = last_id {
            request = request.header("last-event-id", id.to_string());
        }
        let response: Response =
            rest.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        let mut events = Self { body: response.into_body(), text: String::new() };
        assert!(events.more().await && events.text.starts_with(": listening\n"), "{}", events.text);
        events
    }

    /// Reads one chunk; false at the end of the stream.
    async fn more(&mut self) -> bool {
        let frame = poll_fn(|cx| Pin::new(&mut self.body).poll_frame(cx));
        match tokio::time::timeout(Duration::from_secs(10), frame).await.expect("nothing came") {
            Some(frame) => {
                self.text += std::str::from_utf8(&frame.unwrap().into_data().unwrap()).unwrap();
                true
            }
            None => false,
        }
    }

    /// The data of the next event of this name.
    async fn next(&mut self, name: &str) -> Value {
        loop {
            while let Some((event, rest)) = self.text.split_once("\n\n") {
                let (event, rest) = (event.to_owned(), rest.to_owned());
                self.text = rest;
                let field =
                    |field: &str| event.lines().find_map(|line| line.strip_prefix(field)).map(str::to_owned);
                if field("event: ").as_deref() == Some(name) {
                    let mut data: Value = serde_json::from_str(&field("data: ").unwrap()).unwrap();
                    data["eventId"] = field("id: ").map(|id| id.parse::<u64>().unwrap()).into();
                    return data;
                }
            }
            assert!(self.more().await, "ended before {name}");
        }
    }
}

fn post(id: u32, temp: f64) -> String {
    format!(
        r#"{{"id":"{id}","version":"1.0","method":"thing.measurepoint.post","params":{{"measurepoints":{{"temp":{temp}}},"time":5}}}}"#
    )
}

#[tokio::test]
async fn events_carry_meaning_warning_and_fix() {
    let rest = Rest::new();
    let mut events = Events::open(&rest, "", None).await;
    let device = rest.device(DEVICE);
    let signed_in = events.next("connect").await;
    assert_eq!(signed_in["device"], DEVICE);
    assert_eq!(signed_in["detail"]["keepAlive"], 60);
    device.say(POST, r#"{"id":"8","params":{"measurepoints":{"temp":20},"time":5}}"#);
    let warning = events.next("warning").await;
    assert_eq!((&warning["rule"], &warning["detail"]["id"]), (&json!(6), &json!("8")));
    assert_eq!(warning["fix"], "send all three, version as \"1.0\"");
    let message = events.next("message-in").await;
    assert_eq!((&message["detail"]["topic"], &message["detail"]["code"]), (&json!(POST), &json!(200)));
    assert_eq!(message["eventId"], message["seq"]);
    device.say(POST, r#"{"id":"9","params":{"measurepoints":{"nope":20},"time":5}}"#);
    let refused = events.next("refused").await;
    assert!(refused["fix"].as_str().unwrap().contains("thing model"), "{refused}");
}

#[tokio::test]
async fn events_are_filtered_and_resumed() {
    let rest = Rest::new();
    let (first, second) = (rest.device(DEVICE), rest.device("Tq4zR9Lw/t-2"));
    let mut events = Events::open(&rest, "?device=Tq4zR9Lw/t-2&kind=message-in", None).await;
    first.say(POST, &post(1, 1.0));
    second.say("/sys/Tq4zR9Lw/t-2/thing/measurepoint/post", &post(2, 2.0));
    let seen = events.next("message-in").await;
    assert_eq!(seen["detail"]["id"], "2");
    drop(events);
    first.say(POST, &post(3, 3.0));
    second.say("/sys/Tq4zR9Lw/t-2/thing/measurepoint/post", &post(4, 4.0));
    let mut resumed = Events::open(&rest, "?since=0&kind=message-in", seen["seq"].as_u64()).await;
    assert_eq!(resumed.next("message-in").await["detail"]["id"], "3");
    assert_eq!(resumed.next("message-in").await["detail"]["id"], "4");
    let mut all = Events::open(&rest, "?since=0&kind=message-in", None).await;
    assert_eq!(all.next("message-in").await["detail"]["id"], "1");
    let (status, reply) = rest.call(Method::GET, "/hub/v1/events?kind=messages", "").await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(reply["error"].as_str().unwrap().contains("message-in"), "{reply}");
}

#[tokio::test]
async fn who_reads_slowly_is_told_what_it_lost_and_slows_nobody() {
    let rest = Rest::new();
    let device = rest.device(DEVICE);
    let mut events = Events::open(&rest, "", None).await;
    for id in 0..10_100 {
        device.say(POST, &post(id, 1.0));
    }
    let lost = events.next("dropped").await["dropped"].as_u64().unwrap();
    let first = events.next("message-in").await["detail"]["id"].as_str().unwrap().parse::<u64>().unwrap();
    assert!(lost >= 100, "{lost}");
    assert_eq!(first, lost, "the oldest that is left comes next");
}

#[tokio::test]
async fn heartbeats_follow_the_clock_of_the_hub_and_the_stream_ends_with_the_hub() {
    let rest = Rest::new();
    let mut events = Events::open(&rest, "", None).await;
    let reading = async { (events.more().await, events) };
    let (read, ()) = tokio::join!(reading, async {
        // The reader listens to the clock only once it was polled.
        tokio::task::yield_now().await;
        rest.clock.advance(15_000);
    });
    let (more, mut events) = read;
    assert!(more && events.text.ends_with(": 1700000015000\n\n"), "{}", events.text);
    rest.cloud.journal.close();
    assert!(!events.more().await);
    let (status, _) = rest.call(Method::GET, "/hub/v1/events", "").await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn the_journal_answers_the_questions_of_a_field_engineer() {
    let rest = Rest::new();
    let device = rest.device(DEVICE);
    device.say(POST, &post(1, 20.5));
    rest.clock.advance(1_000);
    device.say(POST, r#"{"id":"2","params":{"measurepoints":{"Nope":1}}}"#);
    rest.clock.advance(1_000);
    device.say(POST, r#"{"id":"3","params":{"measurepoints":{"temp":1}}}"#);
    for (query, ids) in [
        ("topic=/sys/%2B/%2B/thing/measurepoint/post", vec!["1", "2", "3"]),
        ("id=2", vec!["2"]),
        ("code=1204", vec!["2"]),
        ("rule=6", vec!["2"]),
        ("text=NOPE", vec!["2"]),
        ("kind=message-in,refused", vec!["1", "2", "3"]),
        ("kind=message-in&from=1700000001000", vec!["3"]),
        ("kind=message-in&to=1700000001999", vec!["1"]),
        ("kind=message-in&device=Tq4zR9Lw/*", vec!["1", "3"]),
        ("kind=message-in&device=", vec!["1", "3"]),
    ] {
        let read = rest.get(&format!("/hub/v1/journal?{query}")).await;
        let found: Vec<&str> = read["entries"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|line| line["kind"] != "warning" || query == "rule=6")
            .map(|line| line["detail"]["id"].as_str().unwrap())
            .collect();
        assert_eq!(found, ids, "{query}: {read}");
    }
    for bad in ["topic=a%23", "rule=300", "code=x", "from=-1", "payload=long", "kind=connect,nope"] {
        let (status, reply) = rest.call(Method::GET, &format!("/hub/v1/journal?{bad}"), "").await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{bad}: {reply}");
    }
}

#[tokio::test]
async fn verify_counts_what_came_and_tells_near_misses() {
    let rest = Rest::new();
    let device = rest.device(DEVICE);
    for (id, temp) in [(1, 19.5), (2, 20.0), (3, 25.0)] {
        device.say(POST, &post(id, temp));
        rest.clock.advance(1_000);
    }
    device.say(POST, r#"{"id":"4","params":{"measurepoints":{"temp":30,"nope":1}}}"#);
    let ask = |rest: Value| {
        let mut call = json!({"device": DEVICE, "points": {"temp": {"ge": 20}}});
        call.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
        call.to_string()
    };
    for (more, satisfied, matched) in [
        (json!({}), true, 2),
        (json!({"exactly": 2}), true, 2),
        (json!({"exactly": 1}), false, 2),
        (json!({"atLeast": 3}), false, 2),
        (json!({"atMost": 1}), false, 2),
        (json!({"atLeast": 1, "atMost": 2}), true, 2),
        (json!({"withinMs": 1_500}), true, 1),
        (json!({"withinMs": 500}), false, 0),
        (json!({"id": "3"}), true, 1),
        (json!({"kind": "message-in,refused"}), true, 3),
        (json!({"code": 200, "topic": "/sys/+/t-1/#"}), true, 2),
        (json!({"payload": {"params.time": {"eq": 5}}}), true, 2),
        (json!({"payload": {"params.time": {"gt": 5}}}), false, 0),
        (json!({"since": 1_000_000}), false, 0),
    ] {
        let report = rest.post("/hub/v1/verify", &ask(more.clone())).await;
        assert_eq!(
            (&report["satisfied"], &report["matched"]),
            (&json!(satisfied), &json!(matched)),
            "{more}: {report}"
        );
    }
    let report = rest.post("/hub/v1/verify", &ask(json!({"atLeast": 3}))).await;
    let near = report["nearMisses"].as_array().unwrap();
    let reasons: Vec<&str> = near.iter().map(|miss| miss["why"][0].as_str().unwrap()).collect();
    assert!(reasons[0].starts_with("it is of kind refused: refused with 1204"), "{reasons:?}");
    assert_eq!(reasons[1], "point temp is 19.5, wanted ge 20");
    assert_eq!(report["wanted"], "at least 3");
}

async fn verify(rest: &Rest, call: String) -> Value {
    rest.post("/hub/v1/verify", &call).await
}

#[tokio::test]
async fn verify_waits_on_the_clock_of_the_hub_and_returns_at_once_when_it_is_certain() {
    let rest = Rest::new();
    let device = rest.device(DEVICE);
    let call = |more: &str| {
        format!(r#"{{"device":"{DEVICE}","points":{{"temp":{{"ge":20}}}},"waitMs":5000{more}}}"#)
    };
    // It comes: no need to wait for the end.
    let (report, ()) = tokio::join!(verify(&rest, call("")), async {
        tokio::task::yield_now().await;
        device.say(POST, &post(1, 19.0));
        device.say(POST, &post(2, 21.0));
    });
    assert_eq!((&report["satisfied"], &report["waitedMs"]), (&json!(true), &json!(0)));
    // It never comes: the whole wait.
    let (report, ()) = tokio::join!(verify(&rest, call(r#","atLeast":2"#)), async {
        tokio::task::yield_now().await;
        rest.clock.advance(5_000);
    });
    assert_eq!((&report["satisfied"], &report["waitedMs"]), (&json!(false), &json!(5_000)));
    // One too many: certain before the end.
    let (report, ()) = tokio::join!(verify(&rest, call(r#","exactly":1"#)), async {
        tokio::task::yield_now().await;
        device.say(POST, &post(3, 22.0));
    });
    assert_eq!(
        (&report["satisfied"], &report["matched"], &report["waitedMs"]),
        (&json!(false), &json!(2), &json!(0))
    );
    // None too many until the end.
    let (report, ()) = tokio::join!(verify(&rest, call(r#","atMost":2"#)), async {
        tokio::task::yield_now().await;
        rest.clock.advance(5_000);
    });
    assert_eq!((&report["satisfied"], &report["waitedMs"]), (&json!(true), &json!(5_000)));
}

#[tokio::test]
async fn verify_says_why_a_device_is_silent_and_refuses_what_makes_no_sense() {
    let rest = Rest::new();
    for (device, hint) in [
        ("Tq4zR9Lw/nobody", "there is no device Tq4zR9Lw/nobody"),
        (DEVICE, "Tq4zR9Lw/t-1 is not connected; it was never connected"),
    ] {
        let report = rest.post("/hub/v1/verify", &json!({"device": device}).to_string()).await;
        assert_eq!(report["satisfied"], false);
        assert!(report["hint"].as_str().unwrap().starts_with(hint), "{report}");
    }
    let _device = rest.device(DEVICE);
    let report = rest.post("/hub/v1/verify", &json!({"device": DEVICE}).to_string()).await;
    assert!(report["hint"].as_str().unwrap().ends_with("sent nothing of this kind"), "{report}");
    for (call, place) in [
        (json!({"device": "x"}), "device"),
        (json!({"kind": "nope"}), "kind"),
        (json!({"points": {"temp": {"over": 1}}}), "points.temp"),
        (json!({"points": {"temp": 5}}), "points.temp"),
        (json!({"waitMs": 60_001}), "waitMs"),
        (json!({"waitMs": -1}), "waitMs"),
        (json!({"exactly": 1, "atMost": 1}), "exactly"),
        (json!({"atLeast": 2, "atMost": 1}), "atMost"),
        (json!({"topic": "#/a"}), "topic"),
        (json!({"devise": DEVICE}), "devise"),
        (json!([]), "body"),
    ] {
        let (status, reply) = rest.call(Method::POST, "/hub/v1/verify", &call.to_string()).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{call}");
        assert!(reply["error"].as_str().unwrap().contains(place), "{call}: {reply}");
    }
}

#[tokio::test]
async fn anything_can_be_published_to_a_connected_device() {
    let rest = Rest::new();
    let call = |more: Value| {
        let mut call = json!({"productKey": "Tq4zR9Lw", "deviceKey": "t-1", "topic": "/a/b"});
        call.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        call.to_string()
    };
    let text = call(json!({"payloadText": "{\"id\":\"77\"}"}));
    let (status, reply) = rest.call(Method::POST, "/hub/v1/publish", &text).await;
    assert_eq!(status, StatusCode::CONFLICT);
    assert!(reply["error"].as_str().unwrap().contains("not connected"), "{reply}");
    let device = rest.device(DEVICE);
    for (body, payload, qos) in [
        (text, &b"{\"id\":\"77\"}"[..], 1),
        (call(json!({"payloadBase64": "AP8=", "qos": 0})), b"\x00\xFF", 0),
        (call(json!({"payloadText": ""})), b"", 1),
    ] {
        let (status, reply) = rest.call(Method::POST, "/hub/v1/publish", &body).await;
        assert_eq!((status, &reply["delivered"]), (StatusCode::OK, &json!(true)), "{reply}");
        let wanted = Outbound { topic: "/a/b".into(), payload: payload.to_vec(), qos };
        assert_eq!(device.news().await, News::Messages(vec![wanted]));
    }
    assert_eq!(rest.journal("message-out").await[0]["detail"]["id"], "77");
    for (more, status, place) in [
        (json!({"payloadText": "", "payloadBase64": ""}), 400, "not both"),
        (json!({}), 400, "payloadText or payloadBase64"),
        (json!({"payloadBase64": "!"}), 400, "payloadBase64"),
        (json!({"payloadText": "", "topic": ""}), 400, "topic"),
        (json!({"payloadText": "", "topic": "/a/#"}), 400, "wildcard"),
        (json!({"payloadText": "", "topic": "x".repeat(65_536)}), 400, "65,535"),
        (json!({"payloadText": "x".repeat(1_100_000)}), 400, "payload"),
        (json!({"payloadText": "", "qos": 2}), 400, "qos"),
        (json!({"payloadText": "", "retain": true}), 400, "retain"),
        (json!({"payloadText": "", "deviceKey": "nobody"}), 404, "there is no device"),
        (json!({"payloadText": "x".repeat(2_200_000)}), 413, "2 MB"),
    ] {
        let (got, reply) = rest.call(Method::POST, "/hub/v1/publish", &call(more)).await;
        assert_eq!(got.as_u16(), status, "{reply}");
        assert!(reply["error"].as_str().unwrap().contains(place), "{place}: {reply}");
    }
    for _ in 0..512 {
        rest.post("/hub/v1/publish", &call(json!({"payloadText": "x"}))).await;
    }
    let (status, _) = rest.call(Method::POST, "/hub/v1/publish", &call(json!({"payloadText": "x"}))).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn a_secret_that_is_published_is_not_shown() {
    let rest = Rest::new();
    let device = rest.device(DEVICE);
    let secret = device.who_secret();
    let body = json!({"productKey": "Tq4zR9Lw", "deviceKey": "t-1", "topic": "/t",
        "payloadText": format!("{{\"deviceSecret\":\"{secret}\"}}")});
    rest.post("/hub/v1/publish", &body.to_string()).await;
    let journal = rest.get("/hub/v1/journal?payload=full&limit=1000").await.to_string();
    assert!(journal.contains("published by hand") && !journal.contains(&secret), "{journal}");
}
