use std::io::Write as _;
use std::time::{Duration, SystemTime};

use hopguard_aws::{Datum, DatumValue};
use hopguard_core::{Counter, Measure};
use tokio::time::Instant;
use tracing::{error, warn};

use super::emf;
use super::file::OtlpFile;
use super::sink::Collectors;
use crate::fault::panic_in;
use crate::observe::meter::{Mark, Summary};
use crate::observe::observer::Inner;
use crate::observe::points::Exported;
use crate::observe::seldom::Seldom;
use crate::observe::signal::Signal;

/// CloudWatch keeps one value a minute: more requests would be billed for nothing.
const CLOUDWATCH_INTERVAL: Duration = Duration::from_secs(60);
/// How often the clock is looked at where no event says that an invocation has started.
const TICK: Duration = Duration::from_millis(250);
/// What one PutMetricData may take.
const CLOUDWATCH_LIMIT: Duration = Duration::from_secs(3);
/// What does not wait for CloudWatch's interval: an alarm may hang on it.
const URGENT: [Counter; 4] = [Counter::Blocked, Counter::Warned, Counter::Tripped, Counter::TripFailed];

/// How far the exporter is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Progress {
    /// The last export asked for that has ended.
    pub(crate) done: u64,
    /// The last export that has met a collector in trouble.
    pub(crate) troubled: u64,
}

/// The only part that calls anybody outside of the environment. Lives as long as the process: a panic costs what was on its way.
#[derive(Debug)]
pub(crate) struct Exporter {
    collectors: Collectors,
    file: Option<OtlpFile>,
    emf: Mark,
    cloudwatch: Mark,
    put: Option<SystemTime>,
    exported: Option<Exported>,
    seldom: Seldom,
    /// How much had happened at the last export by the clock.
    activity: u64,
}

impl Exporter {
    pub(crate) fn new(inner: &Inner) -> Self {
        Self {
            collectors: Collectors::default(),
            file: inner.settings.otlp_file.clone().map(OtlpFile::new),
            emf: Mark::default(),
            cloudwatch: Mark::default(),
            put: None,
            exported: inner.environment.delta.then(|| Exported::new(inner.state().meter.since)),
            seldom: Seldom::default(),
            activity: 0,
        }
    }

    /// Exports whenever it is asked to, for ever; where no event says that an invocation has started, by a timer.
    pub(crate) async fn run(&mut self, inner: &Inner) {
        loop {
            if inner.managed {
                self.wait(inner).await;
            } else {
                inner.kick.notified().await;
            }
            self.export(inner).await;
        }
    }

    /// Waits until somebody asks for an export, or one is due by the clock and there is something new.
    async fn wait(&mut self, inner: &Inner) {
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = inner.kick.notified() => return,
                _ = tick.tick() => {}
            }
            let activity = inner.activity();
            if (activity != self.activity || inner.has_undelivered()) && inner.is_due() {
                self.activity = activity;
                return;
            }
        }
    }

    async fn export(&mut self, inner: &Inner) {
        panic_in("exporter");
        let asked = inner.asked();
        inner.collect(self.exported.as_mut()).await;
        inner.state().policy.handle_flush(Instant::now().into_std());
        self.write_file(inner);
        self.write_emf(inner);
        let until = inner.shuts_down();
        let Self { collectors, cloudwatch, put, seldom, .. } = self;
        let otlp = async {
            let mut delivered = true;
            for signal in Signal::ALL {
                match inner.environment.collector(signal) {
                    Some(collector) => {
                        let latest = Instant::now() + collector.timeout;
                        let until = until.map_or(latest, |until| until.min(latest));
                        delivered &= collectors.drain(inner, signal, collector, until).await;
                    }
                    // The file has it, or nobody wants it.
                    None => inner.state().buffer(signal).clear(),
                }
            }
            delivered
        };
        let metrics = async {
            let latest = Instant::now() + CLOUDWATCH_LIMIT;
            put_metrics(inner, cloudwatch, put, seldom, until.map_or(latest, |until| until.min(latest))).await
        };
        let (otlp, metrics) = futures_util::future::join(otlp, metrics).await;
        inner.state().policy.handle_outcome(otlp && metrics);
        inner.progress.send_modify(|progress| progress.done = asked);
    }

    fn write_file(&mut self, inner: &Inner) {
        let Some(file) = &mut self.file else { return };
        let mut state = inner.state();
        for signal in Signal::ALL {
            for request in state.buffer(signal).unfiled() {
                if let Err(error) = file.append(signal, request)
                    && self.seldom.may("file")
                {
                    error!(target: "hopguard", %error, "HOPGUARD_OTLP_FILE not written");
                }
            }
        }
    }

    fn write_emf(&mut self, inner: &Inner) {
        if !inner.settings.metrics.emf {
            return;
        }
        let (gained, mark) = self.emf.gained(&inner.counters);
        let samples = inner.state().meter.take_samples();
        self.emf = mark;
        let lines = emf::lines(&inner.environment.function, SystemTime::now(), &gained, &samples);
        let mut out = std::io::stdout().lock();
        for line in lines {
            // Where nobody reads it, nobody can be told.
            let _ = writeln!(out, "{line}");
        }
    }
}

/// Puts what came since the last time, where that is due. Whether it is there.
async fn put_metrics(
    inner: &Inner,
    mark: &mut Mark,
    put: &mut Option<SystemTime>,
    seldom: &mut Seldom,
    until: Instant,
) -> bool {
    let Some(cloudwatch) = &inner.cloudwatch else { return true };
    let (gained, next) = mark.gained(&inner.counters);
    let now = SystemTime::now();
    let rested =
        put.is_none_or(|put| now.duration_since(put).is_ok_and(|since| since >= CLOUDWATCH_INTERVAL));
    let urgent = gained.iter().any(|(counter, _)| URGENT.contains(counter));
    if !(rested || urgent || inner.shuts_down().is_some()) {
        return true;
    }
    let summaries = inner.state().meter.take_summaries();
    match cloudwatch
        .put(emf::NAMESPACE, &data(&inner.environment.function, &gained, &summaries), now, until)
        .await
    {
        Ok(()) => {
            *mark = next;
            *put = Some(now);
            true
        }
        Err(error) => {
            // What was not put is part of what is put the next time.
            inner.state().meter.give_back(&summaries);
            inner.counters.count(Counter::ExportFailures);
            inner.trouble();
            if seldom.may("cloudwatch") {
                warn!(target: "hopguard", %error, "metrics not put: they are part of the next ones");
            }
            false
        }
    }
}

fn data(function: &str, gained: &[(Counter, u64)], summaries: &[(Measure, Summary)]) -> Vec<Datum> {
    let datum =
        |name, unit, value| Datum { name, unit, value, dimension: (emf::DIMENSION, function.to_owned()) };
    let counts = gained.iter().map(|(counter, gain)| {
        datum(counter.flat_name().into_owned(), "Count", DatumValue::Sum(*gain as f64))
    });
    let measures = summaries.iter().map(|(measure, summary)| {
        let Summary { count, sum, least, most } = *summary;
        let value = DatumValue::Statistics { count: count as f64, sum, least, most };
        datum(measure.name().to_owned(), emf::unit(measure.unit()), value)
    });
    counts.chain(measures).collect()
}
