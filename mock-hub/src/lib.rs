//! The cloud side of EnOS in one process, for development and CI.
#![forbid(unsafe_code)]

pub mod clock;
pub mod domain;
mod enos;
pub mod fabric;
mod journal;
mod store;
