//! The table of results: a row for each scenario, a column for each driver.

use std::fmt;
use std::time::Duration;

/// How one scenario went with one driver.
#[derive(Clone, Debug)]
pub enum Cell {
    /// As wanted, in this time.
    Passed(Duration),
    /// Not as wanted.
    Failed,
    /// Left out, for this reason.
    Skipped(String),
}

/// Results as they came.
#[derive(Debug, Default)]
pub struct Table {
    drivers: Vec<String>,
    rows: Vec<(String, Vec<Cell>)>,
}

impl Table {
    /// A table with a column for each driver.
    pub fn new(drivers: Vec<String>) -> Self {
        Self { drivers, rows: Vec::new() }
    }

    /// Adds a row, a cell for each driver.
    pub fn row(&mut self, name: impl Into<String>, cells: Vec<Cell>) {
        self.rows.push((name.into(), cells));
    }

    /// How many cells passed, failed, were skipped.
    pub fn counts(&self) -> (usize, usize, usize) {
        let (mut passed, mut failed, mut skipped) = (0, 0, 0);
        for cell in self.rows.iter().flat_map(|(_, cells)| cells) {
            match cell {
                Cell::Passed(_) => passed += 1,
                Cell::Failed => failed += 1,
                Cell::Skipped(_) => skipped += 1,
            }
        }
        (passed, failed, skipped)
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.rows.iter().map(|(name, _)| name.len()).max().unwrap_or(0).max(8);
        write!(f, "{:width$}", "scenario")?;
        for driver in &self.drivers {
            write!(f, "  {driver:>10}")?;
        }
        writeln!(f)?;
        for (name, cells) in &self.rows {
            write!(f, "{name:width$}")?;
            for cell in cells {
                let text = match cell {
                    Cell::Passed(time) => format!("{:.2} s", time.as_secs_f64()),
                    Cell::Failed => "FAILED".to_owned(),
                    Cell::Skipped(_) => "skipped".to_owned(),
                };
                write!(f, "  {text:>10}")?;
            }
            writeln!(f)?;
        }
        for (name, cells) in &self.rows {
            for (driver, cell) in self.drivers.iter().zip(cells) {
                if let Cell::Skipped(reason) = cell {
                    writeln!(f, "skipped {name} with {driver}: {reason}")?;
                }
            }
        }
        Ok(())
    }
}
