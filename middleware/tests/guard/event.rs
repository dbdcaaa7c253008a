//! Events as Lambda hands them over, and the lineages in them.

use hopguard::core::propagator::TraceParent;
use hopguard::core::{ChainId, FunctionId, Lineage, Token};
use serde::Serialize;
use serde_json::{Value, json};

/// The function under test.
pub const ARN: &str = "arn:aws:lambda:us-east-1:123456789012:function:orders";
/// A token that some other chain left behind, with a higher hop than any that the tests make.
pub const STALE: &str = "01-0af7651916cd43dd8448eb211c80319c-90-256-68fd508a:9";
/// A user's own `traceparent`.
pub const PARENT: &str = "00-11111111111111111111111111111111-2222222222222222-01";

pub fn function() -> FunctionId {
    FunctionId::from_arn(ARN)
}

pub fn chain(bits: u128) -> ChainId {
    ChainId::new(bits).unwrap()
}

/// The lineage of a message that the function under test sent to itself, on its `visits`-th visit of a chain.
pub fn looping(bits: u128, visits: u16) -> Lineage {
    (1..visits)
        .fold(Lineage::root(chain(bits), function(), 256), |lineage, _| lineage.arrive(function(), 256))
}

pub fn parent(bits: u128, span: u64) -> TraceParent {
    TraceParent { trace: chain(bits), span, flags: 1 }
}

/// SQS message attributes that carry a lineage in the W3C form.
pub fn attributes(lineage: &Lineage, parent: TraceParent) -> Value {
    let text = |text: String| json!({"stringValue": text, "dataType": "String"});
    let state = format!("vendor=a,hopguard={}", Token::new(lineage, None));
    json!({"traceparent": text(parent.to_string()), "tracestate": text(state)})
}

/// One SQS message.
pub fn message(id: &str, body: &str, attributes: impl Serialize) -> Value {
    json!({
        "messageId": id,
        "receiptHandle": "handle",
        "body": body,
        "attributes": {"ApproximateReceiveCount": "1", "SentTimestamp": "1795474347592"},
        "messageAttributes": attributes,
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:us-east-1:123456789012:in",
        "awsRegion": "us-east-1",
    })
}

/// A batch of SQS messages.
pub fn sqs(messages: impl IntoIterator<Item = Value>) -> String {
    json!({"Records": messages.into_iter().collect::<Vec<_>>()}).to_string()
}

/// A batch of one message that carries this lineage.
pub fn sqs_of(lineage: &Lineage) -> String {
    sqs([message("m1", "{}", attributes(lineage, parent(lineage.chain.bits(), 7)))])
}

/// A notification that an object was put.
pub fn s3_put(bucket: &str, key: &str, request_id: &str) -> String {
    let record = json!({
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "eventName": "ObjectCreated:Put",
        "responseElements": {"x-amz-request-id": request_id},
        "s3": {"bucket": {"name": bucket}, "object": {"key": key, "eTag": "e", "sequencer": "0055AED6DCD90281E5"}},
    });
    json!({"Records": [record]}).to_string()
}
