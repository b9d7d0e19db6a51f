//! What the examples share: command-line flags and printed lines, the same in every language.
#![forbid(unsafe_code)]
