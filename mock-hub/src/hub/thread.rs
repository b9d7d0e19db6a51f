//! The hub's thread: starts the runtime, binds, reports once, serves until the stop.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket, UdpSocket};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::admin::{self, ServerInfo};
use crate::capture::Side;
use crate::front::{Front, coap, http, listen};
use crate::pki::Pki;

use super::{Sockets, StartError, timer};

/// Connections that may wait to be accepted, for each socket.
const BACKLOG: u32 = 1_024;
/// Worker threads at most: the cloud's work is short, so more would only contend.
const WORKERS: usize = 4;
/// Time for tasks that do not end by themselves at the stop.
const SHUTDOWN_WAIT: Duration = Duration::from_secs(1);

type Report = mpsc::SyncSender<Result<Sockets<SocketAddr>, StartError>>;

/// Runs a hub; tells `report` its addresses when it accepts connections, or why it cannot.
pub(super) fn run(
    front: Arc<Front>,
    wanted: Sockets<SocketAddr>,
    pki: &Arc<Pki>,
    stopping: watch::Receiver<bool>,
    report: &Report,
) {
    // The starter waits for the report, or is gone and needs none.
    let tell = |result| drop(report.send(result));
    let workers = std::thread::available_parallelism().map_or(1, usize::from).min(WORKERS);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(workers)
        .thread_name("mock-hub-worker")
        .enable_all()
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => return tell(Err(StartError::System(error))),
    };
    #[cfg(feature = "coaps")]
    let secured = match coap::dtls::Dtls::new(front.clone()) {
        Ok(secured) => secured,
        Err(error) => return tell(Err(StartError::Dtls(error))),
    };
    runtime.block_on(async {
        match bind_all(wanted) {
            Err(error) => tell(Err(error)),
            Ok((bound, addresses)) => {
                let serving = serve(
                    front,
                    bound,
                    addresses,
                    pki,
                    #[cfg(feature = "coaps")]
                    secured,
                    stopping,
                );
                tell(Ok(addresses));
                serving.await;
            }
        }
    });
    runtime.shutdown_timeout(SHUTDOWN_WAIT);
}

/// The sockets that the hub serves.
struct Bound {
    mqtt: TcpListener,
    mqtts: TcpListener,
    coap: UdpSocket,
    #[cfg(feature = "coaps")]
    coaps: UdpSocket,
    http: TcpListener,
    https: TcpListener,
}

fn bind_all(wanted: Sockets<SocketAddr>) -> Result<(Bound, Sockets<SocketAddr>), StartError> {
    let bind = |socket, address| {
        let bound = bind(address).and_then(|listener| Ok((listener.local_addr()?, listener)));
        bound.map_err(|error| StartError::Listen { socket, address, error })
    };
    let bind_udp = |socket, address| {
        let bound = bind_udp(address).and_then(|socket| Ok((socket.local_addr()?, socket)));
        bound.map_err(|error| StartError::Listen { socket, address, error })
    };
    let (mqtt, mqtt_listener) = bind("mqtt", wanted.mqtt)?;
    let (mqtts, mqtts_listener) = bind("mqtts", wanted.mqtts)?;
    let (coap, coap_socket) = bind_udp("coap", wanted.coap)?;
    #[cfg(feature = "coaps")]
    let (coaps, coaps_socket) = bind_udp("coaps", wanted.coaps)?;
    let (http, http_listener) = bind("http", wanted.http)?;
    let (https, https_listener) = bind("https", wanted.https)?;
    let bound = Bound {
        mqtt: mqtt_listener,
        mqtts: mqtts_listener,
        coap: coap_socket,
        #[cfg(feature = "coaps")]
        coaps: coaps_socket,
        http: http_listener,
        https: https_listener,
    };
    let addresses = Sockets {
        mqtt,
        mqtts,
        coap,
        #[cfg(feature = "coaps")]
        coaps,
        http,
        https,
    };
    Ok((bound, addresses))
}

/// A socket for datagrams. No address is shared: two hubs on one port would each get a part of the datagrams.
fn bind_udp(address: SocketAddr) -> io::Result<UdpSocket> {
    let socket = std::net::UdpSocket::bind(address)?;
    socket.set_nonblocking(true)?;
    UdpSocket::from_std(socket)
}

fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // A restart must not wait for the old connections to be forgotten. On Windows the option would let two
    // hubs share a port instead.
    #[cfg(unix)]
    socket.set_reuseaddr(true)?;
    listen::ready_for_small_writes(&socket)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Starts every accept loop; the future ends when all have stopped.
fn serve(
    front: Arc<Front>,
    bound: Bound,
    addresses: Sockets<SocketAddr>,
    pki: &Arc<Pki>,
    #[cfg(feature = "coaps")] secured: coap::dtls::Dtls,
    mut stop: watch::Receiver<bool>,
) -> impl Future<Output = ()> + use<> {
    let router = admin::router(front.cloud.clone(), server_info(addresses, pki));
    let Bound {
        mqtt,
        mqtts,
        coap,
        #[cfg(feature = "coaps")]
        coaps,
        http: plain,
        https,
    } = bound;
    let mut loops = JoinSet::new();
    loops.spawn(timer::keep_time(front.cloud.clone(), stop.clone()));
    loops.spawn(listen::mqtt(front.clone(), mqtt, None, stop.clone()));
    loops.spawn(listen::mqtt(front.clone(), mqtts, Some(pki.mqtt_config()), stop.clone()));
    let server = coap::Server::new(front.clone(), Side::Coap);
    loops.spawn(coap::serve(server, coap, front.clock.clone(), stop.clone()));
    #[cfg(feature = "coaps")]
    loops.spawn(coap::serve(secured, coaps, front.clock.clone(), stop.clone()));
    loops.spawn(http::http(front.clone(), plain, None, router.clone(), stop.clone()));
    loops.spawn(http::http(front.clone(), https, Some(pki.http_config()), router, stop.clone()));
    async move {
        // A loop that ends before the stop has panicked: then the hub ends as a whole.
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => {}
            _ = loops.join_next() => loops.abort_all(),
        }
        front.cloud.journal.close();
        front.fabric.end_all("the hub is stopping");
        while loops.join_next().await.is_some() {}
    }
}

/// What the REST routes tell about the sockets and the authority.
fn server_info(addresses: Sockets<SocketAddr>, pki: &Arc<Pki>) -> ServerInfo {
    let authority = pki.clone();
    ServerInfo {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        mqtt: Some(addresses.mqtt),
        mqtts: Some(addresses.mqtts),
        coap: Some(addresses.coap),
        #[cfg(feature = "coaps")]
        coaps: Some(addresses.coaps),
        #[cfg(not(feature = "coaps"))]
        coaps: None,
        http: Some(addresses.http),
        ca_pem: pki.ca_pem().to_owned(),
        sign_csr: Some(Arc::new(move |request| {
            authority.sign_csr(request).map_err(|error| error.to_string())
        })),
    }
}
