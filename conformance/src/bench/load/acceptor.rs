//! Bare rustls as a server: handshake, a CONNECT read, a CONNACK written; what TLS itself costs.
//!
//! One connection after the other, as the load generator makes them.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};

use crate::bench::machine::{self, Core};
use crate::bench::mqtt::{Packet, kind};
use crate::bench::plan::RUN_LIMIT;
use crate::bench::{Outcome, process};
use crate::peer::certificate::{Authority, KeyKind};

/// No certificate of the client; each connection ends before the next.
pub const PLAIN: &str = "plain";
/// A certificate of the client is demanded.
pub const MUTUAL: &str = "mutual";
/// No certificate of the client; connections stay.
pub const HOLDING: &str = "holding";

/// The role `acceptor`: prints one line of JSON with its address and certificates, then serves until it is ended.
pub fn serve(role: &str) -> Outcome<()> {
    process::end_with_parent(RUN_LIMIT)?;
    machine::pin(Core::Server)?;
    let authority = Authority::new("bench")?;
    let (config, ready) = configure(&authority, role == MUTUAL)?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let client = authority.client("bench")?;
    println!(
        "{}",
        serde_json::json!({
            "tls": listener.local_addr()?.to_string(),
            "ca": ready,
            "client_certificate": client.certificate,
            "client_key": client.key,
        })
    );
    let mut held = Vec::new();
    loop {
        let (socket, _) = listener.accept()?;
        let mut stream = sign_in(&config, socket)?;
        if role == HOLDING {
            held.push(stream);
        } else {
            // DISCONNECT and the end of the connection; a client that breaks off does no harm.
            while matches!(stream.read(&mut [0; 64]), Ok(1..)) {}
        }
    }
}

fn configure(authority: &Authority, mutual: bool) -> Outcome<(Arc<ServerConfig>, String)> {
    let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
    let server = authority.server(&names, KeyKind::P256, false)?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder =
        ServerConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions()?;
    let builder = if mutual {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(authority.pem().as_bytes())?)?;
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build()?;
        builder.with_client_cert_verifier(verifier)
    } else {
        builder.with_no_client_auth()
    };
    let certificate = CertificateDer::from_pem_slice(server.certificate.as_bytes())?;
    let key = PrivateKeyDer::from_pem_slice(server.key.as_bytes())?;
    Ok((Arc::new(builder.with_single_cert(vec![certificate], key)?), authority.pem().to_owned()))
}

fn sign_in(
    config: &Arc<ServerConfig>,
    socket: TcpStream,
) -> Outcome<StreamOwned<ServerConnection, TcpStream>> {
    socket.set_nodelay(true)?;
    let mut stream = StreamOwned::new(ServerConnection::new(Arc::clone(config))?, socket);
    let mut bytes = Vec::new();
    while Packet::first_of(&bytes)?.is_none() {
        let mut more = [0; 1024];
        let count = stream.read(&mut more)?;
        if count == 0 {
            return Err("a client left before its CONNECT".into());
        }
        bytes.extend_from_slice(more.get(..count).unwrap_or_default());
    }
    stream.write_all(&[kind::CONNACK << 4, 2, 0, 0])?;
    stream.flush()?;
    Ok(stream)
}
