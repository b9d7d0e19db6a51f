//! Topics: whose they are and what the hub does with them (`topics.md`).

/// A topic of one device, cut into its parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DeviceTopic<'a> {
    pub(crate) product_key: &'a str,
    pub(crate) device_key: &'a str,
    pub(crate) kind: Kind<'a>,
}

/// What a device publishes, as far as the hub acts on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind<'a> {
    /// `thing/measurepoint/post`
    MeasurepointPost,
    /// `thing/activate/info_reply` of the session topics
    ActivationReply,
    /// An answer to a command: the request's last segments, without `_reply`.
    Reply(&'a str),
    /// Anything else: the segments after the keys.
    Other(&'a str),
}

/// Cuts `/sys/<pk>/<dk>/…` or `/ext/session/<pk>/<dk>/…`; `None` for any other topic.
pub(crate) fn parse(topic: &str) -> Option<DeviceTopic<'_>> {
    let (keys, session) = match topic.strip_prefix("/sys/") {
        Some(rest) => (rest, false),
        None => (topic.strip_prefix("/ext/session/")?, true),
    };
    let (product_key, rest) = keys.split_once('/')?;
    let (device_key, rest) = rest.split_once('/')?;
    if product_key.is_empty() || device_key.is_empty() || rest.is_empty() {
        return None;
    }
    let kind = match (session, rest) {
        (false, "thing/measurepoint/post") => Kind::MeasurepointPost,
        (true, "thing/activate/info_reply") => Kind::ActivationReply,
        _ => match rest.strip_suffix("_reply") {
            Some(request) => Kind::Reply(request),
            None => Kind::Other(rest),
        },
    };
    Some(DeviceTopic { product_key, device_key, kind })
}

/// Tells whether `topic` is where the vendor's C client answers combine commands: it cuts the wrong segments
/// (`topics.md` §3), so its answers lie under `/ext/session/session/<its product key>/`.
pub(crate) fn is_misplaced_reply(topic: &str, product_key: &str) -> bool {
    topic
        .strip_prefix("/ext/session/session/")
        .and_then(|rest| rest.split_once('/'))
        .is_some_and(|(key, rest)| key == product_key && rest.ends_with("_reply"))
}

/// The method that belongs to a topic's segments after the keys: slashes become dots (`docs-mqtt.md` §5).
pub(crate) fn method_of(segments: &str) -> String {
    segments.replace('/', ".")
}

/// Tells whether `filter` is a well-formed topic filter (MQTT 3.1.1 §4.7.1): `#` last and alone in its level,
/// `+` alone in its level.
pub(crate) fn is_filter(filter: &str) -> bool {
    if filter.is_empty() || filter.contains('\0') {
        return false;
    }
    let mut levels = filter.split('/').peekable();
    while let Some(level) = levels.next() {
        let last = levels.peek().is_none();
        let wild = level.contains(['#', '+']);
        if wild && !(level == "+" || (level == "#" && last)) {
            return false;
        }
    }
    true
}

/// Whether a well-formed filter matches a topic name (MQTT 3.1.1 §4.7).
pub(crate) fn matches(filter: &str, topic: &str) -> bool {
    let mut levels = topic.split('/');
    for wanted in filter.split('/') {
        match (wanted, levels.next()) {
            ("#", _) => return true,
            (_, None) => return false,
            ("+", Some(_)) => {}
            (wanted, Some(level)) if wanted == level => {}
            _ => return false,
        }
    }
    levels.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_topics_of_a_device() {
        let post = parse("/sys/pk/dk/thing/measurepoint/post").unwrap();
        assert_eq!((post.product_key, post.device_key, post.kind), ("pk", "dk", Kind::MeasurepointPost));
        let reply = parse("/sys/pk/dk/thing/service/INV.Control_reply").unwrap();
        assert_eq!(reply.kind, Kind::Reply("thing/service/INV.Control"));
        let info = parse("/ext/session/pk/dk/thing/activate/info_reply").unwrap();
        assert_eq!(info.kind, Kind::ActivationReply);
        assert_eq!(parse("/sys/pk/dk/thing/tag/query").unwrap().kind, Kind::Other("thing/tag/query"));
        // The device key may be any text, a session topic is not a data topic.
        assert_eq!(
            parse("/ext/session/pk/dk/thing/measurepoint/post").unwrap().kind,
            Kind::Other("thing/measurepoint/post")
        );
    }

    #[test]
    fn refuses_what_is_no_device_topic() {
        for topic in [
            "",
            "/",
            "/sys",
            "/sys/",
            "/sys/a",
            "/sys/a/b",
            "/sys/a/b/",
            "/sys//b/c",
            "sys/a/b/c",
            "/ext/a/b/c",
        ] {
            assert_eq!(parse(topic), None, "{topic}");
        }
    }

    // Proves: TOPIC-3-2
    #[test]
    fn knows_the_misplaced_replies_of_the_c_client() {
        assert!(is_misplaced_reply("/ext/session/session/pkA/combine/disable_reply", "pkA"));
        assert!(!is_misplaced_reply("/ext/session/session/pkB/combine/disable_reply", "pkA"));
        assert!(!is_misplaced_reply("/ext/session/session/pkA/combine/disable", "pkA"));
    }

    // Proves: MQTT-4.7.1-2 MQTT-4.7.1-3 MQTT-4.7.3-1 MQTT-4.7.3-2
    #[test]
    fn checks_filters() {
        for good in ["/a/b", "#", "+", "/a/+/b", "/a/#", "/+"] {
            assert!(is_filter(good), "{good}");
        }
        for bad in ["", "/a#", "/a/#/b", "/a+/b", "/a/+b", "a\0b"] {
            assert!(!is_filter(bad), "{bad}");
        }
    }
}
