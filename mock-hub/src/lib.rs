//! The cloud side of EnOS in one process, for development and CI.
//!
//! ```no_run
//! let hub = mock_hub::Hub::builder().ephemeral().seed_json(mock_hub::example_seed()).start()?;
//! println!("devices connect to tcp://{}", hub.mqtt());
//! # Ok::<(), mock_hub::StartError>(())
//! ```
#![forbid(unsafe_code)]

pub mod admin;
pub mod bare;
mod capture;
pub mod cli;
pub mod clock;
pub mod domain;
mod enos;
pub mod fabric;
mod fault;
mod front;
#[cfg(any(test, feature = "fuzz"))]
#[doc(hidden)]
pub mod fuzz;
mod hub;
mod journal;
mod metrics;
pub mod pki;
mod store;

pub use domain::example_seed;
pub use fault::KINDS as FAULT_KINDS;
pub use hub::{Builder, Hub, StartError};

/// The README's examples, kept compiling.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
