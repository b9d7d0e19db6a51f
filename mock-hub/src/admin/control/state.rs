//! What is in the hub.

use axum::Json;
use axum::extract::State;
use axum::http::Uri;
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use crate::domain::device::Device;

use super::super::Shared;
use super::super::routes::Routes;
use super::{bad_request, read_query};

pub(super) fn routes(routes: Routes) -> Routes {
    routes.get("/hub/v1/state", state)
}

/// `GET /hub/v1/state`: the whole world; secrets only with `?secrets=true`.
async fn state(State(admin): Shared, uri: Uri) -> Response {
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
    world["coap"] = admin.info.coap.map(|address| address.to_string()).into();
    world["coaps"] = admin.info.coaps.map(|address| address.to_string()).into();
    Json(world).into_response()
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
