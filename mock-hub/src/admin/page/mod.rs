//! The live page at `/`: devices, traffic as it comes with its meaning, and what needs a look with its fix. Read only.
//!
//! Rendered here and updated by htmx: no script decides anything, and the page works without any.

mod assets;
mod devices;
mod line;
mod summary;

use askama::Template;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{Html, IntoResponse, Response};

use crate::domain::EntryKind;
use crate::fabric::DeviceId;
use crate::journal::{Filter, Kinds, Seen};

use super::control::bad_request;
use super::control::query::{self, read_query};
use super::feed::{self, Manner};
use super::reply::Fault;
use super::routes::Routes;
use super::{Admin, Shared};
use devices::Devices;
use line::{Line, LineTemplate};
use summary::Tile;

/// Lines and notices of a page that was just opened.
const LINES: usize = 60;
const NOTICES: usize = 20;
/// The page's own scripts only, and no markup of anybody else: what a device calls itself must do nothing.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; \
                      form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .get("/", page)
        .get("/page/devices", devices)
        .get("/page/summary", summary)
        .get("/page/live", live)
        .get("/assets/{file}", assets::asset)
}

/// What a page shows, from its address.
#[derive(Debug, Default, Clone)]
struct View {
    device: Option<DeviceId>,
    /// What the list of devices is searched for.
    q: String,
    /// Page of the list, from 1 on.
    page: usize,
    packets: bool,
    since: Option<u64>,
}

impl View {
    fn read(uri: &Uri) -> Result<Self, Fault> {
        let mut view = Self { page: 1, ..Self::default() };
        for (name, value) in read_query(uri, &["device", "q", "page", "packets", "since"])? {
            let number = || value.parse().map_err(|_| Fault::argument(&name, "is no number"));
            match &*name {
                "device" if value.is_empty() => {}
                "device" => view.device = Some(query::device(&value)?),
                "q" => view.q = value.trim().to_owned(),
                "page" => view.page = number()?,
                "packets" => view.packets = value == "true",
                _ => view.since = Some(number()? as u64),
            }
        }
        Ok(view)
    }

    /// An address that shows this view.
    fn link(&self, path: &str) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        if let Some(device) = &self.device {
            query.append_pair("device", &device.to_string());
        }
        if !self.q.is_empty() {
            query.append_pair("q", &self.q);
        }
        if self.page > 1 {
            query.append_pair("page", &self.page.to_string());
        }
        if self.packets {
            query.append_pair("packets", "true");
        }
        if let Some(since) = self.since {
            query.append_pair("since", &since.to_string());
        }
        let query = query.finish();
        if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
    }

    fn filter(&self, kinds: Kinds) -> Filter {
        Filter { device: self.device.clone(), kinds, ..Filter::default() }
    }

    fn kinds(&self) -> Kinds {
        if self.packets { Kinds::usual().with(EntryKind::Packet) } else { Kinds::usual() }
    }
}

/// What needs a look.
fn notices() -> Kinds {
    Kinds::NONE.with(EntryKind::Warning).with(EntryKind::Refused).with(EntryKind::Transport)
}

#[derive(Template)]
#[template(path = "page.html")]
struct Page {
    version: String,
    org: String,
    strict: bool,
    mqtt: Option<String>,
    mqtts: Option<String>,
    coap: Option<String>,
    coaps: Option<String>,
    device: Option<String>,
    all: String,
    live: String,
    packets: bool,
    packets_link: String,
    tiles: Vec<Tile>,
    devices: Devices,
    notices: Vec<Line>,
    lines: Vec<Line>,
}

/// `GET /`.
async fn page(State(admin): Shared, uri: Uri) -> Response {
    let view = match View::read(&uri) {
        Ok(view) => view,
        Err(fault) => return bad_request(fault),
    };
    let journal = &admin.cloud.journal;
    let found = journal.read(&Filter { limit: LINES, ..view.filter(view.kinds()) });
    let noticed = journal.read(&Filter { limit: NOTICES, ..view.filter(notices()) });
    let live = View { since: Some(found.last), q: String::new(), page: 1, ..view.clone() };
    let newest_first = |entries: &[std::sync::Arc<Seen>], list| {
        entries.iter().rev().map(|seen| Line::new(seen, list)).collect::<Vec<Line>>()
    };
    let page = Page {
        version: admin.info.version.clone(),
        org: admin.cloud.store.read(|directory| directory.org_id.to_string()),
        strict: admin.cloud.is_strict(),
        mqtt: admin.info.mqtt.map(|address| address.to_string()),
        mqtts: admin.info.mqtts.map(|address| address.to_string()),
        coap: admin.info.coap.map(|address| address.to_string()),
        coaps: admin.info.coaps.map(|address| address.to_string()),
        device: view.device.as_ref().map(ToString::to_string),
        all: View { device: None, ..view.clone() }.link("/"),
        live: live.link("").trim_start_matches('?').to_owned(),
        packets: view.packets,
        packets_link: View { packets: !view.packets, ..view.clone() }.link("/"),
        tiles: summary::tiles(&admin),
        devices: Devices::new(&admin, &view),
        notices: newest_first(&noticed.entries, line::NOTICES),
        lines: newest_first(&found.entries, line::TRAFFIC),
    };
    html(&page)
}

#[derive(Template)]
#[template(path = "devices.html")]
struct DevicesTemplate {
    devices: Devices,
}

/// `GET /page/devices`: the list alone.
async fn devices(State(admin): Shared, uri: Uri) -> Response {
    match View::read(&uri) {
        Ok(view) => html(&DevicesTemplate { devices: Devices::new(&admin, &view) }),
        Err(fault) => bad_request(fault),
    }
}

#[derive(Template)]
#[template(path = "summary.html")]
struct SummaryTemplate {
    tiles: Vec<Tile>,
}

/// `GET /page/summary`: the figures alone.
async fn summary(State(admin): Shared) -> Response {
    html(&SummaryTemplate { tiles: summary::tiles(&admin) })
}

/// `GET /page/live`: lines and notices as server-sent events of HTML.
async fn live(State(admin): Shared, headers: HeaderMap, uri: Uri) -> Response {
    let view = match View::read(&uri) {
        Ok(view) => view,
        Err(fault) => return bad_request(fault),
    };
    let filter = Filter { since: view.since, ..view.filter(view.kinds()) };
    let line = |seen: &Seen, out: &mut Vec<u8>| {
        put_event(out, seen.seq, "line", &Line::new(seen, line::TRAFFIC));
        if notices().has(seen.entry.kind) {
            put_event(out, seen.seq, "notice", &Line::new(seen, line::NOTICES));
        }
    };
    let dropped = |count: u64| {
        format!(
            "event: dropped\ndata: {count} lines came faster than a page can show; the journal has them.\n\n"
        )
    };
    feed::respond(&admin.cloud, &headers, filter, Manner::for_people(Box::new(line), dropped))
}

fn put_event(out: &mut Vec<u8>, seq: u64, name: &str, line: &Line) {
    out.extend_from_slice(format!("id: {seq}\nevent: {name}\n").as_bytes());
    // A template writes into memory, which cannot fail.
    let text = LineTemplate { line }.render().unwrap_or_default();
    for text in text.lines() {
        out.extend_from_slice(b"data: ");
        out.extend_from_slice(text.as_bytes());
        out.push(b'\n');
    }
    out.push(b'\n');
}

fn html(template: &impl Template) -> Response {
    match template.render() {
        Ok(text) => {
            let headers = [
                (header::CONTENT_SECURITY_POLICY, POLICY),
                (header::CACHE_CONTROL, "no-store"),
                (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
            ];
            (headers, Html(text)).into_response()
        }
        // Not met: a template writes into memory.
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

/// How many things there are, with a comma at each thousand.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// The time of day in UTC, to the millisecond.
fn time_of_day(ms: u64) -> String {
    let day = ms % 86_400_000;
    let (seconds, ms) = (day / 1_000, day % 1_000);
    format!("{:02}:{:02}:{:02}.{ms:03}", seconds / 3_600, seconds / 60 % 60, seconds % 60)
}

/// What the page needs of the HTTP side.
type Context = Admin;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_times_are_written_for_people() {
        for (number, text) in [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(grouped(number), text);
        }
        assert_eq!(time_of_day(1_700_000_000_123), "22:13:20.123");
    }

    #[test]
    fn an_address_leads_back_to_its_view() {
        let view = View {
            device: Some(DeviceId::new("p&k", "d?k/x")),
            q: "a b".to_owned(),
            page: 3,
            packets: true,
            since: Some(7),
        };
        let link = view.link("/");
        assert_eq!(link, "/?device=p%26k%2Fd%3Fk%2Fx&q=a+b&page=3&packets=true&since=7");
        let read = View::read(&link.parse().unwrap()).unwrap();
        assert_eq!(format!("{read:?}"), format!("{view:?}"));
        assert_eq!(View { page: 1, ..View::default() }.link("/"), "/");
    }
}
