//! What Grafana publishes of its dashboards' form, and the compiler that checks against it.

use std::{fs, path::PathBuf, process::Command};

use anyhow::Context as _;

use super::{
    Language, Missing,
    debian::{self, Need, runs},
    recipe,
};
use crate::toolbox::{self, Progress, Toolbox};

const NEEDS: &[Need] = &[
    Need { what: "Node.js", package: "nodejs", is_there: || runs(Command::new("node").arg("--version")) },
    Need { what: "npm", package: "npm", is_there: || runs(Command::new("npm").arg("--version")) },
];

impl Toolbox {
    /// The folder with the node_modules of `runtimes/grafana`: @grafana/schema and TypeScript. They are fetched where they are not there.
    ///
    /// # Errors
    /// [`Missing`] where they cannot be had.
    pub fn grafana(&self, progress: &Progress) -> Result<PathBuf, Missing> {
        let recipe = recipe("grafana");
        let files = ["package.json", "package-lock.json"];
        let mut pins = String::new();
        for name in files {
            let text = fs::read_to_string(recipe.join(name));
            pins += &text.with_context(|| format!("cannot read runtimes/grafana/{name}"))?;
        }
        let installed = self.install_folder("grafana", &pins, progress, |folder| {
            debian::provide(NEEDS, progress)?;
            for name in files {
                fs::copy(recipe.join(name), folder.join(name))
                    .with_context(|| format!("cannot copy {name}"))?;
            }
            let npm = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
            toolbox::run(Command::new("npm").args(npm).current_dir(folder))
                .context("cannot install @grafana/schema; is an npm registry reachable?")?;
            Ok(Language { name: "typescript".to_owned(), folder: recipe.clone() })
        })?;
        Ok(installed.runtime)
    }
}
