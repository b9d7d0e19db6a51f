//! What the hub reads from certificates: whom one was issued for.

use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::pem::parse_x509_pem;
use x509_parser::prelude::{FromDer, X509Certificate};
use x509_parser::x509::X509Name;

/// The common name of a certificate's subject; `None` if it has none or cannot be read.
pub(crate) fn common_name(der: &[u8]) -> Option<String> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    name_of(certificate.subject())
}

/// The common name of a certificate request in PEM.
pub(crate) fn request_name(pem: &str) -> Option<String> {
    let (_, pem) = parse_x509_pem(pem.as_bytes()).ok()?;
    let (_, request) = X509CertificationRequest::from_der(&pem.contents).ok()?;
    name_of(&request.certification_request_info.subject)
}

/// The serial number of a certificate in PEM, as decimal text.
pub(crate) fn serial_number(pem: &str) -> Option<String> {
    let (_, pem) = parse_x509_pem(pem.as_bytes()).ok()?;
    let (_, certificate) = X509Certificate::from_der(&pem.contents).ok()?;
    Some(certificate.tbs_certificate.serial.to_string())
}

fn name_of(subject: &X509Name<'_>) -> Option<String> {
    let name = subject.iter_common_name().next()?.as_str().ok()?;
    Some(name.to_owned())
}
