//! The chain ledger: a budget over all functions and execution environments.

use anyhow::Result;
use hopguard_tests::{Draft, Function, FunctionBuilder, Ledger, Plan, Queue, Send, eventually};

use crate::bed::{Bed, RETURN, SOON, assert_tripped, bodies, logged, token};

/// No other limit comes before the budget.
fn budgeted<'b>(bed: &'b Bed, name: &str, plan: &Plan, budget: usize, table: &str) -> FunctionBuilder<'b> {
    bed.function(name, plan)
        .env("HOPGUARD_MAX_VISITS", "1000")
        .env("HOPGUARD_BRANCH_CREDIT", "1000000")
        .env("HOPGUARD_CHAIN_BUDGET", budget.to_string())
        .env("HOPGUARD_LEDGER_TABLE", table)
}

async fn forking(bed: &Bed, name: &str, to: &Queue, ledger: &Ledger, from: &Queue) -> Result<Function> {
    let send = Send::Queue { url: to.url().to_owned(), copies: 2, batch: false };
    let function = budgeted(bed, name, &Plan::forward(send), BUDGET, ledger.name()).deploy().await?;
    function.consume(from).batch_size(1).partial().create().await?;
    Ok(function)
}

const BUDGET: usize = 30;

#[tokio::test]
async fn a_chain_that_branches_over_two_functions_runs_as_often_as_its_budget() -> Result<()> {
    let bed = Bed::start().await?;
    let ledger = bed.cloud.ledger("ledger").await?;
    let (to_a, to_b) = (bed.cloud.queue("to-a").create().await?, bed.cloud.queue("to-b").create().await?);
    let (a, b) = tokio::try_join!(
        forking(&bed, "a", &to_b, &ledger, &to_a),
        forking(&bed, "b", &to_a, &ledger, &to_b),
    )?;
    to_a.send("branch").await?;
    let stopped = async || {
        let at_0 = [a.reserved_concurrency().await?, b.reserved_concurrency().await?];
        Ok(at_0.contains(&Some(0)).then_some(()))
    };
    eventually("one of the two to trip", SOON, stopped).await?;
    bed.settled().await?;
    assert_eq!(bed.runs("a").len() + bed.runs("b").len(), BUDGET, "the root included");
    assert_eq!(bed.chains(), 1);
    let counts = ledger.counts().await?;
    assert_eq!(counts.len(), 1, "{counts:?}");
    // What was blocked was counted too; the root was not.
    let blocked = bed.counter("a", "Blocked") + bed.counter("b", "Blocked");
    let counted: u64 = counts.values().sum();
    assert_eq!(counted, BUDGET as u64 - 1 + blocked, "{counts:?}");
    let kept = bed.quarantine.holds(1, SOON).await?;
    let reason = kept[0].attributes.get("hopguard-reason").map(String::as_str).unwrap_or_default();
    assert!(reason.starts_with("chain_budget: invocation 3"), "{reason}");
    Ok(())
}

#[tokio::test]
async fn a_redelivery_is_no_further_invocation_of_its_chain() -> Result<()> {
    let bed = Bed::start().await?;
    let ledger = bed.cloud.ledger("ledger").await?;
    let queue = bed.cloud.queue("work").visibility(RETURN).create().await?;
    let plan = Plan { each: true, fail_first: 2, ..Plan::default() };
    let function = budgeted(&bed, "worker", &plan, 2, ledger.name()).deploy().await?;
    function.consume(&queue).partial().create().await?;
    queue.send(Draft::new("thrice").attribute("hopguard", token(&function, 1, 1))).await?;
    bed.witness.wait_for(3, 12 * RETURN, |line| line["kind"] == "run").await?;
    bed.settled().await?;
    assert_eq!(bed.texts("worker"), ["thrice"; 3]);
    assert_eq!(ledger.counts().await?.into_values().collect::<Vec<_>>(), [1]);
    // Another message of the chain is one more than its budget has, on each of its deliveries.
    queue.send(Draft::new("blocked").attribute("hopguard", token(&function, 1, 1))).await?;
    assert_tripped(&function, "unreserved").await?;
    assert_eq!(bodies(&bed.quarantine.holds(1, SOON).await?), ["blocked"]);
    assert_eq!(bed.texts("worker"), ["thrice"; 3]);
    Ok(())
}

/// Roots and what carries no lineage are none of its business.
#[tokio::test]
async fn what_starts_a_chain_is_not_counted() -> Result<()> {
    let bed = Bed::start().await?;
    let ledger = bed.cloud.ledger("ledger").await?;
    let queue = bed.cloud.queue("work").create().await?;
    let plan = Plan { each: true, ..Plan::default() };
    let function = budgeted(&bed, "worker", &plan, 1, ledger.name()).deploy().await?;
    function.consume(&queue).batch_size(10).partial().create().await?;
    queue.send_batch((0..10).map(|n| Draft::new(format!("m{n}")))).await?;
    bed.witness.wait_for(10, SOON, |line| line["kind"] == "run").await?;
    assert!(ledger.counts().await?.is_empty());
    assert_eq!(function.reserved_concurrency().await?, None);
    Ok(())
}

#[tokio::test]
async fn without_its_table_the_other_limits_hold() -> Result<()> {
    let bed = Bed::start().await?;
    let queue = bed.cloud.queue("work").create().await?;
    let plan = Plan::forward(Send::queue(queue.url()));
    let function = budgeted(&bed, "worker", &plan, 2, "nowhere").env("HOPGUARD_MAX_VISITS", "4");
    let function = function.deploy().await?;
    function.consume(&queue).partial().create().await?;
    queue.send("keep me").await?;
    assert_tripped(&function, "unreserved").await?;
    bed.settled().await?;
    assert_eq!(bed.runs("worker").len(), 4);
    let told = logged(&function, "chain not counted: its records are let in").await?;
    assert!(told[0]["detail"].as_str().unwrap_or_default().contains("ResourceNotFoundException"), "{told:?}");
    // Each hop but the root's; the one that visits have blocked was not asked about.
    assert_eq!(bed.counter("worker", "Uncounted"), 3);
    Ok(())
}
