//! The hub's own certificate authority: made anew at each start, gone with the process.
//!
//! Issues the server certificates (P-256 and RSA-2048) and client certificates for devices. It proves nothing
//! to anybody but the peers of this one hub.

mod revoked;
mod server;

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;

use rcgen::{
    BasicConstraints, Certificate, CertificateParams, CertificateSigningRequestParams, DnType,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose, PublicKeyData, SanType, date_time_ymd,
};
use rustls::ServerConfig;

use crate::clock::Clock;
use crate::fabric::DeviceId;

pub(crate) use revoked::Revocation;

/// The RSA key of the server certificate. `ring` makes no RSA keys, and a start may not take long.
const RSA_KEY: &str = include_str!("test-only-rsa-2048.pem");
/// Life of a client certificate, counted by the hub's clock: the vendor's default (`docs-mqtt.md` §4).
const CLIENT_DAYS: u64 = 730;
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Why no certificate could be made.
#[derive(Debug)]
pub struct PkiError(String);

impl fmt::Display for PkiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for PkiError {}

impl From<rcgen::Error> for PkiError {
    fn from(error: rcgen::Error) -> Self {
        Self(error.to_string())
    }
}

impl From<rustls::Error> for PkiError {
    fn from(error: rustls::Error) -> Self {
        Self(error.to_string())
    }
}

/// A certificate authority and the server's TLS settings under it.
pub struct Pki {
    clock: Clock,
    issuer: Issuer<'static, KeyPair>,
    ca_pem: String,
    server: Arc<ServerConfig>,
}

impl Pki {
    /// Makes a new authority and the server's certificates.
    ///
    /// # Errors
    /// The system gives no random bytes.
    pub fn new(clock: Clock) -> Result<Self, PkiError> {
        Self::with_revocation(clock, Arc::new(revoked::Nothing))
    }

    /// An authority that asks `revoked` in each handshake in which a client shows a certificate or resumes.
    pub(crate) fn with_revocation(clock: Clock, revoked: Arc<dyn Revocation>) -> Result<Self, PkiError> {
        let key = KeyPair::generate()?;
        let params = ca_params(&key);
        let ca = params.self_signed(&key)?;
        let issuer = Issuer::new(params, key);
        let p256 = KeyPair::generate()?;
        let rsa = KeyPair::from_pem(RSA_KEY)?;
        let offered = [(server_params().signed_by(&p256, &issuer)?, p256), {
            (server_params().signed_by(&rsa, &issuer)?, rsa)
        }];
        let server = server::config(ca.der(), offered, clock.clone(), revoked)?;
        Ok(Self { clock, issuer, ca_pem: ca.pem(), server: Arc::new(server) })
    }

    /// The authority's certificate, which peers of this hub are to trust.
    #[must_use]
    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    /// Issues a P-256 client certificate for a device: certificate and private key, both PEM. Its common name
    /// is the device key.
    ///
    /// # Errors
    /// The system gives no random bytes, or the device key does not fit into a certificate.
    pub fn issue_client(&self, device: &DeviceId) -> Result<(String, String), PkiError> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::default();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::OrganizationName, &*device.product_key);
        params.distinguished_name.push(DnType::CommonName, &*device.device_key);
        Ok((self.client(params, &key)?.pem(), key.serialize_pem()))
    }

    /// Signs a certificate request (PKCS#10, PEM): same subject and key, for client authentication only. What
    /// else the request asks for is not granted.
    ///
    /// # Errors
    /// The text is no request, its signature is wrong, or its subject has no common name, which has to be the
    /// device key.
    pub fn sign_csr(&self, request: &str) -> Result<String, PkiError> {
        let request = CertificateSigningRequestParams::from_pem(request)
            .map_err(|error| PkiError(format!("the certificate request cannot be used: {error}")))?;
        let mut params = CertificateParams::default();
        params.distinguished_name = request.params.distinguished_name;
        if params.distinguished_name.get(&DnType::CommonName).is_none() {
            return Err(PkiError("the subject of the request has no common name".to_owned()));
        }
        Ok(self.client(params, &request.public_key)?.pem())
    }

    /// TLS settings for the MQTT port.
    pub(crate) fn mqtt_config(&self) -> Arc<ServerConfig> {
        self.server.clone()
    }

    /// TLS settings for the HTTP port.
    pub(crate) fn http_config(&self) -> Arc<ServerConfig> {
        let mut config = ServerConfig::clone(&self.server);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Arc::new(config)
    }

    fn client(
        &self,
        mut params: CertificateParams,
        key: &impl PublicKeyData,
    ) -> Result<Certificate, PkiError> {
        let now = date_time_ymd(1970, 1, 1) + Duration::from_millis(self.clock.now_ms());
        params.not_before = now - DAY;
        params.not_after = now + DAY * CLIENT_DAYS as u32;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        params.use_authority_key_identifier_extension = true;
        Ok(params.signed_by(key, &self.issuer)?)
    }
}

impl fmt::Debug for Pki {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pki(..)")
    }
}

fn ca_params(key: &KeyPair) -> CertificateParams {
    let mut params = lasting();
    // Trust stores find an authority by its name, so that two hubs must not have the same.
    let name: String = params.key_identifier(key).iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    params.distinguished_name.push(DnType::CommonName, format!("EnOS mock hub test CA {name}"));
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

fn server_params() -> CertificateParams {
    let mut params = lasting();
    params.distinguished_name.push(DnType::CommonName, "EnOS mock hub");
    params.subject_alt_names = vec![
        SanType::IpAddress(IpAddr::V4(Ipv4Addr::LOCALHOST)),
        SanType::IpAddress(IpAddr::V6(Ipv6Addr::LOCALHOST)),
    ];
    if let Ok(name) = "localhost".try_into() {
        params.subject_alt_names.push(SanType::DnsName(name));
    }
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    params
}

/// Parameters valid on any day that a machine with a wrong clock may believe in: the hub's clock can be moved,
/// its peers' cannot.
fn lasting() -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.not_before = date_time_ymd(2000, 1, 1);
    params.not_after = date_time_ymd(2049, 12, 31);
    params
}
