//! What the handlers get and send.

use std::fmt::Write as _;
use std::sync::Arc;

/// A direct invocation's payload without lineage, of about so many bytes.
pub(crate) fn payload(bytes: usize) -> Arc<[u8]> {
    let mut text = r#"{"orderId":"ord-00001f2a","status":"CREATED","lines":["#.to_owned();
    let mut line = 0;
    while text.len() < bytes.saturating_sub(100) {
        let separator = if line == 0 { "" } else { "," };
        let (sku, quantity, price) = (line * 7919 % 100_000, line % 7 + 1, line % 90);
        let _ = write!(
            text,
            r#"{separator}{{"sku":"A-{sku:05}","name":"Wing nut","quantity":{quantity},"price":{price}.95}}"#
        );
        line += 1;
    }
    (text + "]}").into_bytes().into()
}

/// An SQS event of one message of about 1 KB, with lineage in its attributes: of a path over two functions, in no loop.
pub(crate) fn message(nth: u64) -> Arc<[u8]> {
    let attribute = |name: &str, text: &str| {
        format!(
            r#""{name}":{{"stringValue":"{text}","stringListValues":[],"binaryListValues":[],"dataType":"String"}}"#
        )
    };
    let parent = attribute("traceparent", &format!("00-{nth:032x}-00f067aa0ba902b7-01"));
    let state = attribute("tracestate", &format!("hopguard=01-{nth:032x}-2-256-00000001:1.00000002:1"));
    let body = r#"{\"orderId\":\"ord-00001f2a\",\"status\":\"CREATED\",\"name\":\"Wing nut, stainless\"}"#;
    format!(
        r#"{{"Records":[{{"messageId":"059f36b4-87a3-44ab-83d2-66197583{:04x}","receiptHandle":"AQEBzWwaftRI0KuVm4tP+/7q1rGgNqicHq7sFJkyMzxkDtnmVbXcVsFnUYJ1lYwF3DDNEjMrVtJcOTQFqJdnNlcNiXTjwhyJ","body":"{body}","attributes":{{"ApproximateReceiveCount":"1","SentTimestamp":"1795474347592","SenderId":"AIDAIENQZJOLO23YVJ4VO","ApproximateFirstReceiveTimestamp":"1795474347593"}},"messageAttributes":{{{parent},{state}}},"md5OfBody":"098f6bcd4621d373cade4e832627b4f6","eventSource":"aws:sqs","eventSourceARN":"arn:aws:sqs:us-east-1:123456789012:orders","awsRegion":"us-east-1"}}]}}"#,
        nth % 0x1_0000
    )
    .into_bytes()
    .into()
}

/// One span as an OpenTelemetry SDK in the function hands it over.
pub(crate) const SPAN: &str = r#"{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"bench"}},{"key":"telemetry.sdk.language","value":{"stringValue":"nodejs"}}]},"scopeSpans":[{"scope":{"name":"bench","version":"1.0.0"},"spans":[{"traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b174","parentSpanId":"eee19b7ec3c1b173","name":"orders process","startTimeUnixNano":"1795474347592000000","endTimeUnixNano":"1795474347599000000","kind":5,"attributes":[{"key":"messaging.system","value":{"stringValue":"aws_sqs"}},{"key":"messaging.destination.name","value":{"stringValue":"orders"}},{"key":"messaging.batch.message_count","value":{"intValue":"1"}}],"status":{"code":1}}]}]}]}"#;

/// An injector's report of one call.
pub(crate) fn report(id: &str, nth: u64) -> String {
    format!(
        r#"{{"call":{{"invocation":"{id}","trace":"{nth:032x}","parent":"00f067aa0ba902b7","span":"{nth:016x}","service":"SQS","operation":"SendMessage","start_ns":"1795474347592000000","end_ns":"1795474347599000000","attempts":1,"status":200,"target":"orders"}},"outcomes":{{"written":1}}}}"#
    )
}
