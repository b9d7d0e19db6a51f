//! `certificates?action=apply`: a client certificate for a device (`docs-mqtt.md` §4).

use axum::http::Method;
use serde::Deserialize;
use serde_json::json;

use crate::domain::certificate;
use crate::domain::{Entry, EntryKind};

use super::Admin;
use super::call::Call;
use super::reply::{Fault, Reply};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Body {
    csr: String,
    valid_day: Option<u32>,
    issue_authority: Option<String>,
}

/// The code of a call that names no device; certificates have one of their own (`docs-model.md` §9.2).
const UNKNOWN_DEVICE: u32 = 11404;

/// Signs a request whose common name is the device's key or asset id: by that name the hub binds the certificate to
/// the device when it connects.
pub(super) fn apply(admin: &Admin, call: &Call) -> Result<Reply, Fault> {
    call.is(&Method::POST)?;
    let device = call.device(admin, UNKNOWN_DEVICE)?;
    let body: Body = call.body()?;
    if !device.product.bi_directional_auth {
        let msg = format!("product {} does not support bi-directional authentication", device.product.key);
        return Err(Fault::new(99400, msg));
    }
    let authority = body.issue_authority.as_deref().unwrap_or("RSA").to_ascii_uppercase();
    if !matches!(&*authority, "RSA" | "ECC") {
        return Err(Fault::argument("issueAuthority", "is RSA or ECC"));
    }
    if body.valid_day.is_some() {
        let reason = "the validity cannot be chosen on this hub yet: leave it out";
        return Err(Fault::argument("validDay", reason));
    }
    let name = certificate::request_name(&body.csr)
        .ok_or_else(|| Fault::argument("csr", "is no PKCS#10 request in PEM with a common name"))?;
    if *name != *device.id.device_key && *name != *device.asset_id {
        let reason = format!(
            "its common name is \"{name}\", it must be the device key \"{}\" or the asset id \"{}\"",
            device.id.device_key, device.asset_id
        );
        return Err(Fault::argument("csr", reason));
    }
    let Some(sign) = &admin.info.sign_csr else {
        return Err(Fault::new(99500, "this hub runs without a certificate authority"));
    };
    let signed = sign(&body.csr).map_err(|reason| Fault::argument("csr", reason))?;
    let text = format!("certificate issued for \"{name}\"");
    admin.cloud.note(Entry::new(EntryKind::Admin, text).device(&device.id));
    let url = admin.info.http.map(|http| format!("http://{http}/hub/v1/ca.pem"));
    Ok(Reply::ok(json!({
        "certChainURL": url,
        "caCert": admin.info.ca_pem,
        "certSN": certificate::serial_number(&signed),
        "cert": signed,
        "issueAuthority": authority,
    })))
}
