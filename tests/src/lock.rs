//! A lock that several test processes share.

use std::{
    fs::{self, File},
    path::Path,
};

use anyhow::{Context as _, Result};

/// Runs `work` while no other process that uses the same `path` does. The lock ends with the process at the latest.
///
/// # Errors
/// Where there can be no lock, and what `work` answers.
pub fn exclusively<T>(path: &Path, work: impl FnOnce() -> Result<T>) -> Result<T> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    }
    let file = File::create(path).with_context(|| format!("cannot create the lock {}", path.display()))?;
    file.lock().with_context(|| format!("cannot lock {}", path.display()))?;
    let done = work();
    // The file stays: to delete it would give a third process a lock of its own.
    drop(file);
    done
}
