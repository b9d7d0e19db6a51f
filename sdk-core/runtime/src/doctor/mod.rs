//! The doctor: walks a client's own way to the hub and back, and says which step fails, why, and what to do.
//!
//! Owns the order of the steps, the words about them, and the two forms of the report. Refuses a way of its own: look-up,
//! TCP, proxy and TLS go through the client's dialler and its TLS settings (without remembered sessions, so that all
//! certificates are shown and checked), the sign-in through an engine made of the client's own settings.
//!
//! **It changes nothing at the hub.** The reply that it waits for is one to `thing.tag.query` for a tag that nobody
//! sets. PINGREQ would show only that something speaks MQTT; this shows that the cloud behind it knows the device and
//! answers, and it stores nothing. Every reply counts, a refusal of the query too.
//!
//! **The client's session is not disturbed.** EnOS keeps one session for a device: who signs in second throws the
//! first out. So a client that is online is asked to send the query itself, and a second connection goes no further
//! than TLS; one that is connecting is asked to connect now, as [`connect`](crate::Client::connect) does. Only for an
//! idle client the doctor signs in, once, and signs off. Commands that wait for the device come with any sign-in; they
//! go to the client's handlers. A session kept with clean session off is resumed and stays.
//!
//! **The dial budget holds.** That one sign-in counts against the client's budget (4 in 120 s); if it is used up, the
//! doctor does not sign in and says how long to wait. Other processes' sign-ins it cannot know: they show as CONNACK 3.
//!
//! **Nothing is activated unasked.** A device that has to be activated is not signed in: the hub answers a sign-in
//! with the product's secret by handing out the device's, which it may do only once, and the doctor would have to keep
//! it. The way up to TLS is walked; what the client's own last attempt was told is repeated.
//!
//! **The clock** is compared with the dates of the hub's certificate. The hub's own time cannot be known: neither MQTT
//! nor EnOS tells it.
//!
//! No secret gets into a report: none is put in, and the known ones are taken out of whatever peers have said.

mod cause;
mod elsewhere;
mod network;
mod report;
mod session;
mod show;
mod walk;

pub use cause::Cause;
pub use report::{Report, Session, Stage, Status, Step};

pub(crate) use elsewhere::{examine_elsewhere, examine_or_leave, examine_settings_or_leave};
pub(crate) use walk::{examine, examine_settings};

use std::time::Duration;

/// The longest time of a diagnosis, unless told otherwise; also what zero means.
pub const TIMEOUT: Duration = Duration::from_secs(10);
