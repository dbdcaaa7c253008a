//! Spans, metrics and logs of an OpenTelemetry SDK in the function, which the layer's receiver takes and exports.

use std::time::Duration;

use anyhow::Result;
use hopguard::core::{ChainId, FunctionId, Lineage, Token};
use hopguard_tests::{Collector, Environment, Kit, Layer, Runtime, Toolbox};
use serde_json::{Value, json};

use crate::language::WRAPPER;
use crate::tree::layer;

const SOON: Duration = Duration::from_secs(20);
const TRACE: u128 = 0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c;

/// The layer, and the SDK as another layer brings it.
pub(crate) async fn with_opentelemetry(kit: Kit) -> Result<Layer> {
    let equip =
        move || Toolbox::new().with_opentelemetry(kit, layer(), &(std::sync::Arc::new(|_: &str| ()) as _));
    Ok(tokio::task::spawn_blocking(equip).await??)
}

/// A batch of messages that were sent by these spans of one trace.
pub(crate) fn batch(senders: &[u64]) -> Value {
    let chain = ChainId::new(TRACE).unwrap();
    let sent = Token::new(&Lineage::root(chain, FunctionId::from_bits(1), 256), None);
    let text = |text: String| json!({ "stringValue": text, "dataType": "String" });
    let message = |span: &u64| {
        json!({
            "messageId": format!("m-{span}"), "body": "an order",
            "messageAttributes": {
                "traceparent": text(format!("00-{TRACE:032x}-{span:016x}-01")),
                "tracestate": text(format!("hopguard={}", sent.as_str())),
            },
            "attributes": { "ApproximateReceiveCount": "1" },
            "eventSource": "aws:sqs", "eventSourceARN": "arn:aws:sqs:us-east-1:000000000000:orders",
        })
    };
    json!({ "Records": senders.iter().map(message).collect::<Vec<_>>() })
}

/// An instrumented function under the layer, invoked once with a batch of two; what the layer has exported then.
///
/// The span of the invocation joins both senders, the function's own spans stand in the trace that came with the record.
pub(crate) async fn of_an_instrumented_function(runtime: Runtime, services: &[&str]) -> Result<Collector> {
    let collector = Collector::start().await?;
    let environment = Environment::builder(with_opentelemetry(runtime.kit()).await?, runtime)
        .name("orders")
        .env("AWS_LAMBDA_EXEC_WRAPPER", WRAPPER)
        .env("HOPGUARD_OTLP_PORT", "0")
        // The layer's collector is not the function's: that has no such variable, and gets the receiver from the wrapper.
        .env("HOPGUARD_OTLP_ENDPOINT", collector.endpoint())
        .start()
        .await?;
    let answer = environment.invoke(&batch(&[0xa1, 0xb2])).await?;
    assert_eq!(answer.error, None, "{}, {:#?}", answer.payload, environment.log()?);
    let log = environment.shut_down().await?;

    let own = |span: &Value| span["scope"] == "hopguard" && span["name"] == "sqs process";
    let spans = collector.wait_for_spans(1, SOON, own).await;
    let spans = spans.map_err(|error| error.context(format!("{log:#?}")))?;
    let [invocation] = &spans[..] else { panic!("{spans:#?}") };
    assert_eq!(invocation["traceId"], format!("{TRACE:032x}"));
    assert_eq!(invocation["parentSpanId"], "00000000000000a1");
    assert_eq!(invocation["attributes"]["messaging.batch.message_count"], 2);
    let links = invocation["links"].as_array().cloned().unwrap_or_default();
    let links: Vec<_> = links.iter().map(|link| link["spanId"].clone()).collect();
    assert_eq!(links, [json!("00000000000000a1"), json!("00000000000000b2")]);

    // Small requests go as they are.
    let encoding = "/v1/traces application/x-protobuf gzip".to_owned();
    assert!(collector.encodings().contains(&encoding), "{:?}", collector.encodings());
    for service in services {
        let theirs = |span: &Value| span["resource"]["service.name"] == *service;
        let spans = collector.wait_for_spans(2, SOON, theirs).await?;
        let parents: Vec<_> = spans.iter().map(|span| span["parentSpanId"].clone()).collect();
        assert_eq!(parents, [json!("00000000000000a1"), json!("00000000000000b2")], "{service}");
        let orders: Vec<_> = spans.iter().map(|span| span["attributes"]["order.id"].clone()).collect();
        assert_eq!(orders, [json!("m-161"), json!("m-178")], "{service}");
        for span in &spans {
            assert_eq!((&span["name"], &span["scope"]), (&json!("handle order"), &json!("orders")));
            assert_eq!(span["traceId"], invocation["traceId"], "{service}");
            // What it says of itself stays, and what it does not know is added.
            assert_eq!(span["resource"]["team"], "billing");
            assert_eq!(span["resource"]["faas.name"], "orders");
        }
    }
    Ok(collector)
}
