use std::collections::HashMap;

use aws_sdk_sqs::types::SendMessageBatchRequestEntry;
use tokio::time::Instant;

use crate::failure::{Failure, within};
use crate::quarantine::message::{MAX_BYTES, Message};
use crate::quarantine::{Blocked, Quarantine, QuarantineError};

/// Entries of one SendMessageBatch.
const MAX_ENTRIES: usize = 10;

type Answers = HashMap<usize, Result<(), QuarantineError>>;

pub(super) async fn keep_all(
    quarantine: &Quarantine,
    records: &[Blocked<'_>],
    deadline: Instant,
) -> Vec<Result<(), QuarantineError>> {
    let mut answers = Answers::new();
    let mut batch: Vec<(usize, Message)> = Vec::new();
    let mut bytes = 0;
    // Built one batch at a time: a batch of large records is not held in memory twice.
    for (at, record) in records.iter().enumerate() {
        let message = match Message::new(record, quarantine.is_fifo()) {
            Ok(message) => message,
            Err(error) => {
                answers.insert(at, Err(error));
                continue;
            }
        };
        if batch.len() == MAX_ENTRIES || bytes + message.bytes > MAX_BYTES {
            send(quarantine, &batch, deadline, &mut answers).await;
            batch.clear();
            bytes = 0;
        }
        bytes += message.bytes;
        batch.push((at, message));
    }
    send(quarantine, &batch, deadline, &mut answers).await;
    let unanswered =
        || Err(QuarantineError::Other { detail: "SQS did not mention the record in its answer".to_owned() });
    (0..records.len()).map(|at| answers.remove(&at).unwrap_or_else(unanswered)).collect()
}

async fn send(quarantine: &Quarantine, batch: &[(usize, Message)], deadline: Instant, answers: &mut Answers) {
    if batch.len() < 2 {
        return send_singly(quarantine, batch, deadline, answers).await;
    }
    let entries: Result<Vec<_>, _> = batch.iter().map(entry).collect();
    let Ok(entries) = entries else { return send_singly(quarantine, batch, deadline, answers).await };
    let answer = within(deadline, async {
        let call = quarantine.clients.sqs().await.send_message_batch().queue_url(&quarantine.queue_url);
        call.set_entries(Some(entries)).send().await
    });
    match answer.await {
        Ok(answer) => {
            for entry in answer.successful {
                if let Ok(at) = entry.id.parse() {
                    answers.insert(at, Ok(()));
                }
            }
            for entry in answer.failed {
                let Some((at, message)) = batch.iter().find(|(at, _)| entry.id == at.to_string()) else {
                    continue;
                };
                let failure = Failure::of_entry(&entry.code, entry.message.as_deref());
                answers.insert(*at, Err(QuarantineError::of(&failure, message.bytes)));
            }
        }
        // SQS counts otherwise than we do, or the queue takes less.
        Err(failure)
            if failure.is_code(&["BatchRequestTooLong", "AWS.SimpleQueueService.BatchRequestTooLong"]) =>
        {
            send_singly(quarantine, batch, deadline, answers).await;
        }
        Err(failure) => {
            for (at, message) in batch {
                answers.insert(*at, Err(QuarantineError::of(&failure, message.bytes)));
            }
        }
    }
}

async fn send_singly(
    quarantine: &Quarantine,
    batch: &[(usize, Message)],
    deadline: Instant,
    answers: &mut Answers,
) {
    for (at, message) in batch {
        answers.insert(*at, quarantine.send(message, deadline).await);
    }
}

fn entry(
    (at, message): &(usize, Message),
) -> Result<SendMessageBatchRequestEntry, aws_sdk_sqs::error::BuildError> {
    SendMessageBatchRequestEntry::builder()
        .id(at.to_string())
        .message_body(&message.body)
        .set_message_attributes(message.attributes())
        .set_message_group_id(message.group.clone())
        .set_message_deduplication_id(message.deduplication.clone())
        .build()
}
