//! What stands at /opt.

use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::environment::spec::Mount;

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
}
