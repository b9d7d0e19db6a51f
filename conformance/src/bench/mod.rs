//! What the benchmark programs share: child processes, machine facts, samples, and a small MQTT codec.
//!
//! Only `pair` and `peers` use the SDK: the responder stands apart from what is measured.

pub mod client;
pub mod machine;
pub mod mqtt;
pub mod pair;
pub mod payload;
pub mod peers;
pub mod plan;
pub mod process;
pub mod report;
pub mod sample;

/// Any failure of a benchmark; its text is all that is needed.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// What a step of a benchmark gives.
pub type Outcome<T> = Result<T, Failure>;
