//! The day's rows, as `data/README.md` describes them.

use std::error::Error;

use serde_json::Value;

/// One row: when, and each point that has a value.
pub(crate) struct Row {
    pub(crate) time_ms: u64,
    pub(crate) points: Vec<Cell>,
}

/// One point of a row.
pub(crate) struct Cell {
    pub(crate) id: String,
    pub(crate) value: Number,
    pub(crate) quality: Option<u8>,
}

/// What a cell holds.
pub(crate) enum Number {
    Int(i64),
    Float(f64),
    Text(String),
}

impl Number {
    fn read(text: &str) -> Self {
        match (text.parse(), text.parse()) {
            (Ok(int), _) => Self::Int(int),
            (_, Ok(float)) => Self::Float(float),
            _ => Self::Text(text.to_owned()),
        }
    }
}

/// What the hub must end with, computed from the rows alone by `make.py`.
pub(crate) struct Expected {
    pub(crate) accepted: u64,
    pub(crate) refused: u64,
    pub(crate) latest: Vec<(String, u64, Value)>,
}

/// A device's day.
pub(crate) struct Day {
    pub(crate) rows: Vec<Row>,
    pub(crate) expected: Expected,
}

impl Day {
    /// Reads `turbine` or `inverter`.
    pub(crate) fn read(name: &str) -> Result<Self, Box<dyn Error>> {
        let text = match name {
            "turbine" => include_str!("../data/turbine.csv"),
            _ => include_str!("../data/inverter.csv"),
        };
        let mut lines = text.lines();
        let columns: Vec<&str> = lines.next().ok_or("no header")?.split(',').collect();
        let rows = lines.map(|line| row(&columns, line)).collect::<Result<_, _>>()?;
        let all: Value = serde_json::from_str(include_str!("../data/expected.json"))?;
        let sums = &all[name];
        let count = |key: &str| sums[key].as_u64().ok_or("expected.json lacks a count");
        let latest = sums["latest"].as_object().ok_or("expected.json lacks the latest values")?;
        let latest = latest
            .iter()
            .map(|(id, entry)| Some((id.clone(), entry["time"].as_u64()?, entry["value"].clone())))
            .collect::<Option<_>>()
            .ok_or("expected.json lacks a time")?;
        Ok(Self {
            rows,
            expected: Expected { accepted: count("accepted")?, refused: count("refused")?, latest },
        })
    }
}

fn row(columns: &[&str], line: &str) -> Result<Row, Box<dyn Error>> {
    let cells: Vec<&str> = line.split(',').collect();
    if cells.len() != columns.len() {
        return Err(format!("{} cells in the row {line}", cells.len()).into());
    }
    let cell = |name: &str| columns.iter().position(|column| *column == name).map(|at| cells[at]);
    let mut points = Vec::new();
    for (id, text) in columns.iter().zip(&cells).skip(1) {
        if id.ends_with("_quality") || text.is_empty() {
            continue;
        }
        let quality = match cell(&format!("{id}_quality")) {
            Some(text) if !text.is_empty() => Some(text.parse()?),
            _ => None,
        };
        points.push(Cell { id: (*id).to_owned(), value: Number::read(text), quality });
    }
    Ok(Row { time_ms: cells[0].parse()?, points })
}
