//! Which entries to read, in the terms of somebody who looks for a fault.

use crate::enos::topic;
use crate::fabric::DeviceId;

use super::{Detail, EntryKind, Seen};

/// A set of kinds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Kinds(u16);

impl Kinds {
    pub(crate) const NONE: Self = Self(0);

    /// All kinds but packets, which only those get who ask for them.
    pub(crate) fn usual() -> Self {
        EntryKind::ALL.into_iter().fold(Self::NONE, Self::with).without(EntryKind::Packet)
    }

    pub(crate) fn with(self, kind: EntryKind) -> Self {
        Self(self.0 | 1 << kind as u16)
    }

    pub(crate) fn without(self, kind: EntryKind) -> Self {
        Self(self.0 & !(1 << kind as u16))
    }

    pub(crate) fn has(self, kind: EntryKind) -> bool {
        self.0 & 1 << kind as u16 != 0
    }
}

/// Which entries to read; what is not set excludes nothing.
#[derive(Debug, Clone)]
pub(crate) struct Filter {
    /// A device, or with `*` as its key every device of a product.
    pub(crate) device: Option<DeviceId>,
    pub(crate) kinds: Kinds,
    /// Only entries with a higher number.
    pub(crate) since: Option<u64>,
    /// Milliseconds since the Unix epoch by the hub's clock, both ends included.
    pub(crate) from_ms: Option<u64>,
    pub(crate) to_ms: Option<u64>,
    /// A topic filter, wildcards allowed.
    pub(crate) topic: Option<String>,
    /// Id of the message or command.
    pub(crate) id: Option<String>,
    /// Number of a rule of `rules.md`.
    pub(crate) rule: Option<u8>,
    /// The code of the reply, the answer or the refusal.
    pub(crate) code: Option<i64>,
    /// Stands somewhere in text, topic or payload; lower case, compared without regard to case.
    pub(crate) text: Option<String>,
    /// Most entries of one answer.
    pub(crate) limit: usize,
}

impl Default for Filter {
    fn default() -> Self {
        Self {
            device: None,
            kinds: Kinds::usual(),
            since: None,
            from_ms: None,
            to_ms: None,
            topic: None,
            id: None,
            rule: None,
            code: None,
            text: None,
            limit: usize::MAX,
        }
    }
}

impl Filter {
    /// Whether an entry is asked for; the limit is the reader's affair.
    pub(crate) fn matches(&self, seen: &Seen) -> bool {
        let entry = &seen.entry;
        self.kinds.has(entry.kind)
            && self.since.is_none_or(|since| seen.seq > since)
            && self.device.as_ref().is_none_or(|wanted| is_of(wanted, entry.device.as_ref()))
            && self.from_ms.is_none_or(|from| seen.time_ms >= from)
            && self.to_ms.is_none_or(|to| seen.time_ms <= to)
            && self.rule.is_none_or(|rule| entry.rule == Some(rule))
            && self.code.is_none_or(|code| entry.code() == Some(code))
            && self.id.as_deref().is_none_or(|id| entry.id() == Some(id))
            && self
                .topic
                .as_deref()
                .is_none_or(|filter| entry.topic().is_some_and(|topic| topic::matches(filter, topic)))
            && self.text.as_deref().is_none_or(|text| self.mentions(seen, text))
    }

    fn mentions(&self, seen: &Seen, wanted: &str) -> bool {
        let holds = |text: &str| text.to_lowercase().contains(wanted);
        let entry = &seen.entry;
        holds(&entry.text)
            || match &entry.detail {
                Detail::None => false,
                Detail::Json(detail) => holds(&detail.to_string()),
                Detail::SignIn(sign_in) => holds(&sign_in.to_json().to_string()),
                Detail::Coap(sign_in) => holds(&sign_in.to_json().to_string()),
                Detail::Message(message) => {
                    holds(&message.topic) || holds(&String::from_utf8_lossy(&message.payload))
                }
            }
    }
}

/// Whether an entry is about the device that is wanted.
pub(crate) fn is_of(wanted: &DeviceId, device: Option<&DeviceId>) -> bool {
    device.is_some_and(|device| {
        device.product_key == wanted.product_key
            && (device.device_key == wanted.device_key || &*wanted.device_key == "*")
    })
}
