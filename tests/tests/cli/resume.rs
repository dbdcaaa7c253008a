use anyhow::{Context as _, Result};
use hopguard_tests::{Plan, Send, eventually};

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

#[tokio::test]
async fn a_cooldown_is_told_and_cancelled_by_whoever_trips_or_resumes() -> Result<()> {
    let bed = Bed::start().await?;
    let hopguard = Program::on(&bed.cloud);
    let queue = bed.cloud.queue("work").create().await?;
    let function = bed
        .function("worker", &Plan::forward(Send::queue(queue.url())))
        .env("HOPGUARD_COOLDOWN", "30m")
        .env("HOPGUARD_COOLDOWN_ROLE", bed.cloud.role("cooldown", &["lambda:*"]).await?)
        .deploy()
        .await?;
    function.consume(&queue).partial().create().await?;
    let looped = async |first: &str| {
        queue.send(first).await?;
        assert_tripped(&function, "unreserved").await?;
        let scheduled = async || Ok(function.tags().await?.contains_key("hopguard:resumes-at").then_some(()));
        eventually("its end to be scheduled", SOON, scheduled).await?;
        assert_eq!(bed.cloud.schedules().await?.len(), 1);
        anyhow::Ok(())
    };

    looped("first").await?;
    hopguard.run(&["status"]).await.is(4, &["cooldown resumes by itself at", "UTC, in", "min"]);
    let status = hopguard.json(4, &["status"]).await;
    assert!(status["functions"][0]["trip"]["resumes_at"].is_string(), "{status}");

    hopguard
        .run(&["trip", "worker", "--yes"])
        .await
        .is(0, &["at 0 already: nothing was changed; its cooldown is cancelled"]);
    assert!(bed.cloud.schedules().await?.is_empty());
    let status = hopguard.json(4, &["status"]).await;
    assert!(status["functions"][0]["trip"]["resumes_at"].is_null(), "{status}");
    hopguard.run(&["resume", "worker", "--yes"]).await.is(0, &["worker resumed"]);

    // A new environment, whose guard has not just tripped.
    function.replace_environment(function.environment().await?).await?;
    looped("second").await?;
    hopguard.run(&["resume", "worker", "--yes"]).await.is(0, &["worker resumed"]);
    assert!(bed.cloud.schedules().await?.is_empty());
    assert!(function.tags().await?.keys().all(|tag| !tag.starts_with("hopguard:")));

    // It was resumed by its schedule: only the tags are left.
    function.replace_environment(function.environment().await?).await?;
    looped("third").await?;
    bed.cloud.schedules().await?.first().context("no schedule")?.make_due().await?;
    let restored = async || Ok(function.reserved_concurrency().await?.is_none().then_some(()));
    eventually("it to be resumed", SOON, restored).await?;
    hopguard.run(&["status", "worker"]).await.is(0, &["admitting", "by its cooldown, or by something else"]);
    hopguard.run(&["doctor", "worker"]).await.is(4, &["which its cooldown or something else has ended"]);
    hopguard.run(&["resume", "worker", "--yes"]).await.is(3, &["it ran already"]);
    assert!(function.tags().await?.keys().all(|tag| !tag.starts_with("hopguard:")));
    Ok(())
}
