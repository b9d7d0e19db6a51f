//! Fuzz target: `coap_session::coap_session`.
#![no_main]

#[path = "../src/coap_session.rs"]
mod play;

use enos_core::engine::Room;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let mut board = Box::new(Room::<4096, 1040, 2048, 4, 2>::new());
    play::coap_session(board.lend(), data);
});
