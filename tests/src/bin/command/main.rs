//! The command line, as a program of the tests, so that what they run is never older than its source.

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    hopguard_cli::run(&hopguard_cli::Cli::parse())
}
