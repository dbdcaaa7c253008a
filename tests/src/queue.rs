//! A queue on the cloud.

use std::{
    collections::HashMap,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use anyhow::{Context as _, Result, bail};
use aws_sdk_sqs::types::{
    MessageAttributeValue, MessageSystemAttributeName, MessageSystemAttributeNameForSends,
    MessageSystemAttributeValue, QueueAttributeName, SendMessageBatchRequestEntry,
};
use serde_json::{Value, json};

use crate::{
    cloud::Cloud,
    eventually::eventually,
    http,
    message::{Draft, Message},
};

/// A queue to create, from [`Cloud::queue`].
#[derive(Debug)]
pub struct Builder<'a> {
    cloud: &'a Cloud,
    name: String,
    attributes: HashMap<QueueAttributeName, String>,
}

/// A queue. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Queue {
    sqs: aws_sdk_sqs::Client,
    port: u16,
    name: String,
    url: String,
    arn: String,
}

/// How many messages a queue holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Depth {
    /// Those that a receiver would get now.
    pub visible: usize,
    /// Those that were received and not deleted yet.
    pub in_flight: usize,
}

impl<'a> Builder<'a> {
    pub(crate) fn new(cloud: &'a Cloud, name: &str) -> Self {
        Self { cloud, name: name.to_owned(), attributes: HashMap::new() }
    }

    /// Makes it a FIFO queue; its name gets the ending that such a queue must have.
    #[must_use]
    pub fn fifo(mut self) -> Self {
        if !self.name.ends_with(".fifo") {
            self.name.push_str(".fifo");
        }
        self.attributes.insert(QueueAttributeName::FifoQueue, "true".to_owned());
        self
    }

    /// After how many whole seconds a message that was received and not deleted comes back; 30 by default.
    #[must_use]
    pub fn visibility(mut self, timeout: Duration) -> Self {
        self.attributes.insert(QueueAttributeName::VisibilityTimeout, timeout.as_secs().to_string());
        self
    }

    /// Where a message goes that was received `receives` times in vain.
    #[must_use]
    pub fn redrive(mut self, dead_letters: &Queue, receives: u32) -> Self {
        let policy =
            json!({"deadLetterTargetArn": dead_letters.arn, "maxReceiveCount": receives.to_string()});
        self.attributes.insert(QueueAttributeName::RedrivePolicy, policy.to_string());
        self
    }

    /// Creates the queue.
    ///
    /// # Errors
    /// What SQS answers.
    pub async fn create(self) -> Result<Queue> {
        let sqs = self.cloud.sqs();
        let created = sqs
            .create_queue()
            .queue_name(&self.name)
            .set_attributes(Some(self.attributes))
            .send()
            .await
            .with_context(|| format!("cannot create queue {}", self.name))?;
        Ok(Queue {
            sqs: sqs.clone(),
            port: self.cloud.port(),
            url: created.queue_url.with_context(|| format!("queue {} has no URL", self.name))?,
            arn: format!("arn:aws:sqs:{}:{}:{}", Cloud::REGION, Cloud::ACCOUNT, self.name),
            name: self.name,
        })
    }
}

impl Queue {
    pub(crate) fn at(cloud: &Cloud, url: &str) -> Self {
        let name = url.rsplit('/').next().unwrap_or_default().to_owned();
        Self {
            sqs: cloud.sqs().clone(),
            port: cloud.port(),
            url: url.to_owned(),
            arn: format!("arn:aws:sqs:{}:{}:{name}", Cloud::REGION, Cloud::ACCOUNT),
            name,
        }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its address, which a sender needs.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Its ARN.
    #[must_use]
    pub fn arn(&self) -> &str {
        &self.arn
    }

    /// Sends one message and returns its id.
    ///
    /// # Errors
    /// What SQS answers.
    pub async fn send(&self, message: impl Into<Draft>) -> Result<String> {
        let draft = message.into();
        let sent = self
            .sqs
            .send_message()
            .queue_url(&self.url)
            .set_message_attributes(Some(attributes(&draft)?))
            .set_message_system_attributes(Some(system_attributes(&draft)?))
            .set_message_group_id(self.group(&draft))
            .set_message_deduplication_id(self.is_fifo().then(unique))
            .message_body(draft.body)
            .send()
            .await
            .with_context(|| format!("cannot send to {}", self.name))?;
        sent.message_id.context("the message has no id")
    }

    /// Sends up to 10 messages in one call.
    ///
    /// # Errors
    /// What SQS answers, and where it refused one of them.
    pub async fn send_batch(&self, messages: impl IntoIterator<Item = Draft>) -> Result<()> {
        let entries = messages.into_iter().enumerate().map(|(index, draft)| {
            SendMessageBatchRequestEntry::builder()
                .id(index.to_string())
                .set_message_attributes(Some(attributes(&draft)?))
                .set_message_system_attributes(Some(system_attributes(&draft)?))
                .set_message_group_id(self.group(&draft))
                .set_message_deduplication_id(self.is_fifo().then(unique))
                .message_body(draft.body)
                .build()
                .context("an entry is incomplete")
        });
        let entries = entries.collect::<Result<Vec<_>>>()?;
        let call = self.sqs.send_message_batch().queue_url(&self.url).set_entries(Some(entries));
        let sent = call.send().await.with_context(|| format!("cannot send to {}", self.name))?;
        if let Some(refused) = sent.failed.first() {
            bail!("{} refused entry {}: {:?}", self.name, refused.id, refused.message);
        }
        Ok(())
    }

    /// All its messages, those in flight too, without receiving any: nothing becomes invisible, no count rises.
    ///
    /// # Errors
    /// Where the cloud is gone.
    pub async fn peek(&self) -> Result<Vec<Message>> {
        Ok(self.shown().await?.iter().filter_map(Message::peeked).collect())
    }

    /// How many messages it holds.
    ///
    /// # Errors
    /// Where the cloud is gone.
    pub async fn depth(&self) -> Result<Depth> {
        let shown = self.shown().await?;
        let visible = shown.iter().filter(|held| held.get("IsVisible") == Some(&Value::Bool(true))).count();
        Ok(Depth { visible, in_flight: shown.len() - visible })
    }

    /// Receives and deletes messages until there is none, as a person would who takes them out. Messages in flight and
    /// delayed ones stay.
    ///
    /// # Errors
    /// What SQS answers.
    pub async fn drain(&self) -> Result<Vec<Message>> {
        let mut drained = Vec::new();
        loop {
            let received = self
                .sqs
                .receive_message()
                .queue_url(&self.url)
                .max_number_of_messages(10)
                .message_system_attribute_names(MessageSystemAttributeName::All)
                .message_attribute_names("All")
                .send()
                .await
                .with_context(|| format!("cannot receive from {}", self.name))?;
            let Some(messages) = received.messages.filter(|messages| !messages.is_empty()) else {
                return Ok(drained);
            };
            for message in messages {
                let handle = message.receipt_handle.clone().context("a message has no receipt handle")?;
                self.sqs.delete_message().queue_url(&self.url).receipt_handle(handle).send().await?;
                drained.push(received_message(message)?);
            }
        }
    }

    /// Waits until it holds `count` messages or more, and shows them as [`Queue::peek`] does.
    ///
    /// # Errors
    /// Where it holds fewer after `within`.
    pub async fn holds(&self, count: usize, within: Duration) -> Result<Vec<Message>> {
        eventually(&format!("{count} messages in {}", self.name), within, async || {
            let held = self.peek().await?;
            Ok((held.len() >= count).then_some(held))
        })
        .await
    }

    fn group(&self, draft: &Draft) -> Option<String> {
        draft.group.clone().or_else(|| self.is_fifo().then(|| "group".to_owned()))
    }

    fn is_fifo(&self) -> bool {
        self.name.ends_with(".fifo")
    }

    async fn shown(&self) -> Result<Vec<Value>> {
        let path = format!("/_ministack/sqs/messages?QueueUrl={}", self.url);
        let answer = http::Request::get(&path).send(self.port).await?;
        let queues = answer.pointer(&format!("/messages/{}/{}", Cloud::ACCOUNT, Cloud::REGION));
        let held = queues.and_then(Value::as_object).and_then(|queues| queues.values().next());
        Ok(held.and_then(Value::as_array).cloned().unwrap_or_default())
    }
}

fn attributes(draft: &Draft) -> Result<HashMap<String, MessageAttributeValue>> {
    let attribute =
        |value: &String| MessageAttributeValue::builder().data_type("String").string_value(value).build();
    let typed = draft.attributes.iter().map(|(name, value)| Ok((name.clone(), attribute(value)?)));
    typed.collect::<Result<_>>().context("an attribute is incomplete")
}

fn system_attributes(
    draft: &Draft,
) -> Result<HashMap<MessageSystemAttributeNameForSends, MessageSystemAttributeValue>> {
    let Some(header) = &draft.trace_header else { return Ok(HashMap::new()) };
    let value = MessageSystemAttributeValue::builder().data_type("String").string_value(header).build()?;
    Ok(HashMap::from([(MessageSystemAttributeNameForSends::AwsTraceHeader, value)]))
}

fn unique() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    format!("testbed-{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

fn received_message(message: aws_sdk_sqs::types::Message) -> Result<Message> {
    let system = message.attributes.unwrap_or_default();
    let system: HashMap<_, _> =
        system.into_iter().map(|(name, value)| (name.as_str().to_owned(), value)).collect();
    let attributes = message.message_attributes.unwrap_or_default();
    Ok(Message {
        id: message.message_id.context("a message has no id")?,
        body: message.body.context("a message has no body")?,
        attributes: attributes
            .into_iter()
            .filter_map(|(name, value)| Some((name, value.string_value?)))
            .collect(),
        receive_count: system
            .get("ApproximateReceiveCount")
            .and_then(|count| count.parse().ok())
            .unwrap_or_default(),
        group: system.get("MessageGroupId").cloned(),
        system,
    })
}
