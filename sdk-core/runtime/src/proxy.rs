//! HTTP CONNECT: the way through a proxy to the hub (RFC 9110 §9.3.6), as bytes in and out.
//!
//! Owns the request and the reading of its answer. Refuses to resolve the hub's name: the proxy does that.

use crate::doctor::Cause;
use crate::error::Error;
use crate::secret::Secret;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Longest head of a proxy's answer, in bytes, and most header fields.
const MAX_HEAD: usize = 8 * 1024;
const MAX_FIELDS: usize = 64;

/// An HTTP proxy that is asked to CONNECT.
#[derive(Clone, Debug)]
pub struct Proxy {
    host: String,
    port: u16,
    login: Option<(String, Secret)>,
}

impl Proxy {
    /// A proxy at this host (name or address) and port.
    pub fn new(host: impl Into<String>, port: u16) -> Self {
        Self { host: host.into(), port, login: None }
    }

    /// Signs in at the proxy (Basic, RFC 7617). The words go in clear: to the proxy only, but unencrypted.
    pub fn login(mut self, user: impl Into<String>, password: impl Into<Secret>) -> Self {
        self.login = Some((user.into(), password.into()));
        self
    }

    /// Refuses what would break the request's lines.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let plain = |text: &str| !text.is_empty() && !text.contains(|c: char| c.is_control() || c == ' ');
        if !plain(&self.host) || self.port == 0 {
            let text = "the proxy needs a host without blanks and a port from 1 to 65535. Check both.";
            return Err(Error::invalid(text));
        }
        match &self.login {
            Some((user, password))
                if user.contains(|c: char| c.is_control() || c == ':')
                    || password.expose().contains(char::is_control) =>
            {
                Err(Error::invalid(
                    "the proxy's user may have no colon, and neither it nor the password controls.",
                ))
            }
            _ => Ok(()),
        }
    }

    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn request(&self, host: &str, port: u16) -> zeroize::Zeroizing<String> {
        let target = if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") };
        let mut text = format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n");
        if let Some((user, password)) = &self.login {
            let words = zeroize::Zeroizing::new(format!("{user}:{}", password.expose()));
            let coded = zeroize::Zeroizing::new(STANDARD.encode(words.as_bytes()));
            text.push_str("Proxy-Authorization: Basic ");
            text.push_str(&coded);
            text.push_str("\r\n");
        }
        text.push_str("\r\n");
        zeroize::Zeroizing::new(text)
    }
}

/// What a proxy's bytes amount to so far.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// More must be read.
    More,
    /// The way to the hub is open.
    Open,
    /// The proxy will not; cause and next step.
    No(Cause, String),
}

/// Reads the answer. Nothing may follow its head yet: hub and TLS server speak after the client.
pub(crate) fn answer(bytes: &[u8], logged_in: bool) -> Answer {
    let no = |cause, text: &str| Answer::No(cause, text.to_owned());
    let mut fields = [httparse::EMPTY_HEADER; MAX_FIELDS];
    let mut response = httparse::Response::new(&mut fields);
    match response.parse(bytes) {
        Ok(httparse::Status::Partial) if bytes.len() > MAX_HEAD => {
            no(Cause::ProxyFailed, &format!("its answer is longer than {MAX_HEAD} bytes"))
        }
        Ok(httparse::Status::Partial) => Answer::More,
        Err(error) => {
            no(Cause::ProxyFailed, &format!("its answer is no HTTP ({error}). Check the proxy's port"))
        }
        Ok(httparse::Status::Complete(head)) => match response.code.unwrap_or_default() {
            // No length and no body after a successful CONNECT.
            200..=299 if bytes.len() == head => Answer::Open,
            200..=299 => {
                no(Cause::ProxyFailed, "it sent bytes before the hub could have. Check the proxy's port")
            }
            407 if logged_in => {
                no(Cause::ProxyLoginRefused, "it refused user and password (407). Check both")
            }
            407 => no(Cause::ProxyLoginRequired, "it demands user and password (407). Give them"),
            403 => no(
                Cause::ProxyForbidden,
                "it forbids the way to this hub (403). Allow host and port in the proxy",
            ),
            code @ (502..=504) => no(
                Cause::ProxyCannotReachHub,
                &format!("it cannot reach the hub ({code}). Check the hub URL and the proxy's network"),
            ),
            code => no(Cause::ProxyFailed, &format!("it answered {code}. Check the proxy's log")),
        },
    }
}

impl Proxy {
    /// The password and the whole login as it is sent, to be kept out of texts.
    pub(crate) fn secrets(&self) -> Vec<zeroize::Zeroizing<String>> {
        let Some((user, password)) = &self.login else { return Vec::new() };
        let password = password.expose();
        let words = zeroize::Zeroizing::new(format!("{user}:{password}"));
        vec![
            zeroize::Zeroizing::new(password.to_owned()),
            zeroize::Zeroizing::new(STANDARD.encode(words.as_bytes())),
        ]
    }

    pub(crate) fn has_login(&self) -> bool {
        self.login.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests() {
        let proxy = Proxy::new("proxy", 3128);
        assert_eq!(
            *proxy.request("hub.example", 18883),
            "CONNECT hub.example:18883 HTTP/1.1\r\nHost: hub.example:18883\r\n\r\n"
        );
        let text = proxy.clone().login("Aladdin", "open sesame").request("::1", 1);
        assert_eq!(
            *text,
            "CONNECT [::1]:1 HTTP/1.1\r\nHost: [::1]:1\r\n\
             Proxy-Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n\r\n"
        );
        assert!(!format!("{:?}", proxy.clone().login("u", "canary")).contains("canary"));
        proxy.check().unwrap();
        for bad in [
            Proxy::new("", 1),
            Proxy::new("a\r\nb", 1),
            Proxy::new("a", 0),
            Proxy::new("a", 1).login("u:v", "p"),
            Proxy::new("a", 1).login("u", "p\r\n"),
        ] {
            assert!(bad.check().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn answers() {
        let whole = b"HTTP/1.1 200 Connection established\r\nVia: x\r\n\r\n";
        for cut in 0..whole.len() {
            assert_eq!(answer(&whole[..cut], false), Answer::More, "{cut}");
        }
        assert_eq!(answer(whole, false), Answer::Open);
        let no = |bytes: &[u8], logged_in| match answer(bytes, logged_in) {
            Answer::No(_, text) => text,
            other => panic!("{other:?}"),
        };
        assert!(no(b"HTTP/1.1 200 OK\r\n\r\nx", false).contains("before the hub"));
        assert!(no(b"HTTP/1.1 407 No\r\n\r\n", false).contains("Give them"));
        assert!(no(b"HTTP/1.1 407 No\r\n\r\n", true).contains("refused"));
        assert!(no(b"HTTP/1.0 403 Forbidden\r\nContent-Length: 3\r\n\r\nno!", false).contains("403"));
        assert!(no(b"HTTP/1.1 502 Bad Gateway\r\n\r\n", false).contains("502"));
        assert!(no(b"HTTP/1.1 302 Found\r\n\r\n", false).contains("302"));
        assert!(no(b"SSH-2.0-OpenSSH_9\r\n", false).contains("no HTTP"));
        let mut endless = b"HTTP/1.1 200 OK\r\nX: ".to_vec();
        endless.resize(MAX_HEAD + 1, b'x');
        assert!(no(&endless, false).contains("longer"));
    }
}
