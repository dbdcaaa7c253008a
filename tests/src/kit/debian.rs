//! Debian's packages, for what no language's own package index has.

use std::{
    fs,
    os::unix::fs::MetadataExt as _,
    process::{Command, Stdio},
};

use anyhow::Context as _;

use super::Missing;
use crate::toolbox::{self, Progress};

/// Something that a package brings, and how to see whether it is there.
#[derive(Debug)]
pub(crate) struct Need {
    pub(crate) what: &'static str,
    pub(crate) package: &'static str,
    pub(crate) is_there: fn() -> bool,
}

/// Installs the packages of those needs that are not met.
pub(crate) fn provide(needs: &[Need], progress: &Progress) -> Result<(), Missing> {
    let unmet = |needs: &[Need]| -> (Vec<_>, Vec<_>) {
        needs.iter().filter(|need| !(need.is_there)()).map(|need| (need.what, need.package)).unzip()
    };
    let (what, packages) = unmet(needs);
    if what.is_empty() {
        return Ok(());
    }
    if !is_root() || !runs(Command::new("apt-get").arg("--version")) {
        return Err(Missing::Packages { what: what.join(" and "), packages: packages.join(" ") });
    }
    progress(&format!("installing Debian's {} with apt-get (once)", packages.join(", ")));
    apt_get(&["update"])?;
    apt_get(&[&["install", "--yes", "--no-install-recommends"], packages.as_slice()].concat())?;
    match unmet(needs) {
        (what, _) if what.is_empty() => Ok(()),
        (what, packages) => Err(Missing::Packages { what: what.join(" and "), packages: packages.join(" ") }),
    }
}

pub(crate) fn is_root() -> bool {
    // A process's folder belongs to whom the process runs as.
    fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
}

/// Whether it starts and succeeds, without a word.
pub(crate) fn runs(command: &mut Command) -> bool {
    let quiet = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    quiet.status().is_ok_and(|status| status.success())
}

fn apt_get(arguments: &[&str]) -> anyhow::Result<()> {
    // Another apt-get on this machine is waited for, and not for ever.
    let mut command = Command::new("apt-get");
    command.args(["--quiet", "--quiet", "--option", "DPkg::Lock::Timeout=120"]).args(arguments);
    toolbox::run(command.env("DEBIAN_FRONTEND", "noninteractive"))
        .with_context(|| format!("cannot install Debian's packages (apt-get {})", arguments.join(" ")))
}
