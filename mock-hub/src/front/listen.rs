//! Listening sockets: one accept loop each, one task per connection, an orderly stop.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use crate::capture::{Side, Tap, Tapped};
use crate::clock::real;
use crate::fabric::OpenLine;

use super::faulty::Faulty;
use super::{Front, mqtt, tls};

/// Pause after a failed accept, which mostly means that the process has no file descriptors left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// Time that open connections get at the stop. Real time: a hub with a standing clock must stop too.
const STOP_WAIT: Duration = Duration::from_secs(1);

/// Becomes true when the hub stops.
pub(crate) type Stop = watch::Receiver<bool>;

/// Accepts MQTT connections until the stop; with `tls` they begin with a handshake.
pub(crate) async fn mqtt(
    front: Arc<Front>,
    listener: TcpListener,
    tls: Option<Arc<ServerConfig>>,
    stop: Stop,
) {
    let acceptor = tls.map(TlsAcceptor::from);
    accept_all(&front, listener, stop, |stream, peer| {
        let Some(open) = front.fabric.open(front.limits.connections) else {
            let limit = front.limits.connections;
            front.transport(format!("{peer}: closed, since {limit} connections are open"));
            return None;
        };
        let (front, acceptor) = (front.clone(), acceptor.clone());
        // A plain connection is captured below its faults, which is what goes over the wire.
        let plain = if acceptor.is_none() { tap(&front, &stream, peer, Side::Plain) } else { None };
        let stream = Faulty::new(Tapped::new(stream, plain), front.clone(), open.line().clone());
        Some(async move {
            match acceptor {
                None => mqtt::serve(&front, open, stream, peer, mqtt::Security::Plain).await,
                // Boxed, so that a plain connection does not carry the room that TLS needs.
                Some(acceptor) => Box::pin(over_tls(front, acceptor, open, stream, peer)).await,
            }
        })
    })
    .await;
}

async fn over_tls(
    front: Arc<Front>,
    acceptor: TlsAcceptor,
    open: OpenLine,
    stream: Faulty,
    peer: SocketAddr,
) {
    let shaken = tokio::select! {
        biased;
        _ = open.line().ended() => return,
        shaken = tls::accept(&front, &acceptor, stream, peer) => shaken,
    };
    if let Some((stream, certificate)) = shaken {
        let tap = tap(&front, stream.get_ref().0.socket(), peer, Side::Tls);
        let stream = Tapped::new(stream, tap);
        mqtt::serve(&front, open, stream, peer, mqtt::Security::Tls { certificate }).await;
    }
}

/// Begins a connection in the capture, if there is one.
fn tap(front: &Front, stream: &TcpStream, peer: SocketAddr, side: Side) -> Option<Tap> {
    let capture = front.capture.as_ref()?;
    // A socket that is gone again has no address any more; its bytes will not come either.
    let server = stream.local_addr().ok()?;
    Some(capture.connection(peer, server, side))
}

/// Runs a task for each connection until the stop, then waits for those that are open, but not for long.
pub(super) async fn accept_all<F>(
    front: &Front,
    listener: TcpListener,
    mut stop: Stop,
    serve: impl Fn(TcpStream, SocketAddr) -> Option<F>,
) where
    F: Future<Output = ()> + Send + 'static,
{
    let mut tasks = JoinSet::new();
    loop {
        tokio::select! {
            biased;
            _ = stop.wait_for(|stop| *stop) => break,
            Some(_) = tasks.join_next() => {}
            accepted = accept(&listener) => match accepted {
                Ok((stream, peer)) => {
                    if let Some(task) = serve(stream, peer) {
                        tasks.spawn(task);
                    }
                }
                Err(error) => front.transport(format!("cannot accept a connection: {error}")),
            }
        }
    }
    drop(listener);
    // What is still open after the wait is dropped with the set.
    let _ = real::timeout(STOP_WAIT, async { while tasks.join_next().await.is_some() {} }).await;
}

/// Whether what a listening socket is set to holds for what it accepts: so it is on Linux, where a call for each
/// connection is saved.
const INHERITED: bool = cfg!(target_os = "linux");

/// Sets up a socket before it listens: all that is ready goes out in one write, so Nagle's wait would only add delay.
pub(crate) fn ready_for_small_writes(socket: &TcpSocket) -> io::Result<()> {
    if INHERITED { socket.set_nodelay(true) } else { Ok(()) }
}

/// Accepts one connection, ready for small writes; after an error it has waited a little.
async fn accept(listener: &TcpListener) -> io::Result<(TcpStream, SocketAddr)> {
    match listener.accept().await {
        Ok((stream, peer)) => {
            if !INHERITED {
                // A peer that is gone again shows when it is read.
                let _ = stream.set_nodelay(true);
            }
            Ok((stream, peer))
        }
        Err(error) => {
            real::sleep(ACCEPT_PAUSE).await;
            Err(error)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_accepted_sends_small_writes_at_once() {
        let socket = TcpSocket::new_v4().unwrap();
        ready_for_small_writes(&socket).unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let listener = socket.listen(1).unwrap();
        let _client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (stream, _) = accept(&listener).await.unwrap();
        assert!(stream.nodelay().unwrap());
    }
}
