//! EnOS devices on operating systems: sockets, TLS, threads and files around the engine of `enos_core`.
//!
//! ```no_run
//! use enos_runtime::{Client, Login, Point};
//! use std::time::Duration;
//!
//! let client = Client::builder("ssl://hub.example:18883")
//!     .login(Login::device_secret("product-key", "device-key", "device-secret"))
//!     .build()?;
//! client.on_service("reboot", |_call, reply| reply.ok(&[("accepted", true.into())]))?;
//! client.connect(Duration::from_secs(10))?;
//! client.post_measurepoints(&[Point::new("temp", 21.5)])?;
//! client.close(Duration::from_secs(2))?;
//! # Ok::<(), enos_runtime::Error>(())
//! ```
//!
//! Every verb exists first as a submission with a completion callback (`submit_…`); the blocking one is a shell
//! over it. Callbacks of one client run in order, one at a time, never under a lock and never on the I/O thread, so
//! they may call anything here.
#![forbid(unsafe_code)]

mod client;
mod command;
mod device;
mod dial;
pub mod doctor;
mod drive;
mod error;
mod inner;
pub mod inspect;
mod jobs;
mod lifecycle;
mod link;
mod login;
mod os;
mod proxy;
mod reactor;
mod recipe;
mod runtime;
mod secret;
mod tls;
mod waiter;

pub use client::{Client, ClientBuilder};
pub use command::{Invocation, InvocationKind, Registration, Responder};
pub use device::{Delivery, Device, Pending, PostOptions};
pub use error::Error;
pub use lifecycle::Lifecycle;
pub use login::Login;
pub use proxy::Proxy;
pub use runtime::Runtime;
pub use secret::{FileSecretStore, MemorySecretStore, Secret, SecretStore};
pub use tls::Tls;

pub use enos_core::engine::{AnswerData, RequestId, Stats, WakeReport};
pub use enos_core::json::{Point, Value};
pub use enos_core::{ErrorKind, Limits};
