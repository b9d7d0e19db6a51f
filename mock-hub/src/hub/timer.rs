//! The hub's timer: calls the cloud when a deadline has come.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::clock::real;
use crate::domain::Cloud;

/// The longest sleep of the timer. It needs none, but tokio does: a timer that is to fire before all others makes it
/// wake its own poller, and with this one around none of the waits that a new connection begins with is that early.
const LOOK: Duration = Duration::from_secs(5);

/// Ends what is due, by the hub's clock, until the stop.
pub(super) async fn keep_time(cloud: Arc<Cloud>, mut stop: watch::Receiver<bool>) {
    loop {
        cloud.tick();
        let deadline_ms = cloud.next_deadline_ms();
        cloud.alarm.set(deadline_ms);
        // What came between the look and the setting rang for nobody.
        if cloud.next_deadline_ms() != deadline_ms {
            continue;
        }
        let due = async {
            match deadline_ms {
                Some(deadline_ms) => cloud.clock.sleep_until(deadline_ms).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => return,
            () = cloud.alarm.rung() => {}
            () = due => {}
            () = real::sleep(LOOK) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::domain::{CloudOptions, CommandKind, NewCommand, example_seed};
    use crate::fabric::{DeviceId, Fabric};

    /// A deadline that is set while the timer sleeps for a later one, or for none, is kept.
    #[tokio::test]
    async fn the_timer_keeps_deadlines_that_come_while_it_sleeps() {
        let clock = Clock::manual(1_700_000_000_000);
        let cloud = Cloud::new(clock.clone(), Fabric::new(), CloudOptions::default());
        cloud.load_seed(example_seed()).unwrap();
        let device = cloud.store.device(&DeviceId::new("Tq4zR9Lw", "t-1")).unwrap();
        let (stop, stopping) = watch::channel(false);
        let timer = tokio::spawn(keep_time(cloud.clone(), stopping));
        let mut ends = Vec::new();
        for pending_ttl_s in [60, 10, 30] {
            let (_, end) = cloud
                .give_command(
                    &device,
                    NewCommand {
                        kind: CommandKind::Service,
                        identifier: "reboot".into(),
                        name: crate::domain::names::I18n::or_default(None, "reboot"),
                        params: serde_json::json!({}),
                        timeout_s: 5,
                        pending_ttl_s,
                    },
                )
                .unwrap();
            ends.push(end);
            // The timer goes to sleep with what it knows by now.
            for _ in 0..10 {
                tokio::task::yield_now().await;
            }
        }
        for (step_s, which) in [(10, 1), (20, 2), (30, 0)] {
            assert!(!*ends[which].borrow());
            clock.advance(step_s * 1_000);
            ends[which].wait_for(|ended| *ended).await.unwrap();
        }
        stop.send_replace(true);
        timer.await.unwrap();
    }
}
