//! One environment without a cloud, and programs for `provided.al2023`.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use hopguard_tests::{Cloud, Environment, Invocation, Layer, Plan, Runtime, Witness};
use serde_json::json;

use crate::layered::{file, layer};

const REQUEST: &str = "8476a536-e9f4-11e8-9739-2dfe598c3fcd";
const TRACE: &str = "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1";

fn program() -> Runtime {
    Runtime::Provided { bootstrap: PathBuf::from(env!("CARGO_BIN_EXE_function")) }
}

#[tokio::test]
async fn an_extension_hears_of_invocations_and_of_the_end() -> Result<()> {
    let plan = Plan { unguarded: true, ..Plan::default() };
    let environment = Environment::builder(layer(), program())
        .env(Plan::VARIABLE, plan.text())
        .env("AWS_LAMBDA_EXEC_WRAPPER", "/opt/testbed/no-such-wrapper")
        .start()
        .await?;
    let invocation = Invocation::from(&json!({"order": 1})).request_id(REQUEST).trace_header(TRACE);
    let answer = environment.invoke(invocation).await?;
    assert_eq!((answer.error, &answer.payload["batchItemFailures"]), (None, &json!([])));

    let log = environment.shut_down().await?;
    let said = |parts: &[&str]| log.iter().any(|line| parts.iter().all(|part| line.contains(part)));
    assert!(said(&["extension: ", "INVOKE", REQUEST, TRACE, "000000000000:function:function"]), "{log:#?}");
    assert!(said(&["extension: ", "SHUTDOWN", "SandboxTerminated"]), "{log:#?}");
    assert!(said(&["\"kind\":\"run\"", "\\\"order\\\":1"]), "the function's own line: {log:#?}");
    Ok(())
}

#[tokio::test]
async fn a_program_on_the_cloud_may_have_a_layer() -> Result<()> {
    let cloud = Cloud::start().await?;
    let witness = Witness::start().await?;
    let plan = Plan { unguarded: true, each: true, ..Plan::default() };
    let parts = Layer::none().with("extensions/witness", &file("tests/testbed/layer/extensions/witness"));
    for (name, layer, told) in
        [("with", layer(), true), ("with-parts", parts, true), ("without", Layer::none(), false)]
    {
        let function = cloud.function(name).layered(layer, program()).env(Plan::VARIABLE, plan.text());
        let function = function.env(Witness::VARIABLE, witness.address()).deploy().await?;
        let answer = function.invoke(&json!({"order": 1})).await?;
        assert_eq!(answer.error, None, "{}", answer.payload);
        witness.wait_for(1, Duration::from_secs(5), |line| line["function"] == name).await?;
        let logs = function.logs().await?;
        assert_eq!(logs.iter().any(|line| line.contains("extension: ")), told, "{logs:#?}");
    }
    Ok(())
}
