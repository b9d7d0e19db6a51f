//! Verbs of clients: each is one call of the SDK.

use std::collections::HashMap;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use enos_runtime::doctor::Report;
use enos_runtime::{
    AnswerData, Client, ClientBuilder, Error, FileSecretStore, Invocation, InvocationKind, Lifecycle, Limits,
    Login, MemorySecretStore, PostOptions, Proxy, Registration, Responder, Secret, SecretStore, Tls,
    WakeReport,
};

use crate::lines::{Out, Said, error_words};
use crate::values;

/// Clients by name, open calls by number, handlers by what they are for.
#[derive(Default)]
pub(crate) struct Clients {
    clients: Mutex<HashMap<String, Client>>,
    calls: Arc<Calls>,
    handlers: Mutex<HashMap<String, Registration>>,
}

#[derive(Default)]
struct Calls {
    next: AtomicU64,
    open: Mutex<HashMap<String, Responder>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Clients {
    /// Performs a verb of a client.
    pub(crate) fn perform(&self, verb: &str, words: &[&str], out: &Arc<Out>) -> Said {
        match (verb, words) {
            ("new", [name, settings @ ..]) => self.make(name, settings),
            ("answer", [call, code, json, message]) => self.answer(call, code, json, message),
            ("forget", [call]) => {
                let responder = lock(&self.calls.open).remove(*call);
                drop(responder);
                Said::done()
            }
            ("drop", [name]) => {
                let client = lock(&self.clients).remove(*name);
                drop(client);
                Said::done()
            }
            (_, [name, rest @ ..]) => {
                let client = lock(&self.clients).get(*name).cloned();
                match client {
                    Some(client) => self.with(&client, verb, name, rest, out),
                    None => Said::misuse(format!("there is no client {name}")),
                }
            }
            _ => Said::misuse(format!("no verb is called {verb}")),
        }
    }

    /// Lets every client go.
    pub(crate) fn clear(&self) {
        let clients = std::mem::take(&mut *lock(&self.clients));
        drop(clients);
    }

    fn make(&self, name: &str, settings: &[&str]) -> Said {
        let client = match build(settings) {
            Ok(client) => client,
            Err(said) => return said,
        };
        lock(&self.clients).insert(name.to_owned(), client);
        Said::done()
    }

    fn with(&self, client: &Client, verb: &str, name: &str, words: &[&str], out: &Arc<Out>) -> Said {
        let said = match (verb, words) {
            ("connect", [timeout]) => millis(timeout).map(|timeout| client.connect(timeout).into()),
            ("close", [timeout]) => millis(timeout).map(|timeout| client.close(timeout).into()),
            ("post", [timeout, time, points @ ..]) => post(client, timeout, time, points),
            ("submit", [tag, timeout, time, points @ ..]) => {
                submit(client, name, tag, timeout, time, points, out)
            }
            ("stats", []) => Some(stats(client)),
            ("doctor", [timeout]) => millis(timeout).map(|timeout| diagnosis(&client.doctor(timeout))),
            ("sleep", [timeout]) => millis(timeout).map(|timeout| slept(client.sleep(timeout))),
            ("on_lifecycle", []) => {
                let (out, name) = (out.clone(), name.to_owned());
                let told = client.on_lifecycle(move |step| out.event(&lifecycle_words(&name, step)));
                Some(told.into())
            }
            ("on_service", [identifier, how @ ..]) => {
                let handler = self.handler(name, how, out);
                handler.map(|handler| {
                    self.keep(name, &["service", identifier], client.on_service(identifier, handler))
                })
            }
            ("on_measurepoint_set", how) => {
                let handler = self.handler(name, how, out);
                handler.map(|handler| self.keep(name, &["set"], client.on_measurepoint_set(handler)))
            }
            ("on_measurepoint_get", how) => {
                let handler = self.handler(name, how, out);
                handler.map(|handler| self.keep(name, &["get"], client.on_measurepoint_get(handler)))
            }
            ("off", what) => {
                let registration = lock(&self.handlers).remove(&handler_key(name, what));
                registration.map(|registration| {
                    registration.close();
                    Said::done()
                })
            }
            _ => None,
        };
        said.unwrap_or_else(|| Said::misuse(format!("{verb} cannot take {words:?}")))
    }

    fn keep(&self, name: &str, what: &[&str], registered: Result<Registration, Error>) -> Said {
        match registered {
            Ok(registration) => {
                lock(&self.handlers).insert(handler_key(name, what), registration);
                Said::done()
            }
            Err(error) => Said::Err(error),
        }
    }

    /// A handler that tells the command and then does as the scenario says.
    fn handler(
        &self,
        name: &str,
        how: &[&str],
        out: &Arc<Out>,
    ) -> Option<impl Fn(Invocation, Responder) + Send + Sync + 'static> {
        let how = match how {
            ["later"] => How::Later,
            ["forget"] => How::Forget,
            ["panic"] => How::Panic,
            ["answer", code, json, message] => {
                How::Answer(code.parse().ok()?, (*json).to_owned(), (*message).to_owned())
            }
            _ => return None,
        };
        let (calls, out, name) = (self.calls.clone(), out.clone(), name.to_owned());
        Some(move |call: Invocation, responder: Responder| {
            let number = calls.next.fetch_add(1, Ordering::Relaxed).to_string();
            let kind = match call.kind() {
                InvocationKind::Service => "service",
                InvocationKind::MeasurepointSet => "set",
                InvocationKind::MeasurepointGet => "get",
                _ => "other",
            };
            let words = ["command", &name, &number, kind, call.identifier(), call.params()];
            if matches!(how, How::Later) {
                lock(&calls.open).insert(number.clone(), responder);
                out.event(&words.map(str::to_owned));
                return;
            }
            out.event(&words.map(str::to_owned));
            match &how {
                How::Answer(code, json, message) => {
                    let answered = responder.answer(*code, data(json), message);
                    if let Err(error) = answered {
                        out.event(&told("unanswered", &name, &number, &error));
                    }
                }
                How::Panic => panic!("the scenario wants this handler to fail"),
                How::Forget | How::Later => drop(responder),
            }
        })
    }

    fn answer(&self, call: &str, code: &str, json: &str, message: &str) -> Said {
        let responder = lock(&self.calls.open).remove(call);
        match (responder, code.parse()) {
            (Some(responder), Ok(code)) => responder.answer(code, data(json), message).into(),
            _ => Said::misuse(format!("no open call {call}, or no code {code}")),
        }
    }
}

enum How {
    Later,
    Forget,
    Panic,
    Answer(i32, String, String),
}

fn handler_key(name: &str, what: &[&str]) -> String {
    format!("{name} {}", what.join(" "))
}

fn data(json: &str) -> AnswerData<'_> {
    if json.is_empty() { AnswerData::Empty } else { AnswerData::Json(json) }
}

fn diagnosis(report: &Report) -> Said {
    let (step, cause) = match report.failure() {
        Some(step) => (step.stage.name(), step.cause.map_or("-", |cause| cause.code())),
        None => ("-", "-"),
    };
    let verdict = if report.healthy() { "healthy" } else { "ill" };
    let words =
        [verdict, &report.exit_code().to_string(), report.session().name(), step, cause, &report.text()];
    Said::Ok(words.map(str::to_owned).to_vec())
}

fn slept(report: Result<WakeReport, Error>) -> Said {
    match report {
        Ok(report) => {
            let counts = [
                report.datagrams_sent,
                report.datagrams_received,
                report.bytes_sent,
                report.bytes_received,
                report.radio_on_ms,
            ];
            Said::Ok(counts.iter().map(u64::to_string).collect())
        }
        Err(error) => Said::Err(error),
    }
}

fn millis(text: &str) -> Option<Duration> {
    text.parse().ok().map(Duration::from_millis)
}

fn told(event: &str, name: &str, tag: &str, error: &Error) -> Vec<String> {
    let head = [event, name, tag, "err"].map(str::to_owned);
    head.into_iter().chain(error_words(error)).collect()
}

/// `now`, or milliseconds since 1970.
fn options(timeout: &str, time: &str) -> Option<PostOptions> {
    let options = PostOptions::new().timeout(millis(timeout)?);
    match time {
        "now" => Some(options),
        time => Some(options.time(SystemTime::UNIX_EPOCH + millis(time)?)),
    }
}

fn post(client: &Client, timeout: &str, time: &str, points: &[&str]) -> Option<Said> {
    let (options, points) = (options(timeout, time)?, values::points(points)?);
    Some(client.post_measurepoints_with(&points, options).into())
}

fn submit(
    client: &Client,
    name: &str,
    tag: &str,
    timeout: &str,
    time: &str,
    points: &[&str],
    out: &Arc<Out>,
) -> Option<Said> {
    let (options, points) = (options(timeout, time)?, values::points(points)?);
    let (out, name, tag) = (out.clone(), name.to_owned(), tag.to_owned());
    let submitted = client.submit_measurepoints(&points, options, move |result| match result {
        Ok(_) => out.event(&["settled", &name, &tag, "ok"].map(str::to_owned)),
        Err(error) => out.event(&told("settled", &name, &tag, &error)),
    });
    Some(submitted.into())
}

fn stats(client: &Client) -> Said {
    let stats = match client.stats() {
        Ok(stats) => stats,
        Err(error) => return Said::Err(error),
    };
    let numbers: [(&str, u64); 15] = [
        ("messages_sent", stats.messages_sent),
        ("messages_received", stats.messages_received),
        ("retries", stats.retries),
        ("reconnects", stats.reconnects),
        ("acknowledged", stats.acknowledged),
        ("rejected", stats.rejected),
        ("failed", stats.failed),
        ("dropped_oversize", stats.dropped_oversize),
        ("dropped_unknown", stats.dropped_unknown),
        ("dropped_malformed", stats.dropped_malformed),
        ("dropped_stray", stats.dropped_stray),
        ("open_requests", stats.open_requests.into()),
        ("datagrams_sent", stats.datagrams_sent),
        ("datagrams_received", stats.datagrams_received),
        ("radio_on_ms", stats.radio_on_ms),
    ];
    Said::Ok(numbers.iter().map(|(name, number)| format!("{name}={number}")).collect())
}

fn lifecycle_words(name: &str, step: &Lifecycle) -> Vec<String> {
    let mut words = vec!["lifecycle".to_owned(), name.to_owned()];
    match step {
        Lifecycle::Connecting => words.push("connecting".to_owned()),
        Lifecycle::Online => words.push("online".to_owned()),
        Lifecycle::Activated => words.push("activated".to_owned()),
        Lifecycle::Closed => words.push("closed".to_owned()),
        Lifecycle::ConnectFailed { error, retry_in } => {
            words.push("connect_failed".to_owned());
            words.push(retry_in.map_or("-".to_owned(), |pause| pause.as_millis().to_string()));
            words.extend(error_words(error));
        }
        Lifecycle::Offline { reason, will_retry } => {
            words.push("offline".to_owned());
            words.push(will_retry.to_string());
            words.extend(error_words(reason));
        }
        _ => words.push("other".to_owned()),
    }
    words
}

/// Takes `name=value` settings.
fn build(settings: &[&str]) -> Result<Client, Said> {
    let mut given = HashMap::new();
    for setting in settings {
        let (name, value) =
            setting.split_once('=').ok_or_else(|| Said::misuse(format!("no setting: {setting}")))?;
        given.insert(name, value);
    }
    let mut take = |name: &str| given.remove(name);
    let url = take("url").unwrap_or_default();
    let (product_key, device_key) =
        (take("product_key").unwrap_or_default(), take("device_key").unwrap_or_default());
    let secret = take("secret").unwrap_or_default();
    let store = take("store");
    let login = match take("login") {
        Some("device_secret") => Login::device_secret(product_key, device_key, secret),
        Some("dynamic_activation") => Login::dynamic_activation(
            product_key,
            device_key,
            secret,
            self::store(store.unwrap_or("memory"))?,
        ),
        other => return Err(Said::misuse(format!("no login is called {other:?}"))),
    };
    let mut tls = Tls::new();
    if let Some(path) = take("ca") {
        tls = tls.ca_file(path).map_err(Said::Err)?;
    }
    if let (Some(certificate), Some(key)) = (take("cert"), take("key")) {
        tls = tls.client_files(certificate, key).map_err(Said::Err)?;
    }
    let mut builder = Client::builder(url).login(login).tls(tls);
    let mut limits = Limits::DEFAULT;
    for (name, value) in given {
        let wrong = || Said::misuse(format!("setting {name}={value}"));
        builder = set(builder, &mut limits, name, value).ok_or_else(wrong)?;
    }
    builder.limits(limits).build().map_err(Said::Err)
}

fn set(builder: ClientBuilder, limits: &mut Limits, name: &str, value: &str) -> Option<ClientBuilder> {
    let pair = || value.split_once('/');
    Some(match name {
        "proxy" => builder.proxy(proxy(value)?),
        "keep_alive_s" => builder.keep_alive(Duration::from_secs(value.parse().ok()?)),
        "clean_session" => builder.clean_session(value.parse().ok()?),
        "in_flight" => builder.in_flight(value.parse().ok()?),
        "backoff_ms" => builder.backoff(millis(pair()?.0)?, millis(pair()?.1)?),
        "dial_budget" => {
            builder.dial_budget(pair()?.0.parse().ok()?, Duration::from_secs(pair()?.1.parse().ok()?))
        }
        "sign_in_timeout_ms" => builder.sign_in_timeout(millis(value)?),
        "activation_timeout_ms" => builder.activation_timeout(millis(value)?),
        "handshake_timeout_ms" => builder.handshake_timeout(millis(value)?),
        "pong_timeout_ms" => builder.pong_timeout(millis(value)?),
        "coap_lifetime_s" => builder.coap_lifetime(Duration::from_secs(value.parse().ok()?)),
        "sleepy" => builder.sleepy(value.parse().ok()?),
        "coap_rate_limit" => builder.coap_rate_limit(value.parse().ok()?),
        "limit_requests" => {
            limits.requests = value.parse().ok()?;
            builder
        }
        "limit_calls" => {
            limits.calls = value.parse().ok()?;
            builder
        }
        _ => return None,
    })
}

/// `HOST:PORT` or `USER:PASSWORD@HOST:PORT`.
fn proxy(text: &str) -> Option<Proxy> {
    let (login, address) = match text.rsplit_once('@') {
        Some((login, address)) => (Some(login.split_once(':')?), address),
        None => (None, text),
    };
    let (host, port) = address.rsplit_once(':')?;
    let proxy = Proxy::new(host, port.parse().ok()?);
    Some(match login {
        Some((user, password)) => proxy.login(user, password),
        None => proxy,
    })
}

/// `memory`, `file:FOLDER`, or `refuse`: a store of one's own that never stores.
fn store(how: &str) -> Result<Arc<dyn SecretStore>, Said> {
    match how.split_once(':').unwrap_or((how, "")) {
        ("memory", _) => Ok(Arc::new(MemorySecretStore::new())),
        ("file", folder) => Ok(Arc::new(FileSecretStore::new(folder))),
        ("refuse", _) => Ok(Arc::new(Refusing)),
        _ => Err(Said::misuse(format!("no store is called {how}"))),
    }
}

struct Refusing;

impl SecretStore for Refusing {
    fn load(&self, _product_key: &str, _device_key: &str) -> io::Result<Option<Secret>> {
        Ok(None)
    }

    fn store(&self, _product_key: &str, _device_key: &str, _secret: &Secret) -> io::Result<()> {
        Err(io::Error::other("this store never stores"))
    }
}
