//! The hub's own control under `/hub/v1`: what is in it, what it saw, and back to the seed.

use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Json, http::Uri};
use serde_json::{Map, Value, json};

use crate::domain::EntryKind;
use crate::domain::device::Device;
use crate::fabric::DeviceId;
use crate::journal::Filter;

use super::call::{Call, parse_query};
use super::devices::UNKNOWN_DEVICE;
use super::reply::Fault;
use super::{Shared, commands};

/// Journal entries of one reply.
const MAX_ENTRIES: usize = 10_000;

/// `GET /hub/v1/state`: the whole world; secrets only with `?secrets=true`.
pub(super) async fn state(State(admin): Shared, uri: Uri) -> Response {
    let query = match read_query(&uri, &["secrets"]) {
        Ok(query) => query,
        Err(fault) => return bad_request(fault),
    };
    let secrets = query.iter().any(|(name, value)| name == "secrets" && value == "true");
    let cloud = &admin.cloud;
    let mut world = cloud.store.read(|directory| {
        let devices: Vec<Value> =
            directory.devices.values().map(|device| device_state(device, &directory.org_id)).collect();
        let online = devices.iter().filter(|device| device["status"] == "online").count();
        json!({
            "orgId": &*directory.org_id,
            "models": directory.models.values().map(|model| model.to_json(&directory.org_id)).collect::<Vec<_>>(),
            "products": directory.products.values().map(|product| product.to_json(&directory.org_id)).collect::<Vec<_>>(),
            "devices": devices,
            "devicesOnline": online,
            "applications": directory.applications.keys().map(|key| json!({"appKey": &**key})).collect::<Vec<_>>(),
        })
    });
    if !secrets {
        hide(&mut world, "products", "productSecret");
        hide(&mut world, "devices", "deviceSecret");
    }
    world["version"] = admin.info.version.clone().into();
    world["time"] = cloud.clock.now_ms().into();
    world["strict"] = cloud.is_strict().into();
    world["connections"] = cloud.fabric.connections().into();
    world["commands"] = cloud.count_commands();
    world["journalLast"] = cloud.journal.last().into();
    world["mqtt"] = admin.info.mqtt.map(|address| address.to_string()).into();
    world["mqtts"] = admin.info.mqtts.map(|address| address.to_string()).into();
    Json(world).into_response()
}

/// `GET /hub/v1/journal?device=pk/dk&kind=&since=&limit=`: oldest first, the newest `limit` (100) of what matches.
pub(super) async fn journal(State(admin): Shared, uri: Uri) -> Response {
    match filter(&uri) {
        Ok(filter) => Json(admin.cloud.journal.read(&filter)).into_response(),
        Err(fault) => bad_request(fault),
    }
}

/// `POST /hub/v1/reset`: back to the seed; every device is cut.
pub(super) async fn reset(State(admin): Shared) -> Response {
    match admin.cloud.reset() {
        Ok(()) => Json(json!({"reset": true})).into_response(),
        Err(error) => {
            (StatusCode::INTERNAL_SERVER_ERROR, Json(json!({"error": error.to_string()}))).into_response()
        }
    }
}

/// `GET /hub/v1/ca.pem`: the certificate authority that signs the server's and the devices' certificates.
pub(super) async fn ca_pem(State(admin): Shared) -> Response {
    if admin.info.ca_pem.is_empty() {
        let error = json!({"error": "this hub runs without a certificate authority"});
        return (StatusCode::NOT_FOUND, Json(error)).into_response();
    }
    ([(header::CONTENT_TYPE, "application/x-pem-file")], admin.info.ca_pem.clone()).into_response()
}

/// `POST /hub/v1/measurepoint-get?productKey=&deviceKey=&timeout=` with `{"measurepointIds": […]}`: asks the device
/// for its values. The device protocol has this command, the vendor's REST API has no call for it.
pub(super) async fn measurepoint_get(State(admin): Shared, request: Request) -> Response {
    let outcome = async {
        let call = Call::read(&admin, request).await?;
        let device = call.device(&admin, UNKNOWN_DEVICE)?;
        let command = commands::measurepoint_get(&call, &device)?;
        commands::run(&admin, &device, command, true).await
    };
    outcome.await.unwrap_or_else(Fault::into_reply).into_response()
}

fn device_state(device: &Device, org_id: &str) -> Value {
    let mut json = device.to_json(org_id);
    let state = device.state();
    let points: Map<String, Value> = state
        .points
        .latest(&device.product.model)
        .map(|(point, latest)| {
            let value =
                json!({"time": latest.time, "value": latest.value.to_json(), "quality": latest.quality});
            (point.identifier.to_string(), value)
        })
        .collect();
    json["measurepoints"] = points.into();
    json["posts"] = json!({
        "accepted": state.points.accepted,
        "refused": state.points.refused,
        "unchanged": state.points.unchanged,
    });
    json["connection"] = state.connection.map(|connection| connection.0).into();
    json["lastOfflineReason"] = state.last_offline_reason.clone().into();
    json
}

fn hide(world: &mut Value, list: &str, field: &str) {
    for item in world[list].as_array_mut().into_iter().flatten() {
        if let Some(fields) = item.as_object_mut() {
            fields.remove(field);
        }
    }
}

fn filter(uri: &Uri) -> Result<Filter, Fault> {
    let mut filter = Filter { limit: 100, ..Filter::default() };
    for (name, value) in read_query(uri, &["device", "kind", "since", "limit"])? {
        let number =
            || value.parse::<u64>().map_err(|_| Fault::argument(&name, format!("\"{value}\" is no number")));
        match &*name {
            "device" => {
                let (product_key, device_key) = value
                    .split_once('/')
                    .ok_or_else(|| Fault::argument("device", "is productKey/deviceKey"))?;
                filter.device = Some(DeviceId::new(product_key, device_key));
            }
            "kind" => {
                let Some(kind) = EntryKind::ALL.iter().find(|kind| kind.name() == value) else {
                    let known: Vec<&str> = EntryKind::ALL.iter().map(|kind| kind.name()).collect();
                    return Err(Fault::argument("kind", format!("is one of {}", known.join(" "))));
                };
                filter.kind = Some(*kind);
            }
            "since" => filter.since = Some(number()?),
            _ => filter.limit = usize::try_from(number()?).unwrap_or(MAX_ENTRIES).min(MAX_ENTRIES),
        }
    }
    Ok(filter)
}

/// Reads a query; a parameter that means nothing here is a fault, so that a typo does not pass for an empty result.
fn read_query(uri: &Uri, known: &[&str]) -> Result<Vec<(String, String)>, Fault> {
    let query = parse_query(uri.query().unwrap_or(""))?;
    match query.iter().find(|(name, _)| !known.contains(&&**name)) {
        Some((name, _)) => Err(Fault::argument(name, format!("is none of {}", known.join(" ")))),
        None => Ok(query),
    }
}

fn bad_request(fault: Fault) -> Response {
    (StatusCode::BAD_REQUEST, Json(json!({"error": fault.msg}))).into_response()
}
