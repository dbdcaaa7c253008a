//! Chains that pass through one warm environment at once do not mix.

use std::collections::HashSet;

use anyhow::Result;
use hopguard_tests::{Draft, Plan, Send};
use serde_json::Value;

use crate::bed::{Bed, SOON, chains, one_environment, place, text};

#[tokio::test]
async fn chains_that_share_batches_and_processes() -> Result<()> {
    let bed = Bed::start().await?;
    let (to_a, to_b) = (bed.cloud.queue("to-a").create().await?, bed.cloud.queue("to-b").create().await?);
    // Slow enough for messages to gather in batches.
    let plan = |to: &str| Plan { wait_ms: 100, ..Plan::forward(Send::queue(to)) };
    let a = bed.function("a", &plan(to_b.url())).env("HOPGUARD_TRIP", "off");
    let b = bed.function("b", &plan(to_a.url())).env("HOPGUARD_TRIP", "off");
    let (a, b) = tokio::try_join!(a.deploy(), b.deploy())?;
    one_environment(&a).await?;
    one_environment(&b).await?;
    a.consume(&to_a).batch_size(10).partial().create().await?;
    b.consume(&to_b).batch_size(10).partial().create().await?;

    let start = |names: [&'static str; 3]| to_a.send_batch(names.map(Draft::new));
    start(["one", "two", "three"]).await?;
    bed.witness.wait_for(1, SOON, |line| line["hop"] == 3).await?;
    start(["four", "five", "six"]).await?;
    let kept = bed.quarantine.holds(6, SOON).await?;
    assert_eq!(kept.iter().map(|message| &message.body).collect::<HashSet<_>>().len(), 6);

    let runs = bed.settled().await?;
    let mut seen = HashSet::new();
    for name in ["one", "two", "three", "four", "five", "six"] {
        let own: Vec<_> = runs.iter().filter(|run| text(run) == name).cloned().collect();
        let of = |function: &str| {
            let mut path: Vec<_> = own.iter().filter(|run| run["function"] == function).map(place).collect();
            path.sort_unstable();
            path
        };
        let at = |first: u64| (0..5).map(|visit| (first + 2 * visit, visit + 1)).collect::<Vec<_>>();
        assert_eq!((of("a"), of("b")), (at(0), at(1)), "{name}");
        assert_eq!(chains(&own), 1, "{name}");
        seen.insert(own[0]["chain"].to_string());
    }
    assert_eq!((runs.len(), seen.len()), (60, 6));

    for function in ["a", "b"] {
        let runs = bed.runs(function);
        let processes: HashSet<_> = runs.iter().map(|run| run["process"].to_string()).collect();
        assert_eq!(processes.len(), 1, "one warm environment of {function}");
        assert!(runs.iter().any(|run| shares_its_batch(run, &runs)), "chains at different hops in one batch");
    }
    Ok(())
}

/// Whether a run's batch has another chain at another hop.
fn shares_its_batch(run: &Value, runs: &[Value]) -> bool {
    let differs = |other: &&Value| other["chain"] != run["chain"] && other["hop"] != run["hop"];
    runs.iter().filter(|other| other["request"] == run["request"]).any(|other| differs(&other))
}
