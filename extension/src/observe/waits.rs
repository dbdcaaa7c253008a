use std::collections::{HashMap, VecDeque};
use std::time::{Duration, SystemTime};

use hopguard_core::wait::{self, Analysis, Attempt, Calls, Invocation, Kind, Price};

use super::invocation::Started;
use super::report::Call;
use super::span::{End, nanos};

/// Calls that are kept, those of all invocations together.
const MAX_CALLS: usize = 10_000;
/// Invocations that calls are kept of.
const MAX_CALLERS: usize = 1_280;
/// Invocations that are over and wait for what is reported late.
const MAX_CLOSED: usize = 256;
/// How much earlier than it is an injector's clock may be.
const SKEW: Duration = Duration::from_millis(5);

/// What was reported of invocations that are not analysed yet. Reports come by UDP, and the last of them may arrive behind the answer:
/// an invocation is analysed when an export begins. Bounded.
#[derive(Debug, Default)]
pub(crate) struct Waits {
    callers: HashMap<String, Caller>,
    closed: VecDeque<Closed>,
    kept: usize,
    taken: u64,
}

/// The calls of one invocation.
#[derive(Debug, Default)]
struct Caller {
    /// Which came first.
    number: u64,
    calls: Calls,
    /// Their places by their spans.
    places: HashMap<u64, u32>,
}

/// An invocation that is over.
#[derive(Clone, Debug)]
pub(crate) struct Closed {
    pub(crate) started: Started,
    pub(crate) at: SystemTime,
    pub(crate) end: End,
    pub(crate) cold: bool,
    /// How long the handler was on the processor, where that is told.
    pub(crate) busy_ns: Option<u64>,
    /// How long the initialisation took, where that is told.
    pub(crate) init_ns: Option<u64>,
}

impl Waits {
    /// Takes one call of an invocation. Returns the spans of the earlier calls of that invocation that it depends on: an injector that
    /// does not know the invocation may name those of another.
    pub(crate) fn note(&mut self, invocation: &str, call: &Call<'_>) -> Vec<u64> {
        let number = self.taken;
        self.taken += 1;
        if !self.callers.contains_key(invocation) {
            if self.callers.len() >= MAX_CALLERS {
                self.forget_first();
            }
            self.callers.insert(invocation.to_owned(), Caller { number, ..Caller::default() });
        }
        let Some(caller) = self.callers.get_mut(invocation) else { return Vec::new() };
        let place = |span: u64| caller.places.get(&span).map(|place| (span, *place));
        let (after, depends_on) = call.after().filter_map(place).unzip();
        if self.kept >= MAX_CALLS {
            caller.calls.add_dropped(1);
            return after;
        }
        if let Some(place) = caller.calls.push(analysed(call, depends_on)) {
            self.kept += 1;
            if let Some(span) = call.span() {
                caller.places.insert(span, place);
            }
        }
        after
    }

    /// Takes an invocation that is over; the first of them comes back where there are too many.
    pub(crate) fn close(&mut self, closed: Closed) -> Option<Closed> {
        self.taken += 1;
        let first = if self.closed.len() >= MAX_CLOSED { self.closed.pop_front() } else { None };
        self.closed.push_back(closed);
        first
    }

    /// The invocation that a call belongs to which names none: the one under way, or the last that is over where the call is older.
    pub(crate) fn caller<'w>(&'w self, open: Option<&'w Started>, call: &Call<'_>) -> Option<&'w Started> {
        let began = Duration::from_nanos(call.start_ns.get()) + SKEW;
        let before = |started: &&Started| {
            started.at.duration_since(SystemTime::UNIX_EPOCH).is_ok_and(|at| at <= began)
        };
        let last = || self.closed.back().map(|closed| &closed.started);
        open.filter(before).or_else(|| last().filter(before)).or(open)
    }

    /// Whether one of those that are over was the first here.
    pub(crate) fn has_cold(&self) -> bool {
        self.closed.iter().any(|closed| closed.cold)
    }

    /// Invocations that are over and not analysed.
    pub(crate) fn take_closed(&mut self) -> VecDeque<Closed> {
        std::mem::take(&mut self.closed)
    }

    /// What one of them waited for.
    pub(crate) fn analyse(&mut self, closed: &Closed, memory_mb: u32, price: &Price) -> (Calls, Analysis) {
        let Caller { calls, .. } = self.callers.remove(&closed.started.request_id).unwrap_or_default();
        self.kept = self.kept.saturating_sub(calls.len());
        let invocation = Invocation {
            start_ns: nanos(closed.started.at),
            end_ns: nanos(closed.at),
            memory_mb,
            busy_ns: closed.busy_ns,
            ..Invocation::default()
        };
        let analysis = wait::analyse(&invocation, &calls, price);
        (calls, analysis)
    }

    /// How much it has taken since the beginning.
    pub(crate) const fn taken(&self) -> u64 {
        self.taken
    }

    /// Makes room: whose end was never seen is the first to go.
    fn forget_first(&mut self) {
        let first = self.callers.iter().min_by_key(|(_, caller)| caller.number).map(|(id, _)| id.clone());
        if let Some(caller) = first.and_then(|first| self.callers.remove(&first)) {
            self.kept = self.kept.saturating_sub(caller.calls.len());
        }
    }
}

/// A call as the analysis wants it.
fn analysed(call: &Call<'_>, depends_on: Vec<u32>) -> wait::Call {
    let error = call.error();
    let attempt = |one: &super::report::Try<'_>| Attempt {
        start_ns: one.start_ns.get(),
        end_ns: one.end_ns.get(),
        failed: one.error().is_some(),
    };
    wait::Call {
        target: call.target().map(Box::from),
        kind: if call.is_sync_invoke() { Kind::SyncInvoke { callee: None } } else { Kind::Other },
        attempts: call.tries().map(attempt).collect(),
        resends: call.resends().unwrap_or_default(),
        status: call.status,
        timed_out: error.is_some_and(|error| error.to_ascii_lowercase().contains("timeout")),
        error: error.map(Box::from),
        depends_on,
        ..wait::Call::new(
            call.service().to_owned(),
            call.operation().to_owned(),
            call.start_ns.get(),
            call.end_ns.get(),
        )
    }
}

#[cfg(test)]
mod tests {
    use hopguard_core::event::Source;
    use hopguard_core::propagator::TraceParent;
    use hopguard_core::{ChainId, FunctionId, Lineage};

    use super::*;
    use crate::observe::invocation::{Batch, Outcome};
    use crate::observe::report::Report;

    const MS: u64 = 1_000_000;

    fn at(ms: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_millis(ms)
    }

    fn closed(id: &str, from: u64, to: u64) -> Closed {
        let chain = ChainId::new(1).unwrap();
        let started = Started {
            request_id: id.to_owned(),
            arn: String::new(),
            source: Source::Other,
            lineage: Lineage::root(chain, FunctionId::from_bits(1), 9),
            sender: None,
            batch: Batch::default(),
            span: TraceParent { trace: chain, span: 1, flags: 1 },
            at: at(from),
        };
        Closed {
            started,
            at: at(to),
            end: End::Answered(Outcome::Answered),
            cold: false,
            busy_ns: None,
            init_ns: None,
        }
    }

    fn report(span: u64, from: u64, to: u64, more: &str) -> String {
        let (start, end) = (from * MS, to * MS);
        format!(
            r#"{{"call":{{"span":"{span:016x}","service":"Lambda","operation":"Invoke","start_ns":"{start}","end_ns":"{end}"{more}}}}}"#
        )
    }

    fn note(waits: &mut Waits, id: &str, json: &str) {
        waits.note(id, &Report::read(json.as_bytes()).call.unwrap());
    }

    #[test]
    fn calls_are_analysed_by_their_invocation() {
        let mut waits = Waits::default();
        note(&mut waits, "a", &report(1, 10, 40, ""));
        note(&mut waits, "b", &report(9, 10, 90, ""));
        note(
            &mut waits,
            "a",
            &report(2, 40, 60, r#","type":"Event","error":"ReadTimeoutError","attempts":3"#),
        );
        assert!(waits.close(closed("a", 0, 100)).is_none());
        let [a] = <[Closed; 1]>::try_from(Vec::from(waits.take_closed())).unwrap();
        let (calls, analysis) = waits.analyse(&a, 1_024, &Price::default());
        assert_eq!((calls.len(), waits.kept), (2, 1));
        assert_eq!((analysis.wait.ns, analysis.sync_invokes.caller.ns), (50 * MS, 30 * MS));
        assert_eq!((analysis.saving.ns, analysis.retries.count, analysis.timeouts.count), (20 * MS, 2, 1));
        assert!(analysis.wait.usd > 0.0);
    }

    #[test]
    fn a_call_that_needs_an_earlier_one_saves_nothing() {
        let mut waits = Waits::default();
        note(&mut waits, "a", &report(1, 10, 40, ""));
        note(
            &mut waits,
            "a",
            &report(2, 40, 60, r#","after":["0000000000000001","00000000000000ff","x",""]"#),
        );
        let (calls, analysis) = waits.analyse(&closed("a", 0, 100), 128, &Price::default());
        assert_eq!((calls.at(1).unwrap().depends_on.as_slice(), analysis.saving.ns), (&[0][..], 0));
    }

    #[test]
    fn a_call_without_a_name_belongs_to_who_was_under_way_when_it_began() {
        let mut waits = Waits::default();
        let json = report(1, 50, 60, "");
        let call = Report::read(json.as_bytes()).call.unwrap();
        let named = |found: Option<&Started>| found.map(|started| started.request_id.clone());
        assert_eq!(named(waits.caller(None, &call)), None);
        let open = closed("new", 100, 0).started;
        assert_eq!(named(waits.caller(Some(&open), &call)).as_deref(), Some("new"), "nobody else is known");
        waits.close(closed("old", 40, 61));
        assert_eq!(named(waits.caller(Some(&open), &call)).as_deref(), Some("old"));
        assert_eq!(named(waits.caller(None, &call)).as_deref(), Some("old"));
        let json = report(2, 98, 120, "");
        let call = Report::read(json.as_bytes()).call.unwrap();
        assert_eq!(named(waits.caller(Some(&open), &call)).as_deref(), Some("new"), "clocks differ a little");
    }

    #[test]
    fn everything_is_bounded() {
        let mut waits = Waits::default();
        for nth in 0..2 * MAX_CALLERS {
            note(&mut waits, &nth.to_string(), &report(1, 0, 1, ""));
        }
        assert_eq!((waits.callers.len(), waits.kept), (MAX_CALLERS, MAX_CALLERS));
        assert!(!waits.callers.contains_key("0"));
        for span in 0..2 * MAX_CALLS {
            note(&mut waits, "many", &report(span as u64 + 1, 0, 1, ""));
        }
        assert_eq!(waits.kept, MAX_CALLS);
        let (calls, analysis) = waits.analyse(&closed("many", 0, 9), 128, &Price::default());
        assert_eq!(u64::from(analysis.calls) + analysis.dropped, 2 * MAX_CALLS as u64);
        assert_eq!(waits.kept, MAX_CALLS - calls.len());
        let back = (0..2 * MAX_CLOSED).filter_map(|nth| waits.close(closed(&nth.to_string(), 0, 1))).count();
        assert_eq!((back, waits.take_closed().len()), (MAX_CLOSED, MAX_CLOSED));
    }
}
