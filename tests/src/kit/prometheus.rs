//! Prometheus and promtool of Debian's package, unpacked below `target/testbed`: installed, it would start a service.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::Context as _;

use super::{
    Missing,
    debian::{is_root, runs},
};
use crate::{
    lock::exclusively,
    toolbox::{self, Progress, Toolbox},
};

const PACKAGE: &str = "prometheus";

impl Toolbox {
    /// The folder with `prometheus` and `promtool`, which are fetched where they are not there; blocks for some seconds then.
    ///
    /// # Errors
    /// [`Missing`] where they cannot be had.
    pub fn prometheus(&self, progress: &Progress) -> Result<PathBuf, Missing> {
        let folder = self.root().join("prometheus");
        let programs = folder.join("usr").join("bin");
        let there = || ["prometheus", "promtool"].iter().all(|program| programs.join(program).exists());
        if !there() {
            // What is missing keeps its type on its way through the lock.
            exclusively(&folder.with_extension("lock"), || {
                Ok(if there() { Ok(()) } else { fetch(&folder, progress) })
            })??;
        }
        Ok(programs)
    }
}

fn fetch(folder: &Path, progress: &Progress) -> Result<(), Missing> {
    if !runs(Command::new("apt-get").arg("--version")) || !runs(Command::new("dpkg-deb").arg("--version")) {
        return Err(Missing::Packages { what: "Prometheus".to_owned(), packages: PACKAGE.to_owned() });
    }
    progress("fetching Debian's Prometheus to target/testbed/prometheus (once)");
    let partial = folder.with_extension("partial");
    for old in [&partial, folder] {
        if old.exists() {
            fs::remove_dir_all(old).with_context(|| format!("cannot remove {}", old.display()))?;
        }
    }
    fs::create_dir_all(&partial).with_context(|| format!("cannot create {}", partial.display()))?;
    let download =
        || toolbox::run(Command::new("apt-get").args(["--quiet", "download", PACKAGE]).current_dir(&partial));
    if let Err(error) = download() {
        // A fresh machine has no list of packages, and only root may fetch it.
        if !is_root() {
            return Err(error.context("cannot fetch Debian's prometheus").into());
        }
        toolbox::run(Command::new("apt-get").args([
            "--quiet",
            "--option",
            "DPkg::Lock::Timeout=120",
            "update",
        ]))
        .and_then(|()| download())
        .context("cannot fetch Debian's prometheus")?;
    }
    let package = fs::read_dir(&partial)
        .context("cannot list what apt-get fetched")?
        .flatten()
        .map(|file| file.path())
        .find(|path| path.extension().is_some_and(|ending| ending == "deb"))
        .context("apt-get fetched no package")?;
    toolbox::run(Command::new("dpkg-deb").arg("--extract").arg(&package).arg(&partial))
        .context("cannot unpack Debian's prometheus")?;
    fs::remove_file(&package).context("cannot remove the package")?;
    fs::rename(&partial, folder).context("cannot name the folder of Prometheus")?;
    Ok(())
}
