use std::collections::BTreeMap;

use super::measure::DURATIONS;
use crate::wait::{MAX_NAME_BYTES, prefix};

/// The most pairs of service and operation that have a series of their own: what CloudWatch bills and a collector stores, each.
pub const MAX_SERIES: usize = 64;
/// The service and the operation of the series that has all the others in it.
pub const OTHER: &str = "other";

/// How long calls took, by service and operation: the only metric of hopguard whose attributes are not known beforehand.
///
/// At most [`MAX_SERIES`] pairs are told apart, and what comes then is [`OTHER`]. Which those are depends on what comes first; a series
/// that has begun stays.
#[derive(Clone, Debug, Default)]
pub struct CallDurations {
    series: BTreeMap<(Box<str>, Box<str>), CallSeries>,
    other: CallSeries,
}

/// One histogram: how long the calls of one operation took, in seconds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CallSeries {
    /// How many there were: `hopguard.call.duration` counts them too, so that there is no counter of its own.
    pub count: u64,
    /// How long they took, all in all.
    pub sum: f64,
    /// The shortest of them.
    pub least: f64,
    /// The longest of them.
    pub most: f64,
    buckets: Vec<u64>,
}

impl CallDurations {
    /// The metric's name.
    pub const NAME: &str = "hopguard.call.duration";
    /// Its unit (UCUM).
    pub const UNIT: &str = "s";
    /// The attribute with the service: OpenTelemetry's.
    pub const SERVICE: &str = "rpc.service";
    /// The attribute with the operation: OpenTelemetry's.
    pub const OPERATION: &str = "rpc.method";
    /// The bounds of its histograms.
    pub const BOUNDS: &[f64] = DURATIONS;

    /// Takes one call into account. A duration that is none is left out.
    pub fn record(&mut self, service: &str, operation: &str, seconds: f64) {
        if !seconds.is_finite() || seconds < 0.0 {
            return;
        }
        let key = (prefix(service, MAX_NAME_BYTES).into(), prefix(operation, MAX_NAME_BYTES).into());
        let full = self.series.len() >= MAX_SERIES;
        let series = match self.series.entry(key) {
            std::collections::btree_map::Entry::Occupied(known) => known.into_mut(),
            std::collections::btree_map::Entry::Vacant(_) if full => &mut self.other,
            std::collections::btree_map::Entry::Vacant(new) => new.insert(CallSeries::default()),
        };
        series.add(seconds);
    }

    /// Every series that has a call: service, operation and histogram, in the order of the names, and [`OTHER`] last.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str, &CallSeries)> {
        let named =
            self.series.iter().map(|((service, operation), series)| (&**service, &**operation, series));
        named.chain((self.other.count > 0).then_some((OTHER, OTHER, &self.other)))
    }

    /// Whether there was no call.
    pub fn is_empty(&self) -> bool {
        self.series.is_empty() && self.other.count == 0
    }
}

impl CallSeries {
    /// How many calls fell into each bucket: one more than there are [bounds](CallDurations::BOUNDS), and a bound belongs to the bucket below it.
    pub fn buckets(&self) -> &[u64] {
        &self.buckets
    }

    fn add(&mut self, seconds: f64) {
        if self.count == 0 {
            self.buckets = vec![0; CallDurations::BOUNDS.len() + 1];
            (self.least, self.most) = (seconds, seconds);
        }
        self.count += 1;
        self.sum += seconds;
        self.least = self.least.min(seconds);
        self.most = self.most.max(seconds);
        let bucket = CallDurations::BOUNDS.partition_point(|bound| *bound < seconds);
        if let Some(calls) = self.buckets.get_mut(bucket) {
            *calls += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_series_of_its_own_is_other() {
        let mut calls = CallDurations::default();
        assert!(calls.is_empty());
        for n in 0..MAX_SERIES + 10 {
            calls.record("S3", &format!("Get{n:03}"), 0.01);
        }
        calls.record("S3", "Get000", 2.0);
        assert_eq!(calls.iter().count(), MAX_SERIES + 1);
        let (_, operation, first) = calls.iter().next().unwrap();
        assert_eq!((operation, first.count, first.least, first.most), ("Get000", 2, 0.01, 2.0));
        let (service, operation, other) = calls.iter().last().unwrap();
        assert_eq!((service, operation, other.count), (OTHER, OTHER, 10));
    }

    #[test]
    fn a_duration_falls_into_the_bucket_whose_upper_bound_it_reaches() {
        let mut calls = CallDurations::default();
        for seconds in [0.005, 0.0051, 1e6, f64::NAN, -0.1, f64::INFINITY] {
            calls.record("SQS", "SendMessage", seconds);
        }
        let (_, _, series) = calls.iter().next().unwrap();
        let buckets = series.buckets();
        assert_eq!(buckets.len(), CallDurations::BOUNDS.len() + 1);
        assert_eq!((buckets[0], buckets[1], buckets[18], series.count), (1, 1, 1, 3));
    }

    #[test]
    fn names_of_any_length_are_bounded() {
        let mut calls = CallDurations::default();
        calls.record(&"é".repeat(1_000), "x", 0.1);
        assert_eq!(calls.iter().next().unwrap().0.len(), 64);
    }
}
