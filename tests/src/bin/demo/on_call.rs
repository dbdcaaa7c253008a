//! The third scene: somebody is called, asks what is at 0, and resumes it.

use std::process::{Command, Stdio};

use anyhow::{Context as _, Result};
use hopguard_tests::Cloud;
use serde_json::Value;
use tokio::task::spawn_blocking;

use crate::{
    event::{Event, Scene},
    stage::Stage,
};

const SCENE: Scene = Scene::OnCall;
/// What the program says where a function is at 0.
const ATTENTION: i32 = 4;

pub(crate) async fn play(stage: &mut Stage<'_>) -> Result<()> {
    stage.teller.tell(&Event::SceneStarted { scene: SCENE })?;
    run(stage, &["status", "order"], ATTENTION).await?;
    run(stage, &["resume", "order", "thumbnail", "--yes"], 0).await?;
    let after = run(stage, &["status", "--output", "json"], 0).await?;
    let after: Value = serde_json::from_str(&after).context("the state is no JSON")?;
    let functions = after.get("functions").and_then(Value::as_array).into_iter().flatten();
    let member = |function: &Value, name: &str| function.get(name).cloned().unwrap_or_default();
    let mut states: Vec<_> = functions
        .map(|function| (member(function, "function"), member(function, "state"), member(function, "trip")))
        .collect();
    states.sort_by_key(|(function, ..)| function.to_string());
    let expected: Vec<_> = ["invoice", "order", "thumbnail"]
        .map(|name| (Value::from(name), Value::from("admitting"), Value::Null))
        .into();
    stage.check(SCENE, "that all are invoked again, with no tag left", &expected, &states)
}

/// Runs the program as a person does, tells what it said, and checks how it ended. What is for machines is not told.
async fn run(stage: &mut Stage<'_>, arguments: &[&str], expected: i32) -> Result<String> {
    let mut command = Command::new(stage.program("command")?);
    command.args(arguments).stdin(Stdio::null());
    command.env("AWS_ENDPOINT_URL", stage.cloud.endpoint()).env("AWS_REGION", Cloud::REGION);
    command.env("AWS_ACCESS_KEY_ID", "test").env("AWS_SECRET_ACCESS_KEY", "test");
    for inherited in ["AWS_PROFILE", "AWS_SESSION_TOKEN", "CLICOLOR_FORCE"] {
        command.env_remove(inherited);
    }
    let output = spawn_blocking(move || command.output()).await.context("the program was interrupted")??;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = arguments.join(" ");
    if !said.starts_with('{') {
        let command = format!("hopguard {line}");
        let output = said.lines().map(str::to_owned).collect();
        stage.teller.tell(&Event::Command { scene: SCENE, command, output })?;
    }
    let exit = output.status.code();
    stage.check(SCENE, &format!("the exit code of {line}"), &Some(expected), &exit)?;
    Ok(said)
}
