//! Functions in Python under the layer.

use anyhow::Result;
use hopguard_tests::Runtime;

use crate::language;
use crate::tree::checkout;

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
