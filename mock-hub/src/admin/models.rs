//! `thing-models?action=get | search` (`docs-model.md` §9.3).

use axum::http::Method;
use serde_json::Value;
use time::UtcOffset;

use super::Admin;
use super::call::Call;
use super::listing::{Listing, SearchBody};
use super::reply::{Fault, Reply};

const SEARCH: Listing = Listing {
    fields: &["modelId", "tags."],
    default_page_size: 10,
    sorted_by: Value::Null,
    zone: UtcOffset::UTC,
};

pub(super) fn answer(admin: &Admin, call: &Call) -> Result<Reply, Fault> {
    match &*call.action {
        "get" => {
            call.is(&Method::GET)?;
            let model_id = call.required("modelId")?;
            let found = admin.cloud.store.read(|directory| {
                directory.models.get(model_id).map(|model| model.to_json(&directory.org_id))
            });
            found.map(Reply::ok).ok_or_else(|| Fault::not_found(format!("there is no model \"{model_id}\"")))
        }
        "search" => {
            call.is(&Method::POST)?;
            let body: SearchBody = call.body()?;
            let items = admin.cloud.store.read(|directory| {
                directory.models.values().map(|model| model.to_json(&directory.org_id)).collect()
            });
            SEARCH.reply(items, &body)
        }
        _ => Err(call.unknown("thing-models")),
    }
}
