//! The certificate authority that TLS peers are to trust.

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::super::Shared;
use super::super::routes::Routes;

pub(super) fn routes(routes: Routes) -> Routes {
    routes.get("/hub/v1/ca.pem", ca_pem)
}

/// `GET /hub/v1/ca.pem`: the certificate authority that signs the server's and the devices' certificates.
async fn ca_pem(State(admin): Shared) -> Response {
    if admin.info.ca_pem.is_empty() {
        let error = json!({"error": "this hub runs without a certificate authority"});
        return (StatusCode::NOT_FOUND, Json(error)).into_response();
    }
    ([(header::CONTENT_TYPE, "application/x-pem-file")], admin.info.ca_pem.clone()).into_response()
}
