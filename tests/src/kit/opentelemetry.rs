//! OpenTelemetry's own SDKs, as a layer brings them to a function: what `/opt/python` and `/opt/nodejs/node_modules` hold.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::Context as _;

use super::{Installed, Kit, Missing, recipe};
use crate::{
    layer::Layer,
    toolbox::{self, Progress, Toolbox},
};

impl Toolbox {
    /// The SDK for a kit's language, added to a layer. It is installed where it is not there; blocks for some seconds then.
    ///
    /// # Errors
    /// [`Missing`] where it cannot be had, or the kit has no language.
    pub fn with_opentelemetry(&self, kit: Kit, layer: Layer, progress: &Progress) -> Result<Layer, Missing> {
        let folder = install(self, kit, progress)?;
        Ok(match kit {
            Kit::Node => layer.with("nodejs/node_modules", &folder.join("node_modules")),
            _ => layer.with("python", &folder),
        })
    }
}

pub(crate) fn install(toolbox: &Toolbox, kit: Kit, progress: &Progress) -> Result<PathBuf, Missing> {
    let (name, files): (_, &[&str]) = match kit {
        Kit::Emulator | Kit::Chromium | Kit::Prometheus | Kit::Grafana => {
            return Err(anyhow::anyhow!("the kit has no language").into());
        }
        Kit::Python => ("opentelemetry-python", &["requirements.txt"]),
        Kit::Node => ("opentelemetry-node", &["package.json", "package-lock.json"]),
    };
    let recipe = recipe(name);
    // The runtime is there first: it says which interpreter the packages are for.
    let Installed { language, .. } = match kit {
        Kit::Node => toolbox.node_runtime(progress)?,
        _ => toolbox.python_runtime(progress)?,
    };
    let mut pins = language.name.clone();
    for file in files {
        let text = fs::read_to_string(recipe.join(file));
        pins += &text.with_context(|| format!("cannot read runtimes/{name}/{file}"))?;
    }
    let installed = toolbox.install_folder(name, &pins, progress, |folder| {
        match kit {
            Kit::Node => npm(&recipe, files, folder)?,
            _ => pip(toolbox, &recipe, folder, progress)?,
        }
        Ok(language)
    })?;
    Ok(installed.runtime)
}

fn pip(toolbox: &Toolbox, recipe: &Path, folder: &Path, progress: &Progress) -> anyhow::Result<()> {
    let mut pip = Command::new(toolbox.prepare_venv(progress)?);
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--target"]);
    toolbox::run(pip.arg(folder).arg("--requirement").arg(recipe.join("requirements.txt")))
        .context("cannot install OpenTelemetry for Python; is a Python package index reachable?")
}

fn npm(recipe: &Path, files: &[&str], folder: &Path) -> anyhow::Result<()> {
    for name in files {
        fs::copy(recipe.join(name), folder.join(name)).with_context(|| format!("cannot copy {name}"))?;
    }
    let npm = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
    toolbox::run(Command::new("npm").args(npm).current_dir(folder))
        .context("cannot install OpenTelemetry for Node.js; is an npm registry reachable?")
}
