//! Which device a client certificate was issued for.

use x509_parser::prelude::{FromDer, X509Certificate};

/// The common name of a certificate's subject; `None` if it has none or cannot be read.
pub(crate) fn common_name(der: &[u8]) -> Option<String> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    let name = certificate.subject().iter_common_name().next()?.as_str().ok()?;
    Some(name.to_owned())
}
