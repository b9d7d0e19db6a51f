//! One world, one seed: the SDK's engine, the hub's rules, its store and a network between them, in one process and
//! one thread, on virtual time.
//!
//! Everything that happens follows from one `u64`: devices and their habits, posts, commands, what breaks and when.
//! The engine is driven as any driver drives it, the hub is [`mock_hub::bare::BareHub`], both unchanged. After each
//! step [named invariants](invariant_names) are checked over all that can be seen. In [`Mode::Safety`] faults never
//! stop; in [`Mode::Liveness`] they do, and then everything must drain within a bound.
//!
//! A failing seed plays again, with its trace, by `ENOS_WORLD_SEED=… cargo test -p conformance --test world`.

mod application;
pub mod coap;
mod device;
mod disaster;
mod faults;
mod hub_side;
mod invariants;
mod network;
mod packet;
#[cfg(test)]
mod planted;
mod rng;
mod run;
mod seen;
mod trace;

pub use faults::{Counts, Kind};
pub use invariants::{Broken, names as invariant_names};
pub use run::{Mode, Plan, Played, play};
