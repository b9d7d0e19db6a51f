//! The figures at the top of the page.

use std::collections::BTreeMap;

use super::{Context, grouped, time_of_day};

/// One figure.
pub(super) struct Tile {
    pub(super) name: &'static str,
    pub(super) value: String,
    pub(super) note: Option<String>,
}

pub(super) fn tiles(admin: &Context) -> Vec<Tile> {
    let cloud = &admin.cloud;
    let metrics = &cloud.metrics;
    let devices = cloud.store.read(|directory| directory.devices.len() as u64);
    let refused = |(codes, other): (BTreeMap<u32, u64>, u64)| codes.values().sum::<u64>() + other;
    let (no, bad) = (refused(metrics.connects_refused.get()), refused(metrics.requests_refused.get()));
    let tile = |name, number, note| Tile { name, value: grouped(number), note };
    let some_refused = |count| (count > 0).then(|| format!("{} refused", grouped(count)));
    vec![
        tile("Connections", cloud.fabric.connections() as u64, Some(format!("{} devices", grouped(devices)))),
        tile("Sign-ins", metrics.connects_accepted.get(), some_refused(no)),
        tile("Posts accepted", metrics.requests_accepted.get(), some_refused(bad)),
        tile("Messages in", metrics.messages_in.get(), None),
        tile("Messages out", metrics.messages_out.get(), None),
        Tile { name: "Time of the hub", value: clock(cloud.clock.now_ms()), note: Some("UTC".to_owned()) },
    ]
}

/// The time of day to the second.
fn clock(ms: u64) -> String {
    let text = time_of_day(ms);
    text.split('.').next().unwrap_or_default().to_owned()
}
