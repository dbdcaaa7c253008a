//! The crate in AWS's own execution environment, beside the layer's extension.

mod simulated;
mod simulator;

use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use hopguard_tests::{Collector, Environment, EnvironmentBuilder, Layer, Plan, Runtime};
use serde_json::{Value, json};

use crate::managed;
use crate::tree::layer;

fn runtime() -> Runtime {
    Runtime::Provided { bootstrap: Path::new(env!("CARGO_BIN_EXE_function")).to_owned() }
}

#[tokio::test]
async fn the_crates_invocations_at_once_do_not_mix() -> Result<()> {
    let unchanged = |environment: EnvironmentBuilder| environment;
    managed::invocations_at_once_do_not_mix(Layer::none(), runtime(), unchanged).await
}

/// A function that runs into its time limit says nothing any more: the layer makes its span of what it said when it began.
#[tokio::test]
async fn an_invocation_whose_process_is_gone_has_a_span() -> Result<()> {
    let collector = Collector::start().await?;
    let plan = Plan { wait_ms: 60_000, ..Plan::default() };
    let environment = Environment::builder(layer(), runtime())
        .timeout(Duration::from_secs(1))
        .env(Plan::VARIABLE, plan.text())
        .env("HOPGUARD_OTLP_PORT", "0")
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", collector.endpoint())
        .start()
        .await?;
    let answer = environment.invoke(&json!({ "order": 1 })).await?;
    assert!(answer.error.is_some(), "{}", answer.payload);
    let log = environment.shut_down().await?;
    let lost = |span: &Value| span["attributes"].to_string().contains("error.type");
    let found = collector.wait_for_spans(1, Duration::from_secs(20), lost).await;
    let found = found.map_err(|error| error.context(format!("{log:#?}")))?;
    assert_eq!(found[0]["name"], "invoke process", "{found:#?}");
    Ok(())
}

/// Lambda ignores the wrapper on `provided.*`: the extension sees no event, and the crate counts alone.
#[tokio::test]
async fn beside_the_extension_the_crate_counts_alone() -> Result<()> {
    managed::invocations_at_once_do_not_mix(layer(), runtime(), |environment| environment).await?;
    let environment = Environment::builder(layer(), runtime()).env(Plan::VARIABLE, Plan::default().text());
    let environment = environment.start().await?;
    let answer = environment.invoke(&json!({ "order": 1 })).await?;
    assert_eq!(answer.error, None, "{}, {:#?}", answer.payload, environment.log()?);
    let log = environment.shut_down().await?;
    assert!(log.iter().any(|line| line.contains("extension registered")), "{log:#?}");
    Ok(())
}
