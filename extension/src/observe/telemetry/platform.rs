use std::time::SystemTime;

use hopguard_core::{Counter, Measure};

use super::event::{self, Event, Status};
use crate::fault::panic_in;
use crate::observe::observer::{Inner, State};
use crate::observe::span::End;

impl Inner {
    /// Takes one batch of the Telemetry API.
    pub(super) fn platform(&self, batch: &[u8]) {
        panic_in("telemetry");
        let (events, rejected) = event::read(batch);
        self.counters.add(Counter::RejectedEvents, rejected);
        for event in events {
            self.happened(event);
        }
    }

    fn happened(&self, event: Event<'_>) {
        let mut state = self.state();
        match event {
            Event::Init { seconds } => {
                state.init_seen = true;
                state.init = Some(seconds);
                state.meter.record(Measure::InitDuration, seconds);
                self.counters.count(Counter::ColdStarts);
            }
            Event::RuntimeDone { id, status, error, seconds, at } => {
                self.ended(&mut state, status, seconds);
                let ended = self.close_lost(&mut state, &id, status, error.as_deref(), at);
                // An invocation that is with the proxy has ended when its answer is out, which the proxy knows best.
                if ended || state.under_way.span(Some(&id)).is_none() {
                    state.under_way.end(&id);
                    self.has_ended(state);
                }
            }
            Event::Report { id, status, seconds, billed, bytes, init, at } => {
                if self.managed {
                    // There is no runtimeDone.
                    self.ended(&mut state, status, seconds);
                }
                if let Some(init) = init.filter(|_| !state.init_seen) {
                    state.init_seen = true;
                    state.init = Some(init);
                    state.meter.record(Measure::InitDuration, init);
                    self.counters.count(Counter::ColdStarts);
                }
                for (measure, value) in [(Measure::BilledDuration, billed), (Measure::MemoryUsed, bytes)] {
                    if let Some(value) = value {
                        state.meter.record(measure, value);
                    }
                }
                if self.close_lost(&mut state, &id, status, None, at) {
                    self.has_ended(state);
                }
            }
        }
    }

    fn ended(&self, state: &mut State, status: Status, seconds: Option<f64>) {
        self.counters.count(Counter::Invocations);
        if status != Status::Success {
            self.counters.count(Counter::Errors);
        }
        if status == Status::Timeout {
            self.counters.count(Counter::Timeouts);
        }
        if let Some(seconds) = seconds {
            state.meter.record(Measure::InvokeDuration, seconds);
        }
    }

    /// Ends the span of an invocation that will not answer any more. Whether there was one.
    fn close_lost(
        &self,
        state: &mut State,
        id: &str,
        status: Status,
        error: Option<&str>,
        at: SystemTime,
    ) -> bool {
        let why = match status {
            // The proxy has seen the answer, or is about to.
            Status::Success | Status::Error => return false,
            Status::Failure => "runtime_failure",
            Status::Timeout => "timeout",
        };
        let told = state.begun.end(id);
        let Some(started) = state.under_way.end(id).or(told) else { return false };
        self.close(state, started, at, End::Lost(error.unwrap_or(why).into()));
        true
    }
}
