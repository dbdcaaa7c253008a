use super::interval::{self, Interval};
use super::retries::{self, Retries};
use super::serial::{self, SerialRun};
use super::{Amount, Call, Calls, Invocation, Kind, Price, critical};

/// What one invocation waited for, and what that cost.
///
/// Where calls were dropped, every figure of them is a lower bound, and the time on the processor an upper one.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Analysis {
    /// How many calls were analysed.
    pub calls: u32,
    /// How many there was no room for.
    pub dropped: u64,
    /// How long the handler ran, in nanoseconds.
    pub handler_ns: u64,
    /// What was paid for: see [`Invocation::paid_ns`]. Without the price of the request.
    pub paid: Amount,
    /// The price of the request, in USD.
    pub request_usd: f64,
    /// The time in which at least one call was in flight, in nanoseconds: the union of the calls within the handler's time.
    pub in_flight_ns: u64,
    /// The wait: the time in flight, and never more than the handler was idle, where that is measured.
    pub wait: Amount,
    /// How long the handler was idle, where its busy time is measured.
    pub idle_ns: Option<u64>,
    /// The handler's time on the processor: measured, or else its time without the wait.
    pub cpu_ns: u64,
    /// Functions that this one called and waited for.
    pub sync_invokes: SyncInvokes,
    /// Runs of two calls and more that were made one after the other, in the order of their time.
    pub serial: Vec<SerialRun>,
    /// The most that running each of them together could save. A candidate: that a call does not need an earlier one's answer is
    /// not known.
    pub saving: Amount,
    /// The calls that determined the end of the handler, by their places, in the order of their time. The rest of its time is its own.
    pub critical_path: Vec<u32>,
    /// How long those took.
    pub critical_ns: u64,
    /// Calls that were sent again.
    pub retries: Retries,
    /// Calls that ran into a time limit.
    pub timeouts: Timeouts,
    /// Calls that failed in the end, those that ran into a time limit included.
    pub failed: u32,
    /// Calls that were still in flight when the handler's answer was there: nobody waited for their end.
    pub outlived: u32,
    /// Calls that were in flight before the handler began: left over from an earlier invocation.
    pub early: u32,
}

/// Functions that were called and waited for.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct SyncInvokes {
    /// How many.
    pub count: u32,
    /// What the caller paid while at least one of them was in flight. This is what is paid twice.
    pub caller: Amount,
    /// What their own invocations were paid with.
    pub callees: Amount,
    /// Of how many that is an estimate: the time waited, at the caller's memory.
    pub estimated: u32,
}

/// Calls that ran into a time limit.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Timeouts {
    /// How many.
    pub count: u32,
    /// The time in which at least one of them was in flight.
    pub wait: Amount,
}

/// Analyses one invocation: linear in its calls, once they are sorted.
pub fn analyse(invocation: &Invocation, calls: &Calls, price: &Price) -> Analysis {
    let bounds = Interval::new(invocation.start_ns, invocation.end_ns);
    let all = calls.as_slice();
    let amount = |ns| price.amount(ns, invocation.memory_mb);
    let intervals = interval::sorted(bounds, all);
    let union_of = |wanted: fn(&Call) -> bool| {
        let of = |place: u32| calls.at(place).is_some_and(wanted);
        interval::union(intervals.iter().filter(|one| of(one.place)).map(|one| one.interval))
    };
    let handler_ns = bounds.length();
    let idle_ns = invocation.busy_ns.map(|busy| handler_ns.saturating_sub(busy));
    let in_flight_ns = union_of(|_| true);
    let wait_ns = in_flight_ns.min(idle_ns.unwrap_or(u64::MAX));
    // No part of the wait can be longer than all of it.
    let part = |ns: u64| amount(ns.min(wait_ns));
    let serial = serial::runs(&intervals, calls);
    let saving_ns = serial.iter().fold(0_u64, |sum, run| sum.saturating_add(run.saving_ns()));
    let critical_path = critical::path(bounds, &intervals, calls);
    Analysis {
        calls: count(all, |_| true),
        dropped: calls.dropped(),
        handler_ns,
        paid: amount(invocation.paid_ns()),
        request_usd: price.usd_per_request,
        in_flight_ns,
        wait: amount(wait_ns),
        idle_ns,
        cpu_ns: invocation.busy_ns.unwrap_or(handler_ns - wait_ns),
        sync_invokes: SyncInvokes {
            caller: part(union_of(Call::is_sync_invoke)),
            ..callees(bounds, all, price, invocation.memory_mb)
        },
        serial,
        saving: part(saving_ns),
        critical_ns: critical_path.1,
        critical_path: critical_path.0,
        retries: retries::of(bounds, all, part),
        timeouts: Timeouts {
            count: count(all, |call| call.timed_out),
            wait: part(union_of(|call| call.timed_out)),
        },
        failed: count(all, Call::is_failed),
        outlived: count(all, |call| call.end_ns > bounds.end()),
        early: count(all, |call| call.start_ns < bounds.start()),
    }
}

fn count(calls: &[Call], wanted: impl Fn(&Call) -> bool) -> u32 {
    u32::try_from(calls.iter().filter(|call| wanted(call)).count()).unwrap_or(u32::MAX)
}

fn callees(bounds: Interval, calls: &[Call], price: &Price, memory_mb: u32) -> SyncInvokes {
    let mut invokes = SyncInvokes::default();
    for call in calls {
        let Kind::SyncInvoke { callee } = call.kind else { continue };
        invokes.count = invokes.count.saturating_add(1);
        invokes.callees += match callee {
            Some(callee) => price.amount(callee.paid_ns, callee.memory_mb),
            None => {
                invokes.estimated = invokes.estimated.saturating_add(1);
                price.amount(Interval::of(call).within(bounds).length(), memory_mb)
            }
        };
    }
    invokes
}
