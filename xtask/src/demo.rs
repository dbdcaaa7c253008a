//! `cargo xtask demo`: builds the demo with the functions that it deploys, and runs it.

use std::{
    convert::Infallible,
    io::{self, IsTerminal as _},
    os::unix::process::CommandExt as _,
    process::{Command, ExitCode},
    sync::Mutex,
};

use anyhow::{Context as _, Result, bail};

use crate::{
    page::Page,
    process::{self, Output},
    workspace::Workspace,
};

/// The demo's options.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Options {
    pub(crate) json: bool,
    pub(crate) update_readme: bool,
}

impl Options {
    pub(crate) fn parse(words: &[&str]) -> Result<Self> {
        let mut options = Self::default();
        for word in words {
            match *word {
                "--json" => options.json = true,
                "--update-readme" => options.update_readme = true,
                unknown => bail!("demo does not know {unknown:?}"),
            }
        }
        if options.json && options.update_readme {
            bail!("--json and --update-readme exclude each other");
        }
        Ok(options)
    }
}

/// Builds and runs it. It takes the place of this process, so that Ctrl-C and the exit code are its own.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<ExitCode> {
    build(workspace)?;
    let mut demo = Command::new(workspace.programs()?.join("demo"));
    if options.update_readme {
        return record(workspace, &mut demo);
    }
    replace(demo.args(options.json.then_some("--json"))).map(|never| match never {})
}

/// Builds every program and example with every feature, as the tests do: what one command compiled serves the other.
pub(crate) fn build(workspace: &Workspace) -> Result<()> {
    eprintln!("building the functions and the test bed (the first time takes a few minutes)");
    let mut cargo = workspace.cargo();
    cargo.args(["build", "--workspace", "--exclude", "xtask", "--all-features", "--bins", "--examples"]);
    if !io::stderr().is_terminal() {
        cargo.arg("--quiet");
    }
    process::run(&mut cargo).context("the functions cannot be built")
}

fn replace(command: &mut Command) -> Result<Infallible> {
    Err(command.exec()).with_context(|| format!("cannot start {}", command.get_program().to_string_lossy()))
}

fn record(workspace: &Workspace, demo: &mut Command) -> Result<ExitCode> {
    let mut readme = Page::read(workspace, "README.md")?;
    // Fails before the demo runs, where there is no place for it.
    readme.set("demo", "")?;
    let story = Mutex::new(String::new());
    process::listen(demo, |output, line| match output {
        Output::Error => eprintln!("{line}"),
        Output::Standard => {
            println!("{line}");
            if let Ok(mut story) = story.lock() {
                story.push_str(line);
                story.push('\n');
            }
        }
    })?;
    let story = story.into_inner().unwrap_or_default();
    readme.set("demo", &format!("```text\n{}\n```", story.trim()))?;
    readme.write()?;
    println!("README.md: the demo's output is written");
    Ok(ExitCode::SUCCESS)
}
