//! TLS settings of the server: TLS 1.2 and 1.3, two kinds of certificate, client certificates optional.

use std::sync::Arc;
use std::time::Duration;

use rcgen::{Certificate, KeyPair};
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer, UnixTime};
use rustls::server::{ClientHello, ResolvesServerCert, WebPkiClientVerifier};
use rustls::sign::CertifiedKey;
use rustls::time_provider::TimeProvider;
use rustls::{RootCertStore, ServerConfig};

use crate::clock::Clock;

use super::PkiError;
use super::revoked::{Revocation, Sessions, Watchful};

/// Settings with the P-256 and the RSA certificate, in this order. A client certificate is not asked of
/// everybody, but one that is offered must be of this authority, not revoked, and not expired by the hub's clock.
pub(super) fn config(
    ca: &CertificateDer<'static>,
    [p256, rsa]: [(Certificate, KeyPair); 2],
    clock: Clock,
    revoked: Arc<dyn Revocation>,
) -> Result<ServerConfig, PkiError> {
    let provider = Arc::new(ring::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(ca.clone())?;
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone())
        .allow_unauthenticated()
        .build()
        .map_err(|error| PkiError(error.to_string()))?;
    let verifier = Arc::new(Watchful { inner: verifier, revoked: revoked.clone() });
    let certificates = ByOffer { p256: certified(p256)?, rsa: certified(rsa)? };
    let mut config = ServerConfig::builder_with_details(provider, Arc::new(HubTime(clock)))
        .with_safe_default_protocol_versions()?
        .with_client_cert_verifier(verifier)
        .with_cert_resolver(Arc::new(certificates));
    config.session_storage = Arc::new(Sessions { inner: config.session_storage.clone(), revoked });
    Ok(config)
}

fn certified((certificate, key): (Certificate, KeyPair)) -> Result<Arc<CertifiedKey>, PkiError> {
    let key = PrivatePkcs8KeyDer::from(key.serialize_der());
    let signer = ring::sign::any_supported_type(&key.into())?;
    Ok(Arc::new(CertifiedKey::new(vec![certificate.der().clone()], signer)))
}

/// Chooses the certificate by what the client can verify: vendor clients may offer ECDSA suites only or RSA
/// suites only (`auth.md` §2.4).
#[derive(Debug)]
struct ByOffer {
    p256: Arc<CertifiedKey>,
    rsa: Arc<CertifiedKey>,
}

impl ResolvesServerCert for ByOffer {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        // rustls has taken out of these what no offered cipher suite can use.
        let ecdsa = self.p256.key.choose_scheme(hello.signature_schemes()).is_some();
        Some(if ecdsa { self.p256.clone() } else { self.rsa.clone() })
    }
}

/// The hub's clock as rustls reads it, for the expiry of client certificates.
#[derive(Debug)]
struct HubTime(Clock);

impl TimeProvider for HubTime {
    fn current_time(&self) -> Option<UnixTime> {
        Some(UnixTime::since_unix_epoch(Duration::from_millis(self.0.now_ms())))
    }
}
