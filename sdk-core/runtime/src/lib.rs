//! EnOS devices on operating systems.
#![forbid(unsafe_code)]

mod dial;
mod error;
mod link;
mod os;
mod proxy;
mod secret;
mod tls;

pub use error::Error;
pub use proxy::Proxy;
pub use secret::{FileSecretStore, MemorySecretStore, Secret, SecretStore};
pub use tls::Tls;
