//! `cargo xtask ci`: what a change has to pass.

use std::{
    process::{ExitCode, Stdio},
    time::Duration,
};

use anyhow::Result;

use crate::{layer, process, report::Report, test, tool::DENY, workspace::Workspace};

/// How long the database of advisories may take to come; where the network does not let it through, git waits for ever.
const FETCH_LIMIT: Duration = Duration::from_secs(120);

/// Runs the checks, then everything of `cargo xtask test`, then packs the layer.
pub(crate) fn run(workspace: &Workspace) -> Result<ExitCode> {
    let mut report = Report::start();
    let cargo = |arguments: &[&str]| process::run(workspace.cargo().args(arguments));
    report.step("fmt", |_| cargo(&["fmt", "--all", "--check"]));
    report.step("clippy: all targets, all features", |_| {
        let clippy = ["clippy", "--quiet", "--workspace", "--all-targets", "--all-features"];
        process::run(workspace.cargo().args(clippy).args(["--", "-D", "warnings"]))
    });
    report.step("doc: all features", |_| {
        let mut doc = workspace.cargo();
        doc.args(["doc", "--quiet", "--workspace", "--no-deps", "--all-features"]);
        process::run(doc.env("RUSTDOCFLAGS", "-D warnings"))
    });
    if report.step("cargo-deny", |_| DENY.install(workspace)) {
        report.step("deny: licences, sources, bans", |_| {
            cargo(&["deny", "--log-level", "error", "check", "bans", "licenses", "sources"])
        });
        advisories(workspace, &mut report);
    }
    test::steps(workspace, &mut report);
    report.step("layer: packed as Lambda takes it, for glibc 2.26 and older (takes minutes)", |_| {
        layer::build(workspace)
    });
    Ok(report.finish("ci"))
}

/// A database that came decides; one that did not come is said to be missing, since that tells nothing of this code.
fn advisories(workspace: &Workspace, report: &mut Report) {
    let mut fetch = workspace.cargo();
    // Where a name and password are asked for, nobody is there to answer.
    fetch.args(["deny", "--log-level", "off", "fetch", "db"]).env("GIT_TERMINAL_PROMPT", "0");
    fetch.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    match process::run_within(&mut fetch, FETCH_LIMIT) {
        Ok(()) => {
            report.step("deny: advisories", |_| {
                let deny = ["deny", "--log-level", "error", "check", "--disable-fetch", "advisories"];
                process::run(workspace.cargo().args(deny))
            });
        }
        Err(error) => {
            let why = format!("the database of advisories cannot be fetched from this network ({error:#})");
            report.leave_out_freely("deny: advisories", &why);
        }
    }
}
