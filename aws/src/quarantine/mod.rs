mod batch;
mod error;
mod message;

use hopguard_core::{ChainId, Reason};
use tokio::time::Instant;

pub use error::QuarantineError;
use message::Message;

use crate::clients::Clients;
use crate::failure::within;

/// The queue that blocked records are moved to, with their bodies intact.
#[derive(Clone, Debug)]
pub struct Quarantine {
    clients: Clients,
    queue_url: String,
}

/// A record that was kept from the handler.
#[derive(Clone, Copy, Debug)]
pub struct Blocked<'r> {
    /// What `json` is, and so what becomes the message's body.
    pub form: Form,
    /// Where the record came from, for example `aws:sqs`; becomes the attribute `hopguard-source`.
    pub source: &'r str,
    /// The record's JSON, or the whole payload, as the function got it.
    pub json: &'r [u8],
    /// What the source calls the record: message id, sequence number or request id. Makes repeated moves of one record one
    /// message in a FIFO queue.
    pub id: Option<&'r str>,
    /// The group of a record from a FIFO queue; kept in a FIFO quarantine queue, where the chain is the group otherwise.
    pub group: Option<&'r str>,
    /// Its chain.
    pub chain: ChainId,
    /// The limit; becomes the attribute `hopguard-reason`.
    pub reason: Reason,
    /// The token that the record came with; becomes the attribute `hopguard`. Empty where there was none.
    pub token: &'r str,
}

/// What the JSON of a blocked record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// An SQS record: the message becomes what it was, body and attributes.
    Message,
    /// Another element of `Records`: the body is `{"Records":[…]}` with it alone, an event to invoke the function with.
    Record,
    /// A whole payload: the body is that payload.
    Payload,
}

impl Quarantine {
    /// A quarantine in the queue with this URL, in the Region of the clients.
    pub fn new(clients: Clients, queue_url: impl Into<String>) -> Self {
        Self { clients, queue_url: queue_url.into() }
    }

    /// The queue's URL.
    pub fn queue_url(&self) -> &str {
        &self.queue_url
    }

    /// Moves one record to the queue.
    ///
    /// # Errors
    /// [`QuarantineError`]: the record is not known to be in the queue, and must go back to its source. After
    /// [`QuarantineError::OutOfTime`] it may be in both.
    pub async fn keep(&self, record: &Blocked<'_>, deadline: Instant) -> Result<(), QuarantineError> {
        let message = Message::new(record, self.is_fifo())?;
        self.send(&message, deadline).await
    }

    /// Moves several records to the queue, up to ten by one request. The answers stand in the order of the records.
    ///
    /// A FIFO queue receives records of one group in their order, but after a failed record later ones of its group may still be
    /// moved: the quarantine keeps every record it can.
    pub async fn keep_all(
        &self,
        records: &[Blocked<'_>],
        deadline: Instant,
    ) -> Vec<Result<(), QuarantineError>> {
        batch::keep_all(self, records, deadline).await
    }

    async fn send(&self, message: &Message, deadline: Instant) -> Result<(), QuarantineError> {
        let answer = within(deadline, async {
            let call = self
                .clients
                .sqs()
                .await
                .send_message()
                .queue_url(&self.queue_url)
                .message_body(&message.body);
            call.set_message_attributes(message.attributes())
                .set_message_group_id(message.group.clone())
                .set_message_deduplication_id(message.deduplication.clone())
                .send()
                .await
        });
        answer.await.map(|_| ()).map_err(|failure| QuarantineError::of(&failure, message.bytes))
    }

    fn is_fifo(&self) -> bool {
        self.queue_url.trim_end_matches('/').ends_with(".fifo")
    }
}

#[cfg(test)]
mod tests;
