//! Functions in Node.js under the layer.

use anyhow::Result;
use hopguard_tests::Runtime;

use crate::language;
use crate::received;
use crate::tree::checkout;

pub(crate) fn runtime() -> Runtime {
    Runtime::Node { source: checkout("tests/functions/node/forward.mjs") }
}

#[tokio::test]
async fn an_sqs_loop() -> Result<()> {
    language::an_sqs_loop(&runtime(), &[]).await
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
async fn of_ten_records_the_handler_gets_nine() -> Result<()> {
    language::of_ten_records_the_handler_gets_nine(&runtime()).await
}

#[tokio::test]
async fn the_layer_changes_no_answer() -> Result<()> {
    language::the_layer_changes_no_answer(&runtime()).await
}

fn probe() -> Runtime {
    Runtime::Node { source: checkout("tests/tests/testbed/probe/probe.mjs") }
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
    language::failures_come_through(&probe(), "TypeError").await
}

/// As protobuf and as JSON.
#[tokio::test]
async fn what_an_sdk_of_opentelemetry_exports_is_taken() -> Result<()> {
    let traced = Runtime::Node { source: checkout("tests/functions/node/traced.cjs") };
    received::of_an_instrumented_function(traced, &["orders-node-proto", "orders-node-json"]).await.map(drop)
}

#[tokio::test]
async fn a_kinesis_loop() -> Result<()> {
    language::a_kinesis_loop(&runtime()).await
}

#[tokio::test]
async fn a_dynamodb_loop() -> Result<()> {
    language::a_dynamodb_loop(&runtime()).await
}
