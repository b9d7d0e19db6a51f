//! `POST /hub/v1/publish`: any message to a connected device.

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::StatusCode;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::domain::{Entry, EntryKind};
use crate::fabric::{DeviceId, Outbound, Undelivered};
use crate::journal::Message;

use super::super::Shared;
use super::super::routes::Routes;
use super::body::{self, Failure};

/// Bytes of topic and payload: what the hub itself reads of a packet.
const MAX_MESSAGE: usize = 1024 * 1024;

pub(super) fn routes(routes: Routes) -> Routes {
    routes.post("/hub/v1/publish", publish)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Publish {
    product_key: String,
    device_key: String,
    topic: String,
    payload_text: Option<String>,
    payload_base64: Option<String>,
    #[serde(default = "at_least_once")]
    qos: u8,
}

fn at_least_once() -> u8 {
    1
}

/// Hands the message over; the device's session may lower the QoS. The reply does not wait for a PUBACK.
async fn publish(State(admin): Shared, body: Body) -> Result<Json<Value>, Failure> {
    let call: Publish = body::json(body).await?;
    check_topic(&call.topic)?;
    if call.qos > 1 {
        return Err(Failure::bad("qos: the hub sends at QoS 0 and 1"));
    }
    let payload = payload(&call)?;
    if call.topic.len() + payload.len() > MAX_MESSAGE {
        return Err(Failure::bad(format!("payload: more than {MAX_MESSAGE} bytes with its topic")));
    }
    let device = DeviceId::new(call.product_key, call.device_key);
    let cloud = &admin.cloud;
    let Some(target) = cloud.store.device(&device) else {
        let text =
            format!("there is no device {device}. Fix: create it, or see /hub/v1/state for those there are");
        return Err(Failure(StatusCode::NOT_FOUND, text));
    };
    // What somebody copied from an activation is a secret here too.
    let text = String::from_utf8_lossy(&payload);
    let secret = target.secret.expose();
    let shown = if !secret.is_empty() && text.contains(secret) {
        Message::confidential(&call.topic, "", call.qos, payload.len())
    } else {
        let id =
            serde_json::from_str(&text).ok().and_then(|json: Value| Some(json["id"].as_str()?.to_owned()));
        Message::new(&call.topic, id.as_deref().unwrap_or(""), call.qos, &payload, None)
    };
    let connection = cloud.fabric.locate(&device);
    let outbound = Outbound { topic: call.topic, payload, qos: call.qos };
    match cloud.fabric.deliver(&device, outbound) {
        Ok(()) => {
            let entry = Entry::new(EntryKind::MessageOut, "published by hand");
            cloud.note(entry.device(&device).message(shown));
            Ok(Json(json!({"delivered": true, "connection": connection.map(|connection| connection.0)})))
        }
        Err(undelivered) => {
            let (status, fix) = match undelivered {
                Undelivered::NotConnected => (StatusCode::CONFLICT, "connect it first"),
                Undelivered::MailboxFull => (StatusCode::SERVICE_UNAVAILABLE, "wait until it has read"),
            };
            Err(Failure(status, format!("not delivered to {device}: {undelivered}. Fix: {fix}")))
        }
    }
}

fn check_topic(topic: &str) -> Result<(), Failure> {
    let wrong = match topic {
        "" => "is empty",
        _ if topic.contains(['+', '#']) => "holds a wildcard",
        _ if topic.contains('\0') => "holds U+0000",
        _ if topic.len() > usize::from(u16::MAX) => "has more than 65,535 bytes",
        _ => return Ok(()),
    };
    Err(Failure::bad(format!(
        "topic: {wrong}; a topic name is a non-empty text without + and # (MQTT 3.1.1 §4.7)"
    )))
}

fn payload(call: &Publish) -> Result<Vec<u8>, Failure> {
    match (&call.payload_text, &call.payload_base64) {
        (Some(text), None) => Ok(text.clone().into_bytes()),
        (None, Some(text)) => {
            STANDARD.decode(text).map_err(|error| Failure::bad(format!("payloadBase64: {error}")))
        }
        (None, None) => {
            Err(Failure::bad("payload: give payloadText or payloadBase64, \"\" for an empty one"))
        }
        (Some(_), Some(_)) => Err(Failure::bad("payload: give payloadText or payloadBase64, not both")),
    }
}
