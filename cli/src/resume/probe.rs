use std::time::Duration;

use hopguard_aws::operator::{Function, Operator, OperatorError};
use tokio::time::Instant;

use crate::format;
use crate::terminal::Terminal;

/// How often Lambda is asked whether it tripped again.
const EVERY: Duration = Duration::from_secs(2);

/// Lets a function run one at a time for a while. False where it tripped again.
///
/// The tags stay as they are: whoever ends the program here leaves the function at 1, and `hopguard resume` goes on from there.
pub(super) async fn holds(
    operator: &Operator,
    function: &Function,
    time: Duration,
    terminal: &mut Terminal,
) -> Result<bool, OperatorError> {
    let words = format::duration(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
    terminal.note(&format!(
        "{}: at a concurrency of 1 for {words}; Ctrl-C leaves it there, and another resume goes on",
        function.name
    ));
    operator.reserve(&function.arn, Some(1)).await?;
    let end = Instant::now() + time;
    loop {
        let now = Instant::now();
        tokio::time::sleep(EVERY.min(end.saturating_duration_since(now))).await;
        if operator.reserved(&function.arn).await? == Some(0) {
            return Ok(false);
        }
        if Instant::now() >= end {
            return Ok(true);
        }
    }
}
