//! The Rust driver, which cargo has built along with this test.

use std::path::PathBuf;

use super::Places;

pub(super) fn build(_places: &Places) -> Result<Vec<PathBuf>, String> {
    Ok(vec![PathBuf::from(env!("CARGO_BIN_EXE_driver-rust"))])
}
