//! What the benchmark programs share: child processes, machine facts, samples, and a small MQTT codec.
//!
//! Only `pair`, `peers` and `instructions` use the SDK: the responder and the load generator stand apart from what is measured.

pub mod client;
pub mod foreign;
pub mod instructions;
pub mod job;
pub mod load;
pub mod machine;
pub mod mqtt;
pub mod pair;
pub mod payload;
pub mod peers;
pub mod plan;
pub mod process;
pub mod programs;
pub mod report;
pub mod rows;
pub mod sample;

/// Any failure of a benchmark; its text is all that is needed.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// What a step of a benchmark gives.
pub type Outcome<T> = Result<T, Failure>;
