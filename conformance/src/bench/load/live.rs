//! What a live view costs: posts with and without one, in turns, in one process.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::thread::JoinHandle;

use super::Watch;
use super::posts::{CONNECTIONS, Load};
use super::server::Server;
use crate::bench::Outcome;
use crate::bench::plan::Order;
use crate::bench::sample::Sample;

/// Turns of either kind.
const TURNS: u32 = 4;

/// How much more CPU a post takes the hub while its live view is read, in `percent`; `lines` were seen.
pub(super) fn run(order: &Order) -> Outcome<Sample> {
    let server = Server::hub(CONNECTIONS, 0, false)?;
    let http = server.http.ok_or("no REST")?;
    let mut load = Load::connect(&server, 0, order.window)?;
    let each = order.count / (2 * TURNS);
    load.posts(each)?;
    let (mut without, mut with, mut lines) = (0.0, 0.0, 0);
    for _ in 0..TURNS {
        without += measure(&server, &mut load, each)?;
        let view = View::open(http)?;
        with += measure(&server, &mut load, each)?;
        lines += view.close()?;
    }
    if lines == 0 {
        return Err("the live view showed nothing, so nothing was measured".into());
    }
    Ok(Sample::of("percent", (with / without - 1.0) * 100.0).with("lines", lines as f64))
}

fn measure(server: &Server, load: &mut Load, posts: u32) -> Outcome<f64> {
    let watch = Watch::begin(server)?;
    load.posts(posts)?;
    Ok(watch.end(posts)?.get("cpu_us").ok_or("no CPU time")?)
}

/// A reader of `/hub/v1/events`.
struct View {
    socket: TcpStream,
    reader: JoinHandle<usize>,
}

impl View {
    /// Returns once the hub has begun to answer.
    fn open(http: SocketAddr) -> Outcome<Self> {
        let mut socket = TcpStream::connect(http)?;
        write!(socket, "GET /hub/v1/events HTTP/1.1\r\nHost: {http}\r\nAccept: text/event-stream\r\n\r\n")?;
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            socket.read_exact(&mut byte)?;
            head.extend_from_slice(&byte);
        }
        if !head.starts_with(b"HTTP/1.1 200") {
            return Err(format!("the live view: {}", String::from_utf8_lossy(&head)).into());
        }
        let mut stream = socket.try_clone()?;
        let reader = std::thread::spawn(move || {
            let (mut lines, mut bytes) = (0, vec![0; 64 * 1024]);
            while let Ok(count @ 1..) = stream.read(&mut bytes) {
                // An entry may be cut in two: one or two in a thousand, and only whether any came is judged.
                let part = bytes.get(..count).unwrap_or_default();
                lines += part.windows(6).filter(|window| window == b"\ndata:").count();
            }
            lines
        });
        Ok(Self { socket, reader })
    }

    /// Hangs up; says how many lines came.
    fn close(self) -> Outcome<usize> {
        self.socket.shutdown(Shutdown::Both)?;
        self.reader.join().map_err(|_| "the reader of the live view failed".into())
    }
}
