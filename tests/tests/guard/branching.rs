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

/// A function that sends on what it gets, three times.
async fn deploy(bed: &Bed, name: &str, plan: &Plan, trip: &str) -> Result<Function> {
    bed.function(name, plan)
        .env("HOPGUARD_MAX_VISITS", MAX_VISITS.to_string())
        .env("HOPGUARD_BRANCH_CREDIT", BRANCH_CREDIT.to_string())
        .env("HOPGUARD_TRIP", trip)
        .deploy()
        .await
}

/// A function that sends each message to its own queue again, three times.
async fn fork(bed: &Bed, batch: bool, trip: &str, unguarded: bool) -> Result<(Function, Queue)> {
    let name = if batch { "batch" } else { "single" };
    // With a visibility timeout that a slow machine can miss, messages would be delivered twice, and counted twice.
    let queue = bed.cloud.queue(name).create().await?;
    let send = Send::Queue { url: queue.url().to_owned(), copies: FAN_OUT, batch };
    let function = deploy(bed, name, &Plan { unguarded, ..Plan::forward(send) }, trip).await?;
    function.consume(&queue).batch_size(10).partial().create().await?;
    Ok((function, queue))
}

/// Asserts that a loop which nothing but its bound ends has ended within it: all its runs are counted.
async fn assert_bounded(bed: &Bed, function: &Function) -> Result<()> {
    bed.settled().await?;
    let (name, runs) = (function.name(), bed.runs(function.name()).len());
    let blocked = bed.counter(name, "Blocked");
    assert_eq!(blocked, bed.counter(name, "Quarantined"), "{name}");
    // Each run sends three messages, and each of them is run or blocked: nothing was delivered twice, nothing was lost.
    assert_eq!(FAN_OUT * runs, runs - 1 + blocked as usize, "{name}");
    assert!(runs > MAX_VISITS, "{name}: {runs} runs are no branching loop");
    assert!(runs <= BOUND, "{name}: {runs} runs, the bound is {BOUND}");
    Ok(())
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
        assert_bounded(&bed, &function).await?;
        assert!(queue.drain().await?.is_empty(), "{}: the loop has ended", function.name());
    }
    Ok(())
}

/// The root knows that what it sends to its own queue comes back.
#[tokio::test]
async fn a_root_that_branches_is_within_the_bound_with_all_that_follows() -> Result<()> {
    let bed = Bed::start().await?;
    let ((single, to_single), (batch, to_batch)) =
        tokio::try_join!(fork(&bed, false, "off", false), fork(&bed, true, "off", false))?;
    tokio::try_join!(to_single.send("branch"), to_batch.send("branch"))?;
    for (function, queue) in [(single, to_single), (batch, to_batch)] {
        assert_bounded(&bed, &function).await?;
        assert!(queue.drain().await?.is_empty(), "{}: the loop has ended", function.name());
    }
    Ok(())
}

#[tokio::test]
async fn and_so_is_one_that_publishes_to_its_own_topic() -> Result<()> {
    let bed = Bed::start().await?;
    let topic = bed.cloud.topic("news").await?;
    let send = |batch| Send::Topic { arn: topic.arn().to_owned(), copies: FAN_OUT, batch };
    let function = deploy(&bed, "publisher", &Plan::forward(send(true)), "off").await?;
    topic.subscribe(&function).await?;
    topic.publish("branch").await?;
    assert_bounded(&bed, &function).await
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
