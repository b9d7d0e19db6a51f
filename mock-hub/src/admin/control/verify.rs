//! `POST /hub/v1/verify`: whether the hub saw what a test expects, with a bounded wait for it.

use std::cmp::Reverse;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::domain::Cloud;
use crate::journal::{Line, Listener, Seen};

use super::super::Shared;
use super::super::routes::Routes;
use super::body::{self, Failure};
use super::expectation::{Expectation, Raw, Standing};

/// Matching entries of one report, the newest.
const SHOWN: usize = 10;
/// Entries of one report that were nearly it.
const NEAR: usize = 5;
/// Entries looked at in one go.
const BATCH: usize = 1_024;

pub(super) fn routes(routes: Routes) -> Routes {
    routes.post("/hub/v1/verify", verify)
}

/// Looks at what the journal holds, then at what comes, until the answer is certain or the wait is over.
async fn verify(State(admin): Shared, body: Body) -> Result<Json<Value>, Failure> {
    let cloud = &admin.cloud;
    let raw: Raw = body::json(body).await?;
    let wanted = raw.check(cloud.clock.now_ms())?;
    let started = cloud.clock.monotonic_ms();
    let deadline = cloud.clock.sleep(Duration::from_millis(wanted.wait_ms));
    let mut deadline = std::pin::pin!(deadline);
    let mut listener = Listener::new(&cloud.journal, Some(wanted.since), wanted.packets())
        .map_err(|error| Failure(StatusCode::SERVICE_UNAVAILABLE, error.to_string()))?;
    let mut report = Report::default();
    let mut over = wanted.wait_ms == 0;
    let satisfied = loop {
        loop {
            let batch = listener.take(BATCH);
            report.lost += batch.lost;
            batch.entries.iter().for_each(|seen| report.judge(&wanted, seen));
            if batch.entries.len() < BATCH {
                break;
            }
            // A long journal must not keep a thread to itself.
            tokio::task::yield_now().await;
        }
        match wanted.count.standing(report.matched) {
            Standing::Satisfied => break true,
            Standing::Missed => break false,
            standing if over => break standing == Standing::SoFar,
            Standing::SoFar | Standing::NotYet => {}
        }
        // What came before the end of the wait counts: one more look when it is over.
        tokio::select! {
            biased;
            open = listener.wait() => over = !open,
            () = &mut deadline => over = true,
        }
    };
    let waited = cloud.clock.monotonic_ms().saturating_sub(started);
    Ok(Json(report.into_json(cloud, &wanted, satisfied, waited)))
}

#[derive(Default)]
struct Report {
    matched: u64,
    considered: u64,
    lost: u64,
    entries: VecDeque<Arc<Seen>>,
    near: Vec<(Vec<String>, Arc<Seen>)>,
}

impl Report {
    fn judge(&mut self, wanted: &Expectation, seen: &Arc<Seen>) {
        let Some(why) = wanted.reasons(seen) else { return };
        self.considered += 1;
        if why.is_empty() {
            self.matched += 1;
            self.entries.push_back(seen.clone());
            if self.entries.len() > SHOWN {
                self.entries.pop_front();
            }
            return;
        }
        self.near.push((why, seen.clone()));
        // The fewest reasons first, then the newest.
        self.near.sort_by_key(|(why, seen)| (why.len(), Reverse(seen.seq)));
        self.near.truncate(NEAR);
    }

    fn into_json(self, cloud: &Arc<Cloud>, wanted: &Expectation, satisfied: bool, waited_ms: u64) -> Value {
        let line = |seen: &Arc<Seen>| json!(Line { seen, full: false });
        let mut report = json!({
            "satisfied": satisfied,
            "matched": self.matched,
            "wanted": wanted.count.describe(),
            "considered": self.considered,
            "dropped": self.lost,
            "waitedMs": waited_ms,
            "entries": self.entries.iter().map(line).collect::<Vec<_>>(),
            "nearMisses": self.near.iter()
                .map(|(why, seen)| json!({"why": why, "entry": line(seen)}))
                .collect::<Vec<_>>(),
        });
        if !satisfied && let Some(hint) = hint(cloud, wanted, self.considered) {
            report["hint"] = hint.into();
        }
        report
    }
}

/// The likely cause when a device is silent.
fn hint(cloud: &Cloud, wanted: &Expectation, considered: u64) -> Option<String> {
    let id = wanted.device.as_ref().filter(|id| &*id.device_key != "*")?;
    let Some(device) = cloud.store.device(id) else {
        return Some(format!("there is no device {id}: see /hub/v1/state for those there are"));
    };
    if cloud.fabric.locate(id).is_none() {
        let reason = device.state().last_offline_reason.clone();
        let last =
            if reason.is_empty() { "it was never connected".to_owned() } else { format!("last: {reason}") };
        return Some(format!("{id} is not connected; {last}. See /hub/v1/journal?device={id}"));
    }
    (considered == 0).then(|| format!("{id} is connected, but sent nothing of this kind"))
}
