//! `hopguard report`: what functions pay for waiting, from their own spans.

mod analysis;
mod args;
mod command;
mod graph;
mod html;
mod input;
mod json;
mod model;
mod text;
mod view;

pub(crate) use args::ABOUT;
pub use args::{Format, Moment, ReportArgs};
pub use command::{ReportError, render, report_of, run};
pub use input::{InputError, MAX_DOCUMENT_BYTES, Tally};
pub use view::*;
