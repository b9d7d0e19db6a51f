//! Links that break and servers that misbehave: a relay to cut, and peers no client should trust or wait for.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, SupportedProtocolVersion};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

use super::certificate::Identity;

/// Which way bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From the device to the hub.
    Up,
    /// From the hub to the device.
    Down,
}

/// What a relay does with the connections it has.
#[derive(Clone, Debug)]
struct Orders {
    /// Counts the cuts: a connection that was made before the last one ends.
    cuts: u64,
    /// New connections are closed at once.
    refuse: bool,
    /// Bytes are left lying.
    hold: bool,
    /// The next connection is cut after this many bytes in this direction.
    cut_after: Option<(Direction, u64)>,
    stop: bool,
}

/// What a server does with whoever connects.
pub enum Manner {
    /// Carries everything to this address, as told by the relay's verbs.
    Relay(SocketAddr),
    /// The same behind TLS of its own.
    Tls(SocketAddr, Arc<ServerConfig>),
    /// An HTTP proxy: carries everything to whom CONNECT names.
    Proxy {
        /// `Proxy-Authorization` that it demands; without it the answer is 407.
        credentials: Option<String>,
    },
    /// Reads what comes first, then closes.
    CloseAfterFirst,
    /// Takes the connection and never reads nor writes.
    Silent,
    /// Reads what comes first and answers with these bytes, then stays silent.
    Answer {
        /// The answer.
        bytes: Vec<u8>,
        /// Reads nothing any more once it has answered.
        deaf: bool,
    },
    /// Sends these bytes one by one, with a pause in between, again and again.
    Drip(Vec<u8>, Duration),
}

/// A server on a free loopback port; dropping it ends it and its connections.
pub struct Server {
    address: SocketAddr,
    orders: watch::Sender<Orders>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Starts a server at a loopback address.
    pub fn start(at: IpAddr, manner: Manner) -> io::Result<Self> {
        let listener = std::net::TcpListener::bind(SocketAddr::new(at, 0))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let orders = Orders { cuts: 0, refuse: false, hold: false, cut_after: None, stop: false };
        let (orders, heard) = watch::channel(orders);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let teller = orders.clone();
        let thread =
            std::thread::spawn(move || runtime.block_on(serve(listener, Arc::new(manner), heard, teller)));
        Ok(Self { address, orders, thread: Some(thread) })
    }

    /// A relay on 127.0.0.1.
    pub fn relay(target: SocketAddr) -> io::Result<Self> {
        Self::start(Ipv4Addr::LOCALHOST.into(), Manner::Relay(target))
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends all connections.
    pub fn cut(&self) {
        self.orders.send_modify(|orders| orders.cuts += 1);
    }

    /// Closes new connections at once, or serves them again.
    pub fn refuse(&self, refuse: bool) {
        self.orders.send_modify(|orders| orders.refuse = refuse);
    }

    /// Leaves bytes lying, or carries them again.
    pub fn hold(&self, hold: bool) {
        self.orders.send_modify(|orders| orders.hold = hold);
    }

    /// Cuts the next connection after this many bytes in this direction; the one after it lives.
    pub fn cut_after(&self, direction: Direction, bytes: u64) {
        self.orders.send_modify(|orders| orders.cut_after = Some((direction, bytes)));
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.orders.send_modify(|orders| orders.stop = true);
        if let Some(thread) = self.thread.take() {
            // A panic over there was printed by its thread.
            let _ = thread.join();
        }
    }
}

/// TLS settings of a server with this certificate and these versions only.
pub fn tls_server(
    identity: &Identity,
    versions: &[&'static SupportedProtocolVersion],
) -> Result<Arc<ServerConfig>, Box<dyn std::error::Error>> {
    let chain: Vec<_> =
        CertificateDer::pem_slice_iter(identity.certificate.as_bytes()).collect::<Result<_, _>>()?;
    let key = PrivateKeyDer::from_pem_slice(identity.key.as_bytes())?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    Ok(Arc::new(config))
}

async fn serve(
    listener: std::net::TcpListener,
    manner: Arc<Manner>,
    mut heard: watch::Receiver<Orders>,
    teller: watch::Sender<Orders>,
) {
    let Ok(listener) = TcpListener::from_std(listener) else { return };
    loop {
        tokio::select! {
            _ = heard.wait_for(|orders| orders.stop) => return,
            accepted = listener.accept() => {
                let Ok((stream, _)) = accepted else { continue };
                let mut cut_after = None;
                let mut refuse = false;
                teller.send_modify(|orders| {
                    refuse = orders.refuse;
                    if !refuse {
                        cut_after = orders.cut_after.take();
                    }
                });
                if !refuse {
                    let orders = teller.subscribe();
                    tokio::spawn(connection(stream, manner.clone(), orders, cut_after));
                }
            }
        }
    }
}

async fn connection(
    stream: TcpStream,
    manner: Arc<Manner>,
    mut orders: watch::Receiver<Orders>,
    cut_after: Option<(Direction, u64)>,
) {
    let cuts = orders.borrow().cuts;
    let carry = orders.clone();
    let served = async {
        match &*manner {
            Manner::Relay(target) => relay(stream, *target, carry, cut_after).await,
            Manner::Tls(target, config) => {
                match TlsAcceptor::from(config.clone()).accept(stream).await {
                    Ok(stream) => relay(stream, *target, carry, cut_after).await,
                    // A client that refuses the certificate ends here, as it should.
                    Err(_) => Ok(()),
                }
            }
            Manner::Proxy { credentials } => proxy(stream, credentials.as_deref(), carry).await,
            Manner::CloseAfterFirst => first(stream).await,
            Manner::Silent => {
                let _kept = stream;
                std::future::pending().await
            }
            Manner::Answer { bytes, deaf } => answer(stream, bytes, *deaf).await,
            Manner::Drip(bytes, pause) => drip(stream, bytes, *pause).await,
        }
    };
    // A cut comes first: what was held back stays behind, though the order to carry follows at once.
    tokio::select! {
        biased;
        _ = orders.wait_for(|orders| orders.stop || orders.cuts != cuts) => {}
        _ = served => {}
    }
}

/// Answers CONNECT (RFC 9110 §9.3.6) and carries what follows.
async fn proxy(
    mut stream: TcpStream,
    credentials: Option<&str>,
    orders: watch::Receiver<Orders>,
) -> io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() > 8 * 1024 {
            return Ok(());
        }
        head.push(stream.read_u8().await?);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let shown = head
        .lines()
        .any(|line| credentials.is_some_and(|wanted| line == format!("Proxy-Authorization: Basic {wanted}")));
    if credentials.is_some() && !shown {
        return stream
            .write_all(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
            .await;
    }
    let target = head
        .strip_prefix("CONNECT ")
        .and_then(|rest| rest.split(' ').next())
        .and_then(|target| target.parse().ok());
    match target {
        Some(target) => {
            stream.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await?;
            relay(stream, target, orders, None).await
        }
        None => stream.write_all(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n").await,
    }
}

async fn first(mut stream: TcpStream) -> io::Result<()> {
    stream.read(&mut [0; 4096]).await.map(|_| ())
}

async fn answer(mut stream: TcpStream, bytes: &[u8], deaf: bool) -> io::Result<()> {
    if stream.read(&mut [0; 4096]).await? == 0 {
        return Ok(());
    }
    stream.write_all(bytes).await?;
    if deaf {
        return std::future::pending().await;
    }
    while stream.read(&mut [0; 4096]).await? > 0 {}
    Ok(())
}

async fn drip(mut stream: TcpStream, bytes: &[u8], pause: Duration) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut tick = tokio::time::interval(pause);
    for byte in bytes.iter().cycle() {
        tick.tick().await;
        stream.write_all(&[*byte]).await?;
    }
    Ok(())
}

async fn relay(
    near: impl tokio::io::AsyncRead + tokio::io::AsyncWrite,
    target: SocketAddr,
    orders: watch::Receiver<Orders>,
    cut_after: Option<(Direction, u64)>,
) -> io::Result<()> {
    let far = TcpStream::connect(target).await?;
    far.set_nodelay(true)?;
    let (near_read, near_write) = tokio::io::split(near);
    let (far_read, far_write) = far.into_split();
    let limit = |direction| cut_after.and_then(|(way, bytes)| (way == direction).then_some(bytes));
    // Whichever side ends first ends both.
    tokio::select! {
        ended = pump(near_read, far_write, orders.clone(), limit(Direction::Up)) => ended,
        ended = pump(far_read, near_write, orders, limit(Direction::Down)) => ended,
    }
}

async fn pump(
    from: impl tokio::io::AsyncRead,
    to: impl tokio::io::AsyncWrite,
    mut orders: watch::Receiver<Orders>,
    mut left: Option<u64>,
) -> io::Result<()> {
    tokio::pin!(from, to);
    let mut chunk = vec![0; 16 * 1024];
    loop {
        if left == Some(0) {
            return Ok(());
        }
        let count = from.read(&mut chunk).await?;
        if count == 0 {
            to.shutdown().await?;
            return Ok(());
        }
        if orders.wait_for(|orders| !orders.hold).await.is_err() {
            return Ok(());
        }
        let may = left.map_or(count, |left| count.min(usize::try_from(left).unwrap_or(usize::MAX)));
        to.write_all(chunk.get(..may).unwrap_or_default()).await?;
        to.flush().await?;
        left = left.map(|left| left - may as u64);
    }
}
