//! Query parameters that choose journal entries, the same for `journal`, `events` and the page.

use axum::http::Uri;

use crate::domain::EntryKind;
use crate::enos::topic;
use crate::fabric::DeviceId;
use crate::journal::{Filter, Kinds};

use super::super::call::parse_query;
use super::super::reply::Fault;

/// Journal entries of one reply.
const MAX_ENTRIES: usize = 10_000;
/// Journal entries of one reply that names no limit.
const ENTRIES: usize = 100;

/// What [`selection`] reads.
const SELECTION: [&str; 12] =
    ["device", "kind", "since", "limit", "text", "topic", "id", "rule", "code", "from", "to", "payload"];

/// Reads a query; a parameter that means nothing here is a fault, so that a typo does not pass for an empty result.
pub(in crate::admin) fn read_query(uri: &Uri, known: &[&str]) -> Result<Vec<(String, String)>, Fault> {
    let query = parse_query(uri.query().unwrap_or(""))?;
    match query.iter().find(|(name, _)| !known.contains(&&**name)) {
        Some((name, _)) => Err(Fault::argument(name, format!("is none of {}", known.join(" ")))),
        None => Ok(query),
    }
}

/// Which entries to show, and how.
pub(in crate::admin) struct Selection {
    pub(in crate::admin) filter: Filter,
    /// Payloads as far as they were kept, and not only their beginning.
    pub(in crate::admin) full: bool,
}

/// Reads which entries are asked for; an empty parameter counts as absent.
pub(in crate::admin) fn selection(uri: &Uri) -> Result<Selection, Fault> {
    let mut filter = Filter { limit: ENTRIES, ..Filter::default() };
    let mut full = false;
    let mut kinds = Kinds::NONE;
    for (name, value) in read_query(uri, &SELECTION)? {
        if value.is_empty() {
            continue;
        }
        match &*name {
            "device" => filter.device = Some(device(&value)?),
            "kind" => kinds = value.split(',').try_fold(kinds, with_kind)?,
            "since" => filter.since = Some(number(&name, &value)?),
            "limit" => filter.limit = number::<usize>(&name, &value)?.min(MAX_ENTRIES),
            "text" => filter.text = Some(value.to_lowercase()),
            "topic" if topic::is_filter(&value) => filter.topic = Some(value),
            "topic" => return Err(Fault::argument("topic", "is no MQTT topic filter")),
            "id" => filter.id = Some(value),
            "rule" => filter.rule = Some(number(&name, &value)?),
            "code" => filter.code = Some(number(&name, &value)?),
            "from" => filter.from_ms = Some(number(&name, &value)?),
            "to" => filter.to_ms = Some(number(&name, &value)?),
            _ => full = switch(&name, &value, "full", "short")?,
        }
    }
    if kinds != Kinds::NONE {
        filter.kinds = kinds;
    }
    Ok(Selection { filter, full })
}

/// A device as `productKey/deviceKey`; a `*` for the device key stands for all of the product.
pub(in crate::admin) fn device(text: &str) -> Result<DeviceId, Fault> {
    let (product_key, device_key) =
        text.split_once('/').ok_or_else(|| Fault::argument("device", "is productKey/deviceKey"))?;
    Ok(DeviceId::new(product_key, device_key))
}

/// Adds the kind of this name; `all` stands for every kind, packets among them.
pub(in crate::admin) fn with_kind(kinds: Kinds, name: &str) -> Result<Kinds, Fault> {
    if name == "all" {
        return Ok(Kinds::usual().with(EntryKind::Packet));
    }
    EntryKind::parse(name).map(|kind| kinds.with(kind)).ok_or_else(|| {
        let known: Vec<&str> = EntryKind::ALL.iter().map(|kind| kind.name()).collect();
        Fault::argument("kind", format!("is all, or some of {} with commas", known.join(" ")))
    })
}

fn number<T: std::str::FromStr>(name: &str, value: &str) -> Result<T, Fault> {
    value.parse().map_err(|_| Fault::argument(name, format!("\"{value}\" is no number, or out of range")))
}

fn switch(name: &str, value: &str, on: &str, off: &str) -> Result<bool, Fault> {
    match value {
        _ if value == on => Ok(true),
        _ if value == off => Ok(false),
        _ => Err(Fault::argument(name, format!("is {on} or {off}"))),
    }
}
