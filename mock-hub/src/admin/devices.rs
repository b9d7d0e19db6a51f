//! `devices?action=create | get | search | update | enable | disable | replaceDevice | delete` (`docs-model.md` §9.2).

use axum::http::Method;
use serde::Deserialize;
use serde_json::{Value, json};
use time::UtcOffset;

use crate::domain::device::Device;
use crate::domain::{DevicePatch, DeviceSpec};

use super::Admin;
use super::call::Call;
use super::listing::{Listing, SearchBody};
use super::reply::{Fault, Reply};

/// The code of a call that names no device (`docs-model.md` §9.1).
pub(super) const UNKNOWN_DEVICE: u32 = 99404;

const SEARCH: Listing = Listing {
    fields: &[
        "modelId",
        "deviceAttributes.",
        "deviceTags.",
        "productKey",
        "deviceKey",
        "assetId",
        "productType",
        "deviceName",
        "deviceName.",
        "status",
    ],
    default_page_size: 10,
    sorted_by: Value::Null,
    zone: UtcOffset::UTC,
};

pub(super) fn answer(admin: &Admin, call: &Call) -> Result<Reply, Fault> {
    match &*call.action {
        "create" => call.is(&Method::POST).and_then(|()| create(admin, call)),
        "get" => call.is(&Method::GET).and_then(|()| get(admin, call)),
        "search" => call.is(&Method::POST).and_then(|()| search(admin, call)),
        "update" => call.is(&Method::POST).and_then(|()| update(admin, call)),
        "replaceDevice" => call.is(&Method::POST).and_then(|()| replace(admin, call)),
        "enable" | "disable" | "delete" => call.is(&Method::POST).and_then(|()| change(admin, call)),
        _ => Err(call.unknown("devices")),
    }
}

fn create(admin: &Admin, call: &Call) -> Result<Reply, Fault> {
    let spec: DeviceSpec = call.body()?;
    if spec.device_secret.is_some() || spec.asset_id.is_some() {
        let reason = "the cloud assigns secret and asset id; a seed may choose them";
        return Err(Fault::argument("deviceSecret", reason));
    }
    if admin.cloud.is_strict()
        && let Some(field) = spec.missing()
    {
        return Err(Fault::argument(field, "is missing"));
    }
    let device = admin.cloud.create_device(spec)?;
    Ok(Reply::ok(credentials(&device)))
}

/// What a device needs to sign in, as the replies of create and replace carry it.
fn credentials(device: &Device) -> Value {
    json!({
        "assetId": &*device.asset_id,
        "productKey": &*device.id.product_key,
        "deviceKey": &*device.id.device_key,
        "deviceSecret": device.secret.expose(),
    })
}

fn get(admin: &Admin, call: &Call) -> Result<Reply, Fault> {
    let device = call.device(admin, UNKNOWN_DEVICE)?;
    let org_id = admin.cloud.store.read(|directory| directory.org_id.clone());
    Ok(Reply::ok(device.to_json(&org_id)))
}

fn search(admin: &Admin, call: &Call) -> Result<Reply, Fault> {
    let body: SearchBody = call.body()?;
    let items = admin.cloud.store.read(|directory| {
        directory.devices.values().map(|device| device.to_json(&directory.org_id)).collect()
    });
    SEARCH.reply(items, &body)
}

fn update(admin: &Admin, call: &Call) -> Result<Reply, Fault> {
    let device = call.device(admin, UNKNOWN_DEVICE)?;
    let patch: DevicePatch = call.body()?;
    admin.cloud.update_device(&device, patch)?;
    Ok(Reply::ok(Value::Null))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ReplaceBody {
    new_device_key: String,
}

fn replace(admin: &Admin, call: &Call) -> Result<Reply, Fault> {
    let old = call.device(admin, UNKNOWN_DEVICE)?;
    let body: ReplaceBody = call.body()?;
    let device = admin.cloud.replace_device(&old, &body.new_device_key)?;
    Ok(Reply::ok(credentials(&device)))
}

fn change(admin: &Admin, call: &Call) -> Result<Reply, Fault> {
    let device = call.device(admin, UNKNOWN_DEVICE)?;
    match &*call.action {
        "enable" => admin.cloud.enable_device(&device)?,
        "disable" => admin.cloud.disable_device(&device)?,
        _ => admin.cloud.delete_device(&device),
    }
    Ok(Reply::ok(Value::Null))
}
