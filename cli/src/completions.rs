//! `hopguard completions`: what a shell completes.

use clap::{Args, CommandFactory as _, ValueEnum as _};
use clap_complete::Shell;

use crate::failure::Failure;
use crate::terminal::Terminal;
use crate::{Cli, Exit};

/// What `hopguard completions` is told.
#[derive(Clone, Debug, Args)]
pub struct CompletionsArgs {
    /// The shell
    #[arg(value_parser = shell, value_name = "SHELL")]
    pub shell: Shell,
}

fn shell(name: &str) -> Result<Shell, String> {
    Shell::from_str(name, true).map_err(|_| {
        let known: Vec<String> = Shell::value_variants().iter().map(ToString::to_string).collect();
        format!("write one of {}", known.join(", "))
    })
}

pub(crate) fn run(args: &CompletionsArgs, terminal: &mut Terminal) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "hopguard", &mut script);
    terminal.document(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Done)
}
