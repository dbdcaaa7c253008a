#![doc = include_str!("../README.md")]

mod account;
mod attach;
mod attachment;
mod cli;
mod completions;
mod confirm;
mod doctor;
mod failure;
mod format;
mod page;
pub mod report;
mod resume;
mod status;
mod terminal;
mod trip;

pub use account::{AccountArgs, Output};
pub use attach::{AttachArgs, DetachArgs, MannerArgs};
pub use cli::{Cli, Command, Exit, run};
pub use completions::CompletionsArgs;
pub use doctor::DoctorArgs;
pub use resume::ResumeArgs;
pub use status::StatusArgs;
pub use trip::TripArgs;
