//! Everything that is done with hopguard from its checkout: `cargo xtask help`.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command line tool talks to its terminal")]

mod bench;
mod ci;
mod command;
mod counts;
mod dashboards;
mod demo;
mod docs;
mod graph;
mod guard_template;
mod house;
mod injectors;
mod layer;
mod links;
mod page;
mod process;
mod purity;
mod report;
mod templates;
mod test;
mod tool;
mod workspace;

use std::process::ExitCode;

use command::Command;
use workspace::Workspace;

/// The exit code of a command line that is not understood, as of most tools.
const USAGE: u8 = 2;

fn main() -> ExitCode {
    let command = match Command::parse(std::env::args().skip(1)) {
        Ok(command) => command,
        Err(error) => {
            eprintln!("xtask: {error}\n\n{}", command::HELP);
            return ExitCode::from(USAGE);
        }
    };
    let done = Workspace::find().and_then(|workspace| match command {
        Command::Help => {
            println!("{}", command::HELP);
            Ok(ExitCode::SUCCESS)
        }
        Command::Demo(options) => demo::run(&workspace, &options),
        Command::Test => test::run(&workspace),
        Command::Ci => ci::run(&workspace),
        Command::Layer => layer::run(&workspace),
        Command::Purity => purity::run(&workspace),
        Command::Templates => Ok(templates::run(&workspace)),
        Command::Docs { check } => docs::run(&workspace, check),
        Command::Dashboards { check } => dashboards::run(&workspace, check),
        Command::BenchLayer => bench::layer(&workspace),
        Command::Bench { filter } => bench::run(&workspace, filter.as_deref()),
    });
    done.unwrap_or_else(|error| {
        eprintln!("xtask: {error:#}");
        ExitCode::FAILURE
    })
}
