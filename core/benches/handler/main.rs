//! What hopguard costs inside a handler, as ratios to a reference that is measured in the same run, interleaved with it.
//!
//! `cargo bench -p hopguard-core` prints the table, with instruction counts where `valgrind` is on the `PATH`.
//! `cargo bench -p hopguard-core -- sqs` (or `wait`) runs the cases with that in their names.
#![allow(clippy::disallowed_methods, reason = "a benchmark reads the clock and runs valgrind")]
#![allow(
    clippy::print_stdout,
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "it prints, and may stop"
)]
#![allow(missing_docs, unreachable_pub, reason = "nobody links a benchmark")]

mod cases;
mod events;
mod instructions;
mod measure;
mod table;
mod waits;

fn main() {
    let mut all = cases::all();
    all.extend(waits::all());
    table::run(all);
}
