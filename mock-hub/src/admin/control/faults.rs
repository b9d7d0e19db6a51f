//! `/hub/v1/faults`: what is to go wrong.

use axum::Json;
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::admin::Shared;
use crate::admin::call::{BODY_WAIT, read_body};
use crate::admin::routes::Routes;

/// Bytes of an order.
pub(super) const MAX_ORDER: usize = 16 * 1024;

pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .get("/hub/v1/faults", list)
        .post("/hub/v1/faults", order)
        .delete("/hub/v1/faults", clear)
        .delete("/hub/v1/faults/{id}", remove)
}

/// `GET /hub/v1/faults`: every fault with how often it has struck.
async fn list(State(admin): Shared) -> Response {
    Json(admin.cloud.faults.list()).into_response()
}

/// `POST /hub/v1/faults` with one order: the fault, with its number.
async fn order(State(admin): Shared, request: Request) -> Response {
    let Some(body) = read_body(request.into_body(), MAX_ORDER, BODY_WAIT).await else {
        return refused("body: more than 16 kB, cut off, or not here within 30 s. Fix: send one order");
    };
    match admin.cloud.order_fault(&body) {
        Ok(id) => Json(admin.cloud.faults.one(id)).into_response(),
        Err(bad) => refused(&bad.0),
    }
}

/// `DELETE /hub/v1/faults`: none is left.
async fn clear(State(admin): Shared) -> Response {
    Json(json!({"removed": admin.cloud.clear_faults()})).into_response()
}

/// `DELETE /hub/v1/faults/{id}`.
async fn remove(State(admin): Shared, Path(id): Path<String>) -> Response {
    if id.parse().is_ok_and(|id| admin.cloud.remove_fault(id)) {
        return Json(json!({"removed": 1})).into_response();
    }
    let error = json!({"error": "there is no fault of this number. Fix: GET /hub/v1/faults lists them"});
    (StatusCode::NOT_FOUND, Json(error)).into_response()
}

/// 400 with place and fix.
pub(super) fn refused(why: &str) -> Response {
    (StatusCode::BAD_REQUEST, Json(json!({"error": why}))).into_response()
}
