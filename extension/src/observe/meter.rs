use std::time::SystemTime;

use hopguard_core::metrics::CallDurations;
use hopguard_core::{Counter, Counters, Measure};

/// Samples of one measure that are kept one by one: as many as one value of an EMF line may have.
pub(crate) const MAX_SAMPLES: usize = 100;

/// What was measured since the environment started, and since each kind of export.
#[derive(Debug)]
pub(crate) struct Meter {
    /// When this process started.
    pub(crate) since: SystemTime,
    /// How long calls took.
    pub(crate) calls: CallDurations,
    distributions: [Distribution; Measure::ALL.len()],
}

/// One measure.
#[derive(Clone, Debug, Default)]
pub(crate) struct Distribution {
    pub(crate) total: Summary,
    /// One count more than there are bounds.
    pub(crate) buckets: Vec<u64>,
    pub(crate) last: Option<f64>,
    /// What came since the last [`take_summaries`](Meter::take_summaries).
    recent: Summary,
    /// What came since the last [`take_samples`](Meter::take_samples).
    samples: Vec<f64>,
}

/// Some samples in four numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Summary {
    pub(crate) count: u64,
    pub(crate) sum: f64,
    pub(crate) least: f64,
    pub(crate) most: f64,
}

impl Default for Meter {
    fn default() -> Self {
        Self { since: SystemTime::now(), calls: CallDurations::default(), distributions: Default::default() }
    }
}

impl Meter {
    /// Takes one sample. What is no number, or none that can be measured, is left out.
    pub(crate) fn record(&mut self, measure: Measure, value: f64) {
        let (Some(one), true) =
            (self.distributions.get_mut(measure as usize), value.is_finite() && value >= 0.0)
        else {
            return;
        };
        let bounds = measure.bounds();
        one.buckets.resize(bounds.len() + 1, 0);
        // Bounds belong to the bucket below them.
        if let Some(bucket) = one.buckets.get_mut(bounds.partition_point(|bound| *bound < value)) {
            *bucket += 1;
        }
        one.total.add(value);
        one.recent.add(value);
        one.last = Some(value);
        if one.samples.len() < MAX_SAMPLES {
            one.samples.push(value);
        }
    }

    /// Every measure that has a sample.
    pub(crate) fn measured(&self) -> impl Iterator<Item = (Measure, &Distribution)> {
        Measure::ALL.into_iter().zip(&self.distributions).filter(|(_, one)| one.total.count > 0)
    }

    /// Whether a measure has almost as many samples as are kept.
    pub(crate) fn is_pressed(&self) -> bool {
        self.distributions.iter().any(|one| one.samples.len() > MAX_SAMPLES - 10)
    }

    /// The samples since the last time, the first [`MAX_SAMPLES`] of each measure.
    pub(crate) fn take_samples(&mut self) -> Vec<(Measure, Vec<f64>)> {
        let measures = Measure::ALL.into_iter().zip(&mut self.distributions);
        let taken = measures.map(|(measure, one)| (measure, std::mem::take(&mut one.samples)));
        taken.filter(|(_, samples)| !samples.is_empty()).collect()
    }

    /// Sums of what came since the last time.
    pub(crate) fn take_summaries(&mut self) -> Vec<(Measure, Summary)> {
        let measures = Measure::ALL.into_iter().zip(&mut self.distributions);
        let taken = measures.map(|(measure, one)| (measure, std::mem::take(&mut one.recent)));
        taken.filter(|(_, summary)| summary.count > 0).collect()
    }

    /// Takes back what could not be published, so that it is part of the next time.
    pub(crate) fn give_back(&mut self, summaries: &[(Measure, Summary)]) {
        for (measure, summary) in summaries {
            if let Some(one) = self.distributions.get_mut(*measure as usize) {
                one.recent.join(summary);
            }
        }
    }
}

impl Summary {
    fn add(&mut self, value: f64) {
        self.join(&Self { count: 1, sum: value, least: value, most: value });
    }

    fn join(&mut self, other: &Self) {
        if self.count == 0 {
            *self = *other;
        } else if other.count > 0 {
            self.count += other.count;
            self.sum += other.sum;
            self.least = self.least.min(other.least);
            self.most = self.most.max(other.most);
        }
    }
}

/// What [`Counters`] gained since a mark.
#[derive(Clone, Debug)]
pub(crate) struct Mark([u64; Counter::ALL.len()]);

impl Default for Mark {
    fn default() -> Self {
        Self([0; Counter::ALL.len()])
    }
}

impl Mark {
    /// What was gained, and the mark to keep once that is published.
    pub(crate) fn gained(&self, counters: &Counters) -> (Vec<(Counter, u64)>, Self) {
        let now = Self(Counter::ALL.map(|counter| counters.value(counter)));
        let gains = Counter::ALL
            .into_iter()
            .zip(now.0.iter().zip(self.0).map(|(now, then)| now.saturating_sub(then)));
        (gains.filter(|(_, gain)| *gain > 0).collect(), now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_fall_into_the_bucket_whose_upper_bound_they_reach() {
        let mut meter = Meter::default();
        for value in [0.005, 0.0051, 1e9, f64::NAN, -1.0, f64::INFINITY] {
            meter.record(Measure::InvokeDuration, value);
        }
        let (measure, one) = meter.measured().next().unwrap();
        assert_eq!(measure, Measure::InvokeDuration);
        assert_eq!((one.buckets[0], one.buckets[1], one.buckets[18], one.total.count), (1, 1, 1, 3));
        assert_eq!((one.total.least, one.total.most), (0.005, 1e9));
    }

    #[test]
    fn samples_are_bounded_and_sums_come_back_when_nobody_took_them() {
        let mut meter = Meter::default();
        for n in 0..150 {
            meter.record(Measure::InitDuration, f64::from(n));
        }
        assert!(meter.is_pressed());
        assert_eq!(meter.take_samples()[0].1.len(), MAX_SAMPLES);
        assert!(meter.take_samples().is_empty() && !meter.is_pressed());
        let sums = meter.take_summaries();
        assert_eq!((sums[0].1.count, sums[0].1.most), (150, 149.0));
        assert!(meter.take_summaries().is_empty());
        meter.record(Measure::InitDuration, 500.0);
        meter.give_back(&sums);
        let again = meter.take_summaries();
        assert_eq!((again[0].1.count, again[0].1.least, again[0].1.most), (151, 0.0, 500.0));
        assert_eq!(meter.measured().next().unwrap().1.total.count, 151, "what is total stays");
    }

    #[test]
    fn a_mark_moves_only_when_it_is_kept() {
        let counters = Counters::default();
        let mark = Mark::default();
        counters.add(Counter::Blocked, 2);
        let (gains, next) = mark.gained(&counters);
        assert_eq!(gains, [(Counter::Blocked, 2)]);
        counters.count(Counter::Blocked);
        assert_eq!(mark.gained(&counters).0, [(Counter::Blocked, 3)]);
        assert_eq!(next.gained(&counters).0, [(Counter::Blocked, 1)]);
    }
}
