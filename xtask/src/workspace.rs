//! The checkout: where it is, and how cargo is called in it.

use std::{
    env,
    ffi::OsString,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result};

/// The root of the checkout that this program was built in.
#[derive(Debug)]
pub(crate) struct Workspace {
    root: PathBuf,
}

impl Workspace {
    /// The parent of xtask's own folder.
    pub(crate) fn find() -> Result<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("xtask has no parent folder")?;
        Ok(Self { root: root.to_owned() })
    }

    pub(crate) fn path(&self, relative: &str) -> PathBuf {
        self.root.join(relative)
    }

    /// Where tools are installed that cargo lacks.
    pub(crate) fn tools(&self) -> PathBuf {
        self.root.join("target").join("tools")
    }

    /// Where cargo puts programs: beside this one, wherever `CARGO_TARGET_DIR` says.
    pub(crate) fn programs(&self) -> Result<PathBuf> {
        let own = env::current_exe().context("cannot find this program's own path")?;
        Ok(own.parent().context("this program is in no folder")?.to_owned())
    }

    /// The cargo that runs this program, in the root, with the subcommands in [`Workspace::tools`].
    pub(crate) fn cargo(&self) -> Command {
        let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo.current_dir(&self.root).env("PATH", self.search_path());
        cargo
    }

    /// `PATH`, then the tools' folder: what the developer has goes first.
    fn search_path(&self) -> OsString {
        let path = env::var_os("PATH").unwrap_or_default();
        let folders = env::split_paths(&path).chain([self.tools().join("bin")]);
        env::join_paths(folders).unwrap_or(path)
    }
}
