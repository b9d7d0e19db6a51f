//! Fuzz target: `client_id` of `mock_hub::fuzz`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mock_hub::fuzz::run("client_id", data));
