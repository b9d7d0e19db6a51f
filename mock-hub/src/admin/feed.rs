//! Journal entries as server-sent events, at the pace of who listens.
//!
//! The body asks the ring when the socket has room, so a slow listener holds nothing and slows nobody.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::Json;
use axum::body::{Body, Bytes, HttpBody};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use hyper::body::Frame;
use serde_json::json;

use crate::clock::real;
use crate::domain::{Cloud, EntryKind};
use crate::journal::{Filter, Listener, Seen};

/// Entries looked at in one go.
const BATCH: usize = 512;
/// A comment after this long without an event, by the hub's clock, so that a proxy keeps the connection.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// What one event costs a listener in waiting: 5,000 events a second at most, so that a live view of a busy hub
/// takes a bounded part of its time. Real time, since it is the machine that is spared.
const PACE: Duration = Duration::from_micros(200);

/// What one line costs a page: 100 lines a second are more than anybody reads.
const PAGE_PACE: Duration = Duration::from_millis(10);
/// Lines of a burst that a page shows.
const PAGE_KEEP: usize = 50;

/// Writes one entry as one or more events, or nothing.
pub(super) type Render = Box<dyn Fn(&Seen, &mut Vec<u8>) + Send + Sync>;

/// How a listener is told.
pub(super) struct Manner {
    line: Render,
    /// The event that tells how many entries were left out.
    dropped: fn(u64) -> String,
    /// Entries of one go that are told; of more only the newest.
    keep: usize,
    pace: Duration,
}

impl Manner {
    /// Every entry, as far as the listener keeps up.
    pub(super) fn complete(line: Render) -> Self {
        let dropped = |count| format!("event: dropped\ndata: {}\n\n", json!({"dropped": count}));
        Self { line, dropped, keep: usize::MAX, pace: PACE }
    }

    /// As much as a page can show, and always the newest.
    pub(super) fn for_people(line: Render, dropped: fn(u64) -> String) -> Self {
        Self { line, dropped, keep: PAGE_KEEP, pace: PAGE_PACE }
    }
}

/// A listener on its way to a socket.
struct Feed {
    cloud: Arc<Cloud>,
    listener: Listener,
    filter: Filter,
    manner: Manner,
    /// Nothing was said yet.
    fresh: bool,
    /// Events of the last chunk.
    paced: u32,
}

/// Answers with a stream that ends when the hub stops or the listener leaves. `Last-Event-ID` goes before `since`.
pub(super) fn respond(
    cloud: &Arc<Cloud>,
    headers: &HeaderMap,
    mut filter: Filter,
    manner: Manner,
) -> Response {
    let last_id = headers.get("last-event-id").and_then(|value| value.to_str().ok()?.trim().parse().ok());
    let since = last_id.or(filter.since.take());
    let packets = filter.kinds.has(EntryKind::Packet);
    let listener = match Listener::new(&cloud.journal, since, packets) {
        Ok(listener) => listener,
        Err(error) => {
            let body = Json(json!({"error": error.to_string()}));
            return (StatusCode::SERVICE_UNAVAILABLE, body).into_response();
        }
    };
    let feed = Feed { cloud: cloud.clone(), listener, filter, manner, fresh: true, paced: 0 };
    let headers = [(header::CONTENT_TYPE, "text/event-stream"), (header::CACHE_CONTROL, "no-store")];
    (headers, Body::new(Events(Some(Box::pin(feed.next()))))).into_response()
}

impl Feed {
    /// The next chunk; none when the hub stops.
    async fn next(mut self) -> Option<(Bytes, Self)> {
        if std::mem::take(&mut self.fresh) {
            // Sent at once, so that the listener knows that it is heard from now on.
            return Some((Bytes::from_static(b": listening\nretry: 1000\n\n"), self));
        }
        if self.paced > 0 {
            real::sleep(self.manner.pace * self.paced).await;
            self.paced = 0;
        }
        let heartbeat = self.cloud.clock.sleep(HEARTBEAT);
        let mut heartbeat = std::pin::pin!(heartbeat);
        loop {
            tokio::select! {
                open = self.listener.wait() => if !open { return None },
                () = &mut heartbeat => {
                    let beat = format!(": {}\n\n", self.cloud.clock.now_ms());
                    return Some((beat.into(), self));
                }
            }
            let chunk = self.chunk();
            if !chunk.is_empty() {
                return Some((chunk.into(), self));
            }
            // A filter that nothing passes must not keep a thread to itself on a busy hub.
            real::sleep(PACE).await;
        }
    }

    fn chunk(&mut self) -> Vec<u8> {
        let mut batch = self.listener.take(BATCH);
        let mut entries: VecDeque<Arc<Seen>> = VecDeque::new();
        let mut lost = 0;
        loop {
            lost += batch.lost;
            let full = batch.entries.len() == BATCH;
            entries.extend(batch.entries.into_iter().filter(|seen| self.filter.matches(seen)));
            while entries.len() > self.manner.keep {
                entries.pop_front();
                lost += 1;
            }
            // Who leaves out goes on to the newest.
            if !full || self.manner.keep > BATCH {
                break;
            }
            batch = self.listener.take(BATCH);
        }
        let mut chunk = Vec::new();
        if lost > 0 {
            chunk.extend_from_slice((self.manner.dropped)(lost).as_bytes());
        }
        for seen in &entries {
            (self.manner.line)(seen, &mut chunk);
            self.paced += 1;
        }
        chunk
    }
}

type Next = Pin<Box<dyn Future<Output = Option<(Bytes, Feed)>> + Send>>;

/// The body of the answer; none once it has ended.
struct Events(Option<Next>);

impl HttpBody for Events {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let Some(next) = &mut self.0 else { return Poll::Ready(None) };
        let chunk = ready!(next.as_mut().poll(cx));
        let (chunk, next) = match chunk {
            None => (None, None),
            Some((chunk, feed)) => (Some(Ok(Frame::data(chunk))), Some(feed.next())),
        };
        self.0 = next.map(|next| Box::pin(next) as Next);
        Poll::Ready(chunk)
    }
}
