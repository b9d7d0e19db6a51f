//! A CoAP hub of a few lines: it reads requests, and answers each as a test says (RFC 7252 §3).

use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

pub(crate) const GET: u8 = 0x01;
pub(crate) const POST: u8 = 0x02;
/// 2.04 Changed.
pub(crate) const CHANGED: u8 = 0x44;
/// 2.05 Content.
pub(crate) const CONTENT: u8 = 0x45;
/// 4.01 Unauthorized.
pub(crate) const UNAUTHORIZED: u8 = 0x81;

/// A request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) code: u8,
    /// Its Uri-Path, with a slash before each segment.
    pub(crate) path: String,
    pub(crate) payload: Vec<u8>,
}

impl Request {
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.payload).unwrap()
    }

    /// The reply that EnOS gives to a post.
    pub(crate) fn accepted(&self) -> Reply {
        let id = self.json()["id"].as_str().unwrap().to_owned();
        Reply::new(CHANGED).payload(format!("{{\"id\":\"{id}\",\"code\":200,\"data\":\"\"}}"))
    }
}

/// A response: code, options in ascending order, payload.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    code: u8,
    options: Vec<(u16, Vec<u8>)>,
    payload: Vec<u8>,
}

impl Reply {
    pub(crate) fn new(code: u8) -> Self {
        Self { code, options: Vec::new(), payload: Vec::new() }
    }

    pub(crate) fn payload(mut self, payload: impl Into<Vec<u8>>) -> Self {
        self.payload = payload.into();
        self
    }

    pub(crate) fn option(mut self, number: u16, value: impl Into<Vec<u8>>) -> Self {
        self.options.push((number, value.into()));
        self
    }

    /// An acknowledgement with this response in it.
    fn datagram(&self, id: [u8; 2], token: &[u8]) -> Vec<u8> {
        let mut out = vec![0x60 | token.len() as u8, self.code, id[0], id[1]];
        out.extend(token);
        let mut last = 0;
        for (number, value) in &self.options {
            let nibble = |number: usize| match number {
                0..13 => (number as u8, Vec::new()),
                13..269 => (13, vec![(number - 13) as u8]),
                _ => (14, ((number - 269) as u16).to_be_bytes().to_vec()),
            };
            let ((delta, delta_more), (length, length_more)) =
                (nibble(usize::from(number - last)), nibble(value.len()));
            out.push(delta << 4 | length);
            out.extend(delta_more.iter().chain(&length_more).chain(value));
            last = *number;
        }
        if !self.payload.is_empty() {
            out.push(0xff);
            out.extend(&self.payload);
        }
        out
    }
}

/// What went over the wire, seen from here.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) datagrams_in: AtomicU64,
    pub(crate) bytes_in: AtomicU64,
    pub(crate) datagrams_out: AtomicU64,
    pub(crate) bytes_out: AtomicU64,
}

/// The hub; gone when dropped.
pub(crate) struct Peer {
    pub(crate) address: SocketAddr,
    pub(crate) seen: Arc<Seen>,
    requests: Arc<Mutex<Vec<Request>>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Peer {
    /// Answers each new request with what `answer` says; `None` leaves it without. A repeated one gets the same again.
    pub(crate) fn start(mut answer: impl FnMut(&Request) -> Option<Reply> + Send + 'static) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
        let address = socket.local_addr().unwrap();
        let (seen, requests, stop) =
            (Arc::<Seen>::default(), Arc::<Mutex<Vec<Request>>>::default(), Arc::<AtomicBool>::default());
        let (own_seen, own_requests, own_stop) = (seen.clone(), requests.clone(), stop.clone());
        let thread = std::thread::spawn(move || {
            let mut block = [0; 4096];
            let mut last: Option<([u8; 2], Option<Vec<u8>>)> = None;
            while !own_stop.load(Ordering::Relaxed) {
                let Ok((count, from)) = socket.recv_from(&mut block) else { continue };
                own_seen.datagrams_in.fetch_add(1, Ordering::Relaxed);
                own_seen.bytes_in.fetch_add(count as u64, Ordering::Relaxed);
                let Some((id, token, request)) = parse(&block[..count]) else { continue };
                let out = match &last {
                    Some((before, out)) if *before == id => out.clone(),
                    _ => {
                        let out = answer(&request).map(|reply| reply.datagram(id, &token));
                        own_requests.lock().unwrap().push(request);
                        last = Some((id, out.clone()));
                        out
                    }
                };
                if let Some(out) = out {
                    // First, since whoever gets it may look at once.
                    own_seen.datagrams_out.fetch_add(1, Ordering::Relaxed);
                    own_seen.bytes_out.fetch_add(out.len() as u64, Ordering::Relaxed);
                    socket.send_to(&out, from).unwrap();
                }
            }
        });
        Self { address, seen, requests, stop, thread: Some(thread) }
    }

    pub(crate) fn url(&self) -> String {
        format!("coap://{}", self.address)
    }

    /// The requests that came so far, repetitions left out.
    pub(crate) fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let ended = self.thread.take().unwrap().join();
        assert!(ended.is_ok() || std::thread::panicking());
    }
}

/// Message ID, token and request of a CON; `None` for anything else.
fn parse(bytes: &[u8]) -> Option<([u8; 2], Vec<u8>, Request)> {
    let (first, code, id) = (bytes[0], bytes[1], [bytes[2], bytes[3]]);
    if first & 0xf0 != 0x40 || code == 0 {
        return None;
    }
    let token_end = 4 + usize::from(first & 0x0f);
    let token = bytes[4..token_end].to_vec();
    let (mut at, mut number, mut path) = (token_end, 0_usize, String::new());
    while at < bytes.len() && bytes[at] != 0xff {
        let head = bytes[at];
        at += 1;
        let mut whole = |nibble: u8| match nibble {
            13 => {
                at += 1;
                usize::from(bytes[at - 1]) + 13
            }
            14 => {
                at += 2;
                usize::from(u16::from_be_bytes([bytes[at - 2], bytes[at - 1]])) + 269
            }
            small => usize::from(small),
        };
        number += whole(head >> 4);
        let length = whole(head & 0x0f);
        if number == 11 {
            path.push('/');
            path.push_str(std::str::from_utf8(&bytes[at..at + length]).unwrap());
        }
        at += length;
    }
    let payload = bytes.get(at + 1..).unwrap_or_default().to_vec();
    Some((id, token, Request { code, path, payload }))
}
