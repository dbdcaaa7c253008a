//! The record types of `aws_lambda_events`.

use std::borrow::Cow;

use aws_lambda_events::event::s3::S3EventRecord;
use aws_lambda_events::event::sns::SnsRecord;
use aws_lambda_events::event::sqs::SqsMessage;
use hopguard_core::event::Source;

use crate::batch::BatchRecord;

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
