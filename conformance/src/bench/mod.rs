//! What the benchmark programs share: child processes, machine facts, samples, and a small MQTT codec.
//!
//! Only `engine` uses the SDK: the responder and the raw-socket floor stand apart from what they measure.

pub mod engine;
pub mod machine;
pub mod mqtt;
pub mod payload;
pub mod process;
pub mod report;
pub mod sample;

/// Any failure of a benchmark; its text is all that is needed.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// What a step of a benchmark gives.
pub type Outcome<T> = Result<T, Failure>;
