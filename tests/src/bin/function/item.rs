//! The records of an event, whatever it came from.

use std::{borrow::Cow, collections::HashMap};

use hopguard::{BatchRecord, core::event::Source};
use serde_json::Value;

/// One record, as far as a plan needs it.
pub(crate) struct Item {
    pub(crate) source: Source,
    pub(crate) id: Option<String>,
    pub(crate) group: Option<String>,
    /// How often it was delivered, where its source says so.
    pub(crate) attempt: Option<u64>,
    pub(crate) text: String,
    /// The key of the S3 object that it names.
    pub(crate) key: Option<String>,
    /// Its text attributes.
    pub(crate) attributes: HashMap<String, String>,
}

impl Item {
    /// The records of an event; an event without records is one itself.
    pub(crate) fn read(event: &Value, request: &str) -> Vec<Self> {
        match event.get("Records").and_then(Value::as_array) {
            Some(records) => records.iter().map(Self::of_record).collect(),
            None => vec![Self {
                source: Source::Invoke,
                id: Some(request.to_owned()),
                group: None,
                attempt: None,
                text: event.to_string(),
                key: None,
                attributes: HashMap::new(),
            }],
        }
    }

    fn of_record(record: &Value) -> Self {
        let text = |pointer: &str| record.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
        let (source, id, body) = if text("/eventSource").as_deref() == Some("aws:sqs") {
            (Source::Sqs, text("/messageId"), text("/body").unwrap_or_default())
        } else if let Some(message) = text("/Sns/Message") {
            (Source::Sns, text("/Sns/MessageId"), message)
        } else {
            (Source::S3, None, record.to_string())
        };
        Self {
            source,
            id,
            group: text("/attributes/MessageGroupId"),
            attempt: text("/attributes/ApproximateReceiveCount").and_then(|count| count.parse().ok()),
            key: key(&body),
            text: body,
            attributes: attributes(record),
        }
    }

    /// Whether it is not to be sent on.
    pub(crate) fn stops(&self) -> bool {
        let told = serde_json::from_str::<Value>(&self.text)
            .is_ok_and(|text| text.get("stop") == Some(&Value::Bool(true)));
        told || self.key.as_ref().is_some_and(|key| key.contains("stop"))
    }
}

impl BatchRecord for Item {
    fn source(&self) -> Source {
        self.source
    }

    fn id(&self) -> Option<Cow<'_, str>> {
        self.id.as_deref().map(Cow::Borrowed)
    }

    fn group(&self) -> Option<Cow<'_, str>> {
        self.group.as_deref().map(Cow::Borrowed)
    }
}

/// The message attributes of SQS or SNS that are texts.
fn attributes(record: &Value) -> HashMap<String, String> {
    let sets = [("/messageAttributes", "stringValue"), ("/Sns/MessageAttributes", "Value")];
    let held = sets.into_iter().flat_map(|(set, value)| {
        let set = record.pointer(set).and_then(Value::as_object).into_iter().flatten();
        set.filter_map(move |(name, held)| Some((name.clone(), held.get(value)?.as_str()?.to_owned())))
    });
    held.collect()
}

/// The key of the object that a text names, in an S3 notification or an SNS message around one.
fn key(text: &str) -> Option<String> {
    let value: Value = serde_json::from_str(text).ok()?;
    if let Some(message) = value.get("Message").and_then(Value::as_str) {
        return key(message);
    }
    let record = value.pointer("/Records/0").unwrap_or(&value);
    record.pointer("/s3/object/key").and_then(Value::as_str).map(str::to_owned)
}
