//! The HTTP side of the hub: the EnOS REST API (`docs-model.md` §9) and the hub's own control under `/hub/v1`.
//!
//! Reads requests, calls the domain, writes replies; no rule of the cloud lives here.

mod auth;
mod call;
mod certificates;
mod commands;
mod control;
mod device_logs;
mod devices;
mod expression;
#[cfg(any(test, feature = "fuzz"))]
pub(crate) mod expression_fuzz;
mod feed;
mod listing;
mod measurepoints;
mod metrics;
mod models;
mod page;
mod products;
mod reply;
mod routes;
mod tsdb;

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use crate::domain::Cloud;
use auth::Tokens;
use call::Call;
use reply::{Fault, Reply};
use routes::Routes;

/// Signs a certificate request: PEM in, certificate in PEM out, or why not.
pub type SignCsr = Arc<dyn Fn(&str) -> Result<String, String> + Send + Sync>;

/// What the HTTP side tells about the server around it.
#[derive(Clone, Default)]
pub struct ServerInfo {
    /// Version of the hub.
    pub version: String,
    /// Where MQTT listens.
    pub mqtt: Option<SocketAddr>,
    /// Where MQTT over TLS listens.
    pub mqtts: Option<SocketAddr>,
    /// Where CoAP listens.
    pub coap: Option<SocketAddr>,
    /// Where CoAP over DTLS listens; nowhere without the feature `coaps`.
    pub coaps: Option<SocketAddr>,
    /// Where this API listens.
    pub http: Option<SocketAddr>,
    /// The hub's certificate authority, PEM.
    pub ca_pem: String,
    /// Signs device certificates; without it `certificates?action=apply` says that there is no authority.
    pub sign_csr: Option<SignCsr>,
}

/// What every handler works with.
struct Admin {
    cloud: Arc<Cloud>,
    info: ServerInfo,
    tokens: Tokens,
}

type Shared = State<Arc<Admin>>;

/// All routes of the HTTP side.
pub fn router(cloud: Arc<Cloud>, info: ServerInfo) -> Router {
    let admin = Arc::new(Admin { cloud, info, tokens: Tokens::default() });
    routes().into_router().method_not_allowed_fallback(wrong_method).fallback(no_route).with_state(admin)
}

/// Every route of the HTTP side.
fn routes() -> Routes {
    let routes = Routes::default()
        .post("/apim-token-service/v2.0/token/{verb}", auth::token)
        .any("/connect-service/{version}/{resource}", connect_service)
        .any("/model-service/{version}/{resource}", model_service)
        .any("/tsdb-service/{version}/{operation}", tsdb_service);
    page::routes(metrics::routes(control::routes(routes)))
}

async fn connect_service(
    State(admin): Shared,
    Path((version, resource)): Path<(String, String)>,
    request: Request,
) -> Response {
    let outcome = async {
        known_version(&version)?;
        let call = Call::read(&admin, request).await?;
        let changes = !READS.contains(&&*call.action);
        if changes {
            admin.cloud.store.ready().map_err(Fault::not_kept)?;
        }
        let outcome = match (&*resource, &*call.action) {
            ("products", _) => products::answer(&admin, &call),
            ("devices", _) => devices::answer(&admin, &call),
            ("commands", _) => commands::answer(&admin, &call).await,
            ("measurepoints", "queryLatest") => measurepoints::query_latest(&admin, &call),
            ("device-logs", "search") => device_logs::search(&admin, &call),
            ("certificates", "apply") => certificates::apply(&admin, &call),
            _ => Err(call.unknown(&resource)),
        };
        if changes { kept(&admin, outcome).await } else { outcome }
    };
    outcome.await.unwrap_or_else(Fault::into_reply).into_response()
}

/// Actions that change nothing that is kept: they go on while the store cannot keep anything.
const READS: [&str; 4] = ["get", "search", "queryLatest", "apply"];

/// A reply goes out when all that it tells of is kept.
async fn kept(admin: &Admin, outcome: Result<Reply, Fault>) -> Result<Reply, Fault> {
    let reply = outcome?;
    admin.cloud.store.committed().await.map_err(Fault::not_kept)?;
    Ok(reply)
}

async fn model_service(
    State(admin): Shared,
    Path((version, resource)): Path<(String, String)>,
    request: Request,
) -> Response {
    let outcome = async {
        known_version(&version)?;
        let call = Call::read(&admin, request).await?;
        match (&*resource, &*call.action) {
            ("thing-models", _) => models::answer(&admin, &call),
            _ => Err(call.unknown(&resource)),
        }
    };
    outcome.await.unwrap_or_else(Fault::into_reply).into_response()
}

async fn tsdb_service(
    State(admin): Shared,
    Path((version, operation)): Path<(String, String)>,
    request: Request,
) -> Response {
    let outcome = async {
        if version != "v2.1" {
            let msg = format!("version {version} of the service is not served: v2.1 is");
            return Err(Fault::not_found(msg));
        }
        let call = Call::read(&admin, request).await?;
        tsdb::answer(&admin, &call, &operation).await
    };
    outcome.await.unwrap_or_else(Fault::into_reply).into_response()
}

/// The versions whose shapes these replies have.
fn known_version(version: &str) -> Result<(), Fault> {
    if matches!(version, "v2.0" | "v2.1") {
        return Ok(());
    }
    Err(Fault::not_found(format!("version {version} of the service is not served: v2.0 and v2.1 are")))
}

async fn no_route(request: Request) -> Response {
    no_such(format!("no route {} {}", request.method(), request.uri().path()))
}

fn no_such(text: String) -> Response {
    let mut reply = Reply::failed(99404, text).into_response();
    *reply.status_mut() = StatusCode::NOT_FOUND;
    reply
}

async fn wrong_method(request: Request) -> Response {
    let text = format!("{} does not take {}", request.uri().path(), request.method());
    let mut reply = Reply::failed(99405, text).into_response();
    *reply.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
    reply
}

#[cfg(test)]
mod tests;
