//! What it says to somebody who has never seen its source.

use anyhow::Result;

use crate::bed::Bed;
use crate::program::Program;

#[tokio::test]
async fn nobody_is_asked_twice_and_nothing_is_done_unasked() -> Result<()> {
    let bed = Bed::start().await?;
    let hopguard = Program::on(&bed.cloud);
    let bootstrap = std::path::Path::new(env!("CARGO_BIN_EXE_function"));
    let function = bed.cloud.function("worker").bootstrap(bootstrap).deploy().await?;
    hopguard
        .run(&["trip", "worker"])
        .await
        .is(2, &["Nothing will invoke worker until it is resumed.", "write --yes"]);
    assert_eq!(function.reserved_concurrency().await?, None);
    hopguard
        .run(&["trip", "nobody", "--yes"])
        .await
        .is(1, &["nobody is not in this account and Region; check its name, --region and --profile"]);
    let layer = "arn:aws:lambda:us-east-1:123456789012:layer:other:1";
    hopguard
        .run(&["attach", "worker", "--layer", layer])
        .await
        .is(2, &["not a version of a layer with the name hopguard"]);
    hopguard.run(&["attach", "worker", "--zip", "/nowhere.zip"]).await.is(1, &["cargo xtask layer makes"]);
    hopguard.run(&["attach", "worker"]).await.is(1, &["worker refused", "write --zip target/layer"]);
    hopguard
        .run(&["attach", "worker", "--layer", layer, "--set", "MAX=1"])
        .await
        .is(2, &["HOPGUARD_MAX_VISITS=5"]);
    hopguard.run(&["resume"]).await.is(2, &["<FUNCTION>..."]);
    hopguard.run(&["resume", "worker", "--probe=1h"]).await.is(2, &["1s to 15m"]);
    Ok(())
}

#[tokio::test]
async fn who_is_not_signed_in_is_told_how() {
    let shell = Program::signed_out().with("AWS_REGION", "eu-central-1");
    shell
        .run(&["status", "orders"])
        .await
        .is(1, &["AWS was not asked", "--profile or AWS_PROFILE", "sign in"]);
    let nowhere =
        Program::signed_out().with("AWS_ACCESS_KEY_ID", "test").with("AWS_SECRET_ACCESS_KEY", "test");
    nowhere.run(&["status", "orders"]).await.is(1, &["a Region by --region or AWS_REGION"]);
}

#[tokio::test]
async fn every_command_has_a_help_with_exit_codes() {
    let shell = Program::signed_out();
    for command in ["status", "resume", "trip", "attach", "detach", "doctor", "report", "completions"] {
        shell.run(&[command, "--help"]).await.is(0, &["Usage: hopguard", "Exit codes: 0 done"]);
    }
    for name in ["bash", "zsh", "fish"] {
        shell.run(&["completions", name]).await.is(0, &["hopguard", "resume"]);
    }
    shell.run(&["completions", "cmd"]).await.is(2, &["bash, elvish, fish, powershell, zsh"]);
}
