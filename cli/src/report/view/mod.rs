//! The report as data: what the page, the terminal and the JSON show. Field names are part of the interface: docs/report.md.

mod build;
mod chains;
mod cost;
mod findings;
mod invocations;
mod select;
mod shape;

use serde::Serialize;

pub(crate) use build::{Filter, MAX_FUNCTIONS, build};
pub use chains::{Chains, Edge, Example, Node, Shape};
pub use cost::{Cost, FunctionCost, Price, Totals};
pub use findings::{Evidence, Finding, Link};
pub use invocations::{Call, Interval, Invocation, Run, Why};

use super::input::Tally;

/// The version of the JSON: a field that goes or changes its meaning makes a new one.
pub const SCHEMA: &str = "hopguard.report/1";

/// Everything that is shown.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Report {
    /// [`SCHEMA`].
    pub schema: &'static str,
    /// The version of hopguard that made it.
    pub hopguard: &'static str,
    /// What was read and what was skipped.
    pub input: Tally,
    /// Calls whose invocation is not in the input: they are in no figure.
    pub calls_without_invocation: u64,
    /// The start of the first invocation, in nanoseconds since 1970.
    pub first_ns: u64,
    /// The end of the last one.
    pub last_ns: u64,
    /// What was asked for, in words; empty where everything was.
    pub filters: Vec<String>,
    /// What a GB-second costs, and who says so.
    pub price: Price,
    /// Sums over all invocations.
    pub totals: Totals,
    /// Sums by function and memory, the dearest first.
    pub functions: Vec<FunctionCost>,
    /// Anti-patterns with their evidence, the dearest first.
    pub findings: Vec<Finding>,
    /// Who sent what to whom.
    pub chains: Chains,
    /// The most telling invocations, by function and then by time.
    pub invocations: Vec<Invocation>,
    /// How many there are in all.
    pub invocations_total: u64,
}
