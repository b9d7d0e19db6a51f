//! A call of the REST API, read and checked: query, body, signature.

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, Method, StatusCode};
use serde::de::DeserializeOwned;

use std::fmt::Display;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::str::FromStr;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use crate::clock::real;
use crate::domain::device::Device;
use crate::fabric::DeviceId;

use super::Admin;
use super::reply::Fault;

/// Bytes of a request body.
const MAX_BODY: usize = 1024 * 1024;
/// Time for the body of a request. Real time, as for its head: the peer's patience does not follow the hub's clock.
pub(super) const BODY_WAIT: Duration = Duration::from_secs(30);

/// A call that may go on to its handler.
pub(super) struct Call {
    pub(super) method: Method,
    /// The query parameter `action`.
    pub(super) action: String,
    query: Vec<(String, String)>,
    body: Bytes,
}

impl Call {
    /// Reads a call and, if it is signed or has to be, checks its signature.
    pub(super) async fn read(admin: &Admin, request: Request) -> Result<Self, Fault> {
        let (parts, body) = request.into_parts();
        let query = parse_query(parts.uri.query().unwrap_or(""))?;
        let body = read_body(body, MAX_BODY, BODY_WAIT).await.ok_or_else(|| {
            let text = "more than 1 MB, cut off, or not here within 30 s";
            Fault::argument("body", text).with_status(StatusCode::PAYLOAD_TOO_LARGE)
        })?;
        let action = query.iter().find(|(name, _)| name == "action").map_or("", |(_, value)| value);
        let call = Self { method: parts.method, action: action.to_owned(), query, body };
        call.authorise(admin, &parts.headers)?;
        call.check_org(admin)?;
        Ok(call)
    }

    /// A query parameter; an empty one counts as absent.
    pub(super) fn query(&self, name: &str) -> Option<&str> {
        let found = self.query.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| &**value).filter(|value| !value.is_empty())
    }

    /// A query parameter that must be there.
    pub(super) fn required(&self, name: &str) -> Result<&str, Fault> {
        self.query(name).ok_or_else(|| Fault::argument(name, "is missing"))
    }

    /// A query parameter as a whole number within limits.
    pub(super) fn range<T: FromStr + PartialOrd + Display>(
        &self,
        name: &str,
        least: T,
        most: T,
    ) -> Result<Option<T>, Fault> {
        let Some(text) = self.query(name) else { return Ok(None) };
        match text.parse() {
            Ok(number) if least <= number && number <= most => Ok(Some(number)),
            _ => Err(Fault::argument(name, format!("\"{text}\" is no whole number from {least} to {most}"))),
        }
    }

    /// The body as JSON; a fault names the field. An empty body reads as `{}`.
    pub(super) fn body<T: DeserializeOwned>(&self) -> Result<T, Fault> {
        let text: &[u8] = if self.body.is_empty() { b"{}" } else { &self.body };
        // Serde would take a list for an object, its items in the order of the fields.
        if text.trim_ascii_start().first() == Some(&b'[') {
            return Err(Fault::argument("body", "is a list where an object is expected"));
        }
        let mut reader = serde_json::Deserializer::from_slice(text);
        let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
            let place = error.path().to_string();
            let place = if matches!(&*place, "." | "?") { "body".to_owned() } else { place };
            Fault::argument(&place, without_position(error.inner()))
        })?;
        reader.end().map_err(|error| Fault::argument("body", without_position(&error)))?;
        Ok(value)
    }

    /// The device that the query names: by asset id, or by product key and device key.
    pub(super) fn device(&self, admin: &Admin, unknown: u32) -> Result<Arc<Device>, Fault> {
        let id = match (self.query("assetId"), self.query("productKey"), self.query("deviceKey")) {
            (Some(asset_id), ..) => {
                let id = admin.cloud.store.read(|directory| directory.assets.get(asset_id).cloned());
                id.ok_or_else(|| {
                    Fault::new(unknown, format!("there is no device of assetId \"{asset_id}\""))
                })?
            }
            (None, Some(product_key), Some(device_key)) => DeviceId::new(product_key, device_key),
            _ => return Err(Fault::argument("device", "give assetId, or productKey and deviceKey")),
        };
        admin.cloud.store.device(&id).ok_or_else(|| Fault::new(unknown, format!("there is no device {id}")))
    }

    /// Refuses an HTTP method that the action does not have.
    pub(super) fn is(&self, method: &Method) -> Result<(), Fault> {
        if self.method == *method {
            return Ok(());
        }
        let msg = format!("action \"{}\" is called by {method}, not {}", self.action, self.method);
        Err(Fault::new(99400, msg).with_status(StatusCode::METHOD_NOT_ALLOWED))
    }

    /// The fault of a call that no handler takes.
    pub(super) fn unknown(&self, resource: &str) -> Fault {
        if self.action.is_empty() {
            return Fault::argument("action", "is missing");
        }
        let msg = format!("{resource}?action={} is not served by this hub", self.action);
        Fault::not_found(msg).with_status(StatusCode::NOT_FOUND)
    }

    fn authorise(&self, admin: &Admin, headers: &HeaderMap) -> Result<(), Fault> {
        let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let token = header("apim-accesstoken");
        let signature = header("apim-signature");
        let timestamp = header("apim-timestamp");
        if token.is_none() && signature.is_none() && !admin.cloud.is_strict() {
            return Ok(());
        }
        let (Some(token), Some(signature), Some(timestamp)) = (token, signature, timestamp) else {
            let msg = "the call is not signed: send apim-accesstoken, apim-signature and apim-timestamp";
            return Err(Fault::new(99403, msg).with_status(StatusCode::FORBIDDEN));
        };
        let body = String::from_utf8_lossy(&self.body);
        let mut query: Vec<&(String, String)> = self.query.iter().collect();
        query.sort();
        let parameters: String = query.iter().flat_map(|(name, value)| [&**name, &**value]).collect();
        admin.tokens.check_signature(admin, token, signature, timestamp, &format!("{parameters}{body}"))
    }

    /// The organisation is mandatory in the vendor's API; the hub has one and insists only in strict mode.
    fn check_org(&self, admin: &Admin) -> Result<(), Fault> {
        let own = admin.cloud.store.read(|directory| directory.org_id.clone());
        match self.query("orgId") {
            Some(org_id) if *org_id == *own => Ok(()),
            Some(org_id) => Err(Fault::new(
                99403,
                format!("orgId \"{org_id}\" is another organisation, this one is \"{own}\""),
            )),
            None if admin.cloud.is_strict() => Err(Fault::argument("orgId", "is missing")),
            None => Ok(()),
        }
    }
}

/// What a reader of JSON says, without line and column: bodies are written by programs, in one line.
fn without_position(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.rsplit_once(" at line ").map_or(&*text, |(reason, _)| reason).to_owned()
}

/// The whole body; `None` if it is longer than `most`, broken off, or not here in time.
pub(super) async fn read_body(body: Body, most: usize, wait: Duration) -> Option<Bytes> {
    let mut whole = pin!(to_bytes(body, most));
    // Mostly it is here already: then no timer is needed, nor a runtime that has one.
    if let Poll::Ready(read) = poll_fn(|cx| Poll::Ready(whole.as_mut().poll(cx))).await {
        return read.ok();
    }
    real::timeout(wait, whole).await?.ok()
}

/// Splits a query into its decoded parts.
pub(super) fn parse_query(query: &str) -> Result<Vec<(String, String)>, Fault> {
    if query.len() > 16 * 1024 {
        return Err(Fault::argument("query", "longer than 16 kB"));
    }
    Ok(form_urlencoded::parse(query.as_bytes()).into_owned().collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::HttpBody;
    use hyper::body::Frame;
    use std::convert::Infallible;
    use std::pin::Pin;
    use std::task::{Context, Poll};

    /// A body that never comes.
    struct Never;

    impl HttpBody for Never {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            Poll::Pending
        }
    }

    #[tokio::test]
    async fn a_body_that_never_comes_is_given_up() {
        let wait = Duration::from_millis(1);
        assert_eq!(read_body(Body::new(Never), 10, wait).await, None);
        assert_eq!(read_body(Body::from("12345678901"), 10, BODY_WAIT).await, None);
        assert_eq!(read_body(Body::from("1234567890"), 10, BODY_WAIT).await.unwrap(), "1234567890");
    }
}
