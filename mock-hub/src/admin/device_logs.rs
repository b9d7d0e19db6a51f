//! `device-logs?action=search`: what devices did (`docs-model.md` §9.2).

use axum::http::Method;
use serde_json::json;
use time::UtcOffset;

use super::Admin;
use super::call::Call;
use super::listing::{Listing, SearchBody};
use super::reply::{Fault, Reply};

/// The logins and lost connections of a time range (`startTime`, `endTime` in milliseconds, both included), newest
/// first. Messages are in the hub's journal, since the vendor's log has none.
pub(super) fn search(admin: &Admin, call: &Call) -> Result<Reply, Fault> {
    call.is(&Method::POST)?;
    let listing = Listing {
        fields: &["productKey", "deviceKey", "assetId"],
        default_page_size: 100,
        sorted_by: json!([{"field": "createTime", "order": "DESC"}]),
        zone: UtcOffset::UTC,
    };
    let time = |name: &str| {
        call.required(name)?;
        Ok::<_, Fault>(call.range(name, 0, u64::MAX)?.unwrap_or_default())
    };
    let (from_ms, to_ms) = (time("startTime")?, time("endTime")?);
    if from_ms > to_ms {
        return Err(Fault::argument("endTime", "is before startTime"));
    }
    let body: SearchBody = call.body()?;
    let cloud = &admin.cloud;
    let org_id = cloud.store.read(|directory| directory.org_id.clone());
    listing.reply(cloud.device_log.read(from_ms, to_ms, cloud.clock.now_ms(), &org_id), &body)
}
