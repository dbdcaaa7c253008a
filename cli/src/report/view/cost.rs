use std::ops::AddAssign;

use hopguard_core::wait::{self, Amount, Analysis};
use serde::Serialize;

use crate::report::model;

/// A time, and what it is paid with: seconds × GB × price.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Cost {
    /// Nanoseconds.
    pub ns: u64,
    /// Seconds × GB, where 1 GB is 1024 MB; 0 where the memory is not known.
    pub gb_seconds: f64,
    /// GB-seconds × price.
    pub usd: f64,
}

impl From<Amount> for Cost {
    fn from(Amount { ns, gb_seconds, usd }: Amount) -> Self {
        Self { ns, gb_seconds, usd }
    }
}

impl AddAssign for Cost {
    fn add_assign(&mut self, other: Self) {
        self.ns = self.ns.saturating_add(other.ns);
        self.gb_seconds += other.gb_seconds;
        self.usd += other.usd;
    }
}

/// The price that every USD figure is made with.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Price {
    /// USD for one GB-second.
    pub usd_per_gb_second: f64,
    /// USD for one request; in `totals.requests_usd` only.
    pub usd_per_request: f64,
    /// Where it is from.
    pub source: String,
    /// The day of that source; empty where it is the user's own.
    pub date: String,
    /// How a USD figure follows from the others.
    pub formula: &'static str,
}

impl Price {
    pub(super) fn new(price: &wait::Price) -> Self {
        Self {
            usd_per_gb_second: price.usd_per_gb_second,
            usd_per_request: price.usd_per_request,
            source: price.source.to_string(),
            date: price.date.to_string(),
            formula: "USD = seconds × memory in MB ÷ 1024 × USD per GB-second",
        }
    }
}

/// Sums over invocations.
#[derive(Clone, Debug, Default, Serialize)]
#[non_exhaustive]
pub struct Totals {
    /// How many.
    pub invocations: u64,
    /// Cold starts among them.
    pub cold_starts: u64,
    /// Those of which a record was blocked.
    pub blocked: u64,
    /// Those that ended with an error; a block is one.
    pub errors: u64,
    /// Their calls.
    pub calls: u64,
    /// How long the handlers ran, in nanoseconds.
    pub handler_ns: u64,
    /// The longest of them.
    pub longest_ns: u64,
    /// What was paid for: handler and, where known, initialisation, each invocation rounded up to a millisecond.
    pub paid: Cost,
    /// The time with a call in flight.
    pub wait: Cost,
    /// Synchronous Invokes.
    pub sync_invokes: u64,
    /// What callers paid while they waited for other functions: those are paid too, so it is paid twice.
    pub sync_invoke_wait: Cost,
    /// What these other functions were paid with.
    pub sync_invoke_callees: Cost,
    /// The most that running serial calls together could save. A candidate.
    pub saving: Cost,
    /// Calls that were sent again.
    pub retries: u64,
    /// The time lost to that.
    pub retry_wait: Cost,
    /// Calls that ran into a time limit.
    pub timeouts: u64,
    /// What the requests are paid with, beside everything else.
    pub requests_usd: f64,
    /// Invocations of functions whose memory nobody says: their GB-seconds and USD count as 0.
    pub unpriced: u64,
}

impl Totals {
    pub(super) fn add(&mut self, invocation: &model::Invocation, analysis: &Analysis, memory_mb: u32) {
        self.invocations += 1;
        self.cold_starts += u64::from(invocation.cold);
        self.blocked += u64::from(invocation.blocked);
        self.errors += u64::from(invocation.error.is_some());
        self.calls += u64::from(analysis.calls) + analysis.dropped;
        self.handler_ns += analysis.handler_ns;
        self.longest_ns = self.longest_ns.max(analysis.handler_ns);
        self.paid += analysis.paid.into();
        self.wait += analysis.wait.into();
        self.sync_invokes += u64::from(analysis.sync_invokes.count);
        self.sync_invoke_wait += analysis.sync_invokes.caller.into();
        self.sync_invoke_callees += analysis.sync_invokes.callees.into();
        self.saving += analysis.saving.into();
        self.retries += u64::from(analysis.retries.count);
        self.retry_wait += analysis.retries.lost.into();
        self.timeouts += u64::from(analysis.timeouts.count);
        self.requests_usd += analysis.request_usd;
        self.unpriced += u64::from(memory_mb == 0);
    }
}

/// Sums over the invocations of one function at one memory.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct FunctionCost {
    /// The function.
    pub function: String,
    /// What it is given, in MB; `null` where not known.
    pub memory_mb: Option<u32>,
    /// The sums.
    #[serde(flatten)]
    pub totals: Totals,
}
