//! Waiting for something that another process does.

use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};
use tokio::time::{Instant, sleep};

/// Asks `probe` until it answers with a value, at first every 10 milliseconds, later every 100.
///
/// # Errors
/// Where there is no value after `within`; it says `what` was awaited and the last error of the probe, if any. An error
/// of the probe is not the end: a function that is not there yet may be there soon.
pub async fn eventually<T>(
    what: &str,
    within: Duration,
    mut probe: impl AsyncFnMut() -> Result<Option<T>>,
) -> Result<T> {
    let deadline = Instant::now() + within;
    let mut pause = Duration::from_millis(10);
    loop {
        let last = match probe().await {
            Ok(Some(value)) => return Ok(value),
            Ok(None) => None,
            Err(error) => Some(error),
        };
        if Instant::now() >= deadline {
            return Err(last.unwrap_or_else(|| anyhow!("it did not come about")))
                .with_context(|| format!("waited {within:?} for {what}"));
        }
        sleep(pause).await;
        pause = (pause * 2).min(Duration::from_millis(100));
    }
}
