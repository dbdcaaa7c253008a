//! Where blocked records go when their queue cannot be used, and when their owner wants none.

use anyhow::Result;
use hopguard_tests::{Cloud, Draft, Function, Plan, Send};

use crate::bed::{Bed, alone, assert_tripped, bodies, logged, token};

const REFUSED: &str =
    "quarantine queue feeds this function: not used; name another queue in HOPGUARD_QUARANTINE";
const NOT_MOVED: &str = "record not quarantined: it fails, so that its source keeps it";

/// A message that the function blocks.
fn looping(function: &Function) -> Draft {
    Draft::new("keep me").attribute("hopguard", token(function, 5, 1))
}

#[tokio::test]
async fn a_queue_that_feeds_the_function_is_refused() -> Result<()> {
    // The queue that has just delivered the record, and another source of the function, which only Lambda knows of.
    for own in [true, false] {
        let bed = Bed::start().await?;
        let (queue, other) =
            (bed.cloud.queue("work").create().await?, bed.cloud.queue("other").create().await?);
        let quarantine = if own { &queue } else { &other };
        let plan = Plan::forward(Send::queue(queue.url()));
        let function = bed.function("worker", &plan).env("HOPGUARD_QUARANTINE", quarantine.url());
        let function = function.deploy().await?;
        function.consume(&queue).partial().create().await?;
        function.consume(&other).partial().create().await?;

        queue.send("keep me").await?;
        assert_tripped(&function, "unreserved").await?;
        bed.settled().await?;
        assert_eq!(bed.path("worker"), alone(5), "own: {own}");
        let lines = logged(&function, REFUSED).await?;
        assert_eq!((lines.len(), &lines[0]["level"]), (1, &"ERROR".into()));
        assert_eq!(lines[0]["queue"], quarantine.url());
        assert_eq!(bodies(&queue.peek().await?), ["keep me"], "it stays with its source");
        assert_eq!(bodies(&other.peek().await?), [""; 0]);
        assert_eq!((bed.counter("worker", "Quarantined"), bed.counter("worker", "Failed")), (0, 1));
    }
    Ok(())
}

#[tokio::test]
async fn a_queue_that_is_missing_or_denied_leaves_the_record_with_its_source() -> Result<()> {
    let bed = Bed::on(Cloud::builder().authorise(true).start().await?).await?;
    let plan = Plan { each: true, ..Plan::default() };
    let may_not_send = ["lambda:*", "sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"];
    let denied = bed.cloud.role("may-not-send", &may_not_send).await?;
    let allowed = bed.cloud.role("may-send", &["lambda:*", "sqs:*"]).await?;
    let nowhere = bed.quarantine.url().replace("quarantine", "nowhere");
    let cases = [
        ("denied", denied, bed.quarantine.url().to_owned(), "sqs:SendMessage is missing"),
        ("missing", allowed, nowhere, "correct HOPGUARD_QUARANTINE"),
    ];
    for (name, role, url, reason) in cases {
        let queue = bed.cloud.queue(name).create().await?;
        let function =
            bed.function(name, &plan).role(&role).env("HOPGUARD_QUARANTINE", &url).deploy().await?;
        queue.send(looping(&function)).await?;
        function.consume(&queue).partial().create().await?;
        assert_tripped(&function, "unreserved").await?;
        bed.settled().await?;

        let lines = logged(&function, NOT_MOVED).await?;
        let error = lines[0]["error"].as_str().unwrap_or_default();
        assert!(error.contains(reason), "{name}: {error}");
        assert_eq!(bodies(&queue.peek().await?), ["keep me"], "{name}");
        assert_eq!((bed.counter(name, "Quarantined"), bed.counter(name, "Failed")), (0, 1), "{name}");
        assert!(bed.runs(name).is_empty(), "{name}");
    }
    assert!(bed.quarantine.drain().await?.is_empty());
    Ok(())
}

#[tokio::test]
async fn drop_acknowledges_the_record() -> Result<()> {
    let bed = Bed::start().await?;
    let queue = bed.cloud.queue("work").create().await?;
    let plan = Plan::forward(Send::queue(queue.url()));
    let function = bed.function("worker", &plan).env("HOPGUARD_ON_BLOCK", "drop").deploy().await?;
    // Without ReportBatchItemFailures too: nothing fails.
    function.consume(&queue).create().await?;
    queue.send("forget me").await?;
    assert_tripped(&function, "unreserved").await?;
    bed.settled().await?;
    assert_eq!(bed.path("worker"), alone(5));
    assert_eq!(bodies(&queue.peek().await?), [""; 0]);
    assert!(bed.quarantine.drain().await?.is_empty());
    assert_eq!((bed.counter("worker", "Dropped"), bed.counter("worker", "Failed")), (1, 0));
    assert!(bed.invocations("worker").iter().all(|invocation| invocation["failed"] == false));
    Ok(())
}
