//! Ours, the runtime: what a user's program gets, through the public API only.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::bench::pair::POINTS;
use crate::bench::plan::{Order, Task};
use crate::bench::sample::{Meter, Sample};
use crate::bench::{Failure, Outcome, machine, payload};
use enos_runtime::{Client, Delivery, Device, ErrorKind, Login, PostOptions, Runtime, Tls};

use super::floor::{latencies, started};
use super::rustls::connect_figures;

/// Longest wait for anything that a healthy run does in milliseconds.
const PATIENCE: Duration = Duration::from_secs(30);

/// Does one run of a task, in a process of its own.
pub fn run(task: Task, order: &Order) -> Outcome<Sample> {
    match task {
        Task::Posts => posts(order),
        Task::Single => single(order),
        Task::Commands => commands(order),
        Task::Burst => burst(order),
        Task::Idle => {
            let _client = online(&plain(order), "t-1")?;
            Ok(Sample::of("rss_mb", machine::resident_kb()? / 1000.0))
        }
        Task::IdleTls => {
            let client = secure(order, &Tls::new().ca(order.ca.as_str()), None)?;
            client.connect(PATIENCE)?;
            Ok(Sample::of("rss_mb", machine::resident_kb()? / 1000.0))
        }
        Task::Start => {
            let client = online(&plain(order), "t-1")?;
            client.post_measurepoints_with(&POINTS, options())?;
            started(order)
        }
        Task::ConnectTls => connect_tls(order),
        Task::Many => many(order),
        _ => Err("not a task of the runtime".into()),
    }
}

fn plain(order: &Order) -> String {
    format!("tcp://{}", order.tcp)
}

fn login(device_key: &str) -> Login {
    Login::device_secret(payload::PRODUCT_KEY, device_key, "jJAC3QvmCKxx")
}

fn online(hub: &str, device_key: &str) -> Outcome<Client> {
    let client = Client::builder(hub).login(login(device_key)).build()?;
    client.connect(PATIENCE)?;
    Ok(client)
}

fn secure(order: &Order, tls: &Tls, runtime: Option<&Runtime>) -> Outcome<Client> {
    let mut builder = Client::builder(format!("ssl://{}", order.tls)).login(login("t-1")).tls(tls.clone());
    if let Some(runtime) = runtime {
        builder = builder.runtime(runtime);
    }
    Ok(builder.build()?)
}

fn options() -> PostOptions {
    PostOptions::new().time(std::time::UNIX_EPOCH + Duration::from_millis(payload::TIME_MS)).timeout(PATIENCE)
}

/// Posts that each bring the next one about when they settle.
struct Chain {
    device: Device,
    left: AtomicU32,
    meter: Mutex<Option<Meter>>,
    done: Sender<Outcome<Sample>>,
}

impl Chain {
    /// Posts once, unless all posts are made.
    fn post(self: &Arc<Self>) {
        let more = self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        if more.is_err() {
            return;
        }
        let chain = Arc::clone(self);
        let submitted =
            self.device.submit_measurepoints(&POINTS, options(), move |delivery| chain.settled(delivery));
        if let Err(error) = submitted {
            self.end(Err(error.into()));
        }
    }

    fn settled(self: &Arc<Self>, delivery: Result<Delivery, enos_runtime::Error>) {
        if let Err(error) = delivery {
            return self.end(Err(error.into()));
        }
        self.post();
        let mut meter = self.meter.lock().unwrap_or_else(PoisonError::into_inner);
        match meter.as_mut().map(|meter| meter.add(1)) {
            Some(Ok(false)) | None => {}
            Some(Ok(true)) => {
                let figures = meter.take().map_or(Err("counted twice".into()), Meter::finish);
                self.end(figures);
            }
            Some(Err(error)) => self.end(Err(error)),
        }
    }

    fn end(&self, outcome: Outcome<Sample>) {
        // Nobody listens any more once the first outcome is in.
        let _ = self.done.send(outcome);
    }
}

fn posts(order: &Order) -> Outcome<Sample> {
    let client = online(&plain(order), "t-1")?;
    let (done, outcome) = channel();
    let chain = Arc::new(Chain {
        device: client.device().clone(),
        left: AtomicU32::new(order.count),
        meter: Mutex::new(Some(Meter::new(order.count))),
        done,
    });
    for _ in 0..order.window {
        chain.post();
    }
    wait(&outcome)?
}

fn single(order: &Order) -> Outcome<Sample> {
    let client = online(&plain(order), "t-1")?;
    let mut meter = Meter::new(order.count);
    let mut micros = Vec::new();
    loop {
        let start = Instant::now();
        client.post_measurepoints_with(&POINTS, options())?;
        micros.push(start.elapsed().as_secs_f64() * 1e6);
        if meter.add(1)? {
            return Ok(meter.finish()?.and(latencies(micros)?));
        }
    }
}

fn commands(order: &Order) -> Outcome<Sample> {
    let device = payload::commanded_device(order.count, order.window);
    let client = Client::builder(plain(order)).login(login(&device)).build()?;
    let meter = Mutex::new(Some(Meter::new(order.count)));
    let (done, outcome) = channel();
    client.on_service(payload::SERVICE, move |_call, reply| {
        let answered = reply.ok(&[]);
        let mut meter = meter.lock().unwrap_or_else(PoisonError::into_inner);
        let end = match (answered, meter.as_mut().map(|meter| meter.add(1))) {
            (Err(error), _) => Some(Err(Failure::from(error))),
            (_, Some(Err(error))) => Some(Err(error)),
            (_, Some(Ok(true))) => meter.take().map(Meter::finish),
            _ => None,
        };
        if let Some(end) = end {
            // Nobody listens any more once the first outcome is in.
            let _ = done.send(end);
        }
    })?;
    client.connect(PATIENCE)?;
    let sample = wait(&outcome)??;
    client.close(PATIENCE)?;
    Ok(sample)
}

/// Posts in a tight loop that looks at nothing but each post's own result.
fn burst(order: &Order) -> Outcome<Sample> {
    let client = online(&plain(order), "t-1")?;
    let before = machine::resident_kb()?;
    let (ended, ends) = channel();
    let (mut accepted, mut refused) = (0_u32, 0_u32);
    for _ in 0..order.count {
        let ended = ended.clone();
        match client.submit_measurepoints(&POINTS, options(), move |delivery| {
            let _ = ended.send(delivery.is_ok());
        }) {
            Ok(_) => accepted += 1,
            Err(error) if error.kind == ErrorKind::QueueFull => refused += 1,
            Err(error) => return Err(error.into()),
        }
    }
    drop(ended);
    // The channel closes once every callback has run or was dropped.
    let mut settled = 0;
    while let Ok(acknowledged) = ends.recv_timeout(PATIENCE) {
        if !acknowledged {
            return Err("a post failed although the responder answers all".into());
        }
        settled += 1;
    }
    Ok(Sample::of("lost", f64::from(accepted) - f64::from(settled))
        .with("refused", f64::from(refused))
        .with("settled", f64::from(settled))
        .with("grown_mb", (machine::peak_resident_kb()? - before) / 1000.0))
}

/// Each time a new client, as after a change of settings; threads are shared, as where there are many.
fn connect_tls(order: &Order) -> Outcome<Sample> {
    let runtime = Runtime::new()?;
    // As bare rustls does with its configuration.
    let tls = Tls::new().ca(order.ca.as_str());
    let mut meter = Meter::new(order.count);
    loop {
        let client = secure(order, &tls, Some(&runtime))?;
        client.connect(PATIENCE)?;
        client.close(PATIENCE)?;
        if meter.add(1)? {
            return connect_figures(meter);
        }
    }
}

/// Idle clients that share their threads: `threads` beside the caller's, `kb_each`.
fn many(order: &Order) -> Outcome<Sample> {
    machine::allow_sockets(u64::from(order.count) + 100)?;
    let runtime = Runtime::new()?;
    let before = machine::resident_kb()?;
    let (done, outcomes) = channel();
    let mut clients = Vec::new();
    for number in 0..order.count {
        let client =
            Client::builder(plain(order)).login(login(&format!("t-{number}"))).runtime(&runtime).build()?;
        let done = done.clone();
        client.submit_connect(PATIENCE, move |outcome| {
            let _ = done.send(outcome);
        })?;
        clients.push(client);
    }
    for _ in &clients {
        wait(&outcomes)??;
    }
    // The threads that dialled go once they are idle.
    let end = Instant::now() + PATIENCE;
    let mut threads = machine::threads()?;
    let mut since = Instant::now();
    while since.elapsed() < Duration::from_secs(2) && Instant::now() < end {
        std::thread::sleep(Duration::from_millis(50));
        let now = machine::threads()?;
        if now < threads {
            since = Instant::now();
        }
        threads = now;
    }
    let grown = machine::resident_kb()? - before;
    let sample = Sample::of("threads", threads - 1.0).with("kb_each", grown / f64::from(order.count));
    for client in &clients {
        client.submit_close(PATIENCE, |_| ())?;
    }
    Ok(sample)
}

fn wait<T>(results: &Receiver<T>) -> Outcome<T> {
    results.recv_timeout(PATIENCE).map_err(|_| "nothing came in time".into())
}
