//! The raw-socket floor: a blocking socket, ready-made packets, as few system calls as the window allows.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use crate::bench::mqtt::{self, kind};
use crate::bench::plan::{Order, Task};
use crate::bench::sample::{Meter, Sample, percentile};
use crate::bench::{Outcome, machine, payload};

/// Does one run of a task, in a process of its own.
pub fn run(task: Task, order: &Order) -> Outcome<Sample> {
    match task {
        Task::Posts => posts(order),
        Task::Single => single(order),
        Task::Commands => commands(order),
        Task::Idle => {
            let _socket = Socket::connect(order.tcp, "t-1")?;
            Ok(Sample::of("rss_mb", machine::resident_kb()? / 1000.0))
        }
        Task::Start => {
            let mut socket = Socket::connect(order.tcp, "t-1")?;
            socket.send(&post_packet(1)?)?;
            socket.wait_for_replies(1)?;
            started(order)
        }
        _ => Err("not a task of the floor".into()),
    }
}

/// `ms` since the process was started and `cpu_ms` used since: call it when the first post is settled.
pub fn started(order: &Order) -> Outcome<Sample> {
    let wall = machine::monotonic_ns()?.saturating_sub(order.started_ns);
    let cpu = machine::cpu_time()?;
    Ok(Sample::of("ms", wall as f64 / 1e6).with("cpu_ms", cpu.as_secs_f64() * 1e3))
}

/// `p50_us` and `p99_us` of what is left once the first tenth is taken as warm-up.
pub fn latencies(mut micros: Vec<f64>) -> Outcome<Sample> {
    micros.drain(..micros.len() / 10);
    let p50 = percentile(&mut micros, 0.5).ok_or("nothing was timed")?;
    let p99 = percentile(&mut micros, 0.99).ok_or("nothing was timed")?;
    Ok(Sample::of("p50_us", p50).with("p99_us", p99))
}

fn posts(order: &Order) -> Outcome<Sample> {
    let window = usize::from(order.window);
    let mut ready = Vec::new();
    for place in 1..=order.window {
        ready.extend_from_slice(&post_packet(place)?);
    }
    let size = ready.len() / window;
    let mut socket = Socket::connect(order.tcp, "t-1")?;
    let mut meter = Meter::new(order.count);
    let mut sent = 0;
    loop {
        // From the next unused packet to the end of the ready ones at most: one slice, one write.
        let open = sent - meter.done();
        let first = usize::try_from(sent)? % window;
        let more =
            (order.count - sent).min(u32::from(order.window) - open).min(u32::try_from(window - first)?);
        if more > 0 {
            let last = first + usize::try_from(more)?;
            socket.send(ready.get(first * size..last * size).unwrap_or_default())?;
            sent += more;
        }
        let settled = socket.wait_for_replies(1)?;
        if meter.add(settled)? {
            return meter.finish();
        }
    }
}

fn single(order: &Order) -> Outcome<Sample> {
    let packet = post_packet(1)?;
    let mut socket = Socket::connect(order.tcp, "t-1")?;
    let mut meter = Meter::new(order.count);
    let mut micros = Vec::new();
    loop {
        let start = Instant::now();
        socket.send(&packet)?;
        socket.wait_for_replies(1)?;
        micros.push(start.elapsed().as_secs_f64() * 1e6);
        if meter.add(1)? {
            return Ok(meter.finish()?.and(latencies(micros)?));
        }
    }
}

fn commands(order: &Order) -> Outcome<Sample> {
    let device = payload::commanded_device(order.count, order.window);
    let topic = format!("{}_reply", payload::command_topic(payload::PRODUCT_KEY, &device));
    let mut socket = Socket::connect(order.tcp, &device)?;
    let mut meter = Meter::new(order.count);
    let mut out = Vec::new();
    let mut identifier = 0_u16;
    loop {
        let mut taken = 0;
        out.clear();
        socket.read_packets(|packet| {
            if packet.kind() == kind::PUBLISH {
                let id = payload::id_of(packet.publish()?.payload).ok_or("a command without an id")?;
                identifier = identifier % 60_000 + 1;
                mqtt::put_publish(&mut out, &topic, Some(identifier), payload::answer(id).as_bytes())?;
                taken += 1;
            }
            Ok(())
        })?;
        socket.send(&out)?;
        if meter.add(taken)? {
            let sample = meter.finish()?;
            socket.leave()?;
            return Ok(sample);
        }
    }
}

fn post_packet(identifier: u16) -> Outcome<Vec<u8>> {
    let mut packet = Vec::new();
    let text = payload::post(100_000 + u32::from(identifier));
    mqtt::put_publish(&mut packet, &payload::post_topic("t-1"), Some(identifier), text.as_bytes())?;
    Ok(packet)
}

/// A connected MQTT client over one blocking socket.
struct Socket {
    stream: TcpStream,
    bytes: Vec<u8>,
    filled: usize,
}

impl Socket {
    fn connect(address: SocketAddr, device_key: &str) -> Outcome<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        let mut socket = Self { stream, bytes: vec![0; 64 * 1024], filled: 0 };
        let mut connect = Vec::new();
        mqtt::put_connect(&mut connect, device_key, &format!("{device_key}&{}", payload::PRODUCT_KEY))?;
        socket.send(&connect)?;
        // Byte by byte: what follows CONNACK in the same segment belongs to the run.
        let mut answer = [0; 4];
        socket.stream.read_exact(&mut answer)?;
        if answer == [kind::CONNACK << 4, 2, 0, 0] { Ok(socket) } else { Err("not accepted".into()) }
    }

    fn send(&mut self, bytes: &[u8]) -> Outcome<()> {
        Ok(self.stream.write_all(bytes)?)
    }

    /// One read; hands on every packet that is complete by then.
    fn read_packets(&mut self, each: impl FnMut(mqtt::Packet<'_>) -> Outcome<()>) -> Outcome<()> {
        let read = self.stream.read(self.bytes.get_mut(self.filled..).unwrap_or_default())?;
        if read == 0 {
            return Err("the responder hung up".into());
        }
        self.filled += read;
        let taken = mqtt::each_packet(self.bytes.get(..self.filled).unwrap_or_default(), each)?;
        self.bytes.copy_within(taken..self.filled, 0);
        self.filled -= taken;
        Ok(())
    }

    /// Reads until at least that many replies have come and says how many did.
    fn wait_for_replies(&mut self, least: u32) -> Outcome<u32> {
        let mut replies = 0;
        while replies < least {
            self.read_packets(|packet| {
                replies += u32::from(packet.kind() == kind::PUBLISH);
                Ok(())
            })?;
        }
        Ok(replies)
    }

    /// Says goodbye and waits until the responder has read everything.
    fn leave(mut self) -> Outcome<()> {
        let mut out = Vec::new();
        mqtt::put_disconnect(&mut out);
        self.send(&out)?;
        while self.stream.read(&mut self.bytes)? > 0 {}
        Ok(())
    }
}
