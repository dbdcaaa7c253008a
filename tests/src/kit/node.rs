//! The Node.js runtime: AWS's runtime client and SDK, for the `node` in PATH.

use std::{
    fs,
    io::Write as _,
    path::PathBuf,
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result};

use super::{
    Installed, Language, Missing,
    debian::{self, Need, runs},
    recipe,
};
use crate::toolbox::{self, Progress, Toolbox};

/// The oldest that the AWS SDK of runtimes/node runs on.
const OLDEST: u32 = 20;

/// What runtimes/node/build needs, and npm.
const NEEDS: &[Need] = &[
    Need { what: "Node.js", package: "nodejs", is_there: || runs(Command::new("node").arg("--version")) },
    Need { what: "npm", package: "npm", is_there: || runs(Command::new("npm").arg("--version")) },
    Need { what: "a C++ compiler", package: "g++", is_there: || runs(Command::new("g++").arg("--version")) },
    Need {
        what: "the headers of libcurl",
        package: "libcurl4-openssl-dev",
        is_there: || compiles("#include <curl/curl.h>"),
    },
    Need {
        what: "the headers of Node.js",
        package: "libnode-dev",
        is_there: || {
            let own = prefix().map(|prefix| prefix.join("include/node/node_api.h"));
            own.is_ok_and(|own| own.exists()) || compiles("#include <node/node_api.h>")
        },
    },
];

pub(crate) fn install(toolbox: &Toolbox, progress: &Progress) -> Result<Installed, Missing> {
    let recipe = recipe("node");
    let files = ["package.json", "package-lock.json", "build", "bootstrap"];
    let mut pins = String::new();
    for name in files {
        let text = fs::read_to_string(recipe.join(name));
        pins += &text.with_context(|| format!("cannot read runtimes/node/{name}"))?;
    }
    toolbox.install_folder("node", &pins, progress, |folder| {
        debian::provide(NEEDS, progress)?;
        let found = version()?;
        let major = found.split('.').next().and_then(|major| major.parse::<u32>().ok());
        let Some(major) = major.filter(|major| *major >= OLDEST) else {
            return Err(Missing::Node { found, needed: OLDEST });
        };
        for name in files {
            fs::copy(recipe.join(name), folder.join(name)).with_context(|| format!("cannot copy {name}"))?;
        }
        let npm = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
        toolbox::run(Command::new("npm").args(npm).current_dir(folder))
            .context("cannot install the Node.js runtime; is an npm registry reachable?")?;
        toolbox::run(Command::new("sh").arg("./build").current_dir(folder))
            .context("cannot build the native half of aws-lambda-ric")?;
        Ok(Language { name: format!("nodejs{major}.x"), folder: prefix()? })
    })
}

/// The version of `node` in PATH, without its `v`.
fn version() -> Result<String> {
    let output = Command::new("node").arg("--version").output().context("cannot run node")?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().trim_start_matches('v').to_owned())
}

/// Where `node` is installed: the folder whose `bin` it is in.
fn prefix() -> Result<PathBuf> {
    let output = Command::new("node").args(["-p", "process.execPath"]).output().context("cannot run node")?;
    let program = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
    let program = fs::canonicalize(&program).context("node does not say where it is")?;
    Ok(program.ancestors().nth(2).context("node is in no folder")?.to_owned())
}

/// Whether the compiler finds what a source includes.
fn compiles(source: &str) -> bool {
    let compiler = Command::new("g++")
        .args(["-E", "-x", "c++", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let Ok(mut compiler) = compiler else { return false };
    let written = compiler.stdin.take().is_some_and(|mut input| input.write_all(source.as_bytes()).is_ok());
    compiler.wait().is_ok_and(|status| written && status.success())
}
