use std::future::Future;
use std::time::Duration;

use hopguard_core::Counters;
use tracing::warn;

use crate::panics::caught;

const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Runs one part of the layer, and starts it again where it panics: a process that ends fails its function's invocation.
pub(crate) async fn supervise<F: Future<Output = ()>>(
    name: &'static str,
    counters: &Counters,
    part: impl Fn() -> F,
) {
    let mut pause = FIRST_PAUSE;
    // Making the future may panic as well as polling it.
    while caught(counters, async { part().await }).await.is_none() {
        if pause == FIRST_PAUSE {
            warn!(target: "hopguard", part = name, "part of the layer is started again");
        }
        tokio::time::sleep(pause).await;
        pause = (2 * pause).min(LONGEST_PAUSE);
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use hopguard_core::Counter;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_part_that_panics_is_started_again_until_it_ends() {
        let (counters, runs) = (Counters::default(), Cell::new(0));
        let part = || {
            runs.set(runs.get() + 1);
            let run = runs.get();
            assert!(run != 1, "while the future is made");
            async move { assert!(run != 2, "while it is polled") }
        };
        supervise("test", &counters, part).await;
        assert_eq!((runs.get(), counters.value(Counter::PartRestarts)), (3, 2));
    }
}
