//! Posts measurepoints and shows what becomes of them.
#![forbid(unsafe_code)]

use std::time::Duration;

use enos_runtime::{Error, Point};
use examples::Flags;

fn main() -> Result<(), Error> {
    let client = Flags::read().client()?;
    client.connect(Duration::from_secs(10))?;

    // Returns when the hub has checked the points against the thing model and stored them.
    client.post_measurepoints(&[
        Point::new("temp", 21.5),
        Point::new("power", 1834.0).quality(0),
        Point::new("state", 2),
    ])?;
    println!("acknowledged");

    // What does not fit the model comes back as an error that names the hub's code.
    match client.post_measurepoints(&[Point::new("no_such_point", 1)]) {
        Ok(_) => println!("acknowledged"),
        Err(error) => println!("refused: kind {} code {}", error.kind.number(), error.hub_code),
    }

    client.close(Duration::from_secs(2))
}
