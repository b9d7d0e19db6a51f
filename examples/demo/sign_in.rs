//! Devices sign in: over TCP, over TLS with a client certificate, and one that has only its product's secret.

use std::error::Error;
use std::path::Path;
use std::time::Duration;

use enos_runtime::{Client, FileSecretStore, Login, Tls};
use serde_json::Value;

use crate::hub::Hub;
use crate::report::Report;
use crate::rest::Rest;
use crate::{INVERTER, NEW_TURBINE, TURBINE};

type Done<T> = Result<T, Box<dyn Error>>;

const TIMEOUT: Duration = Duration::from_secs(10);

/// What the hub says of a device's connection.
fn status(rest: &Rest, keys: (&str, &str)) -> Done<String> {
    Ok(rest.device(keys)?["status"].as_str().unwrap_or("unknown").to_owned())
}

/// Whether the hub's journal of a device holds all these words in one entry.
fn journal_says(rest: &Rest, keys: (&str, &str), words: &[&str]) -> Done<bool> {
    let journal = rest.journal(keys)?;
    let entries = journal.as_array().or_else(|| journal["entries"].as_array()).cloned().unwrap_or_default();
    Ok(entries.iter().map(Value::to_string).any(|text| words.iter().all(|word| text.contains(word))))
}

/// The turbine, with its own secret, over TCP; and somebody who does not know the secret.
pub(crate) fn over_tcp(report: &mut Report, hub: &Hub, rest: &Rest) -> Done<Client> {
    report.part("A turbine signs in over TCP");
    let (product_key, device_key) = TURBINE;
    let client = |secret: &str| {
        Client::builder(hub.tcp_url()).login(Login::device_secret(product_key, device_key, secret)).build()
    };
    let stranger = client("a guess")?;
    match stranger.connect(TIMEOUT) {
        Ok(()) => report.note("a wrong secret was accepted"),
        Err(error) => report.note(format_args!("with a wrong secret: {error}")),
    }
    let refused = status(rest, TURBINE)? == "inactive" && journal_says(rest, TURBINE, &["secret"])?;
    report.step(
        "a wrong secret is refused",
        refused,
        "the device is still inactive, the journal names the cause",
    );

    let turbine = client("demo-secret-turbine-1")?;
    turbine.connect(TIMEOUT)?;
    let seen = status(rest, TURBINE)?;
    report.step("turbine-1 signs in", seen == "online", seen);
    Ok(turbine)
}

/// The inverter, whose product demands a client certificate.
pub(crate) fn over_tls_with_certificate(report: &mut Report, hub: &Hub, rest: &Rest) -> Done<Client> {
    report.part("An inverter signs in over TLS with a client certificate");
    let (product_key, device_key) = INVERTER;
    let client = |tls: Tls| {
        let login = Login::device_secret(product_key, device_key, "demo-secret-inverter-1");
        Client::builder(hub.tls_url()).login(login).tls(tls).build()
    };
    let trust = Tls::new().ca(hub.ca_pem());
    match client(trust.clone())?.connect(TIMEOUT) {
        Ok(()) => report.note("it was accepted without a certificate"),
        Err(error) => report.note(format_args!("without a certificate: {error}")),
    }
    let refused = status(rest, INVERTER)? == "inactive" && journal_says(rest, INVERTER, &["746"])?;
    report.step("no certificate, no sign-in", refused, "still inactive, the journal says 746");

    // The private key stays here; the hub's CA signs the request, as EnOS does.
    let key = rcgen::KeyPair::generate()?;
    let mut request = rcgen::CertificateParams::default();
    request.distinguished_name.push(rcgen::DnType::CommonName, device_key);
    let certificate = rest.certificate(INVERTER, &request.serialize_request(&key)?.pem()?)?;
    let inverter = client(trust.client(certificate, key.serialize_pem()))?;
    inverter.connect(TIMEOUT)?;
    let seen = status(rest, INVERTER)?;
    report.step("inverter-1 signs in", seen == "online", seen);
    Ok(inverter)
}

/// A turbine that left the factory with its product's secret only.
pub(crate) fn activated(report: &mut Report, hub: &Hub, rest: &Rest, scratch: &Path) -> Done<()> {
    report.part("A new turbine activates itself");
    let (product_key, device_key) = NEW_TURBINE;
    let client = || {
        let store = FileSecretStore::new(scratch);
        let login = Login::dynamic_activation(product_key, device_key, "demo-activate", store);
        Client::builder(hub.tls_url()).login(login).tls(Tls::new().ca(hub.ca_pem())).build()
    };
    let first = client()?;
    first.connect(TIMEOUT)?;
    let seen = status(rest, NEW_TURBINE)?;
    let active = !rest.device(NEW_TURBINE)?["activeTime"].is_null();
    report.step("turbine-2 receives its own secret and signs in", seen == "online" && active, seen);
    first.close(TIMEOUT)?;

    // As after a reboot: the secret comes from the file.
    let again = client()?;
    again.connect(TIMEOUT)?;
    let seen = status(rest, NEW_TURBINE)?;
    report.step("turbine-2 signs in again with the stored secret", seen == "online", seen);
    again.close(TIMEOUT)?;
    Ok(())
}

/// All sign off.
pub(crate) fn off(report: &mut Report, rest: &Rest, turbine: &Client, inverter: &Client) -> Done<()> {
    report.part("Both sign off");
    for (client, keys) in [(turbine, TURBINE), (inverter, INVERTER)] {
        client.close(TIMEOUT)?;
        let seen = status(rest, keys)?;
        report.step(format_args!("{} is gone", keys.1), seen == "offline", seen);
    }
    Ok(())
}
