//! What the benchmark programs share: child processes, machine facts, samples, and a small MQTT codec.
//!
//! Nothing here uses the SDK, so that the responder and the raw-socket floor stand apart from what they measure.

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
