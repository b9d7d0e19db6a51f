//! A device played by rumqttc, the second implementation of MQTT in this repository.

use std::net::SocketAddr;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rumqttc::{Client, Connection, Event, MqttOptions, Packet, Publish, QoS};
use sha2::{Digest, Sha256};

const PATIENCE: Duration = Duration::from_secs(20);

/// A connection and its loop.
pub(crate) struct Device {
    pub(crate) client: Client,
    connection: Connection,
}

/// Why nothing came.
#[derive(Debug)]
pub(crate) enum Nothing {
    Late,
    Broken(String),
}

impl Device {
    /// Starts connecting as a device that signs as `auth.md` §1 and §2 say.
    pub(crate) fn signed(
        address: SocketAddr,
        product_key: &str,
        device_key: &str,
        mode: u8,
        secret: &str,
    ) -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock").as_millis();
        let content =
            format!("clientId{device_key}deviceKey{device_key}productKey{product_key}timestamp{now}{secret}");
        let sign: String =
            Sha256::digest(content.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
        let client_id = format!("{device_key}|securemode={mode},signmethod=sha256,timestamp={now}|");
        Self::plain(address, &client_id, Some((&format!("{device_key}&{product_key}"), &sign)))
    }

    /// Starts connecting with these credentials, or with none.
    pub(crate) fn plain(address: SocketAddr, client_id: &str, credentials: Option<(&str, &str)>) -> Self {
        Self::start(MqttOptions::new(client_id, address.ip().to_string(), address.port()), credentials)
    }

    /// Starts connecting to a session that outlives its connection (clean session false).
    pub(crate) fn lasting(address: SocketAddr, client_id: &str) -> Self {
        let mut options = MqttOptions::new(client_id, address.ip().to_string(), address.port());
        options.set_clean_session(false);
        Self::start(options, None)
    }

    fn start(mut options: MqttOptions, credentials: Option<(&str, &str)>) -> Self {
        if let Some((name, password)) = credentials {
            options.set_credentials(name, password);
        }
        options.set_keep_alive(Duration::from_secs(60));
        options.set_max_packet_size(2 * 1024 * 1024, 2 * 1024 * 1024);
        let (client, connection) = Client::new(options, 100);
        Self { client, connection }
    }

    /// Waits for the next packet for which `pick` gives something.
    pub(crate) fn wait<T>(&mut self, mut pick: impl FnMut(&Packet) -> Option<T>) -> Result<T, Nothing> {
        let until = Instant::now() + PATIENCE;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            match self.connection.recv_timeout(left) {
                Ok(Ok(Event::Incoming(packet))) => {
                    if let Some(found) = pick(&packet) {
                        return Ok(found);
                    }
                }
                Ok(Ok(_)) => {}
                Ok(Err(error)) => return Err(Nothing::Broken(error.to_string())),
                Err(_) => return Err(Nothing::Late),
            }
        }
    }

    /// Waits until it is connected.
    pub(crate) fn connected(mut self) -> Self {
        self.wait(|packet| matches!(packet, Packet::ConnAck(_)).then_some(())).expect("CONNACK 0");
        self
    }

    /// Subscribes and waits for the answer.
    pub(crate) fn subscribed(mut self, topics: &[String]) -> Self {
        for topic in topics {
            self.client.subscribe(topic, QoS::AtLeastOnce).expect("room for a request");
            self.wait(|packet| matches!(packet, Packet::SubAck(_)).then_some(())).expect("SUBACK");
        }
        self
    }

    /// Waits for a message on this topic; its payload as JSON.
    pub(crate) fn message(&mut self, topic: &str) -> serde_json::Value {
        let publish = self.publish(|publish| publish.topic == topic);
        serde_json::from_slice(&publish.payload).expect("a payload in JSON")
    }

    /// Waits for a message that is wanted.
    pub(crate) fn publish(&mut self, mut is: impl FnMut(&Publish) -> bool) -> Publish {
        let found = self.wait(|packet| match packet {
            Packet::Publish(publish) if is(publish) => Some(publish.clone()),
            _ => None,
        });
        found.expect("a message")
    }

    /// Sends a message at QoS 1.
    pub(crate) fn send(&self, topic: &str, payload: impl Into<Vec<u8>>) {
        self.client.publish(topic, QoS::AtLeastOnce, false, payload).expect("room for a request");
    }
}
