//! The sign-in and the reply, through whose session they may go without harm.

use super::network::why;
use super::{Cause, Session, Stage, Status, Step};
use crate::dial::Plan;
use crate::drive::Phase;
use crate::error::Error;
use crate::inner::Inner;
use crate::link::{Down, First};
use enos_core::{ErrorKind, LinkFault, Scheme};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How much longer than asked a blocking call of a client may take.
const GRACE: Duration = Duration::from_millis(500);
/// The least time that a step is given.
const LEAST: Duration = Duration::from_millis(50);
/// How long the doctor's own session may take to sign off.
const PARTING: Duration = Duration::from_millis(200);

/// What came of the sign-in: its step, and the session that a reply can be asked through.
pub(super) struct SignedIn {
    pub(super) step: Step,
    pub(super) session: Session,
    pub(super) through: Option<Arc<Inner>>,
}

impl SignedIn {
    fn no(step: Step) -> Self {
        Self { step, session: Session::None, through: None }
    }
}

/// Signs in, or finds that this is done or must not be.
pub(super) fn sign_in(
    client: &Arc<Inner>,
    plan: &Plan,
    scheme: Scheme,
    reached: bool,
    deadline: Instant,
) -> SignedIn {
    let start = Instant::now();
    let step = |status, text: String| Step::new(Stage::SignIn, status, text);
    match client.phase() {
        Phase::Online => {
            let text = "the client is online; a second sign-in would throw it out, so none was made";
            let step = step(Status::Ok, text.to_owned());
            SignedIn { step, session: Session::Live, through: Some(client.clone()) }
        }
        _ if !reached => SignedIn::no(step(
            Status::Skipped,
            format!("not tried, since a step before failed{}", told_before(client)),
        )),
        Phase::Connecting => {
            let result = client.connect_and_wait(left(deadline));
            let (down, first, last) = client.evidence();
            let step = match result {
                Ok(()) => step(
                    Status::Ok,
                    "the client is connecting; it was asked to do so now, and came online".to_owned(),
                ),
                Err(error) => {
                    // What the last attempt was told says more than that time ran out.
                    let error = if error.kind == ErrorKind::Timeout { last.unwrap_or(error) } else { error };
                    refused(&error, down.as_ref(), first, plan, scheme)
                }
            };
            let through = (step.status == Status::Ok).then(|| client.clone());
            SignedIn { step: step.took(start.elapsed()), session: Session::Joined, through }
        }
        Phase::Closed => SignedIn::no(step(Status::Skipped, "the client is closed".to_owned())),
        Phase::Idle => alone(client, plan, scheme, deadline),
    }
}

/// An idle client: the doctor signs in beside it.
fn alone(client: &Arc<Inner>, plan: &Plan, scheme: Scheme, deadline: Instant) -> SignedIn {
    let start = Instant::now();
    let login = client.parts().recipe.login();
    let stored = match login.stored() {
        Ok(stored) => stored,
        Err(error) => {
            let mut step = Step::failed(Stage::SignIn, Cause::StorageFailed, why(&error.message));
            step.kind = Some(error.kind);
            return SignedIn::no(step.took(start.elapsed()));
        }
    };
    let (down, first, last) = client.evidence();
    if login.is_activation() && stored.is_none() {
        if let Some(error) = last {
            let mut step = refused(&error, down.as_ref(), first, plan, scheme);
            step.detail = format!("at the client's last attempt, which was not repeated, {}", step.detail);
            return SignedIn::no(step);
        }
        let text = "not tried: this device is not activated yet, and the hub may hand out its secret only once. \
                    Connect, then ask again";
        return SignedIn::no(Step::new(Stage::SignIn, Status::Skipped, text));
    }
    if let Err(wait) = client.spend_dial() {
        let text = format!(
            "not tried: this client has dialled as often as EnOS allows; room for the next is in {} s",
            wait.as_millis().div_ceil(1_000)
        );
        return SignedIn::no(match last {
            Some(error) => {
                let step = refused(&error, down.as_ref(), first, plan, scheme);
                let detail = format!("at the client's last attempt {}; {text}", step.detail);
                Step { detail, ..step }
            }
            None => Step::failed(Stage::SignIn, Cause::BudgetSpent, text),
        });
    }
    let time = left(deadline);
    let twin = match client.twin(plan.clone(), stored.as_ref(), time) {
        Ok(twin) => twin,
        Err(error) => {
            let mut step = Step::failed(Stage::SignIn, Cause::Internal, why(&error.message));
            step.kind = Some(error.kind);
            return SignedIn::no(step);
        }
    };
    match twin.connect_and_wait(time) {
        Ok(()) => {
            let answer = match scheme {
                Scheme::Coap => "2.04",
                Scheme::Coaps => "DTLS",
                _ => "CONNACK 0",
            };
            let text = format!("the hub accepted {} ({answer})", client.name());
            let step = Step::new(Stage::SignIn, Status::Ok, text).took(start.elapsed());
            SignedIn { step, session: Session::Own, through: Some(twin) }
        }
        Err(error) => {
            let (down, first, _) = twin.evidence();
            twin.part(PARTING);
            let step = refused(&error, down.as_ref(), first, plan, scheme).took(start.elapsed());
            SignedIn { step, session: Session::Own, through: None }
        }
    }
}

/// Asks for a reply through the session, and ends it if it is the doctor's own.
pub(super) fn reply(signed_in: &SignedIn, deadline: Instant) -> Step {
    let Some(through) = &signed_in.through else {
        let text = "not tried, since there is no session";
        return Step::new(Stage::Reply, Status::Skipped, text);
    };
    let start = Instant::now();
    let result = through.probe(left(deadline));
    let took = start.elapsed();
    let step = match result {
        Ok(()) => Step::new(Stage::Reply, Status::Ok, "the hub answered a query that changes nothing"),
        Err(error) => answered(&error),
    };
    if signed_in.session == Session::Own {
        // Commands that waited for the device came to this session: whoever gave them is owed an answer.
        through.let_answer(deadline.checked_sub(GRACE).unwrap_or(deadline));
        through.part(PARTING);
    }
    step.took(took)
}

/// A reply that is no success, or none.
fn answered(error: &Error) -> Step {
    let code = error.hub_code;
    let cause = match error.kind {
        ErrorKind::RateLimited => Cause::RateLimited,
        ErrorKind::DeviceUnknown | ErrorKind::DeviceDisabled => Cause::DeviceRefused,
        _ if (500..=599).contains(&code) => Cause::HubError,
        _ if code != 0 => {
            let text = format!("the hub answered (with code {code}, which does not matter here)");
            let mut step = Step::new(Stage::Reply, Status::Ok, text);
            step.hub_code = code;
            return step;
        }
        ErrorKind::Timeout if error.message.contains("acknowledged the packet") => Cause::NoReply,
        ErrorKind::Timeout => Cause::LinkDead,
        ErrorKind::LinkLost | ErrorKind::Closed => Cause::ConnectionLost,
        _ => Cause::Internal,
    };
    let text = match cause {
        Cause::RateLimited => format!("the hub asks for fewer messages (code {code})"),
        Cause::DeviceRefused => format!("the hub does not serve this device (code {code})"),
        Cause::HubError => format!("the hub answered with an error of its own (code {code})"),
        Cause::NoReply => "the hub acknowledged the query, but no reply came".to_owned(),
        Cause::LinkDead => "neither an acknowledgement nor a reply came".to_owned(),
        Cause::ConnectionLost => "the connection was lost before the reply came".to_owned(),
        _ => why(&error.message).to_owned(),
    };
    let mut step = Step::failed(Stage::Reply, cause, text);
    (step.kind, step.hub_code) = (Some(error.kind), code);
    step
}

/// A sign-in that failed: the hub's refusal, or what became of the link.
fn refused(error: &Error, down: Option<&Down>, first: First, plan: &Plan, scheme: Scheme) -> Step {
    let code = error.hub_code;
    let (cause, text) = match (error.kind, code) {
        _ if scheme.is_coap() => refused_over_coap(error, down),
        (ErrorKind::SignatureRejected, 4) => (
            Cause::CredentialsRefused,
            "the hub refused the sign-in (CONNACK 4). It does not say which: unknown device, wrong secret, or wrong \
             client id"
                .to_owned(),
        ),
        (ErrorKind::DeviceDisabled, 5) => {
            let certificate = match plan.tls.has_client_certificate() {
                true => "the client certificate is another device's",
                false => "its product asks for a client certificate, and none is set",
            };
            let text = format!(
                "the hub refused the sign-in (CONNACK 5). It does not say which: the device is disabled, or {certificate}"
            );
            (Cause::NotAuthorized, text)
        }
        (ErrorKind::ActivationRefused, _) => (
            Cause::ActivationRefused,
            "the hub refused to activate the device (CONNACK 5). It does not say which: its product does not allow \
             it, the device is active already, or disabled"
                .to_owned(),
        ),
        (ErrorKind::ConnectFailed, 3) => (
            Cause::HubUnavailable,
            "the hub refused the sign-in (CONNACK 3): it is not available now, or blocks this device for some minutes \
             since it signed in too often"
                .to_owned(),
        ),
        (_, code @ 1..) => (Cause::SignInRefused, format!("the hub refused the sign-in (CONNACK {code})")),
        (ErrorKind::Malformed | ErrorKind::UnexpectedPacket, _) if first == *b"HTTP/" => {
            (Cause::HttpPort, "the port answered with HTTP".to_owned())
        }
        (ErrorKind::Malformed | ErrorKind::UnexpectedPacket, _) => {
            (Cause::NotMqtt, "the port answered with something that is no MQTT".to_owned())
        }
        (ErrorKind::StorageFailed, _) => (Cause::StorageFailed, why(&error.message).to_owned()),
        (ErrorKind::Closed, _) => (Cause::ClientClosed, "the client was closed meanwhile".to_owned()),
        (kind, _) => of_link(kind, down, error),
    };
    // What TLS was told behind the handshake belongs to it: in TLS 1.3 the hub judges the client's certificate then.
    let stage = match cause {
        Cause::NoAnswer | Cause::ConnectionRefused | Cause::Unreachable if scheme.is_coap() => Stage::Reach,
        Cause::PskIdentityRefused | Cause::PskRefused | Cause::NoCommonDtls | Cause::TlsTimeout => Stage::Tls,
        Cause::ClientCertificateRequired
        | Cause::ClientCertificateRefused
        | Cause::ClientCertificateRevoked
        | Cause::TlsExpected
        | Cause::TlsFailed => Stage::Tls,
        _ => Stage::SignIn,
    };
    let mut step = Step::failed(stage, cause, text);
    (step.kind, step.hub_code) = (Some(error.kind), code);
    step
}

/// The same for CoAP, whose codes 4.01 and 4.03 say what CONNACK 4 and 5 do.
fn refused_over_coap(error: &Error, down: Option<&Down>) -> (Cause, String) {
    let (code, kind) = (error.hub_code, error.kind);
    let shown = format!("{}.{:02}", code / 100, code % 100);
    match kind {
        ErrorKind::SignatureRejected => (
            Cause::CredentialsRefused,
            format!(
                "the hub refused the sign-in ({shown}). It does not say which: unknown device, wrong secret, or a \
                 device that is disabled"
            ),
        ),
        ErrorKind::ActivationRefused => {
            (Cause::ActivationRefused, format!("the hub refused to activate the device ({shown})"))
        }
        _ if code > 0 => (Cause::SignInRefused, format!("the hub refused the sign-in ({shown})")),
        ErrorKind::StorageFailed => (Cause::StorageFailed, why(&error.message).to_owned()),
        ErrorKind::Closed => (Cause::ClientClosed, "the client was closed meanwhile".to_owned()),
        ErrorKind::Malformed | ErrorKind::UnexpectedPacket => {
            (Cause::NoAnswer, "the port answered with something that is no CoAP".to_owned())
        }
        ErrorKind::Timeout if down.is_none_or(|down| down.cause.is_none()) => {
            (Cause::NoAnswer, "no answer to the sign-in came".to_owned())
        }
        kind => match down.filter(|down| down.fault.kind() == kind) {
            Some(Down { cause: Some(cause), text, .. }) => (*cause, why(text).to_owned()),
            Some(Down { text, .. }) if !text.is_empty() => (Cause::ConnectFailed, why(text).to_owned()),
            _ => (Cause::NoAnswer, why(&error.message).to_owned()),
        },
    }
}

fn of_link(kind: ErrorKind, down: Option<&Down>, error: &Error) -> (Cause, String) {
    let down = down.filter(|down| down.fault.kind() == kind);
    match down {
        Some(Down { cause: Some(Cause::ClosedBeforeConnack), .. }) => (
            Cause::ClosedBeforeConnack,
            "the hub took the connection and closed it without an answer to the sign-in".to_owned(),
        ),
        Some(Down { cause: Some(cause), text, .. }) => (*cause, why(text).to_owned()),
        Some(Down { fault: LinkFault::Tls, text, .. }) => (Cause::TlsFailed, why(text).to_owned()),
        Some(Down { fault: LinkFault::PeerClosed | LinkFault::Lost, .. }) => {
            (Cause::ClosedBeforeConnack, "the connection ended before the hub had answered".to_owned())
        }
        _ if kind == ErrorKind::Timeout => {
            (Cause::NoConnack, "the port took the connection, and no answer to the sign-in came".to_owned())
        }
        _ => (Cause::ConnectFailed, why(&error.message).to_owned()),
    }
}

fn told_before(client: &Arc<Inner>) -> String {
    let (_, _, last) = client.evidence();
    last.map_or(String::new(), |error| format!(". The client's last attempt: {}", why(&error.message)))
}

/// What a blocking call may be given so that it is over at the deadline.
fn left(deadline: Instant) -> Duration {
    deadline.saturating_duration_since(Instant::now()).saturating_sub(GRACE).max(LEAST)
}
