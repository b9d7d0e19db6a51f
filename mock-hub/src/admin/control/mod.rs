//! The hub's own control under `/hub/v1`, one file for each group of routes.

mod authority;
mod journal;
mod measurepoint;
mod state;
mod world;

use axum::Json;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::call::parse_query;
use super::reply::Fault;
use super::routes::Routes;

/// Every route under `/hub/v1`.
pub(super) fn routes(routes: Routes) -> Routes {
    let groups = [state::routes, journal::routes, world::routes, authority::routes, measurepoint::routes];
    groups.into_iter().fold(routes, |routes, group| group(routes))
}

/// Reads a query; a parameter that means nothing here is a fault, so that a typo does not pass for an empty result.
fn read_query(uri: &Uri, known: &[&str]) -> Result<Vec<(String, String)>, Fault> {
    let query = parse_query(uri.query().unwrap_or(""))?;
    match query.iter().find(|(name, _)| !known.contains(&&**name)) {
        Some((name, _)) => Err(Fault::argument(name, format!("is none of {}", known.join(" ")))),
        None => Ok(query),
    }
}

fn bad_request(fault: Fault) -> Response {
    (StatusCode::BAD_REQUEST, Json(json!({"error": fault.msg}))).into_response()
}
