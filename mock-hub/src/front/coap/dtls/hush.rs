//! Keeps the journal readable when a peer sends rubbish: the first lines of each minute are written, the rest counted.

/// Lines in a minute.
const LINES: u32 = 20;
const MINUTE_MS: u64 = 60_000;

/// What may still be written.
#[derive(Debug, Default)]
pub(super) struct Hush {
    minute: u64,
    said: u32,
    left_out: u64,
}

impl Hush {
    /// The line to write, if one may be written now; it tells how many were left out before it.
    pub(super) fn line(&mut self, now_ms: u64, text: impl FnOnce() -> String) -> Option<String> {
        let minute = now_ms / MINUTE_MS;
        if minute != self.minute {
            self.minute = minute;
            self.said = 0;
        }
        if self.said >= LINES {
            self.left_out += 1;
            return None;
        }
        self.said += 1;
        let text = text();
        Some(match std::mem::take(&mut self.left_out) {
            0 => text,
            count => format!("{text} ({count} lines of this kind were left out before)"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_has_so_many_lines() {
        let mut hush = Hush::default();
        let lines = (0..100).filter_map(|_| hush.line(5, || "x".to_owned())).count();
        assert_eq!(lines, 20);
        assert_eq!(
            hush.line(MINUTE_MS, || "y".to_owned()).unwrap(),
            "y (80 lines of this kind were left out before)"
        );
        assert_eq!(hush.line(MINUTE_MS, || "z".to_owned()).unwrap(), "z");
    }
}
