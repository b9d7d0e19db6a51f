//! What `enos.h` and `enos_engine.h` have in common: the types that both declare, and the reading of what a C program
//! points to.
//!
//! Owns layouts, and the checks of what only C can get wrong: NULL, alignment, lengths, UTF-8, tags. Refuses functions
//! of the ABI, a heap, an operating system, and every rule about what a value means: those are the core's.
#![no_std]
#![allow(non_camel_case_types, reason = "the names are C's")]

#[cfg(test)]
extern crate std;

mod misuse;
mod read;
mod text;
mod value;

pub use misuse::Misuse;
pub use read::{Reader, Room};
pub use text::{Border, ENOS_OK, enos_status_t, enos_str_t, status_of};
pub use value::{
    ENOS_TYPE_ARRAY, ENOS_TYPE_BOOL, ENOS_TYPE_DOUBLE, ENOS_TYPE_INT, ENOS_TYPE_NULL, ENOS_TYPE_STR,
    ENOS_TYPE_STRUCT, enos_array_t, enos_as_t, enos_point_t, enos_struct_t, enos_value_t,
};
