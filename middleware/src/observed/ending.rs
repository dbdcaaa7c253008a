use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use hopguard_core::Token;
use hopguard_core::propagator::TraceParent;
use hopguard_core::wait::{Analysis, Invocation};

use super::{Observed, clock};
use crate::reports::{self, Report, Reports};
use crate::telemetry;

/// What is measured of an invocation.
#[cfg_attr(not(feature = "otlp"), allow(dead_code, reason = "nobody exports it"))]
pub(crate) struct Ended<'a> {
    pub(crate) hop: u32,
    pub(crate) visits: u16,
    pub(crate) took: Duration,
    pub(crate) cold: bool,
    /// How long the initialisation before it took.
    pub(crate) init: Option<Duration>,
    pub(crate) failed: bool,
    /// Whether it is known what a second of it costs.
    pub(crate) is_priced: bool,
    pub(crate) analysis: &'a Analysis,
}

/// Ends the observation of an invocation with its handler, also with one that is dropped.
pub(crate) struct Ending {
    observed: Option<Arc<Observed>>,
    busy: Duration,
}

impl Ending {
    pub(crate) const fn new(observed: Option<Arc<Observed>>) -> Self {
        Self { observed, busy: Duration::ZERO }
    }

    /// Polls the handler, and measures how long it is on the processor.
    pub(crate) fn poll<T>(&mut self, poll: impl FnOnce() -> Poll<T>) -> Poll<T> {
        if self.observed.is_none() {
            return poll();
        }
        let started = Instant::now();
        let polled = poll();
        self.busy += started.elapsed();
        polled
    }

    /// The handler has answered, or failed with this type of error.
    pub(crate) fn end(&mut self, error: Option<&str>) {
        let Some(observed) = self.observed.take() else { return };
        let invocation = Invocation {
            start_ns: observed.clock.started_ns(),
            end_ns: observed.clock.now_ns(),
            memory_mb: observed.memory_mb,
            busy_ns: Some(clock::nanos(self.busy)),
            ..Invocation::default()
        };
        let analysis = observed.calls().close(&invocation);
        if let Some(exporting) = observed.shared.exporting.get() {
            exporting.measure(&observed.ended(&invocation, &analysis, error.is_some()));
        }
        if let Some(reports) = observed.reports() {
            observed.report(reports, &invocation, error);
        }
        if let Some(span) = observed.take_span() {
            telemetry::record_analysis(&span, &analysis);
            if let Some(error) = error {
                telemetry::record_error(&span, error);
            }
        }
    }
}

impl Observed {
    fn ended<'a>(&self, invocation: &Invocation, analysis: &'a Analysis, failed: bool) -> Ended<'a> {
        Ended {
            hop: self.lineage.hop,
            visits: self.lineage.visits.of(self.shared.function(&self.arn)),
            took: Duration::from_nanos(invocation.end_ns.saturating_sub(invocation.start_ns)),
            cold: self.seen.cold,
            init: self.shared.init().filter(|_| self.seen.cold),
            failed,
            is_priced: self.memory_mb > 0,
            analysis,
        }
    }

    /// Tells the layer's extension of the whole invocation, and of what was counted in it.
    fn report(&self, reports: &Reports, invocation: &Invocation, error: Option<&str>) {
        let told = reports::Invocation {
            end_ns: Some(invocation.end_ns.to_string()),
            busy_ns: Some(invocation.busy_ns.unwrap_or_default()),
            error,
            ..self.told()
        };
        let counts = reports.gained(&self.shared.counters);
        reports.send(&Report { invocation: Some(told), counts, ..Report::default() });
    }

    /// Tells the layer's extension that the invocation has begun: one that runs into its time limit tells of no end.
    pub(super) fn report_start(&self, reports: &Reports) {
        reports.send(&Report { begun: Some(self.told()), ..Report::default() });
    }

    fn told(&self) -> reports::Invocation<'_> {
        let text = |parent: &TraceParent| parent.to_string();
        let init = self.shared.init().filter(|_| self.seen.cold);
        reports::Invocation {
            id: &self.id,
            arn: &self.arn,
            source: self.seen.source.name(),
            token: Token::new(&self.lineage, None).to_string(),
            own: text(&self.own),
            sender: self.sender.as_ref().map(text),
            senders: self.senders.iter().map(text).collect(),
            records: self.records,
            route: self.seen.route.as_deref(),
            start_ns: self.clock.started_ns().to_string(),
            end_ns: None,
            busy_ns: None,
            init_ns: init.map(clock::nanos),
            error: None,
            traced: self.traced,
        }
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        let unwinds = std::thread::panicking();
        self.end(Some(if unwinds { "panic" } else { "cancelled" }));
    }
}
