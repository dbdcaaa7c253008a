//! The program `hopguard`: `hopguard help`.

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    hopguard_cli::run(&hopguard_cli::Cli::parse())
}
