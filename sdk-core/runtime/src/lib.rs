//! The EnOS device SDK for operating systems.
#![forbid(unsafe_code)]
