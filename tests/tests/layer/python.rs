//! Functions in Python under the layer.

use anyhow::Result;
use hopguard_tests::{Environment, EnvironmentBuilder, Layer, Runtime};
use serde_json::{Value, json};

use crate::faults;
use crate::language::{self, WRAPPER};
use crate::managed;
use crate::received;
use crate::tree::{checkout, layer};

pub(crate) fn runtime() -> Runtime {
    Runtime::Python { source: checkout("tests/functions/python/forward.py") }
}

#[tokio::test]
async fn an_sqs_loop() -> Result<()> {
    language::an_sqs_loop(&runtime(), &[]).await
}

#[tokio::test]
async fn an_sqs_loop_by_asynchronous_clients() -> Result<()> {
    language::an_sqs_loop(&runtime(), &[("CLIENT", "aiobotocore")]).await
}

#[tokio::test]
async fn an_sns_loop() -> Result<()> {
    language::an_sns_loop(&runtime()).await
}

#[tokio::test]
async fn an_s3_loop() -> Result<()> {
    language::an_s3_loop(&runtime()).await
}

#[tokio::test]
async fn a_direct_asynchronous_loop() -> Result<()> {
    language::a_direct_asynchronous_loop(&runtime()).await
}

#[tokio::test]
async fn of_ten_records_the_handler_gets_nine() -> Result<()> {
    language::of_ten_records_the_handler_gets_nine(&runtime()).await
}

#[tokio::test]
async fn the_layer_changes_no_answer() -> Result<()> {
    language::the_layer_changes_no_answer(&runtime()).await
}

#[tokio::test]
async fn answers_of_every_size_are_the_same_with_and_without_the_layer() -> Result<()> {
    let size = Runtime::Python { source: checkout("tests/functions/python/size.py") };
    let with = Environment::builder(layer(), size.clone()).env("AWS_LAMBDA_EXEC_WRAPPER", WRAPPER);
    let without = Environment::builder(Layer::none(), size);
    let (with, without) = tokio::try_join!(with.start(), without.start())?;
    for bytes in [3, 1_000, 1_000_000, 6 * 1024 * 1024] {
        let event = json!({ "bytes": bytes });
        let (a, b) = tokio::try_join!(with.invoke(&event), without.invoke(&event))?;
        assert_eq!((&a.error, &b.error), (&None, &None), "{bytes} bytes");
        assert_eq!(a.payload.as_str().map(str::len), Some(bytes - 2));
        assert!(a.payload == b.payload, "{bytes} bytes");
    }
    let log = with.shut_down().await?;
    assert!(log.iter().any(|line| line.contains("extension registered")), "{log:#?}");
    Ok(())
}

/// Where several invocations run at once and extensions hear of none, each sends with its own lineage.
#[tokio::test]
async fn managed_instances_do_not_mix_chains() -> Result<()> {
    let guarded = |environment: EnvironmentBuilder| environment.env("AWS_LAMBDA_EXEC_WRAPPER", WRAPPER);
    managed::invocations_at_once_do_not_mix(layer(), runtime(), guarded).await
}

fn probe() -> Runtime {
    Runtime::Python { source: checkout("tests/tests/testbed/probe/probe.py") }
}

#[tokio::test]
async fn another_wrapper_is_called() -> Result<()> {
    language::another_wrapper_is_called(&probe()).await
}

#[tokio::test]
async fn without_the_extension_the_function_runs() -> Result<()> {
    language::without_the_extension_the_function_runs(&probe()).await
}

#[tokio::test]
async fn failures_come_through() -> Result<()> {
    language::failures_come_through(&probe(), "ValueError").await
}

#[tokio::test]
async fn a_collector_that_fails_costs_nothing() -> Result<()> {
    faults::a_collector_that_fails_costs_nothing(&probe()).await
}

#[tokio::test]
async fn without_aws_invocations_go_on() -> Result<()> {
    faults::without_aws_invocations_go_on(&probe()).await
}

#[tokio::test]
async fn what_an_sdk_of_opentelemetry_exports_is_taken() -> Result<()> {
    let traced = Runtime::Python { source: checkout("tests/functions/python/traced.py") };
    let collector = received::of_an_instrumented_function(traced, &["orders-python"]).await?;
    let theirs = |item: &Value| item["resource"]["service.name"] == "orders-python";
    let metrics: Vec<_> = collector.metrics().into_iter().filter(theirs).collect();
    let handled = metrics.iter().find(|metric| metric["name"] == "orders.handled").expect("a metric");
    assert_eq!(handled["sum"]["dataPoints"][0]["asInt"], "2", "{handled}");
    let logs: Vec<_> = collector.logs().into_iter().filter(theirs).collect();
    let bodies: Vec<_> = logs.iter().map(|log| log["body"]["stringValue"].clone()).collect();
    assert_eq!(bodies, ["order handled", "order handled"]);
    Ok(())
}
