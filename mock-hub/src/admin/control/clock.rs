//! `/hub/v1/clock`: the hub's time, stopped and moved.

use axum::Json;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::clock::{Clock, MAX_STEP_MS};
use crate::domain::{Entry, EntryKind};
use crate::fault::{BadField, Fields};

use crate::admin::Shared;
use crate::admin::call::{BODY_WAIT, read_body};
use crate::admin::routes::Routes;

use super::faults::{MAX_ORDER, refused};

pub(super) fn routes(routes: Routes) -> Routes {
    routes.get("/hub/v1/clock", read).post("/hub/v1/clock", change)
}

/// `GET /hub/v1/clock`: `{"now", "monotonic", "frozen", "offset"}`, in milliseconds.
async fn read(State(admin): Shared) -> Response {
    Json(told(&admin.cloud.clock)).into_response()
}

/// `POST /hub/v1/clock` with any of `{"frozen": true, "advance": ms, "offset": ms}`: the clock as it stands then.
async fn change(State(admin): Shared, request: Request) -> Response {
    let Some(body) = read_body(request.into_body(), MAX_ORDER, BODY_WAIT).await else {
        return refused("body: more than 16 kB, cut off, or not here within 30 s. Fix: send one JSON object");
    };
    match apply(&admin.cloud.clock, &body) {
        Ok(what) => {
            let entry = Entry::new(EntryKind::Fault, format!("the hub's clock: {what}"));
            admin.cloud.note(entry);
            Json(told(&admin.cloud.clock)).into_response()
        }
        Err(bad) => refused(&bad.0),
    }
}

/// Stops, then moves, then lets run: `advance` with `"frozen": true` lands on an exact moment.
fn apply(clock: &Clock, body: &[u8]) -> Result<String, BadField> {
    let mut fields = Fields::read(body)?;
    let step = i64::try_from(MAX_STEP_MS).unwrap_or(i64::MAX);
    let frozen = fields.flag("frozen")?;
    let advance = fields.number("advance", 0, step)?;
    let offset = fields.number("offset", -step, step)?;
    fields.end("the clock")?;
    let mut done = Vec::new();
    if frozen == Some(true) {
        clock.freeze();
        done.push("stopped".to_owned());
    }
    if let Some(offset) = offset {
        clock.set_offset(offset);
        done.push(format!("offset {offset} ms"));
    }
    if let Some(advance) = advance {
        clock.advance(advance.unsigned_abs());
        done.push(format!("{advance} ms on"));
    }
    if frozen == Some(false) {
        clock.resume();
        done.push("runs".to_owned());
    }
    if done.is_empty() {
        let fix = "send frozen (true or false), advance or offset (milliseconds)";
        return Err(BadField::new("body", "it changes nothing", fix));
    }
    Ok(done.join(", "))
}

fn told(clock: &Clock) -> Value {
    let reading = clock.read();
    json!({
        "now": reading.now_ms,
        "monotonic": reading.monotonic_ms,
        "frozen": reading.frozen,
        "offset": reading.offset_ms,
    })
}
