//! The order of a diagnosis, and what its steps learn from each other.

use super::network::{self, why};
use super::{Cause, Report, Session, Stage, Status, Step, TIMEOUT, session, show};
use crate::client::ClientBuilder;
use crate::dial::{Plan, Target};
use crate::drive::Phase;
use crate::inner::Inner;
use crate::link::Unheard;
use crate::os::clock;
use crate::tls::{Certificate, date};
use enos_core::{Hub, Scheme};
use std::sync::Arc;
use std::time::{Duration, Instant};
use zeroize::Zeroizing;

/// Parts of the time, in percent, at whose end a stretch is over.
const NETWORK: u32 = 45;
const SIGN_IN: u32 = 72;
const REPLY: u32 = 90;
/// More time than a day is of no use.
const LONGEST: Duration = Duration::from_secs(86_400);
/// A text this short is no secret, and taking it out would spoil words.
const SHORTEST_SECRET: usize = 4;

/// Examines a client.
pub(crate) fn examine(client: &Arc<Inner>, timeout: Duration) -> Report {
    let start = Instant::now();
    let timeout = if timeout.is_zero() { TIMEOUT } else { timeout.min(LONGEST) };
    let at = |percent| clock::after(timeout * percent / 100);
    let (network_end, sign_in_end, reply_end) = (at(NETWORK), at(SIGN_IN), at(REPLY));
    let recipe = &client.parts().recipe;
    let mut steps = Vec::new();
    let mut through = Session::None;
    let first = configuration(client);
    let goes_on = first.status != Status::Failed;
    steps.push(first.took(start.elapsed()));
    if goes_on && let Ok(hub) = Hub::parse(recipe.hub()) {
        let target = Target::of_hub(&hub);
        let plan = plan(&client.parts().plan, network_end.saturating_duration_since(Instant::now()));
        let (walked, reached) = network::walk(client, &plan, &target, network_end);
        steps.extend(walked);
        let signed_in = session::sign_in(client, &plan, hub.scheme, reached, sign_in_end);
        if hub.scheme == Scheme::Coaps {
            agreed(&mut steps, &signed_in);
        }
        through = signed_in.session;
        let reply = session::reply(&signed_in, reply_end);
        place(&mut steps, signed_in.step);
        place(&mut steps, reply);
    }
    show::unreached(&mut steps, is_coap(recipe.hub()));
    promote(&mut steps);
    let mut report = Report {
        hub: recipe.hub().to_owned(),
        device: client.name().to_owned(),
        session: through,
        steps,
        duration: start.elapsed(),
    };
    hide(&mut report, &secrets(client));
    report
}

/// Examines settings: makes a client of them first, and ends it.
pub(crate) fn examine_settings(builder: ClientBuilder, timeout: Duration) -> Report {
    let start = Instant::now();
    let hub = builder.hub.clone();
    let device = builder.login.as_ref();
    let device = device.map_or(String::new(), |login| format!("{}/{}", login.product_key, login.device_key));
    let mut secrets: Vec<Zeroizing<String>> = Vec::new();
    secrets.extend(builder.login.as_ref().map(|login| Zeroizing::new(login.secret().expose().to_owned())));
    secrets.extend(builder.proxy.as_ref().map(|proxy| proxy.secrets()).unwrap_or_default());
    match builder.build() {
        Ok(client) => client.doctor(timeout),
        Err(error) => {
            let cause = match error.kind {
                enos_core::ErrorKind::StorageFailed => Cause::StorageFailed,
                enos_core::ErrorKind::InvalidArgument | enos_core::ErrorKind::Unsupported => {
                    Cause::InvalidConfiguration
                }
                _ => Cause::Internal,
            };
            let mut step = Step::failed(Stage::Configuration, cause, why(&error.message));
            step.kind = Some(error.kind);
            let mut steps = vec![step.took(start.elapsed())];
            show::unreached(&mut steps, is_coap(&hub));
            let duration = start.elapsed();
            let mut report = Report { hub, device, session: Session::None, steps, duration };
            hide(&mut report, &secrets);
            report
        }
    }
}

fn is_coap(hub: &str) -> bool {
    Hub::parse(hub).is_ok_and(|hub| hub.scheme.is_coap())
}

/// With a pre-shared key the handshake is the sign-in: what the one says holds for the other.
fn agreed(steps: &mut [Step], signed_in: &session::SignedIn) {
    if signed_in.step.status == Status::Ok
        && let Some(tls) = steps.iter_mut().find(|step| step.stage == Stage::Tls)
    {
        let text = "DTLS 1.2, TLS_PSK_WITH_AES_128_CCM_8; the handshake is the sign-in";
        *tls = Step::new(Stage::Tls, Status::Ok, text);
    }
}

/// The client's plan, within the time; every handshake from the start.
fn plan(own: &Plan, longest: Duration) -> Plan {
    let part = |percent: u32| longest * percent / 100;
    Plan {
        tls: Arc::new(own.tls.afresh()),
        proxy: own.proxy.clone(),
        address_timeout: own.address_timeout.min(part(80)),
        handshake_timeout: own.handshake_timeout.min(part(80)),
        total_timeout: own.total_timeout.min(part(95)),
        unheard: Unheard::default(),
    }
}

fn configuration(client: &Arc<Inner>) -> Step {
    let failed = |cause, text: &str| Step::failed(Stage::Configuration, cause, text);
    if client.shared().owner().check().is_err() {
        return failed(Cause::AfterFork, "the client belongs to the process before fork");
    }
    if client.phase() == Phase::Closed {
        return failed(Cause::ClientClosed, "the client was closed");
    }
    let parts = client.parts();
    let login = parts.recipe.login();
    let mut text = match login.is_activation() {
        true => "signs in by dynamic activation".to_owned(),
        false => "signs in with its device secret".to_owned(),
    };
    if let Some(proxy) = &parts.plan.proxy {
        text.push_str(&format!(", through the proxy {}:{}", proxy.host(), proxy.port()));
    }
    let tls = Hub::parse(parts.recipe.hub()).is_ok_and(|hub| hub.scheme == Scheme::Ssl);
    if tls {
        text.push_str(if parts.plan.tls.has_ca() {
            ", trusts the given CAs"
        } else {
            ", trusts the system's CAs"
        });
    }
    let mut warning = None;
    let odd = |text: &str| text.trim() != text;
    for (name, value) in [
        ("product key", parts.product_key.as_str()),
        ("device key", parts.device_key.as_str()),
        ("secret", login.secret().expose()),
    ] {
        if odd(value) {
            text.push_str(&format!("; the {name} begins or ends with white space"));
            warning = Some(Cause::WhiteSpace);
        }
    }
    if let Some(certificate) = parts.plan.tls.client_certificate().filter(|_| tls) {
        match Certificate::read(certificate) {
            Some(certificate) => {
                let now = network::wall_s();
                let (from, to) = (date(certificate.not_before), date(certificate.not_after));
                text.push_str(&format!(
                    "; its client certificate is \"{}\", {from} to {to}",
                    certificate.name
                ));
                if now > certificate.not_after {
                    text.push_str(", which has expired");
                    warning = Some(Cause::ClientCertificateExpired);
                } else if now < certificate.not_before {
                    text.push_str(", which is not valid yet");
                    warning = Some(Cause::ClientCertificateNotYetValid);
                }
            }
            None => text.push_str("; shows a client certificate"),
        }
    }
    match warning {
        Some(cause) => Step::warning(Stage::Configuration, cause, text),
        None => Step::new(Stage::Configuration, Status::Ok, text),
    }
}

/// Puts a step in; one that is there already gives way to a failure that came to light later.
fn place(steps: &mut Vec<Step>, step: Step) {
    let stage = step.stage;
    match steps.iter_mut().find(|earlier| earlier.stage == stage) {
        Some(earlier) => {
            let duration = earlier.duration;
            *earlier = step.took(duration);
            steps.push(Step::new(Stage::SignIn, Status::Skipped, "not reached"));
        }
        None => steps.push(step),
    }
}

/// A warning about the settings is the cause, where a later refusal is what it leads to.
fn promote(steps: &mut [Step]) {
    let Some(warning) = steps
        .iter()
        .find(|step| step.stage == Stage::Configuration && step.status == Status::Warning)
        .cloned()
    else {
        return;
    };
    let Some(failure) = steps.iter_mut().find(|step| step.status == Status::Failed) else { return };
    let leads = match warning.cause {
        Some(Cause::WhiteSpace) => failure.cause == Some(Cause::CredentialsRefused),
        Some(Cause::ClientCertificateExpired | Cause::ClientCertificateNotYetValid) => {
            failure.cause == Some(Cause::ClientCertificateRefused)
        }
        _ => false,
    };
    if leads && let Some(cause) = warning.cause {
        failure.detail = format!("{}, and: {}", failure.detail, warning.detail);
        failure.cause = Some(cause);
        failure.next = cause.next().to_owned();
    }
}

fn secrets(client: &Arc<Inner>) -> Vec<Zeroizing<String>> {
    let parts = client.parts();
    let login = parts.recipe.login();
    let mut secrets = vec![Zeroizing::new(login.secret().expose().to_owned())];
    if let Ok(Some(stored)) = login.stored() {
        secrets.push(Zeroizing::new(stored.expose().to_owned()));
    }
    secrets.extend(parts.plan.proxy.as_ref().map(|proxy| proxy.secrets()).unwrap_or_default());
    secrets
}

/// Takes secrets out of what peers may have said, and makes controls visible: nothing of a peer may steer a terminal.
fn hide(report: &mut Report, secrets: &[Zeroizing<String>]) {
    for step in &mut report.steps {
        if step.detail.contains(char::is_control) {
            step.detail = step.detail.chars().fold(String::new(), |mut text, c| {
                if c.is_control() {
                    text.extend(c.escape_default())
                } else {
                    text.push(c)
                }
                text
            });
        }
    }
    for secret in secrets {
        let bare = secret.trim();
        if bare.len() < SHORTEST_SECRET {
            continue;
        }
        let texts = report.steps.iter_mut().flat_map(|step| [&mut step.detail, &mut step.next]);
        for text in texts.chain([&mut report.hub, &mut report.device]) {
            if text.contains(bare) {
                *text = text.replace(bare, "***");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(detail: &str) -> Report {
        let steps = vec![Step::new(Stage::Proxy, Status::Failed, detail)];
        let (hub, device) = ("tcp://hub".to_owned(), "pk/dk".to_owned());
        Report { hub, device, session: Session::None, steps, duration: Duration::ZERO }
    }

    #[test]
    fn what_a_peer_says_tells_no_secret_and_steers_no_terminal() {
        let mut told = report("it said cAnArY, \u{1b}[31mred\nand abc");
        let secrets = ["cAnArY\n", "abc"].map(|text| Zeroizing::new(text.to_owned()));
        hide(&mut told, &secrets);
        // A secret is known without the line end that was given along; three letters are too few to be one.
        assert_eq!(told.steps[0].detail, "it said ***, \\u{1b}[31mred\\nand abc");
    }

    #[test]
    fn a_warning_of_the_settings_explains_only_what_follows_from_it() {
        for (warning, failure, wanted) in [
            (Cause::WhiteSpace, Cause::CredentialsRefused, Cause::WhiteSpace),
            (Cause::WhiteSpace, Cause::NotAuthorized, Cause::NotAuthorized),
            (
                Cause::ClientCertificateExpired,
                Cause::ClientCertificateRefused,
                Cause::ClientCertificateExpired,
            ),
            (Cause::ClientCertificateExpired, Cause::CredentialsRefused, Cause::CredentialsRefused),
        ] {
            let mut steps = [
                Step::warning(Stage::Configuration, warning, "w"),
                Step::failed(Stage::SignIn, failure, "f"),
            ];
            promote(&mut steps);
            assert_eq!((steps[1].cause, steps[1].next.as_str()), (Some(wanted), wanted.next()));
        }
    }

    #[test]
    fn what_tls_hears_later_takes_the_place_of_its_good_step() {
        let mut steps = vec![Step::new(Stage::Tls, Status::Ok, "good")];
        place(&mut steps, Step::failed(Stage::Tls, Cause::ClientCertificateRefused, "bad"));
        let found: Vec<_> = steps.iter().map(|step| (step.stage, step.status)).collect();
        assert_eq!(found, [(Stage::Tls, Status::Failed), (Stage::SignIn, Status::Skipped)]);
    }
}
