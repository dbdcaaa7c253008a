//! `cargo xtask bench`: the figures of the README, measured here.

use std::process::{Command, ExitCode};

use anyhow::{Context as _, Result};

use crate::{layer, process, workspace::Workspace};

/// The packages that have benchmarks.
const MEASURED: [&str; 3] = ["hopguard-core", "hopguard", "hopguard-cli"];

/// Runs the benchmarks one after the other, since they share the machine; each prints its own table of ratios.
pub(crate) fn run(workspace: &Workspace, filter: Option<&str>) -> Result<ExitCode> {
    for package in MEASURED {
        println!("==> cargo bench -p {package} (optimised as for release: the first build takes minutes)");
        let mut cargo = workspace.cargo();
        // The pattern leaves the library's own test harness out, which knows no benchmarks and only prints that.
        cargo.args(["bench", "--quiet", "--package", package, "--all-features", "--bench", "*", "--"]);
        process::run(cargo.args(filter))?;
        println!();
    }
    Ok(ExitCode::SUCCESS)
}

/// Measures the layer's binary beside a bare extension and a proxy that copies, all built as the layer is.
pub(crate) fn layer(workspace: &Workspace) -> Result<ExitCode> {
    println!("==> building the layer and its references (optimised: the first time takes minutes)");
    // One after the other: built together, one would have the features of the other's dependencies.
    for package in ["hopguard-extension", "hopguard-bench"] {
        let mut cargo = workspace.cargo();
        cargo.args(["build", "--quiet", "--profile", layer::PROFILE, "--package", package, "--bins"]);
        process::run(&mut cargo)?;
    }
    let programs = workspace.programs()?;
    let target_folder = programs.parent().context("the target folder has no parent")?;
    process::run(&mut Command::new(target_folder.join(layer::PROFILE).join("bench-layer")))?;
    Ok(ExitCode::SUCCESS)
}
