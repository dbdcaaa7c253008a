//! The guard from outside: what a server receives of guarded sends, and what a guarded handler gets and answers.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]
#![allow(missing_docs, unreachable_pub, reason = "nobody links a test")]

mod answers;
mod calls;
mod event;
mod invocation;
mod isolation;
mod otlp;
mod own_source;
mod reports;
mod runtime;
mod scenario;
mod server;
mod spans;
mod traced;
mod unaltered;
mod wire;
