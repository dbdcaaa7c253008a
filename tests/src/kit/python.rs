//! The Python runtime: AWS's runtime client and SDK, installed for the Python that the test bed runs on.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, bail};

use super::{Installed, Language, Missing, recipe};
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
        Ok(language(&python)?)
    })
}

/// The Python that the virtual environment was made from.
fn language(python: &Path) -> Result<Language> {
    let program = "import sys; print('python%d.%d' % sys.version_info[:2]); print(sys.base_prefix)";
    let output =
        Command::new(python).args(["-c", program]).output().context("cannot run the test bed's Python")?;
    let text = String::from_utf8_lossy(&output.stdout);
    let (name, folder) = text.trim().split_once('\n').context("Python does not say where it is")?;
    let folder = PathBuf::from(folder);
    if !folder.join("bin").join("python3").exists() {
        bail!("there is no bin/python3 in {}, where Python says that it is installed", folder.display());
    }
    Ok(Language { name: name.to_owned(), folder })
}
