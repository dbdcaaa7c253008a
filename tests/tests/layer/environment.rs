//! The crate in AWS's own execution environment, beside the layer's extension.

mod simulated;
mod simulator;

use std::path::Path;

use anyhow::Result;
use hopguard_tests::{Environment, EnvironmentBuilder, Layer, Plan, Runtime};
use serde_json::json;

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
