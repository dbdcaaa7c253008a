//! Messages, as they are sent and as a queue holds them.

use std::collections::HashMap;

use anyhow::{Context as _, Result};
use serde_json::Value;

/// A message to send to a queue or to publish to a topic. A plain text is a draft without attributes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Draft {
    pub(crate) body: String,
    pub(crate) attributes: Vec<(String, String)>,
    pub(crate) group: Option<String>,
    pub(crate) trace_header: Option<String>,
}

/// One message of a queue, with everything that came with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Its id, the same at every delivery.
    pub id: String,
    /// Its body, to the byte.
    pub body: String,
    /// Its String and Number attributes; a Binary one is its Base64 text.
    pub attributes: HashMap<String, String>,
    /// What the queue knows: `SentTimestamp`, `AWSTraceHeader`, and so on.
    pub system: HashMap<String, String>,
    /// How often it was received before, this time included where it was received.
    pub receive_count: u32,
    /// Its group, in a FIFO queue.
    pub group: Option<String>,
}

impl Draft {
    /// A message without attributes.
    #[must_use]
    pub fn new(body: impl Into<String>) -> Self {
        Self { body: body.into(), ..Self::default() }
    }

    /// Adds a String attribute.
    #[must_use]
    pub fn attribute(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.attributes.push((name.into(), value.into()));
        self
    }

    /// Its group, for a FIFO queue or topic; there, a message that names none is in one group with all such.
    #[must_use]
    pub fn group(mut self, group: impl Into<String>) -> Self {
        self.group = Some(group.into());
        self
    }

    /// The system attribute `AWSTraceHeader`, which counts among no limit. Queues only.
    #[must_use]
    pub fn trace_header(mut self, value: impl Into<String>) -> Self {
        self.trace_header = Some(value.into());
        self
    }
}

impl<T: Into<String>> From<T> for Draft {
    fn from(body: T) -> Self {
        Self::new(body)
    }
}

impl Message {
    /// The body as JSON.
    ///
    /// # Errors
    /// Where it is none.
    pub fn json(&self) -> Result<Value> {
        serde_json::from_str(&self.body).with_context(|| format!("the body is not JSON: {}", self.body))
    }

    /// From what `/_ministack/sqs/messages` shows, which receives nothing.
    pub(crate) fn peeked(shown: &Value) -> Option<Self> {
        let text = |key: &str| shown.get(key).and_then(Value::as_str).map(str::to_owned);
        let map = |key: &str| shown.get(key).and_then(Value::as_object).into_iter().flatten();
        let value = |attribute: &Value| {
            let text =
                attribute.get("StringValue").or_else(|| attribute.get("BinaryValue")).unwrap_or(attribute);
            text.as_str().map(str::to_owned)
        };
        Some(Self {
            id: text("MessageId")?,
            body: text("Body")?,
            attributes: map("MessageAttributes")
                .filter_map(|(name, held)| Some((name.clone(), value(held)?)))
                .collect(),
            system: map("Attributes").filter_map(|(name, held)| Some((name.clone(), value(held)?))).collect(),
            receive_count: shown
                .get("ReceiveCount")
                .and_then(Value::as_u64)
                .and_then(|count| u32::try_from(count).ok())
                .unwrap_or_default(),
            group: text("MessageGroupId"),
        })
    }
}
