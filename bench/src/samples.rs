//! One value a run and figure.

/// The figures of one subject.
#[derive(Clone, Debug, Default)]
pub(crate) struct Samples {
    pub(crate) binary_mib: Series,
    pub(crate) first_next_ms: Series,
    pub(crate) slow_first_next_ms: Series,
    pub(crate) init_cpu_ms: Series,
    pub(crate) resident_mb: Series,
    pub(crate) growth_mb: Series,
    pub(crate) span_cpu_us: Series,
    pub(crate) single_span_cpu_us: Series,
    pub(crate) next_p50_us: Series,
    pub(crate) next_p99_us: Series,
    pub(crate) exit_ms: Series,
    pub(crate) small_event_us: Series,
    pub(crate) large_event_ms: Series,
    pub(crate) large_event_mb: Series,
    pub(crate) soak_mb: Series,
}

/// The values of one figure, in no order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Series(Vec<f64>);

impl Series {
    pub(crate) fn add(&mut self, value: f64) {
        self.0.push(value);
    }

    pub(crate) fn median(&self) -> Option<f64> {
        self.quantile(0.5)
    }

    pub(crate) fn minimum(&self) -> Option<f64> {
        self.quantile(0.0)
    }

    /// The value below which this part of them lies.
    pub(crate) fn quantile(&self, part: f64) -> Option<f64> {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        let last = sorted.len().checked_sub(1)?;
        sorted.get((last as f64 * part).round() as usize).copied()
    }
}
