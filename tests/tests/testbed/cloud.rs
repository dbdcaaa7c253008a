//! The cloud: every event source, loops, failures, faults and roles.

use std::{path::Path, time::Duration};

use anyhow::Result;
use hopguard_tests::{Cloud, Draft, Function, Target, Witness, eventually};
use serde_json::{Value, json};

const SOON: Duration = Duration::from_secs(20);
const QUIET: Duration = Duration::from_secs(2);

async fn deploy(
    cloud: &Cloud,
    witness: &Witness,
    name: &str,
    variables: &[(&str, &str)],
) -> Result<Function> {
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/testbed/bootstrap.py");
    let mut function = cloud.function(name).bootstrap(&program).env(Witness::VARIABLE, witness.address());
    for (name, value) in variables {
        function = function.env(name, *value);
    }
    function.deploy().await
}

fn of(name: &str) -> impl Fn(&Value) -> bool {
    move |run| run["function"] == name
}

#[tokio::test]
async fn each_event_source_reaches_its_function() -> Result<()> {
    let cloud = Cloud::start().await?;
    let witness = Witness::start().await?;
    let deploy = |name: &'static str| deploy(&cloud, &witness, name, &[]);
    let (direct, queued, ordered, published, raw, stored, forwarded) = tokio::try_join!(
        deploy("direct"),
        deploy("queued"),
        deploy("ordered"),
        deploy("published"),
        deploy("raw"),
        deploy("stored"),
        deploy("forwarded"),
    )?;

    direct.invoke_async(&json!({"order": 1})).await?;
    witness.wait_for(1, SOON, |run| run["event"]["order"] == 1).await?;
    let answer = direct.invoke(&json!({"order": 2})).await?;
    assert_eq!((answer.error, answer.payload), (None, json!({})));

    let queue = cloud.queue("orders").create().await?;
    queued.consume(&queue).batch_size(10).partial().create().await?;
    queue.send(Draft::new("one").attribute("colour", "red")).await?;
    witness.wait_for(1, SOON, of("queued")).await?;

    let fifo = cloud.queue("ordered").fifo().create().await?;
    fifo.send_batch([("1", "a"), ("2", "a"), ("3", "b")].map(|(body, group)| Draft::new(body).group(group)))
        .await?;
    // A mapping that polls already might see the first message of a batch before the second is there.
    ordered.consume(&fifo).batch_size(10).create().await?;
    witness.wait_for(1, SOON, of("ordered")).await?;

    let topic = cloud.topic("news").await?;
    let raw_queue = cloud.queue("raw").create().await?;
    raw.consume(&raw_queue).create().await?;
    topic.subscribe(&published).await?;
    topic.subscribe_raw(&raw_queue).await?;
    topic.publish(Draft::new("hello").attribute("colour", "blue")).await?;
    witness.wait_for(1, SOON, of("published")).await?;
    witness.wait_for(1, SOON, of("raw")).await?;

    let bucket = cloud.bucket("intake").await?;
    let chain = cloud.topic("uploads").await?;
    let last = cloud.queue("uploads").create().await?;
    chain.subscribe(&last).await?;
    forwarded.consume(&last).create().await?;
    bucket.notify(&stored, "in/").await?;
    bucket.notify(&chain, "in/").await?;
    bucket.put("in/a b.txt", b"x", &[("colour", "green")]).await?;
    bucket.put("elsewhere", b"x", &[]).await?;
    witness.wait_for(1, SOON, of("stored")).await?;
    witness.wait_for(1, SOON, |run| of("forwarded")(run) && run.to_string().contains("in/a+b.txt")).await?;
    assert_eq!(bucket.metadata("in/a b.txt").await?["colour"], "green");

    let event = |name: &str| witness.lines().into_iter().rfind(of(name)).unwrap()["event"]["Records"].take();
    assert_eq!(event("queued")[0]["messageAttributes"]["colour"]["stringValue"], "red");
    assert_eq!(event("ordered").as_array().unwrap().len(), 3);
    assert_eq!(event("published")[0]["Sns"]["MessageAttributes"]["colour"]["Value"], "blue");
    assert_eq!(event("raw")[0]["messageAttributes"]["colour"]["stringValue"], "blue");
    assert_eq!(event("stored")[0]["s3"]["object"]["key"], "in/a+b.txt");
    assert_eq!(witness.count(of("stored")), 1, "the prefix is a filter");
    eventually("the log of queued", SOON, async || {
        Ok(queued.logs().await?.iter().any(|line| line == "queued ran").then_some(()))
    })
    .await?;
    Ok(())
}

#[tokio::test]
async fn a_loop_runs_until_its_function_has_no_concurrency() -> Result<()> {
    let cloud = Cloud::start().await?;
    let witness = Witness::start().await?;
    let queue = cloud.queue("loop").visibility(Duration::from_secs(5)).create().await?;
    let function = deploy(&cloud, &witness, "loop", &[("FEEDS", queue.url())]).await?;
    function.consume(&queue).create().await?;
    assert_eq!(function.reserved_concurrency().await?, None);

    queue.send("go").await?;
    witness.wait_for(100, SOON, of("loop")).await?;
    function.reserve_concurrency(Some(0)).await?;
    function.tripped(SOON).await?;

    witness.settle(QUIET, SOON).await?;
    let held = queue.holds(1, SOON).await?;
    assert_eq!(held.len(), 1, "the message that would have gone on stays");
    eventually("the message to be visible", SOON, async || {
        Ok((queue.depth().await?.visible == 1).then_some(()))
    })
    .await?;
    assert_eq!(queue.drain().await?[0].body, held[0].body);
    Ok(())
}

#[tokio::test]
async fn what_fails_comes_back_and_goes_to_the_dead_letters() -> Result<()> {
    let cloud = Cloud::builder().retry_base(Duration::from_millis(50)).start().await?;
    let witness = Witness::start().await?;
    let dead = cloud.queue("dead").create().await?;
    let lost = cloud.queue("lost").create().await?;

    let queue = cloud.queue("partial").visibility(Duration::from_secs(1)).redrive(&dead, 2).create().await?;
    let partial = deploy(&cloud, &witness, "partial", &[("BEHAVES", "partial")]).await?;
    partial.consume(&queue).partial().create().await?;
    queue.send(Draft::new("bad").attribute("colour", "red")).await?;
    let held = dead.holds(1, SOON).await?;
    assert_eq!((held[0].body.as_str(), held[0].attributes["colour"].as_str()), ("bad", "red"));
    assert_eq!(witness.count(of("partial")), 2);

    let failing = deploy(&cloud, &witness, "failing", &[("BEHAVES", "fail")]).await?;
    failing.on_async_failure(1, Some(Target::from(&lost))).await?;
    failing.invoke_async(&json!({"order": 1})).await?;
    let held = lost.holds(1, SOON).await?;
    assert_eq!(held[0].json()?["requestPayload"]["order"], 1);
    assert_eq!(witness.count(of("failing")), 2);
    Ok(())
}

#[tokio::test]
async fn faults_are_what_a_client_sees() -> Result<()> {
    let cloud = Cloud::start().await?;
    let witness = Witness::start().await?;
    let function = deploy(&cloud, &witness, "faulty", &[]).await?;
    let faults = cloud.faults().await?;
    let config = aws_sdk_lambda::config::Builder::from(cloud.sdk()).endpoint_url(faults.endpoint()).build();
    let client = aws_sdk_lambda::Client::from_conf(config);

    faults
        .rule(json!({"service": "lambda", "operation": "PutFunctionConcurrency", "times": 1,
            "error": {"code": "AccessDeniedException", "status": 403}}))
        .await?;
    let put = || client.put_function_concurrency().function_name("faulty").reserved_concurrent_executions(0);
    let error = put().send().await.unwrap_err().into_service_error();
    assert_eq!(error.meta().code(), Some("AccessDeniedException"));
    assert_eq!(function.reserved_concurrency().await?, None);
    put().send().await?;
    assert_eq!(function.reserved_concurrency().await?, Some(0));
    let fired = faults.fired().await?;
    assert_eq!(fired.len(), 1);
    assert_eq!(fired[0].operation, "PutFunctionConcurrency");
    Ok(())
}

#[tokio::test]
async fn a_role_decides_what_a_function_may_call() -> Result<()> {
    let cloud = Cloud::builder().authorise(true).start().await?;
    let witness = Witness::start().await?;
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/testbed/bootstrap.py");
    let cases =
        [("may", &["lambda:PutFunctionConcurrency"][..], 200), ("may-not", &["lambda:TagResource"], 403)];
    for (name, actions, status) in cases {
        let function = cloud.function(name).role(&cloud.role(name, actions).await?).bootstrap(&program);
        let function =
            function.env(Witness::VARIABLE, witness.address()).env("TRIPS", "yes").deploy().await?;
        function.invoke(&json!({})).await?;
        witness.wait_for(1, SOON, of(name)).await?;
        assert_eq!(witness.lines().last().unwrap()["status"], status, "{name}");
        assert_eq!(function.reserved_concurrency().await?, (status == 200).then_some(0), "{name}");
    }
    Ok(())
}

#[tokio::test]
async fn nothing_outlives_its_cloud() -> Result<()> {
    let cloud = Cloud::start().await?;
    let witness = Witness::start().await?;
    let function = deploy(&cloud, &witness, "mortal", &[]).await?;
    function.invoke(&json!({})).await?;
    let process = witness.lines()[0]["process"].to_string();
    let process = Path::new("/proc").join(process);
    assert!(process.exists());
    drop(cloud);
    eventually("the function's process to end", SOON, async || Ok((!process.exists()).then_some(()))).await
}
