//! The generated page.

use std::fmt::Write;

use super::{Case, Mark, Rules};

/// `REQUIREMENTS.md`: every rule with its source and its tests.
pub fn page(rules: &Rules, marks: &[Mark]) -> String {
    let bad = rules.rules.iter().filter(|rule| rule.case == Case::Bad).count();
    let mut page = format!(
        "# Requirements\n\nGenerated from `requirements/*.toml` and the marks of the tests: `cargo run -p conformance --bin requirements -- write`.\n\n\
         {} rules, {bad} of them proved by bad input or a wrong peer; {} marks of tests.\n\n\
         | id | source | case | rule | tests |\n|---|---|---|---|---|\n",
        rules.rules.len(),
        marks.len()
    );
    for rule in &rules.rules {
        let tests: Vec<_> =
            marks.iter().filter(|mark| mark.id == rule.id).map(|mark| format!("`{}`", mark.test)).collect();
        let case = if rule.case == Case::Bad { "bad" } else { "good" };
        let text = rule.text.replace('|', "\\|");
        let _ = writeln!(page, "| {} | {} | {case} | {text} | {} |", rule.id, rule.source, tests.join(" "));
    }
    page.push_str("\n## Left out\n\nStatements that neither a device nor this hub can break.\n\n| statements | why |\n|---|---|\n");
    for left_out in &rules.left_out {
        let _ = writeln!(page, "| {} | {} |", left_out.ids.join(" "), left_out.why);
    }
    page.push_str("\n## Later\n\nRules of capabilities that do not exist yet; not counted.\n\n| source | about | comes with |\n|---|---|---|\n");
    for later in &rules.later {
        let _ = writeln!(page, "| {} | {} | {} |", later.source, later.text, later.capability);
    }
    page
}
