//! The world as a whole: back to the seed, out as a snapshot, in from one.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::domain::{Cloud, WorldError};

use super::super::Shared;
use super::super::call::{BODY_WAIT, read_body};
use super::super::routes::Routes;

/// Bytes of a snapshot that is taken; one made by this hub stays well below.
const MAX_SNAPSHOT: usize = 256 * 1024 * 1024;

pub(super) fn routes(routes: Routes) -> Routes {
    routes.post("/hub/v1/reset", reset).get("/hub/v1/snapshot", snapshot).put("/hub/v1/snapshot", restore)
}

/// `POST /hub/v1/reset`: back to the seed, in the data folder too; every device is cut.
async fn reset(State(admin): Shared) -> Response {
    let outcome = aside(&admin.cloud, Cloud::reset).await;
    done(outcome, "reset")
}

/// `GET /hub/v1/snapshot`: the whole world as JSON, secrets and series included.
async fn snapshot(State(admin): Shared) -> Response {
    match aside(&admin.cloud, |cloud| Ok(cloud.snapshot()?)).await {
        Ok(snapshot) => ([(header::CONTENT_TYPE, "application/json")], snapshot).into_response(),
        Err(error) => failed(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
    }
}

/// `PUT /hub/v1/snapshot`: puts the world of a snapshot in place of this one, all or nothing; every device is cut.
async fn restore(State(admin): Shared, request: Request) -> Response {
    let Some(body) = read_body(request.into_body(), MAX_SNAPSHOT, BODY_WAIT).await else {
        let text = "the snapshot is longer than 256 MB, was cut off, or is not here within 30 s";
        return failed(StatusCode::PAYLOAD_TOO_LARGE, text);
    };
    let outcome = aside(&admin.cloud, move |cloud| match std::str::from_utf8(&body) {
        Ok(text) => cloud.restore(text),
        Err(error) => Err(WorldError::wrong(format!("the snapshot is not UTF-8: {error}"))),
    });
    done(outcome.await, "restored")
}

/// Runs what may wait for a disk where it keeps no connection waiting.
async fn aside<T: Send + 'static>(
    cloud: &Arc<Cloud>,
    work: impl FnOnce(&Cloud) -> Result<T, WorldError> + Send + 'static,
) -> Result<T, WorldError> {
    // Without a runtime nobody else is served meanwhile anyway.
    let Ok(runtime) = tokio::runtime::Handle::try_current() else { return work(cloud) };
    let cloud = Arc::clone(cloud);
    let working = runtime.spawn_blocking(move || work(&cloud)).await;
    // The panic hook has told how.
    working.unwrap_or_else(|_| Err(WorldError::wrong("the hub failed inside, which is a bug".to_owned())))
}

fn done(outcome: Result<(), WorldError>, what: &str) -> Response {
    match outcome {
        Ok(()) => Json(json!({what: true})).into_response(),
        Err(error @ WorldError::Wrong(_)) => failed(StatusCode::BAD_REQUEST, &error.to_string()),
        Err(error @ WorldError::Store(_)) => failed(StatusCode::INSUFFICIENT_STORAGE, &error.to_string()),
    }
}

fn failed(status: StatusCode, error: &str) -> Response {
    (status, Json(json!({"error": error}))).into_response()
}
