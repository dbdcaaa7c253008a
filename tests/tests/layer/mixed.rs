//! One chain over functions in three languages and three carriers.

use std::collections::HashSet;
use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use hopguard::core::FunctionId;
use hopguard_tests::{Collector, Kit, Plan, Rotel, Runtime, Send, Witness};
use serde_json::{Value, json};

use crate::bed::{Bed, bodies};
use crate::language::{SOON, WRAPPER, layered, lineage};
use crate::tree::checkout;
use crate::{node, python, received};

/// Python → SQS → the crate → SNS → Node.js → S3 → Python.
#[tokio::test]
async fn a_loop_over_three_languages() -> Result<()> {
    let bed = Bed::start().await?;
    let queue = bed.cloud.queue("to-rust").create().await?;
    let topic = bed.cloud.topic("to-node").await?;
    let bucket = bed.cloud.bucket("to-python").await?;

    let plan = Plan::forward(Send::queue(queue.url()));
    let python = layered(&bed, "python", &python::runtime(), &plan).env("HOPGUARD_MAX_VISITS", "3");
    let rust = bed
        .cloud
        .function("rust")
        .bootstrap(Path::new(env!("CARGO_BIN_EXE_function")))
        .env(Plan::VARIABLE, Plan::forward(Send::topic(topic.arn())).text())
        .env(Witness::VARIABLE, bed.witness.address())
        .env("HOPGUARD_QUARANTINE", bed.quarantine.url());
    let plan = Plan::forward(Send::Object { bucket: bucket.name().to_owned(), prefix: "in/".to_owned() });
    let node = layered(&bed, "node", &node::runtime(), &plan);
    let (python, rust, node) = tokio::try_join!(python.deploy(), rust.deploy(), node.deploy())?;
    rust.consume(&queue).partial().create().await?;
    topic.subscribe(&node).await?;
    bucket.notify(&python, "in/").await?;

    bucket.put("in/first", b"x", &[]).await?;
    python.tripped(SOON).await?;
    bed.settled().await?;

    assert_eq!(bed.runs("python").len(), 3, "three visits, and no fourth");
    // From the second function on, each hop is one more than the one before, over all carriers.
    assert_eq!(bed.path("rust"), [(1, 1), (4, 2), (7, 3)]);
    let id = FunctionId::from_arn(node.arn());
    let mut of_node: Vec<_> = bed
        .runs("node")
        .iter()
        .filter_map(lineage)
        .map(|lineage| (lineage.hop, lineage.visits.of(id)))
        .collect();
    of_node.sort_unstable();
    assert_eq!(of_node, [(2, 1), (5, 2), (8, 3)]);
    let chains: HashSet<_> =
        bed.runs("node").iter().filter_map(lineage).map(|lineage| lineage.chain.to_string()).collect();
    let of_rust: HashSet<_> =
        bed.runs("rust").iter().filter_map(|run| run["chain"].as_str().map(str::to_owned)).collect();
    assert_eq!((chains.len(), &chains), (1, &of_rust));
    assert_eq!(bodies(&bed.quarantine.holds(1, SOON).await?).len(), 1);
    for function in [&rust, &node] {
        assert_eq!(function.reserved_concurrency().await?, None, "only the function at its limit is tripped");
    }
    Ok(())
}

/// An instrumented function in Python → SQS → Node.js; both export by the layer to a collector that is not ours.
#[tokio::test]
async fn one_trace_over_two_functions_in_a_third_partys_collector() -> Result<()> {
    let bed = Bed::start().await?;
    let queue = bed.cloud.queue("orders").create().await?;
    let collector = Collector::start().await?;
    let rotel = Rotel::start(&collector).await?;

    let traced = Runtime::Python { source: checkout("tests/functions/python/traced.py") };
    let sender =
        bed.cloud.function("sender").layered(received::with_opentelemetry(Kit::Python).await?, traced);
    let sender = sender.env("AWS_LAMBDA_EXEC_WRAPPER", WRAPPER).env("FORWARD", queue.url());
    let receiver = layered(&bed, "receiver", &node::runtime(), &Plan::default());
    let exporting = [("HOPGUARD_OTLP_PORT", "0"), ("HOPGUARD_OTLP_ENDPOINT", &rotel.endpoint())];
    let [sender, receiver] = [sender, receiver].map(|function| {
        exporting.iter().fold(function.timeout(Duration::from_secs(20)), |function, (name, value)| {
            function.env(name, *value)
        })
    });
    let (sender, receiver) = tokio::try_join!(sender.deploy(), receiver.deploy())?;
    receiver.consume(&queue).partial().create().await?;
    let answer = sender.invoke(&received::batch(&[0xa1])).await?;
    assert_eq!(answer.error, None, "{}", answer.payload);

    let of = |function: &'static str, name: &'static str| {
        move |span: &Value| span["resource"]["faas.name"] == function && span["name"] == name
    };
    let mut spans = Vec::new();
    for (function, name) in [
        ("sender", "sqs process"),
        ("sender", "handle order"),
        ("sender", "SQS.SendMessage"),
        ("receiver", "sqs process"),
    ] {
        let found = collector.wait_for_spans(1, SOON, of(function, name)).await;
        let found = found.map_err(|error| error.context(rotel.log()))?;
        assert_eq!(found.len(), 1, "{function}: {name}");
        spans.extend(found);
    }
    let [sending, handling, call, receiving] = &spans[..] else { panic!("{spans:#?}") };
    let traces: HashSet<_> = spans.iter().map(|span| span["traceId"].to_string()).collect();
    assert_eq!(traces.len(), 1, "one trace: {spans:#?}");
    assert_eq!(
        (&sending["parentSpanId"], &handling["parentSpanId"]),
        (&json!("00000000000000a1"), &json!("00000000000000a1"))
    );
    assert_eq!(call["parentSpanId"], sending["spanId"]);
    // The handler passed its own span on, and that is kept.
    assert_eq!(receiving["parentSpanId"], handling["spanId"]);
    let linked = |span: &Value| json!([span["links"][0]["traceId"], span["links"][0]["spanId"]]);
    assert_eq!(linked(receiving), json!([handling["traceId"], handling["spanId"]]));
    assert_eq!(receiving["links"].as_array().map(Vec::len), Some(1));

    let named = |name: &'static str| move |metric: &Value| metric["name"] == name;
    for name in ["faas.invocations", "orders.handled"] {
        let metric =
            collector.wait_for(name, SOON, |collector| collector.metrics().into_iter().find(named(name)));
        assert!(metric.await?["sum"]["dataPoints"][0]["asInt"].is_string(), "{name}");
    }
    let log = collector.wait_for("a log record", SOON, |collector| collector.logs().first().cloned()).await?;
    assert_eq!(
        (&log["body"]["stringValue"], &log["resource"]["faas.name"]),
        (&json!("order handled"), &json!("sender"))
    );
    Ok(())
}
