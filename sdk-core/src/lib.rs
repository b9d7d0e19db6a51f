//! The EnOS device protocol as pure state machines: no I/O, no clock, no randomness, no threads.
#![no_std]
#![forbid(unsafe_code)]

pub mod json;
pub mod sign;
pub mod topic;
pub mod wire;
