//! The command line: one subcommand a module.

use std::process::ExitCode;

use clap::builder::styling::{AnsiColor, Styles};
use clap::{Parser, Subcommand};

use crate::report::{self, ReportArgs};
use crate::terminal::Terminal;

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Yellow.on_default().bold())
    .usage(AnsiColor::Yellow.on_default().bold())
    .literal(AnsiColor::Cyan.on_default())
    .placeholder(AnsiColor::Cyan.on_default());

/// What every help ends with.
const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  failed: the message says what to do
  2  the command line is wrong
  3  nothing found: there was no invocation to tell of

Colours are used on a terminal only, and never where NO_COLOR is set.";

/// hopguard: stops AWS Lambda functions that trigger themselves, and shows where functions pay for waiting.
#[derive(Debug, Parser)]
#[command(name = "hopguard", version, styles = STYLES, after_help = EXIT_CODES, subcommand_required = true, arg_required_else_help = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// One subcommand.
#[derive(Debug, Subcommand)]
#[non_exhaustive]
pub enum Command {
    /// Show what functions pay for waiting, from their spans.
    #[command(long_about = report::ABOUT, after_help = EXIT_CODES)]
    Report(ReportArgs),
}

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
#[non_exhaustive]
pub enum Exit {
    /// Done.
    Done = 0,
    /// Failed.
    Failed = 1,
    /// The command line is wrong.
    Usage = 2,
    /// There was nothing to tell of.
    Nothing = 3,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Runs a command, says on standard error what went wrong, and how it ended.
#[must_use]
pub fn run(cli: &Cli) -> ExitCode {
    let mut terminal = Terminal::new();
    let done = match &cli.command {
        Command::Report(args) => {
            report::run(args, &mut terminal).map_err(|error| (error.exit(), anyhow::Error::from(error)))
        }
    };
    match done {
        Ok(()) => Exit::Done.into(),
        Err((exit, error)) => {
            terminal.complain(&format!("{error:#}"));
            exit.into()
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn help_names_exit_codes() {
        let help = Cli::command().render_help().to_string();
        assert!(help.contains("Exit codes") && help.contains("NO_COLOR"), "{help}");
    }
}
