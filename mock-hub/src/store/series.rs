//! The samples of one point in memory, in the order of their times.

use std::collections::VecDeque;

use crate::enos::json::Value;

use super::{Sample, SeriesQuery};

/// A point's samples, each time once.
#[derive(Default)]
pub(super) struct Series(VecDeque<Sample>);

impl Series {
    /// Enters a sample; one of the same time is replaced. Gives what it takes in place of how much, in bytes.
    pub(super) fn put(&mut self, sample: Sample) -> (usize, usize) {
        let taken = size(&sample);
        // Devices mostly post in order.
        if self.0.back().is_none_or(|last| last.time < sample.time) {
            self.0.push_back(sample);
            return (taken, 0);
        }
        match self.0.binary_search_by_key(&sample.time, |held| held.time) {
            Ok(at) => {
                let held = &mut self.0[at];
                let given = size(held);
                *held = sample;
                (taken, given)
            }
            Err(at) => {
                self.0.insert(at, sample);
                (taken, 0)
            }
        }
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Drops the oldest sample and tells its bytes.
    pub(super) fn drop_oldest(&mut self) -> usize {
        self.0.pop_front().map_or(0, |oldest| size(&oldest))
    }

    /// Bytes of all samples.
    pub(super) fn bytes(&self) -> usize {
        self.0.iter().map(size).sum()
    }

    /// The samples that a query asks for.
    pub(super) fn find(&self, query: &SeriesQuery) -> Vec<Sample> {
        let first = self.0.partition_point(|sample| sample.time < query.from);
        let end = self.0.partition_point(|sample| sample.time <= query.to).max(first);
        let found = self.0.range(first..end);
        match query.newest_first {
            true => found.rev().take(query.limit).cloned().collect(),
            false => found.take(query.limit).cloned().collect(),
        }
    }
}

fn size(sample: &Sample) -> usize {
    size_of::<Sample>() + heap(&sample.value)
}

/// Bytes that a value holds outside of itself.
fn heap(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) | Value::Int(_) | Value::Float(_) => 0,
        Value::Text(text) => text.len(),
        Value::Array(items) => items.iter().map(|item| size_of::<Value>() + heap(item)).sum(),
        Value::Object(members) => {
            let member =
                |(name, value): &(Box<str>, Value)| size_of::<(Box<str>, Value)>() + name.len() + heap(value);
            members.iter().map(member).sum()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(time: i64, value: i64) -> Sample {
        Sample { time, value: Value::Int(value), quality: None }
    }

    #[test]
    fn late_samples_find_their_place_and_equal_times_overwrite() {
        let mut series = Series::default();
        for (time, value) in [(10, 1), (30, 3), (20, 2), (30, 4), (-5, 0)] {
            series.put(sample(time, value));
        }
        let all = SeriesQuery { from: i64::MIN, to: i64::MAX, limit: 10, newest_first: false };
        let wanted = [sample(-5, 0), sample(10, 1), sample(20, 2), sample(30, 4)];
        assert_eq!(series.find(&all), wanted);
        let some = SeriesQuery { from: 10, to: 29, limit: 1, newest_first: true };
        assert_eq!(series.find(&some), [sample(20, 2)]);
        assert_eq!(series.find(&SeriesQuery { from: 11, to: 19, ..all }), []);
        assert_eq!(series.find(&SeriesQuery { from: 30, to: 10, ..all }), []);
    }

    #[test]
    fn bytes_are_counted_as_they_come_and_go() {
        let mut series = Series::default();
        let text = |time, text: &str| Sample { time, value: Value::Text(text.into()), quality: None };
        let (first, _) = series.put(text(1, "abc"));
        let (second, given) = series.put(text(1, "abcdef"));
        assert_eq!((second - first, given), (3, first));
        assert_eq!(series.bytes(), second);
        assert_eq!(series.drop_oldest(), second);
        assert_eq!((series.bytes(), series.len(), series.drop_oldest()), (0, 0, 0));
    }
}
