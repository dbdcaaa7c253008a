use crate::failure::{Failure, Kind};
use crate::quarantine::message::MAX_BYTES;

/// A record could not be moved to the quarantine queue.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum QuarantineError {
    /// The record is larger than SQS or the queue takes.
    #[error("the record makes a message of {bytes} bytes; SQS takes {MAX_BYTES}, and a queue may take less")]
    TooLarge {
        /// The message's size, attributes included.
        bytes: usize,
    },
    /// The record is not what its source sends.
    #[error("the record is not of the form that its source sends: {detail}")]
    Malformed {
        /// What is wrong with it; never its content.
        detail: String,
    },
    /// The execution role lacks a permission.
    #[error("{missing} is missing for the quarantine queue ({detail})")]
    Denied {
        /// The IAM action.
        missing: &'static str,
        /// What SQS answered.
        detail: String,
    },
    /// There is no such queue.
    #[error(
        "the quarantine queue does not exist in this account and Region: correct HOPGUARD_QUARANTINE ({detail})"
    )]
    NoQueue {
        /// What SQS answered.
        detail: String,
    },
    /// No answer in time. The record may be in the queue.
    #[error("SQS did not answer in time")]
    OutOfTime,
    /// Another error.
    #[error("SQS did not take the record: {detail}")]
    Other {
        /// What SQS answered.
        detail: String,
    },
}

impl QuarantineError {
    pub(super) fn of(failure: &Failure, bytes: usize) -> Self {
        let missing_queue = ["QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue"];
        let Failure { kind, detail, .. } = failure;
        let detail = detail.clone();
        if failure.is_code(&missing_queue) {
            return Self::NoQueue { detail };
        }
        match kind {
            Kind::Denied => Self::Denied { missing: permission(failure.code.as_deref()), detail },
            Kind::OutOfTime => Self::OutOfTime,
            _ if detail.contains("must be shorter than") || failure.is_code(&["MessageTooLong"]) => {
                Self::TooLarge { bytes }
            }
            _ => Self::Other { detail },
        }
    }
}

/// What is missing: for an encrypted queue the key may be the one that refuses.
fn permission(code: Option<&str>) -> &'static str {
    if code.is_some_and(|code| code.to_ascii_lowercase().starts_with("kms")) {
        "kms:GenerateDataKey"
    } else {
        "sqs:SendMessage"
    }
}
