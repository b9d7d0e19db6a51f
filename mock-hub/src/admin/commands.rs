//! `commands?action=invokeService | setMeasurepoint | get | search | cancel` (`docs-model.md` §9.2).

use std::sync::Arc;

use axum::http::Method;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::domain::device::Device;
use crate::domain::local_time;
use crate::domain::model::CallType;
use crate::domain::names::I18n;
use crate::domain::value_type::ValueType;
use crate::domain::{Command, CommandFault, CommandKind, MAX_PENDING_TTL_S, NewCommand, Progress};
use crate::enos::json::Cursor;

use super::Admin;
use super::call::Call;
use super::devices::UNKNOWN_DEVICE;
use super::listing::{Listing, SearchBody};
use super::reply::{Fault, Reply};

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct InvokeBody {
    #[serde(default)]
    input_data: Map<String, Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SetBody {
    value: Value,
}

pub(super) async fn answer(admin: &Admin, call: &Call) -> Result<Reply, Fault> {
    match &*call.action {
        "invokeService" => {
            call.is(&Method::POST)?;
            let device = call.device(admin, UNKNOWN_DEVICE)?;
            let (command, waits) = invocation(call, &device)?;
            run(admin, &device, command, waits).await
        }
        "setMeasurepoint" => {
            call.is(&Method::POST)?;
            let device = call.device(admin, UNKNOWN_DEVICE)?;
            run(admin, &device, set(call, &device)?, true).await
        }
        "get" => call.is(&Method::GET).and_then(|()| get(admin, call)),
        "search" => call.is(&Method::POST).and_then(|()| search(admin, call)),
        "cancel" => call.is(&Method::POST).and_then(|()| cancel(admin, call)),
        _ => Err(call.unknown("commands")),
    }
}

/// Gives a command and, if it is instant and asked to wait, waits for the device's answer or the time-out.
pub(super) async fn run(
    admin: &Admin,
    device: &Arc<Device>,
    command: NewCommand,
    waits: bool,
) -> Result<Reply, Fault> {
    let with_output = command.kind != CommandKind::MeasurepointSet;
    let waits = waits && command.pending_ttl_s == 0;
    let (id, mut settled) = admin.cloud.give_command(device, command)?;
    let mut data = json!({"commandId": id.to_string()});
    if !waits {
        return Ok(Reply::ok(data));
    }
    // An error means that the hub was reset meanwhile; the command is gone then, as seen below.
    let _ = settled.wait_for(|settled| *settled).await;
    let outcome = admin.cloud.look_at_command(device, id, |command| {
        (command.progress, command.code, command.message.clone(), command.output.clone())
    });
    let Some((progress, code, message, output)) = outcome else {
        return Err(Fault::not_found("the command is gone: the hub was reset"));
    };
    if with_output {
        data["outputData"] = output.unwrap_or_else(|| json!({}));
    }
    if progress == Progress::Succeeded {
        return Ok(Reply::ok(data));
    }
    let code = code.filter(|code| !matches!(code, 0 | 200)).unwrap_or(99500);
    Ok(Reply::failed(code, message).with_data(data))
}

fn invocation(call: &Call, device: &Device) -> Result<(NewCommand, bool), Fault> {
    let service_id = call.required("serviceId")?;
    let (timeout_s, pending_ttl_s) = timing(call)?;
    let body: InvokeBody = call.body()?;
    let model = &device.product.model;
    let Some(service) = model.services.get(service_id) else {
        let reason = format!("\"{service_id}\" is no service of the model \"{}\"", model.id);
        return Err(Fault::argument("serviceId", reason));
    };
    for (name, value) in &body.input_data {
        let field = format!("inputData.{name}");
        let Some(input) = service.inputs.iter().find(|input| input.identifier == *name) else {
            return Err(Fault::argument(&field, format!("the service \"{service_id}\" has no such input")));
        };
        check(&field, &input.value_type, value)?;
    }
    let missing = service
        .inputs
        .iter()
        .find(|input| input.required && !body.input_data.contains_key(&input.identifier));
    if let Some(input) = missing {
        return Err(Fault::argument(&format!("inputData.{}", input.identifier), "is missing"));
    }
    let command = NewCommand {
        kind: CommandKind::Service,
        identifier: service_id.to_owned(),
        name: service.name.clone(),
        params: Value::Object(body.input_data),
        timeout_s,
        pending_ttl_s,
    };
    Ok((command, service.call_type == CallType::Sync))
}

fn set(call: &Call, device: &Device) -> Result<NewCommand, Fault> {
    let point_id = call.required("measurepointId")?;
    let (timeout_s, pending_ttl_s) = timing(call)?;
    let body: SetBody = call.body()?;
    let model = &device.product.model;
    let Some((_, point)) = model.point(point_id) else {
        let reason = format!("\"{point_id}\" is no point of the model \"{}\"", model.id);
        return Err(Fault::argument("measurepointId", reason));
    };
    check("value", &point.value_type, &body.value)?;
    Ok(NewCommand {
        kind: CommandKind::MeasurepointSet,
        identifier: point_id.to_owned(),
        name: point.name.clone(),
        params: json!({point_id: body.value}),
        timeout_s,
        pending_ttl_s,
    })
}

/// A get of points; the vendor's REST API has none, so it is called through `/hub/v1`.
pub(super) fn measurepoint_get(call: &Call, device: &Device) -> Result<NewCommand, Fault> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    struct Body {
        measurepoint_ids: Vec<String>,
    }
    let (timeout_s, pending_ttl_s) = timing(call)?;
    let body: Body = call.body()?;
    let model = &device.product.model;
    for (index, id) in body.measurepoint_ids.iter().enumerate() {
        if model.point(id).is_none() {
            let reason = format!("\"{id}\" is no point of the model \"{}\"", model.id);
            return Err(Fault::argument(&format!("measurepointIds[{index}]"), reason));
        }
    }
    let identifier = body.measurepoint_ids.join(",");
    Ok(NewCommand {
        kind: CommandKind::MeasurepointGet,
        name: I18n::or_default(None, &identifier),
        identifier,
        params: body.measurepoint_ids.into(),
        timeout_s,
        pending_ttl_s,
    })
}

/// Reads `timeout` (1 to 60 s, 30 if absent) and `pendingTtl` (0, which is instant, to 172,800 s).
fn timing(call: &Call) -> Result<(u32, u32), Fault> {
    let timeout_s = call.range("timeout", 1, 60)?.unwrap_or(30);
    let pending_ttl_s = call.range("pendingTtl", 0, MAX_PENDING_TTL_S)?.unwrap_or(0);
    Ok((timeout_s, pending_ttl_s))
}

fn check(field: &str, value_type: &ValueType, value: &Value) -> Result<(), Fault> {
    let text = value.to_string();
    let value = Cursor::new(&text).value().map_err(|error| Fault::argument(field, error.to_string()))?;
    value_type.check(&value).map_err(|reason| Fault::argument(field, reason))
}

fn get(admin: &Admin, call: &Call) -> Result<Reply, Fault> {
    let device = call.device(admin, UNKNOWN_DEVICE)?;
    let id = command_id(call.required("commandId")?)?;
    let org_id = org_id(admin);
    let found = admin.cloud.look_at_command(&device, id, |command| show(&org_id, &device, command));
    found.map(Reply::ok).ok_or_else(|| Fault::not_found(format!("{} has no command {id}", device.id)))
}

/// The organisation, read before commands are: their lock is never held while the world's is taken.
fn org_id(admin: &Admin) -> Arc<str> {
    admin.cloud.store.read(|directory| directory.org_id.clone())
}

/// The command struct, with its time in the device's time zone.
fn show(org_id: &str, device: &Device, command: &Command) -> Value {
    let mut json = command.to_json(org_id);
    let created_ms = i64::try_from(command.created_ms).unwrap_or(i64::MAX);
    json["createLocaltime"] =
        local_time::write(created_ms, local_time::zone(&device.timezone), false, false).into();
    json
}

/// Cancels one cached command, or all of the device's without an id; replies with the cancelled ones.
fn cancel(admin: &Admin, call: &Call) -> Result<Reply, Fault> {
    let device = call.device(admin, UNKNOWN_DEVICE)?;
    let id = call.query("commandId").map(command_id).transpose()?;
    let org_id = org_id(admin);
    let cancelled = admin.cloud.cancel_commands(&device, id, |command| show(&org_id, &device, command))?;
    Ok(Reply::ok(cancelled.into()))
}

fn command_id(text: &str) -> Result<u64, Fault> {
    text.parse()
        .map_err(|_| Fault::argument("commandId", format!("\"{text}\" is no command id: they are numbers")))
}

fn search(admin: &Admin, call: &Call) -> Result<Reply, Fault> {
    let device = call.device(admin, UNKNOWN_DEVICE)?;
    let listing = Listing {
        fields: &["state", "commandName", "commandName.", "createTime"],
        default_page_size: 100,
        sorted_by: json!([{"field": "createTime", "order": "DESC"}]),
        zone: local_time::zone(&device.timezone),
    };
    let body: SearchBody = call.body()?;
    let mut items = Vec::new();
    let org_id = org_id(admin);
    admin.cloud.look_at_commands(&device, |command| items.push(show(&org_id, &device, command)));
    listing.reply(items, &body)
}

impl From<CommandFault> for Fault {
    fn from(fault: CommandFault) -> Self {
        Self::new(fault.code, fault.message)
    }
}
