//! The EnOS device protocol as pure state machines: no I/O, no clock, no randomness, no threads.
//!
//! Layers, each using only those below it: [`engine`]; the features (sign-in, activation, measurepoints, commands);
//! the sessions (MQTT, CoAP); [`topic`], [`sign`], [`json`]; [`wire`], [`Error`], [`Limits`], [`Now`].
//! A driver brings links, time, entropy and storage: see [`engine`] for its loop.
#![no_std]
#![forbid(unsafe_code)]
// Without CoAP there is one kind of session.
#![cfg_attr(not(feature = "coap"), allow(irrefutable_let_patterns))]

#[cfg(feature = "alloc")]
extern crate alloc;

mod config;
pub mod engine;
mod error;
mod feature;
pub mod json;
mod limits;
mod region;
mod session;
pub mod sign;
mod time;
pub mod topic;
pub mod wire;

pub use config::{CoapConfig, Config, ConfigError, Hub, HubUrlError, Login, Scheme};
pub use error::{Cause, Error, ErrorKind, LinkFault};
pub use limits::{Limits, MAX_PAYLOAD};
pub use time::Now;

/// The driver's loop of the README compiles as it is printed.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub struct Readme;
