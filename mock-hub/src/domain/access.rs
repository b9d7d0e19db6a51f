//! Which topics a connection may use (`topics.md` §4.4).

use std::fmt;

use crate::enos::topic;
use crate::fabric::DeviceId;
use crate::journal::clip;

use super::{Cloud, Entry, EntryKind, SignedIn};

/// Why a topic is not for this connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denied {
    /// The code of the vendor's pages, as a reply would carry it.
    pub code: u32,
    /// What is wrong and what to do.
    pub reason: String,
}

impl fmt::Display for Denied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

impl std::error::Error for Denied {}

impl Cloud {
    /// Tells whether the connection may publish to a topic.
    ///
    /// # Errors
    /// The topic belongs to another device, or to none.
    pub fn may_publish(&self, who: &SignedIn, topic: &str) -> Result<(), Denied> {
        let own = topic::parse(topic).is_some_and(|cut| is_own(&who.device, cut.product_key, cut.device_key));
        if own || topic::is_misplaced_reply(topic, &who.device.product_key) {
            return Ok(());
        }
        Err(denied(who, topic, "publish to"))
    }

    /// Tells whether the connection may subscribe to a filter, and records it if so; wildcards are fine below the
    /// device's own keys.
    ///
    /// # Errors
    /// The filter reaches beyond the device's own topics, or is malformed.
    pub fn may_subscribe(&self, who: &SignedIn, filter: &str) -> Result<(), Denied> {
        if !topic::is_filter(filter) {
            let reason = format!("\"{}\" is no topic filter (MQTT 3.1.1 §4.7.1)", clip(filter, 200));
            return Err(Denied { code: 1009, reason });
        }
        let own =
            topic::parse(filter).is_some_and(|cut| is_own(&who.device, cut.product_key, cut.device_key));
        if !own {
            return Err(denied(who, filter, "subscribe to"));
        }
        let text = format!("subscribed to {}", clip(filter, 200));
        self.note(Entry::new(EntryKind::Subscribe, text).device(&who.device));
        Ok(())
    }
}

fn is_own(device: &DeviceId, product_key: &str, device_key: &str) -> bool {
    *device.product_key == *product_key && *device.device_key == *device_key
}

fn denied(who: &SignedIn, topic: &str, verb: &str) -> Denied {
    let DeviceId { product_key, device_key } = &who.device;
    let topic = clip(topic, 200);
    let reason = format!(
        "{product_key}/{device_key} may not {verb} \"{topic}\": its topics begin with \
         /sys/{product_key}/{device_key}/ or /ext/session/{product_key}/{device_key}/"
    );
    Denied { code: 1009, reason }
}
