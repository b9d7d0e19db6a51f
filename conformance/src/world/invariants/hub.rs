//! Rules of the hub, and of what both sides say to each other and to people.

use super::super::packet;
use super::super::seen::{Fact, Seen};
use super::Invariant;

/// Hub and client agree about who is online, and the REST API says the same.
#[derive(Default)]
pub(super) struct OnlineAgrees;

impl Invariant for OnlineAgrees {
    fn name(&self) -> &'static str {
        "online-agrees"
    }

    fn see(&mut self, fact: &Fact<'_>) -> Result<(), String> {
        match fact.seen {
            Seen::Held { by, own, open: true } if by != Some(own) => {
                Err(format!("the client is online by link {own}, the hub says {by:?}"))
            }
            Seen::Status { online, held, .. } if online != held => {
                Err(format!("shown as online: {online}, connected: {held}"))
            }
            _ => Ok(()),
        }
    }
}

/// Every packet that either side writes is MQTT 3.1.1, by a parser of strangers.
#[derive(Default)]
pub(super) struct ValidPackets;

impl Invariant for ValidPackets {
    fn name(&self) -> &'static str {
        "valid-packets"
    }

    fn see(&mut self, fact: &Fact<'_>) -> Result<(), String> {
        let Seen::Written { packet, .. } = fact.seen else { return Ok(()) };
        packet::fault(packet).map_or(Ok(()), |fault| Err(format!("no MQTT 3.1.1: {fault}")))
    }
}

/// The hub holds no connection whose link is gone.
#[derive(Default)]
pub(super) struct ConnectionsEnd;

impl Invariant for ConnectionsEnd {
    fn name(&self) -> &'static str {
        "connections-end"
    }

    fn see(&mut self, fact: &Fact<'_>) -> Result<(), String> {
        match fact.seen {
            Seen::Connections { hub, links } if hub != links => {
                Err(format!("the hub counts {hub} connections, there are {links}"))
            }
            _ => Ok(()),
        }
    }
}

/// No secret stands in what people may read: the hub's journal, a client's events and errors.
pub(super) struct NoSecretTold(Vec<String>);

impl NoSecretTold {
    pub(super) fn new(secrets: &[String]) -> Self {
        Self(secrets.to_vec())
    }
}

impl Invariant for NoSecretTold {
    fn name(&self) -> &'static str {
        "no-secret-told"
    }

    fn see(&mut self, fact: &Fact<'_>) -> Result<(), String> {
        let Seen::Text(text) = fact.seen else { return Ok(()) };
        // All secrets of a world begin alike, so that one look finds any of them.
        if !text.contains(super::super::device::SECRET_MARK) {
            return Ok(());
        }
        match self.0.iter().find(|secret| text.contains(&***secret)) {
            Some(_) => Err("a secret is in it".to_owned()),
            None => Ok(()),
        }
    }
}

/// When the faults stop, everything drains within a bound.
#[derive(Default)]
pub(super) struct Drains;

impl Invariant for Drains {
    fn name(&self) -> &'static str {
        "drains"
    }

    fn see(&mut self, fact: &Fact<'_>) -> Result<(), String> {
        match fact.seen {
            Seen::End { left: Some(left) } => Err(format!("left: {left}")),
            _ => Ok(()),
        }
    }
}
