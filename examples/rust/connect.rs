//! Signs a device in, tells what happens to its connection, signs it off.
#![forbid(unsafe_code)]

use std::time::Duration;

use enos_runtime::{Error, Lifecycle};
use examples::Flags;

fn main() -> Result<(), Error> {
    let flags = Flags::read();
    let client = flags.client()?;
    client.on_lifecycle(|step| match step {
        Lifecycle::Connecting => println!("connecting"),
        Lifecycle::Online => println!("online"),
        Lifecycle::ConnectFailed { error, .. } => println!("failed: {error}"),
        Lifecycle::Offline { .. } => println!("offline"),
        Lifecycle::Closed => println!("closed"),
        _ => {}
    })?;
    client.connect(Duration::from_secs(10))?;
    client.close(Duration::from_secs(2))
}
