//! Loops of the crate under exactly the shipped policies.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result};
use hopguard_tests::{Call, Plan, Send};
use serde_json::json;

use crate::bed::{SOON, alone, assert_tripped, bodies, token};
use crate::policy::{self, BUCKET, FUNCTION, filled};
use crate::rig::Rig;

/// What a call needs. A function asks of itself only, so the last part of a path names the operation.
fn action(call: &Call) -> Result<String> {
    let last = call.path.rsplit('/').next().unwrap_or_default();
    let named = match (call.service.as_str(), call.operation.as_str(), last) {
        ("lambda", "GET", "concurrency") => "lambda:GetFunctionConcurrency",
        ("lambda", "PUT", "concurrency") => "lambda:PutFunctionConcurrency",
        ("lambda", "GET", "event-invoke-config") => "lambda:GetFunctionEventInvokeConfig",
        ("lambda", "GET", "configuration") => "lambda:GetFunctionConfiguration",
        ("lambda", "GET", "event-source-mappings") => "lambda:ListEventSourceMappings",
        ("lambda", "POST", _) if call.path.contains("/tags/") => "lambda:TagResource",
        ("lambda", "GET", _) if call.path.contains("/tags/") => "lambda:ListTags",
        ("s3", "HEAD", _) => "s3:GetObject",
        ("s3", "PUT", _) => "s3:PutObject",
        ("sqs", operation, _) => return Ok(format!("sqs:{operation}")),
        _ => return Err(anyhow::anyhow!("{call:?}")).context("a call that no policy is known for"),
    };
    Ok(named.to_owned())
}

#[tokio::test]
async fn an_sqs_loop() -> Result<()> {
    let rig = Rig::start(&["trip", "quarantine"], &[]).await?;
    let plan = Plan::forward(Send::queue(rig.queue.url()));
    let function = rig.bed.function(FUNCTION, &plan).role(&rig.role).deploy().await?;
    function.reserve_concurrency(Some(3)).await?;
    function.consume(&rig.queue).partial().create().await?;
    rig.queue.send("keep me").await?;
    assert_tripped(&function, "3").await?;
    rig.bed.settled().await?;
    assert_eq!(rig.bed.path(FUNCTION), alone(5));
    assert_eq!(bodies(&rig.bed.quarantine.holds(1, SOON).await?), ["keep me"]);
    Ok(())
}

#[tokio::test]
async fn an_s3_loop() -> Result<()> {
    let rig = Rig::start(&["trip", "quarantine", "objects"], &[]).await?;
    let bucket = rig.bed.cloud.bucket(BUCKET).await?;
    let plan = Plan::forward(Send::Object { bucket: BUCKET.to_owned(), prefix: "out/".to_owned() });
    let function = rig.bed.function(FUNCTION, &plan).role(&rig.role).deploy().await?;
    bucket.notify(&function, "").await?;
    bucket.put("in/first.txt", b"hello", &[]).await?;
    assert_tripped(&function, "unreserved").await?;
    rig.bed.settled().await?;
    assert_eq!(rig.bed.path(FUNCTION), alone(5));
    assert_eq!(rig.bed.quarantine.holds(1, SOON).await?.len(), 1);
    Ok(())
}

/// Calls that were denied and swallowed would not be seen in what a loop does: here each call is looked at.
#[tokio::test]
async fn no_other_action_is_asked_for() -> Result<()> {
    let files = ["trip", "quarantine", "objects"];
    let rig = Rig::start(&files, &[]).await?;
    let bucket = rig.bed.cloud.bucket(BUCKET).await?;
    let tap = rig.bed.cloud.tap().await?;
    let mut function = rig.bed.function(FUNCTION, &Plan::default()).role(&rig.role);
    for service in ["LAMBDA", "S3", "SQS"] {
        function = function.env(&format!("AWS_ENDPOINT_URL_{service}"), tap.endpoint());
    }
    let function = function.env("HOPGUARD_QUARANTINE", rig.bed.quarantine.url()).deploy().await?;
    bucket.notify(&function, "").await?;
    bucket.put("in/first.txt", b"hello", &[("hopguard", &token(&function, 5, 1))]).await?;
    assert_tripped(&function, "unreserved").await?;
    rig.bed.quarantine.holds(1, SOON).await?;
    rig.bed.settled().await?;
    function.reserve_concurrency(None).await?;
    let event = json!({ "hopguard": token(&function, 5, 2) });
    function.invoke(&event).await?;
    rig.bed.ended(2, FUNCTION).await?;

    let asked = tap.calls().iter().map(action).collect::<Result<BTreeSet<_>>>()?;
    let allowed: BTreeSet<_> = files.iter().flat_map(|file| policy::actions(&filled(file))).collect();
    assert!(asked.is_subset(&allowed), "{asked:?}, and not only {allowed:?}");
    // ListTags is asked where the concurrency cannot be read, ListBucket is for S3 itself, and there were no versions.
    let seldom = ["lambda:ListTags", "s3:GetObjectVersion", "s3:ListBucket"].map(str::to_owned);
    let expected: BTreeSet<_> = allowed.difference(&BTreeSet::from(seldom)).cloned().collect();
    assert_eq!(asked, expected);
    Ok(())
}
