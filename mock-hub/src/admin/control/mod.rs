//! The hub's own control under `/hub/v1`, one file for each group of routes.

mod authority;
mod body;
mod clock;
mod condition;
mod events;
mod expectation;
mod faults;
mod journal;
mod measurepoint;
mod openapi;
mod publish;
pub(super) mod query;
mod state;
mod verify;
mod world;

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::reply::Fault;
use super::routes::Routes;
#[cfg(test)]
pub(super) use openapi::DOCUMENT;
use query::read_query;

/// Every route under `/hub/v1`.
pub(super) fn routes(routes: Routes) -> Routes {
    let groups = [
        state::routes,
        journal::routes,
        events::routes,
        verify::routes,
        publish::routes,
        world::routes,
        authority::routes,
        measurepoint::routes,
        openapi::routes,
        faults::routes,
        clock::routes,
    ];
    groups.into_iter().fold(routes, |routes, group| group(routes))
}

pub(super) fn bad_request(fault: Fault) -> Response {
    (StatusCode::BAD_REQUEST, Json(json!({"error": fault.msg}))).into_response()
}
