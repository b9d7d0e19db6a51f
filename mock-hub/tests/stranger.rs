//! A stock MQTT client against the hub: sign-in, post and reply, a message from the cloud, the refusal.
#![allow(clippy::unwrap_used, reason = "a failure is to panic")]

mod support;

use std::time::Duration;

use mock_hub::Hub;
use mock_hub::fabric::{DeviceId, Outbound};
use rumqttc::{AsyncClient, ConnectReturnCode, ConnectionError, Event, EventLoop, MqttOptions, Packet, QoS};
use support::{PATIENCE, POST};

fn stranger(hub: &Hub, login: &support::Login) -> (AsyncClient, EventLoop) {
    let mut options = MqttOptions::new(&*login.client_id, "127.0.0.1", hub.mqtt().port());
    options.set_credentials(&*login.user_name, &*login.password).set_keep_alive(Duration::from_secs(60));
    AsyncClient::new(options, 10)
}

/// Polls until an incoming packet satisfies `wanted`.
async fn until<T>(events: &mut EventLoop, wanted: impl Fn(Packet) -> Option<T>) -> T {
    let waiting = async {
        loop {
            if let Event::Incoming(packet) = events.poll().await.unwrap()
                && let Some(found) = wanted(packet)
            {
                return found;
            }
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.unwrap()
}

fn published(packet: Packet) -> Option<(String, Vec<u8>)> {
    match packet {
        Packet::Publish(publish) => Some((publish.topic, publish.payload.to_vec())),
        _ => None,
    }
}

#[tokio::test]
async fn it_signs_in_posts_and_takes_messages_with_and_without_a_subscription() {
    let hub = support::hub();
    let (client, mut events) = stranger(&hub, &support::device("pk1", "d1"));
    until(&mut events, |packet| {
        matches!(packet, Packet::ConnAck(ack) if ack.code == ConnectReturnCode::Success).then_some(())
    })
    .await;
    client.subscribe(format!("{POST}_reply"), QoS::AtLeastOnce).await.unwrap();
    until(&mut events, |packet| matches!(packet, Packet::SubAck(_)).then_some(())).await;
    client.publish(POST, QoS::AtLeastOnce, false, support::post("12", 3.5)).await.unwrap();
    let (topic, payload) = until(&mut events, published).await;
    assert_eq!(topic, format!("{POST}_reply"));
    let reply: serde_json::Value = serde_json::from_slice(&payload).unwrap();
    assert_eq!((reply["id"].as_str(), reply["code"].as_u64()), (Some("12"), Some(200)));
    let command =
        Outbound { topic: "/sys/pk1/d1/thing/service/reboot".into(), payload: b"{}".to_vec(), qos: 1 };
    hub.fabric().deliver(&DeviceId::new("pk1", "d1"), command).unwrap();
    assert_eq!(until(&mut events, published).await.0, "/sys/pk1/d1/thing/service/reboot");
    client.disconnect().await.unwrap();
}

#[tokio::test]
async fn it_is_told_why_it_is_refused() {
    let hub = support::hub();
    let (_client, mut events) = stranger(&hub, &support::login("pk1", "d1", 2, "wrong"));
    let error = tokio::time::timeout(PATIENCE, events.poll()).await.unwrap().unwrap_err();
    assert!(
        matches!(error, ConnectionError::ConnectionRefused(ConnectReturnCode::BadUserNamePassword)),
        "{error}"
    );
}
