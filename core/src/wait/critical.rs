use super::Calls;
use super::interval::{Interval, Placed};

/// The calls that determined the end of the handler, in the order of their time, and how long they took.
///
/// Backwards from the end: the call that ended last before it, then the one that ended last before that one's start, and so on; of
/// two that ended together, the longer. A call that was still in flight at the end determined nothing.
pub(super) fn path(bounds: Interval, placed: &[Placed], calls: &Calls) -> (Vec<u32>, u64) {
    let awaited = |one: &&Placed| {
        let ended = calls.at(one.place).is_some_and(|call| call.end_ns <= bounds.end());
        ended && one.interval.length() > 0
    };
    let mut by_end: Vec<Placed> = placed.iter().filter(awaited).copied().collect();
    by_end.sort_unstable_by_key(|one| {
        (one.interval.end(), u64::MAX - one.interval.start(), u32::MAX - one.place)
    });
    let (mut path, mut total, mut before) = (Vec::new(), 0, bounds.end());
    for one in by_end.into_iter().rev() {
        if one.interval.end() <= before {
            before = one.interval.start();
            total += one.interval.length();
            path.push(one.place);
        }
    }
    path.reverse();
    (path, total)
}
