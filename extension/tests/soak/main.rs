//! Very many invocations in one environment: what they leave behind. The extension's own binary, between a Lambda and a runtime
//! that are this test.
#![allow(missing_docs, reason = "nobody links a test")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::string_slice, reason = "tests")]

mod environment;
mod wire;

use environment::Environment;

/// As many as a build that is not optimised does in some ten seconds; `cargo xtask bench layer` does 100,000.
const INVOCATIONS: u64 = 10_000;
/// Until everything that is built on first use is there.
const FIRST: u64 = 1_000;
const MOST_BYTES: u64 = 2_000_000;

#[test]
fn memory_does_not_grow_with_invocations() {
    let mut environment = Environment::start();
    let mut first = 0;
    for nth in 1..=INVOCATIONS {
        environment.invoke(nth);
        if nth == FIRST {
            first = environment.resident();
        }
    }
    let grown = environment.resident().saturating_sub(first);
    assert!(grown < MOST_BYTES, "{grown} bytes more than after {FIRST} invocations");
    environment.end();
}
