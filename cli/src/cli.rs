//! The command line: one subcommand a module.

use std::process::ExitCode;

use clap::builder::styling::{AnsiColor, Styles};
use clap::{Parser, Subcommand};

use crate::attach::{self, AttachArgs, DetachArgs};
use crate::completions::{self, CompletionsArgs};
use crate::doctor::{self, DoctorArgs};
use crate::failure::Failure;
use crate::report::{self, ReportArgs};
use crate::resume::{self, ResumeArgs};
use crate::status::{self, StatusArgs};
use crate::terminal::Terminal;
use crate::trip::{self, TripArgs};

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
  3  nothing found: no such function, or no invocation to tell of
  4  somebody has to look: a function is at 0, tripped again, or a check failed

Colours are used on a terminal only, and never where NO_COLOR is set.";

/// hopguard: stops AWS Lambda functions that trigger themselves, and shows where functions pay for waiting.
#[derive(Debug, Parser)]
#[command(name = "hopguard", bin_name = "hopguard", version, styles = STYLES, after_help = EXIT_CODES, subcommand_required = true, arg_required_else_help = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// One subcommand.
#[derive(Debug, Subcommand)]
#[non_exhaustive]
pub enum Command {
    /// Show which functions are at 0, why, what waits for them, and what resuming would do.
    #[command(long_about = status::ABOUT, after_help = EXIT_CODES)]
    Status(StatusArgs),
    /// Give tripped functions back what they had.
    #[command(long_about = resume::ABOUT, after_help = EXIT_CODES)]
    Resume(ResumeArgs),
    /// Stop functions by hand.
    #[command(long_about = trip::ABOUT, after_help = EXIT_CODES)]
    Trip(TripArgs),
    /// Attach hopguard's layer to functions that exist.
    #[command(long_about = attach::ABOUT, after_help = EXIT_CODES)]
    Attach(AttachArgs),
    /// Take hopguard's layer off functions again.
    #[command(long_about = attach::ABOUT_DETACH, after_help = EXIT_CODES)]
    Detach(DetachArgs),
    /// Look for what would keep hopguard from its work, before it has to do it.
    #[command(long_about = doctor::ABOUT, after_help = EXIT_CODES)]
    Doctor(DoctorArgs),
    /// Show what functions pay for waiting, from their spans.
    #[command(long_about = report::ABOUT, after_help = EXIT_CODES)]
    Report(ReportArgs),
    /// Write what a shell completes: hopguard completions bash > /etc/bash_completion.d/hopguard
    #[command(after_help = EXIT_CODES)]
    Completions(CompletionsArgs),
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
    /// Somebody has to look at what was told.
    Attention = 4,
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
    match command(&cli.command, &mut terminal) {
        Ok(exit) => exit.into(),
        Err(Failure { exit, error }) => {
            terminal.complain(&format!("{error:#}"));
            exit.into()
        }
    }
}

fn command(command: &Command, terminal: &mut Terminal) -> Result<Exit, Failure> {
    match command {
        Command::Status(args) => block_on(status::run(args, terminal)),
        Command::Resume(args) => block_on(resume::run(args, terminal)),
        Command::Trip(args) => block_on(trip::run(args, terminal)),
        Command::Attach(args) => block_on(attach::run(args, terminal)),
        Command::Detach(args) => block_on(attach::run_detach(args, terminal)),
        Command::Doctor(args) => block_on(doctor::run(args, terminal)),
        Command::Report(args) => match report::run(args, terminal) {
            Ok(()) => Ok(Exit::Done),
            Err(error) => Err(Failure { exit: error.exit(), error: error.into() }),
        },
        Command::Completions(args) => completions::run(args, terminal),
    }
}

/// What asks AWS waits on one thread.
fn block_on(work: impl Future<Output = Result<Exit, Failure>>) -> Result<Exit, Failure> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(work)
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
