use std::collections::HashMap;

use super::calls::MAX_DEPENDENCES;
use super::interval::Placed;
use super::{Call, Calls};

/// Two calls or more that were made one after the other.
///
/// A call belongs to a run where no other call was in flight while it was. Calls follow one another in a run as long as none that
/// overlaps another lies between them. Own work between two calls does not end a run, however long: it changes nothing of what
/// running the calls together would save, and [`gaps_ns`](Self::gaps_ns) says how much of it there was.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SerialRun {
    /// The calls by their places, in the order of their time.
    pub calls: Vec<u32>,
    /// How long they took, one after the other.
    pub sum_ns: u64,
    /// How long the longest of them took.
    pub longest_ns: u64,
    /// How long the longest chain of calls took of which each shows the output of the one before: at least the longest call.
    pub path_ns: u64,
    /// The handler's own time between them.
    pub gaps_ns: u64,
}

impl SerialRun {
    /// The most that could be saved if whatever does not need another ran together.
    pub const fn saving_ns(&self) -> u64 {
        self.sum_ns.saturating_sub(self.path_ns)
    }
}

/// The runs among calls that are in the order of their time.
pub(super) fn runs(placed: &[Placed], calls: &Calls) -> Vec<SerialRun> {
    let mut runs = Vec::new();
    let mut alone: Vec<Placed> = Vec::new();
    let mut until = 0;
    let mut rest = placed.iter().copied().peekable();
    while let Some(one) = rest.next() {
        let overlaps_earlier = one.interval.start() < until;
        until = until.max(one.interval.end());
        let overlaps_later = rest.peek().is_some_and(|next| next.interval.start() < until);
        let may_overlap_dropped = until > calls.complete_until();
        if overlaps_earlier || overlaps_later || may_overlap_dropped {
            runs.extend(run(&alone, calls));
            alone.clear();
        } else {
            alone.push(one);
        }
    }
    runs.extend(run(&alone, calls));
    runs
}

fn run(alone: &[Placed], calls: &Calls) -> Option<SerialRun> {
    if alone.len() < 2 {
        return None;
    }
    let mut run = SerialRun::default();
    let mut ends: HashMap<u32, u64> = HashMap::with_capacity(alone.len());
    let mut until = None;
    for Placed { interval, place } in alone {
        let length = interval.length();
        run.calls.push(*place);
        run.sum_ns += length;
        run.longest_ns = run.longest_ns.max(length);
        run.gaps_ns += interval.start() - until.unwrap_or(interval.start());
        until = Some(interval.end());
        let before = match calls.at(*place) {
            Some(Call { depends_on, .. }) if depends_on.len() > MAX_DEPENDENCES => run.path_ns,
            Some(Call { depends_on, .. }) => {
                depends_on.iter().filter_map(|earlier| ends.get(earlier)).max().copied().unwrap_or_default()
            }
            None => 0,
        };
        ends.insert(*place, before + length);
        run.path_ns = run.path_ns.max(before + length);
    }
    Some(run)
}
