//! Every rule has a test that names it, half of them with bad input, and the page tells it.
//!
//! Whether those tests ran and passed is checked behind all of them: `requirements check` in `.ci/run`.

use std::path::Path;

use conformance::requirements::{self, Case, Rules};

#[test]
fn every_rule_has_its_test_and_the_page_tells_it() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let rules = Rules::load(&folder.join("requirements")).expect("the rows");
    let marks = requirements::marks(folder.parent().expect("the root")).expect("the marks");
    let faults = requirements::faults(&rules, &marks);
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
    let bad = rules.rules.iter().filter(|rule| rule.case == Case::Bad).count();
    println!("{} rules, {bad} by bad input, {} marks", rules.rules.len(), marks.len());
    assert!(rules.rules.len() >= 250 && 2 * bad >= rules.rules.len());
    let committed = std::fs::read_to_string(folder.join("REQUIREMENTS.md")).unwrap_or_default();
    assert!(
        committed == requirements::page(&rules, &marks),
        "REQUIREMENTS.md is not what rows and tests say. Fix: cargo run -p conformance --bin requirements -- write"
    );
}
