//! A verifier of client certificates that also asks whether the certificate was revoked.
//!
//! Revocation is looked up while the handshake runs and not read from a CRL, so that it takes effect at once and
//! no TLS settings have to be swapped; what a client sees, the alert `certificate_revoked`, is the same. A session
//! that is resumed shows no certificate again, so none is resumed while something is revoked.

use std::fmt;
use std::sync::Arc;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::StoresServerSessions;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{CertificateError, DigitallySignedStruct, DistinguishedName, Error, SignatureScheme};

/// What is revoked now.
pub(crate) trait Revocation: Send + Sync {
    /// Whether anything is.
    fn is_any(&self) -> bool;
    /// Whether a client certificate (DER of the leaf) that is valid otherwise is.
    fn is_revoked(&self, leaf: &[u8]) -> bool;
}

/// Nothing is ever revoked.
pub(super) struct Nothing;

impl Revocation for Nothing {
    fn is_any(&self) -> bool {
        false
    }

    fn is_revoked(&self, _leaf: &[u8]) -> bool {
        false
    }
}

/// Remembers sessions as `inner` does, and gives none back while something is revoked.
pub(super) struct Sessions {
    pub(super) inner: Arc<dyn StoresServerSessions>,
    pub(super) revoked: Arc<dyn Revocation>,
}

impl fmt::Debug for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sessions(..)")
    }
}

impl StoresServerSessions for Sessions {
    fn put(&self, key: Vec<u8>, value: Vec<u8>) -> bool {
        self.inner.put(key, value)
    }

    fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.inner.get(key).filter(|_| !self.revoked.is_any())
    }

    fn take(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.inner.take(key).filter(|_| !self.revoked.is_any())
    }

    fn can_cache(&self) -> bool {
        self.inner.can_cache()
    }
}

/// Verifies as `inner` does, and refuses what is revoked.
pub(super) struct Watchful {
    pub(super) inner: Arc<dyn ClientCertVerifier>,
    pub(super) revoked: Arc<dyn Revocation>,
}

impl fmt::Debug for Watchful {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Watchful({:?})", self.inner)
    }
}

impl ClientCertVerifier for Watchful {
    fn offer_client_auth(&self) -> bool {
        self.inner.offer_client_auth()
    }

    fn client_auth_mandatory(&self) -> bool {
        self.inner.client_auth_mandatory()
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.inner.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let verified = self.inner.verify_client_cert(leaf, intermediates, now)?;
        if self.revoked.is_revoked(leaf) {
            return Err(Error::InvalidCertificate(CertificateError::Revoked));
        }
        Ok(verified)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}
