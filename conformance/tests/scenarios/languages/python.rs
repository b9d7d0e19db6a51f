//! The Python driver: the package and the driver as they lie, with the `lib_native.so` that cargo has built.

use std::path::PathBuf;

use conformance::python;

use super::Places;

pub(super) fn build(places: &Places) -> Result<Vec<PathBuf>, String> {
    let interpreter = python::system()?;
    let packages = places.output.join("packages");
    python::package(&places.root, &places.built, &packages)?;
    let driver = places.root.join("conformance/drivers/python/driver.py");
    // Nothing is written beside the sources; the package is found by its path, and no other of the same name.
    let start =
        format!("import sys; sys.path[:0] = [{packages:?}, {:?}]; import driver", driver.with_file_name(""));
    let words = ["-B", "-X", "utf8", "-W", "error", "-c", &start];
    Ok(std::iter::once(interpreter).chain(words.iter().map(PathBuf::from)).collect())
}
