//! Prints the spans of a small shop, to try the report on: `cargo run -p hopguard-cli --example sample > spans.json`.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    missing_docs,
    unreachable_pub,
    reason = "of the tests"
)]

#[path = "../tests/kit/mod.rs"]
mod kit;

fn main() {
    print!("{}", kit::sample::shop().lines());
}
