//! What is kept of a refusal for those who ask for the text.

use enos_core::Error;
use enos_core::engine::{RequestError, Warning};

pub use enos_border::{ENOS_OK, enos_status_t};
pub(crate) use enos_border::{Misuse, status_of};

/// The last thing that went wrong, as it was told.
#[derive(Clone, Copy)]
pub(crate) enum Last {
    Nothing,
    Misuse(Misuse),
    Request(RequestError),
    Error(Error),
    Warning(Warning),
}
