use std::collections::VecDeque;

use hopguard_core::propagator::TraceParent;

use super::invocation::Started;

/// Invocations whose start was seen and whose end was not.
const MAX_OPEN: usize = 1_024;
/// Invocations whose end was seen and that late reports may still name.
const MAX_ENDED: usize = 64;

/// The invocations of this environment: those under way, and the last that ended. Bounded.
#[derive(Debug, Default)]
pub(crate) struct UnderWay {
    open: VecDeque<Started>,
    /// Their span is known where they went through the proxy.
    ended: VecDeque<(String, Option<TraceParent>)>,
}

impl UnderWay {
    /// Takes one more; the oldest comes back where there are too many.
    pub(crate) fn start(&mut self, started: Started) -> Option<Started> {
        let lost = if self.open.len() >= MAX_OPEN { self.open.pop_front() } else { None };
        self.open.push_back(started);
        lost
    }

    /// Takes one that has ended; its start comes back where that was seen.
    pub(crate) fn end(&mut self, request_id: &str) -> Option<Started> {
        let place = self.open.iter().position(|open| open.request_id == request_id);
        let started = place.and_then(|place| self.open.remove(place));
        if started.is_some() || !self.has_ended(request_id) {
            if self.ended.len() >= MAX_ENDED {
                self.ended.pop_front();
            }
            self.ended.push_back((request_id.to_owned(), started.as_ref().map(|started| started.span)));
        }
        started
    }

    pub(crate) fn has_ended(&self, request_id: &str) -> bool {
        self.ended.iter().any(|(ended, _)| ended == request_id)
    }

    /// All that are under way, which will not end any more.
    pub(crate) fn give_up(&mut self) -> Vec<Started> {
        let lost: Vec<String> = self.open.iter().map(|open| open.request_id.clone()).collect();
        lost.iter().filter_map(|request_id| self.end(request_id)).collect()
    }

    /// The only one under way.
    pub(crate) fn only(&self) -> Option<&Started> {
        self.open.front().filter(|_| self.open.len() == 1)
    }

    /// The span of an invocation: of the one named, else of the only one under way.
    pub(crate) fn span(&self, request_id: Option<&str>) -> Option<TraceParent> {
        let Some(id) = request_id else {
            return self.only().map(|open| open.span);
        };
        let open = self.open.iter().rev().find(|open| open.request_id == id).map(|open| open.span);
        open.or_else(|| self.ended.iter().rev().find(|(ended, _)| ended == id).and_then(|(_, span)| *span))
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use hopguard_core::event::Source;
    use hopguard_core::{ChainId, FunctionId, Lineage};

    use super::*;
    use crate::observe::invocation::Batch;

    fn started(id: &str, span: u64) -> Started {
        let chain = ChainId::new(1).unwrap();
        Started {
            request_id: id.to_owned(),
            arn: String::new(),
            source: Source::Other,
            lineage: Lineage::root(chain, FunctionId::from_bits(1), 9),
            sender: None,
            batch: Batch::default(),
            span: TraceParent { trace: chain, span, flags: 1 },
            at: SystemTime::now(),
        }
    }

    #[test]
    fn a_call_finds_its_invocation_even_after_the_end() {
        let mut under_way = UnderWay::default();
        let span = |under_way: &UnderWay, id| under_way.span(id).map(|span| span.span);
        assert_eq!(span(&under_way, None), None);
        under_way.start(started("a", 1));
        assert_eq!((span(&under_way, None), span(&under_way, Some("b"))), (Some(1), None));
        under_way.start(started("b", 2));
        assert_eq!((span(&under_way, None), span(&under_way, Some("b"))), (None, Some(2)));
        assert!(under_way.end("a").is_some() && under_way.end("a").is_none());
        assert_eq!((span(&under_way, Some("a")), under_way.has_ended("a")), (Some(1), true));
        assert!(under_way.end("never seen").is_none() && under_way.has_ended("never seen"));
        assert_eq!(under_way.give_up().len(), 1);
        assert!(under_way.has_ended("b"));
    }

    #[test]
    fn their_number_is_bounded() {
        let mut under_way = UnderWay::default();
        let lost = (0..MAX_OPEN + 10).filter_map(|n| under_way.start(started(&n.to_string(), 1))).count();
        assert_eq!((lost, under_way.open.len()), (10, MAX_OPEN));
        for n in 0..MAX_OPEN {
            under_way.end(&n.to_string());
        }
        assert_eq!(under_way.ended.len(), MAX_ENDED);
    }
}
