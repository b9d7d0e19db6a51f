//! Random bytes of the operating system.

use crate::error::Error;
use enos_core::ErrorKind;

/// 32 random bytes, the seed of one engine.
pub(crate) fn seed() -> Result<[u8; 32], Error> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(|error| {
        let text = format!("the operating system gives no random bytes: {error}. Try again later.");
        Error::new(ErrorKind::Internal, text)
    })?;
    Ok(seed)
}
