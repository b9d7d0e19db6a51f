//! Figures of one run, and what many runs say together.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::{Map, Value};

use super::{Outcome, machine};

/// Named figures of one run of one task by one peer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sample(BTreeMap<String, f64>);

impl Sample {
    /// A sample with one figure.
    pub fn of(name: &str, value: f64) -> Self {
        Self::default().with(name, value)
    }

    /// This sample and one more figure.
    #[must_use]
    pub fn with(mut self, name: &str, value: f64) -> Self {
        self.0.insert(name.to_owned(), value);
        self
    }

    /// This sample and all figures of another, which win.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }

    /// The figure of that name.
    pub fn get(&self, name: &str) -> Option<f64> {
        self.0.get(name).copied()
    }

    /// One line of JSON.
    pub fn to_line(&self) -> String {
        let map: Map<String, Value> =
            self.0.iter().map(|(name, value)| (name.clone(), (*value).into())).collect();
        Value::Object(map).to_string()
    }

    /// Reads what [`Sample::to_line`] wrote; anything but an object of numbers is an error.
    pub fn from_line(line: &str) -> Outcome<Self> {
        let value: Value = serde_json::from_str(line)?;
        let map = value.as_object().ok_or_else(|| format!("not a sample: {line}"))?;
        let mut sample = Self::default();
        for (name, value) in map {
            let number = value.as_f64().ok_or_else(|| format!("{name} is not a number: {line}"))?;
            sample = sample.with(name, number);
        }
        Ok(sample)
    }
}

/// Median and spread of several runs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    /// The middle value; of an even number of runs, the mean of the two in the middle.
    pub median: f64,
    /// The smallest value.
    pub min: f64,
    /// The largest value.
    pub max: f64,
}

impl Spread {
    /// Sums up the runs; `None` if there are none.
    pub fn of(runs: &[f64]) -> Option<Self> {
        let mut sorted = runs.to_vec();
        sorted.sort_by(f64::total_cmp);
        let (min, max) = (*sorted.first()?, *sorted.last()?);
        let (low, high) = (sorted.get((sorted.len() - 1) / 2)?, sorted.get(sorted.len() / 2)?);
        Some(Self { median: f64::midpoint(*low, *high), min, max })
    }
}

/// The value below which that part (0 to 1) of the values lies; `None` if there are none.
pub fn percentile(values: &mut [f64], part: f64) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let place = (values.len().checked_sub(1)? as f64 * part).round() as usize;
    values.get(place).copied()
}

/// Measures CPU and wall-clock time per item, once a tenth of the items are done.
pub struct Meter {
    total: u32,
    done: u32,
    began: Option<(u32, Instant, Duration)>,
}

impl Meter {
    /// A meter for that many items, of which the first tenth warms up.
    pub fn new(total: u32) -> Self {
        Self { total, done: 0, began: None }
    }

    /// Counts finished items and says whether all are done.
    pub fn add(&mut self, items: u32) -> Outcome<bool> {
        self.done += items;
        if self.began.is_none() && self.done >= self.total / 10 {
            self.began = Some((self.done, Instant::now(), machine::cpu_time()?));
        }
        Ok(self.done >= self.total)
    }

    /// Items finished so far.
    pub fn done(&self) -> u32 {
        self.done
    }

    /// `cpu_us` per item and `per_second`; an error if the warm-up never ended.
    pub fn finish(self) -> Outcome<Sample> {
        let (first, wall, cpu) = self.began.ok_or("the run ended in its warm-up")?;
        let items = f64::from(self.done.saturating_sub(first).max(1));
        let cpu = machine::cpu_time()?.saturating_sub(cpu);
        Ok(Sample::of("cpu_us", cpu.as_secs_f64() * 1e6 / items)
            .with("per_second", items / wall.elapsed().as_secs_f64()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spread_and_percentile() {
        assert_eq!(Spread::of(&[]), None);
        assert_eq!(Spread::of(&[3.0, 1.0, 2.0]), Some(Spread { median: 2.0, min: 1.0, max: 3.0 }));
        assert_eq!(Spread::of(&[4.0, 1.0]), Some(Spread { median: 2.5, min: 1.0, max: 4.0 }));
        let mut values: Vec<f64> = (0..=100).rev().map(f64::from).collect();
        assert_eq!(percentile(&mut values, 0.5), Some(50.0));
        assert_eq!(percentile(&mut values, 0.99), Some(99.0));
        assert_eq!(percentile(&mut [], 0.5), None);
    }

    #[test]
    fn a_sample_survives_its_line() {
        let sample = Sample::of("cpu_us", 0.25).with("lost", 0.0);
        assert_eq!(Sample::from_line(&sample.to_line()).unwrap(), sample);
        assert!(Sample::from_line("[1]").is_err());
        assert!(Sample::from_line(r#"{"cpu_us":"fast"}"#).is_err());
    }

    #[test]
    fn a_meter_needs_its_warm_up() {
        assert!(Meter::new(100).finish().is_err());
        let mut meter = Meter::new(20);
        assert!(!meter.add(2).unwrap());
        assert!(meter.add(18).unwrap());
        assert!(meter.finish().unwrap().get("per_second").unwrap() > 0.0);
    }
}
