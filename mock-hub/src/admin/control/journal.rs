//! What the hub saw.

use axum::Json;
use axum::extract::State;
use axum::http::Uri;
use axum::response::{IntoResponse, Response};

use crate::domain::EntryKind;
use crate::fabric::DeviceId;
use crate::journal::Filter;

use super::super::Shared;
use super::super::reply::Fault;
use super::super::routes::Routes;
use super::{bad_request, read_query};

/// Journal entries of one reply.
const MAX_ENTRIES: usize = 10_000;

pub(super) fn routes(routes: Routes) -> Routes {
    routes.get("/hub/v1/journal", journal)
}

/// `GET /hub/v1/journal?device=pk/dk&kind=&since=&limit=`: oldest first, the newest `limit` (100) of what matches.
async fn journal(State(admin): Shared, uri: Uri) -> Response {
    match filter(&uri) {
        Ok(filter) => Json(admin.cloud.journal.read(&filter)).into_response(),
        Err(fault) => bad_request(fault),
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
