//! The report as one page: no network, no style or script but its own.

mod bars;
mod chains;
mod cost;
mod findings;
mod invocations;
mod page;
mod summary;

pub(crate) use page::render;
