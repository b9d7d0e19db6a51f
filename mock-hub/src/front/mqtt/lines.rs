//! Packets as journal lines, for those who listen to them.

use serde_json::{Value, json};

use crate::domain::Cloud;
use crate::fabric::{ConnectionId, DeviceId};
use crate::journal::{Entry, EntryKind, clip};

use super::packet::{self, Frame};
use super::reader::Reader;

/// Which way a packet went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// From the device.
    In,
    /// To the device.
    Out,
}

/// Writes a line for one packet.
pub(super) fn note(cloud: &Cloud, device: Option<&DeviceId>, id: ConnectionId, way: Way, frame: &Frame<'_>) {
    let (text, mut detail) = describe(frame);
    detail["direction"] = if way == Way::In { "in" } else { "out" }.into();
    detail["bytes"] = frame.length.into();
    detail["connection"] = id.0.into();
    let arrow = if way == Way::In { "→ hub" } else { "hub →" };
    let entry = Entry::new(EntryKind::Packet, format!("{arrow} {text}")).detail(detail);
    cloud.note(if let Some(device) = device { entry.device(device) } else { entry });
}

/// What a packet says, in the standard's words. Reads leniently: a broken packet is shown as far as it goes. Neither
/// payloads nor passwords are shown.
fn describe(frame: &Frame<'_>) -> (String, Value) {
    let mut reader = Reader::new(frame.body);
    let id = |reader: &mut Reader<'_>| reader.number().unwrap_or(0);
    let name = name(frame.head);
    match frame.head & 0xF0 {
        packet::CONNECT => connect(&mut reader),
        packet::CONNACK => {
            let (present, code) = (reader.byte().unwrap_or(0) & 1 == 1, reader.byte().unwrap_or(0));
            let meaning = CONNACK_CODES.get(usize::from(code)).copied().unwrap_or("reserved code");
            let text = format!("CONNACK {code}: {meaning}{}", if present { ", session present" } else { "" });
            (text, json!({"type": name, "code": code, "meaning": meaning, "sessionPresent": present}))
        }
        packet::PUBLISH => {
            let (qos, dup, retain) = ((frame.head >> 1) & 3, frame.head & 8 != 0, frame.head & 1 != 0);
            let topic = clip(reader.text().unwrap_or("?"), 400).to_owned();
            let id = if qos > 0 { id(&mut reader) } else { 0 };
            let payload = reader.rest().len();
            let mark = |set: bool, word: &'static str| if set { word } else { "" };
            let text = format!(
                "PUBLISH qos {qos}{}{}{} {topic}, {payload} bytes",
                if qos > 0 { format!(" id {id}") } else { String::new() },
                mark(dup, " dup"),
                mark(retain, " retain"),
            );
            let detail = json!({"type": name, "topic": topic, "qos": qos, "packetId": id, "dup": dup,
                "retain": retain, "payloadBytes": payload});
            (text, detail)
        }
        packet::SUBSCRIBE | packet::UNSUBSCRIBE => {
            let id = id(&mut reader);
            let mut filters = Vec::new();
            while let Ok(filter) = reader.text() {
                let qos = if frame.head & 0xF0 == packet::SUBSCRIBE { reader.byte().ok() } else { None };
                // A gateway's client sends many; the line is to stay readable.
                if filters.len() < 50 {
                    filters.push(json!({"filter": clip(filter, 400), "qos": qos}));
                }
            }
            let first = filters.first().and_then(|first| first["filter"].as_str()).unwrap_or("?");
            let more =
                if filters.len() > 1 { format!(" and {} more", filters.len() - 1) } else { String::new() };
            (
                format!("{name} id {id} {first}{more}"),
                json!({"type": name, "packetId": id, "filters": filters}),
            )
        }
        packet::SUBACK => {
            let id = id(&mut reader);
            let codes = reader.rest();
            let codes = codes.get(..50).unwrap_or(codes);
            let refused = codes.iter().filter(|code| **code == packet::SUBSCRIPTION_REFUSED).count();
            let text = if refused > 0 { format!(", {refused} refused") } else { String::new() };
            (format!("SUBACK id {id}{text}"), json!({"type": name, "packetId": id, "codes": codes}))
        }
        packet::PUBACK | packet::PUBREC | packet::PUBREL | packet::PUBCOMP | packet::UNSUBACK => {
            let id = id(&mut reader);
            (format!("{name} id {id}"), json!({"type": name, "packetId": id}))
        }
        _ => (name.to_owned(), json!({"type": name})),
    }
}

fn connect(reader: &mut Reader<'_>) -> (String, Value) {
    let protocol = clip(reader.text().unwrap_or("?"), 20).to_owned();
    let (level, flags) = (reader.byte().unwrap_or(0), reader.byte().unwrap_or(0));
    let keep_alive = reader.number().unwrap_or(0);
    let client_id = clip(reader.text().unwrap_or("?"), 400).to_owned();
    if flags & 0x04 != 0 {
        // The will has no meaning here; what stands behind it has.
        let _ = (reader.block(), reader.block());
    }
    let user_name =
        if flags & 0x80 != 0 { clip(reader.text().unwrap_or("?"), 200).to_owned() } else { String::new() };
    let clean = flags & 0x02 != 0;
    let text =
        format!("CONNECT as {client_id}, keep alive {keep_alive} s, clean session {}", u8::from(clean));
    let detail = json!({"type": "CONNECT", "protocol": protocol, "level": level, "clientId": client_id,
        "username": user_name, "keepAlive": keep_alive, "cleanSession": clean, "hasPassword": flags & 0x40 != 0});
    (text, detail)
}

const CONNACK_CODES: [&str; 6] = [
    "accepted",
    "unacceptable protocol version",
    "identifier rejected",
    "server unavailable",
    "bad user name or password",
    "not authorized",
];

fn name(head: u8) -> &'static str {
    match head & 0xF0 {
        packet::CONNECT => "CONNECT",
        packet::CONNACK => "CONNACK",
        packet::PUBLISH => "PUBLISH",
        packet::PUBACK => "PUBACK",
        packet::PUBREC => "PUBREC",
        packet::PUBREL => "PUBREL",
        packet::PUBCOMP => "PUBCOMP",
        packet::SUBSCRIBE => "SUBSCRIBE",
        packet::SUBACK => "SUBACK",
        packet::UNSUBSCRIBE => "UNSUBSCRIBE",
        packet::UNSUBACK => "UNSUBACK",
        packet::PINGREQ => "PINGREQ",
        packet::PINGRESP => "PINGRESP",
        packet::DISCONNECT => "DISCONNECT",
        _ => "reserved",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(bytes: &[u8]) -> String {
        describe(&packet::frame(bytes, 1 << 20).unwrap()).0
    }

    #[test]
    fn packets_are_told_in_the_words_of_the_standard() {
        for (bytes, text) in [
            (&b"\x20\x02\x01\x00"[..], "CONNACK 0: accepted, session present"),
            (b"\x20\x02\x00\x05", "CONNACK 5: not authorized"),
            (b"\x3B\x07\x00\x02/t\x00\x07x", "PUBLISH qos 1 id 7 dup retain /t, 1 bytes"),
            (b"\x30\x04\x00\x02/t", "PUBLISH qos 0 /t, 0 bytes"),
            (b"\x82\x0A\x00\x01\x00\x01a\x01\x00\x01b\x00", "SUBSCRIBE id 1 a and 1 more"),
            (b"\xA2\x05\x00\x02\x00\x01a", "UNSUBSCRIBE id 2 a"),
            (b"\x90\x04\x00\x01\x01\x80", "SUBACK id 1, 1 refused"),
            (b"\x40\x02\x00\x09", "PUBACK id 9"),
            (b"\xC0\x00", "PINGREQ"),
            (b"\xE0\x00", "DISCONNECT"),
            (b"\x30\x01\x00", "PUBLISH qos 0 ?, 1 bytes"),
        ] {
            assert_eq!(said(bytes), text);
        }
    }

    #[test]
    fn a_connect_is_told_without_its_password() {
        let bytes = b"\x10\x1B\x00\x04MQTT\x04\xC2\x00\x3C\x00\x02id\x00\x04d&pk\x00\x05s3cr!";
        let (text, detail) = describe(&packet::frame(bytes, 100).unwrap());
        assert_eq!(text, "CONNECT as id, keep alive 60 s, clean session 1");
        assert_eq!(detail["username"], "d&pk");
        assert!(!detail.to_string().contains("s3cr"));
    }
}
