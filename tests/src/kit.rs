//! What functions with a layer need beyond the cloud: AWS's own emulator of an execution environment, and runtimes in it.

mod chromium;
mod debian;
mod emulator;
mod grafana;
mod node;
mod opentelemetry;
mod prometheus;
mod python;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

use crate::{
    lock::exclusively,
    toolbox::{Progress, Toolbox},
};

/// Something to install below `target/testbed`, from [`Toolbox::equip`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kit {
    /// AWS's Runtime Interface Emulator, which runs a runtime and extensions as Lambda does.
    Emulator,
    /// The emulator, and for Python AWS's runtime client, its SDK, and OpenTelemetry's.
    Python,
    /// The emulator, and for Node.js AWS's runtime client, its SDK, and OpenTelemetry's.
    Node,
    /// Chromium, which the report's page is tested in. It needs nothing else of this.
    Chromium,
    /// Prometheus, which the expressions of dashboards and alerts run on. It needs nothing else of this.
    Prometheus,
    /// Grafana's schema of dashboards, with a compiler that checks against it. It needs nothing else of this.
    Grafana,
}

/// Why functions with a layer cannot run on this machine.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Missing {
    /// The kernel or the container gives no mount namespace.
    #[error(
        "no file system of one's own can be had here (`{command}` failed: {said}): run as root, or allow user namespaces"
    )]
    Namespace {
        /// What was tried.
        command: String,
        /// What it said.
        said: String,
    },
    /// Programs or headers that only the system's packages bring, and this is not root on a Debian.
    #[error("{what} cannot be found, and can be installed only as root with apt-get: install {packages}")]
    Packages {
        /// What was looked for.
        what: String,
        /// Debian's names.
        packages: String,
    },
    /// A Node.js that the AWS SDK does not run on.
    #[error("Node.js is {found}, but the AWS SDK needs {needed} or newer: put a newer `node` first in PATH")]
    Node {
        /// The version in PATH.
        found: String,
        /// The oldest major version that does.
        needed: u32,
    },
    /// An installation that failed: most often, a package index that cannot be reached.
    #[error("{0:#}")]
    Failed(#[from] anyhow::Error),
}

/// A runtime that is installed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Installed {
    /// What Lambda has at /var/runtime.
    pub(crate) runtime: PathBuf,
    pub(crate) language: Language,
}

/// The interpreter that a runtime was installed for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Language {
    /// As Lambda names its runtimes: `python3.11`, `nodejs20.x`.
    pub(crate) name: String,
    /// What Lambda has at /var/lang: the interpreter is in its `bin`.
    pub(crate) folder: PathBuf,
}

/// What was installed, as a file beside the folder says it.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Marker {
    pins: String,
    language: Language,
}

impl Toolbox {
    /// Installs a kit unless it is there, with Debian's packages where they are missing and this is root. Safe to call from
    /// many processes at once. Blocks: the emulator takes 5 seconds the first time, Python 40, Node.js up to a minute.
    ///
    /// # Errors
    /// [`Missing`] says what this machine lacks.
    pub fn equip(&self, kit: Kit, progress: &Progress) -> Result<(), Missing> {
        match kit {
            Kit::Chromium => return chromium::provide(progress),
            Kit::Prometheus => return self.prometheus(progress).map(drop),
            Kit::Grafana => return self.grafana(progress).map(drop),
            Kit::Emulator | Kit::Python | Kit::Node => namespaces()?,
        }
        emulator::install(self, progress)?;
        match kit {
            Kit::Emulator | Kit::Chromium | Kit::Prometheus | Kit::Grafana => {}
            Kit::Python | Kit::Node => opentelemetry::install(self, kit, progress).map(drop)?,
        }
        Ok(())
    }

    /// Where the emulator is once any kit is installed.
    pub(crate) fn emulator(&self) -> PathBuf {
        emulator::program(self)
    }

    pub(crate) fn python_runtime(&self, progress: &Progress) -> Result<Installed, Missing> {
        python::install(self, progress)
    }

    pub(crate) fn node_runtime(&self, progress: &Progress) -> Result<Installed, Missing> {
        node::install(self, progress)
    }

    /// Has `work` fill an empty folder below the test bed's, which gets its `name` only where that succeeds.
    fn install_folder(
        &self,
        name: &str,
        pins: &str,
        progress: &Progress,
        work: impl FnOnce(&Path) -> Result<Language, Missing>,
    ) -> Result<Installed, Missing> {
        let folder = self.root().join(name);
        let marker = folder.with_extension("json");
        let installed = || {
            let marker: Marker = serde_json::from_slice(&fs::read(&marker).ok()?).ok()?;
            let there = marker.pins == pins && folder.exists() && marker.language.folder.exists();
            there.then(|| Installed { runtime: folder.clone(), language: marker.language })
        };
        if let Some(installed) = installed() {
            return Ok(installed);
        }
        let fill = || {
            if let Some(installed) = installed() {
                return Ok(installed);
            }
            let partial = folder.with_extension("partial");
            for old in [&partial, &folder] {
                if old.exists() {
                    fs::remove_dir_all(old).with_context(|| format!("cannot remove {}", old.display()))?;
                }
            }
            fs::create_dir_all(&partial).with_context(|| format!("cannot create {}", partial.display()))?;
            progress(&format!("installing the runtime for {name} in target/testbed/{name} (once)"));
            let language = work(&partial)?;
            fs::rename(&partial, &folder).context("cannot name an installed runtime")?;
            let written = Marker { pins: pins.to_owned(), language };
            let text = serde_json::to_vec(&written).context("a marker has no JSON")?;
            fs::write(&marker, text).context("cannot write the marker of a runtime")?;
            Ok(Installed { runtime: folder.clone(), language: written.language })
        };
        // What is missing keeps its type on its way through the lock.
        exclusively(&folder.with_extension("lock"), || Ok(fill()))?
    }
}

/// How a process gets a file system, and process ids, of its own. Whoever is not root becomes root in a user namespace.
#[must_use]
pub fn unshare() -> Command {
    let mut unshare = Command::new("unshare");
    unshare.args(["--mount", "--pid", "--fork", "--kill-child"]);
    if !debian::is_root() {
        unshare.arg("--map-root-user");
    }
    unshare
}

fn namespaces() -> Result<(), Missing> {
    let mut probe = unshare();
    // What an environment does first.
    probe.args(["sh", "-c", "mount -t tmpfs tmpfs /tmp"]);
    let output = probe.output();
    let said = match &output {
        Ok(output) if output.status.success() => return Ok(()),
        Ok(output) => String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        Err(error) => error.to_string(),
    };
    let arguments: Vec<_> = probe.get_args().map(|word| word.to_string_lossy().into_owned()).collect();
    Err(Missing::Namespace { command: format!("unshare {}", arguments.join(" ")), said })
}

/// The folder of this crate that has what a runtime is made of.
fn recipe(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("runtimes").join(name)
}
