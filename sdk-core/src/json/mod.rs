//! JSON without allocation: a writer into the caller's slice and a pull reader over received bytes.
//!
//! Owns the text form of values and measurepoints (`payloads.md §2.1`) and strict RFC 8259 reading. Refuses
//! to know an envelope or a method name, and to build a tree.

mod convert;
mod float;
mod read;
mod text;
mod write;

pub use read::{Elements, JsonError, JsonErrorKind, JsonKind, MAX_READ_DEPTH, Members, Raw};
pub use text::Text;
pub use write::{
    BadValue, JsonWriter, MAX_DEPTH, Point, Value, check_value, write_f64, write_point, write_value,
};

#[cfg(test)]
mod tests;
