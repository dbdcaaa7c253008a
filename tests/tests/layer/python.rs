//! Functions in Python under the layer.

use anyhow::Result;
use hopguard_tests::{Environment, EnvironmentBuilder, Layer, Runtime};
use serde_json::{Value, json};

use crate::faults;
use crate::language::{self, WRAPPER};
use crate::managed;
use crate::metrics;
use crate::panics;
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
async fn attached_to_a_function_that_loops_it_cuts_the_loop() -> Result<()> {
    language::attached_to_a_function_that_loops_it_cuts_the_loop(&runtime()).await
}

#[tokio::test]
async fn a_loop_that_branches() -> Result<()> {
    language::a_loop_that_branches(&runtime()).await
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
async fn a_chain_beyond_its_budget() -> Result<()> {
    language::a_chain_beyond_its_budget(&runtime()).await
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

fn traced() -> Runtime {
    Runtime::Python { source: checkout("tests/functions/python/traced.py") }
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
    let collector = received::of_an_instrumented_function(traced(), &["orders-python"]).await?;
    let theirs = |item: &Value| item["resource"]["service.name"] == "orders-python";
    let metrics: Vec<_> = collector.metrics().into_iter().filter(theirs).collect();
    let handled = metrics.iter().find(|metric| metric["name"] == "orders.handled").expect("a metric");
    assert_eq!(handled["sum"]["dataPoints"][0]["asInt"], "2", "{handled}");
    let logs: Vec<_> = collector.logs().into_iter().filter(theirs).collect();
    let bodies: Vec<_> = logs.iter().map(|log| log["body"]["stringValue"].clone()).collect();
    assert_eq!(bodies, ["order handled", "order handled"]);
    Ok(())
}

#[tokio::test]
async fn a_panic_of_what_guards_costs_no_invocation() -> Result<()> {
    let places = ["proxy=1", "admit", "sends", "answer", "invoked", "shutdown"];
    panics::a_panic_costs_the_part_that_it_happens_in(&traced(), &places).await
}

#[tokio::test]
async fn a_panic_of_what_observes_costs_no_invocation() -> Result<()> {
    let places = ["reports", "receiver=2", "request", "exporter"];
    panics::a_panic_costs_the_part_that_it_happens_in(&traced(), &places).await
}

#[tokio::test]
async fn a_panic_over_telemetry_costs_the_telemetry() -> Result<()> {
    panics::a_panic_over_telemetry_costs_the_telemetry(&probe()).await
}

#[tokio::test]
async fn a_panic_lets_no_blocked_record_through() -> Result<()> {
    panics::a_panic_lets_no_blocked_record_through(&probe()).await
}

#[tokio::test]
async fn managed_instances_tell_what_invocations_cost() -> Result<()> {
    let guarded = |environment: EnvironmentBuilder| environment.env("AWS_LAMBDA_EXEC_WRAPPER", WRAPPER);
    managed::what_the_platform_tells_becomes_metrics(layer(), probe(), guarded).await
}

#[tokio::test]
async fn metrics_reach_cloudwatch() -> Result<()> {
    metrics::reach_cloudwatch(&probe()).await
}

#[tokio::test]
async fn a_kinesis_loop() -> Result<()> {
    language::a_kinesis_loop(&runtime()).await
}

#[tokio::test]
async fn a_dynamodb_loop() -> Result<()> {
    language::a_dynamodb_loop(&runtime()).await
}
