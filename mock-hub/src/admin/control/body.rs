//! Bodies of control calls: JSON whose faults name their place.

use std::time::Duration;

use axum::Json;
use axum::body::Body;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::de::DeserializeOwned;
use serde_json::json;

use super::super::call::{BODY_WAIT, read_body};

/// Bytes of a body: a payload of the longest packet in Base64, and room.
const MAX_BODY: usize = 2 * 1024 * 1024;

/// Why a control call failed; `{"error": …}` with a status.
#[derive(Debug)]
pub(super) struct Failure(pub(super) StatusCode, pub(super) String);

impl Failure {
    pub(super) fn bad(error: impl Into<String>) -> Self {
        Self(StatusCode::BAD_REQUEST, error.into())
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        (self.0, Json(json!({"error": self.1}))).into_response()
    }
}

/// Reads a whole body; an empty one reads as `{}`.
pub(super) async fn json<T: DeserializeOwned>(body: Body) -> Result<T, Failure> {
    read(body, BODY_WAIT).await
}

async fn read<T: DeserializeOwned>(body: Body, wait: Duration) -> Result<T, Failure> {
    let bytes = read_body(body, MAX_BODY, wait).await.ok_or_else(|| {
        Failure(
            StatusCode::PAYLOAD_TOO_LARGE,
            "the body has more than 2 MB, or is not here within 30 s".into(),
        )
    })?;
    let text: &[u8] = if bytes.is_empty() { b"{}" } else { &bytes };
    let mut reader = serde_json::Deserializer::from_slice(text);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let place = error.path().to_string();
        let place = if matches!(&*place, "." | "?") { "body".to_owned() } else { place };
        Failure::bad(format!("{place}: {}", error.inner()))
    })?;
    reader.end().map_err(|error| Failure::bad(format!("body: {error}")))?;
    Ok(value)
}
