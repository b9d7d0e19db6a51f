//! A command by REST: to the hub, to the device, back to the caller; one at a time.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Instant;

use super::server::Server;
use super::{Watch, connects, devices};
use crate::bench::Outcome;
use crate::bench::mqtt::{self, kind};
use crate::bench::payload::{self, PRODUCT_KEY};
use crate::bench::plan::Order;
use crate::bench::sample::{Sample, percentile};

/// `p50_ms` and `p99_ms` as the caller sees them, and the server's `cpu_us`; the first tenth is left out.
pub(super) fn run(order: &Order) -> Outcome<Sample> {
    let server = Server::hub(1, 0, false)?;
    let mut device = Device::sign_in(&server)?;
    let mut caller = Caller::connect(server.http.ok_or("no REST")?)?;
    let warm_up = order.count / 10;
    for _ in 0..warm_up {
        once(&mut caller, &mut device)?;
    }
    let watch = Watch::begin(&server)?;
    let mut millis = Vec::new();
    for _ in warm_up..order.count {
        let started = Instant::now();
        once(&mut caller, &mut device)?;
        millis.push(started.elapsed().as_secs_f64() * 1e3);
    }
    let sample = watch.end(order.count - warm_up)?;
    let p50 = percentile(&mut millis, 0.5).ok_or("nothing was timed")?;
    let p99 = percentile(&mut millis, 0.99).ok_or("nothing was timed")?;
    Ok(sample.with("p50_ms", p50).with("p99_ms", p99))
}

fn once(caller: &mut Caller, device: &mut Device) -> Outcome<()> {
    caller.ask()?;
    device.answer()?;
    caller.hear()
}

/// An application with a connection that it keeps.
struct Caller {
    socket: TcpStream,
    request: Vec<u8>,
    bytes: Vec<u8>,
}

impl Caller {
    fn connect(http: SocketAddr) -> Outcome<Self> {
        let socket = TcpStream::connect(http)?;
        socket.set_nodelay(true)?;
        let body = r#"{"inputData":{"delay":5}}"#;
        let request = format!(
            "POST /connect-service/v2.1/commands?action=invokeService&orgId=o1&productKey={PRODUCT_KEY}\
             &deviceKey={}&serviceId={} HTTP/1.1\r\nHost: {http}\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{body}",
            devices::key(0),
            payload::SERVICE,
            body.len()
        );
        Ok(Self { socket, request: request.into_bytes(), bytes: vec![0; 16 * 1024] })
    }

    fn ask(&mut self) -> Outcome<()> {
        Ok(self.socket.write_all(&self.request)?)
    }

    fn hear(&mut self) -> Outcome<()> {
        let mut filled = 0;
        loop {
            let read = self.socket.read(self.bytes.get_mut(filled..).unwrap_or_default())?;
            if read == 0 {
                return Err("the hub hung up on its caller".into());
            }
            filled += read;
            let text = std::str::from_utf8(self.bytes.get(..filled).unwrap_or_default())?;
            let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
            if body.len() < content_length(head)? {
                continue;
            }
            let reply: serde_json::Value = serde_json::from_str(body)?;
            if reply["code"] != 0 {
                return Err(format!("the command failed: {reply}").into());
            }
            return Ok(());
        }
    }
}

fn content_length(head: &str) -> Outcome<usize> {
    let mut fields = head.lines().filter_map(|line| line.split_once(':'));
    let length = fields.find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    Ok(length.ok_or("a reply without its length")?.1.trim().parse()?)
}

/// The device, which answers at once, as the SDK does: acknowledgement and answer in one write.
struct Device {
    socket: TcpStream,
    bytes: Vec<u8>,
    filled: usize,
    out: Vec<u8>,
    identifier: u16,
}

impl Device {
    fn sign_in(server: &Server) -> Outcome<Self> {
        let packet = devices::connect(PRODUCT_KEY, &devices::key(0))?;
        let mut socket = connects::start(server.mqtt, &packet)?;
        connects::finish(&mut socket)?;
        socket.set_nodelay(true)?;
        Ok(Self { socket, bytes: vec![0; 16 * 1024], filled: 0, out: Vec::new(), identifier: 0 })
    }

    /// Waits for a command and answers it.
    fn answer(&mut self) -> Outcome<()> {
        let mut answered = false;
        while !answered {
            let read = self.socket.read(self.bytes.get_mut(self.filled..).unwrap_or_default())?;
            if read == 0 {
                return Err("the hub hung up on its device".into());
            }
            self.filled += read;
            let Self { bytes, filled, out, identifier, .. } = self;
            let taken = mqtt::each_packet(bytes.get(..*filled).unwrap_or_default(), |packet| {
                if packet.kind() != kind::PUBLISH {
                    return Ok(());
                }
                let command = packet.publish()?;
                let id = payload::id_of(command.payload).ok_or("a command without an id")?;
                if let Some(identifier) = command.identifier {
                    mqtt::put_puback(out, identifier);
                }
                *identifier = *identifier % 60_000 + 1;
                let topic = format!("{}_reply", command.topic);
                let text = format!(r#"{{"id":"{id}","code":200,"data":{{}}}}"#);
                mqtt::put_publish(out, &topic, Some(*identifier), text.as_bytes())?;
                answered = true;
                Ok(())
            })?;
            bytes.copy_within(taken..*filled, 0);
            self.filled -= taken;
        }
        self.socket.write_all(&self.out)?;
        self.out.clear();
        Ok(())
    }
}
