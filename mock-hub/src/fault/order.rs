//! A fault as it is ordered: its kind, and whom it strikes when.

use serde_json::{Map, Value};

use crate::fabric::DeviceId;

use super::fields::{BadField, Fields};
use super::kind::{Group, Kind};
use super::packet::PacketType;

/// The way of bytes and packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    /// From the device to the hub.
    Up,
    /// From the hub to the device.
    Down,
}

impl Direction {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Down => "down",
        }
    }
}

/// What was ordered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Order {
    pub(crate) kind: Kind,
    pub(crate) device: Option<DeviceId>,
    pub(crate) direction: Option<Direction>,
    pub(crate) packet: Option<PacketType>,
    /// Matches that pass unharmed first.
    pub(crate) after: u64,
    /// Strikes until it is spent; without it there is no end.
    pub(crate) count: Option<u64>,
}

impl Order {
    /// Reads an order.
    pub(crate) fn read(text: &[u8]) -> Result<Self, BadField> {
        let mut fields = Fields::read(text)?;
        let Some(name) = fields.text("kind")? else {
            let fix = format!("it is one of {}", Kind::NAMES.join(" "));
            return Err(BadField::new("kind", "it is missing", &fix));
        };
        let kind = Kind::read(&name, &mut fields)?;
        let device = fields.text("device")?.map(|text| device(&text)).transpose()?;
        let after = count(&mut fields, "after", 0)?.unwrap_or(0);
        let most = count(&mut fields, "count", 1)?;
        let (mut direction, mut packet) = (None, None);
        if matches!(kind.group(), Group::Packets)
            || (kind.group() == Group::Bytes && !matches!(kind, Kind::ResetPeer { .. }))
        {
            direction = fields.text("direction")?.map(|text| read_direction(&text)).transpose()?;
        }
        if kind.group() == Group::Packets {
            packet = fields.text("packet")?.map(|text| PacketType::read(&text)).transpose()?;
        }
        fields.end(&format!("the fault \"{name}\""))?;
        let order = Self { kind, device, direction, packet, after, count: most };
        order.check()?;
        Ok(order)
    }

    /// What no single field says.
    fn check(&self) -> Result<(), BadField> {
        if let (Some(direction), Some(packet)) = (self.direction, self.packet)
            && !packet.goes(direction)
        {
            let wrong = format!("no {} goes {}", packet.name(), direction.name());
            return Err(BadField::new("direction", &wrong, "turn it round, or leave it out"));
        }
        if let (Kind::WrongId { .. }, Some(packet)) = (&self.kind, self.packet)
            && !packet.has_identifier()
        {
            let wrong = format!("a {} carries no packet identifier", packet.name());
            return Err(BadField::new(
                "packet",
                &wrong,
                "take PUBLISH, PUBACK, SUBSCRIBE or another that does",
            ));
        }
        if let Kind::Latency { latency, jitter } = self.kind
            && jitter > latency
        {
            return Err(BadField::new("jitter", "it is more than the latency", "send at most the latency"));
        }
        if let Kind::Slicer { average_size, size_variation, .. } = self.kind
            && size_variation >= average_size
        {
            let fix = "send less than average_size";
            return Err(BadField::new("size_variation", "a slice could be empty", fix));
        }
        if let (Kind::HalfOpen { .. }, Some(PacketType::Coap { .. })) = (&self.kind, self.packet) {
            let wrong = "a CoAP datagram belongs to no connection";
            return Err(BadField::new("packet", wrong, "take an MQTT packet, or another fault"));
        }
        let alone = matches!(self.kind, Kind::SecretRotated { .. } | Kind::CertificateRevoked);
        if alone && self.device.is_none() {
            let wrong = format!("{} strikes one device", self.kind.name());
            return Err(BadField::new("device", &wrong, "send \"productKey/deviceKey\""));
        }
        Ok(())
    }

    /// The order as it can be sent again; a secret is left out.
    pub(crate) fn to_json(&self) -> Map<String, Value> {
        let mut told = Map::new();
        told.insert("kind".to_owned(), self.kind.name().into());
        self.kind.settings(&mut told);
        if let Some(device) = &self.device {
            told.insert("device".to_owned(), device.to_string().into());
        }
        if let Some(direction) = self.direction {
            told.insert("direction".to_owned(), direction.name().into());
        }
        if let Some(packet) = self.packet {
            told.insert("packet".to_owned(), packet.name().into());
        }
        told.insert("after".to_owned(), self.after.into());
        if let Some(count) = self.count {
            told.insert("count".to_owned(), count.into());
        }
        told
    }
}

fn device(text: &str) -> Result<DeviceId, BadField> {
    match text.split_once('/') {
        Some((product_key, device_key))
            if !product_key.is_empty() && !device_key.is_empty() && text.len() <= 256 =>
        {
            Ok(DeviceId::new(product_key, device_key))
        }
        _ => Err(BadField::new("device", "it names no device", "send \"productKey/deviceKey\"")),
    }
}

fn read_direction(text: &str) -> Result<Direction, BadField> {
    match text {
        "up" => Ok(Direction::Up),
        "down" => Ok(Direction::Down),
        other => {
            let wrong = format!("\"{other}\" is no direction");
            Err(BadField::new("direction", &wrong, "send up (from the device) or down (to it)"))
        }
    }
}

fn count(fields: &mut Fields, name: &'static str, least: i64) -> Result<Option<u64>, BadField> {
    Ok(fields.number(name, least, 1_000_000_000)?.and_then(|number| u64::try_from(number).ok()))
}
