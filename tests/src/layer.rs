//! What stands at /opt.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};

use crate::{environment::spec::Mount, package, toolbox::Toolbox};

/// What may stand beside the parts of a layer in a checkout, and is no part of it.
const BESIDE: [&str; 4] = ["tests", "README.md", "__pycache__", "node_modules"];

/// A Lambda layer, unpacked: what a function sees at `/opt`. Nothing is copied: what is built anew is seen in the next environment.
///
/// ```
/// use std::path::Path;
/// use hopguard_tests::Layer;
///
/// let layer = Layer::none()
///     .with("extensions/hopguard", Path::new("target/debug/hopguard-extension"))
///     .with("hopguard", Path::new("extension/layer"));
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Layer {
    parts: Vec<(String, PathBuf)>,
}

impl Layer {
    /// The layer whose tree is in `folder`.
    #[must_use]
    pub fn at(folder: &Path) -> Self {
        Self::none().with("", folder)
    }

    /// No layer: what the same function does without one.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// Adds a file or a folder at a place below `/opt`.
    #[must_use]
    pub fn with(mut self, place: &str, source: &Path) -> Self {
        self.parts.push((place.to_owned(), source.to_owned()));
        self
    }

    /// What is to be mounted below /var/opt, which then is moved to /opt.
    pub(crate) fn mounts(&self) -> Result<Vec<Mount>> {
        let mount = |(place, source): &(String, PathBuf)| {
            Mount::new(source, format!("opt/{place}").trim_end_matches('/'))
        };
        self.parts.iter().map(mount).collect()
    }

    /// The layer as Lambda takes it: a zip file below `target/testbed`, made anew where a part of it is. Folders lose what stands
    /// beside a layer in this checkout: tests, a README and what they install. Blocks.
    ///
    /// # Errors
    /// Where a part of it is not there.
    pub fn zip(&self) -> Result<PathBuf> {
        let mut files = Vec::new();
        for (place, source) in &self.parts {
            gather(place, source, &mut files)?;
        }
        files.sort();
        package::packed("layer", &files, &Toolbox::new().root().join("packages"))
    }
}

fn gather(place: &str, source: &Path, files: &mut Vec<(String, PathBuf)>) -> Result<()> {
    if !source.is_dir() {
        files.push((place.to_owned(), source.to_owned()));
        return Ok(());
    }
    let entries = fs::read_dir(source).with_context(|| format!("cannot read {}", source.display()))?;
    for entry in entries {
        let entry = entry.with_context(|| format!("cannot read {}", source.display()))?;
        let name = entry.file_name().into_string().ok().context("a file of a layer has no UTF-8 name")?;
        if !BESIDE.contains(&name.as_str()) {
            gather(format!("{place}/{name}").trim_start_matches('/'), &entry.path(), files)?;
        }
    }
    Ok(())
}
