//! The proof that device SDK and mock hub speak EnOS: scenarios, drivers, strangers, benchmarks.
#![forbid(unsafe_code)]

pub mod bench;
pub mod bytes;
pub mod coap;
pub mod driver;
pub mod peer;
pub mod python;
pub mod quick_start;
pub mod requirements;
pub mod scenario;
pub mod vectors;
pub mod world;
