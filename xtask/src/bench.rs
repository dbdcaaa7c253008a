//! `cargo xtask bench`: the figures of the README, measured here.

use std::process::ExitCode;

use anyhow::Result;

use crate::{process, workspace::Workspace};

/// The packages that have benchmarks.
const MEASURED: [&str; 2] = ["hopguard-core", "hopguard"];

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
