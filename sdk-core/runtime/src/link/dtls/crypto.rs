//! The cryptography that one pre-shared-key suite needs, for `dimpl`: AES-128-CCM-8 from `ccm`, the rest from `ring`,
//! which TLS has linked already.
//!
//! `dimpl` brings a whole set of its own: curves, certificates, ChaCha20, SHA-384. None of it takes part in a handshake
//! with a pre-shared key, and it makes a program 0.6 MB larger. Each set is checked against known answers whenever a
//! session is made, one suite of DTLS 1.3 included; so there is one, which no session offers.

use aes::Aes128;
use aes::cipher::BlockCipherEncrypt;
use ccm::aead::{AeadInOut, KeyInit};
use ccm::consts::{U8, U12};
use dimpl::crypto::{
    Aad, Buf, Cipher, CryptoProvider, Dtls12CipherSuite, Dtls13CipherSuite, HashAlgorithm, HashContext,
    HashProvider, HmacProvider, KeyProvider, Nonce, SecureRandom, SignatureAlgorithm, SignatureVerifier,
    SigningKey, SupportedDtls12CipherSuite, SupportedDtls13CipherSuite, TmpBuf,
};
use dimpl::{CryptoError, CryptoOperation};
use ring::{aead, digest, hmac};

/// What a session is made with.
pub(super) fn provider() -> CryptoProvider {
    CryptoProvider {
        kx_groups: &[],
        signature_verification: &Nothing,
        key_provider: &Nothing,
        secure_random: &Random,
        hash_provider: &Sha256,
        hmac_provider: &Sha256,
        cipher_suites: &[&PskAes128Ccm8],
        dtls13_cipher_suites: &[&Unoffered],
    }
}

fn failed(operation: CryptoOperation) -> CryptoError {
    CryptoError::OperationFailed(operation)
}

/// `TLS_PSK_WITH_AES_128_CCM_8`, 0xC0A8 (RFC 6655 §4).
#[derive(Debug)]
struct PskAes128Ccm8;

impl SupportedDtls12CipherSuite for PskAes128Ccm8 {
    fn suite(&self) -> Dtls12CipherSuite {
        Dtls12CipherSuite::PSK_AES128_CCM_8
    }

    fn hash_algorithm(&self) -> HashAlgorithm {
        HashAlgorithm::SHA256
    }

    fn key_lengths(&self) -> (usize, usize, usize) {
        // No MAC key; AES-128; the implicit part of the nonce.
        (0, 16, 4)
    }

    fn explicit_nonce_len(&self) -> usize {
        8
    }

    fn tag_len(&self) -> usize {
        TAG
    }

    fn create_cipher(&self, key: &[u8]) -> Result<Box<dyn Cipher>, CryptoError> {
        let cipher = Ccm8::new_from_slice(key).map_err(|_| failed(CryptoOperation::CreateCipher))?;
        Ok(Box::new(Aes128Ccm8(cipher)))
    }
}

const TAG: usize = 8;

type Ccm8 = ccm::Ccm<Aes128, U8, U12>;

struct Aes128Ccm8(Ccm8);

impl std::fmt::Debug for Aes128Ccm8 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Aes128Ccm8(..)")
    }
}

impl Cipher for Aes128Ccm8 {
    fn encrypt(&mut self, text: &mut Buf, aad: Aad, nonce: Nonce) -> Result<(), CryptoError> {
        let nonce = ccm::Nonce::<U12>::from(nonce.0);
        let tag = self.0.encrypt_inout_detached(&nonce, &aad, text.as_mut().into());
        text.extend_from_slice(&tag.map_err(|_| failed(CryptoOperation::Encrypt))?);
        Ok(())
    }

    fn decrypt(&mut self, text: &mut TmpBuf<'_>, aad: Aad, nonce: Nonce) -> Result<(), CryptoError> {
        let bad = || failed(CryptoOperation::Decrypt);
        let length = text.len().checked_sub(TAG).ok_or_else(bad)?;
        let tag: [u8; TAG] =
            text.as_ref().get(length..).and_then(|tag| tag.try_into().ok()).ok_or_else(bad)?;
        text.truncate(length);
        let nonce = ccm::Nonce::<U12>::from(nonce.0);
        self.0.decrypt_inout_detached(&nonce, &aad, text.as_mut().into(), &tag.into()).map_err(|_| bad())
    }
}

/// SHA-256, plain and as HMAC: the only digest of the suite.
#[derive(Debug)]
struct Sha256;

struct Sha256Context(digest::Context);

impl std::fmt::Debug for Sha256Context {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sha256Context(..)")
    }
}

impl HashProvider for Sha256 {
    fn create_hash(&self, _algorithm: HashAlgorithm) -> Box<dyn HashContext> {
        Box::new(Sha256Context(digest::Context::new(&digest::SHA256)))
    }
}

impl HashContext for Sha256Context {
    fn update(&mut self, data: &[u8]) {
        self.0.update(data);
    }

    fn clone_and_finalize(&self, out: &mut Buf) {
        out.clear();
        out.extend_from_slice(self.0.clone().finish().as_ref());
    }
}

impl HmacProvider for Sha256 {
    fn hmac(
        &self,
        hash: HashAlgorithm,
        key: &[u8],
        data: &[u8],
        out: &mut [u8],
    ) -> Result<usize, CryptoError> {
        if hash != HashAlgorithm::SHA256 {
            return Err(CryptoError::UnsupportedHmacHash(hash));
        }
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), data);
        let tag = tag.as_ref();
        out.get_mut(..tag.len()).ok_or(failed(CryptoOperation::ComputeHmac))?.copy_from_slice(tag);
        Ok(tag.len())
    }
}

/// The operating system's random numbers.
#[derive(Debug)]
struct Random;

impl SecureRandom for Random {
    fn fill(&self, room: &mut [u8]) -> Result<(), CryptoError> {
        getrandom::fill(room).map_err(|_| failed(CryptoOperation::FillRandom))
    }
}

/// Signatures and certificates, of which a pre-shared key has none.
#[derive(Debug)]
struct Nothing;

impl KeyProvider for Nothing {
    fn load_private_key(&self, _key: &[u8]) -> Result<Box<dyn SigningKey>, CryptoError> {
        Err(failed(CryptoOperation::DecodeKey))
    }
}

impl SignatureVerifier for Nothing {
    fn verify_signature(
        &self,
        _certificate: &[u8],
        _data: &[u8],
        _signature: &[u8],
        _hash: HashAlgorithm,
        _algorithm: SignatureAlgorithm,
    ) -> Result<(), CryptoError> {
        Err(failed(CryptoOperation::VerifyData))
    }
}

/// `TLS_AES_128_GCM_SHA256`, which `dimpl` checks and no session here offers.
#[derive(Debug)]
struct Unoffered;

impl SupportedDtls13CipherSuite for Unoffered {
    fn suite(&self) -> Dtls13CipherSuite {
        Dtls13CipherSuite::AES_128_GCM_SHA256
    }

    fn hash_algorithm(&self) -> HashAlgorithm {
        HashAlgorithm::SHA256
    }

    fn key_len(&self) -> usize {
        16
    }

    fn iv_len(&self) -> usize {
        12
    }

    fn tag_len(&self) -> usize {
        16
    }

    fn create_cipher(&self, key: &[u8]) -> Result<Box<dyn Cipher>, CryptoError> {
        let key = aead::UnboundKey::new(&aead::AES_128_GCM, key);
        let key = key.map_err(|_| failed(CryptoOperation::CreateCipher))?;
        Ok(Box::new(Aes128Gcm(aead::LessSafeKey::new(key))))
    }

    fn encrypt_sn(&self, key: &[u8], sample: &[u8; 16]) -> [u8; 16] {
        let mut block = (*sample).into();
        if let Ok(cipher) = Aes128::new_from_slice(key) {
            cipher.encrypt_block(&mut block);
        }
        block.into()
    }
}

#[derive(Debug)]
struct Aes128Gcm(aead::LessSafeKey);

impl Cipher for Aes128Gcm {
    fn encrypt(&mut self, text: &mut Buf, aad: Aad, nonce: Nonce) -> Result<(), CryptoError> {
        let nonce = aead::Nonce::assume_unique_for_key(nonce.0);
        let sealed = self.0.seal_in_place_append_tag(nonce, aead::Aad::from(&aad[..]), text);
        sealed.map_err(|_| failed(CryptoOperation::Encrypt))
    }

    fn decrypt(&mut self, text: &mut TmpBuf<'_>, aad: Aad, nonce: Nonce) -> Result<(), CryptoError> {
        let nonce = aead::Nonce::assume_unique_for_key(nonce.0);
        let opened = self.0.open_in_place(nonce, aead::Aad::from(&aad[..]), text.as_mut());
        let length = opened.map_err(|_| failed(CryptoOperation::Decrypt))?.len();
        text.truncate(length);
        Ok(())
    }
}
