//! Waits that do not follow the hub's clock: the patience of HTTP peers, the stop of the hub, a pause after a
//! failed accept. A hub whose clock stands must answer REST and end all the same.

use std::future::Future;
use std::time::Duration;

use hyper_util::rt::TokioTimer;

/// Waits for `duration` of real time.
pub(crate) async fn sleep(duration: Duration) {
    tokio::time::sleep(duration).await;
}

/// Runs `work` for at most `duration` of real time; none if it was not done by then.
pub(crate) async fn timeout<T>(duration: Duration, work: impl Future<Output = T>) -> Option<T> {
    tokio::time::timeout(duration, work).await.ok()
}

/// The timer of the HTTP server.
pub(crate) fn http_timer() -> TokioTimer {
    TokioTimer::new()
}
