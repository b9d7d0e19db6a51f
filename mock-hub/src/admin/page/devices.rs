//! The list of devices, a page at a time.

use std::sync::Arc;

use crate::domain::device::Device;

use super::{Context, View, grouped, time_of_day};

/// Devices of one page of the list.
const ROWS: usize = 50;

/// One device.
pub(super) struct Row {
    pub(super) status: &'static str,
    pub(super) device_key: String,
    pub(super) product_key: String,
    /// Its name, unless that is its key.
    pub(super) name: Option<String>,
    pub(super) note: Option<String>,
    pub(super) accepted: String,
    pub(super) refused: u64,
    pub(super) chosen: bool,
    /// Shows this device alone, or all again if it is shown already.
    pub(super) link: String,
}

/// A page of the list.
pub(super) struct Devices {
    pub(super) q: String,
    pub(super) rows: Vec<Row>,
    pub(super) first: String,
    pub(super) last: String,
    pub(super) total: String,
    pub(super) page: usize,
    pub(super) pages: usize,
    pub(super) previous: Option<String>,
    pub(super) next: Option<String>,
    pub(super) refresh: String,
}

impl Devices {
    /// Devices whose key, product or name holds what is searched for, in the order of their keys.
    pub(super) fn new(admin: &Context, view: &View) -> Self {
        let wanted = view.q.to_lowercase();
        let found: Vec<Arc<Device>> = admin.cloud.store.read(|directory| {
            directory.devices.values().filter(|device| is_wanted(device, &wanted)).cloned().collect()
        });
        let pages = found.len().div_ceil(ROWS).max(1);
        let page = view.page.clamp(1, pages);
        let skipped = (page - 1) * ROWS;
        let rows: Vec<Row> =
            found.iter().skip(skipped).take(ROWS).map(|device| Row::new(device, view)).collect();
        let link = |page| View { page, ..view.clone() }.link("/");
        Self {
            q: view.q.clone(),
            first: grouped(skipped as u64 + 1),
            last: grouped((skipped + rows.len()) as u64),
            total: grouped(found.len() as u64),
            rows,
            page,
            pages,
            previous: (page > 1).then(|| link(page - 1)),
            next: (page < pages).then(|| link(page + 1)),
            refresh: View { page, since: None, ..view.clone() }.link("/page/devices"),
        }
    }
}

fn is_wanted(device: &Device, wanted: &str) -> bool {
    wanted.is_empty()
        || [&*device.id.device_key, &*device.id.product_key, &*device.name.default_value]
            .iter()
            .any(|text| text.to_lowercase().contains(wanted))
}

impl Row {
    fn new(device: &Device, view: &View) -> Self {
        let chosen = view.device.as_ref() == Some(&device.id);
        let shown = if chosen { None } else { Some(device.id.clone()) };
        let name = &device.name.default_value;
        let state = device.state();
        let note = match state.status().name() {
            "online" => Some(format!("since {}", time_of_day(state.last_online_ms))),
            "offline" if !state.last_offline_reason.is_empty() => {
                Some(format!("{}: {}", time_of_day(state.last_offline_ms), state.last_offline_reason))
            }
            _ => None,
        };
        Self {
            status: state.status().name(),
            device_key: device.id.device_key.to_string(),
            product_key: device.id.product_key.to_string(),
            name: Some(name.clone()).filter(|name| **name != *device.id.device_key),
            note,
            accepted: grouped(state.points.accepted),
            refused: state.points.refused,
            chosen,
            link: View { device: shown, since: None, ..view.clone() }.link("/"),
        }
    }
}
