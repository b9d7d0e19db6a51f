//! The algorithms of TLS: what rustls offers with ring, less what no hub needs and every device would carry.
//!
//! Left out is what rustls adds to its suites for QUIC, and ChaCha20-Poly1305: a server of TLS 1.3 has AES-128-GCM (RFC 8446
//! §9.1), and one of TLS 1.2 that has ECDHE has it too. A processor without instructions for AES spends more on a byte then;
//! a device sends few. Key exchange, certificates and keys stay as rustls has them.

use rustls::crypto::CipherSuiteCommon;
use rustls::crypto::CryptoProvider;
use rustls::crypto::ring::{cipher_suite as suite, default_provider};
use rustls::{SupportedCipherSuite, Tls13CipherSuite};
use std::sync::{Arc, OnceLock};

/// A suite of TLS 1.3 as rustls has it, without QUIC.
const fn without_quic(given: &SupportedCipherSuite) -> Tls13CipherSuite {
    match given {
        SupportedCipherSuite::Tls13(given) => Tls13CipherSuite {
            common: CipherSuiteCommon {
                suite: given.common.suite,
                hash_provider: given.common.hash_provider,
                confidentiality_limit: given.common.confidentiality_limit,
            },
            hkdf_provider: given.hkdf_provider,
            aead_alg: given.aead_alg,
            quic: None,
        },
        SupportedCipherSuite::Tls12(_) => panic!("a suite of TLS 1.2"),
    }
}

static AES_256: Tls13CipherSuite = without_quic(&suite::TLS13_AES_256_GCM_SHA384);
static AES_128: Tls13CipherSuite = without_quic(&suite::TLS13_AES_128_GCM_SHA256);

/// In the order of preference, which is rustls's own.
static SUITES: [SupportedCipherSuite; 6] = [
    SupportedCipherSuite::Tls13(&AES_256),
    SupportedCipherSuite::Tls13(&AES_128),
    suite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    suite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    suite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
    suite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
];

/// The one set of algorithms; immutable, so all runtimes share it.
pub(super) fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    let made = || Arc::new(CryptoProvider { cipher_suites: SUITES.to_vec(), ..default_provider() });
    PROVIDER.get_or_init(made).clone()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_suites_are_those_of_rustls_less_what_is_left_out() {
        let ours: Vec<_> = provider().cipher_suites.iter().map(SupportedCipherSuite::suite).collect();
        let theirs = default_provider().cipher_suites;
        let kept = theirs.iter().map(SupportedCipherSuite::suite);
        let kept: Vec<_> = kept.filter(|suite| !format!("{suite:?}").contains("CHACHA20")).collect();
        assert_eq!(ours, kept);
        for suite in &provider().cipher_suites {
            assert!(suite.tls13().is_none_or(|suite| suite.quic.is_none()), "{suite:?}");
        }
    }
}
