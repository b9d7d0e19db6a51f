//! The generic client: rumqttc without TLS, tokio on one thread, ids pasted into ready text, no JSON parsed.
//!
//! Its channel is larger than the window, so publishing from the loop that polls it never waits.

use std::time::{Duration, Instant};

use crate::bench::plan::{Order, Task};
use crate::bench::sample::{Meter, Sample};
use crate::bench::{Outcome, machine, payload};
use rumqttc::{AsyncClient, Event, EventLoop, Incoming, MqttOptions, QoS};

use super::floor::{latencies, started};

/// Does one run of a task, in a process of its own.
pub fn run(task: Task, order: &Order) -> Outcome<Sample> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        match task {
            Task::Posts => posts(order).await,
            Task::Single => single(order).await,
            Task::Commands => commands(order).await,
            Task::Burst => burst(order).await,
            Task::Idle => {
                let _session = Session::connect(order, "t-1").await?;
                Ok(Sample::of("rss_mb", machine::resident_kb()? / 1000.0))
            }
            Task::Start => {
                let mut session = Session::connect(order, "t-1").await?;
                session.post(1)?;
                session.reply().await?;
                started(order)
            }
            _ => Err("not a task of rumqttc".into()),
        }
    })
}

async fn posts(order: &Order) -> Outcome<Sample> {
    let mut session = Session::connect(order, "t-1").await?;
    let mut meter = Meter::new(order.count);
    let mut sent = 0;
    loop {
        while sent < order.count && sent - meter.done() < u32::from(order.window) {
            session.post(sent)?;
            sent += 1;
        }
        session.reply().await?;
        if meter.add(1)? {
            return meter.finish();
        }
    }
}

async fn single(order: &Order) -> Outcome<Sample> {
    let mut session = Session::connect(order, "t-1").await?;
    let mut meter = Meter::new(order.count);
    let mut micros = Vec::new();
    loop {
        let start = Instant::now();
        session.post(meter.done())?;
        session.reply().await?;
        micros.push(start.elapsed().as_secs_f64() * 1e6);
        if meter.add(1)? {
            return Ok(meter.finish()?.and(latencies(micros)?));
        }
    }
}

async fn commands(order: &Order) -> Outcome<Sample> {
    let device = payload::commanded_device(order.count, order.window);
    let topic = format!("{}_reply", payload::command_topic(payload::PRODUCT_KEY, &device));
    let mut session = Session::connect(order, &device).await?;
    let mut meter = Meter::new(order.count);
    loop {
        let Event::Incoming(Incoming::Publish(publish)) = session.events.poll().await? else { continue };
        let id = payload::id_of(&publish.payload).ok_or("a command without an id")?;
        session.client.try_publish(&topic, QoS::AtLeastOnce, false, payload::answer(id))?;
        if meter.add(1)? {
            break;
        }
    }
    let sample = meter.finish()?;
    session.client.try_disconnect()?;
    // Until the responder hangs up: a socket closed with unread bytes would throw the last answers away.
    while session.events.poll().await.is_ok() {}
    Ok(sample)
}

/// Posts in a tight loop that looks at nothing but each post's own result; only then the rest is polled.
async fn burst(order: &Order) -> Outcome<Sample> {
    let mut session = Session::connect(order, "t-1").await?;
    let before = machine::resident_kb()?;
    let accepted = (0..order.count).filter(|&id| session.post(id).is_ok()).count();
    for _ in 0..accepted {
        session.reply().await?;
    }
    Ok(Sample::of("lost", 0.0)
        .with("refused", f64::from(order.count) - accepted as f64)
        .with("settled", accepted as f64)
        .with("grown_mb", (machine::peak_resident_kb()? - before) / 1000.0))
}

/// A connected client and its event loop.
struct Session {
    client: AsyncClient,
    events: EventLoop,
    topic: String,
}

impl Session {
    async fn connect(order: &Order, device: &str) -> Outcome<Self> {
        let mut options = MqttOptions::new(device, order.tcp.ip().to_string(), order.tcp.port());
        options.set_credentials(format!("{device}&{}", payload::PRODUCT_KEY), "x");
        options.set_keep_alive(Duration::from_secs(60));
        options.set_inflight(order.window);
        // Nagle's algorithm stays on, as is its default: it joins its single writes, which halves its cost.
        let (client, mut events) = AsyncClient::new(options, usize::from(order.window) * 2 + 8);
        while !matches!(events.poll().await?, Event::Incoming(Incoming::ConnAck(_))) {}
        Ok(Self { client, events, topic: payload::post_topic(device) })
    }

    fn post(&self, id: u32) -> Outcome<()> {
        Ok(self.client.try_publish(&self.topic, QoS::AtLeastOnce, false, payload::post(id))?)
    }

    /// Polls until a reply has come and its id is found.
    async fn reply(&mut self) -> Outcome<()> {
        loop {
            if let Event::Incoming(Incoming::Publish(publish)) = self.events.poll().await? {
                payload::id_of(&publish.payload).ok_or("a reply without an id")?;
                return Ok(());
            }
        }
    }
}
