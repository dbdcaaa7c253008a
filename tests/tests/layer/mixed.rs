//! One chain over functions in three languages and three carriers.

use std::collections::HashSet;
use std::path::Path;

use anyhow::Result;
use hopguard::core::FunctionId;
use hopguard_tests::{Plan, Send, Witness};

use crate::bed::{Bed, bodies};
use crate::language::{SOON, layered, lineage};
use crate::{node, python};

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
