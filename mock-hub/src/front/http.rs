//! The HTTP server that carries the REST routes, plain and over TLS.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, TryAcquireError};
use tokio_rustls::TlsAcceptor;

use crate::clock::real;

use super::listen::{Stop, accept_all};
use super::{Front, tls};

/// HTTP connections at once, for each port.
const CONNECTIONS: usize = 1_024;
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
    let room = Arc::new(Semaphore::new(CONNECTIONS));
    let stopping = stop.clone();
    accept_all(&front, listener, stop, |stream, peer| {
        let permit = match room.clone().try_acquire_owned() {
            Ok(permit) => permit,
            Err(TryAcquireError::NoPermits | TryAcquireError::Closed) => {
                front.transport(format!("{peer}: closed, since {CONNECTIONS} HTTP connections are open"));
                return None;
            }
        };
        let (front, acceptor, router, stop) =
            (front.clone(), acceptor.clone(), router.clone(), stopping.clone());
        Some(async move {
            match acceptor {
                None => connection(stream, router, stop).await,
                Some(acceptor) => {
                    if let Some((stream, _)) = tls::accept(&front, &acceptor, stream, peer).await {
                        connection(stream, router, stop).await;
                    }
                }
            }
            drop(permit);
        })
    })
    .await;
}

async fn connection<S: AsyncRead + AsyncWrite + Unpin>(stream: S, router: Router, mut stop: Stop) {
    let mut serving = std::pin::pin!(
        http1::Builder::new()
            .timer(real::http_timer())
            .header_read_timeout(HEAD_WAIT)
            .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router))
    );
    tokio::select! {
        // A client that breaks HTTP has had its answer from hyper; there is nobody else to tell.
        _ = serving.as_mut() => return,
        _ = stop.wait_for(|stop| *stop) => {}
    }
    serving.as_mut().graceful_shutdown();
    let _ = serving.await;
}
