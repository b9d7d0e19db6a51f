//! What a world did, line by line: the same seed gives the same bytes.

use std::fmt::Write as _;

use super::seen::{Fact, Seen};

/// A trace is kept only when somebody wants to read it.
#[derive(Debug, Default)]
pub(super) struct Trace(Option<String>);

impl Trace {
    pub(super) fn new(kept: bool) -> Self {
        Self(kept.then(String::new))
    }

    pub(super) fn fact(&mut self, fact: &Fact<'_>) {
        let Some(text) = &mut self.0 else { return };
        // Nothing can be seen in these that does not stand in another line.
        if matches!(fact.seen, Seen::Wait(_) | Seen::Transmit(_)) {
            return;
        }
        let Fact { now, client, device, seen } = fact;
        if *client == usize::MAX {
            let _ = writeln!(text, "{now:>9}        {seen:?}");
        } else {
            let _ = writeln!(text, "{now:>9} c{client} d{device}  {seen:?}");
        }
    }

    pub(super) fn note(&mut self, now: u64, note: impl FnOnce() -> String) {
        if let Some(text) = &mut self.0 {
            let _ = writeln!(text, "{now:>9}  --    {}", note());
        }
    }

    pub(super) fn into_text(self) -> String {
        self.0.unwrap_or_default()
    }
}
