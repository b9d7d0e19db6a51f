//! A meter on NB-IoT that sleeps: it wakes, posts a reading, takes the commands that wait for it, and sleeps again.
//!
//! Its `--hub` is `coaps://host:5684`, or `coap://host:5683` in clear, where everybody on the way can read along.
#![forbid(unsafe_code)]

use std::sync::mpsc;
use std::time::Duration;

use enos_runtime::{Error, Point};
use examples::Flags;

/// Seconds here, hours in a meter.
const NAP: Duration = Duration::from_secs(1);

fn main() -> Result<(), Error> {
    // Nothing is sent between the posts, and the hub keeps the session for an hour of silence.
    let builder = Flags::read().builder()?.sleepy(true).coap_lifetime(Duration::from_secs(3_600));
    let client = builder.build()?;
    let (tell, told) = mpsc::channel();
    client.on_service("reboot", move |call, reply| {
        let _ = tell.send(call.params().to_owned());
        let _ = reply.ok(&[("accepted", true.into())]);
    })?;

    client.connect(Duration::from_secs(10))?;
    for reading in [1834.5, 1835.25] {
        client.post_measurepoints(&[Point::new("power", reading)])?;
        println!("posted {reading}");
        let report = client.sleep(Duration::from_secs(60))?;
        told.try_iter().for_each(|params| println!("reboot {params}"));
        println!(
            "asleep after {} datagrams ({} bytes) sent, {} ({} bytes) received, radio on for {} ms",
            report.datagrams_sent,
            report.bytes_sent,
            report.datagrams_received,
            report.bytes_received,
            report.radio_on_ms
        );
        std::thread::sleep(NAP);
    }
    client.close(Duration::from_secs(2))
}
