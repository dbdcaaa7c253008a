//! `cargo xtask docs`: what the pages in `docs/` and the template in `deploy/` show and something else decides, and whether links lead
//! anywhere.

use std::process::ExitCode;

use anyhow::{Result, bail};
use hopguard_core::{findings, settings};

use crate::{guard_template, links, page::Page, workspace::Workspace};

/// A table or the like, the page that it stands on and its name there.
struct Table {
    page: &'static str,
    name: &'static str,
    content: fn(&Workspace) -> Result<String>,
}

const TABLES: [Table; 3] = [
    Table { page: "docs/settings.md", name: "settings", content: |_| Ok(settings::markdown_table()) },
    Table { page: "docs/findings.md", name: "thresholds", content: |_| Ok(findings::markdown_table()) },
    Table {
        page: "deploy/cloudformation/guard.yaml",
        name: "dashboards",
        content: guard_template::resources,
    },
];

/// Writes the tables, or with `check` fails where one is out of date.
pub(crate) fn run(workspace: &Workspace, only_check: bool) -> Result<ExitCode> {
    if only_check {
        check(workspace)?;
        println!("docs and deploy show the tables as the code has them, and links lead somewhere");
        return Ok(ExitCode::SUCCESS);
    }
    for Table { page, name, content } in TABLES {
        let mut text = Page::read(workspace, page)?;
        let changed = text.set(name, &content(workspace)?)?;
        text.write()?;
        println!("{page}: {name} {}", if changed { "written" } else { "were up to date" });
    }
    Ok(ExitCode::SUCCESS)
}

/// Fails where a table is not the code's, or a link leads nowhere.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    for Table { page, name, content } in TABLES {
        if Page::read(workspace, page)?.set(name, &content(workspace)?)? {
            bail!("the {name} in {page} are not those of the code: run `cargo xtask docs`");
        }
    }
    links::check(workspace)
}
