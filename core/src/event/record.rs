use std::borrow::Cow;
use std::ops::Range;

use super::{ObjectRef, Source};
use crate::propagator::Inbound;
use crate::xray::Xray;

/// The most S3 objects that one record names: one is usual, and each may cost a lookup.
pub const MAX_OBJECTS: usize = 16;

/// One record of an event, with what its carriers said.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Record<'e> {
    /// What delivered the record to Lambda: for an SNS notification in an SQS message, [`Source::Sqs`].
    pub source: Source,
    /// What names this record on every delivery: SQS `messageId`, SNS `MessageId`, EventBridge `id`, the sequence number in a
    /// stream, and for S3 request id and sequencer, as `C3D13FE58DE4C810:0055AED6DCD90281E5`.
    pub id: Option<Cow<'e, str>>,
    /// The FIFO group: SQS `MessageGroupId`.
    pub group: Option<Cow<'e, str>>,
    /// The ARN of what it came through: `eventSourceARN` of SQS, Kinesis and DynamoDB, which names the queue or the stream as
    /// its event source mapping does; SNS `TopicArn`; the bucket's ARN.
    pub origin: Option<Cow<'e, str>>,
    /// Which delivery this is, from 1: SQS `ApproximateReceiveCount`. 1 with every other source, which does not say.
    pub attempt: u32,
    /// Lineage, rejection, the sender's span and its other `tracestate` members.
    pub inbound: Inbound,
    /// AWS's own header, from SQS `AWSTraceHeader`.
    pub xray: Xray,
    /// The S3 objects that it names, directly or inside a body, at most [`MAX_OBJECTS`]. Their notifications carry no lineage:
    /// who wants it looks the object up.
    pub objects: Vec<ObjectRef<'e>>,
    /// Where it stands in the event.
    pub(super) span: Range<usize>,
}

impl Record<'_> {
    pub(super) fn new(source: Source) -> Self {
        Self {
            source,
            id: None,
            group: None,
            origin: None,
            attempt: 1,
            inbound: Inbound::default(),
            xray: Xray::default(),
            objects: Vec::new(),
            span: 0..0,
        }
    }

    /// Takes what a second carrier of the same record said into account. Of two lineages the one with the higher hop counts;
    /// of two senders' spans the one known first.
    pub(super) fn believe(&mut self, other: Inbound) {
        if let Some(lineage) = other.lineage {
            self.inbound.believe(Ok(lineage));
        }
        if let Some(rejected) = other.rejected {
            self.inbound.believe(Err(rejected));
        }
        if self.inbound.parent.is_none() {
            self.inbound.parent = other.parent;
            self.inbound.others = other.others;
        }
    }
}

impl<'e> Record<'e> {
    pub(super) fn push_object(&mut self, object: ObjectRef<'e>) {
        if self.objects.len() < MAX_OBJECTS {
            self.objects.push(object);
        }
    }
}
