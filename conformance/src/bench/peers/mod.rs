//! Those who are measured: each is a function that does one run, and a program of a few lines around it.

pub mod engine;
pub mod floor;
pub mod ours;
pub mod rumqttc;
pub mod rustls;
