//! From the name to the end of the TLS handshake: a dial that is watched, and given up when it stands.

use super::{Cause, Stage, Status, Step};
use crate::dial::{self, Cancel, Passed, Plan, Target, Wait};
use crate::error::Error;
use crate::inner::Inner;
use crate::link::Down;
use crate::os::{clock, thread};
use crate::tls::{Certificate, date};
use enos_core::{LinkFault, Scheme};
use rustls::{ClientConnection, ProtocolVersion};
use std::net::SocketAddr;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A certificate that ends sooner is warned of.
const SOON_S: i64 = 14 * 86_400;
/// No clock that is right shows a time before this: 2025-01-01.
const OLDEST_NOW_S: i64 = 1_735_689_600;
/// How long the addresses that lost the race are waited for.
const SURVEY: Duration = Duration::from_millis(1_500);

/// What a dial has passed so far, and when.
#[derive(Default)]
struct Trace {
    resolved: Option<(Instant, Vec<SocketAddr>)>,
    connected: Option<(Instant, Option<SocketAddr>)>,
    proxied: Option<Instant>,
    secured: Option<(Instant, Secured)>,
    /// What the other addresses said, if there are several.
    others: Vec<(SocketAddr, std::io::Result<()>)>,
    ended: Option<(Instant, Result<(), Down>)>,
    done: bool,
}

/// A finished handshake.
struct Secured {
    version: String,
    suite: String,
    chain: usize,
    leaf: Option<Certificate>,
}

/// The trace as the dialling thread and the one that waits share it.
#[derive(Default)]
struct Shared {
    trace: Mutex<Trace>,
    done: Condvar,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Trace> {
        self.trace.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Dials along the client's way, says nothing on the link, and hangs up. The steps of what was tried, and whether a
/// link came up.
pub(super) fn walk(
    client: &Arc<Inner>,
    plan: &Plan,
    target: &Target,
    deadline: Instant,
) -> (Vec<Step>, bool) {
    let start = Instant::now();
    let cancel = Arc::new(Cancel::default());
    let job = {
        let (cancel, client, plan, target) = (cancel.clone(), client.clone(), plan.clone(), target.clone());
        move |shared: &Shared| dial(&client, &plan, &target, &cancel, shared, deadline)
    };
    let trace = match watch(deadline, job) {
        Ok(trace) => trace,
        Err(error) => return (vec![Step::failed(Stage::Name, Cause::Internal, error.message)], false),
    };
    cancel.cancel();
    let reached = matches!(trace.ended, Some((_, Ok(()))));
    (steps(&trace, plan, target, start, Instant::now()), reached)
}

/// Runs the job on a thread of its own, and takes what it has noted when it is done, or at the deadline.
///
/// Not on the pool: a look-up that hangs holds its thread, and clients need theirs.
fn watch(deadline: Instant, job: impl FnOnce(&Shared) + Send + 'static) -> Result<Trace, Error> {
    let shared = Arc::new(Shared::default());
    let theirs = shared.clone();
    let run = move || {
        job(&theirs);
        theirs.lock().done = true;
        theirs.done.notify_all();
    };
    thread::spawn("enos-doctor", run)?;
    let mut trace = shared.lock();
    while !trace.done {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            break;
        }
        trace = shared.done.wait_timeout(trace, left).unwrap_or_else(PoisonError::into_inner).0;
    }
    Ok(std::mem::take(&mut *trace))
}

fn dial(
    client: &Arc<Inner>,
    plan: &Plan,
    target: &Target,
    cancel: &Arc<Cancel>,
    shared: &Shared,
    deadline: Instant,
) {
    let spare = client.shared().spare();
    let end = |result| shared.lock().ended = Some((Instant::now(), result));
    let mut wait = match Wait::new(spare, cancel) {
        Ok(wait) => wait,
        Err(down) => return end(Err(down)),
    };
    let mut addresses = Vec::new();
    let mut winner = None;
    let result = dial::dial_watched(plan, target, client.shared().roots(), &mut wait, &mut |passed| {
        let now = Instant::now();
        let mut trace = shared.lock();
        match passed {
            Passed::Resolved(found) => {
                addresses = found.to_vec();
                trace.resolved = Some((now, addresses.clone()));
            }
            Passed::Connected(address) => {
                winner = address;
                trace.connected = Some((now, address));
            }
            Passed::Proxied => trace.proxied = Some(now),
            Passed::Secured(tls) => trace.secured = Some((now, secured(tls))),
        }
    });
    let stands = result.is_ok();
    let result = result.map(|link| link.hang_up(wait.registry()));
    end(result);
    addresses.retain(|address| Some(*address) != winner);
    if stands && !addresses.is_empty() {
        let each = plan.address_timeout.min(SURVEY).min(deadline.saturating_duration_since(Instant::now()));
        let others = dial::survey(&mut wait, &addresses, each);
        shared.lock().others = others;
    }
    wait.end(spare);
}

fn secured(tls: &ClientConnection) -> Secured {
    let version = match tls.protocol_version() {
        Some(ProtocolVersion::TLSv1_2) => "TLS 1.2".to_owned(),
        Some(ProtocolVersion::TLSv1_3) => "TLS 1.3".to_owned(),
        other => format!("{other:?}"),
    };
    let suite = tls.negotiated_cipher_suite().map(|suite| format!("{:?}", suite.suite())).unwrap_or_default();
    let chain = tls.peer_certificates().unwrap_or_default();
    let leaf = chain.first().and_then(|leaf| Certificate::read(leaf));
    Secured { version, suite, chain: chain.len(), leaf }
}

fn steps(trace: &Trace, plan: &Plan, target: &Target, start: Instant, now: Instant) -> Vec<Step> {
    let mut steps = Vec::new();
    let (hop, host) = match &plan.proxy {
        Some(proxy) => ("the proxy", proxy.host()),
        None => ("the hub", target.host.as_str()),
    };
    let ended = trace.ended.as_ref().map_or(now, |(at, _)| *at);
    let down = match &trace.ended {
        Some((_, result)) => result.as_ref().err(),
        None => None,
    };
    // Name.
    let Some((resolved, addresses)) = &trace.resolved else {
        let (cause, text) = match down {
            Some(down) => (down.cause.unwrap_or(Cause::NameNotFound), why(&down.text).to_owned()),
            None => (
                Cause::NameTimeout,
                format!(
                    "the look-up of {hop}, \"{host}\", did not end within {} ms",
                    (now - start).as_millis()
                ),
            ),
        };
        let step = Step::failed(Stage::Name, cause, text).took(ended - start);
        steps.push(kind(step, down, LinkFault::Resolve));
        return steps;
    };
    let literal = host.parse::<std::net::IpAddr>().is_ok();
    let text = match (literal, addresses.as_slice()) {
        (true, _) => format!("{host} is an address; no look-up is needed"),
        (_, addresses) => format!("{host} has {}", list(addresses)),
    };
    steps.push(Step::new(Stage::Name, Status::Ok, text).took(*resolved - start));
    let stage = if target.scheme.is_coap() { Stage::Reach } else { Stage::Tcp };
    let Some((connected, winner)) = &trace.connected else {
        let (cause, text) = failure(down, Cause::ConnectTimeout, || format!("{hop} did not accept in time"));
        let cause = if plan.proxy.is_some() { Cause::ProxyUnreachable } else { cause };
        let step = Step::failed(stage, cause, text).took(ended - *resolved);
        steps.push(kind(step, down, LinkFault::Timeout));
        return steps;
    };
    if target.scheme.is_coap() {
        steps.extend(over_udp(target.scheme, *winner, *connected - *resolved));
        return steps;
    }
    steps.push(tcp(hop, *winner, &trace.others).took(*connected - *resolved));
    // Proxy.
    let mut last = *connected;
    match (&plan.proxy, trace.proxied) {
        (None, _) => steps.push(Step::new(Stage::Proxy, Status::Skipped, "none is set")),
        (Some(proxy), Some(at)) => {
            let text = format!("{}:{} opened the way to the hub", proxy.host(), proxy.port());
            steps.push(Step::new(Stage::Proxy, Status::Ok, text).took(at - last));
            last = at;
        }
        (Some(_), None) => {
            let (cause, text) =
                failure(down, Cause::ProxySilent, || "the proxy did not answer in time".to_owned());
            steps.push(kind(
                Step::failed(Stage::Proxy, cause, text).took(ended - last),
                down,
                LinkFault::Timeout,
            ));
            return steps;
        }
    }
    // Clock and TLS.
    match (&trace.secured, target.scheme) {
        (Some((at, secured)), _) => {
            steps.push(clock_step(wall_s(), secured.leaf.as_ref()));
            steps.push(tls(secured).took(*at - last));
        }
        (None, Scheme::Ssl) => {
            let (cause, text) =
                failure(down, Cause::TlsTimeout, || "the handshake did not end in time".to_owned());
            if cause == Cause::ClockBehind {
                let text = format!("this device's clock says {}: {text}", date(wall_s()));
                steps.push(Step::failed(Stage::Clock, cause, text));
                let text = "the hub's certificate is not valid yet by this device's clock";
                steps.push(Step::new(Stage::Tls, Status::Skipped, text).took(ended - last));
            } else {
                let mut step = clock_step(wall_s(), None);
                if cause == Cause::HubCertificateExpired {
                    step.detail = format!("this device's clock says {}", date(wall_s()));
                }
                steps.push(step);
                let step = Step::failed(Stage::Tls, cause, text).took(ended - last);
                steps.push(kind(step, down, LinkFault::Tls));
            }
        }
        (None, _) => {
            steps.push(clock_step(wall_s(), None));
            let text = "none: the hub URL says tcp, so everything goes in clear";
            steps.push(Step::new(Stage::Tls, Status::Skipped, text));
        }
    }
    steps
}

/// The way over UDP as far as it can be walked without a sign-in.
fn over_udp(scheme: Scheme, winner: Option<SocketAddr>, took: Duration) -> [Step; 4] {
    let to = winner.map_or(String::new(), |address| format!(" to {address}"));
    let reach = format!("there is a way{to}; UDP shows only with the sign-in whether anybody listens");
    let (status, tls) = match scheme {
        Scheme::Coaps => (Status::Skipped, "with a pre-shared key the handshake is the sign-in"),
        _ => (Status::Skipped, "none: the hub URL says coap, so everything goes in clear"),
    };
    [
        Step::new(Stage::Reach, Status::Ok, reach).took(took),
        Step::new(Stage::Proxy, Status::Skipped, "none is set"),
        clock_step(wall_s(), None),
        Step::new(Stage::Tls, status, tls),
    ]
}

/// The kind of error that a connect would have given.
fn kind(mut step: Step, down: Option<&Down>, otherwise: LinkFault) -> Step {
    step.kind = Some(down.map_or(otherwise, |down| down.fault).kind());
    step
}

fn failure(down: Option<&Down>, late: Cause, otherwise: impl FnOnce() -> String) -> (Cause, String) {
    match down {
        Some(down) => {
            let cause = down.cause.unwrap_or(match down.fault {
                LinkFault::Tls => Cause::TlsFailed,
                LinkFault::Timeout => late,
                LinkFault::Resolve => Cause::NameNotFound,
                _ => Cause::ConnectFailed,
            });
            (cause, why(&down.text).to_owned())
        }
        None => (late, otherwise()),
    }
}

/// The first sentence: what follows is advice, and ours is longer.
pub(super) fn why(text: &str) -> &str {
    text.split_once(". ").map_or(text, |(why, _)| why).trim_end_matches('.')
}

fn list(addresses: &[SocketAddr]) -> String {
    let shown: Vec<_> = addresses.iter().map(|address| address.ip().to_string()).collect();
    let mut unique = shown.clone();
    unique.dedup();
    let more = unique.len().saturating_sub(8);
    unique.truncate(8);
    let text = unique.join(", ");
    match more {
        0 => text,
        more => format!("{text} and {more} more"),
    }
}

fn tcp(hop: &str, winner: Option<SocketAddr>, others: &[(SocketAddr, std::io::Result<()>)]) -> Step {
    let mut text = match winner {
        Some(address) => format!("{hop} accepted at {address}"),
        None => format!("{hop} accepted"),
    };
    let mut silent = false;
    for (address, result) in others {
        match result {
            Ok(()) => text.push_str(&format!("; {address} accepts, too")),
            Err(error) => {
                silent |= error.kind() == std::io::ErrorKind::TimedOut;
                text.push_str(&format!("; {address}: {error}"));
            }
        }
    }
    if silent {
        return Step::warning(Stage::Tcp, Cause::ConnectTimeout, text);
    }
    Step::new(Stage::Tcp, Status::Ok, text)
}

fn tls(secured: &Secured) -> Step {
    let Secured { version, suite, chain, leaf } = secured;
    let mut text = format!("{version}, {suite}, a chain of {chain}");
    let Some(leaf) = leaf else { return Step::new(Stage::Tls, Status::Ok, text) };
    text.push_str(&format!(
        ", name and chain are right; the hub's certificate was issued by \"{}\" and ends {}",
        leaf.issuer,
        date(leaf.not_after)
    ));
    if leaf.not_after - wall_s() < SOON_S {
        return Step::warning(Stage::Tls, Cause::HubCertificateExpired, text);
    }
    Step::new(Stage::Tls, Status::Ok, text)
}

fn clock_step(now: i64, leaf: Option<&Certificate>) -> Step {
    let mut text = format!("this device's clock says {}", date(now));
    if now < OLDEST_NOW_S {
        text.push_str(", which cannot be: points would be stored with a wrong time");
        return Step::failed(Stage::Clock, Cause::ClockBehind, text);
    }
    match leaf {
        Some(leaf) => text.push_str(&format!(
            ", within the hub's certificate ({} to {})",
            date(leaf.not_before),
            date(leaf.not_after)
        )),
        None => text.push_str("; there is nothing to compare it with"),
    }
    Step::new(Stage::Clock, Status::Ok, text)
}

/// The wall clock, in seconds since 1970.
pub(super) fn wall_s() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(clock::millis(since) / 1_000).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tls::Tls;
    use std::sync::mpsc;

    #[test]
    fn a_look_up_that_hangs_is_left_to_its_thread() {
        let (tell, hear) = mpsc::channel::<()>();
        let start = Instant::now();
        let deadline = start + Duration::from_millis(50);
        let trace = watch(deadline, move |_| {
            // Until the end of the test.
            let _ = hear.recv();
        })
        .unwrap();
        assert!(Instant::now() >= deadline && !trace.done);
        let plan = Plan {
            tls: Tls::new().setup().unwrap(),
            proxy: None,
            address_timeout: Duration::ZERO,
            handshake_timeout: Duration::ZERO,
            total_timeout: Duration::ZERO,
            unheard: Default::default(),
        };
        let target = Target { scheme: Scheme::Tcp, host: "hub.example".to_owned(), port: 1, psk: None };
        let steps = steps(&trace, &plan, &target, start, Instant::now());
        assert_eq!(steps.len(), 1);
        assert_eq!((steps[0].stage, steps[0].cause), (Stage::Name, Some(Cause::NameTimeout)));
        assert!(steps[0].detail.contains("hub.example"), "{}", steps[0].detail);
        drop(tell);
    }

    #[test]
    fn a_clock_that_cannot_be_right_is_named() {
        let step = clock_step(86_400, None);
        assert_eq!((step.status, step.cause), (Status::Failed, Some(Cause::ClockBehind)));
        assert!(step.detail.contains("1970-01-02"), "{}", step.detail);
        assert_eq!(clock_step(OLDEST_NOW_S, None).status, Status::Ok);
    }

    #[test]
    fn a_certificate_that_ends_soon_is_warned_of() {
        let secured = |days: i64| {
            let not_after = wall_s() + days * 86_400;
            let leaf = Certificate { name: String::new(), issuer: "ca".to_owned(), not_before: 0, not_after };
            tls(&Secured { version: String::new(), suite: String::new(), chain: 1, leaf: Some(leaf) })
        };
        assert_eq!(secured(13).status, Status::Warning);
        assert_eq!(secured(15).status, Status::Ok);
    }

    #[test]
    fn an_address_that_is_silent_is_warned_of_and_one_that_refuses_is_told() {
        let address = |port| SocketAddr::from(([127, 0, 0, 1], port));
        let other = |kind: std::io::ErrorKind| [(address(2), Err(kind.into()))];
        let step = tcp("the hub", Some(address(1)), &other(std::io::ErrorKind::ConnectionRefused));
        assert!(step.status == Status::Ok && step.detail.contains("127.0.0.1:2"), "{}", step.detail);
        let step = tcp("the hub", Some(address(1)), &other(std::io::ErrorKind::TimedOut));
        assert_eq!((step.status, step.cause), (Status::Warning, Some(Cause::ConnectTimeout)));
    }
}
