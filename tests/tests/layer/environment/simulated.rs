//! The extension under `lambda-simulator`: the whole Telemetry API, and the freezes between invocations, which AWS's emulator lacks.

use std::time::Duration;

use anyhow::Result;
use hopguard_tests::{Collector, eventually};
use lambda_simulator::InvocationStatus;
use serde_json::{Value, json};

use super::simulator::{SOON, Simulated};

/// How long a frozen environment stays so: longer than any wait of the layer's that could end meanwhile, but its pauses.
const FROZEN: Duration = Duration::from_secs(2);

/// What the platform told of so many invocations, one of which has failed.
fn assert_told(collector: &Collector, invocations: u64, log: &str) {
    let many = json!(invocations.to_string());
    for (name, member, expected) in [
        ("faas.invocations", "asInt", &many),
        ("faas.errors", "asInt", &json!("1")),
        ("faas.coldstarts", "asInt", &json!("1")),
        ("faas.invoke_duration", "count", &many),
        ("hopguard.billed_duration", "count", &many),
        ("faas.mem_usage", "count", &many),
        ("faas.init_duration", "count", &json!("1")),
    ] {
        assert_eq!(&collector.last_point(name)[member], expected, "{name}: {log}");
    }
    // The simulator says that half of 128 MB was used, by each.
    assert_eq!(collector.last_point("faas.mem_usage")["max"], json!(67_108_864.0));
}

#[tokio::test]
async fn freezes_cost_no_invocation_and_no_telemetry() -> Result<()> {
    let collector = Collector::start().await?;
    let simulated = Simulated::start("frozen", &collector, true).await?;
    let invocations = 5;
    for nth in 0..invocations {
        let expected = if nth == 0 { InvocationStatus::Error } else { InvocationStatus::Success };
        assert_eq!(simulated.invoke(json!({ "order": 1 })).await?, expected, "{nth}: {}", simulated.log());
        // The export was before the freeze.
        let own = |span: &Value| span["scope"] == "hopguard";
        collector.wait_for_spans(nth + 1, Duration::from_secs(1), own).await?;
        eventually("the kernel to stop it", SOON, async || Ok((simulated.state()? == "T").then_some(())))
            .await?;
        // Whoever is at the other end of a connection does not wait for an environment that sleeps.
        collector.disconnect();
        tokio::time::sleep(FROZEN).await;
    }
    let log = simulated.shut_down().await?;
    let spans: std::collections::HashSet<_> =
        collector.spans().iter().map(|span| span["attributes"]["faas.invocation_id"].to_string()).collect();
    assert_eq!((spans.len(), collector.spans().len()), (invocations, invocations), "{log}");
    assert!(collector.connections() >= invocations, "each that ended was replaced");
    assert_told(&collector, invocations as u64, &log);
    assert!(!log.contains("\"WARN\"") && !log.contains("\"ERROR\""), "{log}");
    Ok(())
}

/// Where the runtime speaks to Lambda itself, `platform.runtimeDone` says that an invocation has ended.
#[tokio::test]
async fn without_the_proxy_the_platform_tells_of_invocations() -> Result<()> {
    let collector = Collector::start().await?;
    let simulated = Simulated::start("unproxied", &collector, false).await?;
    for nth in 0..3 {
        let expected = if nth == 0 { InvocationStatus::Error } else { InvocationStatus::Success };
        assert_eq!(simulated.invoke(json!({ "order": 1 })).await?, expected, "{nth}: {}", simulated.log());
    }
    let log = simulated.shut_down().await?;
    assert_told(&collector, 3, &log);
    assert!(!log.contains("\"WARN\"") && !log.contains("\"ERROR\""), "{log}");
    Ok(())
}
