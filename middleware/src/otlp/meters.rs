use std::sync::Arc;

use hopguard_core::{Counter, Counters, Measure};
use opentelemetry::KeyValue;
use opentelemetry::metrics::{Histogram, Meter, MeterProvider as _};
use opentelemetry_sdk::metrics::SdkMeterProvider;

use crate::observed::Ended;

/// What is counted and measured, by OpenTelemetry's instruments, where nobody else exports it: the layer beside the function does.
#[derive(Debug)]
pub(super) struct Meters {
    provider: SdkMeterProvider,
    counters: Arc<Counters>,
    histograms: Vec<(Measure, Histogram<f64>)>,
}

impl Meters {
    pub(super) fn new(provider: SdkMeterProvider, counters: Arc<Counters>) -> Self {
        let meter = provider.meter("hopguard");
        observe(&meter, &counters);
        // What has no bounds is the layer's own, or not known here.
        let measured = Measure::ALL.into_iter().filter(|measure| !measure.bounds().is_empty());
        let histogram = |measure: Measure| {
            let builder = meter.f64_histogram(measure.name()).with_unit(measure.unit());
            (measure, builder.with_boundaries(measure.bounds().to_vec()).build())
        };
        let histograms = measured.map(histogram).collect();
        Self { provider, counters, histograms }
    }

    /// Counts and measures an invocation that has ended.
    pub(super) fn measure(&self, ended: &Ended<'_>) {
        self.counters.count(Counter::Invocations);
        if ended.failed {
            self.counters.count(Counter::Errors);
        }
        if ended.hop == 0 {
            self.counters.count(Counter::Chains);
        }
        let analysis = ended.analysis;
        self.counters.add(Counter::CallRetries, analysis.retries.count.into());
        self.counters.add(Counter::CallTimeouts, analysis.timeouts.count.into());
        self.counters.add(Counter::DroppedCalls, analysis.dropped);
        self.record(Measure::InvokeDuration, ended.took.as_secs_f64());
        self.record(Measure::Hop, ended.hop.into());
        self.record(Measure::Visits, ended.visits.into());
        self.record(Measure::Wait, analysis.wait.seconds());
        self.record(Measure::SyncInvoke, analysis.sync_invokes.caller.seconds());
        self.record(Measure::Saving, analysis.saving.seconds());
        if ended.is_priced {
            self.record(Measure::WaitCost, analysis.wait.usd);
        }
        if ended.cold {
            self.counters.count(Counter::ColdStarts);
            if let Some(init) = ended.init {
                self.record(Measure::InitDuration, init.as_secs_f64());
            }
        }
    }

    fn record(&self, measure: Measure, value: f64) {
        if let Some((_, histogram)) = self.histograms.iter().find(|(known, _)| *known == measure) {
            histogram.record(value, &[]);
        }
    }

    /// Whether all of it was delivered.
    pub(super) fn flush(&self) -> bool {
        self.provider.force_flush().is_ok()
    }
}

/// One instrument for each metric that counters belong to. A counter at 0 is no series yet.
fn observe(meter: &Meter, counters: &Arc<Counters>) {
    let mut names: Vec<&'static str> = Counter::ALL.into_iter().map(|counter| counter.metric().0).collect();
    names.sort_unstable();
    names.dedup();
    for name in names {
        let counters = Arc::clone(counters);
        let observed = move |observer: &dyn opentelemetry::metrics::AsyncInstrument<u64>| {
            let gained = counters.snapshot().into_iter().filter(|(counter, _)| counter.metric().0 == name);
            for (counter, count) in gained {
                let attribute = counter.metric().1.map(|(key, value)| KeyValue::new(key, value));
                observer.observe(count, attribute.as_slice());
            }
        };
        let _: opentelemetry::metrics::ObservableCounter<u64> =
            meter.u64_observable_counter(name).with_unit("1").with_callback(observed).build();
    }
}
