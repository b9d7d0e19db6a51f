//! What all handshakes share: DTLS 1.2, the two documented suites, and the cloud's word on each identity.

use std::net::SocketAddr;
use std::sync::Arc;

use openssl::error::ErrorStack;
use openssl::ex_data::Index;
use openssl::ssl::{
    Ssl, SslContext, SslMethod, SslMode, SslOptions, SslRef, SslSessionCacheMode, SslVersion,
};

use crate::domain::{Cloud, PskIdentity};
use crate::journal::clip;

use super::cookie::COOKIE;

/// The suites of `docs-coap-http.md` A.2, 0xC0A8 and 0x00AE. OpenSSL counts the short tag of CCM-8 as weak, so its
/// default level would leave that suite out.
const SUITES: &str = "PSK-AES128-CCM8:PSK-AES128-CBC-SHA256:@SECLEVEL=0";
/// The code of an identity that names nobody.
const BAD_IDENTITY: u32 = 1200;
/// SSL_OP_NO_ENCRYPT_THEN_MAC, which the crate does not name. With that extension (RFC 7366) OpenSSL ends an association over
/// a record whose digest is wrong, which anybody can send; without it such a record is dropped, as RFC 6347 §4.1.2.7 asks.
const NO_ENCRYPT_THEN_MAC: u64 = 1 << 19;
/// Largest datagram of a handshake.
const MTU: u32 = 1_200;

/// Makes the server side of handshakes.
pub(super) struct Context {
    context: SslContext,
    attempt: Index<Ssl, Attempt>,
}

/// What is known of one who shakes hands.
pub(super) struct Attempt {
    peer: SocketAddr,
    /// The PSK identity that came, if it names a device.
    identity: Option<Box<[u8]>>,
    /// The journal has the reason why this handshake fails.
    refused: bool,
}

impl Attempt {
    /// Who the peer says to be.
    pub(super) fn identity(&self) -> Option<PskIdentity<'_>> {
        PskIdentity::parse(self.identity.as_deref()?).ok()
    }

    /// Whether the cloud refused it, and said so in the journal.
    pub(super) fn is_refused(&self) -> bool {
        self.refused
    }
}

impl Context {
    pub(super) fn new(cloud: Arc<Cloud>) -> Result<Self, ErrorStack> {
        let attempt = Ssl::new_ex_index::<Attempt>()?;
        let mut builder = SslContext::builder(SslMethod::dtls_server())?;
        builder.set_min_proto_version(Some(SslVersion::DTLS1_2))?;
        builder.set_max_proto_version(Some(SslVersion::DTLS1_2))?;
        builder.set_cipher_list(SUITES)?;
        // Each handshake asks the cloud anew, so none is shortened. The cookie is asked for again by OpenSSL, which
        // is how it learns the number of the message that carries it.
        builder.set_options(
            SslOptions::COOKIE_EXCHANGE
                | SslOptions::NO_QUERY_MTU
                | SslOptions::NO_RENEGOTIATION
                | SslOptions::NO_TICKET
                | SslOptions::from_bits_retain(NO_ENCRYPT_THEN_MAC),
        );
        builder.set_session_cache_mode(SslSessionCacheMode::OFF);
        builder.set_mode(SslMode::RELEASE_BUFFERS);
        builder.set_cookie_generate_cb(|_, cookie| {
            let cookie = cookie.get_mut(..COOKIE).ok_or_else(ErrorStack::get)?;
            cookie.fill(0);
            Ok(COOKIE)
        });
        // It was checked before the message got here.
        builder.set_cookie_verify_cb(|_, _| true);
        builder.set_psk_server_callback(move |ssl, identity, key| {
            Ok(find_key(&cloud, attempt, ssl, identity.unwrap_or_default(), key))
        });
        Ok(Self { context: builder.build(), attempt })
    }

    /// The server side of one handshake.
    pub(super) fn handshake(&self, peer: SocketAddr) -> Result<Ssl, ErrorStack> {
        let mut ssl = Ssl::new(&self.context)?;
        ssl.set_mtu(MTU)?;
        ssl.set_ex_data(self.attempt, Attempt { peer, identity: None, refused: false });
        ssl.set_accept_state();
        Ok(ssl)
    }

    /// What is known of the peer of a handshake that this context began.
    pub(super) fn attempt<'a>(&self, ssl: &'a SslRef) -> Option<&'a Attempt> {
        ssl.ex_data(self.attempt)
    }
}

/// Writes the key of an identity and gives its length; 0 makes OpenSSL answer `unknown_psk_identity`.
fn find_key(
    cloud: &Cloud,
    attempt: Index<Ssl, Attempt>,
    ssl: &mut SslRef,
    identity: &[u8],
    key: &mut [u8],
) -> usize {
    let Some(attempt) = ssl.ex_data_mut(attempt) else { return 0 };
    let judged = match PskIdentity::parse(identity) {
        Ok(named) => {
            attempt.identity = Some(identity.into());
            cloud.psk_key(&named, attempt.peer).ok()
        }
        Err(reason) => {
            let shown = String::from_utf8_lossy(identity);
            let reason = format!(
                "{reason}: \"{}\". Fix: send {{ProductKey}},{{DeviceKey}},{{SecureMode}},{{Lifetime}}",
                clip(&shown, 160)
            );
            cloud.psk_failed(None, attempt.peer, BAD_IDENTITY, &reason);
            None
        }
    };
    match judged.as_ref().and_then(|found| Some((found, key.get_mut(..found.len())?))) {
        Some((found, room)) => {
            room.copy_from_slice(found);
            found.len()
        }
        None => {
            attempt.refused = true;
            0
        }
    }
}
