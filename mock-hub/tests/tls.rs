//! MQTT over TLS: both versions, both certificates, client certificates and their refusal.
#![allow(clippy::unwrap_used, reason = "a failure is to panic")]

mod support;

use std::net::TcpStream;
use std::sync::Arc;

use mock_hub::Hub;
use mock_hub::clock::Clock;
use mock_hub::fabric::DeviceId;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{
    CipherSuite, ClientConfig, ClientConnection, RootCertStore, StreamOwned, SupportedProtocolVersion,
    version,
};
use support::*;
use x509_parser::prelude::{FromDer, X509Certificate};

type Tls = StreamOwned<ClientConnection, TcpStream>;

/// What a client offers.
struct Offer<'a> {
    versions: &'a [&'static SupportedProtocolVersion],
    suites: Option<&'a [CipherSuite]>,
    ca: &'a str,
    identity: Option<(String, String)>,
    name: &'static str,
}

impl<'a> Offer<'a> {
    fn new(hub: &'a Hub) -> Self {
        Self {
            versions: rustls::ALL_VERSIONS,
            suites: None,
            ca: hub.ca_pem(),
            identity: None,
            name: "localhost",
        }
    }

    fn dial(self, hub: &Hub) -> Client<Tls> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(self.ca.as_bytes()).unwrap()).unwrap();
        let mut provider: CryptoProvider = ring::default_provider();
        if let Some(suites) = self.suites {
            provider.cipher_suites.retain(|suite| suites.contains(&suite.suite()));
        }
        let builder = ClientConfig::builder_with_provider(Arc::new(provider))
            .with_protocol_versions(self.versions)
            .unwrap()
            .with_root_certificates(roots);
        let config = match self.identity {
            None => builder.with_no_client_auth(),
            Some((certificate, key)) => builder
                .with_client_auth_cert(
                    vec![CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap()],
                    PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap(),
                )
                .unwrap(),
        };
        let name = ServerName::try_from(self.name).unwrap();
        let session = ClientConnection::new(Arc::new(config), name).unwrap();
        Client(StreamOwned::new(session, tcp(hub.mqtts())))
    }
}

/// Signs in and gives the return code, or why there is none.
fn sign_in(client: &mut Client<Tls>, login: &Login) -> Result<u8, String> {
    use std::io::{Read, Write};
    client.0.write_all(&connect(login, true, 60)).map_err(|error| error.to_string())?;
    let mut connack = [0; 4];
    client.0.read_exact(&mut connack).map_err(|error| error.to_string())?;
    assert_eq!(connack[..2], [0x20, 2]);
    Ok(connack[3])
}

fn key_kind(client: &Client<Tls>) -> String {
    let leaf = &client.0.conn.peer_certificates().unwrap()[0];
    let (_, certificate) = X509Certificate::from_der(leaf).unwrap();
    certificate.public_key().algorithm.algorithm.to_id_string()
}

const ECDSA: &str = "1.2.840.10045.2.1";
const RSA: &str = "1.2.840.113549.1.1.1";

// Proves: AUTH-2.4-1
#[test]
fn both_versions_serve_and_the_certificate_follows_the_offer() {
    let hub = hub();
    let ecdsa_only = [CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256];
    let rsa_only = [CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384];
    let cases: [(&'static SupportedProtocolVersion, Option<&[CipherSuite]>, &str); 4] = [
        (&version::TLS13, None, ECDSA),
        (&version::TLS12, None, ECDSA),
        (&version::TLS12, Some(&ecdsa_only), ECDSA),
        (&version::TLS12, Some(&rsa_only), RSA),
    ];
    for (wanted, suites, kind) in cases {
        let mut client = Offer { versions: &[wanted], suites, ..Offer::new(&hub) }.dial(&hub);
        assert_eq!(sign_in(&mut client, &device("pk1", "d1")), Ok(0), "{wanted:?} {suites:?}");
        client.send(&publish(POST, 1, &post("1", 1.0)));
        assert_eq!(client.packet().body, [0, 1]);
        assert_eq!(client.packet().published().0, format!("{POST}_reply"));
        assert_eq!(client.0.conn.protocol_version(), Some(wanted.version));
        assert_eq!(key_kind(&client), kind);
        client.send(&[0xE0, 0]);
        client.closed();
    }
}

#[test]
fn a_client_that_signs_off_is_told_the_end_also_in_slices() {
    use std::io::Read;
    let hub = hub();
    for version in [&version::TLS12, &version::TLS13] {
        for fault in ["", r#"{"kind":"slicer","average_size":7,"size_variation":3,"direction":"down"}"#] {
            if !fault.is_empty() {
                let (status, told) = http(&mut tcp(hub.http()), "POST", "/hub/v1/faults", fault);
                assert_eq!(status, 200, "{told}");
            }
            let mut client = Offer { versions: &[version], ..Offer::new(&hub) }.dial(&hub);
            assert_eq!(sign_in(&mut client, &device("pk1", "d1")), Ok(0), "{version:?}");
            client.send(&[0xE0, 0]);
            // Without the alert close_notify rustls gives an error instead of an end.
            assert_eq!(client.0.read(&mut [0; 8]).unwrap(), 0, "{version:?} {fault}");
        }
        let (status, _) = http(&mut tcp(hub.http()), "DELETE", "/hub/v1/faults", "");
        assert_eq!(status, 200);
    }
}

#[test]
fn tls_1_3_falls_back_to_rsa_for_a_client_that_verifies_nothing_else() {
    let hub = hub();
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(hub.ca_pem().as_bytes()).unwrap()).unwrap();
    let mut provider = ring::default_provider();
    let all = provider.signature_verification_algorithms;
    // The chain's own signature is the authority's, so that one kind must stay for the verifier to use.
    let mapping: Vec<_> = all
        .mapping
        .iter()
        .filter(|(scheme, _)| !format!("{scheme:?}").starts_with("ECDSA"))
        .copied()
        .collect();
    provider.signature_verification_algorithms.mapping = Box::leak(mapping.into_boxed_slice());
    let config = ClientConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(&[&version::TLS13])
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let session =
        ClientConnection::new(Arc::new(config), ServerName::try_from("localhost").unwrap()).unwrap();
    let mut client = Client(StreamOwned::new(session, tcp(hub.mqtts())));
    assert_eq!(sign_in(&mut client, &device("pk1", "d1")), Ok(0));
    assert_eq!(key_kind(&client), RSA);
}

#[test]
fn the_certificate_names_the_loopback_addresses_and_nothing_else() {
    let hub = hub();
    for name in ["localhost", "127.0.0.1", "::1"] {
        let mut client = Offer { name, ..Offer::new(&hub) }.dial(&hub);
        assert_eq!(sign_in(&mut client, &device("pk1", "d1")), Ok(0), "{name}");
    }
    let mut client = Offer { name: "hub.example", ..Offer::new(&hub) }.dial(&hub);
    assert!(sign_in(&mut client, &device("pk1", "d1")).unwrap_err().contains("certificate"));
}

#[test]
fn another_hubs_authority_is_not_trusted() {
    let (hub, other) = (hub(), support::hub());
    let mut client = Offer { ca: other.ca_pem(), ..Offer::new(&hub) }.dial(&hub);
    assert!(sign_in(&mut client, &device("pk1", "d1")).unwrap_err().contains("certificate"));
    await_journal(&hub, "transport", "the client does not trust the hub");
    let identity = other.issue_client_certificate(&DeviceId::new("pk2", "t1")).unwrap();
    let mut client = Offer { identity: Some(identity), ..Offer::new(&hub) }.dial(&hub);
    assert!(sign_in(&mut client, &device("pk2", "t1")).is_err());
    await_journal(&hub, "transport", "must be issued by this hub");
}

#[test]
fn a_product_with_mutual_tls_wants_the_certificate_of_the_very_device() {
    let hub = hub();
    let issue = |key| Some(hub.issue_client_certificate(&DeviceId::new("pk2", key)).unwrap());
    for (identity, accepted) in [(None, false), (issue("t2"), false), (issue("t1"), true)] {
        for versions in [&[&version::TLS12], &[&version::TLS13]] {
            let mut client = Offer { identity: identity.clone(), versions, ..Offer::new(&hub) }.dial(&hub);
            let code = sign_in(&mut client, &device("pk2", "t1")).unwrap();
            assert_eq!(code == 0, accepted, "return code {code}");
        }
    }
    let mut plain = client(&hub);
    plain.send(&connect(&device("pk2", "t1"), true, 60));
    assert_ne!(plain.packet().body[1], 0, "no TLS, no certificate");
}

// Proves: DOC-4-4
#[test]
fn a_client_certificate_expires_by_the_hubs_clock() {
    let clock = Clock::manual(1_700_000_000_000);
    let hub = Hub::builder().ephemeral().seed_json(SEED).clock(clock.clone()).start().unwrap();
    let identity = Some(hub.issue_client_certificate(&DeviceId::new("pk2", "t1")).unwrap());
    let login = device("pk2", "t1");
    let mut client = Offer { identity: identity.clone(), ..Offer::new(&hub) }.dial(&hub);
    assert_eq!(sign_in(&mut client, &login), Ok(0));
    clock.advance(731 * 24 * 60 * 60 * 1_000);
    let mut client = Offer { identity, ..Offer::new(&hub) }.dial(&hub);
    assert!(sign_in(&mut client, &login).is_err());
}

// Proves: MODEL-9.2-4
#[test]
fn a_request_of_the_device_becomes_a_certificate_of_its_own_key() {
    let hub = hub();
    let rsa = include_str!("../src/pki/test-only-rsa-2048.pem");
    for key in [rcgen::KeyPair::generate().unwrap(), rcgen::KeyPair::from_pem(rsa).unwrap()] {
        let mut params = rcgen::CertificateParams::default();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(rcgen::DnType::CommonName, "t1");
        // More than it may have: not granted.
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let request = params.serialize_request(&key).unwrap().pem().unwrap();
        // The vendor's tools write the older label (`docs-mqtt.md` §4).
        let request = request.replace("CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST");
        let certificate = hub.pki().sign_csr(&request).unwrap();
        let der = CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap();
        assert!(!X509Certificate::from_der(&der).unwrap().1.is_ca());
        let identity = Some((certificate, key.serialize_pem()));
        let mut client = Offer { identity, ..Offer::new(&hub) }.dial(&hub);
        assert_eq!(sign_in(&mut client, &device("pk2", "t1")), Ok(0));
    }
    for bad in ["", "-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n"] {
        assert!(hub.pki().sign_csr(bad).is_err());
    }
}

// Proves: AUTH-2.4-4
#[test]
fn a_plain_client_on_the_tls_port_is_closed_and_harms_nobody() {
    let hub = hub();
    let mut client = Client(tcp(hub.mqtts()));
    client.send(&connect(&device("pk1", "d1"), true, 60));
    let mut rest = Vec::new();
    // At most a TLS alert comes back.
    let _ = std::io::Read::read_to_end(&mut client.0, &mut rest);
    assert!(rest.len() <= 7, "{rest:02x?}");
    let mut client = Offer::new(&hub).dial(&hub);
    assert_eq!(sign_in(&mut client, &device("pk1", "d1")), Ok(0));
}

#[test]
fn a_client_that_does_not_finish_its_handshake_is_closed() {
    let clock = Clock::manual(1_700_000_000_000);
    let hub = Hub::builder().ephemeral().seed_json(SEED).clock(clock.clone()).start().unwrap();
    let mut client = Client(tcp(hub.mqtts()));
    client.send(b"\x16\x03\x01");
    let deadline = std::time::Instant::now() + PATIENCE;
    // The wait counts from when the hub has accepted.
    while hub.fabric().connections() == 0 {
        std::thread::yield_now();
        assert!(std::time::Instant::now() < deadline, "not accepted");
    }
    while hub.fabric().connections() > 0 || clock.now_ms() < 1_700_000_020_000 {
        clock.advance(1_000);
        std::thread::yield_now();
        assert!(std::time::Instant::now() < deadline, "not closed");
    }
    client.closed();
}
