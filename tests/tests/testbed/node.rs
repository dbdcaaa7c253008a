//! Node.js functions with a layer.

use anyhow::Result;
use hopguard_tests::Runtime;

use crate::layered::{Language, file};

fn language() -> Language {
    Language {
        probe: Runtime::Node { source: file("tests/testbed/probe/probe.mjs") },
        forward: Runtime::Node { source: file("functions/node/forward.mjs") },
        runtime: "AWS_Lambda_nodejs",
        error: "TypeError",
    }
}

#[tokio::test]
async fn invocations_run_inside_with_the_layer() -> Result<()> {
    language().invocations_run_inside_with_the_layer().await
}

#[tokio::test]
async fn layers_are_those_of_the_configuration() -> Result<()> {
    language().layers_are_those_of_the_configuration().await
}

#[tokio::test]
async fn errors_come_through() -> Result<()> {
    language().errors_come_through().await
}

#[tokio::test]
async fn records_are_forwarded() -> Result<()> {
    language().records_are_forwarded(&[]).await
}

#[tokio::test]
async fn a_loop_runs() -> Result<()> {
    language().a_loop_runs().await
}

#[tokio::test]
async fn each_invocation_has_its_own_and_nothing_outlives_the_cloud() -> Result<()> {
    language().each_invocation_has_its_own_and_nothing_outlives_the_cloud().await
}
