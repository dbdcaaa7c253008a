//! `cargo xtask docs`: what the README shows and the code decides.

use std::process::ExitCode;

use anyhow::{Result, bail};
use hopguard_core::settings::markdown_table;

use crate::{readme::Readme, workspace::Workspace};

/// Writes the table of settings, or with `check` fails where it is out of date.
pub(crate) fn run(workspace: &Workspace, only_check: bool) -> Result<ExitCode> {
    if only_check {
        check(workspace)?;
        println!("README.md shows the settings as the code has them");
    } else {
        let mut readme = Readme::read(workspace)?;
        let changed = readme.set("settings", &markdown_table())?;
        readme.write()?;
        println!("README.md: settings {}", if changed { "written" } else { "were up to date" });
    }
    Ok(ExitCode::SUCCESS)
}

/// Fails where the README's table is not the code's.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    if Readme::read(workspace)?.set("settings", &markdown_table())? {
        bail!("the settings in README.md are not those of the code: run `cargo xtask docs`");
    }
    Ok(())
}
