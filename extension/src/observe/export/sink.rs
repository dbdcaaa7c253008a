use std::time::Duration;

use hopguard_core::{Backoff, Counter};
use tokio::time::Instant;
use tracing::warn;

use super::answer::{Answer, post};
use crate::observe::environment::Collector;
use crate::observe::observer::Inner;
use crate::observe::signal::Signal;
use crate::outbound::Connections;

/// The waits between two attempts of one export.
const BACKOFF: Backoff = Backoff { base: Duration::from_millis(100), cap: Duration::from_secs(5) };
/// The longest that a collector's Retry-After is believed.
const LONGEST_REST: Duration = Duration::from_secs(300);

/// The collectors, and what they have asked for.
#[derive(Debug, Default)]
pub(super) struct Collectors {
    connections: Connections,
    /// When a collector that is busy wants the next request, by signal.
    rest_until: [Option<Instant>; Signal::ALL.len()],
}

impl Collectors {
    /// Sends what waits of one signal, and what fails again until `until`. Whether the collector has answered for everything.
    pub(super) async fn drain(
        &mut self,
        inner: &Inner,
        signal: Signal,
        collector: &Collector,
        until: Instant,
    ) -> bool {
        let rest = self.rest_until.get(signal as usize).copied().flatten();
        if rest.is_some_and(|rest| rest > until) {
            return inner.state().buffer(signal).is_empty();
        }
        if let Some(rest) = rest {
            tokio::time::sleep_until(rest).await;
        }
        loop {
            let Some(chunk) = inner.state().buffer(signal).take() else { return true };
            let mut failures = 0;
            let delivered = loop {
                let attempt = post(&self.connections, collector, chunk.bytes.clone());
                let answer = tokio::time::timeout_at(until, attempt)
                    .await
                    .unwrap_or_else(|_| Answer::Again { after: None, why: "no answer in time".to_owned() });
                match answer {
                    Answer::Taken { refused, why } => {
                        if refused > 0 {
                            inner.counters.add(Counter::RefusedByCollector, refused);
                            log(inner, "refused", signal, &why, "collector refuses a part of a batch");
                        }
                        break true;
                    }
                    Answer::Refused { why } => {
                        inner.counters.count(Counter::ExportFailures);
                        inner.counters.add(signal.dropped(), chunk.items as u64);
                        log(inner, "dropped", signal, &why, "collector refuses a batch: it is dropped");
                        break true;
                    }
                    Answer::Again { after, why } => {
                        inner.trouble();
                        // Said at once: this environment may end before the last attempt does.
                        log(
                            inner,
                            "failed",
                            signal,
                            &why,
                            "collector not reached: the batch is kept and tried again",
                        );
                        let wait = after
                            .unwrap_or_else(|| BACKOFF.delay(failures, fastrand::u32(..)))
                            .min(LONGEST_REST);
                        failures += 1;
                        let next = Instant::now() + wait;
                        if after.is_some()
                            && let Some(rest) = self.rest_until.get_mut(signal as usize)
                        {
                            *rest = Some(next);
                        }
                        if next >= until {
                            break false;
                        }
                        inner.counters.count(Counter::ExportRetries);
                        tokio::time::sleep_until(next).await;
                    }
                }
            };
            let items = chunk.items as u64;
            if delivered {
                inner.state().buffer(signal).settle(&chunk);
                continue;
            }
            inner.counters.count(Counter::ExportFailures);
            if !inner.state().buffer(signal).give_back(chunk) {
                inner.counters.add(signal.dropped(), items);
            }
            return false;
        }
    }
}

fn log(inner: &Inner, what: &'static str, signal: Signal, why: &str, message: &'static str) {
    if inner.state().seldom.may(what) {
        warn!(target: "hopguard", signal = signal.name(), why, "{message}");
    }
}
