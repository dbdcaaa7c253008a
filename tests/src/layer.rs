//! What stands at /opt.

use std::path::{Path, PathBuf};

/// A Lambda layer, unpacked: a folder that a function sees as `/opt`, or nothing at all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Layer {
    folder: Option<PathBuf>,
}

impl Layer {
    /// The layer whose tree is in `folder`. It is not copied: what changes there, changes in the next environment.
    #[must_use]
    pub fn at(folder: &Path) -> Self {
        Self { folder: Some(folder.to_owned()) }
    }

    /// No layer: what the same function does without one.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    pub(crate) fn folder(&self) -> Option<&Path> {
        self.folder.as_deref()
    }
}
