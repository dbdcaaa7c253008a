//! The Python runtime: AWS's runtime client and SDK, installed for the Python that the test bed runs on.

use std::{fs, path::PathBuf, process::Command};

use anyhow::{Context as _, Result, bail};

use super::{Installed, Missing, recipe};
use crate::toolbox::{self, Progress, Toolbox};

pub(crate) fn install(toolbox: &Toolbox, progress: &Progress) -> Result<Installed, Missing> {
    let recipe = recipe("python");
    let read = |name: &str| {
        fs::read_to_string(recipe.join(name)).with_context(|| format!("cannot read runtimes/python/{name}"))
    };
    let pins = read("requirements.txt")? + &read("bootstrap")?;
    toolbox.install_folder("python", &pins, progress, |folder| {
        let python = toolbox.prepare_venv(progress)?;
        let mut pip = Command::new(&python);
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--target"]);
        toolbox::run(pip.arg(folder).arg("--requirement").arg(recipe.join("requirements.txt")))
            .context("cannot install the Python runtime; is a Python package index reachable?")?;
        fs::copy(recipe.join("bootstrap"), folder.join("bootstrap")).context("cannot copy the bootstrap")?;
        Ok(prefix(&python)?)
    })
}

/// Where the interpreter is installed which the virtual environment was made from.
fn prefix(python: &PathBuf) -> Result<PathBuf> {
    let output = Command::new(python).args(["-c", "import sys; print(sys.base_prefix)"]).output();
    let output = output.context("cannot run the test bed's Python")?;
    let prefix = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
    if !prefix.join("bin").join("python3").exists() {
        bail!("there is no bin/python3 in {}, where Python says that it is installed", prefix.display());
    }
    Ok(prefix)
}
