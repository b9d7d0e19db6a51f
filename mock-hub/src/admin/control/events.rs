//! `GET /hub/v1/events`: the journal as it is written, each line a server-sent event.

use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::Response;

use crate::journal::{Line, Seen};

use super::super::Shared;
use super::super::feed::{self, Manner};
use super::super::routes::Routes;
use super::bad_request;
use super::query::selection;

pub(super) fn routes(routes: Routes) -> Routes {
    routes.get("/hub/v1/events", events)
}

/// From now on, or from behind `since` or `Last-Event-ID` as far as the journal still knows.
async fn events(State(admin): Shared, headers: HeaderMap, uri: Uri) -> Response {
    match selection(&uri) {
        Ok(selection) => {
            let full = selection.full;
            let render = move |seen: &Seen, out: &mut Vec<u8>| write_event(seen, full, out);
            feed::respond(&admin.cloud, &headers, selection.filter, Manner::complete(Box::new(render)))
        }
        Err(fault) => bad_request(fault),
    }
}

/// JSON holds no line end, so the data is one line.
fn write_event(seen: &Seen, full: bool, out: &mut Vec<u8>) {
    out.extend_from_slice(format!("id: {}\nevent: {}\ndata: ", seen.seq, seen.entry.kind.name()).as_bytes());
    // Writing into memory fails only if the entry cannot be JSON, and every entry can.
    let _ = serde_json::to_writer(&mut *out, &Line { seen, full });
    out.extend_from_slice(b"\n\n");
}
