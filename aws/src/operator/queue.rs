use std::collections::HashMap;

use aws_sdk_sqs::types::QueueAttributeName;

use super::{Operator, OperatorError};

const GET_URL: &str = "sqs:GetQueueUrl";
const GET: &str = "sqs:GetQueueAttributes";
const CREATE: &str = "sqs:CreateQueue";
/// Fourteen days, the longest that SQS keeps a message.
const RETENTION_S: &str = "1209600";

/// A queue, and what waits in it. SQS counts approximately.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Queue {
    /// Its URL.
    pub url: String,
    /// Its ARN.
    pub arn: String,
    /// Messages that could be received now.
    pub visible: u64,
    /// Messages that somebody received and has not deleted yet.
    pub in_flight: u64,
    /// Messages that are delayed.
    pub delayed: u64,
    /// The ARN of the queue that takes what nobody could process.
    pub dead_letters: Option<String>,
    /// The KMS key that it is encrypted with, where it is not SQS's own.
    pub key: Option<String>,
}

impl Queue {
    /// Every message in it.
    pub const fn messages(&self) -> u64 {
        self.visible.saturating_add(self.in_flight).saturating_add(self.delayed)
    }
}

impl Operator {
    /// The queue with this ARN.
    ///
    /// # Errors
    /// [`OperatorError`].
    pub async fn queue_by_arn(&self, arn: &str) -> Result<Queue, OperatorError> {
        let mut parts = arn.split(':').skip(4);
        let (owner, name) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        let url = self.queue_url(name, Some(owner)).await?;
        self.queue(&url).await
    }

    /// The URL of a queue by its name.
    ///
    /// # Errors
    /// [`OperatorError`].
    pub async fn queue_url(&self, name: &str, owner: Option<&str>) -> Result<String, OperatorError> {
        let sqs = self.clients.sqs().await;
        let owner = owner.map(str::to_owned);
        let call =
            || sqs.get_queue_url().queue_name(name).set_queue_owner_aws_account_id(owner.clone()).send();
        let answer = self.ask(GET_URL, &format!("queue {name}"), call).await.map_err(no_queue);
        Ok(answer?.queue_url.unwrap_or_default())
    }

    /// The queue with this URL.
    ///
    /// # Errors
    /// [`OperatorError`].
    pub async fn queue(&self, url: &str) -> Result<Queue, OperatorError> {
        let sqs = self.clients.sqs().await;
        let call =
            || sqs.get_queue_attributes().queue_url(url).attribute_names(QueueAttributeName::All).send();
        let answer = self.ask(GET, url, call).await.map_err(no_queue)?;
        Ok(read(url, &answer.attributes.unwrap_or_default()))
    }

    /// Creates a queue for blocked records, encrypted with SQS's own key, which keeps them for 14 days.
    ///
    /// # Errors
    /// [`OperatorError`].
    pub async fn create_quarantine(&self, name: &str) -> Result<String, OperatorError> {
        let sqs = self.clients.sqs().await;
        let mut attributes = HashMap::from([
            (QueueAttributeName::MessageRetentionPeriod, RETENTION_S.to_owned()),
            (QueueAttributeName::SqsManagedSseEnabled, "true".to_owned()),
        ]);
        if name.ends_with(".fifo") {
            attributes.insert(QueueAttributeName::FifoQueue, "true".to_owned());
        }
        let call = || sqs.create_queue().queue_name(name).set_attributes(Some(attributes.clone())).send();
        let answer = self.ask(CREATE, &format!("queue {name}"), call).await?;
        Ok(answer.queue_url.unwrap_or_default())
    }
}

/// SQS says 400 of a queue that does not exist.
fn no_queue(error: OperatorError) -> OperatorError {
    match error {
        OperatorError::Other { action, subject, detail }
            if detail.contains("NonExistentQueue") || detail.contains("QueueDoesNotExist") =>
        {
            OperatorError::NotFound { action, subject, detail }
        }
        other => other,
    }
}

fn read(url: &str, attributes: &HashMap<QueueAttributeName, String>) -> Queue {
    let text = |name: &QueueAttributeName| attributes.get(name).filter(|value| !value.is_empty()).cloned();
    let number = |name| text(&name).and_then(|value| value.parse().ok()).unwrap_or_default();
    let redrive = text(&QueueAttributeName::RedrivePolicy)
        .and_then(|policy| serde_json::from_str::<serde_json::Value>(&policy).ok());
    Queue {
        url: url.to_owned(),
        arn: text(&QueueAttributeName::QueueArn).unwrap_or_default(),
        visible: number(QueueAttributeName::ApproximateNumberOfMessages),
        in_flight: number(QueueAttributeName::ApproximateNumberOfMessagesNotVisible),
        delayed: number(QueueAttributeName::ApproximateNumberOfMessagesDelayed),
        dead_letters: redrive
            .as_ref()
            .and_then(|policy| policy.get("deadLetterTargetArn")?.as_str().map(str::to_owned)),
        key: text(&QueueAttributeName::KmsMasterKeyId),
    }
}
