//! Takes commands: a service, and measurepoints that the cloud sets. Ends after three commands or a minute.
#![forbid(unsafe_code)]

use std::sync::mpsc;
use std::time::Duration;

use enos_runtime::{Error, Value};
use examples::Flags;

fn main() -> Result<(), Error> {
    let client = Flags::read().client()?;
    let (done, commands) = mpsc::channel();

    // Handlers come before connect, so that no early command is lost.
    let told = done.clone();
    client.on_service("reboot", move |call, reply| {
        println!("reboot {}", call.params());
        let delay = call.args()["delay"].as_i64().unwrap_or(0);
        let _ = if delay > 60 {
            reply.fail(2001, "delay too long") // a device's own codes start at 2000
        } else {
            reply.ok(&[("accepted", Value::Bool(true))])
        };
        let _ = told.send(());
    })?;
    client.on_measurepoint_set(move |call, reply| {
        println!("set {}", call.params());
        let _ = reply.ok(&[]);
        let _ = done.send(());
    })?;

    client.connect(Duration::from_secs(10))?;
    println!("waiting for commands");
    for _ in 0..3 {
        if commands.recv_timeout(Duration::from_secs(60)).is_err() {
            break;
        }
    }
    client.close(Duration::from_secs(2))
}
