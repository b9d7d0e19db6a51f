//! The world as a whole: back to the seed.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::super::Shared;
use super::super::routes::Routes;

pub(super) fn routes(routes: Routes) -> Routes {
    routes.post("/hub/v1/reset", reset)
}

/// `POST /hub/v1/reset`: back to the seed; every device is cut.
async fn reset(State(admin): Shared) -> Response {
    match admin.cloud.reset() {
        Ok(()) => Json(json!({"reset": true})).into_response(),
        Err(error) => {
            (StatusCode::INTERNAL_SERVER_ERROR, Json(json!({"error": error.to_string()}))).into_response()
        }
    }
}
