//! Functions in Python under the layer.

use std::collections::HashMap;

use anyhow::Result;
use hopguard::core::propagator::TraceState;
use hopguard::core::{ChainId, FunctionId, Lineage, Token};
use hopguard_tests::{Cloud, Environment, Layer, Plan, Runtime, Send};
use serde_json::{Value, json};

use crate::language::{self, WRAPPER};
use crate::tree::{checkout, layer};

pub(crate) fn runtime() -> Runtime {
    Runtime::Python { source: checkout("tests/functions/python/forward.py") }
}

#[tokio::test]
async fn an_sqs_loop() -> Result<()> {
    language::an_sqs_loop(&runtime(), &[]).await
}

#[tokio::test]
async fn an_sqs_loop_by_asynchronous_clients() -> Result<()> {
    language::an_sqs_loop(&runtime(), &[("CLIENT", "aiobotocore")]).await
}

#[tokio::test]
async fn an_sns_loop() -> Result<()> {
    language::an_sns_loop(&runtime()).await
}

#[tokio::test]
async fn an_s3_loop() -> Result<()> {
    language::an_s3_loop(&runtime()).await
}

#[tokio::test]
async fn a_direct_asynchronous_loop() -> Result<()> {
    language::a_direct_asynchronous_loop(&runtime()).await
}

#[tokio::test]
async fn of_ten_records_the_handler_gets_nine() -> Result<()> {
    language::of_ten_records_the_handler_gets_nine(&runtime()).await
}

#[tokio::test]
async fn the_layer_changes_no_answer() -> Result<()> {
    language::the_layer_changes_no_answer(&runtime()).await
}

#[tokio::test]
async fn answers_of_every_size_are_the_same_with_and_without_the_layer() -> Result<()> {
    let size = Runtime::Python { source: checkout("tests/functions/python/size.py") };
    let with = Environment::builder(layer(), size.clone()).env("AWS_LAMBDA_EXEC_WRAPPER", WRAPPER);
    let without = Environment::builder(Layer::none(), size);
    let (with, without) = tokio::try_join!(with.start(), without.start())?;
    for bytes in [3, 1_000, 1_000_000, 6 * 1024 * 1024] {
        let event = json!({ "bytes": bytes });
        let (a, b) = tokio::try_join!(with.invoke(&event), without.invoke(&event))?;
        assert_eq!((&a.error, &b.error), (&None, &None), "{bytes} bytes");
        assert_eq!(a.payload.as_str().map(str::len), Some(bytes - 2));
        assert!(a.payload == b.payload, "{bytes} bytes");
    }
    let log = with.shut_down().await?;
    assert!(log.iter().any(|line| line.contains("extension registered")), "{log:#?}");
    Ok(())
}

/// Where several invocations run at once and extensions hear of none, each sends with its own lineage.
#[tokio::test]
async fn managed_instances_do_not_mix_chains() -> Result<()> {
    let cloud = Cloud::start().await?;
    let queue = cloud.queue("sent").create().await?;
    let plan = Plan { wait_ms: 500, ..Plan::forward(Send::queue(queue.url())) };
    let environment = Environment::builder(layer(), runtime())
        .on(&cloud)
        .concurrency(3)
        .env("AWS_LAMBDA_EXEC_WRAPPER", WRAPPER)
        .env(Plan::VARIABLE, plan.text())
        .start()
        .await?;
    let event = |n: u32| {
        let chain = ChainId::new(n.into()).unwrap();
        let sent = Token::new(&Lineage::root(chain, FunctionId::from_bits(n), 256), None);
        let attributes = json!({ "hopguard": { "stringValue": sent.as_str(), "dataType": "String" } });
        json!({ "Records": [{ "messageId": n.to_string(), "body": chain.to_string(), "messageAttributes": attributes,
            "attributes": { "ApproximateReceiveCount": "1" }, "eventSource": "aws:sqs",
            "eventSourceARN": "arn:aws:sqs:us-east-1:000000000000:q" }] })
    };
    // The runtime starts with the environment, and is not waited for.
    environment.invoke(&event(9)).await?;
    let events = [event(1), event(2), event(3)];
    let [a, b, c] = &events;
    let answers = tokio::try_join!(environment.invoke(a), environment.invoke(b), environment.invoke(c))?;
    for answer in [&answers.0, &answers.1, &answers.2] {
        assert_eq!((&answer.error, &answer.payload), (&None, &json!({ "batchItemFailures": [] })));
    }
    let sent: HashMap<String, Value> = queue
        .peek()
        .await?
        .into_iter()
        .map(|message| (message.body.clone(), json!(message.attributes)))
        .collect();
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
