//! A loop runs exactly as often as its owner allowed; then its function is at 0, and the blocked record is kept.

use anyhow::Result;
use hopguard_tests::{Plan, Send};
use serde_json::json;

use crate::bed::{Bed, SOON, alone, assert_tripped, bodies};

#[tokio::test]
async fn an_sqs_loop_over_two_functions() -> Result<()> {
    let bed = Bed::start().await?;
    let (to_a, to_b) = (bed.cloud.queue("to-a").create().await?, bed.cloud.queue("to-b").create().await?);
    let (plan_a, plan_b) = (Plan::forward(Send::queue(to_b.url())), Plan::forward(Send::queue(to_a.url())));
    let (a, b) = tokio::try_join!(bed.function("a", &plan_a).deploy(), bed.function("b", &plan_b).deploy())?;
    a.reserve_concurrency(Some(7)).await?;
    a.consume(&to_a).partial().create().await?;
    b.consume(&to_b).partial().create().await?;

    to_a.send(r#"{"order": "ü1"}"#).await?;
    assert_tripped(&a, "7").await?;
    bed.settled().await?;
    let at = |first: u64| (0..5).map(|visit| (first + 2 * visit, visit + 1)).collect::<Vec<_>>();
    assert_eq!((bed.path("a"), bed.path("b"), bed.chains()), (at(0), at(1), 1));
    assert_eq!(
        b.reserved_concurrency().await?,
        None,
        "only the function that was visited too often is stopped"
    );

    let kept = bed.quarantine.holds(1, SOON).await?;
    assert_eq!(kept.len(), 1);
    assert_eq!(kept[0].body, r#"{"order": "ü1"}"#);
    let reason = kept[0].attributes.get("hopguard-reason").map(String::as_str);
    assert_eq!(reason, Some("visits: visit 6 of 5 allowed on one path"));
    Ok(())
}

#[tokio::test]
async fn an_s3_loop() -> Result<()> {
    let bed = Bed::start().await?;
    let bucket = bed.cloud.bucket("objects").await?;
    let plan = Plan::forward(Send::Object { bucket: bucket.name().to_owned(), prefix: "out/".to_owned() });
    let function = bed.function("resize", &plan).deploy().await?;
    bucket.notify(&function, "").await?;

    bucket.put("in/first.txt", b"hello", &[("owner", "me")]).await?;
    assert_tripped(&function, "unreserved").await?;
    bed.settled().await?;
    assert_eq!((bed.path("resize"), bed.chains()), (alone(5), 1));

    let kept = bed.quarantine.holds(1, SOON).await?;
    assert_eq!(kept.len(), 1);
    let event = kept[0].json()?;
    let key = event["Records"][0]["s3"]["object"]["key"].as_str().unwrap_or_default();
    assert!(key.starts_with("out/resize-"), "the object of the fifth run: {event}");
    assert_eq!(bucket.keys().await?.len(), 6, "nothing was lost: the first object and five more");
    Ok(())
}

#[tokio::test]
async fn an_s3_loop_by_copies_that_take_metadata_along() -> Result<()> {
    let bed = Bed::start().await?;
    let bucket = bed.cloud.bucket("objects").await?;
    let plan = Plan::forward(Send::Copy { bucket: bucket.name().to_owned(), prefix: "copy/".to_owned() });
    let function = bed.function("copy", &plan).deploy().await?;
    bucket.notify(&function, "").await?;

    bucket.put("first-é+.txt", b"hello", &[("owner", "me")]).await?;
    assert_tripped(&function, "unreserved").await?;
    bed.settled().await?;
    assert_eq!((bed.path("copy"), bed.chains()), (alone(5), 1), "{}", bed.log(&function).await);
    for key in bucket.keys().await? {
        assert_eq!(bucket.metadata(&key).await?.get("owner").map(String::as_str), Some("me"), "{key}");
    }
    Ok(())
}

#[tokio::test]
async fn an_sns_loop() -> Result<()> {
    let bed = Bed::start().await?;
    let topic = bed.cloud.topic("news").await?;
    let function = bed.function("reader", &Plan::forward(Send::topic(topic.arn()))).deploy().await?;
    topic.subscribe(&function).await?;

    topic.publish("good news").await?;
    assert_tripped(&function, "unreserved").await?;
    bed.settled().await?;
    assert_eq!((bed.path("reader"), bed.chains()), (alone(5), 1));
    let kept = bed.quarantine.holds(1, SOON).await?;
    assert_eq!(kept[0].json()?["Records"][0]["Sns"]["Message"], "good news");
    Ok(())
}

#[tokio::test]
async fn a_direct_asynchronous_loop() -> Result<()> {
    let bed = Bed::start().await?;
    let plan = Plan::forward(Send::Invoke { function: "self".to_owned(), synchronous: false });
    let function = bed.function("self", &plan).deploy().await?;

    function.invoke_async(&json!({"order": 1})).await?;
    assert_tripped(&function, "unreserved").await?;
    bed.settled().await?;
    assert_eq!((bed.path("self"), bed.chains()), (alone(5), 1));
    let kept = bed.quarantine.holds(1, SOON).await?;
    assert_eq!(kept[0].json()?["order"], 1);
    Ok(())
}

#[tokio::test]
async fn a_loop_from_s3_over_sns_and_sqs() -> Result<()> {
    for raw in [false, true] {
        let bed = Bed::start().await?;
        let bucket = bed.cloud.bucket("objects").await?;
        let topic = bed.cloud.topic("objects").await?;
        let queue = bed.cloud.queue("objects").create().await?;
        let plan =
            Plan::forward(Send::Object { bucket: bucket.name().to_owned(), prefix: "out/".to_owned() });
        let function = bed.function("index", &plan).deploy().await?;
        match raw {
            true => topic.subscribe_raw(&queue).await?,
            false => topic.subscribe(&queue).await?,
        }
        bucket.notify(&topic, "").await?;
        // The test event that S3 sends to a new target.
        queue.drain().await?;
        function.consume(&queue).partial().create().await?;

        bucket.put("first.txt", b"hello", &[]).await?;
        assert_tripped(&function, "unreserved").await?;
        bed.settled().await?;
        assert_eq!((bed.path("index"), bed.chains()), (alone(5), 1), "raw: {raw}");
        let kept = bed.quarantine.holds(1, SOON).await?;
        assert!(kept[0].body.contains("out/index-"), "{}", kept[0].body);
    }
    Ok(())
}

#[tokio::test]
async fn without_a_quarantine_queue_the_record_stays_with_its_source() -> Result<()> {
    let bed = Bed::start().await?;
    let queue = bed.cloud.queue("work").create().await?;
    let plan = Plan::forward(Send::queue(queue.url()));
    let function = bed.function("worker", &plan).env("HOPGUARD_ON_BLOCK", "fail").deploy().await?;
    function.consume(&queue).partial().create().await?;

    queue.send("keep me").await?;
    assert_tripped(&function, "unreserved").await?;
    bed.settled().await?;
    assert_eq!((bed.path("worker"), bed.chains()), (alone(5), 1));
    assert_eq!(bodies(&queue.peek().await?), ["keep me"]);
    assert!(bed.quarantine.drain().await?.is_empty());
    Ok(())
}

#[tokio::test]
async fn observe_reports_and_stops_nothing() -> Result<()> {
    let bed = Bed::start().await?;
    let queue = bed.cloud.queue("work").create().await?;
    let plan = Plan::forward(Send::queue(queue.url()));
    let function = bed.function("worker", &plan).env("HOPGUARD_MODE", "observe").deploy().await?;
    function.consume(&queue).partial().create().await?;

    queue.send("again").await?;
    bed.witness.wait_for(30, SOON, |line| line["kind"] == "run").await?;
    assert_eq!(function.reserved_concurrency().await?, None);
    function.reserve_concurrency(Some(0)).await?;
    // The emulator runs up to five at once, so that lines may overtake each other.
    let mut path = bed.path("worker");
    path.sort_unstable();
    assert_eq!(path[..25], alone(25));
    assert!(bed.counter("worker", "Warned") >= 25);
    assert_eq!(bed.counter("worker", "Blocked"), 0);
    assert!(bed.quarantine.drain().await?.is_empty());
    let logs = function.logs().await?.join("\n");
    assert!(logs.contains("visit 6 of 5 allowed on one path"), "{logs}");
    Ok(())
}
