//! The TLS handshake of a connection, and what its failure means to a device developer.

use std::io;
use std::net::SocketAddr;

use rustls::{AlertDescription, Error};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::Front;

/// Shakes hands. Gives the stream and the client's certificate (DER of the verified leaf) if it offered one;
/// none, and a journal line, if the handshake fails or takes too long.
pub(super) async fn accept<S: AsyncRead + AsyncWrite + Unpin>(
    front: &Front,
    acceptor: &TlsAcceptor,
    stream: S,
    peer: SocketAddr,
) -> Option<(TlsStream<S>, Option<Vec<u8>>)> {
    let shaken = tokio::select! {
        shaken = acceptor.accept(stream) => shaken,
        () = front.clock.sleep(front.limits.connect_wait) => {
            let waited = front.limits.connect_wait.as_secs();
            front.transport(format!("{peer}: no TLS handshake within {waited} s; closed"));
            return None;
        }
    };
    match shaken {
        Ok(stream) => {
            let (_, session) = stream.get_ref();
            let leaf = session.peer_certificates().and_then(|chain| chain.first());
            let certificate = leaf.map(|leaf| leaf.to_vec());
            Some((stream, certificate))
        }
        Err(error) => {
            let hint = hint(&error);
            front.transport(format!("{peer}: TLS handshake failed: {error}{hint}"));
            None
        }
    }
}

/// The likely cause and the next step.
fn hint(error: &io::Error) -> &'static str {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) {
        Some(Error::InvalidMessage(_)) => {
            "; the peer does not speak TLS: plain connections have their own port"
        }
        Some(Error::InvalidCertificate(_)) => {
            "; the client's certificate must be issued by this hub and be valid now"
        }
        Some(Error::AlertReceived(
            AlertDescription::UnknownCA
            | AlertDescription::BadCertificate
            | AlertDescription::CertificateUnknown
            | AlertDescription::DecryptError,
        )) => "; the client does not trust the hub: give it the CA of the ready line or of /hub/v1/ca.pem",
        Some(Error::PeerIncompatible(_)) => {
            "; the hub offers TLS 1.2 and 1.3 with ECDHE and AES-GCM or ChaCha20"
        }
        _ => "",
    }
}
