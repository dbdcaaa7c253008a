mod broken;
mod fixtures;
mod guesses;
mod properties;
mod shapes;
mod sources;
mod streams;

use serde_json::{Value, json};

use super::*;
use crate::propagator::Inbound;
use crate::signing::SigningKeys;
use crate::token::Token;

pub(super) const TOKEN: &str = "01-0af7651916cd43dd8448eb211c80319c-3-256-68fd508a:2";
pub(super) const LATER: &str = "01-0af7651916cd43dd8448eb211c80319c-4-256-68fd508a:3";
pub(super) const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// Records of an event, copied out of it.
pub(super) fn read(event: &Value) -> Vec<Record<'static>> {
    // A test may leak; the records then outlive the event that they borrow from.
    let bytes: &'static [u8] = serde_json::to_vec(event).unwrap().leak();
    Reader::default().read(bytes).into_records()
}

/// The hop found in each record.
pub(super) fn hops(event: &Value) -> Vec<Option<u32>> {
    read(event).iter().map(|record| record.inbound.lineage.map(|lineage| lineage.hop)).collect()
}

pub(super) fn sqs_message(nth: usize, body: &str, attributes: impl Into<Value>) -> Value {
    json!({
        "messageId": format!("059f36b4-87a3-44ab-83d2-66197583000{nth}"),
        "receiptHandle": "AQEBwJnKyrHigUMZj6rYigCgxlaS3SLy0a",
        "body": body,
        "attributes": {
            "ApproximateReceiveCount": "1", "SentTimestamp": "1545082649183",
            "SenderId": "AIDAIENQZJOLO23YVJ4VO", "ApproximateFirstReceiveTimestamp": "1545082649185"
        },
        "messageAttributes": attributes.into(),
        "md5OfBody": "098f6bcd4621d373cade4e832627b4f6",
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:eu-central-1:123456789012:orders",
        "awsRegion": "eu-central-1"
    })
}

pub(super) fn sqs(messages: impl IntoIterator<Item = Value>) -> Value {
    batch(messages)
}

pub(super) fn sqs_text(text: &str) -> Value {
    json!({"stringValue": text, "stringListValues": [], "binaryListValues": [], "dataType": "String"})
}

pub(super) fn sns_text(text: &str) -> Value {
    json!({"Type": "String", "Value": text})
}

pub(super) fn w3c(text: impl Fn(&str) -> Value, token: &str) -> Value {
    json!({"traceparent": text(PARENT), "tracestate": text(&format!("hopguard={token},vendor=x"))})
}

/// What SNS delivers: to Lambda under `Sns`, to SQS as the body.
pub(super) fn notification(message: &str, attributes: Option<Value>) -> Value {
    let mut value = json!({
        "Type": "Notification",
        "MessageId": "82833b5c-8d5d-56d0-b0e1-7511f8253eb8",
        "TopicArn": "arn:aws:sns:eu-central-1:123456789012:orders",
        "Message": message,
        "Timestamp": "2026-11-23T22:52:28.000Z",
        "SignatureVersion": "1",
        "Signature": "e+khMfZriwAOTkF0OVm3tmdVq9eY6s5Bj6rXZty4B2TYssx7",
        "UnsubscribeURL": "https://sns.eu-central-1.amazonaws.com/?Action=Unsubscribe"
    });
    if let Some(attributes) = attributes {
        value["MessageAttributes"] = attributes;
    }
    value
}

pub(super) fn sns(message: &str, attributes: Option<Value>) -> Value {
    json!({"Records": [{
        "EventVersion": "1.0",
        "EventSubscriptionArn": "arn:aws:sns:eu-central-1:123456789012:orders:547bc2b2",
        "EventSource": "aws:sns",
        "Sns": notification(message, attributes)
    }]})
}

pub(super) fn s3(key: &str, name: &str) -> Value {
    json!({"Records": [{
        "eventVersion": "2.1", "eventSource": "aws:s3", "awsRegion": "eu-central-1",
        "eventTime": "2026-11-23T22:52:28.762Z", "eventName": name,
        "userIdentity": {"principalId": "EXAMPLE"}, "requestParameters": {"sourceIPAddress": "127.0.0.1"},
        "responseElements": {"x-amz-request-id": "C3D13FE58DE4C810", "x-amz-id-2": "FMyUVURIY8/IgAtTv8"},
        "s3": {
            "s3SchemaVersion": "1.0", "configurationId": "all",
            "bucket": {"name": "intake", "ownerIdentity": {"principalId": "E"}, "arn": "arn:aws:s3:::intake"},
            "object": {"key": key, "size": 1024, "versionId": "v1", "eTag": "d41d8cd9", "sequencer": "0055AED6DCD90281E5"}
        }
    }]})
}

/// A record of a Kinesis stream with this data.
pub(super) fn kinesis(nth: usize, data: &[u8]) -> Value {
    json!({
        "kinesis": {
            "kinesisSchemaVersion": "1.0", "partitionKey": "p",
            "sequenceNumber": format!("4956816737333333333333333333333333333333333333333333{nth:04}"),
            "data": encoded::encode(data), "approximateArrivalTimestamp": 1480641523.477
        },
        "eventSource": "aws:kinesis", "eventVersion": "1.0",
        "eventID": "shardId-000000000000:49568167373333333333333333333333333333333333333333333333",
        "eventName": "aws:kinesis:record", "invokeIdentityArn": "arn:aws:iam::123456789012:role/LambdaRole",
        "awsRegion": "eu-central-1", "eventSourceARN": "arn:aws:kinesis:eu-central-1:123456789012:stream/orders"
    })
}

/// A record of a DynamoDB stream with this attribute of ours in the item before and after the write.
pub(super) fn dynamodb(nth: usize, old: Option<Value>, new: Option<Value>) -> Value {
    let mut change = json!({
        "ApproximateCreationDateTime": 1480642020, "Keys": {"id": {"S": "1"}},
        "SequenceNumber": format!("14054000000000020632828{nth:02}"), "SizeBytes": 54, "StreamViewType": "NEW_AND_OLD_IMAGES"
    });
    for (image, attribute) in [("OldImage", old), ("NewImage", new)] {
        if let Some(attribute) = attribute {
            change[image] =
                json!({"id": {"S": "1"}, "hopguard": attribute, "map": {"M": {"hopguard": {"S": LATER}}}});
        }
    }
    json!({
        "eventID": "f07f8ca4b0b26cb9c4e5e77e69f274ee", "eventName": "MODIFY", "eventVersion": "1.1",
        "eventSource": "aws:dynamodb", "awsRegion": "eu-central-1", "dynamodb": change,
        "eventSourceARN": "arn:aws:dynamodb:eu-central-1:123456789012:table/orders/stream/2026-11-23T22:52:29.956"
    })
}

/// A batch of any source's records.
pub(super) fn batch(records: impl IntoIterator<Item = Value>) -> Value {
    json!({ "Records": records.into_iter().collect::<Vec<_>>() })
}

pub(super) fn event_bridge(detail: impl Into<Value>) -> Value {
    json!({
        "version": "0", "id": "d6fd284e-ec22-4fc2-baa1-37d6df528083", "detail-type": "order", "source": "shop",
        "account": "123456789012", "time": "2026-11-23T22:52:29Z", "region": "eu-central-1", "resources": [], "detail": detail.into()
    })
}

pub(super) fn s3_event_bridge(key: &str, kind: &str) -> Value {
    let mut event = event_bridge(json!({
        "version": "0", "bucket": {"name": "intake"},
        "object": {"key": key, "size": 1, "etag": "d41d8cd9", "version-id": "v1", "sequencer": "0055AED6DCD90281E5"},
        "request-id": "C3D13FE58DE4C810", "reason": "PutObject"
    }));
    event["source"] = "aws.s3".into();
    event["detail-type"] = kind.into();
    event
}
