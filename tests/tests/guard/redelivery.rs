//! A message that is delivered again is the same hop again.

use std::time::Duration;

use anyhow::Result;
use hopguard_tests::{Cloud, Plan, Send};
use serde_json::{Value, json};

use crate::bed::{Bed, RETURN, assert_tripped, bodies, chains, place};

#[tokio::test]
async fn of_a_message() -> Result<()> {
    let bed = Bed::start().await?;
    // By a partial answer for the record, and by a handler that fails as a whole.
    for (name, each) in [("each", true), ("whole", false)] {
        let queue = bed.cloud.queue(name).visibility(RETURN).create().await?;
        let plan = Plan { each, fail_first: 2, ..Plan::forward(Send::queue(queue.url())) };
        let function = bed.function(name, &plan).env("HOPGUARD_MAX_VISITS", "2").deploy().await?;
        let mapping = function.consume(&queue);
        if each {
            mapping.partial().create().await?
        } else {
            mapping.create().await?
        };
        queue.send(name).await?;
    }
    let kept = bed.quarantine.holds(2, 12 * RETURN).await?;
    assert_eq!(bodies(&kept), ["each", "whole"]);
    bed.settled().await?;
    for name in ["each", "whole"] {
        let mut runs = bed.runs(name);
        let delivery = |run: &Value| (place(run), run["attempt"].as_u64().unwrap_or_default());
        runs.sort_by_key(delivery);
        let thrice = |hop: u64| (1..4).map(move |attempt| ((hop, hop + 1), attempt));
        let deliveries: Vec<_> = runs.iter().map(delivery).collect();
        assert_eq!(deliveries, thrice(0).chain(thrice(1)).collect::<Vec<_>>(), "{name}");
        // Without `each` nobody looks at a message that brings nothing along: its chain is that of the invocation.
        let of_chain = if name == "each" { &runs[..] } else { &runs[2..] };
        assert_eq!(chains(of_chain), 1, "{name}");
    }
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
