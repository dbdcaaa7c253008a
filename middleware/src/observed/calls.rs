use std::collections::HashMap;

use hopguard_core::dependence::{Outputs, Shown};
use hopguard_core::propagator::TraceParent;
use hopguard_core::wait::{self, Analysis, Call, Invocation, MAX_CALLS, Price};

/// The calls of one invocation, those that have ended in the order of their ends. Bounded: the first 10,000.
#[derive(Default)]
pub(crate) struct Calls {
    ended: wait::Calls,
    /// Their spans, by the same places.
    spans: Vec<Option<TraceParent>>,
    outputs: Outputs,
    under_way: HashMap<u64, Call>,
    next: u64,
    /// The analysis is made: nothing more is kept.
    closed: bool,
}

/// A call that is under way, as [`Calls`] knows it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Noted(u64);

impl Calls {
    /// Notes a call that begins.
    pub(crate) fn begin(&mut self, call: Call) -> Option<Noted> {
        if self.closed {
            return None;
        }
        if self.under_way.len() + self.ended.len() >= MAX_CALLS {
            self.ended.add_dropped(1);
            return None;
        }
        self.next += 1;
        self.under_way.insert(self.next, call);
        Some(Noted(self.next))
    }

    /// Knows more of a call that is under way.
    pub(crate) fn know(&mut self, noted: Noted, call: &Call) {
        if let Some(known) = self.under_way.get_mut(&noted.0) {
            known.clone_from(call);
        }
    }

    /// The calls whose output an input shows: their places, and their spans where they have one.
    pub(crate) fn shown_in(&self, input: &Shown) -> (Vec<u32>, Vec<TraceParent>) {
        let places = self.outputs.shown_in(input);
        let span = |place: &u32| self.spans.get(usize::try_from(*place).ok()?).copied().flatten();
        let spans = places.iter().filter_map(span).collect();
        (places, spans)
    }

    /// Takes a call that has ended, with its span and with what its input and its output show.
    pub(crate) fn end(
        &mut self,
        noted: Noted,
        call: Call,
        span: Option<TraceParent>,
        input: &Shown,
        output: &Shown,
    ) {
        if self.under_way.remove(&noted.0).is_none() || self.closed {
            return;
        }
        if let Some(place) = self.ended.push(call) {
            self.spans.push(span);
            self.outputs.remember(place, input, output);
        }
    }

    /// What the invocation waited for; with it, the calls are forgotten.
    pub(crate) fn close(&mut self, invocation: &Invocation) -> Analysis {
        self.closed = true;
        let mut all = std::mem::take(&mut self.ended);
        for (_, call) in self.under_way.drain() {
            // Nobody knows when it will end; the handler did not wait for it any longer than this.
            all.push(Call { end_ns: invocation.end_ns.saturating_add(1), ..call });
        }
        self.spans = Vec::new();
        self.outputs = Outputs::default();
        wait::analyse(invocation, &all, &Price::default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Shown {
        Shown::in_body(format!("[\"{text}\"]").as_bytes())
    }

    #[test]
    fn calls_that_never_ended_count_until_the_handler_did() {
        let mut calls = Calls::default();
        let first = calls.begin(Call::new("S3", "GetObject", 10, 0)).unwrap();
        calls.begin(Call::new("SQS", "SendMessage", 60, 0)).unwrap();
        calls.end(first, Call::new("S3", "GetObject", 10, 40), None, &shown("in-1234"), &shown("out-1234"));
        assert_eq!(calls.shown_in(&shown("out-1234")).0, [0]);
        let invocation = Invocation { start_ns: 0, end_ns: 100, ..Invocation::default() };
        let analysis = calls.close(&invocation);
        assert_eq!((analysis.calls, analysis.wait.ns, analysis.outlived), (2, 70, 1));
        assert!(calls.begin(Call::default()).is_none(), "nothing is kept after the end");
        assert!(calls.shown_in(&shown("out-1234")).0.is_empty());
    }

    #[test]
    fn their_number_is_bounded() {
        let mut calls = Calls::default();
        for nth in 0..MAX_CALLS as u64 + 10 {
            if let Some(noted) = calls.begin(Call::new("S3", "GetObject", nth, 0)) {
                let call = Call::new("S3", "GetObject", nth, nth + 1);
                calls.end(noted, call, None, &Shown::default(), &Shown::default());
            }
        }
        let end_ns = 20_000;
        let analysis = calls.close(&Invocation { start_ns: 0, end_ns, ..Invocation::default() });
        assert_eq!((analysis.calls, analysis.dropped), (10_000, 10));
    }
}
