//! A loop that branches: by its visits alone it could run 3^8 times.

use std::time::Duration;

use anyhow::Result;
use hopguard_tests::{Draft, Function, Plan, Queue, Send};

use crate::bed::{Bed, assert_tripped, token};

const FAN_OUT: usize = 3;
const MAX_VISITS: usize = 8;
const BRANCH_CREDIT: usize = 20;
/// (credit + 1) × functions × visits.
const BOUND: usize = (BRANCH_CREDIT + 1) * MAX_VISITS;

/// A function that sends each message to its own queue again, three times.
async fn fork(bed: &Bed, batch: bool, trip: &str, unguarded: bool) -> Result<(Function, Queue)> {
    let name = if batch { "batch" } else { "single" };
    // With a visibility timeout that a slow machine can miss, messages would be delivered twice, and counted twice.
    let queue = bed.cloud.queue(name).create().await?;
    let send = Send::Queue { url: queue.url().to_owned(), copies: FAN_OUT, batch };
    let plan = Plan { unguarded, ..Plan::forward(send) };
    let function = bed
        .function(name, &plan)
        .env("HOPGUARD_MAX_VISITS", MAX_VISITS.to_string())
        .env("HOPGUARD_BRANCH_CREDIT", BRANCH_CREDIT.to_string())
        .env("HOPGUARD_TRIP", trip)
        .deploy()
        .await?;
    function.consume(&queue).batch_size(10).partial().create().await?;
    Ok((function, queue))
}

/// The runs of a loop that nothing but its bound ends, counted over all of them.
async fn runs_to_the_end(bed: &Bed, function: &Function, queue: &Queue) -> Result<usize> {
    bed.settled().await?;
    let (name, runs) = (function.name(), bed.runs(function.name()).len());
    assert!(queue.drain().await?.is_empty(), "{name}: the loop has ended");
    let blocked = bed.counter(name, "Blocked");
    assert_eq!(blocked, bed.counter(name, "Quarantined"), "{name}");
    // Each run sends three messages, and each of them is run or blocked: nothing was delivered twice, nothing was lost.
    assert_eq!(FAN_OUT * runs, runs - 1 + blocked as usize, "{name}");
    assert!(runs > MAX_VISITS, "{name}: {runs} runs are no branching loop");
    Ok(runs)
}

#[tokio::test]
async fn a_loop_with_fan_out_3_ends_within_its_bound() -> Result<()> {
    let bed = Bed::start().await?;
    let ((single, to_single), (batch, to_batch)) =
        tokio::try_join!(fork(&bed, false, "off", false), fork(&bed, true, "off", false))?;
    // One entry into the loop: what a first run of the function sent comes back to it.
    to_single.send(Draft::new("branch").attribute("hopguard", token(&single, 1, 1))).await?;
    to_batch.send(Draft::new("branch").attribute("hopguard", token(&batch, 1, 2))).await?;
    for (function, queue) in [(single, to_single), (batch, to_batch)] {
        let runs = runs_to_the_end(&bed, &function, &queue).await?;
        assert!(runs <= BOUND, "{}: {runs} runs, the bound is {BOUND}", function.name());
    }
    Ok(())
}

/// Nobody can know of a root that what it sends will come back: its credit passes on whole, and each of its messages that
/// does come back is an entry with a bound of its own.
#[tokio::test]
async fn a_root_that_branches_makes_as_many_entries() -> Result<()> {
    let bed = Bed::start().await?;
    let (function, queue) = fork(&bed, true, "off", false).await?;
    queue.send("branch").await?;
    let runs = runs_to_the_end(&bed, &function, &queue).await?;
    assert!(runs <= 1 + FAN_OUT * BOUND, "{runs} runs of {FAN_OUT} entries, each bounded by {BOUND}");
    Ok(())
}

#[tokio::test]
async fn a_trip_ends_it_sooner() -> Result<()> {
    for batch in [false, true] {
        let bed = Bed::start().await?;
        let (function, queue) = fork(&bed, batch, "on", false).await?;
        queue.send("branch").await?;
        assert_tripped(&function, "unreserved").await?;
        let runs = bed.settled().await?.len();
        assert!((1..=BOUND).contains(&runs), "{runs} runs");
    }
    Ok(())
}

#[tokio::test]
async fn without_a_guard_it_passes_a_thousand_runs_in_seconds() -> Result<()> {
    let bed = Bed::start().await?;
    let (function, queue) = fork(&bed, true, "on", true).await?;
    queue.send("branch").await?;
    bed.witness.wait_for(1_000, Duration::from_secs(20), |line| line["kind"] == "run").await?;
    function.reserve_concurrency(Some(0)).await?;
    assert!(queue.depth().await?.visible > 0, "and more are waiting");
    Ok(())
}
