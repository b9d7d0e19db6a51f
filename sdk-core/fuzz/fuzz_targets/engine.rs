//! Fuzz target: `engine::engine`.
#![no_main]

#[path = "../src/engine.rs"]
mod play;

use enos_core::engine::Room;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let mut board = Box::new(Room::<1024, 768, 768, 4, 1>::new());
    play::engine(board.lend(), data);
});
