//! What a failed handshake means to the person who has to mend it.

use crate::doctor::Cause;
use crate::link::Down;
use enos_core::LinkFault;
use rustls::{AlertDescription as Alert, CertificateError as Bad, Error, InvalidMessage};
use std::io;
use std::time::Duration;

/// The fault and its text: cause and next step.
pub(crate) fn explain(error: &Error, host: &str, certificate_shown: bool) -> Down {
    let (fault, text) = told(error, host, certificate_shown);
    Down::new(fault, text).because(cause(error, certificate_shown))
}

fn cause(error: &Error, certificate_shown: bool) -> Cause {
    match error {
        Error::InvalidCertificate(bad) => match bad {
            Bad::UnknownIssuer => Cause::HubCertificateUntrusted,
            Bad::Expired | Bad::ExpiredContext { .. } => Cause::HubCertificateExpired,
            // A certificate is issued before it is shown, so the clock is wrong and not the certificate.
            Bad::NotValidYet | Bad::NotValidYetContext { .. } => Cause::ClockBehind,
            Bad::NotValidForName | Bad::NotValidForNameContext { .. } => Cause::HubCertificateMisnamed,
            Bad::Revoked => Cause::HubCertificateRevoked,
            _ => Cause::HubCertificateUnfit,
        },
        Error::AlertReceived(alert) => match alert {
            Alert::CertificateRequired => Cause::ClientCertificateRequired,
            Alert::CertificateRevoked if certificate_shown => Cause::ClientCertificateRevoked,
            Alert::BadCertificate
            | Alert::UnsupportedCertificate
            | Alert::CertificateExpired
            | Alert::CertificateUnknown
            | Alert::UnknownCA
            | Alert::DecryptError
            | Alert::AccessDenied
            | Alert::HandshakeFailure
                if certificate_shown =>
            {
                Cause::ClientCertificateRefused
            }
            Alert::BadCertificate
            | Alert::CertificateUnknown
            | Alert::AccessDenied
            | Alert::HandshakeFailure => Cause::ClientCertificateRequired,
            Alert::ProtocolVersion | Alert::InsufficientSecurity => Cause::NoCommonTls,
            Alert::UnrecognisedName => Cause::HubCertificateMisnamed,
            Alert::InternalError | Alert::UserCanceled | Alert::CloseNotify => Cause::TlsBroken,
            _ => Cause::TlsFailed,
        },
        Error::PeerIncompatible(_) => Cause::NoCommonTls,
        error if is_no_tls(error) => Cause::NotTls,
        _ => Cause::TlsFailed,
    }
}

fn is_no_tls(error: &Error) -> bool {
    matches!(
        error,
        Error::InvalidMessage(
            InvalidMessage::InvalidContentType
                | InvalidMessage::UnknownProtocolVersion
                | InvalidMessage::MessageTooLarge
                | InvalidMessage::InvalidEmptyPayload
        ) | Error::PeerSentOversizedRecord
    )
}

fn told(error: &Error, host: &str, certificate_shown: bool) -> (LinkFault, String) {
    match error {
        Error::InvalidCertificate(bad) => (LinkFault::Tls, bad_certificate(bad, host)),
        Error::AlertReceived(alert) => alert_received(*alert, certificate_shown),
        error if is_no_tls(error) => (
            LinkFault::Tls,
            "the port answers, but not with TLS. Check the port, or use tcp:// if the hub's port is in clear"
                .to_owned(),
        ),
        Error::PeerIncompatible(what) => (
            LinkFault::Tls,
            format!(
                "the hub and this device have no TLS version or algorithm in common ({what:?}). The hub must offer TLS 1.2 or 1.3"
            ),
        ),
        error => (LinkFault::Tls, format!("the TLS handshake broke: {error}")),
    }
}

/// The same for an error that came through a read or a write: rustls hides its own inside.
pub(crate) fn explain_io(error: &io::Error, host: &str, certificate_shown: bool) -> Option<Down> {
    let inner = error.get_ref()?.downcast_ref::<Error>()?;
    Some(explain(inner, host, certificate_shown))
}

fn bad_certificate(bad: &Bad, host: &str) -> String {
    match bad {
        Bad::UnknownIssuer => {
            "the hub's certificate was issued by a CA that is not trusted. Give the hub's CA, \
             and check that nobody sits between"
                .to_owned()
        }
        Bad::Expired => "the hub's certificate has expired. Renew it, or set this device's clock".to_owned(),
        Bad::ExpiredContext { time, not_after } => format!(
            "the hub's certificate expired {} ago by this device's clock. Renew it, or set the clock",
            span(time.as_secs().saturating_sub(not_after.as_secs()))
        ),
        Bad::NotValidYet => "the hub's certificate is not valid yet. Set this device's clock".to_owned(),
        Bad::NotValidYetContext { time, not_before } => format!(
            "the hub's certificate becomes valid in {} by this device's clock. Set the clock",
            span(not_before.as_secs().saturating_sub(time.as_secs()))
        ),
        Bad::NotValidForName => wrong_name(host, &[]),
        Bad::NotValidForNameContext { presented, .. } => wrong_name(host, presented),
        Bad::Revoked => "the hub's certificate was revoked. Ask the hub's operator".to_owned(),
        Bad::BadSignature => {
            "the hub's certificate has a wrong signature. Give the CA that issued it".to_owned()
        }
        Bad::InvalidPurpose | Bad::InvalidPurposeContext { .. } => {
            "the hub shows a certificate that is not made for servers. Ask the hub's operator".to_owned()
        }
        Bad::Other(other) => format!(
            "the hub's certificate was refused: {other}. The CA must be the one that issued it, not the \
             certificate itself"
        ),
        bad => format!("the hub's certificate was refused: {bad}. Ask the hub's operator"),
    }
}

fn wrong_name(host: &str, presented: &[String]) -> String {
    let names = match presented {
        [] => String::new(),
        names => {
            let shown: Vec<_> =
                names.iter().take(3).map(|name| name.chars().take(80).collect::<String>()).collect();
            let more = if names.len() > 3 { " and others" } else { "" };
            format!(", only for {}{more}", shown.join(", "))
        }
    };
    format!("the hub's certificate is not for \"{host}\"{names}. Use a name it has in the hub URL")
}

fn alert_received(alert: Alert, certificate_shown: bool) -> (LinkFault, String) {
    let text = match alert {
        Alert::CertificateRequired => {
            "the hub demands a client certificate, and none was shown. Give certificate and key".to_owned()
        }
        Alert::HandshakeFailure if !certificate_shown => {
            "the hub refused the handshake: it may demand a client \
             certificate, or share no algorithm. Give certificate and key"
                .to_owned()
        }
        Alert::CertificateRevoked if certificate_shown => {
            "the hub refused the client certificate: it was revoked. Apply for a new one".to_owned()
        }
        Alert::BadCertificate
        | Alert::UnsupportedCertificate
        | Alert::CertificateExpired
        | Alert::CertificateUnknown
        | Alert::UnknownCA
        | Alert::DecryptError
        | Alert::AccessDenied
        | Alert::HandshakeFailure
            if certificate_shown =>
        {
            format!("the hub refused the client certificate ({alert:?}). Check its issuer, dates and key")
        }
        Alert::BadCertificate | Alert::CertificateUnknown | Alert::AccessDenied => {
            format!(
                "the hub refused the handshake ({alert:?}): it may demand a client certificate. Give certificate and key"
            )
        }
        Alert::ProtocolVersion => "the hub offers neither TLS 1.2 nor 1.3. Update the hub".to_owned(),
        Alert::UnrecognisedName => {
            "the hub does not know the host name of the URL. Check the hub URL".to_owned()
        }
        Alert::InternalError | Alert::UserCanceled | Alert::CloseNotify => {
            return (LinkFault::Lost, format!("the hub gave the TLS connection up ({alert:?})"));
        }
        alert => format!("the hub ended TLS with the alert {alert:?}. Its journal knows why"),
    };
    (LinkFault::Tls, text)
}

/// A rough length of time, in the largest unit that says enough.
fn span(seconds: u64) -> String {
    let duration = Duration::from_secs(seconds).as_secs();
    match duration {
        0..=119 => format!("{duration} s"),
        120..=7_199 => format!("{} min", duration / 60),
        7_200..=172_799 => format!("{} h", duration / 3_600),
        _ => format!("{} days", duration / 86_400),
    }
}
