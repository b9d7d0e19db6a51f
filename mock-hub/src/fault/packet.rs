//! Packet faults: one direction of one connection, packet by packet, without a socket.

use super::fields::BadField;
use super::kind::Kind;
use super::order::Direction;
use super::{Faults, Strike};
use crate::fabric::DeviceId;

/// Packets and bytes that a pipe holds back; what is over goes on at once.
const HELD_PACKETS: usize = 1_024;
const HELD_BYTES: usize = 2 * 1024 * 1024;

/// The control packets that may be named, by the upper half of their first byte.
const TYPES: &[(&str, u8)] = &[
    ("CONNACK", 0x2),
    ("PUBLISH", 0x3),
    ("PUBACK", 0x4),
    ("PUBREC", 0x5),
    ("PUBREL", 0x6),
    ("PUBCOMP", 0x7),
    ("SUBSCRIBE", 0x8),
    ("SUBACK", 0x9),
    ("UNSUBSCRIBE", 0xA),
    ("UNSUBACK", 0xB),
    ("PINGREQ", 0xC),
    ("PINGRESP", 0xD),
    ("DISCONNECT", 0xE),
];

/// A type of packets: of MQTT by the upper half of the first byte, of CoAP by type, code or both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PacketType {
    /// An MQTT control packet.
    Mqtt(u8),
    /// CoAP datagrams of this type and this code, where they are given.
    Coap {
        /// 0 to 3: CON, NON, ACK, RST.
        kind: Option<u8>,
        /// Class and detail.
        code: Option<u8>,
    },
}

/// The names of CoAP's types, by number (RFC 7252 §3).
const KINDS: [&str; 4] = ["CON", "NON", "ACK", "RST"];
/// The names of CoAP's methods, by code from 1 on (RFC 7252 §12.1.1).
const METHODS: [&str; 4] = ["GET", "POST", "PUT", "DELETE"];

impl PacketType {
    pub(super) fn read(text: &str) -> Result<Self, BadField> {
        if let Some((_, number)) = TYPES.iter().find(|(name, _)| *name == text) {
            return Ok(Self::Mqtt(*number));
        }
        Self::read_coap(text).ok_or_else(|| {
            let names: Vec<&str> = TYPES.iter().map(|(name, _)| *name).collect();
            let fix = format!(
                "it is one of {} (CONNECT has refuse_connect), or of CoAP {}, {}, a code such as 2.04, or two of \
                 them, such as \"CON POST\"",
                names.join(" "),
                KINDS.join(" "),
                METHODS.join(" ")
            );
            BadField::new("packet", &format!("\"{text}\" is no packet here"), &fix)
        })
    }

    fn read_coap(text: &str) -> Option<Self> {
        let kind =
            |text: &str| KINDS.iter().position(|name| *name == text).and_then(|at| u8::try_from(at).ok());
        let (first, rest) = text.split_once(' ').unwrap_or((text, ""));
        let (kind, code) = match (kind(first), rest) {
            (Some(kind), "") => (Some(kind), None),
            (Some(kind), rest) => (Some(kind), Some(read_code(rest)?)),
            (None, "") => (None, Some(read_code(first)?)),
            (None, _) => return None,
        };
        Some(Self::Coap { kind, code })
    }

    pub(super) fn name(self) -> String {
        match self {
            Self::Mqtt(number) => {
                TYPES.iter().find(|(_, known)| *known == number).map_or("packet", |(name, _)| name).to_owned()
            }
            Self::Coap { kind, code } => {
                let kind = kind.and_then(|kind| KINDS.get(usize::from(kind))).map(|name| (*name).to_owned());
                let parts: Vec<String> = [kind, code.map(code_name)].into_iter().flatten().collect();
                parts.join(" ")
            }
        }
    }

    /// Whether such a packet goes this way.
    pub(super) fn goes(self, direction: Direction) -> bool {
        match self {
            Self::Mqtt(0x2 | 0x9 | 0xB | 0xD) => direction == Direction::Down,
            Self::Mqtt(0x8 | 0xA | 0xC | 0xE) => direction == Direction::Up,
            // The hub asks a device for nothing, and a device answers nothing.
            Self::Coap { code: Some(code @ 1..), .. } => (code < 32) == (direction == Direction::Up),
            _ => true,
        }
    }

    pub(super) fn has_identifier(self) -> bool {
        match self {
            Self::Mqtt(number) => (0x3..=0xB).contains(&number),
            Self::Coap { .. } => true,
        }
    }

    /// Whether a datagram of this type and code is meant.
    pub(super) fn is_coap(self, kind: u8, code: u8) -> bool {
        match self {
            Self::Mqtt(_) => false,
            Self::Coap { kind: wanted, code: asked } => {
                wanted.is_none_or(|wanted| wanted == kind) && asked.is_none_or(|asked| asked == code)
            }
        }
    }
}

/// A method, or a response code as the standard prints it.
fn read_code(text: &str) -> Option<u8> {
    if let Some(at) = METHODS.iter().position(|name| *name == text) {
        return u8::try_from(at + 1).ok();
    }
    let (class, detail) = text.split_once('.')?;
    let (class, detail): (u8, u8) = (class.parse().ok()?, detail.parse().ok()?);
    let is_code = text.len() == 4 && (2..=5).contains(&class) && detail < 32;
    is_code.then_some(class << 5 | detail)
}

fn code_name(code: u8) -> String {
    match code {
        0 => "empty".to_owned(),
        1..=4 => METHODS.get(usize::from(code) - 1).map_or("request", |name| name).to_owned(),
        _ => format!("{}.{:02}", code >> 5, code & 0x1F),
    }
}

/// A packet that waits.
struct Held {
    due_ms: u64,
    /// It also goes as soon as another of this type has passed.
    behind: Option<PacketType>,
    bytes: Vec<u8>,
}

/// One direction of one connection. Packets go in whole and come out whole, unless a fault says otherwise.
pub(crate) struct Pipe {
    direction: Direction,
    held: Vec<Held>,
    bytes: usize,
}

impl Pipe {
    pub(crate) fn new(direction: Direction) -> Self {
        Self { direction, held: Vec::new(), bytes: 0 }
    }

    /// Whether nothing is held back.
    pub(crate) fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    /// Takes one whole packet and appends to `out` what arrives of it now. The strike, if there was one, is to be
    /// journalled; after [`Kind::HalfOpen`] nothing more may pass in either direction.
    pub(crate) fn pass(
        &mut self,
        faults: &Faults,
        device: &DeviceId,
        now_ms: u64,
        packet: &[u8],
        out: &mut Vec<u8>,
    ) -> Option<Strike> {
        let kind = PacketType::Mqtt(packet.first().map_or(0, |head| head >> 4));
        let identifier = identifier(packet);
        let strike = faults.on_packet(device, self.direction, kind, identifier.is_some());
        match strike.as_ref().map(|strike| &strike.kind) {
            Some(Kind::Drop | Kind::HalfOpen { .. }) => return strike,
            Some(Kind::Delay { delay }) => {
                self.hold(now_ms, *delay, None, packet, out);
                return strike;
            }
            Some(Kind::Reorder { delay }) => {
                self.hold(now_ms, *delay, Some(kind), packet, out);
                return strike;
            }
            Some(Kind::Duplicate) => {
                out.extend_from_slice(packet);
                let copy = out.len();
                out.extend_from_slice(packet);
                // The copy of a QoS 1 or 2 PUBLISH is a delivery again (MQTT-3.3.1-1).
                if let Some(head) = out.get_mut(copy).filter(|head| **head >> 4 == 0x3 && **head & 0x06 != 0)
                {
                    *head |= 0x08;
                }
            }
            Some(Kind::Corrupt { at, xor }) => {
                let start = out.len();
                out.extend_from_slice(packet);
                corrupt(out.get_mut(start..).unwrap_or_default(), *at, *xor);
            }
            Some(Kind::WrongId { by }) => {
                let start = out.len();
                out.extend_from_slice(packet);
                if let Some(place) = identifier.and_then(|at| out.get_mut(start + at..start + at + 2)) {
                    shift(place, *by);
                }
            }
            _ => out.extend_from_slice(packet),
        }
        self.release(out, |held| held.behind == Some(kind));
        strike
    }

    /// Appends what has waited long enough.
    pub(crate) fn due(&mut self, now_ms: u64, out: &mut Vec<u8>) {
        self.release(out, |held| held.due_ms <= now_ms);
    }

    /// When [`due`](Self::due) has something.
    pub(crate) fn next_due(&self) -> Option<u64> {
        self.held.iter().map(|held| held.due_ms).min()
    }

    fn hold(
        &mut self,
        now_ms: u64,
        delay: i64,
        behind: Option<PacketType>,
        packet: &[u8],
        out: &mut Vec<u8>,
    ) {
        if self.held.len() >= HELD_PACKETS || self.bytes + packet.len() > HELD_BYTES {
            out.extend_from_slice(packet);
            return;
        }
        let due_ms = now_ms.saturating_add(delay.unsigned_abs());
        self.bytes += packet.len();
        self.held.push(Held { due_ms, behind, bytes: packet.to_vec() });
    }

    fn release(&mut self, out: &mut Vec<u8>, goes: impl Fn(&Held) -> bool) {
        let bytes = &mut self.bytes;
        self.held.retain(|held| {
            let stays = !goes(held);
            if !stays {
                *bytes -= held.bytes.len();
                out.extend_from_slice(&held.bytes);
            }
            stays
        });
    }
}

/// Where the packet identifier stands, if the packet has one (MQTT 3.1.1 §2.3.1).
fn identifier(packet: &[u8]) -> Option<usize> {
    let head = *packet.first()?;
    let length = packet.get(1..)?.iter().take(4).position(|byte| byte & 0x80 == 0)? + 1;
    let body = 1 + length;
    let at = match head >> 4 {
        0x3 if head & 0x06 == 0 => return None,
        0x3 => {
            let topic = packet.get(body..body + 2)?;
            body + 2 + usize::from(u16::from_be_bytes([topic[0], topic[1]]))
        }
        0x4..=0xB => body,
        _ => return None,
    };
    (packet.len() >= at + 2).then_some(at)
}

pub(super) fn corrupt(packet: &mut [u8], at: i64, xor: i64) {
    let last = packet.len().saturating_sub(1);
    let distance = usize::try_from(at.unsigned_abs()).unwrap_or(usize::MAX);
    // A place outside of the packet is the nearest one in it.
    let place = if at < 0 { packet.len().saturating_sub(distance) } else { distance.min(last) };
    if let Some(byte) = packet.get_mut(place) {
        *byte ^= u8::try_from(xor).unwrap_or(u8::MAX);
    }
}

/// Adds `by` to an identifier; 0 is none (MQTT-2.3.1-1).
pub(super) fn shift(place: &mut [u8], by: i64) {
    let old = place.iter().fold(0_u32, |number, byte| number << 8 | u32::from(*byte));
    let new = (old + u32::try_from(by).unwrap_or(1) - 1) % 0xFFFF + 1;
    if let [high, low] = place {
        [*high, *low] = [(new >> 8) as u8, new as u8];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device() -> DeviceId {
        DeviceId::new("pk", "d1")
    }

    fn ordered(json: &str) -> Faults {
        let faults = Faults::default();
        faults.order(json.as_bytes()).unwrap();
        faults
    }

    const PUBACK: [u8; 4] = [0x40, 2, 0, 7];
    const PING: [u8; 2] = [0xD0, 0];

    fn passed(faults: &Faults, pipe: &mut Pipe, packet: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        pipe.pass(faults, &device(), 1_000, packet, &mut out);
        out
    }

    #[test]
    fn the_third_puback_to_d1_is_dropped_and_nothing_else() {
        let faults = ordered(
            r#"{"kind":"drop","device":"pk/d1","direction":"down","packet":"PUBACK","after":2,"count":1}"#,
        );
        let (mut down, mut up) = (Pipe::new(Direction::Down), Pipe::new(Direction::Up));
        let mut other = Vec::new();
        assert!(down.pass(&faults, &DeviceId::new("pk", "d2"), 0, &PUBACK, &mut other).is_none());
        assert_eq!(passed(&faults, &mut up, &PUBACK), PUBACK);
        let arrived: Vec<bool> = (0..5).map(|_| !passed(&faults, &mut down, &PUBACK).is_empty()).collect();
        assert_eq!(arrived, [true, true, false, true, true]);
        assert_eq!(passed(&faults, &mut down, &PING), PING);
    }

    #[test]
    fn packets_come_twice_late_in_another_order_or_changed() {
        let mut down = Pipe::new(Direction::Down);
        let faults = ordered(r#"{"kind":"duplicate","packet":"PUBACK"}"#);
        assert_eq!(passed(&faults, &mut down, &PUBACK), [PUBACK, PUBACK].concat());
        let faults = ordered(r#"{"kind":"duplicate","packet":"PUBLISH"}"#);
        let publish = |head| [head, 7, 0, 2, b'/', b't', 0, 9, b'x'];
        assert_eq!(passed(&faults, &mut down, &publish(0x32)), [publish(0x32), publish(0x3A)].concat());
        assert_eq!(passed(&faults, &mut down, &publish(0x30)), [publish(0x30), publish(0x30)].concat());

        let faults = ordered(r#"{"kind":"reorder","packet":"PUBACK","count":1}"#);
        assert!(passed(&faults, &mut down, &PUBACK).is_empty());
        assert_eq!(passed(&faults, &mut down, &PING), PING);
        assert_eq!(passed(&faults, &mut down, &[0x40, 2, 0, 8]), [0x40, 2, 0, 8, 0x40, 2, 0, 7]);

        let faults = ordered(r#"{"kind":"delay","delay":50,"packet":"PUBACK"}"#);
        assert!(passed(&faults, &mut down, &PUBACK).is_empty());
        assert_eq!(passed(&faults, &mut down, &PING), PING);
        let mut out = Vec::new();
        assert_eq!(down.next_due(), Some(1_050));
        down.due(1_049, &mut out);
        assert!(out.is_empty());
        down.due(1_050, &mut out);
        assert_eq!(out, PUBACK);
        assert!(down.is_empty() && down.bytes == 0);

        let faults = ordered(r#"{"kind":"corrupt"}"#);
        assert_eq!(passed(&faults, &mut down, &PUBACK), [0x40, 2, 0, 7 ^ 0xFF]);
        let faults = ordered(r#"{"kind":"corrupt","at":0,"xor":15}"#);
        assert_eq!(passed(&faults, &mut down, &PUBACK), [0x4F, 2, 0, 7]);
        let faults = ordered(r#"{"kind":"corrupt","at":-99}"#);
        assert_eq!(passed(&faults, &mut down, &PING), [0xD0 ^ 0xFF, 0]);
    }

    #[test]
    fn a_wrong_identifier_is_never_zero_and_only_where_there_is_one() {
        let mut down = Pipe::new(Direction::Down);
        let faults = ordered(r#"{"kind":"wrong_id"}"#);
        assert_eq!(passed(&faults, &mut down, &PUBACK), [0x40, 2, 0, 8]);
        assert_eq!(passed(&faults, &mut down, &[0x40, 2, 0xFF, 0xFF]), [0x40, 2, 0, 1]);
        assert_eq!(passed(&faults, &mut down, &PING), PING);
        let publish = [0x32, 7, 0, 2, b'/', b't', 0, 9, b'x'];
        assert_eq!(passed(&faults, &mut down, &publish), [0x32, 7, 0, 2, b'/', b't', 0, 10, b'x']);
        assert_eq!(faults.list()["faults"][0]["struck"], 3);
        let at_most_once = [0x30, 5, 0, 2, b'/', b't', b'x'];
        assert_eq!(passed(&faults, &mut down, &at_most_once), at_most_once);
    }

    #[test]
    fn what_is_held_is_bounded() {
        let faults = ordered(r#"{"kind":"delay","delay":50}"#);
        let mut down = Pipe::new(Direction::Down);
        for _ in 0..HELD_PACKETS {
            assert!(passed(&faults, &mut down, &PING).is_empty());
        }
        assert_eq!(passed(&faults, &mut down, &PING), PING);
    }
}
