//! What a call is about, read from its request: nothing here knows an SDK crate, and a client of any service will do.

use std::borrow::Cow;
use std::collections::BTreeMap;

use percent_encoding::percent_decode_str;
use serde::Deserialize;
use serde::de::IgnoredAny;
use tracing::Span;

use crate::telemetry;

/// The largest body that is read for a name.
const MAX_BODY: usize = 1024 * 1024;
/// Tables of one call that are named.
const MAX_TABLES: usize = 16;

/// The queue, topic, bucket, table, stream or function that a call is about.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// One thing, under OpenTelemetry's name for it.
    One(&'static str, String),
    /// Tables, of which a call can name several.
    Tables(Vec<String>),
}

/// The target of a request; `bucket` is known to S3's client alone.
pub(super) fn of(service: &str, uri: &str, body: &[u8], bucket: Option<String>) -> Option<Target> {
    let named = |attribute, name: Option<Cow<'_, str>>| {
        let name = name.filter(|name| !name.is_empty())?;
        Some(Target::One(attribute, name_in(&name).to_owned()))
    };
    match service {
        "S3" => bucket.map(|bucket| Target::One("aws.s3.bucket", bucket)),
        "Lambda" => {
            let (_, rest) = uri.split_once("/functions/")?;
            let function = percent_decode_str(rest.split(['/', '?']).next()?).decode_utf8().ok()?;
            Some(Target::One("faas.invoked_name", function_in(&function)?.to_owned()))
        }
        "SQS" => named("messaging.destination.name", members(body)?.queue_url),
        "SNS" => named("messaging.destination.name", topic_in(body)),
        "Kinesis" => {
            let Members { stream_name, stream_arn, .. } = members(body)?;
            named("aws.kinesis.stream_name", stream_name.or(stream_arn))
        }
        "DynamoDB" => {
            let Members { table_name, request_items, .. } = members(body)?;
            let items = request_items.unwrap_or_default();
            let names = table_name.iter().chain(items.keys());
            let tables: Vec<String> = names.take(MAX_TABLES).map(|name| name_in(name).to_owned()).collect();
            (!tables.is_empty()).then_some(Target::Tables(tables))
        }
        "SFN" => named("hopguard.target", members(body)?.state_machine_arn),
        _ => None,
    }
}

impl Target {
    /// Names it in a call's span.
    pub(super) fn record(&self, span: &Span) {
        match self {
            Self::One(attribute, name) => {
                span.record(*attribute, name.as_str());
            }
            Self::Tables(tables) => telemetry::add_tables(span, tables),
        }
    }

    /// Its name; of several tables, the first.
    pub(super) fn into_name(self) -> Option<Box<str>> {
        match self {
            Self::One(_, name) => Some(name.into()),
            Self::Tables(tables) => tables.into_iter().next().map(String::into_boxed_str),
        }
    }
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Members<'b> {
    #[serde(borrow)]
    queue_url: Option<Cow<'b, str>>,
    #[serde(borrow)]
    table_name: Option<Cow<'b, str>>,
    #[serde(borrow)]
    stream_name: Option<Cow<'b, str>>,
    #[serde(borrow, rename = "StreamARN")]
    stream_arn: Option<Cow<'b, str>>,
    #[serde(borrow, rename = "stateMachineArn")]
    state_machine_arn: Option<Cow<'b, str>>,
    #[serde(borrow)]
    request_items: Option<BTreeMap<Cow<'b, str>, IgnoredAny>>,
}

fn members(body: &[u8]) -> Option<Members<'_>> {
    if body.len() > MAX_BODY {
        return None;
    }
    serde_json::from_slice(body).ok()
}

/// The topic in a form.
fn topic_in(body: &[u8]) -> Option<Cow<'_, str>> {
    let form = std::str::from_utf8(body).ok()?;
    let value = |name: &str| form.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
    percent_decode_str(value("TopicArn").or_else(|| value("TargetArn"))?).decode_utf8().ok()
}

/// The name at the end of a URL or an ARN.
fn name_in(text: &str) -> &str {
    text.rsplit(['/', ':']).next().unwrap_or(text)
}

/// The name of a function: `name`, `name:alias`, `account:function:name` or an ARN.
fn function_in(text: &str) -> Option<&str> {
    let name = match text.split_once("function:") {
        Some((_, rest)) => rest,
        None => text,
    };
    name.split(':').next().filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_service_names_its_target_in_its_own_place() {
        let one = |attribute, name: &str| Some(Target::One(attribute, name.to_owned()));
        let tables =
            |names: &[&str]| Some(Target::Tables(names.iter().map(|&name| name.to_owned()).collect()));
        let sns = "Action=Publish&Message=m&TopicArn=arn%3Aaws%3Asns%3Aus-east-1%3A1%3Aorders";
        let (queue, table) =
            (r#"{"QueueUrl":"https://q/1/orders"}"#, r#"{"TableName":"arn:aws:d:r:1:table/orders"}"#);
        let batch = r#"{"RequestItems":{"orders":[],"carts":[]}}"#;
        let machine = r#"{"stateMachineArn":"arn:aws:states:r:1:stateMachine:orders"}"#;
        let (queue_of, name_of) = ("messaging.destination.name", "faas.invoked_name");
        let cases = [
            ("SQS", "/", queue, one(queue_of, "orders")),
            ("SQS", "/", r#"{"QueueUrl":7}"#, None),
            ("SQS", "/", r#"{"QueueNamePrefix":"o"}"#, None),
            ("SNS", "/", sns, one(queue_of, "orders")),
            ("SNS", "/", "Action=ListTopics", None),
            (
                "Kinesis",
                "/",
                r#"{"StreamARN":"arn:aws:kinesis:r:1:stream/orders"}"#,
                one("aws.kinesis.stream_name", "orders"),
            ),
            ("DynamoDB", "/", table, tables(&["orders"])),
            ("DynamoDB", "/", batch, tables(&["carts", "orders"])),
            ("DynamoDB", "/", "{}", None),
            ("SFN", "/", machine, one("hopguard.target", "orders")),
            ("Lambda", "/2015-03-31/functions/orders%3Alive/invocations", "", one(name_of, "orders")),
            (
                "Lambda",
                "/2015-03-31/functions/arn:aws:lambda:r:1:function:orders:3?x",
                "",
                one(name_of, "orders"),
            ),
            ("Lambda", "/2015-03-31/functions/1:function:orders/invocations", "", one(name_of, "orders")),
            ("Lambda", "/2015-03-31/functions/", "", None),
            ("STS", "/", "Action=GetCallerIdentity", None),
        ];
        for (service, uri, body, expected) in cases {
            assert_eq!(of(service, uri, body.as_bytes(), None), expected, "{service} {uri} {body}");
        }
        assert_eq!(of("S3", "/key", b"", Some("b".to_owned())), one("aws.s3.bucket", "b"));
        assert_eq!(of("S3", "/key", b"", None), None);
    }
}
