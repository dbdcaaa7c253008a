//! A topic on the cloud, and who hears it.

use std::collections::HashMap;

use anyhow::{Context as _, Result, bail};
use aws_sdk_sns::types::MessageAttributeValue;

use crate::{cloud::Cloud, message::Draft, queue::Queue, target::Target};

/// A topic. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Topic {
    sns: aws_sdk_sns::Client,
    arn: String,
}

impl Topic {
    pub(crate) async fn create(cloud: &Cloud, name: &str) -> Result<Self> {
        let sns = cloud.sns();
        let created = sns.create_topic().name(name).send().await;
        let created = created.with_context(|| format!("cannot create topic {name}"))?;
        Ok(Self {
            sns: sns.clone(),
            arn: created.topic_arn.with_context(|| format!("topic {name} has no ARN"))?,
        })
    }

    /// Its ARN, which a publisher needs.
    #[must_use]
    pub fn arn(&self) -> &str {
        &self.arn
    }

    /// Delivers to a function, or to a queue in SNS's envelope.
    ///
    /// # Errors
    /// What SNS answers, and where the target is a topic.
    pub async fn subscribe(&self, target: impl Into<Target>) -> Result<()> {
        self.add(&target.into(), false).await
    }

    /// Delivers to a queue without the envelope: message attributes become attributes of the queue's message.
    ///
    /// # Errors
    /// What SNS answers.
    pub async fn subscribe_raw(&self, queue: &Queue) -> Result<()> {
        self.add(&queue.into(), true).await
    }

    /// Publishes a message and returns its id.
    ///
    /// # Errors
    /// What SNS answers.
    pub async fn publish(&self, message: impl Into<Draft>) -> Result<String> {
        let draft = message.into();
        let mut attributes = HashMap::new();
        for (name, value) in draft.attributes {
            let attribute = MessageAttributeValue::builder().data_type("String").string_value(value).build();
            attributes.insert(name, attribute.context("an attribute is incomplete")?);
        }
        let call = self.sns.publish().topic_arn(&self.arn).message(draft.body);
        let sent = call
            .set_message_attributes(Some(attributes))
            .set_message_group_id(draft.group)
            .send()
            .await
            .with_context(|| format!("cannot publish to {}", self.arn))?;
        sent.message_id.context("the message has no id")
    }

    async fn add(&self, target: &Target, raw: bool) -> Result<()> {
        let protocol = match target {
            Target::Function(_) => "lambda",
            Target::Queue(_) => "sqs",
            Target::Topic(arn) => bail!("a topic cannot be subscribed to a topic: {arn}"),
        };
        let call = self.sns.subscribe().topic_arn(&self.arn).protocol(protocol).endpoint(target.arn());
        call.attributes("RawMessageDelivery", raw.to_string())
            .send()
            .await
            .with_context(|| format!("cannot subscribe {} to {}", target.arn(), self.arn))?;
        Ok(())
    }
}
