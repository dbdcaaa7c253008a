//! What the tests' own function does with what it gets.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The behaviour of the program `function`, and of the functions for Python and Node.js in `functions/`: handed to them as JSON in
/// the environment variable [`Plan::VARIABLE`].
///
/// For each record the function tells the witness of a run, waits, sends, and fails if it is told to. A record whose text is
/// JSON with `"stop": true`, or an object whose key contains `stop`, is not sent on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Plan {
    /// Runs without hopguard, as the same function would without it.
    pub unguarded: bool,
    /// Runs each record in a scope of its own (`Guard::each`), and answers with the failures among them.
    pub each: bool,
    /// What is sent for each record.
    pub sends: Vec<Send>,
    /// Fails a record's first deliveries, so many of them.
    pub fail_first: u32,
    /// Waits so long before it sends.
    pub wait_ms: u64,
}

/// One send for each record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Send {
    /// Messages to the queue with this URL.
    Queue {
        /// The queue.
        url: String,
        /// How many messages.
        copies: usize,
        /// In one SendMessageBatch.
        batch: bool,
    },
    /// Messages to the topic with this ARN.
    Topic {
        /// The topic.
        arn: String,
        /// How many messages.
        copies: usize,
        /// In one PublishBatch.
        batch: bool,
    },
    /// Messages with attributes of the user's own: by SendMessage or Publish where it is one, else by SendMessageBatch or PublishBatch.
    Dressed {
        /// The URL of a queue or the ARN of a topic.
        target: String,
        /// The messages, each with its attributes.
        messages: Vec<Dress>,
    },
    /// A new object.
    Object {
        /// The bucket.
        bucket: String,
        /// What its key begins with.
        prefix: String,
    },
    /// A copy of the object that the record names, as CopyObject makes it by default: with its metadata.
    Copy {
        /// The bucket, the same as the source's.
        bucket: String,
        /// What the copy's key begins with.
        prefix: String,
    },
    /// An invocation of the function with this name.
    Invoke {
        /// The function.
        function: String,
        /// Whether to wait for its answer.
        synchronous: bool,
    },
    /// An event to the bus with this name. The functions in `functions/` can, the Rust one cannot.
    Bus {
        /// The bus; every account has one called `default`.
        bus: String,
    },
    /// A record to the Kinesis stream with this name. As for the rest: the functions in `functions/` only.
    Stream {
        /// The stream.
        stream: String,
    },
    /// A copy of the item under a new key, in the DynamoDB table with this name.
    Item {
        /// The table.
        table: String,
    },
}

/// The message attributes that a function itself gives to one message.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dress {
    /// All attributes of the record in hand, as a forwarder takes them along.
    pub copied: bool,
    /// Attributes of its own.
    pub attributes: BTreeMap<String, String>,
}

impl Plan {
    /// The environment variable.
    pub const VARIABLE: &'static str = "PLAN";

    /// The plan as JSON.
    #[must_use]
    pub fn text(&self) -> String {
        serde_json::to_value(self).map(|plan| plan.to_string()).unwrap_or_default()
    }

    /// A function that sends one message on for each that it gets, in a scope of its own.
    #[must_use]
    pub fn forward(send: Send) -> Self {
        Self { each: true, sends: vec![send], ..Self::default() }
    }
}

impl Send {
    /// One message to a queue.
    #[must_use]
    pub fn queue(url: &str) -> Self {
        Self::Queue { url: url.to_owned(), copies: 1, batch: false }
    }

    /// One message to a topic.
    #[must_use]
    pub fn topic(arn: &str) -> Self {
        Self::Topic { arn: arn.to_owned(), copies: 1, batch: false }
    }
}

impl Dress {
    /// So many attributes with names that mean nothing to anybody.
    #[must_use]
    pub fn own(attributes: usize) -> Self {
        let attributes = (0..attributes).map(|nth| (format!("own-{nth}"), format!("value {nth}")));
        Self { copied: false, attributes: attributes.collect() }
    }

    /// One attribute more.
    #[must_use]
    pub fn and(mut self, name: &str, text: &str) -> Self {
        self.attributes.insert(name.to_owned(), text.to_owned());
        self
    }
}

/// Whether a line of the witness is a handler's run of a record, by this function.
#[must_use]
pub fn is_run(line: &Value, function: &str) -> bool {
    line.get("kind").is_some_and(|kind| kind == "run")
        && line.get("function").is_some_and(|name| name == function)
}
