//! Topics: who a message is for and what kind it is, built and taken apart.
//!
//! Owns the topics and method names of `topics.md §2` and `§3`; `vectors.json` pins each row. A kind's method
//! is its path with dots for slashes, so one table serves both. Routing goes by topic, never by method.
//! Refuses topics that are not EnOS's own, and to know who may use which.

use crate::wire::{Full, Writer};

/// What stands in front of a kind's path.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Family {
    /// `/sys/<pk>/<dk>/`
    Device,
    /// `/ext/session/<pk>/<dk>/`
    Session,
    /// `/sys/<pk>/`
    Integration,
}

macro_rules! kinds {
    ($($family:ident { $($(#[$doc:meta])* $name:ident = $path:literal $(, $raw:ident)?;)* })*) => {
        /// What a message is about: one row of `topics.md §2` or `§3`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum Kind<'a> {
            $($($(#[$doc])* $name,)*)*
            /// Outputs of the event with this identifier. Device to hub.
            EventPost(&'a str),
            /// Invocation of the service with this identifier. Hub to device.
            Service(&'a str),
            /// Synchronous request with this message id, of early vendor clients only. Hub to device.
            Rrpc(&'a str),
        }

        impl Kind<'_> {
            /// Every kind without an identifier.
            pub const PLAIN: &'static [Kind<'static>] = &[$($(Kind::$name,)*)*];

            /// Family and path of a kind without an identifier.
            fn row(self) -> Option<(Family, &'static str)> {
                match self {
                    $($(Kind::$name => Some((Family::$family, $path)),)*)*
                    Kind::EventPost(_) | Kind::Service(_) | Kind::Rrpc(_) => None,
                }
            }

            /// Whether messages of this kind carry a `method`; raw ones and RRPC do not.
            pub fn has_method(self) -> bool {
                match self {
                    $($($(Kind::$name => kinds!($raw),)?)*)*
                    Kind::Rrpc(_) => false,
                    _ => true,
                }
            }
        }

        /// The kind with this path in this family.
        fn plain(family: Family, path: &str) -> Option<Kind<'static>> {
            match family {
                $(Family::$family => match path { $($path => Some(Kind::$name),)* _ => None },)*
            }
        }
    };
    (raw) => { false };
}

kinds! {
    Device {
        /// Measurepoints of one moment. Device to hub, as all down to the raw upload.
        MeasurepointPost = "thing/measurepoint/post";
        /// Measurepoints of several moments or devices.
        MeasurepointPostBatch = "thing/measurepoint/post/batch";
        /// Measurepoints of the past.
        MeasurepointResume = "thing/measurepoint/resume";
        /// Measurepoints of the past, of several moments or devices.
        MeasurepointResumeBatch = "thing/measurepoint/resume/batch";
        /// Reads attributes.
        AttributeQuery = "thing/attribute/query";
        /// Writes attributes.
        AttributeUpdate = "thing/attribute/update";
        /// Deletes attributes.
        AttributeDelete = "thing/attribute/delete";
        /// Reads tags.
        TagQuery = "thing/tag/query";
        /// Writes tags.
        TagUpdate = "thing/tag/update";
        /// Deletes tags.
        TagDelete = "thing/tag/delete";
        /// Reads the thing model.
        TslGet = "thing/tsltemplate/get";
        /// Registers sub-devices.
        DeviceRegister = "thing/device/register";
        /// Adds sub-devices to the topology.
        TopoAdd = "thing/topo/add";
        /// Removes sub-devices from the topology.
        TopoDelete = "thing/topo/delete";
        /// Lists the topology.
        TopoGet = "thing/topo/get";
        /// Tells the firmware version.
        OtaInform = "ota/device/inform";
        /// Tells the progress of an upgrade.
        OtaProgress = "ota/device/progress";
        /// Asks for versions to upgrade to.
        OtaGetVersion = "ota/device/getversion";
        /// Sends log lines.
        LogPost = "thing/log/post";
        /// Tells the state of the network.
        NetworkStatus = "network/status/report";
        /// Tells the state of the connection.
        ConnectionState = "connection/state/post";
        /// Bytes of the device's own format.
        ModelUpRaw = "thing/model/up_raw", raw;
        /// Sets measurepoints. Hub to device, as all below.
        MeasurepointSet = "thing/service/measurepoint/set";
        /// Reads measurepoints.
        MeasurepointGet = "thing/service/measurepoint/get";
        /// Bytes of the device's own format.
        ModelDownRaw = "thing/model/down_raw", raw;
        /// The device was enabled.
        ThingEnable = "thing/enable";
        /// The device was disabled.
        ThingDisable = "thing/disable";
        /// The device was deleted.
        ThingDelete = "thing/delete";
        /// Offers a firmware.
        OtaUpgrade = "ota/device/upgrade";
        /// Slows the device down. Its answer goes to the same topic.
        TrafficControl = "traffic/control";
    }
    Session {
        /// Signs a sub-device in. Gateway to hub, as the next two.
        CombineLogin = "combine/login";
        /// Signs several sub-devices in.
        CombineLoginBatch = "combine/login/batch";
        /// Signs a sub-device out.
        CombineLogout = "combine/logout";
        /// A sub-device was enabled. Hub to gateway, as the next two.
        CombineEnable = "combine/enable";
        /// A sub-device was disabled.
        CombineDisable = "combine/disable";
        /// A sub-device was deleted.
        CombineDelete = "combine/delete";
        /// Hands over the device secret. Hub to device.
        ActivateInfo = "thing/activate/info";
    }
    Integration {
        /// Measurepoints of a product's devices. Integration channel to hub, as all below.
        IntegrationMeasurepoint = "integration/measurepoint/post";
        /// Events of a product's devices.
        IntegrationEvent = "integration/event/post";
        /// Attributes of a product's devices.
        IntegrationAttribute = "integration/attribute/post";
        /// Bytes of the product's own format.
        IntegrationUpRaw = "integration/model/up_raw", raw;
    }
}

/// A topic taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parsed<'a> {
    /// Product key.
    pub product_key: &'a str,
    /// Device key; empty for the integration kinds, which have none.
    pub device_key: &'a str,
    /// What the message is about.
    pub kind: Kind<'a>,
    /// Whether it answers such a message.
    pub reply: bool,
}

/// Whether a text can be one level of a topic, and stand unescaped in a `method`: not empty, and none of
/// `/`, `+`, `#`, `"`, `\` or a control character.
///
/// Keys and identifiers must be checked once, before they are given to the functions here.
pub fn is_level(text: &str) -> bool {
    !text.is_empty()
        && !text.bytes().any(|b| matches!(b, b'/' | b'+' | b'#' | b'"' | b'\\' | 0..=0x1F | 0x7F))
}

/// Writes the topic of a request or command.
///
/// The integration kinds take no device key; what is given for it is left out.
pub fn write(w: &mut Writer<'_>, product_key: &str, device_key: &str, kind: Kind<'_>) -> Result<(), Full> {
    topic(w, product_key, device_key, kind, false)
}

/// Writes the topic of the reply to a request or command.
///
/// That is the topic with `_reply` behind it, save [`Kind::TrafficControl`], whose reply goes to the same
/// topic, and [`Kind::Rrpc`], which has one of its own.
pub fn write_reply(
    w: &mut Writer<'_>,
    product_key: &str,
    device_key: &str,
    kind: Kind<'_>,
) -> Result<(), Full> {
    topic(w, product_key, device_key, kind, true)
}

/// Writes the method, such as `thing.measurepoint.post`; nothing where [`Kind::has_method`] says no.
pub fn write_method(w: &mut Writer<'_>, kind: Kind<'_>) -> Result<(), Full> {
    let start = w.len();
    let written = match kind {
        Kind::EventPost(id) => pieces(w, &["thing.event.", id, ".post"]),
        Kind::Service(id) => pieces(w, &["thing.service.", id]),
        _ => match kind.row() {
            Some((_, path)) if kind.has_method() => w.bytes(path.as_bytes()).map(|()| {
                for byte in w.written_since(start) {
                    *byte = if *byte == b'/' { b'.' } else { *byte };
                }
            }),
            _ => Ok(()),
        },
    };
    written.inspect_err(|_| w.truncate(start))
}

fn topic(
    w: &mut Writer<'_>,
    product_key: &str,
    device_key: &str,
    kind: Kind<'_>,
    reply: bool,
) -> Result<(), Full> {
    let start = w.len();
    let suffix = if reply { "_reply" } else { "" };
    let device = ["/sys/", product_key, "/", device_key, "/"];
    let written = match kind {
        Kind::EventPost(id) => {
            pieces(w, &device).and_then(|()| pieces(w, &["thing/event/", id, "/post", suffix]))
        }
        Kind::Service(id) => pieces(w, &device).and_then(|()| pieces(w, &["thing/service/", id, suffix])),
        Kind::Rrpc(id) => pieces(w, &device)
            .and_then(|()| pieces(w, &["rrpc/", if reply { "response/" } else { "request/" }, id])),
        Kind::TrafficControl => pieces(w, &device).and_then(|()| pieces(w, &["traffic/control"])),
        _ => match kind.row() {
            Some((Family::Device, path)) => pieces(w, &device).and_then(|()| pieces(w, &[path, suffix])),
            Some((Family::Session, path)) => {
                pieces(w, &["/ext/session/", product_key, "/", device_key, "/", path, suffix])
            }
            Some((Family::Integration, path)) => pieces(w, &["/sys/", product_key, "/", path, suffix]),
            None => Ok(()),
        },
    };
    written.inspect_err(|_| w.truncate(start))
}

fn pieces(w: &mut Writer<'_>, pieces: &[&str]) -> Result<(), Full> {
    pieces.iter().try_for_each(|piece| w.bytes(piece.as_bytes()))
}

/// Takes a topic apart; `None` if it is not one of ours.
///
/// What follows `thing/service/` is always a command: an identifier may end in `_reply`, and a device is never
/// sent the reply to one. Measurepoint set and get are told from a service by their second level.
/// `traffic/control` is always the command too, since its reply has the same topic.
pub fn parse(topic: &str) -> Option<Parsed<'_>> {
    if let Some(rest) = topic.strip_prefix("/sys/") {
        let (product_key, rest) = level(rest)?;
        if rest.starts_with("integration/")
            && let Some((kind, reply)) = plain_or_reply(Family::Integration, rest)
        {
            return Some(Parsed { product_key, device_key: "", kind, reply });
        }
        let (device_key, path) = level(rest)?;
        let (kind, reply) = device_path(path)?;
        Some(Parsed { product_key, device_key, kind, reply })
    } else {
        let (product_key, rest) = level(topic.strip_prefix("/ext/session/")?)?;
        let (device_key, path) = level(rest)?;
        let (kind, reply) = plain_or_reply(Family::Session, path)?;
        Some(Parsed { product_key, device_key, kind, reply })
    }
}

/// Splits off the first level, which must not be empty.
fn level(rest: &str) -> Option<(&str, &str)> {
    let end = rest.bytes().position(|byte| byte == b'/').filter(|end| *end > 0)?;
    Some((rest.get(..end)?, rest.get(end + 1..)?))
}

fn device_path(path: &str) -> Option<(Kind<'_>, bool)> {
    if let Some(id) = path.strip_prefix("thing/service/") {
        return match plain_or_reply(Family::Device, path) {
            None if !id.is_empty() && !id.contains('/') => Some((Kind::Service(id), false)),
            set_or_get => set_or_get,
        };
    }
    if let Some(rest) = path.strip_prefix("thing/event/") {
        let (id, verb) = level(rest)?;
        return match verb {
            "post" => Some((Kind::EventPost(id), false)),
            "post_reply" => Some((Kind::EventPost(id), true)),
            _ => None,
        };
    }
    if let Some(rest) = path.strip_prefix("rrpc/") {
        let (direction, id) = level(rest)?;
        let reply = match direction {
            "request" => false,
            "response" => true,
            _ => return None,
        };
        return (!id.is_empty() && !id.contains('/')).then_some((Kind::Rrpc(id), reply));
    }
    plain_or_reply(Family::Device, path)
}

fn plain_or_reply(family: Family, path: &str) -> Option<(Kind<'static>, bool)> {
    match path.strip_suffix("_reply") {
        Some(request) => {
            plain(family, request).filter(|kind| *kind != Kind::TrafficControl).map(|kind| (kind, true))
        }
        None => plain(family, path).map(|kind| (kind, false)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    extern crate std;
    use std::string::String;

    fn text(write: impl FnOnce(&mut Writer<'_>) -> Result<(), Full>) -> String {
        let mut out = [0; 256];
        let mut w = Writer::new(&mut out);
        write(&mut w).unwrap();
        core::str::from_utf8(w.as_slice()).unwrap().into()
    }

    fn all() -> impl Iterator<Item = Kind<'static>> {
        let named = [Kind::EventPost("INV.Fault"), Kind::Service("INV.Control"), Kind::Rrpc("20417")];
        Kind::PLAIN.iter().copied().chain(named)
    }

    // Proves: TOPIC-1-1 TOPIC-3-1
    #[test]
    fn every_kind_reads_back_as_written() {
        for kind in all() {
            let integration = kind.row().is_some_and(|(family, _)| family == Family::Integration);
            let device_key = if integration { "" } else { "t-1" };
            let parsed = |reply| Some(Parsed { product_key: "pk", device_key, kind, reply });
            assert_eq!(parse(&text(|w| write(w, "pk", "t-1", kind))), parsed(false));
            let reply = text(|w| write_reply(w, "pk", "t-1", kind));
            match kind {
                Kind::Service(_) => {
                    assert_eq!(parse(&reply).map(|p| p.kind), Some(Kind::Service("INV.Control_reply")));
                }
                Kind::TrafficControl => assert_eq!(parse(&reply), parsed(false)),
                _ => assert_eq!(parse(&reply), parsed(true)),
            }
        }
    }

    #[test]
    fn a_topic_that_does_not_fit_leaves_nothing() {
        for kind in all() {
            let full = text(|w| write_reply(w, "pk", "t-1", kind)).len();
            for room in 0..full {
                let mut out = [0; 256];
                let mut w = Writer::new(&mut out[..room]);
                assert_eq!(write_reply(&mut w, "pk", "t-1", kind), Err(Full));
                assert_eq!(w.len(), 0);
            }
            let full = text(|w| write_method(w, kind)).len();
            for room in 0..full {
                let mut out = [0; 256];
                let mut w = Writer::new(&mut out[..room]);
                assert_eq!(write_method(&mut w, kind), Err(Full));
                assert_eq!(w.len(), 0);
            }
        }
    }

    // Proves: TOPIC-1-3
    #[test]
    fn service_identifiers_may_look_like_replies() {
        let kind = |topic| parse(topic).map(|parsed| (parsed.kind, parsed.reply));
        assert_eq!(kind("/sys/pk/dk/thing/service/x_reply"), Some((Kind::Service("x_reply"), false)));
        assert_eq!(kind("/sys/pk/dk/thing/service/_reply"), Some((Kind::Service("_reply"), false)));
        assert_eq!(
            kind("/sys/pk/dk/thing/service/measurepoint"),
            Some((Kind::Service("measurepoint"), false))
        );
        assert_eq!(
            kind("/sys/pk/dk/thing/service/measurepoint/set_reply"),
            Some((Kind::MeasurepointSet, true))
        );
        assert_eq!(kind("/sys/pk/integration/thing/model/up_raw"), Some((Kind::ModelUpRaw, false)));
        assert_eq!(
            kind("/sys/pk/dk/thing/event/measurepoint/post"),
            Some((Kind::EventPost("measurepoint"), false))
        );
    }

    // Proves: TOPIC-1-4
    #[test]
    fn refuses_what_is_not_ours() {
        for topic in [
            "",
            "/",
            "/sys",
            "/sys/",
            "/sys//dk/thing/enable",
            "/sys/pk//thing/enable",
            "/sys/pk/dk/",
            "/sys/pk/dk/thing/service/",
            "/sys/pk/dk/thing/service/a/b",
            "/sys/pk/dk/thing/service/measurepoint/del",
            "/sys/pk/dk/thing/event//post",
            "/sys/pk/dk/thing/event/a/post/b",
            "/sys/pk/dk/traffic/control_reply",
            "/sys/pk/dk/rrpc/request/",
            "/sys/pk/dk/rrpc/request/1/2",
            "/sys/pk/dk/rrpc/answer/1",
            "/sys/pk/dk/combine/login",
            "/sys/pk/integration/combine/login",
            "/ext/session/pk/dk/thing/enable",
            "/ext/session/pk/dk/thing/activate/info_reply_reply",
            "sys/pk/dk/thing/enable",
            "/sys/pk/dk/thing/enable/",
            "/SYS/pk/dk/thing/enable",
        ] {
            assert_eq!(parse(topic), None, "{topic}");
        }
    }

    #[test]
    fn levels_are_checked() {
        for good in ["a", "INV.Fault", "温度计-01", "%channel%", "x_reply"] {
            assert!(is_level(good), "{good}");
        }
        for bad in ["", "a/b", "+", "#", "a#", "a\"b", "a\\b", "a\0", "a\n", "\u{7f}"] {
            assert!(!is_level(bad), "{bad}");
        }
    }
}
