//! A linker for older systems than this one: zig's, with cargo's subcommand for it, in `target/tools/zig`.

use std::{env, fs, path::PathBuf, process::Command};

use anyhow::{Context as _, Result};

use crate::{process, workspace::Workspace};

/// As pip reads them. Only the layer needs them, and only to build.
const PACKAGES: [&str; 2] = ["ziglang==0.17.1", "cargo-zigbuild==0.24.0"];

/// Installs it, unless these versions are there.
pub(super) fn install(workspace: &Workspace) -> Result<()> {
    let marker = folder(workspace).join(".installed");
    let wanted = PACKAGES.join("\n");
    if fs::read_to_string(&marker).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    println!("    installing {} in target/tools/zig (once, 100 MB)", PACKAGES.join(" and "));
    let folder = folder(workspace);
    let mut venv = Command::new("python3");
    process::run(venv.args(["-m", "venv", "--clear"]).arg(&folder)).context(
        "cannot create a virtual environment; on Debian and Ubuntu the package python3-venv is needed",
    )?;
    let mut pip = Command::new(folder.join("bin/python3"));
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]);
    process::run(pip.args(PACKAGES)).context("cannot install zig; is a Python package index reachable?")?;
    fs::write(marker, wanted).context("cannot write the marker of an installed tool")
}

/// Cargo, with `cargo zigbuild`.
pub(super) fn cargo(workspace: &Workspace) -> Command {
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = [folder(workspace).join("bin")].into_iter().chain(env::split_paths(&path));
    let mut cargo = workspace.cargo();
    if let Ok(path) = env::join_paths(folders) {
        cargo.env("PATH", path);
    }
    cargo
}

fn folder(workspace: &Workspace) -> PathBuf {
    workspace.tools().join("zig")
}
