//! Lambda Managed Instances: several invocations at once in one environment.

use std::collections::HashMap;

use anyhow::{Context as _, Result};
use hopguard::core::propagator::TraceState;
use hopguard::core::{ChainId, FunctionId, Lineage, Token};
use hopguard_tests::{Cloud, Collector, Environment, EnvironmentBuilder, Layer, Plan, Runtime, Send};
use serde_json::{Value, json};

use crate::language::SOON;

/// The same message of several chains at once: each is sent on in its own.
pub(crate) async fn invocations_at_once_do_not_mix(
    layer: Layer,
    runtime: Runtime,
    guarded: impl FnOnce(EnvironmentBuilder) -> EnvironmentBuilder,
) -> Result<()> {
    let cloud = Cloud::start().await?;
    let queue = cloud.queue("sent").create().await?;
    let plan = Plan { wait_ms: 500, ..Plan::forward(Send::queue(queue.url())) };
    let environment = Environment::builder(layer, runtime).on(&cloud).concurrency(3);
    let environment = guarded(environment).env(Plan::VARIABLE, plan.text()).start().await?;
    // The runtime starts with the environment, and is not waited for.
    environment.invoke(&event(9)).await?;
    let events = [event(1), event(2), event(3)];
    let [a, b, c] = &events;
    let answers = tokio::try_join!(environment.invoke(a), environment.invoke(b), environment.invoke(c))?;
    for answer in [&answers.0, &answers.1, &answers.2] {
        assert_eq!((&answer.error, &answer.payload), (&None, &json!({ "batchItemFailures": [] })));
    }
    let messages = queue.peek().await?.into_iter();
    let sent: HashMap<String, Value> =
        messages.map(|message| (message.body.clone(), json!(message.attributes))).collect();
    assert_eq!(sent.len(), 4);
    for (chain, attributes) in sent {
        let state = attributes["tracestate"].as_str().unwrap_or_default();
        let token = TraceState::parse(state).ours.expect("a token").unwrap();
        let lineage = Token::decode(token, None).unwrap();
        assert_eq!((lineage.chain.to_string(), lineage.hop), (chain, 1));
    }
    let log = environment.shut_down().await?;
    assert!(!log.iter().any(|line| line.contains("\"level\":\"ERROR\"")), "{log:#?}");
    Ok(())
}

/// The emulator's own Telemetry API: what it tells of the init and of each invocation.
pub(crate) async fn what_the_platform_tells_becomes_metrics(
    layer: Layer,
    probe: Runtime,
    guarded: impl FnOnce(EnvironmentBuilder) -> EnvironmentBuilder,
) -> Result<()> {
    let collector = Collector::start().await?;
    let environment = Environment::builder(layer, probe)
        .env("HOPGUARD_OTLP_PORT", "0")
        .env("HOPGUARD_OTLP_ENDPOINT", collector.endpoint())
        .env("HOPGUARD_FLUSH_INTERVAL", "0ms")
        .concurrency(2);
    let environment = guarded(environment).start().await?;
    let (waits, fails) = (json!({ "wait_ms": 100 }), json!({ "do": "fail" }));
    environment.invoke(&waits).await?;
    tokio::try_join!(environment.invoke(&waits), environment.invoke(&fails))?;
    // What is told of the last one comes a moment after its answer, and a timer exports it.
    let told =
        |collector: &Collector| (collector.last_point("faas.invocations")["asInt"] == "3").then_some(());
    let counted = collector.wait_for("what the platform tells of three invocations", SOON, told).await;
    let log = environment.shut_down().await?;
    counted.with_context(|| format!("{log:#?}"))?;
    for (name, member, expected) in [
        ("faas.errors", "asInt", "1"),
        ("faas.coldstarts", "asInt", "1"),
        ("faas.init_duration", "count", "1"),
        ("faas.invoke_duration", "count", "3"),
    ] {
        assert_eq!(collector.last_point(name)[member], expected, "{name}: {log:#?}");
    }
    let longest = collector.last_point("faas.invoke_duration")["max"].as_f64().unwrap_or_default();
    assert!((0.1..10.0).contains(&longest), "{longest} s");
    // There is nothing in it that cannot be read.
    assert!(collector.last_point("hopguard.telemetry.rejected").is_null());
    Ok(())
}

/// A batch of one message that names its chain in its body.
fn event(chain: u32) -> Value {
    let id = ChainId::new(chain.into()).unwrap();
    let sent = Token::new(&Lineage::root(id, FunctionId::from_bits(chain), 256), None);
    let attributes = json!({ "hopguard": { "stringValue": sent.as_str(), "dataType": "String" } });
    json!({ "Records": [{
        "messageId": chain.to_string(), "body": id.to_string(), "messageAttributes": attributes,
        "attributes": { "ApproximateReceiveCount": "1" },
        "eventSource": "aws:sqs", "eventSourceARN": "arn:aws:sqs:us-east-1:000000000000:q",
    }] })
}
