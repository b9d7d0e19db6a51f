//! The HTTP server that carries the REST routes, plain and over TLS.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt;

use crate::clock::real;

use super::listen::{Stop, accept_all};
use super::places::{Held, Places};
use super::{Front, tls};

/// Time for the head of a request. Real time: the peer's patience does not follow the hub's clock.
const HEAD_WAIT: Duration = Duration::from_secs(30);

/// Serves `router` until the stop; requests that are being answered then are finished.
pub(crate) async fn http(
    front: Arc<Front>,
    listener: TcpListener,
    tls: Option<Arc<ServerConfig>>,
    router: Router,
    stop: Stop,
) {
    let acceptor = tls.map(TlsAcceptor::from);
    let limit = front.limits.http_connections;
    let places = Places::new(limit);
    let stopping = stop.clone();
    accept_all(&front, listener, stop, |stream, peer| {
        let Some(given) = places.give() else {
            front.transport(format!("{peer}: closed, since {limit} HTTP requests are being answered"));
            return None;
        };
        let (front, acceptor, router, stop) =
            (front.clone(), acceptor.clone(), router.clone(), stopping.clone());
        let places = places.clone();
        Some(async move {
            let Some(permit) = given.taken().await else { return };
            let held = places.enter(permit);
            let serving = async {
                match acceptor {
                    None => connection(stream, router, stop, &held).await,
                    Some(acceptor) => {
                        if let Some((stream, _)) = tls::accept(&front, &acceptor, stream, peer).await {
                            connection(stream, router, stop, &held).await;
                        }
                    }
                }
            };
            tokio::select! {
                () = serving => {}
                () = held.called_off() => {
                    front.transport(format!(
                        "{peer}: closed, since it was idle, {limit} HTTP connections were open and another came"
                    ));
                }
            }
        })
    })
    .await;
}

async fn connection<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    router: Router,
    mut stop: Stop,
    held: &Held,
) {
    let service = service_fn(|request: Request<Incoming>| {
        let (busy, router) = (held.request(), router.clone());
        async move { router.oneshot(request).await.map(|answer| answer.map(|body| busy.until_sent(body))) }
    });
    let mut serving = std::pin::pin!(
        http1::Builder::new()
            .timer(real::http_timer())
            .header_read_timeout(HEAD_WAIT)
            .serve_connection(TokioIo::new(stream), service)
    );
    tokio::select! {
        // A client that breaks HTTP has had its answer from hyper; there is nobody else to tell.
        _ = serving.as_mut() => return,
        _ = stop.wait_for(|stop| *stop) => {}
    }
    serving.as_mut().graceful_shutdown();
    let _ = serving.await;
}
