//! With a signing key, only what a function of the owner's signed counts.

use anyhow::Result;
use hopguard::core::{SigningKeys, Token};
use hopguard_tests::{Draft, Plan, Send};

use crate::bed::{Bed, alone, assert_tripped, logged, one_environment, token, visited};

const KEY: &str = "0123456789abcdef0123456789abcdef";

#[tokio::test]
async fn a_loop_of_two_functions_that_share_a_key() -> Result<()> {
    let bed = Bed::start().await?;
    let (to_a, to_b) = (bed.cloud.queue("to-a").create().await?, bed.cloud.queue("to-b").create().await?);
    let (plan_a, plan_b) = (Plan::forward(Send::queue(to_b.url())), Plan::forward(Send::queue(to_a.url())));
    // The key is being replaced: B has the new one already.
    let new = "fedcba9876543210fedcba9876543210";
    let a = bed.function("a", &plan_a).env("HOPGUARD_SIGNING_KEY", format!("{KEY},{new}"));
    let b = bed.function("b", &plan_b).env("HOPGUARD_SIGNING_KEY", format!("{new}, {KEY}"));
    let (a, b) = tokio::try_join!(a.deploy(), b.deploy())?;
    a.consume(&to_a).partial().create().await?;
    b.consume(&to_b).partial().create().await?;

    to_a.send("order").await?;
    assert_tripped(&a, "unreserved").await?;
    bed.settled().await?;
    let at = |first: u64| (0..5).map(|visit| (first + 2 * visit, visit + 1)).collect::<Vec<_>>();
    assert_eq!((bed.path("a"), bed.path("b"), bed.chains()), (at(0), at(1), 1));
    assert_eq!((bed.counter("a", "Rejected"), bed.counter("b", "Rejected")), (0, 0));
    Ok(())
}

#[tokio::test]
async fn a_forged_token_stops_nobody() -> Result<()> {
    let bed = Bed::start().await?;
    let queue = bed.cloud.queue("work").create().await?;
    let function = bed.function("worker", &Plan { each: true, ..Plan::default() });
    let function = function.env("HOPGUARD_SIGNING_KEY", KEY).deploy().await?;
    one_environment(&function).await?;
    function.consume(&queue).partial().create().await?;

    // Each says that the function was visited too often already.
    let signed = |key: &str| {
        Token::new(&visited(function.arn(), 5, 7), Some(&SigningKeys::parse(key).unwrap())).to_string()
    };
    let wrong = signed("not the key of the owner");
    queue.send(Draft::new("unsigned").attribute("hopguard", token(&function, 5, 7))).await?;
    queue.send(Draft::new("wrong").attribute("tracestate", format!("hopguard={wrong}"))).await?;
    bed.ended(2, "worker").await?;
    assert_eq!(bed.texts("worker"), ["unsigned", "wrong"]);
    assert_eq!((bed.path("worker"), bed.chains()), (alone(1).repeat(2), 2), "each starts a chain");
    assert_eq!((bed.counter("worker", "Rejected"), bed.counter("worker", "Blocked")), (2, 0));
    let lines = logged(&function, "lineage rejected").await?;
    assert_eq!(lines[0]["reason"], "unsigned");

    // The same with the owner's key does stop it.
    queue.send(Draft::new("signed").attribute("hopguard", signed(KEY))).await?;
    assert_tripped(&function, "1").await?;
    bed.ended(3, "worker").await?;
    assert_eq!((bed.counter("worker", "Blocked"), bed.texts("worker").len()), (1, 2));
    Ok(())
}
