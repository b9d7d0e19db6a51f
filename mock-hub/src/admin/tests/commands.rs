//! Commands given by REST and answered by a device.

use super::*;

const TURBINE: &str = "Tq4zR9Lw/t-1";
const REBOOT: &str = "commands?action=invokeService&serviceId=reboot";

// Proves: MODEL-2-5
#[tokio::test]
async fn a_service_is_invoked_and_its_output_comes_back() {
    let rest = Rest::new();
    let device = rest.device(TURBINE);
    let (reply, ()) = tokio::join!(rest.post_for(TURBINE, REBOOT, r#"{"inputData":{"delay":5}}"#), async {
        let command = device.command().await;
        assert_eq!(command.0.topic, "/sys/Tq4zR9Lw/t-1/thing/service/reboot");
        assert_eq!(command.json()["method"], "thing.service.reboot");
        assert_eq!(command.json()["params"], json!({"delay": 5}));
        assert_eq!(command.json()["version"], "1.0");
        assert_eq!(command.id().len(), 11);
        device.answer(&command, r#""code":200,"data":{"accepted":true,"nan":NaN}"#);
    });
    assert_eq!(reply["code"], 0, "{reply}");
    assert_eq!(reply["data"]["outputData"], json!({"accepted": true, "nan": "NaN"}));
    let id = reply["data"]["commandId"].as_str().unwrap();
    let stored = rest.get(&format!("{}&commandId={id}", uri(TURBINE, "commands?action=get"))).await;
    assert_eq!(stored["data"]["state"], 5);
    assert_eq!(stored["data"]["commandType"], 2);
    assert_eq!(stored["data"]["inputData"], json!({"delay": 5}));
    assert_eq!(stored["data"]["outputData"]["accepted"], true);
    assert_eq!(stored["data"]["createTime"], START_MS);
}

#[tokio::test]
async fn a_point_is_set_and_read() {
    let rest = Rest::new();
    let device = rest.device(TURBINE);
    let set = "commands?action=setMeasurepoint&measurepointId=setpoint";
    let (reply, ()) = tokio::join!(rest.post_for(TURBINE, set, r#"{"value":1500.5}"#), async {
        let command = device.command().await;
        assert_eq!(command.0.topic, "/sys/Tq4zR9Lw/t-1/thing/service/measurepoint/set");
        assert_eq!(command.json()["params"], json!({"setpoint": 1500.5}));
        device.answer(&command, r#""code":200"#);
    });
    assert_eq!(reply["code"], 0);
    assert!(reply["data"].get("outputData").is_none());
    let uri = "/hub/v1/measurepoint-get?productKey=Tq4zR9Lw&deviceKey=t-1";
    let (reply, ()) = tokio::join!(rest.post(uri, r#"{"measurepointIds":["temp","power"]}"#), async {
        let command = device.command().await;
        assert_eq!(command.json()["method"], "thing.service.measurepoint.get");
        assert_eq!(command.json()["params"], json!(["temp", "power"]));
        device.answer(&command, r#""code":200,"data":{"temp":21.5}"#);
    });
    assert_eq!(reply["data"]["outputData"], json!({"temp": 21.5}));
}

// Proves: DOC-5-2 PAYLOAD-1.4-4
#[tokio::test]
async fn odd_answers_are_understood_or_in_strict_mode_refused() {
    for (answer, code, strict_code) in [
        (r#""code":0,"data":null"#, 0, 99500),
        (r#""data":{}"#, 0, 99500),
        (r#""code":"1101","message":"no handler""#, 1101, 1101),
        (r#""code":1102,"message":"failed""#, 1102, 1102),
        (r#""code":"500""#, 500, 500),
        (r#""code":2001"#, 2001, 2001),
    ] {
        for (strict, expected) in [(false, code), (true, strict_code)] {
            let rest = Rest::with(strict, ServerInfo::default());
            let device = rest.device(TURBINE);
            let uri = uri(TURBINE, &format!("{REBOOT}&orgId=o1"));
            let (reply, ()) = tokio::join!(rest.signed_post(&uri, "{}"), async {
                let command = device.command().await;
                device.answer(&command, answer);
            });
            assert_eq!(reply["code"], expected, "strict {strict}, {answer}: {reply}");
        }
    }
}

// Proves: PAYLOAD-8-4
#[tokio::test]
async fn a_device_that_does_not_answer_times_out() {
    let rest = Rest::new();
    let device = rest.device(TURBINE);
    let timed = format!("{REBOOT}&timeout=10");
    let (reply, command) = tokio::join!(rest.post_for(TURBINE, &timed, "{}"), async {
        let command = device.command().await;
        rest.pass(10_000);
        command
    });
    assert_eq!(reply["code"], 11915);
    let id = reply["data"]["commandId"].as_str().unwrap();
    assert_eq!(id, command.id());
    // What comes too late is recorded and changes nothing.
    device.answer(&command, r#""code":200"#);
    let stored = rest.get(&format!("{}&commandId={id}", uri(TURBINE, "commands?action=get"))).await;
    assert_eq!(stored["data"]["state"], 7);
    let refused = rest.journal("refused").await;
    assert!(refused.last().unwrap()["text"].as_str().unwrap().contains("is settled already"));
}

// Proves: MODEL-5-2
#[tokio::test]
async fn one_command_at_a_time_and_the_next_waits_its_own_time() {
    let rest = Rest::new();
    let device = rest.device(TURBINE);
    let timed = [20, 5, 30].map(|timeout| format!("{REBOOT}&timeout={timeout}"));
    let (first, second, third, ()) = tokio::join!(
        rest.post_for(TURBINE, &timed[0], r#"{"inputData":{"delay":1}}"#),
        rest.post_for(TURBINE, &timed[1], r#"{"inputData":{"delay":2}}"#),
        rest.post_for(TURBINE, &timed[2], r#"{"inputData":{"delay":3}}"#),
        async {
            let command = device.command().await;
            assert_eq!(command.json()["params"]["delay"], 1);
            rest.pass(5_000);
            assert_eq!(rest.cloud.count_commands()["expired"], 1);
            device.answer(&command, r#""code":200"#);
            let command = device.command().await;
            assert_eq!(command.json()["params"]["delay"], 3);
            device.answer(&command, r#""code":200"#);
        }
    );
    assert_eq!((&first["code"], &second["code"], &third["code"]), (&json!(0), &json!(11904), &json!(0)));
    let found = rest.post_for(TURBINE, "commands?action=search", r#"{"expression":"state = 5"}"#).await;
    assert_eq!(found["data"].as_array().unwrap().len(), 2);
    assert_eq!(found["data"][0]["inputData"]["delay"], 3, "newest first");
    assert_eq!(found["pagination"]["totalSize"], 2);
    assert_eq!(found["pagination"]["pageSize"], 100);
}

// Proves: MODEL-5-1 MODEL-5-4
#[tokio::test]
async fn unreachable_devices_and_wrong_arguments_are_refused_at_once() {
    let rest = Rest::new();
    assert_eq!(rest.post_for(TURBINE, REBOOT, "{}").await["code"], 11888);
    let device = rest.device(TURBINE);
    for (action, body, code, field) in [
        ("commands?action=invokeService", "{}", 99400, "serviceId: is missing"),
        ("commands?action=invokeService&serviceId=nope", "{}", 99400, "serviceId: \"nope\" is no service"),
        (REBOOT, r#"{"inputData":{"delay":"x"}}"#, 99400, "inputData.delay: expected INT, got a string"),
        (REBOOT, r#"{"inputData":{"delay":61}}"#, 99400, "inputData.delay: 61 is outside the range"),
        (REBOOT, r#"{"inputData":{"later":1}}"#, 99400, "inputData.later: the service"),
        (REBOOT, r#"{"inputData":[]}"#, 99400, "inputData: invalid type: sequence"),
        (REBOOT, r#"{"inputdata":{}}"#, 99400, "inputdata: unknown field"),
        (
            "commands?action=invokeService&serviceId=reboot&timeout=61",
            "{}",
            99400,
            "timeout: \"61\" is no whole number",
        ),
        (
            "commands?action=invokeService&serviceId=reboot&timeout=0",
            "{}",
            99400,
            "timeout: \"0\" is no whole number",
        ),
        (
            "commands?action=invokeService&serviceId=reboot&timeout=x",
            "{}",
            99400,
            "timeout: \"x\" is no whole number from 1 to 60",
        ),
        (
            "commands?action=invokeService&serviceId=reboot&pendingTtl=172801",
            "{}",
            99400,
            "pendingTtl: \"172801\" is no whole number from 0 to 172800",
        ),
        (
            "commands?action=setMeasurepoint&measurepointId=nope",
            r#"{"value":1}"#,
            99400,
            "measurepointId: \"nope\"",
        ),
        (
            "commands?action=setMeasurepoint&measurepointId=setpoint",
            r#"{"value":"x"}"#,
            99400,
            "value: expected DOUBLE",
        ),
        ("commands?action=setMeasurepoint&measurepointId=setpoint", "{}", 99400, "missing field `value`"),
        ("commands?action=cancel&commandId=x", "{}", 99400, "commandId: \"x\" is no command id"),
        ("commands?action=cancel&commandId=5", "{}", 99404, "has no command 5"),
        ("commands?action=recall", "{}", 99404, "not served"),
    ] {
        let reply = rest.post_for(TURBINE, action, body).await;
        assert_eq!(reply["code"], code, "{action} {body}: {reply}");
        assert!(reply["msg"].as_str().unwrap().contains(field), "{action} {body}: {reply}");
    }
    let required =
        rest.post_for("Sx2pV7Ka/inv-1", "commands?action=invokeService&serviceId=INV.Control", "{}").await;
    assert!(required["msg"].as_str().unwrap().contains("inputData.mode: is missing"));
    drop(device);
    assert_eq!(rest.post_for(TURBINE, REBOOT, "{}").await["code"], 11900);
    assert_eq!(rest.post_for("Tq4zR9Lw/none", REBOOT, "{}").await["code"], 99404);
    assert_eq!(
        rest.get(&format!("{}&commandId=5", uri(TURBINE, "commands?action=get"))).await["code"],
        99404
    );
}

// Proves: MODEL-2-5
#[tokio::test]
async fn an_asynchronous_service_returns_at_once() {
    let rest = Rest::new();
    let device = rest.device(TURBINE);
    let reply = rest.post_for(TURBINE, "commands?action=invokeService&serviceId=selfTest", "").await;
    assert_eq!(reply["code"], 0);
    let id = reply["data"]["commandId"].as_str().unwrap();
    let get = format!("{}&commandId={id}", uri(TURBINE, "commands?action=get"));
    assert_eq!(rest.get(&get).await["data"]["state"], 4);
    let command = device.command().await;
    device.answer(&command, r#""code":1102,"message":"broken""#);
    let stored = rest.get(&get).await;
    assert_eq!((&stored["data"]["state"], &stored["data"]["message"]), (&json!(6), &json!("broken")));
}

// Proves: BEHAVE-9-1
#[tokio::test]
async fn answers_are_matched_by_id_and_device() {
    let rest = Rest::new();
    let device = rest.device(TURBINE);
    let other = rest.device("Tq4zR9Lw/t-2");
    let (reply, ()) = tokio::join!(rest.post_for(TURBINE, REBOOT, "{}"), async {
        let command = device.command().await;
        let id = command.id();
        let stolen = format!(r#"{{"id":"{id}","code":200,"data":{{"who":"other"}}}}"#);
        other.say("/sys/Tq4zR9Lw/t-2/thing/service/reboot_reply", &stolen);
        other.say(&format!("{}_reply", command.0.topic), &stolen);
        device.say("/sys/Tq4zR9Lw/t-1/thing/service/reboot_reply", r#"{"id":"1","code":200}"#);
        device.say("/sys/Tq4zR9Lw/t-1/thing/service/reboot_reply", "not json");
        device.say("/sys/Tq4zR9Lw/t-1/thing/service/reboot_reply", "");
        // The vendor's C client cuts the wrong segments of some topics.
        let odd = format!(r#"{{"id":"{id}","code":200,"data":{{"who":"me"}}}}"#);
        device.say("/ext/session/session/Tq4zR9Lw/service/reboot_reply", &odd);
    });
    assert_eq!(reply["data"]["outputData"], json!({"who": "me"}));
    let warning = rest.journal("warning").await.pop().unwrap();
    assert_eq!(warning["detail"]["rule"], 12);
}

// Proves: MODEL-5-3
#[tokio::test]
async fn at_most_fifty_commands_wait() {
    let rest = Rest::new();
    let _device = rest.device(TURBINE);
    let mut last = Value::Null;
    // The device works on one of them.
    for _ in 0..51 {
        last = rest.post_for(TURBINE, "commands?action=invokeService&serviceId=selfTest", "").await;
    }
    assert_eq!(last["code"], 0);
    last = rest.post_for(TURBINE, "commands?action=invokeService&serviceId=selfTest", "").await;
    assert_eq!(last["code"], 11902);
}

#[tokio::test]
async fn a_cached_command_is_taken_at_once_and_done_when_the_device_comes() {
    let rest = Rest::new();
    // An inactive device, and one that is disabled, may have commands waiting.
    let cached = |ttl: u32| format!("{REBOOT}&pendingTtl={ttl}&timeout=10");
    let first = rest.post_for(TURBINE, &cached(172_800), r#"{"inputData":{"delay":1}}"#).await;
    assert_eq!((&first["code"], first["data"].get("outputData")), (&json!(0), None));
    rest.post_for(TURBINE, "devices?action=disable", "").await;
    let set = "commands?action=setMeasurepoint&measurepointId=setpoint&pendingTtl=60";
    let second = rest.post_for(TURBINE, set, r#"{"value":5}"#).await;
    let third = rest.post_for(TURBINE, &cached(172_800), "{}").await;
    let id = |reply: &Value| reply["data"]["commandId"].as_str().unwrap().to_owned();
    let get = |reply: &Value| format!("{}&commandId={}", uri(TURBINE, "commands?action=get"), id(reply));
    assert_eq!(rest.get(&get(&first)).await["data"]["pendingTtl"], 172_800);
    rest.pass(60_000);
    let expired = rest.get(&get(&second)).await;
    assert_eq!((&expired["data"]["state"], &expired["data"]["code"]), (&json!(3), &Value::Null));
    let cancel = format!("commands?action=cancel&commandId={}", id(&third));
    let cancelled = rest.post_for(TURBINE, &cancel, "").await;
    assert_eq!(
        (&cancelled["data"][0]["state"], &cancelled["data"][0]["commandType"]),
        (&json!(2), &json!(2))
    );
    rest.post_for(TURBINE, "devices?action=enable", "").await;
    let device = rest.device(TURBINE);
    let command = device.command().await;
    assert_eq!((command.id(), &command.json()["params"]), (id(&first), &json!({"delay": 1})));
    device.answer(&command, r#""code":200,"data":{"accepted":true}"#);
    assert_eq!(rest.get(&get(&first)).await["data"]["outputData"], json!({"accepted": true}));
    for (expression, count) in [("state = 5", 1), ("state = 3", 1), ("state = 2", 1), ("state = 1", 0)] {
        let body = json!({ "expression": expression }).to_string();
        let found = rest.post_for(TURBINE, "commands?action=search", &body).await;
        assert_eq!(found["pagination"]["totalSize"], count, "{expression}");
    }
}
