//! The layer under exactly the shipped policies.

use std::time::Duration;

use anyhow::Result;
use aws_sdk_cloudwatch::Client;
use hopguard_tests::{Plan, Runtime, Send, Witness, eventually};

use crate::bed::{Bed, assert_tripped, bodies};
use crate::policy::{BUCKET, FUNCTION};
use crate::rig::Rig;
use crate::tree::{checkout, layer};

/// An environment takes seconds to start on a busy machine.
const SOON: Duration = Duration::from_secs(60);

/// The loop of a Python function with the layer's metrics in CloudWatch, under a role without the actions of `missing`.
async fn looped(files: &[&str], missing: &[&str], object: bool) -> Result<Rig> {
    let rig = Rig::start(files, missing).await?;
    let bucket = rig.bed.cloud.bucket(BUCKET).await?;
    let send = match object {
        true => Send::Object { bucket: BUCKET.to_owned(), prefix: "in/".to_owned() },
        false => Send::queue(rig.queue.url()),
    };
    let code = Runtime::Python { source: checkout("tests/functions/python/forward.py") };
    let function = rig.bed.cloud.function(FUNCTION).layered(layer(), code).role(&rig.role);
    let function = function
        .env("AWS_LAMBDA_EXEC_WRAPPER", "/opt/hopguard/wrap")
        .env(Plan::VARIABLE, Plan::forward(send).text())
        .env(Witness::VARIABLE, rig.bed.witness.address())
        .env("HOPGUARD_MAX_VISITS", "5")
        .env("HOPGUARD_QUARANTINE", rig.bed.quarantine.url())
        .env("HOPGUARD_METRICS", "cloudwatch")
        // The last invocation of a loop is followed by no other, and no environment on the cloud is shut down.
        .env("HOPGUARD_FLUSH_INTERVAL", "0ms")
        .timeout(Duration::from_secs(20))
        .deploy()
        .await?;
    if object {
        bucket.notify(&function, "in/").await?;
        bucket.put("in/first", b"x", &[]).await?;
    } else {
        function.consume(&rig.queue).partial().create().await?;
        rig.queue.send("keep me").await?;
    }
    assert_tripped(&function, "unreserved").await?;
    rig.bed.settled().await?;
    assert_eq!(rig.bed.runs(FUNCTION).len(), 5);
    let kept = bodies(&rig.bed.quarantine.holds(1, SOON).await?);
    assert!(object || kept == ["keep me"], "{kept:?}");
    Ok(rig)
}

async fn metrics(bed: &Bed) -> Result<Vec<String>> {
    let listed = Client::new(bed.cloud.sdk()).list_metrics().namespace("hopguard").send().await?;
    Ok(listed.metrics().iter().filter_map(|metric| metric.metric_name()).map(str::to_owned).collect())
}

#[tokio::test]
async fn an_sqs_loop() -> Result<()> {
    let rig = looped(&["trip", "quarantine", "metrics"], &[], false).await?;
    eventually("the trip in CloudWatch", SOON, async || {
        let listed = metrics(&rig.bed).await?;
        Ok(listed.iter().any(|name| name == "hopguard.trips.tripped").then_some(()))
    })
    .await
}

#[tokio::test]
async fn an_s3_loop() -> Result<()> {
    looped(&["trip", "quarantine", "objects"], &[], true).await.map(drop)
}

#[tokio::test]
async fn without_put_metric_data() -> Result<()> {
    let rig = looped(&["trip", "quarantine", "metrics"], &["cloudwatch:PutMetricData"], false).await?;
    assert_eq!(metrics(&rig.bed).await?, [""; 0], "the loop is cut, and no metric tells of it");
    Ok(())
}
