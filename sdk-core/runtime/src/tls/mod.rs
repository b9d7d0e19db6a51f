//! TLS as a device uses it: whom to trust, and which certificate to show.
//!
//! Owns PEM reading and the rustls configuration. Refuses to switch any check off: chain, dates and server name
//! (addresses too) are always checked.

mod certificate;
mod explain;
mod provider;

pub(crate) use certificate::{Certificate, date};
pub(crate) use explain::{explain, explain_io};

use crate::doctor::Cause;
use crate::error::Error;
use crate::link::Down;
use enos_core::LinkFault;
use rustls::client::Resumption;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore};
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use zeroize::Zeroizing;

/// Largest PEM file that is read, in bytes; a system's whole CA bundle has a quarter of this.
const MAX_PEM: usize = 1024 * 1024;

/// TLS sessions kept for a faster reconnect.
const SESSIONS: usize = 2;

/// Whom to trust and what to show, in PEM. Without anything set: the system's CAs, and no client certificate.
///
/// Clients that are given clones of one value share what is parsed of it, and its TLS sessions.
#[derive(Clone, Default)]
pub struct Tls {
    ca: Option<Vec<u8>>,
    client: Option<(Vec<u8>, Zeroizing<Vec<u8>>)>,
    setup: Arc<OnceLock<Arc<TlsSetup>>>,
}

impl Tls {
    /// The system's CAs, and no client certificate.
    pub fn new() -> Self {
        Self::default()
    }

    /// Trusts the CAs of this PEM text instead of the system's.
    pub fn ca(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.ca = Some(pem.into());
        self.setup = Arc::default();
        self
    }

    /// Trusts the CAs of this PEM file instead of the system's. Fails if it cannot be read.
    pub fn ca_file(self, path: impl AsRef<Path>) -> Result<Self, Error> {
        Ok(self.ca(read("CA file", path.as_ref())?))
    }

    /// Shows this certificate chain (the device's first), and signs with this key: PKCS#8, SEC1 or PKCS#1, in PEM.
    pub fn client(mut self, certificate: impl Into<Vec<u8>>, key: impl Into<Vec<u8>>) -> Self {
        self.client = Some((certificate.into(), Zeroizing::new(key.into())));
        self.setup = Arc::default();
        self
    }

    /// Whether it shows a certificate of this device.
    pub(crate) fn shows_certificate(&self) -> bool {
        self.client.is_some()
    }

    /// Whether anything was set.
    pub(crate) fn is_set(&self) -> bool {
        self.ca.is_some() || self.client.is_some()
    }

    /// What is parsed of it; a mistake shows here, before the first dial.
    pub(crate) fn setup(&self) -> Result<Arc<TlsSetup>, Error> {
        if let Some(setup) = self.setup.get() {
            return Ok(setup.clone());
        }
        let setup = Arc::new(TlsSetup::new(self)?);
        Ok(self.setup.get_or_init(|| setup).clone())
    }

    /// As [`client`](Self::client), from files. Fails if one cannot be read.
    pub fn client_files(self, certificate: impl AsRef<Path>, key: impl AsRef<Path>) -> Result<Self, Error> {
        let certificate = read("client certificate file", certificate.as_ref())?;
        let key = read("client key file", key.as_ref())?;
        Ok(self.client(certificate, key))
    }
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let own = |given| if given { "given" } else { "none" };
        f.debug_struct("Tls")
            .field("ca", &if self.ca.is_some() { "given" } else { "system" })
            .field("client", &own(self.client.is_some()))
            .finish()
    }
}

fn read(what: &str, path: &Path) -> Result<Vec<u8>, Error> {
    match crate::os::files::read_bounded(path, MAX_PEM) {
        Ok(Some(bytes)) => Ok(bytes),
        Ok(None) => {
            Err(Error::invalid(format!("the {what} {} does not exist. Check the path.", path.display())))
        }
        Err(error) => {
            let text = format!("the {what} {} cannot be read: {error}. Check the path.", path.display());
            Err(Error::invalid(text))
        }
    }
}

/// The CAs of the system, read when the first link needs them and shared by all clients of a runtime.
#[derive(Default)]
pub(crate) struct SystemRoots(Mutex<Option<Arc<RootCertStore>>>);

impl SystemRoots {
    fn get(&self) -> Result<Arc<RootCertStore>, String> {
        let mut cached = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(roots) = &*cached {
            return Ok(roots.clone());
        }
        let loaded = rustls_native_certs::load_native_certs();
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(loaded.certs);
        if roots.is_empty() {
            let cause = loaded.errors.first().map(|error| format!(" ({error})")).unwrap_or_default();
            return Err(format!(
                "this system has no CA certificates{cause}. Install them (package ca-certificates), or give the hub's CA"
            ));
        }
        let roots = Arc::new(roots);
        *cached = Some(roots.clone());
        Ok(roots)
    }
}

/// What is checked and parsed of a [`Tls`], with the configuration that is made of it at the first dial.
pub(crate) struct TlsSetup {
    ca: Option<Arc<RootCertStore>>,
    client: Option<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>,
    config: OnceLock<Arc<ClientConfig>>,
}

impl TlsSetup {
    /// Parses all PEM.
    fn new(tls: &Tls) -> Result<Self, Error> {
        let ca = tls.ca.as_deref().map(parse_ca).transpose()?.map(Arc::new);
        let client = match &tls.client {
            None => None,
            Some((certificate, key)) => {
                let chain = parse_chain("client certificate", certificate)?;
                let key = parse_key(key)?;
                Some((chain, key))
            }
        };
        let setup = Self { ca, client, config: OnceLock::new() };
        if setup.client.is_some() {
            // Certificate and key must fit; that needs no CA.
            setup.build(Arc::new(RootCertStore::empty())).map_err(Error::invalid)?;
        }
        Ok(setup)
    }

    pub(crate) fn has_client_certificate(&self) -> bool {
        self.client.is_some()
    }

    /// The client certificate, the device's own first.
    pub(crate) fn client_certificate(&self) -> Option<&CertificateDer<'static>> {
        self.client.as_ref()?.0.first()
    }

    /// Whether CAs were given, instead of the system's.
    pub(crate) fn has_ca(&self) -> bool {
        self.ca.is_some()
    }

    /// The same settings without remembered sessions: every handshake shows and checks all certificates.
    pub(crate) fn afresh(&self) -> Self {
        let client = self.client.as_ref().map(|(chain, key)| (chain.clone(), key.clone_key()));
        Self { ca: self.ca.clone(), client, config: OnceLock::new() }
    }

    /// A new connection, its first message not yet sent.
    pub(crate) fn connection(&self, host: &str, system: &SystemRoots) -> Result<ClientConnection, Down> {
        let tls = |text: String| Down::new(LinkFault::Tls, text);
        let config = self.config(system)?;
        // A zone of a link-local address is no part of a name in a certificate.
        let bare = host.split_once('%').map_or(host, |(address, _)| address);
        let name = ServerName::try_from(bare.to_owned()).map_err(|_| {
            tls(format!("\"{host}\" is no name that a certificate can carry. Check the hub URL"))
        })?;
        ClientConnection::new(config, name)
            .map_err(|error| explain(&error, host, self.has_client_certificate()))
    }

    fn config(&self, system: &SystemRoots) -> Result<Arc<ClientConfig>, Down> {
        let no = |text: String| Down::new(LinkFault::Tls, text);
        if let Some(config) = self.config.get() {
            return Ok(config.clone());
        }
        let roots = match &self.ca {
            Some(roots) => roots.clone(),
            None => system.get().map_err(|text| no(text).because(Cause::NoSystemCas))?,
        };
        let config = Arc::new(self.build(roots).map_err(no)?);
        Ok(self.config.get_or_init(|| config).clone())
    }

    fn build(&self, roots: Arc<RootCertStore>) -> Result<ClientConfig, String> {
        let builder = ClientConfig::builder_with_provider(provider::provider())
            .with_safe_default_protocol_versions()
            .map_err(|error| format!("TLS cannot be set up: {error}. This is a bug"))?
            .with_root_certificates(roots);
        let mut config = match &self.client {
            None => builder.with_no_client_auth(),
            Some((chain, key)) => builder.with_client_auth_cert(chain.clone(), key.clone_key()).map_err(
                |error| match error {
                    rustls::Error::InconsistentKeys(_) => {
                        "the client key does not belong to the client certificate. Give the key of the first \
                         certificate in the chain."
                            .to_owned()
                    }
                    error => format!("client certificate and key cannot be used: {error}. Check both files."),
                },
            )?,
        };
        config.resumption = Resumption::in_memory_sessions(SESSIONS);
        Ok(config)
    }
}

fn parse_ca(pem: &[u8]) -> Result<RootCertStore, Error> {
    let mut roots = RootCertStore::empty();
    for (place, certificate) in parse_chain("CA", pem)?.into_iter().enumerate() {
        roots.add(certificate).map_err(|error| {
            Error::invalid(format!("CA certificate {} in the PEM text cannot be used: {error}.", place + 1))
        })?;
    }
    Ok(roots)
}

fn parse_chain(what: &str, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, Error> {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match chain {
        Ok(chain) if chain.is_empty() => Err(Error::invalid(format!(
            "the {what} PEM text holds no certificate. It needs a block -----BEGIN CERTIFICATE-----."
        ))),
        Ok(chain) => Ok(chain),
        Err(error) => Err(Error::invalid(format!("the {what} PEM text is damaged: {error}."))),
    }
}

fn parse_key(pem: &[u8]) -> Result<PrivateKeyDer<'static>, Error> {
    PrivateKeyDer::from_pem_slice(pem).map_err(|error| {
        let encrypted = pem.windows(9).any(|word| word == b"ENCRYPTED");
        Error::invalid(match error {
            _ if encrypted => {
                "the client key is encrypted. Give it without a password, readable by its owner only."
                    .to_owned()
            }
            pem::Error::NoItemsFound => "the client key PEM text holds no private key. It needs a block \
                 -----BEGIN PRIVATE KEY----- (or EC or RSA PRIVATE KEY)."
                .to_owned(),
            error => format!("the client key PEM text is damaged: {error}."),
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use enos_core::ErrorKind;
    use rcgen::{CertificateParams, KeyPair};

    fn pair() -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let certificate =
            CertificateParams::new(vec!["device".to_owned()]).unwrap().self_signed(&key).unwrap();
        (certificate.pem(), key.serialize_pem())
    }

    fn refusal(tls: &Tls) -> String {
        let error = TlsSetup::new(tls).err().expect("must be refused");
        assert_eq!(error.kind, ErrorKind::InvalidArgument);
        error.message
    }

    #[test]
    fn pem_mistakes_are_named() {
        let (certificate, key) = pair();
        let (_, other) = pair();
        TlsSetup::new(&Tls::new().ca(certificate.clone()).client(certificate.clone(), key.clone())).unwrap();
        assert!(refusal(&Tls::new().ca("")).contains("no certificate"));
        assert!(refusal(&Tls::new().ca(key.clone())).contains("no certificate"));
        assert!(refusal(&Tls::new().ca(certificate.replace("MII", "!!!"))).contains("damaged"));
        assert!(refusal(&Tls::new().client(certificate.clone(), other)).contains("does not belong"));
        assert!(refusal(&Tls::new().client(certificate.clone(), "")).contains("no private key"));
        let encrypted = key.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY");
        assert!(refusal(&Tls::new().client(certificate.clone(), encrypted)).contains("without a password"));
        let missing = Tls::new().ca_file("/nowhere/ca.pem").unwrap_err();
        assert!(missing.message.contains("/nowhere/ca.pem"), "{missing}");
    }

    #[test]
    fn keys_of_every_form_are_read() {
        // SEC1 and PKCS#8 of one P-256 key, PKCS#1 is covered by the kind of its block.
        let (certificate, key) = pair();
        let pkcs8 = parse_key(key.as_bytes()).unwrap();
        assert!(matches!(pkcs8, PrivateKeyDer::Pkcs8(_)));
        let sec1 = key.replace("PRIVATE KEY", "EC PRIVATE KEY");
        assert!(matches!(parse_key(sec1.as_bytes()).unwrap(), PrivateKeyDer::Sec1(_)));
        let pkcs1 = key.replace("PRIVATE KEY", "RSA PRIVATE KEY");
        assert!(matches!(parse_key(pkcs1.as_bytes()).unwrap(), PrivateKeyDer::Pkcs1(_)));
        // A block that says one thing and holds another is refused, not believed.
        assert!(refusal(&Tls::new().client(certificate, pkcs1)).contains("cannot be used"));
    }

    #[test]
    fn clones_share_what_is_parsed_until_one_is_changed() {
        let (certificate, _) = pair();
        let tls = Tls::new().ca(certificate.clone());
        let first = tls.setup().unwrap();
        assert!(Arc::ptr_eq(&first, &tls.clone().setup().unwrap()));
        let changed = tls.clone().ca(certificate);
        assert!(!Arc::ptr_eq(&first, &changed.setup().unwrap()));
        assert!(Arc::ptr_eq(&first, &tls.setup().unwrap()));
    }

    #[test]
    fn debug_shows_no_key() {
        let (certificate, key) = pair();
        let text = format!("{:?}", Tls::new().ca(certificate.clone()).client(certificate, key));
        assert_eq!(text, "Tls { ca: \"given\", client: \"given\" }");
    }
}
