//! A trip that does not succeed: the record stays blocked, the log says why, and the invocation ends in time.

use std::time::Duration;

use anyhow::Result;
use hopguard_tests::{Cloud, Draft, Faults, Function, FunctionBuilder, Plan, Send};
use serde_json::{Value, json};

use crate::bed::{Bed, SOON, assert_tripped, logged, one_environment, token};

const NOT_TRIPPED: &str = "function not tripped: records stay blocked, but the loop can go on";
const TIMEOUT: Duration = Duration::from_secs(5);

/// What the README's policy allows, but for PutFunctionConcurrency.
const ACTIONS: [&str; 9] = [
    "lambda:GetFunctionConcurrency",
    "lambda:TagResource",
    "lambda:ListTags",
    "lambda:ListEventSourceMappings",
    "lambda:GetFunctionEventInvokeConfig",
    "sqs:SendMessage",
    "sqs:ReceiveMessage",
    "sqs:DeleteMessage",
    "sqs:GetQueueAttributes",
];

/// Sends so many messages of chains that have visited the function too often, and has each delivered by itself.
async fn feed(bed: &Bed, function: &Function, messages: usize) -> Result<()> {
    let queue = bed.cloud.queue("work").create().await?;
    let looping = |nth: usize| {
        Draft::new(format!("keep {nth}")).attribute("hopguard", token(function, 5, nth as u128 + 1))
    };
    queue.send_batch((0..messages).map(looping)).await?;
    one_environment(function).await?;
    function.consume(&queue).partial().create().await?;
    Ok(())
}

/// The guard's calls of Lambda go through the proxy.
fn faulty<'b>(bed: &'b Bed, faults: &Faults) -> FunctionBuilder<'b> {
    let plan = Plan { each: true, ..Plan::default() };
    bed.function("worker", &plan).timeout(TIMEOUT).env("AWS_ENDPOINT_URL_LAMBDA", faults.endpoint())
}

async fn faults(bed: &Bed, rule: Value) -> Result<Faults> {
    let faults = bed.cloud.faults().await?;
    faults.rule(rule).await?;
    Ok(faults)
}

fn throttled() -> Value {
    json!({"service": "lambda", "operation": "PutFunctionConcurrency",
        "error": {"code": "TooManyRequestsException", "status": 429}})
}

/// Each invocation answered before its deadline, which is the only way that it ended.
fn assert_in_time(invocations: &[Value]) {
    for invocation in invocations {
        assert!(invocation["left_ms"].as_u64() > Some(0), "{invocation}");
    }
}

#[tokio::test]
async fn without_the_permission_it_is_said_once_and_the_loop_is_cut_all_the_same() -> Result<()> {
    let bed = Bed::on(Cloud::builder().authorise(true).start().await?).await?;
    let role = bed.cloud.role("no-put", &ACTIONS).await?;
    let queue = bed.cloud.queue("work").create().await?;
    let plan = Plan::forward(Send::queue(queue.url()));
    let function = bed.function("worker", &plan).role(&role).timeout(TIMEOUT).deploy().await?;
    one_environment(&function).await?;
    function.consume(&queue).partial().create().await?;

    // Each of these loops is blocked at its sixth visit.
    for name in ["one", "two", "three"] {
        queue.send(name).await?;
    }
    let kept = bed.quarantine.holds(3, SOON).await?;
    assert_eq!(kept.len(), 3);
    let runs = bed.settled().await?;
    assert_eq!(runs.len(), 15, "five runs of each");
    assert_eq!(bed.counter("worker", "TripFailed"), 1, "no second attempt within a minute");
    assert_eq!(function.reserved_concurrency().await?, Some(1));

    let lines = logged(&function, NOT_TRIPPED).await?;
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert_eq!(
        (&lines[0]["level"], &lines[0]["missing"]),
        (&json!("ERROR"), &json!("lambda:PutFunctionConcurrency"))
    );
    assert_in_time(&bed.invocations("worker"));
    Ok(())
}

#[tokio::test]
async fn several_blocked_at_once_are_one_failure() -> Result<()> {
    let bed = Bed::start().await?;
    let faults = faults(
        &bed,
        json!({"service": "lambda", "operation": "PutFunctionConcurrency",
            "error": {"code": "AccessDeniedException", "status": 403}}),
    )
    .await?;
    let function = faulty(&bed, &faults).deploy().await?;
    feed(&bed, &function, 6).await?;
    assert_in_time(&bed.ended(6, "worker").await?);
    assert_eq!(bed.quarantine.holds(6, SOON).await?.len(), 6);
    assert_eq!(bed.settled().await?, [] as [Value; 0], "the records stay blocked");
    assert_eq!(faults.fired().await?.len(), 1, "one attempt within a minute");
    let lines = logged(&function, NOT_TRIPPED).await?;
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert_eq!(lines[0]["missing"], "lambda:PutFunctionConcurrency");
    Ok(())
}

#[tokio::test]
async fn throttled_for_a_while_it_trips_in_the_same_invocation() -> Result<()> {
    let bed = Bed::start().await?;
    let mut rule = throttled();
    rule["times"] = json!(3);
    let faults = faults(&bed, rule).await?;
    let function = faulty(&bed, &faults).deploy().await?;
    feed(&bed, &function, 1).await?;
    assert_tripped(&function, "1").await?;
    let invocations = bed.ended(1, "worker").await?;
    assert_in_time(&invocations);
    assert_eq!((invocations.len(), faults.fired().await?.len()), (1, 3));
    assert_eq!(bed.counter("worker", "Tripped"), 1);
    assert_eq!(bed.quarantine.holds(1, SOON).await?.len(), 1);
    Ok(())
}

#[tokio::test]
async fn throttled_for_ever_it_gives_up_before_the_deadline() -> Result<()> {
    let bed = Bed::start().await?;
    let faults = faults(&bed, throttled()).await?;
    let function = faulty(&bed, &faults).deploy().await?;
    feed(&bed, &function, 1).await?;
    let invocations = bed.ended(1, "worker").await?;
    assert_in_time(&invocations);
    assert!(invocations[0]["took_ms"].as_u64() > Some(2_000), "it tried on: {}", invocations[0]);
    let attempts = faults.fired().await?.len();
    assert!((3..=40).contains(&attempts), "{attempts} attempts, with growing pauses");
    assert_eq!(bed.settled().await?, [] as [Value; 0]);
    assert_eq!(bed.quarantine.holds(1, SOON).await?[0].body, "keep 0");
    assert_eq!(function.reserved_concurrency().await?, Some(1));
    let lines = logged(&function, NOT_TRIPPED).await?;
    assert_eq!(lines.len(), 1);
    assert!(lines[0]["detail"].as_str().unwrap_or_default().contains("TooManyRequests"), "{lines:?}");
    Ok(())
}

#[tokio::test]
async fn a_control_plane_that_hangs_holds_no_invocation_up_beyond_its_deadline() -> Result<()> {
    let bed = Bed::start().await?;
    let faults = faults(&bed, json!({"service": "lambda", "latency": 60_000})).await?;
    let function = faulty(&bed, &faults).deploy().await?;
    let queue = bed.cloud.queue("work").create().await?;
    queue
        .send_batch([Draft::new("keep").attribute("hopguard", token(&function, 5, 1)), Draft::new("run")])
        .await?;
    function.consume(&queue).batch_size(10).partial().create().await?;
    let invocations = bed.ended(1, "worker").await?;
    assert_in_time(&invocations);
    // The trip took all the time there was; neither the handler nor the blocked record waited for it.
    let seen =
        |kind: &str| bed.witness.sightings().into_iter().find(|seen| seen.line["kind"] == kind).unwrap();
    assert!(seen("invocation").at - seen("run").at > TIMEOUT / 3, "{invocations:?}");
    assert_eq!(bed.quarantine.holds(1, SOON).await?[0].body, "keep");
    bed.settled().await?;
    assert_eq!(bed.texts("worker"), ["run"]);
    assert!(queue.peek().await?.is_empty(), "both are acknowledged");
    assert_eq!((invocations.len(), &invocations[0]["failed"]), (1, &json!(false)));
    assert_eq!(logged(&function, NOT_TRIPPED).await?.len(), 1);
    Ok(())
}
