//! A scripted hub: enough of EnOS to sign devices in, activate them, answer posts and send commands.

use enos_core::sign;
use enos_core::wire::mqtt::{self, FixedHeader, Packet, Publish, QoS};
use serde_json::{Value, json};

pub const PRODUCT_SECRET: &str = "product-secret";
pub const DEVICE_SECRET: &str = "device-secret";

/// How the hub behaves, and what it has seen.
pub struct Hub {
    inbox: Vec<u8>,
    /// Bytes on their way to the device.
    pub out: Vec<u8>,
    close: bool,
    pub connack: u8,
    /// Keeps a session of a device that asks for one.
    pub keeps_session: bool,
    has_session: bool,
    pub answers_pings: bool,
    pub acknowledges: bool,
    pub replies: bool,
    /// The code of replies to posts.
    pub code: i64,
    /// The activation message is held back.
    pub mute_activation: bool,
    pub activated: bool,
    /// Modes of the CONNECTs, in order.
    pub modes: Vec<u8>,
    /// Stored posts: id and params.
    pub posts: Vec<(String, Value, bool)>,
    /// Parameters of tag queries.
    pub queries: Vec<String>,
    /// Answers to commands: topic and payload.
    pub answers: Vec<(String, Value)>,
    pub filters: Vec<String>,
    /// Grants subscriptions.
    pub grants: bool,
    pub subscribes: usize,
    pub pings: usize,
    pub said_goodbye: bool,
    next_id: u16,
    /// Packets one by one, in place of `out`: for a world that delays them each by itself.
    pub packets: Option<Vec<Vec<u8>>>,
    /// Messages at QoS 1 of a session that is kept, not yet acknowledged.
    unacknowledged: Vec<(u16, Vec<u8>)>,
}

impl Default for Hub {
    fn default() -> Self {
        Self::new()
    }
}

impl Hub {
    pub fn new() -> Self {
        Self {
            inbox: Vec::new(),
            out: Vec::new(),
            close: false,
            connack: 0,
            keeps_session: false,
            has_session: false,
            answers_pings: true,
            acknowledges: true,
            replies: true,
            code: 200,
            mute_activation: false,
            activated: false,
            modes: Vec::new(),
            posts: Vec::new(),
            queries: Vec::new(),
            answers: Vec::new(),
            filters: Vec::new(),
            grants: true,
            subscribes: 0,
            pings: 0,
            said_goodbye: false,
            next_id: 0,
            packets: None,
            unacknowledged: Vec::new(),
        }
    }

    pub fn link_up(&mut self) {
        self.inbox.clear();
        self.out.clear();
        self.close = false;
    }

    pub fn link_down(&mut self) {
        self.inbox.clear();
        self.out.clear();
    }

    pub fn wants_to_close(&self) -> bool {
        self.close && self.out.is_empty()
    }

    fn write(&mut self, len: usize, encode: impl FnOnce(&mut [u8]) -> Result<usize, enos_core::wire::Full>) {
        let mut packet = vec![0; len];
        let n = encode(&mut packet).unwrap();
        packet.truncate(n);
        self.send(packet);
    }

    fn send(&mut self, packet: Vec<u8>) {
        match &mut self.packets {
            Some(packets) => packets.push(packet),
            None => self.out.extend(packet),
        }
    }

    /// Sends a message to the device.
    pub fn publish(&mut self, topic: &str, payload: &[u8], qos: QoS) -> u16 {
        self.next_id = self.next_id % 60_000 + 1;
        let packet_id = if qos == QoS::AtMostOnce { 0 } else { self.next_id };
        let publish = Publish { dup: false, qos, retain: false, topic, packet_id, payload };
        self.write(topic.len() + payload.len() + 16, |room| mqtt::publish(room, &publish));
        if self.keeps_session && qos == QoS::AtLeastOnce {
            let mut again = vec![0; topic.len() + payload.len() + 16];
            let n = mqtt::publish(&mut again, &Publish { dup: true, ..publish }).unwrap();
            again.truncate(n);
            self.unacknowledged.push((packet_id, again));
        }
        packet_id
    }

    pub fn command(&mut self, id: &str, path: &str, params: Value) {
        self.command_at(QoS::AtLeastOnce, id, path, params);
    }

    pub fn command_at(&mut self, qos: QoS, id: &str, path: &str, params: Value) {
        let topic = format!("/sys/pk/dk/thing/service/{path}");
        let method = format!("thing.service.{}", path.replace('/', "."));
        let payload = json!({"id": id, "version": "1.0", "method": method, "params": params}).to_string();
        self.publish(&topic, payload.as_bytes(), qos);
    }

    pub fn activation_message(&mut self) {
        let payload = json!({"id": "90000000001", "version": "1.0", "method": "thing.activate.info",
            "params": {"assetId": "a1", "productKey": "pk", "deviceKey": "dk", "deviceSecret": DEVICE_SECRET}});
        self.publish(
            "/ext/session/pk/dk/thing/activate/info",
            payload.to_string().as_bytes(),
            QoS::AtMostOnce,
        );
    }

    pub fn on_bytes(&mut self, bytes: &[u8]) {
        self.inbox.extend_from_slice(bytes);
        while let Some(header) = FixedHeader::parse(&self.inbox).expect("the device sends valid MQTT") {
            if self.inbox.len() < header.total() {
                return;
            }
            let whole: Vec<u8> = self.inbox.drain(..header.total()).collect();
            self.on_packet(mqtt::decode(header, &whole[header.header_len..]).expect("valid MQTT"));
        }
    }

    fn on_packet(&mut self, packet: Packet<'_>) {
        match packet {
            Packet::Connect(connect) => {
                let (client, rest) = connect.client_id.split_once('|').unwrap();
                let rest = rest.strip_suffix('|').unwrap();
                let field = |name| rest.split(',').find_map(|f: &str| f.strip_prefix(name)).unwrap();
                let mode: u8 = field("securemode=").parse().unwrap();
                let stamp: u64 = field("timestamp=").parse().unwrap();
                assert_eq!(field("signmethod="), "sha256");
                assert_eq!((client, connect.username), ("dk", Some("dk&pk")));
                self.modes.push(mode);
                let secret = if mode == 3 { PRODUCT_SECRET } else { DEVICE_SECRET };
                let right = sign::mqtt_password(client, "dk", "pk", stamp, secret.as_bytes());
                let code = match self.connack {
                    0 if connect.password != Some(&right[..]) => 4,
                    0 if mode == 3 && self.activated => 5,
                    code => code,
                };
                let present = self.keeps_session && self.has_session && !connect.clean_session;
                self.has_session = self.keeps_session && !connect.clean_session;
                self.write(4, |room| mqtt::connack(room, present && code == 0, code));
                if !present {
                    self.unacknowledged.clear();
                } else if code == 0 {
                    for (_, packet) in self.unacknowledged.clone() {
                        self.send(packet);
                    }
                }
                if code != 0 {
                    self.close = true;
                    return;
                }
                if mode == 3 {
                    if !self.mute_activation {
                        self.activation_message();
                    }
                } else {
                    self.activated = true;
                }
            }
            Packet::Publish(publish) => self.on_publish(&publish),
            Packet::Subscribe(subscribe) => {
                self.subscribes += 1;
                let n = subscribe.filters().count();
                self.filters.extend(subscribe.filters().map(|(filter, _)| filter.to_owned()));
                let codes = vec![self.grants.then_some(QoS::AtLeastOnce); n];
                self.write(n + 8, |room| mqtt::suback(room, subscribe.packet_id, &codes));
            }
            Packet::PingReq => {
                self.pings += 1;
                if self.answers_pings {
                    self.write(2, mqtt::pingresp);
                }
            }
            Packet::Disconnect => {
                self.said_goodbye = true;
                self.close = true;
            }
            Packet::PubAck(id) => self.unacknowledged.retain(|(waits, _)| *waits != id),
            Packet::PubComp(_) => {}
            Packet::PubRec(id) => self.write(4, |room| mqtt::pubrel(room, id)),
            other => panic!("a device does not send {other:?}"),
        }
    }

    fn on_publish(&mut self, publish: &Publish<'_>) {
        let value: Value = serde_json::from_slice(publish.payload).unwrap();
        if self.acknowledges && publish.qos == QoS::AtLeastOnce {
            self.write(4, |room| mqtt::puback(room, publish.packet_id));
        }
        let query = publish.topic == "/sys/pk/dk/thing/tag/query";
        if query || publish.topic == "/sys/pk/dk/thing/measurepoint/post" {
            let id = value["id"].as_str().unwrap().to_owned();
            if self.replies {
                let message = if self.code == 200 { "" } else { "refused" };
                let mut reply = json!({"id": id, "code": self.code, "data": ""});
                if !message.is_empty() {
                    reply["message"] = message.into();
                }
                let topic = format!("{}_reply", publish.topic);
                self.publish(&topic, reply.to_string().as_bytes(), QoS::AtMostOnce);
            }
            if query {
                self.queries.push(value["params"].to_string());
            } else {
                self.posts.push((id, value["params"].clone(), publish.dup));
            }
        } else {
            if publish.topic.ends_with("/thing/activate/info_reply") && value["code"] == 200 {
                self.activated = true;
            }
            self.answers.push((publish.topic.to_owned(), value));
        }
    }
}
