use std::fmt::Write as _;

use base64::Engine as _;
use hopguard_core::event::field;
use hopguard_core::propagator::TraceParent;
use hopguard_core::{ChainId, FunctionId, Lineage, SendLedger, SigningKeys, Token, Toward};

pub fn function() -> FunctionId {
    FunctionId::from_arn("arn:aws:lambda:eu-central-1:123456789012:function:orders")
}

/// The lineage of a path over three functions that is in its second round.
pub fn lineage() -> Lineage {
    let chain = ChainId::new(0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736).expect("not zero");
    let mut lineage = Lineage::root(chain, FunctionId::from_bits(1), 256);
    for function in [FunctionId::from_bits(2), function(), FunctionId::from_bits(1)] {
        lineage = lineage.arrive(function, 256);
    }
    SendLedger::new(lineage, 1).send(Toward::Elsewhere, 1)
}

pub fn token(keys: Option<&SigningKeys>) -> Token {
    Token::new(&lineage(), keys)
}

pub fn parent() -> TraceParent {
    TraceParent { trace: lineage().chain, span: 0x00f0_67aa_0ba9_02b7, flags: 1 }
}

/// A `traceparent` as one writes it with the standard library, the way OpenTelemetry's own propagator does.
pub fn formatted(parent: &TraceParent) -> String {
    format!("00-{}-{:016x}-{:02x}", parent.trace, parent.span, parent.flags)
}

/// How a record carries its lineage.
#[derive(Clone, Copy)]
pub enum Carrier<'k> {
    None,
    W3c(Option<&'k SigningKeys>),
    Packed,
    /// None of ours, but AWS's own header, which every message of a traced sender has.
    Xray,
    /// An SNS notification with lineage in the body.
    Wrapped,
}

/// An order as JSON, of about so many bytes.
fn order(bytes: usize) -> String {
    let mut text = r#"{"orderId":"ord-00001f2a","status":"CREATED","customer":{"name":"Grace Hopper","email":"grace@example.com"},"lines":["#.to_owned();
    let mut line = 0;
    while text.len() < bytes {
        let separator = if line == 0 { "" } else { "," };
        let _ = write!(
            text,
            r#"{separator}{{"sku":"A-{:05}","name":"Wing nut, stainless","quantity":{},"price":{}.95}}"#,
            line * 7919 % 100_000,
            line % 7 + 1,
            line % 90
        );
        line += 1;
    }
    text + "]}"
}

/// A batch as SQS delivers it.
pub fn sqs(records: usize, body_bytes: usize, carrier: Carrier<'_>) -> Vec<u8> {
    let string = |text: &str| serde_json::to_string(text).expect("a string");
    let attribute = |name: &str, text: &str| {
        format!(
            r#""{name}":{{"stringValue":{},"stringListValues":[],"binaryListValues":[],"dataType":"String"}}"#,
            string(text)
        )
    };
    let w3c = |keys| {
        let state = format!("hopguard={}", token(keys));
        format!("{},{}", attribute("traceparent", &parent().to_string()), attribute("tracestate", &state))
    };
    let mut body = string(&order(body_bytes));
    let (mut attributes, mut header) = (String::new(), String::new());
    match carrier {
        Carrier::None => {}
        Carrier::W3c(keys) => attributes = w3c(keys),
        Carrier::Packed => attributes = attribute("hopguard", token(None).as_str()),
        Carrier::Xray => {
            header = r#","AWSTraceHeader":"Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1;Lineage=1:bd4cecd5:0""#.to_owned();
        }
        Carrier::Wrapped => {
            let state = format!("hopguard={}", token(None));
            body = string(&format!(
                r#"{{"Type":"Notification","MessageId":"9320bd56-f1b2-4210-9c61-729b7ec02430","TopicArn":"arn:aws:sns:eu-central-1:123456789012:orders","Message":{body},"Timestamp":"2026-11-23T22:52:28.000Z","SignatureVersion":"1","Signature":"FAKE","MessageAttributes":{{"traceparent":{{"Type":"String","Value":"{}"}},"tracestate":{{"Type":"String","Value":"{state}"}}}}}}"#,
                parent(),
            ));
        }
    }
    let records: Vec<String> = (0..records)
        .map(|nth| {
            format!(
                r#"{{"messageId":"059f36b4-87a3-44ab-83d2-66197583{nth:04x}","receiptHandle":"AQEBzWwaftRI0KuVm4tP+/7q1rGgNqicHq7sFJkyMzxkDtnmVbXcVsFnUYJ1lYwF3DDNEjMrVtJcOTQFqJdnNlcNiXTjwhyJHqJqJTzBNMMBJzCtWnXPmKrmFjNHy7VqJNrMvbTpzDnSJiHBMPBEY3aPRIcXnKHLDwWZaLJUZjwY3SCJM8ULJOAa4DfQAg","body":{body},"attributes":{{"ApproximateReceiveCount":"1","SentTimestamp":"1795474347592","SenderId":"AIDAIENQZJOLO23YVJ4VO","ApproximateFirstReceiveTimestamp":"1795474347593"{header}}},"messageAttributes":{{{attributes}}},"md5OfBody":"098f6bcd4621d373cade4e832627b4f6","eventSource":"aws:sqs","eventSourceARN":"arn:aws:sqs:eu-central-1:123456789012:orders","awsRegion":"eu-central-1"}}"#
            )
        })
        .collect();
    format!(r#"{{"Records":[{}]}}"#, records.join(",")).into_bytes()
}

/// A batch as a Kinesis stream delivers it: 1 KB of data in each record, with the field or without.
pub fn kinesis(records: usize, has_field: bool) -> Vec<u8> {
    let mut data = order(1000).into_bytes();
    if has_field {
        let state = format!("hopguard={}", token(None));
        data = field::write(&data, &parent().to_string(), &state).expect("an object");
    }
    let data = base64::engine::general_purpose::STANDARD.encode(data);
    let records: Vec<String> = (0..records)
        .map(|nth| {
            format!(
                r#"{{"kinesis":{{"kinesisSchemaVersion":"1.0","partitionKey":"order-{nth}","sequenceNumber":"4956816737333333333333333333333333333333333333333333{nth:04}","data":"{data}","approximateArrivalTimestamp":1795474351.115}},"eventSource":"aws:kinesis","eventVersion":"1.0","eventID":"shardId-000000000000:4956816737333333333333333333333333333333333333333333{nth:04}","eventName":"aws:kinesis:record","invokeIdentityArn":"arn:aws:iam::123456789012:role/orders","awsRegion":"eu-central-1","eventSourceARN":"arn:aws:kinesis:eu-central-1:123456789012:stream/orders"}}"#
            )
        })
        .collect();
    format!(r#"{{"Records":[{}]}}"#, records.join(",")).into_bytes()
}

/// A direct invocation's payload.
pub fn invoke(bytes: usize) -> Vec<u8> {
    order(bytes).into_bytes()
}
