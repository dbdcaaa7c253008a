//! What layers export of guarded loops, and of functions that are near a limit or beyond it.

use anyhow::{Context as _, Result};
use hopguard_tests::{Collector, Environment, Plan, Runtime, Send};
use serde_json::{Value, json};

use crate::bed::{Bed, assert_tripped, token_of};
use crate::language::{SOON, WRAPPER, layered};
use crate::simulator::Simulated;
use crate::tree::{checkout, layer};

/// The function that loops.
pub(crate) const LOOPED: &str = "worker";
/// A function whose breaker is off, and that gets a record beyond its limit.
pub(crate) const UNTRIPPED: &str = "untripped";

/// A signing key that no other function has.
const KEY: &str = "5b1fd2a6c37e0948b2a7b7cf5d5e61f3a0c4d7e893614b2f6d8e7a901c3b5f42";

fn runtime() -> Runtime {
    Runtime::Python { source: checkout("tests/functions/python/forward.py") }
}

/// A loop over a queue and one over a bucket, both cut, in functions with these variables. Their environments are never told that they end:
/// what was exported is what a trip exports.
pub(crate) async fn cut_loops(bed: &Bed, variables: &[(&str, &str)]) -> Result<()> {
    let queue = bed.cloud.queue("work").create().await?;
    let bucket = bed.cloud.bucket("objects").await?;
    let object = Send::Object { bucket: bucket.name().to_owned(), prefix: "in/".to_owned() };
    let function = |name: &str, plan: &Plan| {
        let function = layered(bed, name, &runtime(), plan).env("HOPGUARD_OTLP_PORT", "0").memory_mb(512);
        variables.iter().fold(function, |function, (name, value)| function.env(name, *value))
    };
    let by_queue = function(LOOPED, &Plan::forward(Send::queue(queue.url()))).deploy().await?;
    let by_bucket = function("copier", &Plan::forward(object)).deploy().await?;
    by_queue.consume(&queue).partial().create().await?;
    bucket.notify(&by_bucket, "in/").await?;
    queue.send("an order").await?;
    bucket.put("in/first", b"x", &[]).await?;
    for function in [&by_queue, &by_bucket] {
        assert_tripped(function, "unreserved").await?;
    }
    Ok(())
}

/// All that was exported: of the loops; of a function that only observes, one whose breaker is off and one that believes nobody; and
/// of one that a whole Telemetry API tells of, as AWS's emulator does not.
pub(crate) async fn exported() -> Result<Collector> {
    let (bed, collector) = (Bed::start().await?, Collector::start().await?);
    let endpoint = collector.endpoint();
    cut_loops(&bed, &[("HOPGUARD_OTLP_ENDPOINT", &endpoint)]).await?;
    for (name, variables) in [
        ("observer", [("HOPGUARD_MODE", "observe"), ("HOPGUARD_MAX_VISITS", "5")]),
        (UNTRIPPED, [("HOPGUARD_TRIP", "off"), ("HOPGUARD_MAX_VISITS", "5")]),
        ("distrustful", [("HOPGUARD_SIGNING_KEY", KEY), ("HOPGUARD_TRIP", "off")]),
    ] {
        let environment = Environment::builder(layer(), runtime())
            .name(name)
            .on(&bed.cloud)
            .env("AWS_LAMBDA_EXEC_WRAPPER", WRAPPER)
            .env("HOPGUARD_OTLP_PORT", "0")
            .env("HOPGUARD_OTLP_ENDPOINT", endpoint.as_str());
        let environment =
            variables.iter().fold(environment, |environment, (name, value)| environment.env(name, *value));
        let environment = environment.start().await?;
        let arn = format!("arn:aws:lambda:us-east-1:000000000000:function:{name}");
        environment.invoke(&json!({ "hopguard": token_of(&arn, 5, 1) })).await?;
        environment.shut_down().await?;
    }
    let simulated = Simulated::start(LOOPED, &collector, true).await?;
    for _ in 0..3 {
        simulated.invoke(json!({ "order": 1 })).await?;
    }
    simulated.shut_down().await?;

    let tripped = |collector: &Collector| {
        let of = |metric: &Value, function: &str| {
            metric["name"] == "hopguard.trips" && metric["resource"]["faas.name"] == function
        };
        let metrics = collector.metrics();
        ["worker", "copier"]
            .iter()
            .all(|function| metrics.iter().any(|metric| of(metric, function)))
            .then_some(())
    };
    collector.wait_for("the trips of both loops", SOON, tripped).await.context("not exported")?;
    Ok(collector)
}
