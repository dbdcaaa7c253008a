//! `cargo xtask test`: everything that can be tested on this machine.

use std::{
    io::{self, IsTerminal as _},
    process::{Command, ExitCode},
    sync::Mutex,
};

use anyhow::{Result, anyhow};

use crate::{
    dashboards, demo, docs, injectors,
    process::{self, Output},
    purity,
    report::Report,
    templates,
    tool::NEXTEST,
    workspace::Workspace,
};

/// The middleware's features. Each has to compile without the others; together they are tested.
const FEATURES: [&str; 9] =
    ["aws", "concurrency-tokio", "events", "lambda", "opentelemetry", "otlp", "s3", "sns", "sqs"];

/// A part of the test bed, and the tests that are left out where this machine cannot have it.
struct Part {
    /// What `demo --install` calls it.
    name: Option<&'static str>,
    what: &'static str,
    /// As nextest's filters say it: <https://nexte.st/docs/filtersets/>
    tests: &'static str,
}

/// The parts, each with what builds on it. A test of the layer says by the module that it stands in what it needs.
const TEST_BED: [Part; 7] = [
    Part {
        name: Some("chromium"),
        what: "the tests of the report's page in Chromium",
        tests: "package(hopguard-cli) and binary(page)",
    },
    Part {
        name: Some("prometheus"),
        what: "the tests of dashboards and alerts on a Prometheus",
        tests: "package(hopguard-tests) and kind(test) and test(/^prometheus::/)",
    },
    Part {
        name: Some("grafana"),
        what: "the tests of dashboards against Grafana's schema",
        tests: "package(hopguard-tests) and kind(test) and test(/^grafana::/)",
    },
    Part { name: None, what: "the end-to-end tests", tests: "package(hopguard-tests) and kind(test)" },
    Part {
        name: Some("emulator"),
        what: "the tests in AWS's execution environment",
        tests: "package(hopguard-tests) and kind(test) and test(/^(environment|python|node|mixed|waits|prometheus|cloudwatch)::/)",
    },
    Part {
        name: Some("python"),
        what: "the tests with Python functions",
        tests: "package(hopguard-tests) and kind(test) and test(/^(python|mixed|waits|prometheus|cloudwatch)::/)",
    },
    Part {
        name: Some("node"),
        what: "the tests with Node.js functions",
        tests: "package(hopguard-tests) and kind(test) and test(/^(node|mixed|waits)::/)",
    },
];

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
    report.step("docs: tables are as the code has them, links lead somewhere", |_| docs::check(workspace));
    report.step("dashboards: the files in dashboards/ are as the code has them", |_| {
        dashboards::check(workspace)
    });
    if !report.step("cargo-nextest", |_| NEXTEST.install(workspace)) {
        return;
    }
    if !report.step("build: programs and examples, all features (the first time takes minutes)", |_| {
        demo::build(workspace)
    }) {
        return;
    }
    println!("==> test bed: emulators and runtimes, in target/testbed");
    let mut all = nextest(workspace, &["--workspace", "--all-features"]);
    if let Some(tests) = install_test_bed(workspace, report) {
        all.args(["-E", &format!("not ({tests})")]);
    }
    report.step("tests: the whole workspace, all features", |report| counted(report, &mut all));
    for (language, runner) in
        [("Python", injectors::python(workspace)), ("Node.js", injectors::node(workspace))]
    {
        let title = format!("tests: the layer's injector for {language}");
        match runner {
            Ok(mut runner) => drop(report.step(&title, |report| counted(report, &mut runner))),
            Err(error) => report.leave_out(&title, &format!("{error:#}")),
        }
    }
    templates::steps(workspace, report);
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

/// Installs what the end-to-end tests run on, so that no test's time limit has to cover it. Returns the tests that are to be left
/// out, if any.
fn install_test_bed(workspace: &Workspace, report: &mut Report) -> Option<String> {
    let mut left_out = Vec::new();
    for Part { name, what, tests } in TEST_BED {
        if let Err(error) = install(workspace, name) {
            report.leave_out(what, &format!("{error:#}"));
            left_out.push(format!("({tests})"));
            // Nothing of the cloud can be had without its server, and no runtime without the emulator.
            if name.is_none_or(|name| name == "emulator") {
                break;
            }
        }
    }
    (!left_out.is_empty()).then(|| left_out.join(" or "))
}

/// Has the demo, which is built with the tests, install a part, and fails with what it says.
fn install(workspace: &Workspace, part: Option<&str>) -> Result<()> {
    let why = Mutex::new(None);
    let mut demo = Command::new(workspace.programs()?.join("demo"));
    let done = process::listen(demo.arg("--install").args(part), |output, line| match output {
        Output::Standard => println!("{line}"),
        Output::Error => {
            eprintln!("    {line}");
            if let (Some(said), Ok(mut why)) = (line.strip_prefix("demo: "), why.lock()) {
                *why = Some(said.to_owned());
            }
        }
    });
    let why = why.into_inner().unwrap_or_default();
    done.map_err(|error| why.map_or(error, |why| anyhow!(why)))
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
