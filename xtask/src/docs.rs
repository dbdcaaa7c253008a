//! `cargo xtask docs`: what the pages in `docs/` show and the code decides, and whether their links lead anywhere.

use std::process::ExitCode;

use anyhow::{Result, bail};
use hopguard_core::{findings, settings};

use crate::{links, page::Page, workspace::Workspace};

/// A table, the page that it stands on and its name there.
struct Table {
    page: &'static str,
    name: &'static str,
    content: fn() -> String,
}

const TABLES: [Table; 2] = [
    Table { page: "docs/settings.md", name: "settings", content: settings::markdown_table },
    Table { page: "docs/findings.md", name: "thresholds", content: findings::markdown_table },
];

/// Writes the tables, or with `check` fails where one is out of date.
pub(crate) fn run(workspace: &Workspace, only_check: bool) -> Result<ExitCode> {
    if only_check {
        check(workspace)?;
        println!("the pages show the tables as the code has them, and their links lead somewhere");
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

/// Fails where a table is not the code's, or a link leads nowhere.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    for Table { page, name, content } in TABLES {
        if Page::read(workspace, page)?.set(name, &content())? {
            bail!("the {name} in {page} are not those of the code: run `cargo xtask docs`");
        }
    }
    links::check(workspace)
}
