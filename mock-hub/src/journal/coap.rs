//! A sign-in by CoAP as the journal keeps it: rendered when read, since thousands of devices sign in again and again.

use std::net::SocketAddr;

use serde_json::{Value, json};

/// What is seen of a sign-in; neither sign nor key.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CoapSignIn {
    /// `coap` or `coaps`.
    pub(crate) transport: &'static str,
    pub(crate) peer: SocketAddr,
    /// Secure mode, and lifetime in seconds, of one that was accepted.
    pub(crate) accepted: Option<(u8, u32)>,
    /// The vendor's code, of one that was refused.
    pub(crate) refused: Option<u32>,
}

impl CoapSignIn {
    /// What a reader is shown.
    pub(super) fn to_json(self) -> Value {
        let mut detail = json!({"transport": self.transport, "peer": self.peer.to_string()});
        if let Some((secure_mode, lifetime_s)) = self.accepted {
            detail["secureMode"] = secure_mode.into();
            detail["lifetime"] = lifetime_s.into();
        }
        if let Some(code) = self.refused {
            detail["code"] = code.into();
        }
        detail
    }
}
