//! Windows over the samples of a numeric point: averages and their kind (`docs-model.md` §8, §9.3).

use crate::enos::json::Value;
use crate::store::{SeriesQuery, StoreFault};

use super::Cloud;
use super::device::Device;

/// Samples read at a time: few, so that a store holds no lock for long.
const CHUNK: usize = 512;

/// What is made of the samples of a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Function {
    Count,
    Avg,
    Sum,
    Max,
    Min,
    First,
    Last,
}

impl Function {
    /// Every function, with the name that the REST API gives it.
    pub(crate) const ALL: [(Self, &'static str); 7] = [
        (Self::Count, "count"),
        (Self::Avg, "avg"),
        (Self::Sum, "sum"),
        (Self::Max, "max"),
        (Self::Min, "min"),
        (Self::First, "first"),
        (Self::Last, "last"),
    ];

    pub(crate) fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, known)| *known == name).map(|(function, _)| *function)
    }
}

/// Which windows are asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Windows {
    pub(crate) function: Function,
    /// Where the first window starts; milliseconds since the Unix epoch.
    pub(crate) from: i64,
    /// The first time that no longer counts.
    pub(crate) to: i64,
    /// Milliseconds, above 0.
    pub(crate) width: i64,
    /// Windows at most, oldest first.
    pub(crate) most: usize,
}

/// The samples of one window so far.
#[derive(Debug, Clone, Copy)]
struct Window {
    start: i64,
    count: u64,
    sum: f64,
    min: f64,
    max: f64,
    first: f64,
    last: f64,
}

impl Window {
    fn new(start: i64, number: f64) -> Self {
        Self { start, count: 1, sum: number, min: number, max: number, first: number, last: number }
    }

    fn add(&mut self, number: f64) {
        self.count += 1;
        self.sum += number;
        self.min = self.min.min(number);
        self.max = self.max.max(number);
        self.last = number;
    }

    fn value(&self, function: Function) -> serde_json::Value {
        #[allow(clippy::cast_precision_loss, reason = "no series holds 2^53 samples")]
        match function {
            Function::Count => self.count.into(),
            Function::Avg => (self.sum / self.count as f64).into(),
            Function::Sum => self.sum.into(),
            Function::Max => self.max.into(),
            Function::Min => self.min.into(),
            Function::First => self.first.into(),
            Function::Last => self.last.into(),
        }
    }
}

impl Cloud {
    /// The windows that hold a sample, each with its start and its value; may read the disk. What is no finite number
    /// does not count. None if more samples had to be read than `budget` has left.
    pub(crate) fn windows(
        &self,
        device: &Device,
        point: &str,
        asked: &Windows,
        budget: &mut usize,
    ) -> Result<Option<Vec<(i64, serde_json::Value)>>, StoreFault> {
        let mut found = Vec::new();
        let mut open: Option<Window> = None;
        let mut query = SeriesQuery {
            from: asked.from,
            to: asked.to.saturating_sub(1),
            limit: CHUNK,
            newest_first: false,
        };
        while query.from <= query.to && found.len() < asked.most {
            let samples = self.series(device, point, &query)?;
            if samples.len() > *budget {
                return Ok(None);
            }
            *budget -= samples.len();
            for sample in &samples {
                let Some(number) = finite(&sample.value) else { continue };
                let start = asked.from + (sample.time - asked.from).div_euclid(asked.width) * asked.width;
                match &mut open {
                    Some(window) if window.start == start => window.add(number),
                    _ => {
                        let before = open.replace(Window::new(start, number));
                        found.extend(before.map(|window| (window.start, window.value(asked.function))));
                    }
                }
            }
            match samples.last() {
                Some(last) if samples.len() == CHUNK && last.time < query.to => query.from = last.time + 1,
                _ => break,
            }
        }
        found.extend(open.map(|window| (window.start, window.value(asked.function))));
        found.truncate(asked.most);
        Ok(Some(found))
    }
}

fn finite(value: &Value) -> Option<f64> {
    #[allow(clippy::cast_precision_loss, reason = "a mean of integers is no integer")]
    let number = match value {
        Value::Int(number) => *number as f64,
        Value::Float(number) => *number,
        _ => return None,
    };
    number.is_finite().then_some(number)
}
