//! What a client is made of, as the Python package hands it over.

use crate::client::Runtime;
use crate::error::{Raise, invalid};
use crate::store;
use crate::time::duration;
use enos_runtime::{Client, ClientBuilder, Limits, Login, Proxy, Tls};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use std::path::PathBuf;

/// PEM: its text, or the path of its file.
#[derive(FromPyObject)]
pub(crate) enum Pem {
    /// The text.
    Text(Vec<u8>),
    /// The file.
    File(PathBuf),
}

/// CA, certificate and key.
pub(crate) type TlsParts = (Option<Pem>, Option<Pem>, Option<Pem>);

/// Host, port, user and password of a proxy.
pub(crate) type ProxyParts = (String, u16, Option<String>, Option<String>);

/// Hub, login, secret store, TLS and proxy.
pub(crate) type Named<'s, 'py> =
    (&'s str, (String, String, String), Option<&'s Bound<'py, PyAny>>, Option<TlsParts>, Option<ProxyParts>);

/// A builder with everything in place that has no number.
fn builder(
    py: Python<'_>,
    hub: &str,
    login: (String, String, String),
    secrets: Option<&Bound<'_, PyAny>>,
    tls: Option<TlsParts>,
    proxy: Option<ProxyParts>,
) -> PyResult<ClientBuilder> {
    let (product_key, device_key, secret) = login;
    let login = match secrets {
        None => Login::device_secret(product_key, device_key, secret),
        Some(secrets) => Login::dynamic_activation(product_key, device_key, secret, store::of(secrets)),
    };
    let mut builder = Client::builder(hub).login(login);
    if let Some(parts) = tls {
        builder = builder.tls(py.detach(|| read_tls(parts)).raise(py)?);
    }
    if let Some((host, port, user, password)) = proxy {
        let mut proxy = Proxy::new(host, port);
        if let Some(user) = user {
            proxy = proxy.login(user, password.unwrap_or_default());
        }
        builder = builder.proxy(proxy);
    }
    Ok(builder)
}

/// A builder with everything in place.
pub(crate) fn whole(
    py: Python<'_>,
    (hub, login, secrets, tls, proxy): Named<'_, '_>,
    (limited, runtime, given): (Option<&Bound<'_, PyDict>>, Option<&Runtime>, &Bound<'_, PyDict>),
) -> PyResult<ClientBuilder> {
    let mut builder = options(builder(py, hub, login, secrets, tls, proxy)?, given)?;
    if let Some(limited) = limited {
        builder = builder.limits(limits(limited)?);
    }
    if let Some(runtime) = runtime {
        builder = builder.runtime(&runtime.0);
    }
    Ok(builder)
}

fn read_tls((ca, cert, key): TlsParts) -> Result<Tls, enos_runtime::Error> {
    let mut tls = Tls::new();
    match ca {
        Some(Pem::Text(text)) => tls = tls.ca(text),
        Some(Pem::File(path)) => tls = tls.ca_file(path)?,
        None => {}
    }
    match (cert, key) {
        (None, None) => Ok(tls),
        (Some(Pem::File(cert)), Some(Pem::File(key))) => tls.client_files(cert, key),
        (Some(Pem::Text(cert)), Some(Pem::Text(key))) => Ok(tls.client(cert, key)),
        _ => {
            let text = "cert and key belong together. Give both, as files or as PEM text.";
            Err(enos_runtime::Error::new(enos_runtime::ErrorKind::InvalidArgument, text))
        }
    }
}

/// Sets what was given of the numbers; the rest stays the core's default.
fn options(mut builder: ClientBuilder, given: &Bound<'_, PyDict>) -> PyResult<ClientBuilder> {
    let py = given.py();
    for (name, value) in given {
        let name: String = name.extract()?;
        let seconds = || value.extract::<f64>().and_then(|seconds| duration(py, seconds, &name));
        builder = match &*name {
            "keep_alive" => builder.keep_alive(seconds()?),
            "clean_session" => builder.clean_session(value.extract()?),
            "in_flight" => builder.in_flight(number(&name, &value)?),
            "dial_budget" => {
                let (dials, window): (Bound<'_, PyAny>, f64) = value.extract()?;
                builder.dial_budget(number(&name, &dials)?, duration(py, window, &name)?)
            }
            "backoff" => {
                let (first, largest) = value.extract()?;
                builder.backoff(duration(py, first, &name)?, duration(py, largest, &name)?)
            }
            "sign_in_timeout" => builder.sign_in_timeout(seconds()?),
            "activation_timeout" => builder.activation_timeout(seconds()?),
            "pong_timeout" => builder.pong_timeout(seconds()?),
            "coap_lifetime" => builder.coap_lifetime(seconds()?),
            "sleepy" => builder.sleepy(value.extract()?),
            "coap_rate_limit" => builder.coap_rate_limit(number(&name, &value)?),
            "address_timeout" => builder.address_timeout(seconds()?),
            "handshake_timeout" => builder.handshake_timeout(seconds()?),
            "dial_timeout" => builder.dial_timeout(seconds()?),
            other => return Err(invalid(py, format!("there is no option {other}."))),
        };
    }
    Ok(builder)
}

/// Limits: those given, and the core's defaults.
fn limits(given: &Bound<'_, PyDict>) -> PyResult<Limits> {
    let mut limits = Limits::DEFAULT;
    for (name, value) in given {
        let name: String = name.extract()?;
        match &*name {
            "receive" => limits.receive = number(&name, &value)?,
            "transmit" => limits.transmit = number(&name, &value)?,
            "outbox" => limits.outbox = number(&name, &value)?,
            "requests" => limits.requests = number(&name, &value)?,
            "calls" => limits.calls = number(&name, &value)?,
            "handlers" => limits.handlers = number(&name, &value)?,
            "names" => limits.names = number(&name, &value)?,
            other => return Err(invalid(given.py(), format!("there is no limit {other}."))),
        }
    }
    Ok(limits)
}

/// A number that may not fit.
fn number<T: for<'a> FromPyObjectOwned<'a>>(name: &str, given: &Bound<'_, PyAny>) -> PyResult<T> {
    given.extract::<T>().map_err(|_| {
        let largest = std::any::type_name::<T>();
        invalid(
            given.py(),
            format!("{name} is {given}, which is no number that fits ({largest}). Correct it."),
        )
    })
}
