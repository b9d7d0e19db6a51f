//! Rows of figures, the goals they are judged by, and how they are shown.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde_json::{Value, json};

use super::sample::{Sample, Spread};

/// The column that goals are set for.
pub const OURS: &str = "ours";

/// What our median of a row is held against.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Goal {
    /// A fixed value, in the row's unit.
    AtMost(f64),
    /// The same of another column that is ours.
    AtMostOf(&'static str, f64),
    /// A fixed value of what is better when it is larger.
    AtLeast(f64),
    /// A multiple of a peer's value; the ratio is taken run by run, since the machine's speed drifts.
    TimesPeer(f64, &'static str),
}

/// One printed row.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// `task.figure`: where the values are found.
    pub id: &'static str,
    /// What is measured, in words, unit included.
    pub what: &'static str,
    /// What is asked of us; may be empty.
    pub goals: &'static [Goal],
}

/// All samples of a benchmark, by task and peer, one place per round.
#[derive(Debug, Default)]
pub struct Results {
    samples: BTreeMap<(String, String), Vec<Option<Sample>>>,
    failures: Vec<String>,
    absent: BTreeMap<String, String>,
}

/// How one goal was met.
struct Judged {
    text: String,
    met: bool,
}

impl Results {
    /// Keeps what a peer's run of a task gave; a failure is kept as text and leaves the round's place empty.
    pub fn add(&mut self, task: &str, peer: &str, outcome: Result<Sample, String>) {
        let place = self.samples.entry((task.to_owned(), peer.to_owned())).or_default();
        match outcome {
            Ok(sample) => place.push(Some(sample)),
            Err(text) => {
                place.push(None);
                self.failures.push(format!("{task} by {peer}: {text}"));
            }
        }
    }

    /// A peer that is not there, and why; it has no values.
    pub fn leave_out(&mut self, peer: &str, why: &str) {
        self.absent.insert(peer.to_owned(), why.to_owned());
    }

    /// Peers that are not there, each with its reason.
    pub fn absent(&self) -> &BTreeMap<String, String> {
        &self.absent
    }

    /// What went wrong, one text each.
    pub fn failures(&self) -> &[String] {
        &self.failures
    }

    /// Goals that were judged, and how many of them were missed.
    pub fn verdict(&self, rows: &[Row]) -> (usize, usize) {
        let judged: Vec<Judged> = rows.iter().flat_map(|row| self.judge(row)).collect();
        (judged.len(), judged.iter().filter(|goal| !goal.met).count())
    }

    /// A table for people: a line per row, a column per peer, goals at the end.
    pub fn table(&self, rows: &[Row], peers: &[&str]) -> String {
        let mut lines = vec![
            std::iter::once("median (smallest–largest)")
                .chain(peers.iter().copied())
                .chain(std::iter::once("goal: reached"))
                .map(str::to_owned)
                .collect::<Vec<_>>(),
        ];
        for row in rows {
            let mut line = vec![row.what.to_owned()];
            line.extend(peers.iter().map(|peer| self.spread(row, peer).map_or("–".to_owned(), show_spread)));
            line.push(self.judge(row).into_iter().map(|goal| goal.text).collect::<Vec<_>>().join("; "));
            lines.push(line);
        }
        let widths: Vec<usize> = (0..=peers.len())
            .map(|column| {
                lines.iter().map(|line| line.get(column).map_or(0, |cell| cell.chars().count())).max()
            })
            .map(Option::unwrap_or_default)
            .collect();
        let mut text = String::new();
        for line in lines {
            let mut out = String::new();
            for (place, cell) in line.iter().enumerate() {
                let width = widths.get(place).copied().unwrap_or(0);
                // Writing to a String cannot fail.
                let _ = write!(out, "{cell:width$}  ");
            }
            text.push_str(out.trim_end());
            text.push('\n');
        }
        text
    }

    /// The same for programs, every run included.
    pub fn to_json(&self, rows: &[Row], peers: &[&str]) -> Value {
        let rows: Vec<Value> = rows
            .iter()
            .map(|row| {
                let values: serde_json::Map<String, Value> = peers
                    .iter()
                    .filter_map(|peer| {
                        let runs: Vec<f64> = self.runs(row, peer).into_iter().flatten().collect();
                        let Spread { median, min, max } = Spread::of(&runs)?;
                        let value = json!({"median": median, "min": min, "max": max, "runs": runs});
                        Some(((*peer).to_owned(), value))
                    })
                    .collect();
                let goals: Vec<Value> = self
                    .judge(row)
                    .into_iter()
                    .map(|goal| json!({"text": goal.text, "met": goal.met}))
                    .collect();
                json!({"id": row.id, "what": row.what, "values": values, "goals": goals})
            })
            .collect();
        json!({"rows": rows, "failures": self.failures, "absent": self.absent})
    }

    /// One value per round, empty where the run failed or has no such figure.
    fn runs(&self, row: &Row, peer: &str) -> Vec<Option<f64>> {
        let (task, figure) = row.id.split_once('.').unwrap_or((row.id, ""));
        let samples = self.samples.get(&(task.to_owned(), peer.to_owned()));
        samples.into_iter().flatten().map(|sample| sample.as_ref()?.get(figure)).collect()
    }

    fn spread(&self, row: &Row, peer: &str) -> Option<Spread> {
        Spread::of(&self.runs(row, peer).into_iter().flatten().collect::<Vec<_>>())
    }

    /// The row's goals; none where we have no value.
    fn judge(&self, row: &Row) -> Vec<Judged> {
        row.goals.iter().filter_map(|goal| self.judge_one(row, *goal)).collect()
    }

    fn judge_one(&self, row: &Row, goal: Goal) -> Option<Judged> {
        let (met, reached, text) = match goal {
            Goal::AtMost(limit) => {
                let reached = self.spread(row, OURS)?.median;
                (reached <= limit, reached, format!("≤ {}", show(limit)))
            }
            Goal::AtMostOf(column, limit) => {
                let reached = self.spread(row, column)?.median;
                (reached <= limit, reached, format!("{column} ≤ {}", show(limit)))
            }
            Goal::AtLeast(limit) => {
                let reached = self.spread(row, OURS)?.median;
                (reached >= limit, reached, format!("≥ {}", show(limit)))
            }
            Goal::TimesPeer(limit, peer) => {
                let pairs = self.runs(row, OURS).into_iter().zip(self.runs(row, peer));
                let ratios: Vec<f64> = pairs.filter_map(|(ours, peer)| Some(ours? / peer?)).collect();
                let reached = Spread::of(&ratios)?.median;
                (reached <= limit, reached, format!("≤ {} × {peer}", show(limit)))
            }
        };
        let word = if met { "ok" } else { "MISSED" };
        Some(Judged { text: format!("{text}: {} {word}", show(reached)), met })
    }
}

fn show_spread(spread: Spread) -> String {
    if spread.min == spread.max {
        show(spread.median)
    } else {
        format!("{} ({}–{})", show(spread.median), show(spread.min), show(spread.max))
    }
}

/// Three digits, as far as the value has them.
fn show(value: f64) -> String {
    let text = match value.abs() {
        size if size >= 100_000.0 => return format!("{:.0}k", value / 1000.0),
        size if size >= 100.0 => return format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    };
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROWS: [Row; 2] = [
        Row {
            id: "posts.cpu_us",
            what: "post: CPU µs",
            goals: &[Goal::TimesPeer(0.5, "rumqttc"), Goal::AtMost(2.0)],
        },
        Row { id: "burst.lost", what: "lost", goals: &[Goal::AtMost(0.0)] },
    ];

    fn results() -> Results {
        let mut results = Results::default();
        for (ours, rumqttc) in [(1.0, 4.0), (3.0, 2.0), (2.5, 10.0)] {
            results.add("posts", OURS, Ok(Sample::of("cpu_us", ours)));
            results.add("posts", "rumqttc", Ok(Sample::of("cpu_us", rumqttc)));
        }
        results
    }

    #[test]
    fn ratios_are_taken_run_by_run() {
        let results = results();
        assert_eq!(results.verdict(&ROWS), (2, 1));
        let table = results.table(&ROWS, &["rumqttc", OURS]);
        assert!(table.contains("≤ 0.5 × rumqttc: 0.25 ok; ≤ 2: 2.5 MISSED"), "{table}");
        assert!(table.contains("2.5 (1–3)"), "{table}");
    }

    #[test]
    fn a_failed_run_leaves_a_gap_and_a_text() {
        let mut results = results();
        results.add("burst", OURS, Err("no answer".to_owned()));
        assert_eq!(results.failures(), ["burst by ours: no answer"]);
        assert_eq!(results.verdict(&ROWS), (2, 1));
        let json = results.to_json(&ROWS, &["rumqttc", OURS]);
        assert_eq!(json["rows"][0]["values"]["ours"]["runs"].as_array().unwrap().len(), 3);
        assert!(json["rows"][1]["values"].as_object().unwrap().is_empty());
    }

    #[test]
    fn a_goal_may_be_a_least_value_and_a_peer_may_be_absent() {
        const RATE: [Row; 1] =
            [Row { id: "posts.per_second", what: "posts/s", goals: &[Goal::AtLeast(150_000.0)] }];
        for (rate, missed) in [(149_000.0, 1), (150_000.0, 0)] {
            let mut results = Results::default();
            results.add("posts", OURS, Ok(Sample::of("per_second", rate)));
            results.leave_out("mosquitto", "not installed");
            assert_eq!(results.verdict(&RATE), (1, missed));
            assert_eq!(results.to_json(&RATE, &[OURS])["absent"]["mosquitto"], "not installed");
        }
    }

    #[test]
    fn figures_have_three_digits() {
        assert_eq!(["0", "0.46", "12.5", "300", "823k"], [0.0, 0.46, 12.5, 300.4, 823_000.0].map(show));
    }
}
