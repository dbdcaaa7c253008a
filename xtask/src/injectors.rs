//! The tests of the layer's injectors, each in its own language, in a copy below `target/injectors`: nothing that they install
//! stands in the checkout.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, bail};

use crate::{process, workspace::Workspace};

/// What the tests read, below the root of the checkout and of the copy alike.
const READ: [&str; 2] = ["extension/layer", "tests/fixtures/golden"];
/// The oldest Node.js that the AWS SDK runs on.
const OLDEST_NODE: u32 = 20;

/// The runner of the tests for Python, with what they need installed.
pub(crate) fn python(workspace: &Workspace) -> Result<Command> {
    let copy = copy(workspace, "python")?;
    let tests = copy.join("extension/layer/python/tests");
    let (venv, wanted) = (copy.join("venv"), fs::read_to_string(tests.join("requirements.txt"))?);
    let python = venv.join("bin/python3");
    once(&copy.join("venv.installed"), &wanted, || {
        println!("    installing the AWS SDKs for Python in target/injectors (once)");
        process::run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&venv)).context(
            "cannot create a virtual environment; on Debian and Ubuntu the package python3-venv is needed",
        )?;
        let mut pip = Command::new(&python);
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"]);
        process::run(pip.arg(tests.join("requirements.txt")))
            .context("cannot install the AWS SDKs; is a Python package index reachable?")
    })?;
    let mut runner = Command::new(python);
    runner.args(["-m", "unittest", "discover"]).current_dir(copy.join("extension/layer/python"));
    Ok(runner)
}

/// The runner of the tests for Node.js, with what they need installed.
pub(crate) fn node(workspace: &Workspace) -> Result<Command> {
    let version = process::output(Command::new("node").arg("--version")).context(
        "Node.js is needed, with npm: install Debian's packages nodejs and npm, or put `node` in PATH",
    )?;
    let major = version.trim().trim_start_matches('v').split('.').next().and_then(|major| major.parse().ok());
    if major.is_none_or(|major: u32| major < OLDEST_NODE) {
        bail!("Node.js is {}, but the AWS SDK needs {OLDEST_NODE} or newer", version.trim());
    }
    let tests = copy(workspace, "node")?.join("extension/layer/node/tests");
    let wanted = fs::read_to_string(tests.join("package-lock.json"))?;
    once(&tests.join(".installed"), &wanted, || {
        println!("    installing the AWS SDK for Node.js in target/injectors (once)");
        let mut npm = Command::new("npm");
        npm.args(["ci", "--no-audit", "--no-fund", "--loglevel", "error"]).current_dir(&tests);
        process::run(&mut npm).context("cannot install the AWS SDK; is an npm registry reachable?")
    })?;
    let mut runner = Command::new("npm");
    // Not coloured: the counts are read.
    runner.args(["test", "--silent"]).env("NO_COLOR", "1").current_dir(tests);
    Ok(runner)
}

/// Brings the copy of one language up to date, and returns its root. What was installed there stays.
fn copy(workspace: &Workspace, language: &str) -> Result<PathBuf> {
    let root = workspace.path("target/injectors").join(language);
    for folder in READ {
        copy_tree(&workspace.path(folder), &root.join(folder))?;
    }
    Ok(root)
}

fn copy_tree(source: &Path, place: &Path) -> Result<()> {
    fs::create_dir_all(place).with_context(|| format!("cannot create {}", place.display()))?;
    let entries = fs::read_dir(source).with_context(|| format!("cannot read {}", source.display()))?;
    for entry in entries {
        let path = entry.context("cannot read a folder")?.path();
        let name = path.file_name().context("a file without a name")?;
        if name == "node_modules" || name == "__pycache__" {
            continue;
        }
        let place = place.join(name);
        if path.is_dir() {
            copy_tree(&path, &place)?;
        } else {
            fs::copy(&path, &place).with_context(|| format!("cannot copy {}", path.display()))?;
        }
    }
    Ok(())
}

/// Does the work unless `marker` says that it was done for what is wanted.
pub(crate) fn once(marker: &Path, wanted: &str, work: impl FnOnce() -> Result<()>) -> Result<()> {
    if fs::read_to_string(marker).is_ok_and(|done| done == wanted) {
        return Ok(());
    }
    work()?;
    fs::write(marker, wanted).context("cannot write the marker of what was installed")
}
