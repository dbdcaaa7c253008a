use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use hopguard_core::wait::Invocation;

use super::{Observed, clock};
use crate::telemetry;

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
        if let Some(span) = observed.take_span() {
            telemetry::record_analysis(&span, &analysis);
            if let Some(error) = error {
                telemetry::record_error(&span, error);
            }
        }
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        let unwinds = std::thread::panicking();
        self.end(Some(if unwinds { "panic" } else { "cancelled" }));
    }
}
