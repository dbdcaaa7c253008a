use hopguard_core::wait::Analysis;
use serde::Serialize;

use super::Cost;
use crate::report::model::{self, Model};

/// The most calls of one invocation that are shown: the longest ones.
pub(crate) const MAX_CALLS: usize = 60;
/// The most pieces of waiting that are drawn of one invocation.
const MAX_INTERVALS: usize = 200;

/// Why an invocation is among those that are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Why {
    /// A record of it was blocked.
    Blocked,
    /// Its function stands on its own path.
    Loop,
    /// A finding stands on it.
    Finding,
    /// It is one of the slowest of its function.
    Slowest,
    /// It waited more than most of its function.
    MostWait,
    /// It ended with an error.
    Error,
    /// A call of it was sent again or ran into a time limit.
    Retries,
    /// It belongs to the chain that is the example of its shape.
    Example,
}

impl Why {
    /// In words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Blocked => "blocked",
            Self::Loop => "loop",
            Self::Finding => "finding",
            Self::Slowest => "slowest",
            Self::MostWait => "most wait",
            Self::Error => "error",
            Self::Retries => "retries",
            Self::Example => "example of its chain",
        }
    }
}

/// One invocation with its calls.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Invocation {
    /// Names it within this report: `i1`, `i2`, …
    pub key: String,
    /// Why it is shown.
    pub why: Vec<Why>,
    /// The function.
    pub function: String,
    /// `service.name`, where it is another.
    pub service: Option<String>,
    /// The request id.
    pub request_id: String,
    /// The trace.
    pub trace_id: String,
    /// The chain.
    pub chain_id: String,
    /// The hop.
    pub hop: Option<u32>,
    /// The visit.
    pub visits: Option<u32>,
    /// What it came from: `sqs`, `s3`, `http`.
    pub source: String,
    /// The route or detail type of its event.
    pub route: Option<String>,
    /// Its start, in nanoseconds since 1970.
    pub start_ns: u64,
    /// How long the handler ran.
    pub handler_ns: u64,
    /// Its time on the processor: measured, or else its time without the wait.
    pub cpu_ns: u64,
    /// What it is given, in MB; `null` where not known.
    pub memory_mb: Option<u32>,
    /// Whether it was a cold start.
    pub cold_start: bool,
    /// How long the initialisation before it took.
    pub init_ns: Option<u64>,
    /// How many records it got.
    pub records: Option<u32>,
    /// Whether a record of it was blocked.
    pub blocked: bool,
    /// What it ended with.
    pub error: Option<String>,
    /// What was paid for.
    pub paid: Cost,
    /// The time with a call in flight.
    pub wait: Cost,
    /// What it paid while it waited for other functions.
    pub sync_invoke_wait: Cost,
    /// What these were paid with.
    pub sync_invoke_callees: Cost,
    /// The most that running serial calls together could save.
    pub saving: Cost,
    /// Calls that were sent again.
    pub retries: u32,
    /// The time lost to that.
    pub retry_wait: Cost,
    /// Calls that ran into a time limit.
    pub timeouts: u32,
    /// The calls that determined its end: how long they took.
    pub critical_ns: u64,
    /// When it waited, from its start on.
    pub waits: Vec<Interval>,
    /// The keys of the shown invocations that sent what it works on.
    pub sent_by: Vec<String>,
    /// Its calls in the order of their start: the longest, where there are many.
    pub calls: Vec<Call>,
    /// How many there are in all.
    pub calls_total: u64,
    /// Calls that were made one after the other.
    pub serial_runs: Vec<Run>,
}

/// A time within an invocation, in nanoseconds from its start on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Interval {
    /// From its start on.
    pub start_ns: i64,
    /// How long.
    pub duration_ns: u64,
}

/// One call.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Call {
    /// The service.
    pub service: String,
    /// The operation.
    pub operation: String,
    /// The queue, topic, bucket, table, stream or function.
    pub target: Option<String>,
    /// From the invocation's start on; below 0 where it was left over from an earlier one.
    pub start_ns: i64,
    /// How long.
    pub duration_ns: u64,
    /// The HTTP status of the last answer.
    pub status: Option<u16>,
    /// What it ended with.
    pub error: Option<String>,
    /// Whether it ran into a time limit.
    pub timed_out: bool,
    /// How often it was sent again.
    pub retries: u32,
    /// Its attempts, where their times are known.
    pub attempts: Vec<Interval>,
    /// Whether it is an Invoke whose answer was waited for.
    pub sync_invoke: bool,
    /// The invocation that it started, where that is shown.
    pub callee: Option<String>,
    /// Whether it is on the critical path.
    pub critical: bool,
    /// Which of `serial_runs` it belongs to.
    pub serial_run: Option<usize>,
    /// Earlier calls, by their places in this list, whose output its input shows.
    pub depends_on: Vec<usize>,
}

/// Calls that were made one after the other.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Run {
    /// How many calls.
    pub calls: usize,
    /// How long they took together.
    pub sum_ns: u64,
    /// How long the longest took.
    pub longest_ns: u64,
    /// The most that running them together could save.
    pub saving_ns: u64,
}

/// What links between invocations need: the key of one that is shown.
pub(super) type Keys<'k> = &'k dyn Fn(usize) -> Option<String>;

pub(super) fn of(
    model: &Model,
    place: usize,
    why: &[Why],
    memory_mb: u32,
    analysis: &Analysis,
    keys: Keys<'_>,
) -> Option<Invocation> {
    let one = model.invocations.get(place)?;
    let runs: Vec<Run> = analysis
        .serial
        .iter()
        .map(|run| Run {
            calls: run.calls.len(),
            sum_ns: run.sum_ns,
            longest_ns: run.longest_ns,
            saving_ns: run.saving_ns(),
        })
        .collect();
    let mut sent_by: Vec<String> = one.senders.iter().filter_map(|sender| keys(sender.invocation)).collect();
    sent_by.dedup();
    Some(Invocation {
        key: keys(place)?,
        why: why.to_vec(),
        function: one.function.to_string(),
        service: one.service.as_deref().map(str::to_owned),
        request_id: one.id.to_string(),
        trace_id: format!("{:032x}", one.trace),
        chain_id: format!("{:032x}", one.chain),
        hop: one.hop,
        visits: one.visits,
        source: one.source.to_string(),
        route: one.route.as_deref().map(str::to_owned),
        start_ns: one.start_ns,
        handler_ns: analysis.handler_ns,
        cpu_ns: analysis.cpu_ns,
        memory_mb: (memory_mb > 0).then_some(memory_mb),
        cold_start: one.cold,
        init_ns: one.init_ns,
        records: one.records,
        blocked: one.blocked,
        error: one.error.as_deref().map(str::to_owned),
        paid: analysis.paid.into(),
        wait: analysis.wait.into(),
        sync_invoke_wait: analysis.sync_invokes.caller.into(),
        sync_invoke_callees: analysis.sync_invokes.callees.into(),
        saving: analysis.saving.into(),
        retries: analysis.retries.count,
        retry_wait: analysis.retries.lost.into(),
        timeouts: analysis.timeouts.count,
        critical_ns: analysis.critical_ns,
        waits: waits(one),
        sent_by,
        calls: calls(one, analysis, keys),
        calls_total: one.calls.len() as u64 + one.dropped_calls,
        serial_runs: runs,
    })
}

fn calls(one: &model::Invocation, analysis: &Analysis, keys: Keys<'_>) -> Vec<Call> {
    let mut shown: Vec<usize> = (0..one.calls.len()).collect();
    if shown.len() > MAX_CALLS {
        shown.sort_by_key(|place| {
            std::cmp::Reverse(one.calls.get(*place).map_or(0, model::Call::duration_ns))
        });
        shown.truncate(MAX_CALLS);
        shown.sort_unstable();
    }
    let place_of = |call: &u32| usize::try_from(*call).ok();
    let critical: std::collections::HashSet<usize> =
        analysis.critical_path.iter().filter_map(place_of).collect();
    let in_run: std::collections::HashMap<usize, usize> = (0..)
        .zip(&analysis.serial)
        .flat_map(|(run, serial)| serial.calls.iter().filter_map(place_of).map(move |call| (call, run)))
        .collect();
    let from_start = |at: u64| i64::try_from(i128::from(at) - i128::from(one.start_ns)).unwrap_or_default();
    let call = |place: &usize| {
        let call = one.calls.get(*place)?;
        let attempts = call.attempts.iter().map(|attempt| Interval {
            start_ns: from_start(attempt.start_ns),
            duration_ns: attempt.end_ns.saturating_sub(attempt.start_ns),
        });
        Some(Call {
            service: call.service.to_string(),
            operation: call.operation.to_string(),
            target: call.target.as_deref().map(str::to_owned),
            start_ns: from_start(call.start_ns),
            duration_ns: call.duration_ns(),
            status: call.status,
            error: call.error.as_deref().map(str::to_owned),
            timed_out: call.timed_out(),
            retries: call.retries(),
            attempts: attempts.collect(),
            sync_invoke: call.sync_invoke,
            callee: call.callee.and_then(keys),
            critical: critical.contains(place),
            serial_run: in_run.get(place).copied(),
            depends_on: call.depends_on.iter().filter_map(|on| shown.binary_search(on).ok()).collect(),
        })
    };
    shown.iter().filter_map(call).collect()
}

/// The union of the calls within the handler's time, piece by piece.
fn waits(one: &model::Invocation) -> Vec<Interval> {
    let mut pieces: Vec<(u64, u64)> = Vec::new();
    for call in &one.calls {
        let (start, end) = (call.start_ns.max(one.start_ns), call.end_ns.min(one.end_ns));
        match pieces.last_mut() {
            _ if end <= start => {}
            Some(last) if start <= last.1 => last.1 = last.1.max(end),
            _ => pieces.push((start, end)),
        }
    }
    pieces.truncate(MAX_INTERVALS);
    let interval = |(start, end): (u64, u64)| Interval {
        start_ns: i64::try_from(start - one.start_ns).unwrap_or_default(),
        duration_ns: end - start,
    };
    pieces.into_iter().map(interval).collect()
}
