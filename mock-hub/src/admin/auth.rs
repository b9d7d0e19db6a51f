//! Access tokens and call signatures of applications (`docs-model.md` §9.1).

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::domain::{Entry, EntryKind, random, rule};
use crate::enos::sign;

use super::call::{BODY_WAIT, read_body};
use super::reply::Fault;
use super::{Admin, Shared};

/// Seconds that a token lives.
const LIFETIME_S: u64 = 7_200;
/// Tokens remembered; when full, the one that expires first goes.
const MAX_TOKENS: usize = 1_000;
/// Bytes of a token request.
const MAX_BODY: usize = 16 * 1024;

/// Token requests remembered, to know one that is sent again.
const MAX_SEEN: usize = 1_000;

/// The tokens that were given out.
#[derive(Default)]
pub(super) struct Tokens(Mutex<Given>);

#[derive(Default)]
struct Given {
    tokens: HashMap<String, Token>,
    /// Application and time stamp of the last good requests, oldest first.
    seen: VecDeque<(Arc<str>, String)>,
}

struct Token {
    app_key: Arc<str>,
    expires_ms: u64,
}

/// A code of the token service and its text.
type TokenFault = (u32, &'static str);

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TokenRequest {
    #[serde(default)]
    app_key: String,
    #[serde(default)]
    encryption: String,
    /// Milliseconds, as a number or as text.
    #[serde(default)]
    timestamp: Value,
    #[serde(default)]
    access_token: String,
}

/// `POST /apim-token-service/v2.0/token/get` and `…/refresh`.
pub(super) async fn token(
    State(admin): Shared,
    Path(verb): Path<String>,
    body: Body,
) -> (StatusCode, Json<Value>) {
    let body = read_body(body, MAX_BODY, BODY_WAIT).await.unwrap_or_default();
    let outcome = match serde_json::from_slice::<TokenRequest>(&body) {
        Err(_) => Err((1004, "the body is no JSON of appKey, encryption and timestamp")),
        Ok(request) => match &*verb {
            "get" => admin.tokens.get(&admin, &request),
            "refresh" => admin.tokens.refresh(&admin, &request),
            _ => {
                return (
                    StatusCode::NOT_FOUND,
                    Json(json!({"status": 99404, "msg": "token/get or token/refresh"})),
                );
            }
        },
    };
    let reply = match outcome {
        Ok(data) => json!({"status": 0, "msg": "SUCCESS", "business": "apim-token-service", "data": data}),
        Err((code, msg)) => {
            let text =
                format!("token/{} refused with {code}: {msg}", if verb == "get" { "get" } else { "refresh" });
            admin.cloud.note(Entry::new(EntryKind::Admin, text));
            json!({"status": code, "msg": msg, "business": "apim-token-service", "data": null})
        }
    };
    (StatusCode::OK, Json(reply))
}

impl Tokens {
    /// Gives the application's token; a new one if it has none that is alive, as the vendor's page says.
    fn get(&self, admin: &Admin, request: &TokenRequest) -> Result<Value, TokenFault> {
        let app_key = self.check_application(admin, request)?;
        let now = admin.cloud.clock.monotonic_ms();
        let tokens = &mut self.given().tokens;
        tokens.retain(|_, token| token.expires_ms > now);
        if let Some((token, given)) = tokens.iter().find(|(_, token)| token.app_key == app_key) {
            return Ok(json!({"accessToken": token, "expire": (given.expires_ms - now).div_ceil(1_000)}));
        }
        if tokens.len() >= MAX_TOKENS
            && let Some(first) =
                tokens.iter().min_by_key(|(_, token)| token.expires_ms).map(|(key, _)| key.clone())
        {
            tokens.remove(&first);
        }
        let token = random::text(random::TOKEN);
        tokens.insert(token.clone(), Token { app_key, expires_ms: now + LIFETIME_S * 1_000 });
        Ok(json!({"accessToken": token, "expire": LIFETIME_S}))
    }

    fn refresh(&self, admin: &Admin, request: &TokenRequest) -> Result<Value, TokenFault> {
        let app_key = self.check_application(admin, request)?;
        let now = admin.cloud.clock.monotonic_ms();
        let tokens = &mut self.given().tokens;
        let token = tokens.get_mut(&request.access_token).filter(|token| token.app_key == app_key);
        let Some(token) = token.filter(|token| token.expires_ms > now) else {
            return Err((1204, "the access token is unknown or expired: get a new one"));
        };
        token.expires_ms = now + LIFETIME_S * 1_000;
        Ok(json!({"accessToken": request.access_token, "expire": LIFETIME_S}))
    }

    /// Checks the signature of a call: SHA-256 over token, parameters and body, time stamp and application secret.
    pub(super) fn check_signature(
        &self,
        admin: &Admin,
        token: &str,
        signature: &str,
        timestamp: &str,
        parameters: &str,
    ) -> Result<(), Fault> {
        let forbidden = |code: u32, msg: &str| Fault::new(code, msg).with_status(StatusCode::FORBIDDEN);
        let now = admin.cloud.clock.monotonic_ms();
        let app_key = match self.given().tokens.get(token) {
            Some(token) if token.expires_ms > now => token.app_key.clone(),
            Some(_) => return Err(forbidden(1203, "the access token is expired")),
            None => return Err(forbidden(1203, "the access token is unknown")),
        };
        let secret = admin.cloud.store.read(|directory| directory.applications.get(&app_key).cloned());
        let Some(secret) = secret else { return Err(forbidden(1002, "the application is gone")) };
        let expected = sign::sha256_hex(&[token, parameters, timestamp, secret.expose()]);
        if expected.eq_ignore_ascii_case(signature) {
            return Ok(());
        }
        let msg = "the signature does not match: lower hex SHA-256 of accessToken, the URL parameters sorted by \
                   name as name and value, the body, apim-timestamp and appSecret";
        Err(forbidden(99403, msg))
    }

    /// Checks the encryption of a token request, and that it is a new one; gives the application's key.
    fn check_application(&self, admin: &Admin, request: &TokenRequest) -> Result<Arc<str>, TokenFault> {
        let timestamp = match &request.timestamp {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            _ => String::new(),
        };
        if request.app_key.is_empty() || request.encryption.is_empty() || timestamp.is_empty() {
            return Err((1202, "appKey, encryption or timestamp is empty"));
        }
        if timestamp.parse::<u64>().is_err() {
            return Err((1004, "the timestamp is no number of milliseconds"));
        }
        let found = admin.cloud.store.read(|directory| {
            directory
                .applications
                .get_key_value(&*request.app_key)
                .map(|(key, secret)| (key.clone(), secret.clone()))
        });
        let Some((app_key, secret)) = found else {
            return Err((1002, "the appKey is unknown: see applications of the seed"));
        };
        let expected = sign::sha256_hex(&[&request.app_key, &timestamp, secret.expose()]);
        if !expected.eq_ignore_ascii_case(&request.encryption) {
            return Err((
                1003,
                "the encryption does not match: lower hex SHA-256 of appKey, timestamp and appSecret",
            ));
        }
        let again = {
            let seen = &mut self.given().seen;
            let this = (app_key.clone(), timestamp);
            let again = seen.contains(&this);
            if !again {
                if seen.len() >= MAX_SEEN {
                    seen.pop_front();
                }
                seen.push_back(this);
            }
            again
        };
        if again && admin.cloud.is_strict() {
            return Err((1001, "this token request came before: take a new timestamp"));
        }
        if again {
            admin.cloud.warn_application(&rule::TOKEN_REQUEST, &app_key);
        }
        Ok(app_key)
    }

    fn given(&self) -> MutexGuard<'_, Given> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
