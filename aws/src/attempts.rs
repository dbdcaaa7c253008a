use std::time::Duration;

use hopguard_core::Backoff;
use tokio::time::Instant;

/// What one more call should be given: with less time left than this, no further attempt is worth its request.
const CALL: Duration = Duration::from_millis(250);

/// Repeated attempts at one goal, with a jittered wait between them, up to a deadline.
#[derive(Debug)]
pub(crate) struct Attempts {
    deadline: Instant,
    backoff: Backoff,
    failures: u32,
}

impl Attempts {
    pub(crate) fn new(backoff: Backoff, deadline: Instant) -> Self {
        Self { deadline, backoff, failures: 0 }
    }

    pub(crate) fn deadline(&self) -> Instant {
        self.deadline
    }

    /// Waits after a failure; false where no time for another attempt is left.
    pub(crate) async fn wait(&mut self) -> bool {
        let left = self.deadline.saturating_duration_since(Instant::now()).saturating_sub(CALL);
        if left.is_zero() {
            return false;
        }
        let delay = self.backoff.delay(self.failures, fastrand::u32(..));
        self.failures = self.failures.saturating_add(1);
        tokio::time::sleep(delay.min(left)).await;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn waits_grow_and_end_in_time_for_a_last_call() {
        let start = Instant::now();
        let mut attempts = Attempts::new(Backoff::default(), start + Duration::from_secs(5));
        let mut waits = 0;
        while attempts.wait().await {
            waits += 1;
        }
        assert_eq!(start.elapsed(), Duration::from_millis(4750));
        assert!(waits >= 5, "{waits} waits");
        assert!(!Attempts::new(Backoff::default(), start).wait().await, "the deadline has passed");
    }
}
