use super::interval::{self, Interval};
use super::{Amount, Call};

/// Calls that were sent again, and the time that was lost by it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Retries {
    /// How often a call was sent again.
    pub count: u32,
    /// How many calls were sent again whose attempts have no times: what they lost is not in the figures.
    pub untimed: u32,
    /// The time in which a failed attempt was in flight.
    pub failed_ns: u64,
    /// The time between one attempt and the next.
    pub backoff_ns: u64,
    /// The time lost to either.
    pub lost: Amount,
}

/// What was lost within `bounds`.
pub(super) fn of(bounds: Interval, calls: &[Call], amount: impl Fn(u64) -> Amount) -> Retries {
    let mut retries = Retries::default();
    let (mut failed, mut backoff) = (Vec::new(), Vec::new());
    for call in calls.iter().filter(|call| call.retries() > 0) {
        retries.count = retries.count.saturating_add(call.retries());
        if call.attempts.len() < 2 {
            retries.untimed = retries.untimed.saturating_add(1);
            continue;
        }
        let within = Interval::of(call).within(bounds);
        let mut attempts = call.attempts.clone();
        attempts.sort_by_key(|attempt| attempt.start_ns);
        let mut rest = attempts.iter().peekable();
        while let Some(attempt) = rest.next() {
            let interval = Interval::new(attempt.start_ns, attempt.end_ns);
            match rest.peek() {
                Some(next) => {
                    failed.push(interval.within(within));
                    backoff.push(Interval::new(interval.end(), next.start_ns).within(within));
                }
                None if attempt.failed => failed.push(interval.within(within)),
                None => {}
            }
        }
    }
    let lost = failed.iter().chain(&backoff).copied().collect();
    retries.failed_ns = total(failed);
    retries.backoff_ns = total(backoff);
    retries.lost = amount(total(lost));
    retries
}

fn total(mut intervals: Vec<Interval>) -> u64 {
    intervals.sort_unstable_by_key(|interval| interval.start());
    interval::union(intervals.into_iter())
}
