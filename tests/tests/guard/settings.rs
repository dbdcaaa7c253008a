//! A wrong setting is reported with what to write, and the function runs with the default.

use anyhow::Result;
use hopguard_tests::{Plan, Send};

use crate::bed::{Bed, alone, assert_tripped, logged};

#[tokio::test]
async fn a_typo_does_not_take_a_function_down() -> Result<()> {
    let bed = Bed::start().await?;
    let queue = bed.cloud.queue("work").create().await?;
    let function = bed
        .function("worker", &Plan::forward(Send::queue(queue.url())))
        .env("HOPGUARD_MAX_VISITS", "ten")
        .env("HOPGUARD_MAX_VISIT", "3")
        .deploy()
        .await?;
    function.consume(&queue).partial().create().await?;

    queue.send("again").await?;
    assert_tripped(&function, "unreserved").await?;
    bed.settled().await?;
    assert_eq!(bed.path("worker"), alone(10), "the default");

    let lines = logged(&function, "wrong setting: its default is used").await?;
    let mut errors: Vec<_> = lines.iter().map(|line| line["error"].as_str().unwrap_or_default()).collect();
    errors.sort_unstable();
    // Each process of the function says so once.
    errors.dedup();
    assert_eq!(
        errors,
        [
            "HOPGUARD_MAX_VISIT is not a setting of hopguard; did you mean HOPGUARD_MAX_VISITS?",
            "HOPGUARD_MAX_VISITS=\"ten\" is not a whole number from 1 to 10000; write for example \"10\"",
        ]
    );
    assert!(lines.iter().all(|line| line["level"] == "ERROR"), "{lines:?}");
    Ok(())
}
