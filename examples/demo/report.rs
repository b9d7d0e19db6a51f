//! The transcript: what was tried, and whether the hub's REST interface confirmed it.

use std::fmt::Display;

/// Counts the steps.
#[derive(Default)]
pub(crate) struct Report {
    confirmed: u32,
    failed: u32,
}

impl Report {
    /// A heading.
    pub(crate) fn part(&self, title: &str) {
        println!("\n{title}");
    }

    /// Something that is told and not judged.
    pub(crate) fn note(&self, text: impl Display) {
        println!("      {text}");
    }

    /// A step that the hub was asked about.
    pub(crate) fn step(&mut self, what: impl Display, confirmed: bool, seen: impl Display) {
        if confirmed {
            self.confirmed += 1;
            println!("  ok  {what}: {seen}");
        } else {
            self.failed += 1;
            println!("FAIL  {what}: {seen}");
        }
    }

    /// The last line. True if nothing failed.
    pub(crate) fn close(self) -> bool {
        println!("\ndemo: {} steps confirmed, {} failed", self.confirmed, self.failed);
        self.failed == 0
    }
}
