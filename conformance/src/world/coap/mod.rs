//! The world over CoAP: the SDK's engine, the hub's CoAP socket and a network of datagrams, in one thread and on virtual
//! time, drawn from one number.
//!
//! Nearly a third of all datagrams is lost, some come twice, all take their own time and so overtake each other; devices
//! change their addresses in the middle of anything, the power goes, the hub starts again. [Named rules](rule_names) are
//! checked over all that can be seen, by a codec that neither side has. As in the world over MQTT, faults never stop in
//! a world for safety, and stop in one for liveness, where everything must drain then.

mod device;
mod network;
#[cfg(test)]
mod planted;
mod rules;
mod run;

pub use network::{Counts, Kind};
pub use rules::{Broken, names as rule_names};
pub use run::{Plan, Played, play};
