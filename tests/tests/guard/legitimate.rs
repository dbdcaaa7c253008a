//! Traffic without a loop: nothing is blocked, and AWS gets no call that it would not get without the guard.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use anyhow::Result;
use hopguard_tests::{Cloud, Draft, FunctionBuilder, Plan, Send, Tap};

use crate::bed::{Bed, SOON, chains, one_environment};

const MESSAGES: usize = 1_000;
const OBJECTS: usize = 10;

/// All calls of the function and of its guard go through the tap.
fn through<'b>(tap: &Tap, function: FunctionBuilder<'b>) -> FunctionBuilder<'b> {
    let services = ["SQS", "SNS", "S3", "LAMBDA"];
    services.into_iter().fold(function, |function, service| {
        function.env(&format!("AWS_ENDPOINT_URL_{service}"), tap.endpoint())
    })
}

/// The calls that went through a tap, counted.
fn counted(tap: &Tap) -> BTreeMap<(String, String), usize> {
    let mut counted = BTreeMap::new();
    for call in tap.calls() {
        *counted.entry((call.service, call.operation)).or_default() += 1;
    }
    counted
}

fn of<const N: usize>(calls: [(&str, &str, usize); N]) -> BTreeMap<(String, String), usize> {
    calls
        .map(|(service, operation, count)| ((service.to_owned(), operation.to_owned()), count))
        .into_iter()
        .collect()
}

#[tokio::test]
async fn a_thousand_messages_over_two_functions() -> Result<()> {
    let bed = Bed::start().await?;
    let (to_a, to_b) = (bed.cloud.queue("to-a").create().await?, bed.cloud.queue("to-b").create().await?);
    let (tap_a, tap_b) = (bed.cloud.tap().await?, bed.cloud.tap().await?);
    let (plan_a, plan_b) = (Plan::forward(Send::queue(to_b.url())), Plan { each: true, ..Plan::default() });
    let a = through(&tap_a, bed.function("a", &plan_a)).env("RUST_LOG", "hopguard=warn");
    let b = through(&tap_b, bed.function("b", &plan_b)).env("RUST_LOG", "hopguard=warn");
    let (a, b) = tokio::try_join!(a.deploy(), b.deploy())?;
    a.consume(&to_a).batch_size(10).partial().create().await?;
    b.consume(&to_b).batch_size(10).partial().create().await?;

    let names: Vec<_> = (0..MESSAGES).map(|nth| format!("order {nth:04}")).collect();
    for ten in names.chunks(10) {
        to_a.send_batch(ten.iter().map(Draft::new)).await?;
    }
    bed.witness.wait_for(2 * MESSAGES, Duration::from_secs(60), |line| line["kind"] == "run").await?;
    let runs = bed.settled().await?;
    assert_eq!(runs.len(), 2 * MESSAGES);
    assert!(runs.iter().all(|run| run["attempt"] == 1));
    for (function, place) in [("a", (0, 1)), ("b", (1, 1))] {
        assert_eq!(bed.texts(function), names, "{function}: each once");
        assert_eq!(bed.path(function), [place; MESSAGES], "{function}");
        assert_eq!(chains(&bed.runs(function)), MESSAGES, "{function}");
    }

    assert_eq!(counted(&tap_a), of([("sqs", "SendMessage", MESSAGES)]));
    assert_eq!(counted(&tap_b), of([]));
    let counts = |function| {
        ["Allowed", "Written", "Warned", "Blocked", "Rejected", "Lookups"]
            .map(|counter| bed.counter(function, counter))
    };
    assert_eq!((counts("a"), counts("b")), ([0, 1_000, 0, 0, 0, 0], [1_000, 0, 0, 0, 0, 0]));
    for function in [&a, &b] {
        assert_eq!(function.reserved_concurrency().await?, None);
        assert_eq!(bed.log(function).await, "", "nothing to warn of");
    }
    assert!(bed.quarantine.drain().await?.is_empty());
    Ok(())
}

#[tokio::test]
async fn objects_over_two_functions_are_looked_up_once() -> Result<()> {
    let bed = Bed::start().await?;
    let bucket = bed.cloud.bucket("objects").await?;
    let (tap_a, tap_b) = (bed.cloud.tap().await?, bed.cloud.tap().await?);
    let plan = Plan::forward(Send::Object { bucket: bucket.name().to_owned(), prefix: "out/".to_owned() });
    let a = through(&tap_a, bed.function("a", &plan));
    let b = through(&tap_b, bed.function("b", &Plan { each: true, ..Plan::default() }));
    let (a, b) = tokio::try_join!(a.deploy(), b.deploy())?;
    bucket.notify(&a, "in/").await?;
    bucket.notify(&b, "out/").await?;

    for nth in 0..OBJECTS {
        bucket.put(&format!("in/{nth}"), b"x", &[]).await?;
    }
    bed.witness.wait_for(2 * OBJECTS, SOON, |line| line["kind"] == "run").await?;
    assert_eq!(bed.settled().await?.len(), 2 * OBJECTS);
    assert_eq!((bed.path("a"), bed.path("b")), (vec![(0, 1); OBJECTS], vec![(1, 1); OBJECTS]));
    assert_eq!(bed.chains(), OBJECTS);
    assert_eq!(counted(&tap_a), of([("s3", "HEAD", OBJECTS), ("s3", "PUT", OBJECTS)]));
    assert_eq!(counted(&tap_b), of([("s3", "HEAD", OBJECTS)]));
    let looked_up: HashSet<_> = tap_b.calls().into_iter().map(|call| call.path).collect();
    assert_eq!(looked_up.len(), OBJECTS, "each object once");
    Ok(())
}

#[tokio::test]
async fn an_object_that_the_environment_wrote_itself_is_not_looked_up() -> Result<()> {
    let bed = Bed::on(Cloud::builder().retry_base(Duration::from_millis(100)).start().await?).await?;
    let bucket = bed.cloud.bucket("objects").await?;
    let tap = bed.cloud.tap().await?;
    let plan = Plan::forward(Send::Object { bucket: bucket.name().to_owned(), prefix: "stop/".to_owned() });
    let function = through(&tap, bed.function("f", &plan)).deploy().await?;
    one_environment(&function).await?;
    bucket.notify(&function, "").await?;

    for nth in 0..OBJECTS {
        bucket.put(&format!("in/{nth}"), b"x", &[]).await?;
        bed.ended(2 * (nth + 1), "f").await?;
    }
    bed.settled().await?;
    assert_eq!(bed.path("f"), [[(0, 1); OBJECTS], [(1, 2); OBJECTS]].concat());
    assert_eq!(counted(&tap), of([("s3", "HEAD", OBJECTS), ("s3", "PUT", OBJECTS)]));
    assert!(tap.calls().iter().all(|call| call.operation == "PUT" || call.path.contains("/in/")));
    let counts = ["Lookups", "IndexHits", "Lost"].map(|counter| bed.counter("f", counter));
    assert_eq!(counts, [OBJECTS as u64, OBJECTS as u64, 0]);
    Ok(())
}
