//! Lambda Managed Instances: several invocations at once in one environment.

use std::collections::HashMap;

use anyhow::Result;
use hopguard::core::propagator::TraceState;
use hopguard::core::{ChainId, FunctionId, Lineage, Token};
use hopguard_tests::{Cloud, Environment, EnvironmentBuilder, Layer, Plan, Runtime, Send};
use serde_json::{Value, json};

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
