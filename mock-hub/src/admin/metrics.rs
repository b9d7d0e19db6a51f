//! `GET /metrics`: counters and gauges in Prometheus' text format 0.0.4.
//!
//! Labels come from fixed sets or bounded counters; no device names a label.

use std::fmt::{Display, Write};

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};

use crate::domain::device::Status;
use crate::metrics::Codes;

use super::routes::Routes;
use super::{Admin, Shared};

pub(super) fn routes(routes: Routes) -> Routes {
    routes.get("/metrics", metrics)
}

async fn metrics(State(admin): Shared) -> Response {
    let headers = [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
    (headers, render(&admin)).into_response()
}

/// One family after the other.
struct Page(String);

impl Page {
    fn family(&mut self, name: &str, kind: &str, help: &str, samples: &[(&str, &str, &dyn Display)]) {
        // Writing into a string cannot fail.
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
        for (label, value, number) in samples {
            let _ = match *label {
                "" => writeln!(self.0, "{name} {number}"),
                label => writeln!(self.0, "{name}{{{label}=\"{value}\"}} {number}"),
            };
        }
    }

    fn gauge(&mut self, name: &str, help: &str, number: impl Display) {
        self.family(name, "gauge", help, &[("", "", &number)]);
    }

    fn counter(&mut self, name: &str, help: &str, number: u64) {
        self.family(name, "counter", help, &[("", "", &number)]);
    }

    fn by_code(&mut self, name: &str, help: &str, codes: &Codes) {
        let (counts, other) = codes.get();
        let texts: Vec<(String, u64)> =
            counts.into_iter().map(|(code, count)| (code.to_string(), count)).collect();
        let mut samples: Vec<(&str, &str, &dyn Display)> =
            texts.iter().map(|(code, count)| ("code", &**code, count as &dyn Display)).collect();
        samples.push(("code", "other", &other));
        self.family(name, "counter", help, &samples);
    }
}

fn render(admin: &Admin) -> String {
    let cloud = &admin.cloud;
    let metrics = &cloud.metrics;
    let mut page = Page(String::with_capacity(4096));
    let info = format!("version=\"{}\",strict=\"{}\"", admin.info.version, cloud.is_strict());
    let _ = writeln!(
        page.0,
        "# HELP mock_hub_info What runs.\n# TYPE mock_hub_info gauge\nmock_hub_info{{{info}}} 1"
    );
    page.gauge(
        "mock_hub_connections",
        "Open MQTT connections, signed in or not, and CoAP sessions.",
        cloud.fabric.connections(),
    );
    devices(&mut page, admin);
    page.counter(
        "mock_hub_connects_accepted_total",
        "CONNECTs and CoAP sign-ins that were accepted.",
        metrics.connects_accepted.get(),
    );
    page.by_code(
        "mock_hub_connects_refused_total",
        "CONNECTs and CoAP sign-ins that were refused, by the code of the vendor's pages.",
        &metrics.connects_refused,
    );
    page.family(
        "mock_hub_messages_total",
        "counter",
        "PUBLISH packets and CoAP posts from (in), PUBLISH packets and CoAP commands to (out) devices.",
        &[("direction", "in", &metrics.messages_in.get()), ("direction", "out", &metrics.messages_out.get())],
    );
    page.family(
        "mock_hub_datagrams_total",
        "counter",
        "CoAP datagrams from (in) and to (out) devices, DTLS taken off.",
        &[
            ("direction", "in", &metrics.datagrams_in.get()),
            ("direction", "out", &metrics.datagrams_out.get()),
        ],
    );
    page.family(
        "mock_hub_bytes_total",
        "counter",
        "Bytes from (in) and to (out) devices, TLS and DTLS taken off.",
        &[("direction", "in", &metrics.bytes_in.get()), ("direction", "out", &metrics.bytes_out.get())],
    );
    page.counter(
        "mock_hub_requests_accepted_total",
        "Requests of devices, measurepoint posts above all, that were answered 200.",
        metrics.requests_accepted.get(),
    );
    page.by_code(
        "mock_hub_requests_refused_total",
        "Requests of devices that were refused, by the code of the reply.",
        &metrics.requests_refused,
    );
    commands(&mut page, admin);
    page.counter(
        "mock_hub_store_changes_total",
        "Changes given to the data folder; 0 in memory.",
        cloud.store.last().0,
    );
    page.gauge(
        "mock_hub_store_ready",
        "1 while changes can be kept, 0 while the disk is full.",
        u8::from(cloud.store.ready().is_ok()),
    );
    let journal = cloud.journal.size();
    page.counter("mock_hub_journal_lines_total", "Journal and packet lines written.", cloud.journal.last());
    page.counter(
        "mock_hub_journal_dropped_total",
        "Journal lines forgotten for lack of room.",
        journal.dropped,
    );
    page.gauge("mock_hub_journal_entries", "Journal lines kept.", journal.entries);
    page.gauge("mock_hub_journal_packets", "Packet lines kept.", journal.packets);
    page.gauge("mock_hub_journal_bytes", "Bytes of journal and packet lines, roughly.", journal.bytes);
    page.gauge(
        "mock_hub_journal_listeners",
        "Listeners of the journal: events, verify and pages.",
        journal.listeners,
    );
    page.0
}

fn devices(page: &mut Page, admin: &Admin) {
    let (models, products, devices) = admin.cloud.store.read(|directory| {
        let devices: Vec<_> = directory.devices.values().cloned().collect();
        (directory.models.len(), directory.products.len(), devices)
    });
    let statuses = [Status::Inactive, Status::Online, Status::Offline, Status::Disabled];
    let mut counts = [0_usize; 4];
    for device in devices {
        let status = device.state().status();
        if let Some(index) = statuses.iter().position(|one| *one == status) {
            counts[index] += 1;
        }
    }
    let samples: Vec<(&str, &str, &dyn Display)> = statuses
        .iter()
        .zip(&counts)
        .map(|(status, count)| ("status", status.name(), count as &dyn Display))
        .collect();
    page.family("mock_hub_devices", "gauge", "Devices by status.", &samples);
    page.family(
        "mock_hub_store_items",
        "gauge",
        "Models and products in the store.",
        &[("kind", "models", &models), ("kind", "products", &products)],
    );
}

fn commands(page: &mut Page, admin: &Admin) {
    let counts = admin.cloud.count_commands();
    let counts: Vec<(&str, u64)> = counts
        .as_object()
        .into_iter()
        .flatten()
        .map(|(state, count)| (&**state, count.as_u64().unwrap_or_default()))
        .collect();
    let samples: Vec<(&str, &str, &dyn Display)> =
        counts.iter().map(|(state, count)| ("state", *state, count as &dyn Display)).collect();
    page.family("mock_hub_commands", "gauge", "Commands remembered, by state.", &samples);
}
