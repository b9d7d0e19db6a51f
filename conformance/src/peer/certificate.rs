//! Certificates for tests, made when they are needed.

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};

/// `ring` makes no RSA keys.
const RSA_KEY: &str = include_str!("../../certificates/test-only-rsa-2048.pem");

/// Which kind of key a certificate has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyKind {
    /// ECDSA on P-256.
    P256,
    /// RSA of 2048 bits.
    Rsa,
}

/// A certificate and its key, both PEM.
#[derive(Clone)]
pub struct Identity {
    /// The certificate.
    pub certificate: String,
    /// Its private key.
    pub key: String,
}

/// A certificate authority of one test.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl Authority {
    /// Makes an authority that nobody trusts yet.
    pub fn new(name: &str) -> Result<Self, rcgen::Error> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let pem = params.self_signed(&key)?.pem();
        Ok(Self { issuer: Issuer::new(params, key), pem })
    }

    /// The authority's certificate.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// A server's certificate for these names; `expired` ends its life in the past.
    pub fn server(&self, names: &[String], kind: KeyKind, expired: bool) -> Result<Identity, rcgen::Error> {
        let mut params = CertificateParams::new(names.to_vec())?;
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        if expired {
            params.not_before = date_time_ymd(2020, 1, 1);
            params.not_after = date_time_ymd(2021, 1, 1);
        }
        self.issue(params, kind)
    }

    /// A certificate for these names, changed as wanted.
    pub fn made(
        &self,
        names: Vec<String>,
        change: impl FnOnce(&mut CertificateParams),
    ) -> Result<Identity, rcgen::Error> {
        let mut params = CertificateParams::new(names)?;
        change(&mut params);
        self.issue(params, KeyKind::P256)
    }

    /// A client's certificate with this common name.
    pub fn client(&self, name: &str) -> Result<Identity, rcgen::Error> {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        self.issue(params, KeyKind::P256)
    }

    fn issue(&self, params: CertificateParams, kind: KeyKind) -> Result<Identity, rcgen::Error> {
        let key = match kind {
            KeyKind::P256 => KeyPair::generate()?,
            KeyKind::Rsa => KeyPair::from_pem(RSA_KEY)?,
        };
        let certificate = params.signed_by(&key, &self.issuer)?.pem();
        Ok(Identity { certificate, key: key.serialize_pem() })
    }
}

/// A certificate request (PKCS#10) with this common name, and its key; both PEM.
pub fn request(name: &str) -> Result<(String, String), rcgen::Error> {
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    Ok((params.serialize_request(&key)?.pem()?, key.serialize_pem()))
}
