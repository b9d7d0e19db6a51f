//! Random scripts of driver, hub and host against the engine over CoAP, over both memories.

#[path = "../fuzz/src/coap_session.rs"]
mod play;

use enos_core::Limits;
use enos_core::engine::{Memory, Room};
use proptest::prelude::*;

/// What libFuzzer found to reach all of the session (`fuzz/corpus/coap_session`), over all memories.
#[test]
fn the_corpus() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/coap_session");
    let mut count = 0;
    for file in std::fs::read_dir(folder).expect("the corpus") {
        let script = std::fs::read(file.expect("a file").path()).expect("a script");
        let mut board = Box::new(Room::<4096, 1040, 2048, 4, 2>::new());
        let mut least = Box::new(Room::<1500, 300, 300, 1, 1>::new());
        play::coap_session(board.lend(), &script);
        play::coap_session(least.lend(), &script);
        play::coap_session(Memory::heap(&Limits::DEFAULT), &script);
        count += 1;
    }
    assert!(count >= 10, "{count} scripts only");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_comes_on_lent_memory(script in proptest::collection::vec(any::<u8>(), 0..2_000)) {
        let mut board = Box::new(Room::<4096, 1040, 2048, 4, 2>::new());
        play::coap_session(board.lend(), &script);
    }

    #[test]
    fn whatever_comes_on_the_heap(script in proptest::collection::vec(any::<u8>(), 0..2_000)) {
        let limits = Limits { receive: 6_000, transmit: 2_000, outbox: 9_000, requests: 6, calls: 3, ..Limits::DEFAULT };
        play::coap_session(Memory::heap(&limits), &script);
    }
}
