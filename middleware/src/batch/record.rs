use std::borrow::Cow;

use hopguard_core::event::Source;

/// A record that [`Guard::each`](crate::Guard::each) can tell apart. The record types of `aws_lambda_events` have it with the
/// feature `events`; a type of your own needs a few lines.
///
/// ```
/// use std::borrow::Cow;
/// use hopguard::{BatchRecord, core::event::Source};
///
/// #[derive(serde::Deserialize)]
/// #[serde(rename_all = "camelCase")]
/// struct Message { message_id: String, body: String }
///
/// impl BatchRecord for Message {
///     fn source(&self) -> Source { Source::Sqs }
///     fn id(&self) -> Option<Cow<'_, str>> { Some(Cow::Borrowed(&self.message_id)) }
/// }
/// ```
pub trait BatchRecord {
    /// Where the record comes from.
    fn source(&self) -> Source;

    /// What names it: the `messageId` of SQS, the `MessageId` of SNS, the sequence number of a stream.
    fn id(&self) -> Option<Cow<'_, str>>;

    /// Its FIFO message group: records of one group run one after the other. A stream's records are one group.
    fn group(&self) -> Option<Cow<'_, str>> {
        None
    }

    /// AWS's own trace header, where the record has one of its own (SQS: the system attribute `AWSTraceHeader`).
    fn xray_header(&self) -> Option<Cow<'_, str>> {
        None
    }
}
