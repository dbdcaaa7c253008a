//! Cargo subcommands that a checkout needs and a machine may lack.

use anyhow::{Context as _, Result};

use crate::{process, workspace::Workspace};

/// A pinned tool of crates.io.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tool {
    subcommand: &'static str,
    version: &'static str,
}

/// Runs tests, each in a process of its own.
pub(crate) const NEXTEST: Tool = Tool { subcommand: "nextest", version: "0.9.143" };
/// Checks licences, sources, duplicates and advisories.
pub(crate) const DENY: Tool = Tool { subcommand: "deny", version: "0.20.2" };

impl Tool {
    /// Installs it below `target/tools` unless cargo knows it already: what the developer installed is used.
    pub(crate) fn install(self, workspace: &Workspace) -> Result<()> {
        let Self { subcommand, version } = self;
        if process::succeeds(workspace.cargo().args([subcommand, "--version"])) {
            return Ok(());
        }
        println!("    installing cargo-{subcommand} {version} in target/tools (once, a few minutes)");
        // Unoptimised it compiles in half the time, and it mostly waits for others anyway.
        let mut install = workspace.cargo();
        install.args(["install", "--quiet", "--locked", "--debug", "--version", version, "--root"]);
        process::run(install.arg(workspace.tools()).arg(format!("cargo-{subcommand}")))
            .with_context(|| format!("cannot install cargo-{subcommand}; is crates.io reachable?"))
    }
}
