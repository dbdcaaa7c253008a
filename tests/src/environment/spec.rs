//! What the program `environment` is told.

use std::{
    collections::BTreeMap,
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

/// A file of this name beside a [`Spec`] asks an environment with an address to shut down.
pub const END: &str = "end";

/// An execution environment to be: a JSON file that the harness writes and the program `environment` reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spec {
    /// What the emulator starts as the runtime.
    pub command: String,
    /// What is seen below /var, in this order; what is seen below /opt has its place in `opt`.
    pub mounts: Vec<Mount>,
    /// Whether `/opt` has the layers that the function's configuration names on the cloud, as they are when it starts.
    pub layers: bool,
    /// What is set in the environment, over what the program finds there.
    pub variables: BTreeMap<String, String>,
    /// Search paths that a function may have set itself: these are added to its own.
    pub paths: BTreeMap<String, String>,
    /// Where the emulator listens for invocations. `None`: on an address of its own, and the program takes the invocations
    /// from the Runtime API that it was itself started for.
    pub address: Option<SocketAddr>,
    /// How long an invocation may take.
    pub timeout_s: u64,
}

/// A file or a folder that an environment sees in another place, read-only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mount {
    /// Where it is.
    pub source: PathBuf,
    /// Where it is seen, below /var.
    pub place: String,
    /// Whether it is a folder.
    pub folder: bool,
}

impl Spec {
    pub(crate) fn new(emulator: &Path) -> Result<Self> {
        Ok(Self {
            command: String::new(),
            mounts: vec![Mount::new(emulator, "rapid/emulator")?],
            layers: false,
            variables: BTreeMap::from(
                [
                    // The developer's own configuration of AWS clients is in no function's home.
                    ("HOME", "/tmp"),
                    ("LAMBDA_RUNTIME_DIR", "/var/runtime"),
                    ("LAMBDA_TASK_ROOT", "/var/task"),
                    ("PATH", "/var/lang/bin:/usr/local/bin:/usr/bin:/bin:/opt/bin"),
                    ("TZ", ":UTC"),
                ]
                .map(|(name, value)| (name.to_owned(), value.to_owned())),
            ),
            paths: BTreeMap::new(),
            address: None,
            timeout_s: 3,
        })
    }

    pub(crate) fn variable(&mut self, name: &str, value: impl Into<String>) -> &mut Self {
        self.variables.insert(name.to_owned(), value.into());
        self
    }

    pub(crate) fn path(&mut self, name: &str, value: &str) -> &mut Self {
        self.paths.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Reads it back.
    ///
    /// # Errors
    /// Where there is no such file, or something else is in it.
    pub fn read(file: &Path) -> Result<Self> {
        let text = fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
        serde_json::from_slice(&text).with_context(|| format!("{} describes no environment", file.display()))
    }

    pub(crate) fn text(&self) -> Result<String> {
        serde_json::to_string(self).context("an environment has no JSON")
    }
}

impl Mount {
    /// Something that is there, to be seen at a place below /var.
    ///
    /// # Errors
    /// Where there is no such file.
    pub fn new(source: &Path, place: &str) -> Result<Self> {
        let source = fs::canonicalize(source).with_context(|| format!("there is no {}", source.display()))?;
        let folder = source.is_dir();
        Ok(Self { source, place: place.to_owned(), folder })
    }
}
