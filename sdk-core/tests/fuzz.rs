//! A bounded run of every fuzz target: all seeds of `fuzz/corpus`, then mutations of them.
//!
//! The numbers are the same in every run. `ENOS_FUZZ_ROUNDS` sets how many mutations are tried.

#![allow(clippy::unwrap_used)]

#[path = "../fuzz/src/targets.rs"]
mod targets;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

/// xorshift64*.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % limit.max(1)
    }
}

fn seeds(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.iter().map(|file| std::fs::read(file).unwrap()).collect()
}

/// Changes, cuts, doubles or joins: one to four steps away from a seed.
fn mutate(random: &mut Random, seeds: &[Vec<u8>]) -> Vec<u8> {
    const TELLING: &[u8] = b"\x00\x01\x7F\x80\xC0\xED\xFF\"\\{}[],:/+#-0e_u";
    let mut bytes = seeds[random.below(seeds.len())].clone();
    for _ in 0..=random.below(4) {
        let at = random.below(bytes.len());
        match random.below(8) {
            0 if !bytes.is_empty() => bytes[at] ^= 1 << random.below(8),
            1 if !bytes.is_empty() => bytes[at] = TELLING[random.below(TELLING.len())],
            2 => bytes.insert(at, TELLING[random.below(TELLING.len())]),
            3 if !bytes.is_empty() => drop(bytes.remove(at)),
            4 => bytes.truncate(at),
            5 => {
                let other = &seeds[random.below(seeds.len())];
                bytes.truncate(at);
                bytes.extend_from_slice(&other[random.below(other.len())..]);
            }
            6 => {
                let piece = bytes[at..(at + random.below(9)).min(bytes.len())].to_vec();
                bytes.splice(at..at, piece);
            }
            _ if !bytes.is_empty() => bytes[at] = bytes[at].wrapping_add(1 + random.below(255) as u8),
            _ => {}
        }
    }
    bytes
}

fn run(name: &str, target: fn(&[u8])) {
    let rounds = std::env::var("ENOS_FUZZ_ROUNDS").map_or(200_000, |rounds| rounds.parse().unwrap());
    let seeds = seeds(name);
    assert!(seeds.len() >= 10, "{name} has {} seeds", seeds.len());
    let mut random = Random(0x9E37_79B9_7F4A_7C15);
    let mutations = (0..rounds).map(|_| mutate(&mut random, &seeds));
    for bytes in seeds.iter().cloned().chain(mutations) {
        if catch_unwind(AssertUnwindSafe(|| target(&bytes))).is_err() {
            panic!("{name} fails for {:?}", bytes.escape_ascii().to_string());
        }
    }
}

#[test]
fn mqtt() {
    run("mqtt", targets::mqtt);
}

#[test]
fn json() {
    run("json", targets::json);
}

#[test]
fn coap() {
    run("coap", targets::coap);
}

#[test]
fn topic() {
    run("topic", targets::topic);
}
