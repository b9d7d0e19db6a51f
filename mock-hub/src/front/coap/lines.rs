//! Datagrams as journal lines, for those who listen to packets.

use std::net::SocketAddr;

use serde_json::{Value, json};

use crate::domain::Cloud;
use crate::fabric::DeviceId;
use crate::journal::{Entry, EntryKind, clip};

use super::block::Block;
use super::message::{self, Head, code_name, option};
use super::request;

/// Which way a datagram went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// From the device.
    In,
    /// To the device.
    Out,
}

/// Writes a line for one datagram.
pub(super) fn note(cloud: &Cloud, device: Option<&DeviceId>, peer: SocketAddr, way: Way, datagram: &[u8]) {
    let (text, mut detail) = describe(datagram);
    detail["direction"] = if way == Way::In { "in" } else { "out" }.into();
    detail["bytes"] = datagram.len().into();
    detail["peer"] = peer.to_string().into();
    let arrow = if way == Way::In { "→ hub" } else { "hub →" };
    let entry = Entry::new(EntryKind::Packet, format!("{arrow} {text}")).detail(detail);
    cloud.note(if let Some(device) = device { entry.device(device) } else { entry });
}

/// What a datagram says, in the standard's words. Payloads are not shown.
fn describe(datagram: &[u8]) -> (String, Value) {
    let Some(head) = Head::read(datagram) else {
        return (format!("no CoAP, {} bytes", datagram.len()), json!({"type": "none"}));
    };
    let (kind, code, id) = (head.kind.name(), code_name(head.code), head.id);
    let mut detail = json!({"type": kind, "code": code, "messageId": id});
    let Some(packet) = message::read(datagram) else {
        return (format!("{kind} {code} mid {id}, malformed"), detail);
    };
    let mut text = if head.code == 0 { format!("{kind} mid {id}") } else { format!("{kind} {code}") };
    if head.code != 0 {
        let path = request::path(&packet);
        if !path.is_empty() {
            let path = clip(&path, 400);
            text.push_str(&format!(" {path}"));
            detail["path"] = path.into();
            if let Some(topic) = path.strip_prefix(request::TOPIC) {
                detail["topic"] = topic.into();
            }
        }
        let token: String = packet.get_token().iter().map(|byte| format!("{byte:02x}")).collect();
        text.push_str(&format!(" mid {id} token {token}"));
        detail["token"] = token.into();
    }
    for (number, values) in packet.options() {
        let Some(value) = values.front() else { continue };
        match *number {
            option::BLOCK1 | option::BLOCK2 => {
                let name = if *number == option::BLOCK1 { "block1" } else { "block2" };
                if let Some(block) = Block::read(value) {
                    let more = u8::from(block.more);
                    let told = format!("{}/{more}/{}", block.number, block.size());
                    text.push_str(&format!(" {name} {told}"));
                    detail[name] = told.into();
                }
            }
            option::HINT => {
                let hint = clip(std::str::from_utf8(value).unwrap_or("?"), 400);
                text.push_str(&format!(" 2100 {hint}"));
                detail["hint"] = hint.into();
            }
            option::INLINE => {
                text.push_str(&format!(" 2102 {} bytes", value.len()));
                detail["inlineBytes"] = value.len().into();
            }
            _ => {}
        }
    }
    if !packet.payload.is_empty() {
        text.push_str(&format!(", {} bytes", packet.payload.len()));
        detail["payloadBytes"] = packet.payload.len().into();
    }
    (text, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn datagrams_are_told_in_the_words_of_the_standard() {
        for (bytes, text) in [
            (&b"\x40\x00\x00\x07"[..], "CON mid 7"),
            (b"\x60\x00\x00\x07", "ACK mid 7"),
            (b"\x70\x00\x00\x07", "RST mid 7"),
            (
                b"\x42\x02\x00\x07\x0A\x1B\xB5topic\x03sys\x02pk\xFFabc",
                "CON POST /topic/sys/pk mid 7 token 0a1b, 3 bytes",
            ),
            (b"\x61\x44\x00\x07\x0A\xD1\x0A\x0E", "ACK 2.04 mid 7 token 0a block2 0/1/1024"),
            (b"\x50\x81\x00\x07", "NON 4.01 mid 7 token "),
            (b"\x49\x02\x00\x07", "CON POST mid 7, malformed"),
            (b"\x00\x02\x00\x07", "no CoAP, 4 bytes"),
        ] {
            assert_eq!(describe(bytes).0, text);
        }
        let mut hinted = b"\x60\x44\x00\x01".to_vec();
        hinted.extend_from_slice(&[0xE3, 0x07, 0x27]);
        hinted.extend_from_slice(b"/tx\x22{}");
        assert_eq!(describe(&hinted).0, "ACK 2.04 mid 1 token  2100 /tx 2102 2 bytes");
    }
}
