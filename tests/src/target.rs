//! What a notification, a subscription or a destination can point at.

use crate::{function::Function, queue::Queue, topic::Topic};

/// A resource by its ARN and kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A Lambda function.
    Function(String),
    /// An SQS queue.
    Queue(String),
    /// An SNS topic.
    Topic(String),
}

impl Target {
    /// The ARN, whatever the kind.
    #[must_use]
    pub fn arn(&self) -> &str {
        match self {
            Self::Function(arn) | Self::Queue(arn) | Self::Topic(arn) => arn,
        }
    }
}

impl From<&Function> for Target {
    fn from(function: &Function) -> Self {
        Self::Function(function.arn().to_owned())
    }
}

impl From<&Queue> for Target {
    fn from(queue: &Queue) -> Self {
        Self::Queue(queue.arn().to_owned())
    }
}

impl From<&Topic> for Target {
    fn from(topic: &Topic) -> Self {
        Self::Topic(topic.arn().to_owned())
    }
}
