use std::time::{Duration, Instant};

/// After so many failures in a row the pause between attempts grows no more.
const MOST_FAILURES: u32 = 5;

/// When the layer exports what it has observed. It never does before the response, but for a trip: after one nothing may run that would export what it was.
///
/// While invocations are rare, each is followed by an export: Lambda freezes the environment after it, and what is still in memory
/// then arrives an hour late or never. While they are frequent, an export after each would be billed each time for nothing: one
/// an interval is enough. While the collector does not answer, no invocation waits for it.
#[derive(Clone, Debug)]
pub struct FlushPolicy {
    interval: Duration,
    /// When the last invocation started.
    invoked: Option<Instant>,
    /// The mean time between two starts of late.
    gap: Option<Duration>,
    /// When the last export began.
    flushed: Option<Instant>,
    /// Exports in a row that failed or did not end in time.
    failures: u32,
}

/// What to do about an invocation that has started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flush {
    /// Nothing: ask for the next event at once.
    Later,
    /// Wait for its end, export, and only then ask for the next event.
    AtEnd,
    /// Begin an export at its end, but ask for the next event at once: of late the collector did not answer in time.
    Beside,
}

impl FlushPolicy {
    /// A policy for exports at most so far apart.
    pub const fn new(interval: Duration) -> Self {
        Self { interval, invoked: None, gap: None, flushed: None, failures: 0 }
    }

    /// Takes the start of an invocation, and says what to do about it. With `pressure`, memory for what is observed runs out.
    pub fn handle_invoke(&mut self, now: Instant, pressure: bool) -> Flush {
        if let Some(last) = self.invoked.replace(now) {
            // One long pause is not to make a busy function look idle for long.
            let gap = now.saturating_duration_since(last).min(2 * self.interval);
            self.gap = Some(self.gap.map_or(gap, |mean| (3 * mean + gap) / 4));
        }
        let since = self.flushed.map(|flushed| now.saturating_duration_since(flushed));
        if self.failures > 0 {
            let rested = since.is_none_or(|since| since >= self.pause());
            return if rested { Flush::Beside } else { Flush::Later };
        }
        let frequent = self.gap.is_some_and(|gap| gap < self.interval / 2);
        let due = pressure || !frequent || since.is_none_or(|since| since >= self.interval);
        if due { Flush::AtEnd } else { Flush::Later }
    }

    /// Takes the begin of an export.
    pub fn handle_flush(&mut self, now: Instant) {
        self.flushed = Some(now);
    }

    /// Takes how it went: whether everything was delivered, and in time.
    pub fn handle_outcome(&mut self, delivered: bool) {
        self.failures = if delivered { 0 } else { self.failures.saturating_add(1).min(MOST_FAILURES) };
    }

    /// When the next export is due where no event says that an invocation has started (Lambda Managed Instances). With `pressure`, memory
    /// for what is observed runs out.
    pub fn poll_timeout(&self, now: Instant, pressure: bool) -> Instant {
        let wait = match self.failures {
            0 if pressure => Duration::ZERO,
            0 => self.interval,
            _ => self.pause(),
        };
        self.flushed.map_or(now, |flushed| flushed + wait.max(Duration::from_millis(100)))
    }

    /// How long to leave a collector alone that does not answer: 1, 2, 4, 8, 16 s.
    fn pause(&self) -> Duration {
        Duration::from_secs(1) * 2u32.saturating_pow(self.failures.saturating_sub(1))
    }
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "a test needs some instant to start from")]
mod tests {
    use super::*;

    const INTERVAL: Duration = Duration::from_secs(10);

    /// What a policy says to invocations that start so many milliseconds after each other, where each export is delivered.
    fn run(interval: Duration, gaps_ms: &[u64]) -> String {
        let mut policy = FlushPolicy::new(interval);
        let mut now = Instant::now();
        let one = |gap: &u64| {
            now += Duration::from_millis(*gap);
            match policy.handle_invoke(now, false) {
                Flush::Later => '.',
                Flush::Beside => 'b',
                Flush::AtEnd => {
                    policy.handle_flush(now);
                    policy.handle_outcome(true);
                    'F'
                }
            }
        };
        gaps_ms.iter().map(one).collect()
    }

    #[test]
    fn rare_invocations_are_exported_one_by_one_and_frequent_ones_together() {
        let cases: [(&str, Duration, &[u64], &str); 7] = [
            ("the first", INTERVAL, &[0], "F"),
            ("one a minute", INTERVAL, &[0, 60_000, 60_000, 60_000], "FFFF"),
            ("four a second", INTERVAL, &[0, 250, 250, 250, 250], "F...."),
            ("every 4 s, so twice an interval", INTERVAL, &[0, 4_000, 4_000, 4_000, 4_000, 4_000], "F..F.."),
            ("every 5 s: as rare as frequent", INTERVAL, &[0, 5_000, 5_000], "FFF"),
            ("busy, a pause of an hour, busy", INTERVAL, &[0, 100, 100, 3_600_000, 100, 100, 100], "F..F..."),
            ("no interval", Duration::ZERO, &[0, 1, 1, 1], "FFFF"),
        ];
        for (name, interval, gaps, expected) in cases {
            assert_eq!(run(interval, gaps), expected, "{name}");
        }
    }

    #[test]
    fn full_memory_does_not_wait_for_the_interval() {
        let mut policy = FlushPolicy::new(INTERVAL);
        let start = Instant::now();
        assert_eq!(policy.handle_invoke(start, false), Flush::AtEnd);
        policy.handle_flush(start);
        assert_eq!(policy.handle_invoke(start + Duration::from_millis(5), false), Flush::Later);
        assert_eq!(policy.handle_invoke(start + Duration::from_millis(9), true), Flush::AtEnd);
    }

    #[test]
    fn nobody_waits_for_a_collector_that_does_not_answer() {
        let mut policy = FlushPolicy::new(INTERVAL);
        let start = Instant::now();
        policy.handle_flush(start);
        policy.handle_outcome(false);
        let at = |ms| start + Duration::from_millis(ms);
        assert_eq!(policy.handle_invoke(at(10), true), Flush::Later);
        assert_eq!(policy.handle_invoke(at(1_000), false), Flush::Beside);
        policy.handle_flush(at(1_000));
        policy.handle_outcome(false);
        assert_eq!(policy.handle_invoke(at(2_500), false), Flush::Later);
        assert_eq!(policy.handle_invoke(at(3_000), false), Flush::Beside);
        for _ in 0..100 {
            policy.handle_outcome(false);
        }
        assert_eq!(policy.pause(), Duration::from_secs(16));
        policy.handle_outcome(true);
        assert_eq!(policy.handle_invoke(at(60_000), false), Flush::AtEnd);
    }

    #[test]
    fn a_timer_replaces_the_events_that_managed_instances_do_not_send() {
        let start = Instant::now();
        let mut policy = FlushPolicy::new(INTERVAL);
        assert_eq!(policy.poll_timeout(start, false), start, "the first at once");
        policy.handle_flush(start);
        assert_eq!(policy.poll_timeout(start, false), start + INTERVAL);
        assert_eq!(policy.poll_timeout(start, true), start + Duration::from_millis(100));
        policy.handle_outcome(false);
        assert_eq!(policy.poll_timeout(start, true), start + Duration::from_secs(1));
        // Never a timer that fires without a pause.
        let mut policy = FlushPolicy::new(Duration::ZERO);
        policy.handle_flush(start);
        assert!(policy.poll_timeout(start, false) > start);
    }
}
