use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use aws_sdk_sqs::types::MessageAttributeValue;
use aws_smithy_types::{Blob, base64};
use hopguard_core::ChainId;
use serde::Deserialize;

use crate::quarantine::{Blocked, Form, QuarantineError};
use crate::tags::reason_value;

/// 1 MiB, body and attributes, of one message and of all messages of one batch.
pub(super) const MAX_BYTES: usize = 1_048_576;
/// Message attributes of one message.
const MAX_ATTRIBUTES: usize = 10;

/// One message for the quarantine queue.
#[derive(Debug)]
pub(super) struct Message {
    pub(super) body: String,
    attributes: HashMap<String, MessageAttributeValue>,
    pub(super) group: Option<String>,
    pub(super) deduplication: Option<String>,
    /// As SQS counts them: the body, and of each attribute its name, type and value.
    pub(super) bytes: usize,
}

/// An SQS record, as far as a message can be made of it again.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Record<'r> {
    #[serde(borrow)]
    body: Cow<'r, str>,
    #[serde(borrow, default)]
    message_attributes: Option<BTreeMap<String, Attribute<'r>>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Attribute<'r> {
    data_type: String,
    #[serde(borrow, default)]
    string_value: Option<Cow<'r, str>>,
    #[serde(borrow, default)]
    binary_value: Option<Cow<'r, str>>,
}

impl Message {
    pub(super) fn new(blocked: &Blocked<'_>, fifo: bool) -> Result<Self, QuarantineError> {
        let malformed =
            |detail: &dyn std::fmt::Display| QuarantineError::Malformed { detail: detail.to_string() };
        let text = || str::from_utf8(blocked.json).map_err(|error| malformed(&error));
        let (body, originals) = match blocked.form {
            Form::Message => {
                let record: Record<'_> =
                    serde_json::from_slice(blocked.json).map_err(|error| malformed(&category(&error)))?;
                (record.body.into_owned(), record.message_attributes.unwrap_or_default())
            }
            Form::Record => (format!("{{\"Records\":[{}]}}", text()?), BTreeMap::new()),
            Form::Payload => (text()?.to_owned(), BTreeMap::new()),
        };
        let mut message =
            Self { bytes: body.len(), body, attributes: HashMap::new(), group: None, deduplication: None };
        for (name, original) in originals {
            let value = original.rebuild().map_err(|detail| malformed(&detail))?;
            message.set(&name, value);
        }
        if message.bytes > MAX_BYTES {
            return Err(QuarantineError::TooLarge { bytes: message.bytes });
        }
        message.describe("hopguard", blocked.token);
        message.describe("hopguard-reason", &reason_value(&blocked.reason));
        message.describe("hopguard-source", blocked.source);
        if fifo {
            message.group = Some(
                blocked
                    .group
                    .filter(|group| !group.is_empty())
                    .map_or_else(|| blocked.chain.to_string(), str::to_owned),
            );
            message.deduplication = Some(deduplication(blocked));
        }
        Ok(message)
    }

    /// The attributes, or `None` where there are none.
    pub(super) fn attributes(&self) -> Option<HashMap<String, MessageAttributeValue>> {
        (!self.attributes.is_empty()).then(|| self.attributes.clone())
    }

    /// Adds an attribute of ours, as far as the limits go: what the record brought comes first.
    fn describe(&mut self, name: &str, value: &str) {
        let slot = self.attributes.contains_key(name) || self.attributes.len() < MAX_ATTRIBUTES;
        let bytes = name.len() + "String".len() + value.len();
        if value.is_empty() || !slot || self.bytes + bytes > MAX_BYTES {
            return;
        }
        let value = MessageAttributeValue::builder().data_type("String").string_value(value).build();
        if let Ok(value) = value {
            self.set(name, value);
        }
    }

    fn set(&mut self, name: &str, value: MessageAttributeValue) {
        self.bytes += size(name, &value);
        if let Some(before) = self.attributes.insert(name.to_owned(), value) {
            self.bytes -= size(name, &before);
        }
    }
}

impl Attribute<'_> {
    /// The attribute as it was sent. The type's part before a dot says which value counts.
    fn rebuild(self) -> Result<MessageAttributeValue, &'static str> {
        let builder = MessageAttributeValue::builder();
        let is_binary = self.data_type.split('.').next() == Some("Binary");
        let builder = match (is_binary, self.string_value, self.binary_value) {
            (true, _, Some(value)) => {
                let bytes = base64::decode(&*value).map_err(|_| "a binary attribute is not in base64")?;
                builder.binary_value(Blob::new(bytes))
            }
            (false, Some(value), _) => builder.string_value(value),
            _ => return Err("a message attribute has no value of its type"),
        };
        builder.data_type(self.data_type).build().map_err(|_| "a message attribute has no type")
    }
}

fn size(name: &str, value: &MessageAttributeValue) -> usize {
    let text = value.string_value.as_ref().map_or(0, String::len);
    let binary = value.binary_value.as_ref().map_or(0, |blob| blob.as_ref().len());
    name.len() + value.data_type.len() + text + binary
}

/// The same for every move of one record, so that a redelivered one is not there twice.
fn deduplication(blocked: &Blocked<'_>) -> String {
    match blocked.id {
        Some(id) => ChainId::derived(blocked.source, id.as_bytes()),
        None => ChainId::derived(blocked.source, blocked.json),
    }
    .to_string()
}

/// What is wrong, without the words of serde_json, which may quote the record.
fn category(error: &serde_json::Error) -> String {
    format!("{:?} error at line {} column {}", error.classify(), error.line(), error.column())
}
