//! The EnOS device protocol as pure state machines: no I/O, no clock, no randomness, no threads.
#![no_std]
#![forbid(unsafe_code)]
