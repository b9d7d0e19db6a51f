//! `GET /hub/v1/journal`: what the hub saw.

use axum::Json;
use axum::extract::State;
use axum::http::Uri;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::journal::Line;

use super::super::Shared;
use super::super::routes::Routes;
use super::bad_request;
use super::query::selection;

pub(super) fn routes(routes: Routes) -> Routes {
    routes.get("/hub/v1/journal", journal)
}

#[derive(Serialize)]
struct Page<'a> {
    entries: Vec<Line<'a>>,
    last: u64,
    dropped: u64,
}

/// Oldest first, the newest `limit` (100) of what matches.
async fn journal(State(admin): Shared, uri: Uri) -> Response {
    let selection = match selection(&uri) {
        Ok(selection) => selection,
        Err(fault) => return bad_request(fault),
    };
    let found = admin.cloud.journal.read(&selection.filter);
    let entries = found.entries.iter().map(|seen| Line { seen, full: selection.full }).collect();
    Json(Page { entries, last: found.last, dropped: found.dropped }).into_response()
}
