//! `enos_engine`: the engine of `enos_core` behind a C ABI, for firmware and for programs with an event loop of their own.
//!
//! Owns names, layouts, and the border: the caller's block of memory is cut up, pointers are checked, outputs become a
//! tag and pointer/length pairs. Refuses protocol logic, defaults of the protocol, a heap, an operating system, and a
//! boundary for panics: the core has none on the bytes of a peer, and whoever links this has no unwinder.
//!
//! `include/enos_engine.h` is made of this crate; its text is the documentation of every function.
#![no_std]
#![allow(non_camel_case_types, reason = "the names are C's")]
#![allow(clippy::missing_safety_doc, reason = "the header's first page says what holds for every pointer")]

mod config;
mod engine;
#[cfg(feature = "freestanding")]
mod fault;
mod input;
mod memory;
mod message;
mod output;
mod request;
mod scratch;
mod stats;
mod status;
mod value;

pub use config::{
    ENOS_LOGIN_DEVICE_SECRET, ENOS_LOGIN_DYNAMIC_ACTIVATION, ENOS_LOGIN_NONE, enos_engine_config_init,
    enos_engine_config_t,
};
pub use engine::{
    ENOS_ENGINE_NO_CLOCK, enos_engine_end, enos_engine_init, enos_engine_now_t, enos_engine_size,
    enos_engine_t,
};
pub use enos_border::enos_str_t;
pub use input::{
    ENOS_ENGINE_LINK_CONNECT, ENOS_ENGINE_LINK_HUNG_UP, ENOS_ENGINE_LINK_LOST, ENOS_ENGINE_LINK_PEER_CLOSED,
    ENOS_ENGINE_LINK_REPLACED, ENOS_ENGINE_LINK_RESOLVE, ENOS_ENGINE_LINK_TIMEOUT, ENOS_ENGINE_LINK_TLS,
    enos_engine_link_down, enos_engine_link_up, enos_engine_receive_buffer, enos_engine_received,
    enos_engine_sent, enos_engine_stored,
};
pub use message::enos_engine_message;
pub use output::{
    ENOS_ENGINE_ACTIVATED, ENOS_ENGINE_CLOSED, ENOS_ENGINE_COMMAND, ENOS_ENGINE_CONNECT_FAILED,
    ENOS_ENGINE_CONNECTING, ENOS_ENGINE_DIAL, ENOS_ENGINE_HANG_UP, ENOS_ENGINE_NEVER, ENOS_ENGINE_OFFLINE,
    ENOS_ENGINE_ONLINE, ENOS_ENGINE_OTHER_EVENT, ENOS_ENGINE_SETTLED, ENOS_ENGINE_SSL, ENOS_ENGINE_STORE,
    ENOS_ENGINE_TCP, ENOS_ENGINE_TRANSMIT, ENOS_ENGINE_WAIT, ENOS_ENGINE_WARNING, enos_engine_as_t,
    enos_engine_command_t, enos_engine_deadline, enos_engine_dial_t, enos_engine_failure_t,
    enos_engine_output_init, enos_engine_output_t, enos_engine_poll_output, enos_engine_settled_t,
    enos_engine_store_t, enos_engine_transmit_t, enos_engine_wait_t, enos_engine_warning_t,
};
pub use request::{
    ENOS_ENGINE_FOREVER, ENOS_ENGINE_ROOT, ENOS_INVOCATION_MEASUREPOINT_GET,
    ENOS_INVOCATION_MEASUREPOINT_SET, ENOS_INVOCATION_OTHER, ENOS_INVOCATION_SERVICE, enos_engine_close,
    enos_engine_connect, enos_engine_handle, enos_engine_post_measurepoints, enos_engine_reply,
    enos_engine_reply_values, enos_engine_unhandle,
};
pub use stats::{enos_engine_stats, enos_engine_stats_init, enos_engine_stats_t};
pub use status::{ENOS_OK, enos_status_t};
pub use value::{
    ENOS_TYPE_ARRAY, ENOS_TYPE_BOOL, ENOS_TYPE_DOUBLE, ENOS_TYPE_INT, ENOS_TYPE_NULL, ENOS_TYPE_STR,
    ENOS_TYPE_STRUCT, enos_array_t, enos_as_t, enos_point_t, enos_struct_t, enos_value_t,
};
