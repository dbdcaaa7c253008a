//! What a function sends for each record.

use std::{
    collections::HashMap,
    sync::atomic::{AtomicU64, Ordering},
};

use anyhow::{Context as _, Result, bail};
use aws_config::SdkConfig;
use aws_sdk_lambda::types::InvocationType;
use aws_sdk_sns::types::{MessageAttributeValue as TopicAttribute, PublishBatchRequestEntry};
use aws_sdk_sqs::types::{MessageAttributeValue as QueueAttribute, SendMessageBatchRequestEntry};
use hopguard::Guard;
use hopguard_tests::{Dress, Send};

use crate::item::Item;

/// The clients of a function, with the guard's interceptor or without.
pub(crate) struct Sender {
    name: String,
    sqs: aws_sdk_sqs::Client,
    sns: aws_sdk_sns::Client,
    s3: aws_sdk_s3::Client,
    lambda: aws_sdk_lambda::Client,
    sent: AtomicU64,
}

impl Sender {
    pub(crate) fn new(name: &str, config: &SdkConfig, guard: Option<&Guard>) -> Self {
        let mut sqs = aws_sdk_sqs::config::Builder::from(config);
        let mut sns = aws_sdk_sns::config::Builder::from(config);
        let mut s3 = aws_sdk_s3::config::Builder::from(config).force_path_style(true);
        let mut lambda = aws_sdk_lambda::config::Builder::from(config);
        if let Some(guard) = guard {
            sqs = sqs.interceptor(guard.propagator());
            sns = sns.interceptor(guard.propagator());
            s3 = s3.interceptor(guard.propagator());
            lambda = lambda.interceptor(guard.propagator());
        }
        Self {
            name: name.to_owned(),
            sqs: aws_sdk_sqs::Client::from_conf(sqs.build()),
            sns: aws_sdk_sns::Client::from_conf(sns.build()),
            s3: aws_sdk_s3::Client::from_conf(s3.build()),
            lambda: aws_sdk_lambda::Client::from_conf(lambda.build()),
            sent: AtomicU64::new(0),
        }
    }

    pub(crate) async fn send(&self, send: &Send, item: &Item) -> Result<()> {
        match send {
            Send::Queue { url, copies, batch: true } => {
                self.enqueue_batch(url, item, &vec![Dress::default(); *copies]).await
            }
            Send::Queue { url, copies, batch: false } => {
                for _ in 0..*copies {
                    self.enqueue(url, item, &Dress::default()).await?;
                }
                Ok(())
            }
            Send::Topic { arn, copies, batch: true } => {
                self.publish_batch(arn, item, &vec![Dress::default(); *copies]).await
            }
            Send::Topic { arn, copies, batch: false } => {
                for _ in 0..*copies {
                    self.publish(arn, item, &Dress::default()).await?;
                }
                Ok(())
            }
            Send::Dressed { target, messages } => match (target.starts_with("arn:"), messages.as_slice()) {
                (true, [one]) => self.publish(target, item, one).await,
                (true, several) => self.publish_batch(target, item, several).await,
                (false, [one]) => self.enqueue(target, item, one).await,
                (false, several) => self.enqueue_batch(target, item, several).await,
            },
            Send::Object { bucket, prefix } => {
                let body = item.text.clone().into_bytes().into();
                let key = format!("{prefix}{}", self.unique());
                self.s3.put_object().bucket(bucket).key(key).body(body).send().await?;
                Ok(())
            }
            Send::Copy { bucket, prefix } => {
                let source = item.key.as_deref().context("the record names no object")?;
                let key = format!("{prefix}{}", self.unique());
                let copy = self.s3.copy_object().bucket(bucket).key(key);
                copy.copy_source(format!("{bucket}/{source}")).send().await?;
                Ok(())
            }
            Send::Invoke { function, synchronous } => self.invoke(function, *synchronous, item).await,
            Send::Bus { bus: to } | Send::Stream { stream: to } | Send::Item { table: to } => {
                bail!("this function has no client for that, and cannot send to {to}")
            }
        }
    }

    async fn enqueue(&self, url: &str, item: &Item, dress: &Dress) -> Result<()> {
        let group = group(url, item);
        let once = group.as_ref().map(|_| self.unique());
        let message = self.sqs.send_message().queue_url(url).message_body(&item.text);
        let message = message.set_message_group_id(group).set_message_deduplication_id(once);
        message.set_message_attributes(queue_attributes(dress, item)?).send().await?;
        Ok(())
    }

    async fn enqueue_batch(&self, url: &str, item: &Item, messages: &[Dress]) -> Result<()> {
        let entry = |(place, dress): (usize, &Dress)| -> Result<_> {
            let group = group(url, item);
            let once = group.as_ref().map(|_| self.unique());
            let entry =
                SendMessageBatchRequestEntry::builder().id(format!("m{place}")).message_body(&item.text);
            let entry = entry.set_message_group_id(group).set_message_deduplication_id(once);
            Ok(entry.set_message_attributes(queue_attributes(dress, item)?).build()?)
        };
        let entries = messages.iter().enumerate().map(entry).collect::<Result<Vec<_>>>()?;
        let sent = self.sqs.send_message_batch().queue_url(url).set_entries(Some(entries)).send().await?;
        refused(sent.failed().len())
    }

    async fn publish(&self, arn: &str, item: &Item, dress: &Dress) -> Result<()> {
        let message = self.sns.publish().topic_arn(arn).message(&item.text);
        message.set_message_attributes(topic_attributes(dress, item)?).send().await?;
        Ok(())
    }

    async fn publish_batch(&self, arn: &str, item: &Item, messages: &[Dress]) -> Result<()> {
        let entry = |(place, dress): (usize, &Dress)| -> Result<_> {
            let entry = PublishBatchRequestEntry::builder().id(format!("m{place}")).message(&item.text);
            Ok(entry.set_message_attributes(topic_attributes(dress, item)?).build()?)
        };
        let entries = messages.iter().enumerate().map(entry).collect::<Result<Vec<_>>>()?;
        let batch = self.sns.publish_batch().topic_arn(arn).set_publish_batch_request_entries(Some(entries));
        refused(batch.send().await?.failed().len())
    }

    async fn invoke(&self, function: &str, synchronous: bool, item: &Item) -> Result<()> {
        let kind = if synchronous { InvocationType::RequestResponse } else { InvocationType::Event };
        let invoke = self.lambda.invoke().function_name(function).invocation_type(kind);
        let answer = invoke.payload(item.text.clone().into_bytes().into()).send().await?;
        if answer.function_error().is_some() {
            let payload = answer.payload().map_or(&[][..], AsRef::as_ref);
            bail!("{function} failed: {}", String::from_utf8_lossy(payload));
        }
        Ok(())
    }

    /// A name that no other send of any process of this function has.
    fn unique(&self) -> String {
        let nth = self.sent.fetch_add(1, Ordering::Relaxed);
        format!("{}-{nth}-{}", self.name, std::process::id())
    }
}

/// To a FIFO queue a record goes on in its own group.
fn group(url: &str, item: &Item) -> Option<String> {
    url.ends_with(".fifo").then(|| item.group.clone().unwrap_or_else(|| "g".to_owned()))
}

fn refused(entries: usize) -> Result<()> {
    match entries {
        0 => Ok(()),
        _ => bail!("{entries} entries of a batch were refused"),
    }
}

/// `None` where there are none, as a caller leaves the field out that has nothing to say there.
fn dressed<A>(
    dress: &Dress,
    item: &Item,
    typed: impl Fn(String) -> Result<A>,
) -> Result<Option<HashMap<String, A>>> {
    let copied = item.attributes.iter().filter(|_| dress.copied);
    let own = copied.chain(&dress.attributes).map(|(name, text)| Ok((name.clone(), typed(text.clone())?)));
    let own: HashMap<String, A> = own.collect::<Result<_>>()?;
    Ok((!own.is_empty()).then_some(own))
}

fn queue_attributes(dress: &Dress, item: &Item) -> Result<Option<HashMap<String, QueueAttribute>>> {
    dressed(dress, item, |text| {
        Ok(QueueAttribute::builder().data_type("String").string_value(text).build()?)
    })
}

fn topic_attributes(dress: &Dress, item: &Item) -> Result<Option<HashMap<String, TopicAttribute>>> {
    dressed(dress, item, |text| {
        Ok(TopicAttribute::builder().data_type("String").string_value(text).build()?)
    })
}
