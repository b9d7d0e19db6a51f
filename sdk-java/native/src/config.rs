//! A client's settings across the border: each is a number and what follows it, as `io.enos.sdk.Settings` writes them.

use crate::boundary::Fault;
use crate::jvm::{Env, Kept};
use crate::store::JavaStore;
use crate::wire::Reader;
use enos_runtime::{
    Client, ClientBuilder, Error, ErrorKind, FileSecretStore, Limits, Login, Proxy, Runtime, Tls,
};
use jni_sys::jobject;
use std::time::Duration;

/// What the settings add up to, before the client is made.
struct Settings {
    builder: ClientBuilder,
    tls: Tls,
    proxy: Option<Proxy>,
    limits: Limits,
}

/// Reads all settings. `store` is the secret store if it is the program's own.
pub(crate) fn builder(
    env: Env<'_>,
    bytes: &[u8],
    store: jobject,
    runtime: Option<&Runtime>,
) -> Result<ClientBuilder, Fault> {
    let mut reader = Reader::new(bytes);
    let hub = reader.text()?;
    let mut settings =
        Settings { builder: Client::builder(hub), tls: Tls::new(), proxy: None, limits: Limits::DEFAULT };
    while !reader.is_empty() {
        settings = settings.take(&mut reader, |own| own.then(|| env.keep(store)))?;
    }
    let mut builder = settings.builder.tls(settings.tls).limits(settings.limits);
    if let Some(proxy) = settings.proxy {
        builder = builder.proxy(proxy);
    }
    Ok(match runtime {
        Some(runtime) => builder.runtime(runtime),
        None => builder,
    })
}

impl Settings {
    fn take(
        mut self,
        reader: &mut Reader<'_>,
        keep: impl FnOnce(bool) -> Option<Kept>,
    ) -> Result<Self, Fault> {
        match reader.u8()? {
            1 => {
                let login = Login::device_secret(reader.text()?, reader.text()?, reader.text()?);
                self.builder = self.builder.login(login);
            }
            2 => {
                let (product_key, device_key, secret) = (reader.text()?, reader.text()?, reader.text()?);
                let own = reader.u8()? == 0;
                let login = match keep(own) {
                    Some(store) => {
                        Login::dynamic_activation(product_key, device_key, secret, JavaStore::new(store))
                    }
                    None => {
                        let store = FileSecretStore::new(reader.text()?);
                        Login::dynamic_activation(product_key, device_key, secret, store)
                    }
                };
                self.builder = self.builder.login(login);
            }
            3 => self.tls = self.tls.ca(reader.text()?),
            4 => self.tls = self.tls.ca_file(reader.text()?)?,
            5 => self.tls = self.tls.client(reader.text()?, reader.text()?),
            6 => self.tls = self.tls.client_files(reader.text()?, reader.text()?)?,
            7 => self.proxy = Some(Proxy::new(reader.text()?, whole(reader, "proxy port")?)),
            8 => {
                let (user, password) = (reader.text()?, reader.text()?);
                self.proxy = self.proxy.map(|proxy| proxy.login(user, password));
            }
            9 => self.builder = self.builder.keep_alive(time(reader, "keepAlive")?),
            10 => self.builder = self.builder.clean_session(reader.u8()? != 0),
            11 => self.builder = self.builder.in_flight(whole(reader, "inFlight")?),
            12 => {
                let dials = whole(reader, "dialBudget")?;
                self.builder = self.builder.dial_budget(dials, time(reader, "dialBudget")?);
            }
            13 => {
                let first = time(reader, "backoff")?;
                self.builder = self.builder.backoff(first, time(reader, "backoff")?);
            }
            14 => self.builder = self.builder.sign_in_timeout(time(reader, "signInTimeout")?),
            15 => self.builder = self.builder.activation_timeout(time(reader, "activationTimeout")?),
            16 => self.builder = self.builder.pong_timeout(time(reader, "pongTimeout")?),
            17 => self.builder = self.builder.address_timeout(time(reader, "addressTimeout")?),
            18 => self.builder = self.builder.handshake_timeout(time(reader, "handshakeTimeout")?),
            19 => self.builder = self.builder.dial_timeout(time(reader, "dialTimeout")?),
            20 => self.limits.receive = whole(reader, "limits.receive")?,
            21 => self.limits.transmit = whole(reader, "limits.transmit")?,
            22 => self.limits.outbox = whole(reader, "limits.outbox")?,
            23 => self.limits.requests = whole(reader, "limits.requests")?,
            24 => self.limits.calls = whole(reader, "limits.calls")?,
            25 => self.limits.handlers = whole(reader, "limits.handlers")?,
            26 => self.limits.names = whole(reader, "limits.names")?,
            27 => self.builder = self.builder.coap_lifetime(time(reader, "coapLifetime")?),
            28 => self.builder = self.builder.sleepy(reader.u8()? != 0),
            29 => self.builder = self.builder.coap_rate_limit(whole(reader, "coapRateLimit")?),
            _ => return Err(Fault::internal("a setting of no name")),
        }
        Ok(self)
    }
}

/// A number of Java's as the runtime's type; it has no unsigned ones, so this is checked here.
fn whole<T: TryFrom<i64>>(reader: &mut Reader<'_>, name: &str) -> Result<T, Fault> {
    let number = reader.i64()?;
    T::try_from(number).map_err(|_| misfit(name, number))
}

fn time(reader: &mut Reader<'_>, name: &str) -> Result<Duration, Fault> {
    millis(reader.i64()?, name)
}

/// A time of Java's, which may be negative there.
pub(crate) fn millis(number: i64, name: &str) -> Result<Duration, Fault> {
    let number = u64::try_from(number).map_err(|_| misfit(name, number))?;
    Ok(Duration::from_millis(number))
}

fn misfit(name: &str, number: i64) -> Fault {
    let text = format!("{name} cannot be {number}. Give a number that is not negative and not that large.");
    Fault::Sdk(Error::new(ErrorKind::InvalidArgument, text))
}
