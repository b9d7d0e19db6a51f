//! What a CONNECT said, as the journal keeps it.
//!
//! Kept as it came and taken apart when it is read: thousands of devices sign in for each line that somebody looks at.

use std::net::SocketAddr;

use serde_json::{Value, json};

use crate::enos::client_id;

use super::clip;

/// Bytes of a client id kept; what is longer is not taken apart to its end.
const CLIENT_ID: usize = 4 * 1024;
/// Bytes of a user name kept.
const USERNAME: usize = 200;

/// A CONNECT without its password.
#[derive(Debug, Clone)]
pub(crate) struct SignIn {
    client_id: Box<str>,
    username: Box<str>,
    pub(crate) peer: SocketAddr,
    pub(crate) keep_alive_s: u16,
    pub(crate) clean_session: bool,
    pub(crate) tls: bool,
    /// The common name of the client's certificate; `Some(None)` if it has a certificate without one.
    pub(crate) certificate_for: Option<Option<String>>,
    /// Return code of the CONNACK and the vendor's code, of one that was refused.
    pub(crate) refusal: Option<(u8, u32)>,
}

impl SignIn {
    /// A plain CONNECT that was accepted.
    pub(crate) fn new(client_id: &str, username: &str, peer: SocketAddr) -> Self {
        Self {
            client_id: clip(client_id, CLIENT_ID).into(),
            username: clip(username, USERNAME).into(),
            peer,
            keep_alive_s: 0,
            clean_session: false,
            tls: false,
            certificate_for: None,
            refusal: None,
        }
    }

    /// What a reader is shown.
    pub(super) fn to_json(&self) -> Value {
        let mut detail = json!({
            "clientId": clip(&self.client_id, 400),
            "username": &*self.username,
            "peer": self.peer.to_string(),
            "keepAlive": self.keep_alive_s,
            "cleanSession": self.clean_session,
            "tls": self.tls,
        });
        if let Some(name) = &self.certificate_for {
            detail["certificateFor"] = name.as_deref().into();
        }
        if let Some(id) = client_id::parse(&self.client_id) {
            detail["signedClientId"] = clip(id.signed, 200).into();
            detail["secureMode"] = id.secure_mode.map(|text| clip(text, 20)).into();
            detail["signMethod"] = id.sign_method.map(|text| clip(text, 40)).into();
            detail["timestamp"] = id.timestamp.map(|text| clip(text, 40)).into();
        }
        if let Some((connack, code)) = self.refusal {
            detail["connack"] = connack.into();
            detail["code"] = code.into();
        }
        detail
    }

    /// Bytes it holds.
    pub(super) fn weight(&self) -> usize {
        let name = self.certificate_for.iter().flatten().map(String::len).sum::<usize>();
        size_of::<Self>() + self.client_id.len() + self.username.len() + name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sign_in_is_taken_apart_when_it_is_read() {
        let peer = "127.0.0.1:4711".parse().unwrap();
        let mut seen = SignIn::new("d1|securemode=2,signmethod=sha256,timestamp=17|", "d1&pk", peer);
        (seen.keep_alive_s, seen.clean_session) = (60, true);
        let plain = json!({
            "clientId": "d1|securemode=2,signmethod=sha256,timestamp=17|", "username": "d1&pk",
            "peer": "127.0.0.1:4711", "keepAlive": 60, "cleanSession": true, "tls": false,
            "signedClientId": "d1", "secureMode": "2", "signMethod": "sha256", "timestamp": "17",
        });
        assert_eq!(seen.to_json(), plain);
        (seen.tls, seen.certificate_for, seen.refusal) = (true, Some(None), Some((5, 745)));
        let refused = seen.to_json();
        assert_eq!((&refused["tls"], &refused["certificateFor"]), (&json!(true), &Value::Null));
        assert_eq!((&refused["connack"], &refused["code"]), (&json!(5), &json!(745)));
        assert!(refused.get("certificateFor").is_some() && plain.get("certificateFor").is_none());
    }

    #[test]
    fn what_a_peer_makes_long_is_bounded() {
        let peer = "[::1]:1".parse().unwrap();
        let long = format!("{}|securemode=3|", "x".repeat(1_000));
        let seen = SignIn::new(&long, &"u".repeat(10_000), peer).to_json();
        assert_eq!(seen["clientId"].as_str().unwrap().len(), 400);
        assert_eq!(seen["signedClientId"].as_str().unwrap().len(), 200);
        assert_eq!(seen["username"].as_str().unwrap().len(), USERNAME);
        assert_eq!(seen["secureMode"], "3");
        let longest = SignIn::new(&"x".repeat(60_000), "", peer);
        assert!(longest.weight() < CLIENT_ID + 200);
        assert_eq!(longest.to_json().get("secureMode"), None);
    }
}
