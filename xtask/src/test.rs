//! `cargo xtask test`: everything that can be tested on this machine.

use std::{
    io::{self, IsTerminal as _},
    process::{Command, ExitCode},
};

use anyhow::Result;

use crate::{
    demo, docs,
    process::{self, Output},
    purity,
    report::Report,
    tool::NEXTEST,
    workspace::Workspace,
};

/// The middleware's features. Each has to compile without the others; together they are tested.
const FEATURES: [&str; 7] = ["aws", "events", "lambda", "opentelemetry", "s3", "sns", "sqs"];

/// What nextest leaves out where there is no test bed.
const WITHOUT_TEST_BED: &str = "not (package(hopguard-tests) and kind(test))";

/// Tests that are marked `#[ignore]` because other tests start them: they are run, and not left out.
const HELPERS: [&str; 1] = ["hopguard::guard runtime::child"];

/// Runs it all and sums it up.
pub(crate) fn run(workspace: &Workspace) -> Result<ExitCode> {
    let mut report = Report::start();
    steps(workspace, &mut report);
    Ok(report.finish("test"))
}

/// The steps, for this command and for `ci`.
pub(crate) fn steps(workspace: &Workspace, report: &mut Report) {
    report.step("purity: core does no IO, imports run one way", |_| {
        purity::check(workspace).map(|found| println!("    {}", found.replace('\n', "\n    ")))
    });
    report.step("docs: README.md shows the settings as the code has them", |_| docs::check(workspace));
    if !report.step("cargo-nextest", |_| NEXTEST.install(workspace)) {
        return;
    }
    if !report.step("build: programs and examples, all features (the first time takes minutes)", |_| {
        demo::build(workspace)
    }) {
        return;
    }
    println!("==> test bed: ministack and microburst, in target/testbed");
    let bed = install_test_bed(workspace);
    if let Err(error) = &bed {
        report.leave_out("the end-to-end tests", &format!("{error:#}"));
    }
    let mut all = nextest(workspace, &["--workspace", "--all-features"]);
    if bed.is_err() {
        all.args(["-E", WITHOUT_TEST_BED]);
    }
    report.step("tests: the whole workspace, all features", |report| counted(report, &mut all));
    report.step("tests: hopguard-core on its own", |report| {
        counted(report, &mut nextest(workspace, &["--package", "hopguard-core"]))
    });
    report.step("tests: hopguard without any feature", |report| {
        counted(report, &mut nextest(workspace, &["--package", "hopguard", "--no-default-features"]))
    });
    report.step("check: each feature of hopguard without the others", |_| {
        FEATURES.iter().try_for_each(|feature| {
            let mut cargo = workspace.cargo();
            cargo.args(["check", "--quiet", "--package", "hopguard", "--no-default-features"]);
            process::run(cargo.args(["--features", feature]))
        })
    });
    report.step("doc tests: all features", |report| {
        counted(report, workspace.cargo().args(["test", "--quiet", "--doc", "--workspace", "--all-features"]))
    });
    match ignored(workspace) {
        Ok(ignored) => ignored.iter().for_each(|test| report.leave_out(test, "it is marked #[ignore]")),
        Err(error) => report.leave_out("the list of ignored tests", &format!("{error:#}")),
    }
}

/// The tests that nothing runs.
fn ignored(workspace: &Workspace) -> Result<Vec<String>> {
    let mut list = workspace.cargo();
    list.args(["nextest", "list", "--workspace", "--all-features", "--run-ignored", "only"]);
    let listed = process::output(list.args(["--message-format", "oneline", "--cargo-quiet"]))?;
    Ok(listed.lines().filter(|test| !HELPERS.contains(test)).map(str::to_owned).collect())
}

/// Installs the emulator, so that no test's time limit has to cover it.
fn install_test_bed(workspace: &Workspace) -> Result<()> {
    process::run(Command::new(workspace.programs()?.join("demo")).arg("--install"))
}

fn nextest(workspace: &Workspace, packages: &[&str]) -> Command {
    let mut cargo = workspace.cargo();
    cargo.args(["nextest", "run", "--cargo-quiet"]).args(packages);
    if io::stderr().is_terminal() {
        cargo.args(["--color", "always"]);
    }
    cargo
}

/// Passes on what a runner prints, and counts the tests that it tells of.
fn counted(report: &Report, command: &mut Command) -> Result<()> {
    process::listen(command, |output, line| {
        report.count(line);
        match output {
            Output::Standard => println!("{line}"),
            Output::Error => eprintln!("{line}"),
        }
    })
}
