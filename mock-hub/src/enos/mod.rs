//! The vendor's vocabulary: client ids, signatures, topics and envelopes, read leniently and written strictly.
//!
//! Pure functions over text. It knows no socket, no store and no rule about who may do what.

pub(crate) mod client_id;
pub(crate) mod json;
pub(crate) mod payload;
pub(crate) mod sign;
pub(crate) mod topic;

#[cfg(test)]
mod vector_tests;
