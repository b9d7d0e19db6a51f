//! An application that calls the hub's REST as the cloud's documents ask for: with a token, each call signed.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::http;
use crate::driver::decode;

/// An application with its token (`docs-model.md` §9).
#[derive(Clone, Debug)]
pub struct Application {
    secret: String,
    token: String,
    organisation: String,
}

impl Application {
    /// Asks for a token.
    pub fn new(
        hub: SocketAddr,
        key: &str,
        secret: &str,
        organisation: &str,
        within: Duration,
    ) -> io::Result<Self> {
        let now = new_time();
        let body = json!({"appKey": key, "encryption": digest(&[key, &now, secret]), "timestamp": now});
        let reply =
            http::call(hub, "POST", "/apim-token-service/v2.0/token/get", &[], &body.to_string(), within)?;
        let reply: Value = serde_json::from_str(&reply.body)?;
        match reply["data"]["accessToken"].as_str() {
            Some(token) => {
                let [secret, token, organisation] = [secret, token, organisation].map(str::to_owned);
                Ok(Self { secret, token, organisation })
            }
            None => Err(io::Error::other(format!("no token for the application {key}: {reply}"))),
        }
    }

    /// The call's path with the organisation in it, and the headers that sign it. The hub's own routes stay as
    /// they are, save the one that gives a command.
    pub(super) fn sign(&self, path: &str, body: &str) -> (String, Vec<(&'static str, String)>) {
        if path.starts_with("/hub/") && !path.starts_with("/hub/v1/measurepoint-get") {
            return (path.to_owned(), Vec::new());
        }
        let mark = if path.contains('?') { '&' } else { '?' };
        let path = format!("{path}{mark}orgId={}", self.organisation);
        let query = path.split_once('?').map_or("", |(_, query)| query);
        let mut pairs: Vec<_> = query.split('&').filter_map(|pair| pair.split_once('=')).collect();
        pairs.sort_unstable();
        let parameters: String = pairs
            .iter()
            .map(|(name, value)| format!("{name}{}", decode(value).unwrap_or_default()))
            .collect();
        let now = now();
        let signature = digest(&[&self.token, &parameters, body, &now, &self.secret]);
        let headers = vec![
            ("apim-accesstoken", self.token.clone()),
            ("apim-signature", signature),
            ("apim-timestamp", now),
        ];
        (path, headers)
    }
}

/// A time that no token request of this process had: the hub takes each request once.
fn new_time() -> String {
    static LAST: AtomicU64 = AtomicU64::new(0);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    let now = u64::try_from(now).unwrap_or(u64::MAX);
    let before = LAST.fetch_max(now, Ordering::Relaxed);
    if before < now { now.to_string() } else { (LAST.fetch_add(1, Ordering::Relaxed) + 1).to_string() }
}

fn now() -> String {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis().to_string()
}

fn digest(pieces: &[&str]) -> String {
    let mut digest = Sha256::new();
    pieces.iter().for_each(|piece| digest.update(piece));
    digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}
