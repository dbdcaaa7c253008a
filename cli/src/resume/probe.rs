use std::time::{Duration, SystemTime};

use hopguard_aws::operator::{Function, Operator, OperatorError};
use hopguard_core::breaker::HOLD;
use tokio::time::Instant;

use crate::format;
use crate::terminal::Terminal;

/// How often Lambda is asked whether it tripped again.
const EVERY: Duration = Duration::from_secs(2);
/// The tags have the time of a trip to the second, and it ends some seconds after them.
const SLACK: Duration = Duration::from_secs(5);

/// A function runs one at a time for a while.
#[derive(Clone, Copy, Debug)]
pub(super) struct Probe {
    /// For so long.
    pub(super) time: Duration,
    /// When it was tripped.
    pub(super) tripped_at: Option<SystemTime>,
}

impl Probe {
    /// Whether it does not trip again.
    ///
    /// The tags stay as they are: whoever ends the program here leaves the function at 1, and `hopguard resume` goes on from there.
    pub(super) async fn holds(
        self,
        operator: &Operator,
        function: &Function,
        terminal: &mut Terminal,
    ) -> Result<bool, OperatorError> {
        let name = &function.name;
        let still = self.still(SystemTime::now());
        if !still.is_zero() {
            terminal.note(&format!(
                "{name}: waiting {}: its guard does not trip again within {} of a trip",
                format::elapsed(still),
                format::elapsed(HOLD)
            ));
            tokio::time::sleep(still).await;
        }
        terminal.note(&format!(
            "{name}: at a concurrency of 1 for {}; Ctrl-C leaves it there, and another resume goes on",
            format::elapsed(self.time)
        ));
        operator.reserve(&function.arn, Some(1)).await?;
        let end = Instant::now() + self.time;
        loop {
            tokio::time::sleep(EVERY.min(end.saturating_duration_since(Instant::now()))).await;
            if operator.reserved(&function.arn).await? == Some(0) {
                return Ok(false);
            }
            if Instant::now() >= end {
                return Ok(true);
            }
        }
    }

    /// How long the environments of the function do not trip again: a block would go unnoticed.
    fn still(self, now: SystemTime) -> Duration {
        let Some(tripped_at) = self.tripped_at else { return Duration::ZERO };
        // A clock that is behind is no reason to wait longer.
        let since = now.duration_since(tripped_at).unwrap_or_default();
        (HOLD + SLACK).saturating_sub(since)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_probed_while_the_guard_holds_still() {
        let at = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000);
        let probe = |tripped_at| Probe { time: Duration::from_secs(60), tripped_at };
        let cases = [(0, 35), (20, 15), (35, 0), (3_600, 0)];
        for (since, still) in cases {
            let now = at + Duration::from_secs(since);
            assert_eq!(probe(Some(at)).still(now), Duration::from_secs(still), "{since} s after the trip");
        }
        assert_eq!(probe(None).still(at), Duration::ZERO);
        let behind = at - Duration::from_secs(100);
        assert_eq!(probe(Some(at)).still(behind), Duration::from_secs(35));
    }
}
