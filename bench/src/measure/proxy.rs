use std::sync::Arc;

use anyhow::{Result, ensure};

use super::{micros, request_id};
use crate::collector::Collector;
use crate::events;
use crate::runtime::Runtime;
use crate::samples::{Samples, Series};
use crate::subject::Subject;

const SMALL: (usize, u64) = (1_000, 300);
const LARGE: (usize, u64) = (6_000_000, 15);

/// From the moment that Lambda has an event until the runtime has all of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sizes {
    small_us: f64,
    large_ms: f64,
    /// What the process's memory grew by at its peak, over the large events.
    grown_mb: f64,
}

impl Sizes {
    /// Adds what a proxy takes longer than none.
    pub(crate) fn beyond(self, direct: Self, samples: &mut Samples) {
        samples.small_event_us.add(self.small_us - direct.small_us);
        samples.large_event_ms.add(self.large_ms - direct.large_ms);
        samples.large_event_mb.add(self.grown_mb);
    }
}

/// Through the subject's proxy, where it has one.
pub(crate) fn latencies(subject: Subject, collector: &Collector) -> Result<Sizes> {
    let (lambda, process) = subject.start(collector, &[], None)?;
    lambda.extension_asked(1)?;
    let api = match subject {
        Subject::Bare => lambda.address(),
        Subject::Hopguard | Subject::Copy => process.listens("proxy")?,
    };
    let mut runtime = Runtime::new(api)?;
    let mut nth = 0;
    let mut measure = |event: &Arc<[u8]>, times: u64| -> Result<Series> {
        let mut series = Series::default();
        for _ in 0..times {
            runtime.ask()?;
            nth += 1;
            lambda.runtime_asked(nth)?;
            let id = request_id(nth);
            let at = lambda.dispatch(&id, event)?;
            let length = runtime.event()?.len();
            series.add(micros(at.elapsed()));
            ensure!(length == event.len(), "{length} bytes of an event of {}", event.len());
            runtime.respond(&id)?;
        }
        Ok(series)
    };
    let small = measure(&events::payload(SMALL.0), SMALL.1)?;
    process.forget_peak()?;
    let before = process.memory()?.resident;
    let large = measure(&events::payload(LARGE.0), LARGE.1)?;
    let grown_mb = process.memory()?.peak - before;
    let median = |series: &Series| series.median().unwrap_or_default();
    Ok(Sizes { small_us: median(&small), large_ms: median(&large) / 1e3, grown_mb })
}
