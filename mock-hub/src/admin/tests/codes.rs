//! Every code that the documents give for a served call, each called for once.

use super::*;

/// A call, the code, and how the hub is brought to give it; the value is the reply.
type Case = (&'static str, i64, fn() -> BoxFuture);
type BoxFuture = std::pin::Pin<Box<dyn Future<Output = Value>>>;

const TURBINE: &str = "Tq4zR9Lw/t-1";
const GONE: &str = "Tq4zR9Lw/gone";
const CREATE: &str = "/connect-service/v2.1/devices?action=create";
const CREATE_PRODUCT: &str = "/connect-service/v2.1/products?action=create";

/// `POST` of a call for a device of a fresh hub.
fn fresh(call: &'static str, device: &'static str, body: &'static str) -> BoxFuture {
    Box::pin(async move { Rest::new().post_for(device, call, body).await })
}

fn twice(call: &'static str) -> BoxFuture {
    Box::pin(async move {
        let rest = Rest::new();
        rest.post_for(TURBINE, call, "").await;
        rest.post_for(TURBINE, call, "").await
    })
}

fn post(uri: &'static str, body: &'static str) -> BoxFuture {
    Box::pin(async move { Rest::new().post(uri, body).await })
}

fn get(uri: &'static str) -> BoxFuture {
    Box::pin(async move { Rest::new().get(uri).await })
}

/// An instant call to a device that is online and deaf.
fn unanswered(call: &'static str) -> BoxFuture {
    Box::pin(async move {
        let rest = Rest::new();
        let device = rest.device(TURBINE);
        let body = if call.contains("setMeasurepoint") { r#"{"value":1}"# } else { "{}" };
        let (reply, ()) = tokio::join!(rest.post_for(TURBINE, call, body), async {
            device.command().await;
            rest.pass(30_000);
        });
        reply
    })
}

/// An instant call behind a command that the device is busy with for longer.
fn behind_another(call: &'static str) -> BoxFuture {
    Box::pin(async move {
        let rest = Rest::new();
        let device = rest.device(TURBINE);
        let busy = "commands?action=invokeService&serviceId=selfTest&timeout=60";
        rest.post_for(TURBINE, busy, "").await;
        let body = if call.contains("setMeasurepoint") { r#"{"value":1}"# } else { "{}" };
        let (reply, ()) = tokio::join!(rest.post_for(TURBINE, call, body), async {
            device.command().await;
            rest.pass(30_000);
        });
        reply
    })
}

/// The call when 50 commands wait already.
fn full(call: &'static str) -> BoxFuture {
    Box::pin(async move {
        let rest = Rest::new();
        let cached = "commands?action=invokeService&serviceId=reboot&pendingTtl=60";
        for _ in 0..50 {
            assert_eq!(rest.post_for(TURBINE, cached, "{}").await["code"], 0);
        }
        let body = if call.contains("setMeasurepoint") { r#"{"value":1}"# } else { "{}" };
        let call = format!("{call}&pendingTtl=60");
        rest.post_for(TURBINE, &call, body).await
    })
}

fn offline(call: &'static str) -> BoxFuture {
    Box::pin(async move {
        let rest = Rest::new();
        drop(rest.device(TURBINE));
        let body = if call.contains("setMeasurepoint") { r#"{"value":1}"# } else { "{}" };
        rest.post_for(TURBINE, call, body).await
    })
}

const INVOKE: &str = "commands?action=invokeService&serviceId=reboot";
const SET: &str = "commands?action=setMeasurepoint&measurepointId=setpoint";

const RANGE_OF_NOBODY: &str =
    r#"{"assetIds":"x","pointIds":"temp","startTime":"2023-11-14 00:00:00","endTime":"2023-11-15 00:00:00"}"#;
const WINDOWS_OF_NOBODY: &str = r#"{"assetIds":"x","pointIdsWithLogic":"avg(temp)","interval":5,"startTime":"2023-11-14 00:00:00","endTime":"2023-11-15 00:00:00"}"#;

/// The calls of `docs-model.md` §9.2 that this hub serves, with the codes of §5 and §9.
const CASES: &[Case] = &[
    // Products.
    ("products create", 99400, || post(CREATE_PRODUCT, "{}")),
    ("products create", 11699, || post(CREATE_PRODUCT, r#"{"modelId":"nope"}"#)),
    ("products get", 99404, || get("/connect-service/v2.1/products?action=get&productKey=nope")),
    ("products get", 99400, || get("/connect-service/v2.1/products?action=get")),
    ("products search", 99400, || {
        post("/connect-service/v2.1/products?action=search", r#"{"expression":"x"}"#)
    }),
    ("products update", 11651, || post("/connect-service/v2.1/products?action=update&productKey=nope", "{}")),
    ("products update", 99400, || {
        post("/connect-service/v2.1/products?action=update&productKey=Tq4zR9Lw", r#"{"modelId":"x"}"#)
    }),
    ("products delete", 99404, || post("/connect-service/v2.1/products?action=delete&productKey=nope", "")),
    ("products delete", 11619, || {
        post("/connect-service/v2.1/products?action=delete&productKey=Tq4zR9Lw", "")
    }),
    // Devices.
    ("devices create", 99400, || post(CREATE, "{}")),
    ("devices create", 99404, || post(CREATE, r#"{"productKey":"nope"}"#)),
    ("devices create", 11702, || post(CREATE, r#"{"productKey":"Tq4zR9Lw","deviceKey":"t-1"}"#)),
    ("devices get", 99404, || get("/connect-service/v2.1/devices?action=get&assetId=nope")),
    ("devices get", 99400, || get("/connect-service/v2.1/devices?action=get")),
    ("devices search", 99400, || post("/connect-service/v2.1/devices?action=search", "[]")),
    ("devices update", 99404, || fresh("devices?action=update", GONE, "{}")),
    ("devices update", 99400, || fresh("devices?action=update", TURBINE, r#"{"deviceAttributes":{"sn":5}}"#)),
    ("devices enable", 99404, || fresh("devices?action=enable", GONE, "")),
    ("devices enable", 11794, || fresh("devices?action=enable", TURBINE, "")),
    ("devices disable", 99404, || fresh("devices?action=disable", GONE, "")),
    ("devices disable", 11794, || twice("devices?action=disable")),
    ("devices delete", 99404, || twice("devices?action=delete")),
    ("devices replaceDevice", 99404, || {
        fresh("devices?action=replaceDevice", GONE, r#"{"newDeviceKey":"n"}"#)
    }),
    ("devices replaceDevice", 99400, || fresh("devices?action=replaceDevice", TURBINE, "{}")),
    ("devices replaceDevice", 11702, || {
        fresh("devices?action=replaceDevice", TURBINE, r#"{"newDeviceKey":"t-2"}"#)
    }),
    ("devices replaceDevice", 11704, || {
        fresh("devices?action=replaceDevice", TURBINE, r#"{"newDeviceKey":"t-1"}"#)
    }),
    // Commands.
    ("commands invokeService", 99404, || fresh(INVOKE, GONE, "{}")),
    ("commands invokeService", 99400, || fresh("commands?action=invokeService", TURBINE, "{}")),
    ("commands invokeService", 11888, || fresh(INVOKE, TURBINE, "{}")),
    ("commands invokeService", 11900, || offline(INVOKE)),
    ("commands invokeService", 11902, || full(INVOKE)),
    ("commands invokeService", 11904, || behind_another(INVOKE)),
    ("commands invokeService", 11915, || unanswered(INVOKE)),
    ("commands setMeasurepoint", 99404, || fresh(SET, GONE, r#"{"value":1}"#)),
    ("commands setMeasurepoint", 99400, || fresh(SET, TURBINE, r#"{"value":"x"}"#)),
    ("commands setMeasurepoint", 11888, || fresh(SET, TURBINE, r#"{"value":1}"#)),
    ("commands setMeasurepoint", 11900, || offline(SET)),
    ("commands setMeasurepoint", 11902, || full(SET)),
    ("commands setMeasurepoint", 11904, || behind_another(SET)),
    ("commands setMeasurepoint", 11915, || unanswered(SET)),
    ("commands get", 99404, || get("/connect-service/v2.1/commands?action=get&assetId=AsTurb01&commandId=5")),
    ("commands get", 99400, || get("/connect-service/v2.1/commands?action=get&assetId=AsTurb01")),
    ("commands search", 99404, || fresh("commands?action=search", GONE, "")),
    ("commands search", 99400, || fresh("commands?action=search", TURBINE, r#"{"expression":"name = 1"}"#)),
    ("commands cancel", 99404, || fresh("commands?action=cancel&commandId=5", TURBINE, "")),
    ("commands cancel", 99400, || fresh("commands?action=cancel&commandId=x", TURBINE, "")),
    // Points, logs, certificates, models.
    ("measurepoints queryLatest", 99404, || fresh("measurepoints?action=queryLatest", GONE, "")),
    ("measurepoints queryLatest", 99400, || {
        fresh("measurepoints?action=queryLatest", TURBINE, r#"{"measurepointIds":["x"]}"#)
    }),
    ("device-logs search", 99400, || post("/connect-service/v2.1/device-logs?action=search&startTime=1", "")),
    ("device-logs search", 99400, || {
        post("/connect-service/v2.1/device-logs?action=search&startTime=2&endTime=1", "")
    }),
    ("certificates apply", 11404, || fresh("certificates?action=apply", GONE, "{}")),
    ("certificates apply", 99400, || fresh("certificates?action=apply", TURBINE, r#"{"csr":"x"}"#)),
    ("thing-models get", 99404, || get("/model-service/v2.1/thing-models?action=get&modelId=nope")),
    ("thing-models get", 99400, || get("/model-service/v2.1/thing-models?action=get")),
    ("thing-models search", 99400, || {
        post("/model-service/v2.1/thing-models?action=search", r#"{"expression":1}"#)
    }),
    // Time series.
    ("tsdb latest", 80400, || post("/tsdb-service/v2.1/latest", "{}")),
    ("tsdb latest", 80401, || post("/tsdb-service/v2.1/latest", r#"{"assetIds":"x","pointIds":"temp"}"#)),
    ("tsdb raw", 80400, || post("/tsdb-service/v2.1/raw", r#"{"assetIds":"AsTurb01","pointIds":"temp"}"#)),
    ("tsdb raw", 80401, || post("/tsdb-service/v2.1/raw", RANGE_OF_NOBODY)),
    ("tsdb ai-normalized", 80400, || post("/tsdb-service/v2.1/ai-normalized", "{}")),
    ("tsdb ai-normalized", 80401, || post("/tsdb-service/v2.1/ai-normalized", WINDOWS_OF_NOBODY)),
    ("tsdb", 99404, || post("/tsdb-service/v2.1/electric-power", "{}")),
    // Any call: the organisation, the service, the action.
    ("any", 99403, || get("/connect-service/v2.1/devices?action=get&assetId=AsTurb01&orgId=o2")),
    ("any", 99404, || get("/connect-service/v2.1/nothing?action=get")),
    ("any", 99400, || get("/connect-service/v2.1/devices?assetId=AsTurb01")),
];

// Proves: MODEL-9.2-8
#[tokio::test]
async fn every_call_gives_each_of_its_documented_codes() {
    for (call, code, case) in CASES {
        let reply = case().await;
        assert_eq!(reply["code"], *code, "{call}: {reply}");
        assert!(
            reply["msg"].as_str().is_some_and(|msg| !msg.is_empty() && !msg.contains(" at line ")),
            "{call}: {reply}"
        );
        assert!(reply["data"].is_null() || *code >= 11_904, "{call}: {reply}");
    }
}
