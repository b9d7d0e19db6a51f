//! The cloud's side of the demo: what an application would ask the hub's REST interface.

use std::error::Error;
use std::time::Duration;

use serde_json::{Value, json};

const ORG: &str = "o1";

/// The hub's REST interface.
pub(crate) struct Rest {
    base: String,
    agent: ureq::Agent,
}

type Answer = Result<Value, Box<dyn Error>>;

impl Rest {
    pub(crate) fn new(base: &str) -> Self {
        let config = ureq::Agent::config_builder()
            .timeout_global(Some(Duration::from_secs(10)))
            .http_status_as_error(false)
            .build();
        Self { base: base.to_owned(), agent: config.into() }
    }

    fn get(&self, path: &str) -> Answer {
        Ok(self.agent.get(format!("{}{path}", self.base)).call()?.body_mut().read_json()?)
    }

    fn post(&self, path: &str, body: &Value) -> Answer {
        Ok(self.agent.post(format!("{}{path}", self.base)).send_json(body)?.body_mut().read_json()?)
    }

    fn device_query((product_key, device_key): (&str, &str)) -> String {
        format!("orgId={ORG}&productKey={product_key}&deviceKey={device_key}")
    }

    /// The device as an application sees it.
    pub(crate) fn device(&self, keys: (&str, &str)) -> Answer {
        let path = format!("/connect-service/v2.1/devices?action=get&{}", Self::device_query(keys));
        Ok(self.get(&path)?["data"].take())
    }

    /// Its latest values, as uploaded.
    pub(crate) fn latest(&self, keys: (&str, &str)) -> Answer {
        let query = Self::device_query(keys);
        let path = format!("/connect-service/v2.1/measurepoints?action=queryLatest&{query}");
        Ok(self.post(&path, &json!({}))?["data"].take())
    }

    /// Invokes a service and waits for the device's answer.
    pub(crate) fn invoke(&self, keys: (&str, &str), service: &str, input: Value) -> Answer {
        let query = Self::device_query(keys);
        let path = format!(
            "/connect-service/v2.1/commands?action=invokeService&serviceId={service}&pendingTtl=0&timeout=10&{query}"
        );
        self.post(&path, &json!({"inputData": input}))
    }

    /// Sets a measurepoint and waits for the device's answer.
    pub(crate) fn set(&self, keys: (&str, &str), point: &str, value: Value) -> Answer {
        let query = Self::device_query(keys);
        let path = format!(
            "/connect-service/v2.1/commands?action=setMeasurepoint&measurepointId={point}&pendingTtl=0&timeout=10&{query}"
        );
        self.post(&path, &json!({"value": value}))
    }

    /// A command's state.
    pub(crate) fn command(&self, keys: (&str, &str), id: &str) -> Answer {
        let query = Self::device_query(keys);
        let path = format!("/connect-service/v2.1/commands?action=get&commandId={id}&{query}");
        Ok(self.get(&path)?["data"].take())
    }

    /// A client certificate for a signing request, issued by the hub's CA.
    pub(crate) fn certificate(&self, keys: (&str, &str), csr_pem: &str) -> Result<String, Box<dyn Error>> {
        let query = Self::device_query(keys);
        let path = format!("/connect-service/v2.0/certificates?action=apply&{query}");
        let body = json!({"csr": csr_pem, "issueAuthority": "ECC"});
        let answer = self.post(&path, &body)?;
        answer["data"]["cert"]
            .as_str()
            .map(str::to_owned)
            .ok_or_else(|| format!("no certificate in {answer}").into())
    }

    /// What the hub has seen of a device, newest last.
    pub(crate) fn journal(&self, (product_key, device_key): (&str, &str)) -> Answer {
        self.get(&format!("/hub/v1/journal?device={product_key}/{device_key}"))
    }

    /// The hub's own counts of a device's posts.
    pub(crate) fn state(&self) -> Answer {
        self.get("/hub/v1/state")
    }
}
