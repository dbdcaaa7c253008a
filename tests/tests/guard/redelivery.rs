//! A message that is delivered again is the same hop again.

use std::time::Duration;

use anyhow::Result;
use hopguard_tests::{Cloud, Plan, Send};
use serde_json::{Value, json};

use crate::bed::{Bed, SOON, assert_tripped, chains, place};

/// Hops, visits and attempts of a loop with three visits whose handler fails each delivery but the third.
fn thrice() -> Vec<(u64, u64, u64)> {
    (0..3).flat_map(|hop| (1..4).map(move |attempt| (hop, hop + 1, attempt))).collect()
}

fn deliveries(runs: &[Value]) -> Vec<(u64, u64, u64)> {
    let delivery = |run: &Value| (place(run).0, place(run).1, run["attempt"].as_u64().unwrap_or_default());
    runs.iter().map(delivery).collect()
}

#[tokio::test]
async fn of_a_message() -> Result<()> {
    let bed = Bed::start().await?;
    // By a partial answer for the record, and by a handler that fails as a whole.
    for (name, each) in [("each", true), ("whole", false)] {
        let queue = bed.cloud.queue(name).visibility(Duration::from_secs(1)).create().await?;
        let plan = Plan { each, fail_first: 2, ..Plan::forward(Send::queue(queue.url())) };
        let function = bed.function(name, &plan).env("HOPGUARD_MAX_VISITS", "3").deploy().await?;
        let mapping = function.consume(&queue);
        if each {
            mapping.partial().create().await?
        } else {
            mapping.create().await?
        };

        queue.send(name).await?;
        assert_tripped(&function, "unreserved").await?;
        bed.settled().await?;
        let runs = bed.runs(name);
        assert_eq!(deliveries(&runs), thrice(), "{name}");
        // Without `each` nobody looks at a message that brings nothing along: its chain is that of the invocation.
        let of_chain = if each { &runs[..] } else { &runs[2..] };
        assert_eq!(chains(of_chain), 1, "{name}");
    }
    let kept = bed.quarantine.holds(2, SOON).await?;
    assert_eq!(kept.iter().map(|message| message.body.as_str()).collect::<Vec<_>>(), ["each", "whole"]);
    Ok(())
}

#[tokio::test]
async fn of_an_asynchronous_event() -> Result<()> {
    let bed = Bed::on(Cloud::builder().retry_base(Duration::from_millis(50)).start().await?).await?;
    // A failure in each process that is given an event: at most two, since a hop overlaps with the next one only.
    let plan = |send: Send| Plan { fail_first: 1, sends: vec![send], ..Plan::default() };
    let bucket = bed.cloud.bucket("objects").await?;
    let object = Send::Object { bucket: bucket.name().to_owned(), prefix: "out/".to_owned() };
    let invoke = Send::Invoke { function: "invoked".to_owned(), synchronous: false };
    let (stored, invoked) = tokio::try_join!(
        bed.function("stored", &plan(object)).env("HOPGUARD_MAX_VISITS", "3").deploy(),
        bed.function("invoked", &plan(invoke)).env("HOPGUARD_MAX_VISITS", "3").deploy(),
    )?;
    bucket.notify(&stored, "").await?;

    bucket.put("first.txt", b"hello", &[]).await?;
    invoked.invoke_async(&json!({"order": 1})).await?;
    assert_tripped(&stored, "unreserved").await?;
    assert_tripped(&invoked, "unreserved").await?;
    bed.settled().await?;
    for (name, later) in [("stored", 0), ("invoked", 1)] {
        let runs = bed.runs(name);
        for hop in 0..3 {
            let of_hop: Vec<_> = runs.iter().filter(|run| run["hop"] == hop).map(place).collect();
            assert!((2..=3).contains(&of_hop.len()), "{name}: {of_hop:?}");
            assert!(of_hop.iter().all(|place| *place == (hop, hop + 1)), "{name}: {of_hop:?}");
        }
        assert!(runs.iter().all(|run| place(run).0 < 3), "{name}");
        // The emulator gives each attempt of an event a request id of its own, which names the chain of an invoked root; AWS
        // keeps it.
        let of_chain: Vec<_> = runs.into_iter().filter(|run| place(run).0 >= later).collect();
        assert_eq!(chains(&of_chain), 1, "{name}");
    }
    Ok(())
}
