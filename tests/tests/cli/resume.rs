use anyhow::Result;
use hopguard_tests::{Plan, Send};

use crate::bed::{Bed, SOON, assert_tripped};
use crate::program::Program;

#[tokio::test]
async fn a_probe_that_trips_again_leaves_it_at_0_with_the_value_before_the_first_trip() -> Result<()> {
    let bed = Bed::start().await?;
    let hopguard = Program::on(&bed.cloud);
    let queue = bed.cloud.queue("work").create().await?;
    let function = bed.function("worker", &Plan::forward(Send::queue(queue.url()))).deploy().await?;
    function.consume(&queue).partial().create().await?;
    queue.send("first").await?;
    assert_tripped(&function, "unreserved").await?;

    // The loop is not mended: what comes next trips it again.
    queue.send("second").await?;
    let probed = hopguard.json(4, &["resume", "worker", "--probe=2m", "--yes"]).await;
    assert_eq!(probed["functions"][0]["outcome"], "tripped_again", "{probed}");
    assert_tripped(&function, "unreserved").await?;
    bed.settled().await?;
    assert_eq!(bed.runs("worker").len(), 10, "five times each");

    // Nothing circles now.
    let held = hopguard.run(&["resume", "worker", "--probe=2s", "--yes"]).await;
    held.is(0, &["at a concurrency of 1 for 2 s", "worker resumed"]);
    assert_eq!(function.reserved_concurrency().await?, None);
    Ok(())
}

#[tokio::test]
async fn a_trip_by_hand_keeps_what_was_reserved() -> Result<()> {
    let bed = Bed::start().await?;
    let hopguard = Program::on(&bed.cloud);
    let plan = Plan::forward(Send::queue(bed.quarantine.url()));
    let function = bed.function("worker", &plan).deploy().await?;
    function.reserve_concurrency(Some(7)).await?;
    let tripped = hopguard.run(&["trip", "worker", "--reason", "too (costly)", "--yes"]).await;
    tripped.is(
        0,
        &["worker at 0; before: reserved concurrency 7", "asynchronous events of this function are lost"],
    );
    function.tripped(SOON).await?;
    hopguard.run(&["trip", "worker", "--yes"]).await.is(0, &["at 0 already"]);
    let status = hopguard.json(4, &["status", "worker"]).await;
    let trip = &status["functions"][0]["trip"];
    assert_eq!(
        (trip["reason"].as_str(), trip["chain"].as_str()),
        (Some("by hand: too costly"), None),
        "{status}"
    );

    // A deployment was first: only the tags are left to remove.
    function.reserve_concurrency(Some(20)).await?;
    hopguard.run(&["resume", "--all", "--yes"]).await.is(3, &["it ran already"]);
    assert_eq!(function.reserved_concurrency().await?, Some(20));
    hopguard.run(&["trip", "worker", "--yes"]).await.is(0, &["before: reserved concurrency 20"]);
    hopguard
        .run(&["resume", "--all", "--yes"])
        .await
        .is(0, &["worker resumed: sets its reserved concurrency to 20"]);
    assert_eq!(function.reserved_concurrency().await?, Some(20));

    // Throttled in the console: whoever resumes it has to say to what.
    function.reserve_concurrency(Some(0)).await?;
    hopguard.run(&["resume", "worker", "--yes"]).await.is(1, &["not by hopguard; write --unreserved"]);
    hopguard.run(&["resume", "worker", "--concurrency", "3", "--yes"]).await.is(0, &["to 3"]);
    assert_eq!(function.reserved_concurrency().await?, Some(3));
    hopguard.run(&["resume", "--all", "--yes"]).await.is(3, &["no function", "is at 0"]);
    Ok(())
}
