//! What a process with the library holds does not grow with what it has posted.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

mod support;

use mock_hub::Hub;
use support::{Language, Program};

/// Posts of one run, after the tenth that warms it up.
const POSTS: &str = "1000000";

#[test]
fn a_million_posts_leave_memory_as_it_was() {
    let hub = Hub::builder().ephemeral().seed_json(mock_hub::example_seed()).start().unwrap();
    let told = Program::new("many.c", Language::C99).output(&[&format!("tcp://{}", hub.mqtt()), POSTS]);
    let numbers: Vec<f64> = told.split_whitespace().map(|word| word.parse().unwrap()).collect();
    let [warm, end] = numbers[..] else { panic!("{told}") };
    println!("resident after {POSTS} posts: {end} kB; after a tenth of them: {warm} kB");
    assert!(end <= warm * 1.02, "from {warm} to {end} kB: it grows with what was posted");
}
