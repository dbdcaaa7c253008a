//! The record types of `aws_lambda_events`.

use std::borrow::Cow;

use aws_lambda_events::event::dynamodb::EventRecord;
use aws_lambda_events::event::kinesis::KinesisEventRecord;
use aws_lambda_events::event::s3::S3EventRecord;
use aws_lambda_events::event::sns::SnsRecord;
use aws_lambda_events::event::sqs::SqsMessage;
use hopguard_core::event::Source;

use crate::batch::BatchRecord;

/// The one group of a stream's batch, which comes from one shard: after its first failed record Lambda brings all that follow it
/// again, and what had run by then would run twice.
const SHARD: &str = "shard";

impl BatchRecord for SqsMessage {
    fn source(&self) -> Source {
        Source::Sqs
    }

    fn id(&self) -> Option<Cow<'_, str>> {
        self.message_id.as_deref().map(Cow::Borrowed)
    }

    fn group(&self) -> Option<Cow<'_, str>> {
        self.attributes.get("MessageGroupId").map(|group| Cow::Borrowed(group.as_str()))
    }

    fn xray_header(&self) -> Option<Cow<'_, str>> {
        self.attributes.get("AWSTraceHeader").map(|header| Cow::Borrowed(header.as_str()))
    }
}

impl BatchRecord for SnsRecord {
    fn source(&self) -> Source {
        Source::Sns
    }

    fn id(&self) -> Option<Cow<'_, str>> {
        Some(Cow::Borrowed(&self.sns.message_id))
    }
}

impl BatchRecord for S3EventRecord {
    fn source(&self) -> Source {
        Source::S3
    }

    fn id(&self) -> Option<Cow<'_, str>> {
        // As `hopguard_core::event::Record::id` has it.
        let request = self.response_elements.get("x-amz-request-id")?;
        let sequencer = self.s3.object.sequencer.as_deref()?;
        Some(Cow::Owned(format!("{request}:{sequencer}")))
    }
}

impl BatchRecord for KinesisEventRecord {
    fn source(&self) -> Source {
        Source::Kinesis
    }

    fn id(&self) -> Option<Cow<'_, str>> {
        Some(Cow::Borrowed(&self.kinesis.sequence_number))
    }

    fn group(&self) -> Option<Cow<'_, str>> {
        Some(Cow::Borrowed(SHARD))
    }
}

impl BatchRecord for EventRecord {
    fn source(&self) -> Source {
        Source::DynamoDb
    }

    fn id(&self) -> Option<Cow<'_, str>> {
        self.change.sequence_number.as_deref().map(Cow::Borrowed)
    }

    fn group(&self) -> Option<Cow<'_, str>> {
        Some(Cow::Borrowed(SHARD))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use aws_lambda_events::event::dynamodb::Event;
    use aws_lambda_events::event::kinesis::KinesisEvent;
    use hopguard_core::event::Reader;
    use serde::de::DeserializeOwned;

    use super::*;
    use crate::Guard;

    const KINESIS: &str = include_str!("../../../tests/fixtures/kinesis/json.json");
    const DYNAMODB: &str = include_str!("../../../tests/fixtures/dynamodb/insert.json");

    /// A captured record three times, with the sequence numbers 1 to 3 at its end.
    fn batch<E: DeserializeOwned>(captured: &str) -> E {
        let captured: serde_json::Value = serde_json::from_str(captured).unwrap();
        let record = |number: usize| {
            let mut record = captured["Records"][0].clone();
            for (part, name) in [("kinesis", "sequenceNumber"), ("dynamodb", "SequenceNumber")] {
                if let Some(old) = record[part][name].as_str() {
                    let kept: String = old.chars().take(old.len() - 1).collect();
                    record[part][name] = format!("{kept}{number}").into();
                }
            }
            record
        };
        let records: Vec<_> = (1..=3).map(record).collect();
        serde_json::from_value(serde_json::json!({ "Records": records })).unwrap()
    }

    /// Runs each until the second fails; what ran, and what has failed.
    async fn until_the_second<R: BatchRecord>(records: Vec<R>) -> (Vec<String>, Vec<String>) {
        let ran = Mutex::new(Vec::new());
        let process = async |record: R| {
            let id = record.id().unwrap().into_owned();
            ran.lock().unwrap().push(id.clone());
            if id.ends_with('2') { Err("no") } else { Ok(()) }
        };
        let answer = Guard::default().each(records, process).await;
        let failed = answer.batch_item_failures.into_iter().map(|failure| failure.item_identifier);
        (ran.into_inner().unwrap(), failed.collect())
    }

    #[tokio::test]
    async fn of_a_stream_nothing_runs_behind_a_failed_record() {
        let of_kinesis = until_the_second(batch::<KinesisEvent>(KINESIS).records).await;
        let of_dynamodb = until_the_second(batch::<Event>(DYNAMODB).records).await;
        let ends = |ids: &[String]| ids.iter().filter_map(|id| id.chars().last()).collect::<String>();
        for (ran, failed) in [of_kinesis, of_dynamodb] {
            assert_eq!((ends(&ran).as_str(), ends(&failed).as_str()), ("12", "23"), "{ran:?}");
        }
    }

    #[test]
    fn a_record_is_named_as_the_reader_names_it() {
        let named = |event: &str| {
            Reader::default().read(event.as_bytes()).records()[0].id.clone().map(Cow::into_owned)
        };
        let kinesis: KinesisEvent = serde_json::from_str(KINESIS).unwrap();
        assert_eq!(kinesis.records[0].id().map(Cow::into_owned), named(KINESIS));
        let dynamodb: Event = serde_json::from_str(DYNAMODB).unwrap();
        assert_eq!(dynamodb.records[0].id().map(Cow::into_owned), named(DYNAMODB));
        assert_eq!(
            (kinesis.records[0].source(), dynamodb.records[0].source()),
            (Source::Kinesis, Source::DynamoDb)
        );
    }
}
