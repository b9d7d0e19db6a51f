//! Splits an MQTT client id into what is signed and what describes the signature (`auth.md` §2).

/// A client id taken apart; nothing in it is trusted before the signature was checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ClientId<'a> {
    /// Everything before the first bar: the value that is signed.
    pub(crate) signed: &'a str,
    /// `signed` without the `{ip=…,version=…,compress=…}` block of the vendor's Java client.
    pub(crate) name: &'a str,
    /// The block between the braces, empty if there is none.
    pub(crate) extension: &'a str,
    pub(crate) secure_mode: Option<&'a str>,
    pub(crate) sign_method: Option<&'a str>,
    pub(crate) timestamp: Option<&'a str>,
    /// Keys between the bars that mean nothing to the hub.
    pub(crate) has_unknown: bool,
}

impl<'a> ClientId<'a> {
    /// The compression that the client announced, if any (`payloads.md` §15).
    pub(crate) fn compression(&self) -> Option<&'a str> {
        let value = items(self.extension).find(|(key, _)| *key == "compress")?.1;
        (!value.is_empty() && !value.eq_ignore_ascii_case("DEFAULT")).then_some(value)
    }
}

/// Reads a client id; `None` if it has no bar, which no EnOS client sends.
///
/// The list between the bars is read leniently: any order, blanks, empty items and unknown keys are fine
/// (`auth.md` §10 rule 1).
pub(crate) fn parse(raw: &str) -> Option<ClientId<'_>> {
    let (signed, list) = raw.split_once('|')?;
    let list = list.split_once('|').map_or(list, |(inner, _)| inner);
    let (name, extension) = match signed.find('{') {
        Some(at) if signed.ends_with('}') => (&signed[..at], &signed[at + 1..signed.len() - 1]),
        _ => (signed, ""),
    };
    let mut id = ClientId {
        signed,
        name,
        extension,
        secure_mode: None,
        sign_method: None,
        timestamp: None,
        has_unknown: false,
    };
    for (key, value) in items(list) {
        match key {
            "securemode" => id.secure_mode = Some(value),
            "signmethod" => id.sign_method = Some(value),
            "timestamp" => id.timestamp = Some(value),
            _ => id.has_unknown = true,
        }
    }
    Some(id)
}

/// Splits a user name `deviceKey&productKey` at the last `&`: a device key may hold one, a product key never.
pub(crate) fn parse_username(raw: &str) -> Option<(&str, &str)> {
    raw.rsplit_once('&')
}

fn items(list: &str) -> impl Iterator<Item = (&str, &str)> {
    list.split(',').map(str::trim).filter(|item| !item.is_empty()).map(|item| match item.split_once('=') {
        Some((key, value)) => (key.trim(), value.trim()),
        None => (item, ""),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    // Proves: AUTH-2-1
    #[test]
    fn takes_a_plain_client_id_apart() {
        let id = parse("dev1|securemode=2,signmethod=sha256,timestamp=123|").unwrap();
        assert_eq!((id.signed, id.name, id.extension), ("dev1", "dev1", ""));
        assert_eq!(id.secure_mode, Some("2"));
        assert_eq!(id.sign_method, Some("sha256"));
        assert_eq!(id.timestamp, Some("123"));
        assert!(!id.has_unknown);
    }

    // Proves: AUTH-2-3
    #[test]
    fn keeps_the_java_block_in_the_signed_part() {
        let id = parse("d{ip=fe80::1%eth0,version=v,compress=GZIP}|securemode=2|").unwrap();
        assert_eq!(id.signed, "d{ip=fe80::1%eth0,version=v,compress=GZIP}");
        assert_eq!(id.name, "d");
        assert_eq!(id.compression(), Some("GZIP"));
        assert_eq!(parse("d{compress=DEFAULT}|securemode=2|").unwrap().compression(), None);
    }

    // Proves: AUTH-2.1-1
    #[test]
    fn reads_the_list_leniently() {
        let id = parse("d|timestamp=9, signmethod=md5,,_sdk=c,securemode=3").unwrap();
        assert_eq!((id.secure_mode, id.sign_method, id.timestamp), (Some("3"), Some("md5"), Some("9")));
        assert!(id.has_unknown);
        assert_eq!(parse("d||").unwrap().secure_mode, None);
    }

    // Proves: AUTH-2-2
    #[test]
    fn refuses_what_has_no_bar() {
        assert_eq!(parse("mqtt-explorer-123"), None);
        assert_eq!(parse(""), None);
    }

    // Proves: AUTH-2.1-4
    #[test]
    fn splits_the_user_name_at_the_last_ampersand() {
        assert_eq!(parse_username("a&b&pk"), Some(("a&b", "pk")));
        assert_eq!(parse_username("nothing"), None);
    }
}
