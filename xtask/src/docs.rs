//! `cargo xtask docs`: what the README and the pages in `docs/` show and the code decides.

use std::process::ExitCode;

use anyhow::{Result, bail};
use hopguard_core::{findings, settings};

use crate::{page::Page, workspace::Workspace};

/// A table, the page that it stands on and its name there.
struct Table {
    page: &'static str,
    name: &'static str,
    content: fn() -> String,
}

const TABLES: [Table; 2] = [
    Table { page: "README.md", name: "settings", content: settings::markdown_table },
    Table { page: "docs/findings.md", name: "thresholds", content: findings::markdown_table },
];

/// Writes the tables, or with `check` fails where one is out of date.
pub(crate) fn run(workspace: &Workspace, only_check: bool) -> Result<ExitCode> {
    if only_check {
        check(workspace)?;
        println!("README.md and docs show the tables as the code has them");
        return Ok(ExitCode::SUCCESS);
    }
    for Table { page, name, content } in TABLES {
        let mut text = Page::read(workspace, page)?;
        let changed = text.set(name, &content())?;
        text.write()?;
        println!("{page}: {name} {}", if changed { "written" } else { "were up to date" });
    }
    Ok(ExitCode::SUCCESS)
}

/// Fails where a table is not the code's.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    for Table { page, name, content } in TABLES {
        if Page::read(workspace, page)?.set(name, &content())? {
            bail!("the {name} in {page} are not those of the code: run `cargo xtask docs`");
        }
    }
    Ok(())
}
