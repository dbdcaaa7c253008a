//! Panics in the extension that really runs: its tests' build has places that panic when told to (extension/src/fault.rs).

use std::time::Duration;

use anyhow::Result;
use hopguard_tests::{Cloud, Collector, Environment, Kit, Runtime};
use serde_json::json;

use crate::bed::token_of;
use crate::faults::guarded;
use crate::language::WRAPPER;
use crate::received;

/// Any part may panic, each time: the process lives, invocations go on, and the log
/// says it once.
pub(crate) async fn a_panic_costs_the_part_that_it_happens_in(
    traced: &Runtime,
    places: &[&str],
) -> Result<()> {
    let cloud = Cloud::start().await?;
    let queue = cloud.queue("sent").create().await?;
    let layer = received::with_opentelemetry(Kit::Python).await?;
    // The function exports by the layer and sends a message: every part has something to do.
    for place in places {
        let collector = Collector::start().await?;
        let environment = Environment::builder(layer.clone(), traced.clone())
            .on(&cloud)
            .env("AWS_LAMBDA_EXEC_WRAPPER", WRAPPER)
            .env("HOPGUARD_OTLP_PORT", "0")
            .env("HOPGUARD_OTLP_ENDPOINT", collector.endpoint())
            .env("FORWARD", queue.url())
            // The SDK would try again for as long as it may.
            .env("OTEL_EXPORTER_OTLP_TIMEOUT", "1")
            .env("PANIC_IN_HOPGUARD", *place)
            // Whoever waits for the end of an invocation that the layer has lost waits beyond this test's own end.
            .timeout(Duration::from_secs(900))
            .start()
            .await?;
        for _ in 0..2 {
            let answer = environment.invoke(&received::batch(&[0xa1])).await?;
            assert_eq!(answer.error, None, "{place}: {}, {:#?}", answer.payload, environment.log()?);
        }
        let log = environment.shut_down().await?;
        assert_eq!(panics(&log), 1, "{place}: {log:#?}");
    }
    assert_eq!(queue.peek().await?.len(), 2 * places.len(), "no send failed");
    Ok(())
}

/// The same on managed instances, where the platform tells of invocations.
pub(crate) async fn a_panic_over_telemetry_costs_the_telemetry(probe: &Runtime) -> Result<()> {
    let collector = Collector::start().await?;
    let environment = guarded(probe)
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", collector.endpoint())
        .env("PANIC_IN_HOPGUARD", "telemetry")
        .concurrency(2)
        .start()
        .await?;
    for _ in 0..3 {
        assert_eq!(environment.invoke(&json!({})).await?.error, None, "{:#?}", environment.log()?);
    }
    let log = environment.shut_down().await?;
    assert_eq!(panics(&log), 1, "{log:#?}");
    Ok(())
}

/// A record that was found beyond a limit does not run, whatever becomes of what should move it.
pub(crate) async fn a_panic_lets_no_blocked_record_through(probe: &Runtime) -> Result<()> {
    let environment =
        guarded(probe).env("HOPGUARD_MAX_VISITS", "5").env("PANIC_IN_HOPGUARD", "withhold").start().await?;
    let looping =
        json!({ "hopguard": token_of("arn:aws:lambda:us-east-1:000000000000:function:function", 5, 1) });
    for _ in 0..2 {
        let blocked = environment.invoke(&looping).await?;
        assert_eq!(blocked.payload["errorType"], "hopguard::Blocked", "{}", blocked.payload);
        let other = environment.invoke(&json!({})).await?;
        assert_eq!(other.error, None, "{}", other.payload);
    }
    let log = environment.shut_down().await?;
    assert_eq!(panics(&log), 1, "{log:#?}");
    Ok(())
}

/// How many lines say that something panicked, in whatever way.
fn panics(log: &[String]) -> usize {
    log.iter().filter(|line| line.contains("panicked")).count()
}
