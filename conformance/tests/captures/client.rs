//! A client that sends bytes and reads packets; it shares no code with the SDK nor with the hub.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// How long anything may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// A PUBLISH as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) topic: String,
    pub(crate) qos: u8,
    pub(crate) dup: bool,
    pub(crate) retain: bool,
    pub(crate) payload: Vec<u8>,
}

/// One connection.
pub(crate) struct Client {
    stream: TcpStream,
    received: Vec<u8>,
    last_id: u16,
}

/// A packet: its first byte and what follows the length.
type Packet = (u8, Vec<u8>);

fn string(text: &str) -> Vec<u8> {
    let length = u16::try_from(text.len()).expect("a string of MQTT");
    [&length.to_be_bytes()[..], text.as_bytes()].concat()
}

fn packet(head: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![head];
    let mut length = body.len();
    while length >= 128 {
        bytes.push((length % 128) as u8 | 128);
        length /= 128;
    }
    bytes.push(length as u8);
    bytes.extend_from_slice(body);
    bytes
}

/// What a CONNECT carries.
pub(crate) struct Login<'a> {
    pub(crate) level: u8,
    pub(crate) flags: u8,
    pub(crate) keep_alive_s: u16,
    pub(crate) client_id: &'a str,
    pub(crate) user_name: &'a str,
    pub(crate) password: &'a str,
}

impl Client {
    /// Connects; gives the return code of the CONNACK, and whether a session was there.
    pub(crate) fn connect(address: SocketAddr, login: &Login<'_>) -> Result<(Self, u8, bool), String> {
        let stream = TcpStream::connect(address).map_err(|error| error.to_string())?;
        stream.set_nodelay(true).map_err(|error| error.to_string())?;
        stream.set_write_timeout(Some(PATIENCE)).map_err(|error| error.to_string())?;
        let mut client = Self { stream, received: Vec::new(), last_id: 0 };
        let name = if login.level == 3 { "MQIsdp" } else { "MQTT" };
        let mut body = string(name);
        body.extend([login.level, login.flags]);
        body.extend(login.keep_alive_s.to_be_bytes());
        for text in [login.client_id, login.user_name, login.password] {
            body.extend(string(text));
        }
        client.send(&packet(0x10, &body))?;
        match client.next()? {
            (0x20, ack) if ack.len() == 2 && ack[0] <= 1 => Ok((client, ack[1], ack[0] == 1)),
            other => Err(format!("no CONNACK came first but {other:02x?}")),
        }
    }

    fn send(&mut self, bytes: &[u8]) -> Result<(), String> {
        self.stream.write_all(bytes).map_err(|error| format!("cannot send: {error}"))
    }

    fn next_id(&mut self) -> [u8; 2] {
        self.last_id += 1;
        self.last_id.to_be_bytes()
    }

    /// The next packet.
    fn next(&mut self) -> Result<Packet, String> {
        let until = Instant::now() + PATIENCE;
        loop {
            if let Some(packet) = self.cut() {
                return Ok(packet);
            }
            let mut chunk = [0; 4096];
            match self.read(&mut chunk, until)? {
                0 => return Err("the hub closed the connection".to_owned()),
                count => self.received.extend_from_slice(&chunk[..count]),
            }
        }
    }

    fn read(&mut self, chunk: &mut [u8], until: Instant) -> Result<usize, String> {
        let left = until.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
        self.stream.set_read_timeout(Some(left)).map_err(|error| error.to_string())?;
        match self.stream.read(chunk) {
            Ok(count) => Ok(count),
            Err(error) if error.kind() == ErrorKind::ConnectionReset => Ok(0),
            Err(error) => Err(format!("nothing came within {PATIENCE:?}: {error}")),
        }
    }

    /// Cuts a whole packet out of what came.
    fn cut(&mut self) -> Option<Packet> {
        let (mut length, mut at) = (0usize, 1);
        loop {
            let byte = *self.received.get(at)?;
            length |= usize::from(byte & 0x7F) << (7 * (at - 1));
            at += 1;
            if byte & 0x80 == 0 {
                break;
            }
        }
        if self.received.len() < at + length {
            return None;
        }
        let head = self.received[0];
        let body = self.received[at..at + length].to_vec();
        self.received.drain(..at + length);
        Some((head, body))
    }

    /// Reads until a packet of this first byte comes; messages before it are kept in `heard`.
    fn until(&mut self, head: u8, heard: &mut Vec<Message>) -> Result<Vec<u8>, String> {
        loop {
            let (first, body) = self.next()?;
            if first == head {
                return Ok(body);
            }
            heard.push(self.message(first, &body)?);
        }
    }

    fn message(&mut self, head: u8, body: &[u8]) -> Result<Message, String> {
        if head & 0xF0 != 0x30 {
            return Err(format!("an unwanted packet: {head:02x} {body:02x?}"));
        }
        let cut = || -> Option<(String, &[u8])> {
            let (length, rest) = body.split_first_chunk::<2>()?;
            let (topic, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
            Some((String::from_utf8(topic.to_vec()).ok()?, rest))
        };
        let (topic, mut payload) = cut().ok_or("a PUBLISH that ends inside its topic")?;
        let qos = head >> 1 & 3;
        if qos > 0 {
            let (id, rest) = payload.split_at_checked(2).ok_or("a PUBLISH without its identifier")?;
            let ack = packet(0x40, id);
            payload = rest;
            self.send(&ack)?;
        }
        Ok(Message { topic, qos, dup: head & 8 != 0, retain: head & 1 != 0, payload: payload.to_vec() })
    }

    /// Subscribes; gives the codes of the SUBACK.
    pub(crate) fn subscribe(
        &mut self,
        filters: &[(&str, u8)],
        heard: &mut Vec<Message>,
    ) -> Result<Vec<u8>, String> {
        let id = self.next_id();
        let mut body = id.to_vec();
        for (filter, qos) in filters {
            body.extend(string(filter));
            body.push(*qos);
        }
        self.send(&packet(0x82, &body))?;
        let ack = self.until(0x90, heard)?;
        if ack.get(..2) != Some(&id[..]) {
            return Err(format!("a SUBACK of another packet: {ack:02x?}"));
        }
        Ok(ack[2..].to_vec())
    }

    /// Ends subscriptions.
    pub(crate) fn unsubscribe(&mut self, filters: &[&str], heard: &mut Vec<Message>) -> Result<(), String> {
        let id = self.next_id();
        let body = [id.to_vec(), filters.iter().flat_map(|filter| string(filter)).collect()].concat();
        self.send(&packet(0xA2, &body))?;
        let ack = self.until(0xB0, heard)?;
        if ack == id { Ok(()) } else { Err(format!("an UNSUBACK of another packet: {ack:02x?}")) }
    }

    /// Publishes; at QoS 1 it waits for the PUBACK.
    pub(crate) fn publish(
        &mut self,
        topic: &str,
        qos: u8,
        payload: &[u8],
        heard: &mut Vec<Message>,
    ) -> Result<(), String> {
        let id = if qos == 0 { Vec::new() } else { self.next_id().to_vec() };
        let body = [string(topic), id.clone(), payload.to_vec()].concat();
        self.send(&packet(0x30 | qos << 1, &body))?;
        if qos == 0 {
            return Ok(());
        }
        let ack = self.until(0x40, heard)?;
        if ack == id { Ok(()) } else { Err(format!("a PUBACK of another packet: {ack:02x?}")) }
    }

    /// The next message, of those kept or of those that come.
    pub(crate) fn hear(&mut self, heard: &mut Vec<Message>) -> Result<Message, String> {
        if !heard.is_empty() {
            return Ok(heard.remove(0));
        }
        let (head, body) = self.next()?;
        self.message(head, &body)
    }

    /// Tells that the connection lives and that all before this was read.
    pub(crate) fn ping(&mut self, heard: &mut Vec<Message>) -> Result<(), String> {
        self.send(&packet(0xC0, &[]))?;
        self.until(0xD0, heard).map(drop)
    }

    /// Disconnects and waits for the hub to close the connection.
    pub(crate) fn disconnect(mut self) -> Result<(), String> {
        self.send(&packet(0xE0, &[]))?;
        self.closed()
    }

    /// Waits for the hub to close the connection.
    pub(crate) fn closed(&mut self) -> Result<(), String> {
        let until = Instant::now() + PATIENCE;
        let mut chunk = [0; 256];
        match self.read(&mut chunk, until)? {
            0 => Ok(()),
            _ => Err(format!("a message instead of the end: {chunk:02x?}")),
        }
    }
}
