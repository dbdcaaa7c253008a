#![doc = include_str!("../README.md")]

mod cli;
pub mod report;
mod terminal;

pub use cli::{Cli, Command, Exit, run};
