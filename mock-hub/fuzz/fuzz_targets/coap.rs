//! Fuzz target: `packet` of `mock_hub::fuzz`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mock_hub::fuzz::run("coap", data));
