//! What cfn-lint and checkov say of `deploy/`: nothing, but for what a template answers with a reason beside it.

use std::{
    fs,
    path::PathBuf,
    process::{Command, ExitCode, Stdio},
};

use anyhow::{Context as _, Result, bail};

use crate::{injectors::once, process, report::Report, workspace::Workspace};

/// As pip reads them. The two are installed together in a Python environment of their own: they bring a hundred packages.
const TOOLS: [&str; 2] = ["cfn-lint==1.58.0", "checkov==3.3.30"];
/// What checkov reads, by the folder below `deploy/`.
const FRAMEWORKS: [&str; 2] = ["cloudformation", "terraform"];

/// The checks alone.
pub(crate) fn run(workspace: &Workspace) -> ExitCode {
    let mut report = Report::start();
    steps(workspace, &mut report);
    report.finish("templates")
}

/// The checks, as steps of `test`; where the tools cannot be had, that is said.
pub(crate) fn steps(workspace: &Workspace, report: &mut Report) {
    let programs = match install(workspace) {
        Ok(programs) => programs,
        Err(error) => return report.leave_out("deploy: cfn-lint and checkov", &format!("{error:#}")),
    };
    report.step("deploy: cfn-lint", |_| {
        let templates = templates(workspace)?;
        process::run(Command::new(programs.join("cfn-lint")).args(templates))
    });
    for framework in FRAMEWORKS {
        report.step(&format!("deploy: checkov, {framework}"), |_| {
            let mut checkov = Command::new(programs.join("checkov"));
            checkov.args([
                "--framework",
                framework,
                "--compact",
                "--quiet",
                "--skip-download",
                "--directory",
            ]);
            // By a relative path: it takes an absolute one into the variables that it checks, and some for a secret.
            checkov.arg(framework).current_dir(workspace.path("deploy")).stdin(Stdio::null());
            process::run(&mut checkov)
        });
    }
}

/// Installs them below `target/tools` (once, a minute), and returns the folder of their programs.
fn install(workspace: &Workspace) -> Result<PathBuf> {
    let venv = workspace.tools().join("templates");
    let programs = venv.join("bin");
    once(&venv.with_extension("installed"), &TOOLS.join(" "), || {
        println!("    installing {} in target/tools (once, a minute)", TOOLS.join(" and "));
        fs::create_dir_all(workspace.tools()).context("cannot create target/tools")?;
        process::run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&venv)).context(
            "cannot create a virtual environment; on Debian and Ubuntu the package python3-venv is needed",
        )?;
        let mut pip = Command::new(programs.join("python3"));
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]).args(TOOLS);
        process::run(&mut pip).context("cannot install them; is a Python package index reachable?")
    })?;
    Ok(programs)
}

fn templates(workspace: &Workspace) -> Result<Vec<PathBuf>> {
    let folder = workspace.path("deploy/cloudformation");
    let entries = fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let mut templates = Vec::new();
    for entry in entries {
        let path = entry.context("cannot read a folder")?.path();
        if path.extension().is_some_and(|ending| ending == "yaml") {
            templates.push(path);
        }
    }
    if templates.is_empty() {
        bail!("there is no template in {}", folder.display());
    }
    Ok(templates)
}
