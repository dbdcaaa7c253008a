//! What is made of the facts: pure, so that each case is a row of a table in a test.

mod attachment;
mod sends;
mod sources;
mod trip;

use super::check::Check;
use super::facts::Facts;

/// Every check, the worst first.
pub(super) fn all(facts: &Facts) -> Vec<Check> {
    let mut checks = Vec::new();
    attachment::settings(facts, &mut checks);
    attachment::layer(facts, &mut checks);
    trip::state(facts, &mut checks);
    trip::permissions(facts, &mut checks);
    trip::detection(facts, &mut checks);
    sources::batches(facts, &mut checks);
    sources::dead_letters(facts, &mut checks);
    sources::asynchronous(facts, &mut checks);
    sources::quarantine(facts, &mut checks);
    sends::carriers(facts, &mut checks);
    sends::counted(facts, &mut checks);
    checks.sort_by_key(|check| check.level);
    checks
}

#[cfg(test)]
mod tests;
