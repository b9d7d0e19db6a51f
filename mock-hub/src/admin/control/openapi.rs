//! `GET /hub/v1/openapi.json`: what the HTTP side serves, for tools.
//!
//! The document is written by hand: the replies are the vendor's envelopes round values that follow the user's own
//! models, of which `utoipa` and `aide` would see `serde_json::Value`, and one EnOS path serves many actions.

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};

use super::super::Shared;
use super::super::routes::Routes;

/// The document, its version open.
pub(in crate::admin) const DOCUMENT: &str = include_str!("../../../openapi.json");

pub(super) fn routes(routes: Routes) -> Routes {
    routes.get("/hub/v1/openapi.json", openapi)
}

async fn openapi(State(admin): Shared) -> Response {
    let version = format!("\"version\": \"{}\"", admin.info.version);
    let document = DOCUMENT.replacen("\"version\": \"0\"", &version, 1);
    ([(header::CONTENT_TYPE, "application/json")], document).into_response()
}
