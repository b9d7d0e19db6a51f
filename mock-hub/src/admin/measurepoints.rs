//! `measurepoints?action=queryLatest` (`docs-model.md` §9.2).

use axum::http::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Admin;
use super::call::Call;
use super::devices::UNKNOWN_DEVICE;
use super::reply::{Fault, Reply};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Body {
    measurepoint_ids: Option<Vec<String>>,
}

/// The newest value of each point, or of the points asked for; `time` is text, as in the vendor's sample. A value
/// posted with a quality shows it too, which the vendor's page does not mention.
pub(super) fn query_latest(admin: &Admin, call: &Call) -> Result<Reply, Fault> {
    call.is(&Method::POST)?;
    let device = call.device(admin, UNKNOWN_DEVICE)?;
    let body: Body = call.body()?;
    let model = &device.product.model;
    let wanted = body.measurepoint_ids;
    for (index, id) in wanted.iter().flatten().enumerate() {
        if model.point(id).is_none() {
            let reason = format!("\"{id}\" is no point of the model \"{}\"", model.id);
            return Err(Fault::argument(&format!("measurepointIds[{index}]"), reason));
        }
    }
    let state = device.state();
    let latest: Vec<Value> = state
        .points
        .latest(model)
        .filter(|(point, _)| {
            wanted.as_ref().is_none_or(|wanted| wanted.iter().any(|id| **id == *point.identifier))
        })
        .map(|(point, latest)| {
            let mut item = json!({
                "id": &*point.identifier,
                "time": latest.time.to_string(),
                "value": latest.value.to_json(),
            });
            if let Some(quality) = latest.quality {
                item["quality"] = quality.into();
            }
            item
        })
        .collect();
    Ok(Reply::ok(latest.into()))
}
