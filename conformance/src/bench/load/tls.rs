//! Devices over TLS 1.2: a full handshake each, sign-in by MQTT.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

use rustls::client::Resumption;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, ProtocolVersion, RootCertStore, StreamOwned};

use super::server::Server;
use crate::bench::Outcome;
use crate::bench::mqtt::{self, kind};
use crate::peer::certificate::Identity;

/// A signed-in device.
pub(super) type Stream = StreamOwned<ClientConnection, TcpStream>;

/// A client's settings: TLS 1.2, no resumption.
pub(super) fn settings(ca: &str, identity: Option<&Identity>) -> Outcome<Arc<ClientConfig>> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(ca.as_bytes())?)?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS12])?
        .with_root_certificates(roots);
    let mut config = match identity {
        None => builder.with_no_client_auth(),
        Some(identity) => {
            let chain = CertificateDer::pem_slice_iter(identity.certificate.as_bytes())
                .collect::<Result<Vec<_>, _>>()?;
            let key = PrivateKeyDer::from_pem_slice(identity.key.as_bytes())?;
            builder.with_client_auth_cert(chain, key)?
        }
    };
    config.resumption = Resumption::disabled();
    Ok(Arc::new(config))
}

/// Connects, shakes hands, signs in.
pub(super) fn connect(server: &Server, config: &Arc<ClientConfig>, packet: &[u8]) -> Outcome<Stream> {
    let socket = TcpStream::connect(server.mqtts)?;
    socket.set_nodelay(true)?;
    let session = ClientConnection::new(Arc::clone(config), ServerName::try_from("localhost")?)?;
    let mut stream = StreamOwned::new(session, socket);
    stream.write_all(packet)?;
    stream.flush()?;
    let mut answer = [0; 4];
    stream.read_exact(&mut answer)?;
    if answer != [kind::CONNACK << 4, 2, 0, 0] {
        return Err(format!("the sign-in was answered with {answer:?}").into());
    }
    if stream.conn.protocol_version() != Some(ProtocolVersion::TLSv1_2) {
        return Err("not TLS 1.2".into());
    }
    Ok(stream)
}

/// Signs off, and waits until the server has closed the connection.
pub(super) fn leave(mut stream: Stream) -> Outcome<()> {
    let mut out = Vec::new();
    mqtt::put_disconnect(&mut out);
    stream.write_all(&out)?;
    stream.conn.send_close_notify();
    // The server may have ended by now, since it was told to; a reset instead of an end is an end, too.
    let _ = stream.flush();
    let _ = stream.sock.shutdown(std::net::Shutdown::Write);
    while matches!(stream.sock.read(&mut [0; 256]), Ok(1..)) {}
    Ok(())
}
