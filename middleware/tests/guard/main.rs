//! The guard from outside: what a server receives of guarded sends, and what a guarded handler gets and answers.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod event;
mod invocation;
mod server;
mod wire;
