use super::Call;

/// A time from its start up to its end, never a negative one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Interval {
    start: u64,
    end: u64,
}

/// A call's time within its handler's, with the call's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Placed {
    pub(super) interval: Interval,
    pub(super) place: u32,
}

impl Interval {
    /// Where the clock was set back, the end is the start.
    pub(super) const fn new(start: u64, end: u64) -> Self {
        Self { start, end: if end < start { start } else { end } }
    }

    pub(super) const fn of(call: &Call) -> Self {
        Self::new(call.start_ns, call.end_ns)
    }

    pub(super) const fn start(self) -> u64 {
        self.start
    }

    pub(super) const fn end(self) -> u64 {
        self.end
    }

    pub(super) const fn length(self) -> u64 {
        self.end - self.start
    }

    /// What of it is in `bounds`; of one that is wholly outside, the bound that is next to it, with no length.
    pub(super) fn within(self, bounds: Self) -> Self {
        Self {
            start: self.start.clamp(bounds.start, bounds.end),
            end: self.end.clamp(bounds.start, bounds.end),
        }
    }

    /// Whether some of it is in `bounds`; one with no length is where it is not outside.
    fn is_in(self, bounds: Self) -> bool {
        let moment = self.length() == 0 && bounds.start <= self.start && self.end <= bounds.end;
        moment || self.within(bounds).length() > 0
    }
}

/// The calls within `bounds`, in the order of their time. Those that never were in it are left out.
pub(super) fn sorted(bounds: Interval, calls: &[Call]) -> Vec<Placed> {
    let mut placed: Vec<Placed> = (0..)
        .zip(calls)
        .map(|(place, call)| (place, Interval::of(call)))
        .filter(|(_, interval)| interval.is_in(bounds))
        .map(|(place, interval)| Placed { interval: interval.within(bounds), place })
        .collect();
    placed.sort_unstable_by_key(|one| (one.interval.start, one.interval.end, one.place));
    placed
}

/// The time in which at least one of the intervals lies. They come in the order of their starts.
pub(super) fn union(intervals: impl Iterator<Item = Interval>) -> u64 {
    let mut total = 0_u64;
    let mut until = 0_u64;
    for interval in intervals {
        total += interval.end.saturating_sub(interval.start.max(until));
        until = until.max(interval.end);
    }
    total
}
