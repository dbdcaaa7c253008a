//! hopguard on the test bed: real functions, real event plumbing, and what ran.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod batches;
mod bed;
mod branching;
mod cooldown;
mod denied;
mod invoke;
mod isolation;
mod ledger;
mod legitimate;
mod loops;
mod quarantine;
mod redelivery;
mod sends;
mod settings;
mod signing;
