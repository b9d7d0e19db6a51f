//! The day in `data` is what `make.py` makes.

use std::path::Path;
use std::process::Command;

#[test]
fn the_committed_day_is_what_make_py_makes() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("data");
    let output = Command::new("python3")
        .arg("make.py")
        .arg("--check")
        .current_dir(folder)
        .output()
        .expect("this test needs Python 3: install the package python3");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
