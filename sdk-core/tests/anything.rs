//! Random scripts of driver, hub and host against the engine, over both memories.

#[path = "../fuzz/src/engine.rs"]
mod play;

use enos_core::Limits;
use enos_core::engine::{Memory, Room};
use proptest::prelude::*;

/// What libFuzzer found to reach all of the engine (`fuzz/corpus/engine`), over all memories.
#[test]
fn the_corpus() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/engine");
    let mut count = 0;
    for file in std::fs::read_dir(folder).expect("the corpus") {
        let script = std::fs::read(file.expect("a file").path()).expect("a script");
        let (mut board, mut least) =
            (Room::<1024, 768, 768, 4, 1>::new(), Room::<256, 192, 200, 1, 1>::new());
        play::engine(board.lend(), &script);
        play::engine(least.lend(), &script);
        play::engine(Memory::heap(&Limits::DEFAULT), &script);
        count += 1;
    }
    assert!(count >= 100, "{count} scripts only");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_comes_on_lent_memory(script in proptest::collection::vec(any::<u8>(), 0..2_000)) {
        let mut board = Box::new(Room::<1024, 768, 768, 4, 1>::new());
        play::engine(board.lend(), &script);
    }

    #[test]
    fn whatever_comes_on_the_heap(script in proptest::collection::vec(any::<u8>(), 0..2_000)) {
        let limits = Limits { receive: 3_000, transmit: 2_000, outbox: 2_000, requests: 6, calls: 3, ..Limits::DEFAULT };
        play::engine(Memory::heap(&limits), &script);
    }

    /// As small as an engine of this configuration can be.
    #[test]
    fn whatever_comes_on_the_least_memory(script in proptest::collection::vec(any::<u8>(), 0..2_000)) {
        let mut board = Box::new(Room::<256, 192, 200, 1, 1>::new());
        play::engine(board.lend(), &script);
    }
}
