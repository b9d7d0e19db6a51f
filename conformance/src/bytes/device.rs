//! The device whose posts are counted, over each transport; and its hub.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use enos_runtime::{Client, ClientBuilder, Lifecycle, Login, Point, Tls};
use mock_hub::Hub;
use mock_hub::fabric::DeviceId;

use super::Failure;
use super::capture::{Capture, HUB};

/// Longest wait for anything that takes milliseconds.
const PATIENCE: Duration = Duration::from_secs(20);
const PRODUCT: &str = "Tq4zR9Lw";
const DEVICE: &str = "t-1";
const SECRET: &str = "u8Yp2QvKs0t1";

/// Lets a device live over each transport, phase by phase.
pub(super) fn live(capture: &Capture) -> Result<(), Failure> {
    let at = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let [mqtt, mqtts, coap, coaps] = HUB.map(at);
    let hub = Hub::builder()
        .ephemeral()
        .mqtt(mqtt)
        .mqtts(mqtts)
        .coap(coap)
        .coaps(coaps)
        .seed_json(mock_hub::example_seed())
        .start()?;
    for scheme in ["coap", "coaps"] {
        let port = if scheme == "coap" { coap.port() } else { coaps.port() };
        over_coap(capture, scheme, &client(scheme, port, &hub).sleepy(true).build()?)?;
    }
    for scheme in ["tcp", "ssl"] {
        let port = if scheme == "tcp" { mqtt.port() } else { mqtts.port() };
        over_mqtt(capture, scheme, &hub, || client(scheme, port, &hub))?;
    }
    Ok(())
}

fn client(scheme: &str, port: u16, hub: &Hub) -> ClientBuilder {
    let builder = Client::builder(format!("{scheme}://127.0.0.1:{port}"))
        .login(Login::device_secret(PRODUCT, DEVICE, SECRET));
    if scheme == "ssl" { builder.tls(Tls::new().ca(hub.ca_pem())) } else { builder }
}

fn post(client: &Client) -> Result<(), Failure> {
    client.post_measurepoints(&[Point::new("temp", 21.5)])?;
    Ok(())
}

fn over_coap(capture: &Capture, scheme: &str, client: &Client) -> Result<(), Failure> {
    capture.phase(&format!("{scheme}.first"), || {
        client.connect(PATIENCE)?;
        post(client)?;
        client.sleep(PATIENCE)?;
        Ok(())
    })?;
    for number in 0..3 {
        capture.phase(&format!("{scheme}.post.{number}"), || {
            post(client)?;
            client.sleep(PATIENCE)?;
            Ok(())
        })?;
    }
    client.close(PATIENCE)?;
    capture.settle();
    Ok(())
}

fn over_mqtt(
    capture: &Capture,
    scheme: &str,
    hub: &Hub,
    builder: impl Fn() -> ClientBuilder,
) -> Result<(), Failure> {
    let once = builder().build()?;
    capture.phase(&format!("{scheme}.first"), || {
        once.connect(PATIENCE)?;
        post(&once)?;
        once.close(PATIENCE)?;
        Ok(())
    })?;
    let client = builder().build()?;
    let steps = steps(&client)?;
    client.connect(PATIENCE)?;
    online(&steps)?;
    capture.settle();
    for number in 0..3 {
        capture.phase(&format!("{scheme}.post.{number}"), || post(&client))?;
    }
    // The same client again: it has what the first handshake left. Its connection before is not counted.
    capture.phase(&format!("{scheme}.again!"), || {
        if !hub.fabric().cut(&DeviceId::new(PRODUCT, DEVICE), "cut for a new connection") {
            return Err("the device is not connected".into());
        }
        online(&steps)?;
        post(&client)?;
        client.close(PATIENCE)?;
        Ok(())
    })
}

/// The steps of a client's life.
fn steps(client: &Client) -> Result<Receiver<bool>, Failure> {
    let (out, steps) = channel();
    client.on_lifecycle(move |step| {
        // Nobody listens once the test is over.
        let _ = out.send(matches!(step, Lifecycle::Online));
    })?;
    Ok(steps)
}

/// Waits until it comes online.
fn online(steps: &Receiver<bool>) -> Result<(), Failure> {
    while !steps.recv_timeout(PATIENCE)? {}
    Ok(())
}
