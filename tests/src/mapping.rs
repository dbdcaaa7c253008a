//! An event source mapping: Lambda polls a queue or a stream for a function.

use std::time::Duration;

use anyhow::{Context as _, Result};
use aws_sdk_lambda::types::{EventSourcePosition, FunctionResponseType, ScalingConfig};

use crate::{
    function::Function,
    queue::Queue,
    stream::{Stream, Table},
};

/// A mapping to create, from [`Function::consume`] and its like.
#[derive(Debug)]
pub struct Builder<'a> {
    function: &'a Function,
    source: &'a str,
    /// Of a stream everything is read, from its beginning.
    start: Option<EventSourcePosition>,
    batch_size: i32,
    window: Duration,
    partial: bool,
    concurrency: Option<i32>,
}

/// An event source mapping that polls.
#[derive(Debug, Clone)]
pub struct Mapping {
    lambda: aws_sdk_lambda::Client,
    id: String,
}

impl Function {
    /// A mapping from `queue` to this function: batches of 1, no partial answers.
    #[must_use]
    pub fn consume<'a>(&'a self, queue: &'a Queue) -> Builder<'a> {
        self.map(queue.arn(), None)
    }

    /// A mapping from a Kinesis stream to this function.
    #[must_use]
    pub fn consume_stream<'a>(&'a self, stream: &'a Stream) -> Builder<'a> {
        self.map(stream.arn(), Some(EventSourcePosition::TrimHorizon))
    }

    /// A mapping from the stream of a DynamoDB table to this function.
    #[must_use]
    pub fn consume_table<'a>(&'a self, table: &'a Table) -> Builder<'a> {
        self.map(table.stream_arn(), Some(EventSourcePosition::TrimHorizon))
    }

    fn map<'a>(&'a self, source: &'a str, start: Option<EventSourcePosition>) -> Builder<'a> {
        Builder {
            function: self,
            source,
            start,
            batch_size: 1,
            window: Duration::ZERO,
            partial: false,
            concurrency: None,
        }
    }
}

impl Builder<'_> {
    /// How many messages an event has at most. ministack gives no more than 10.
    #[must_use]
    pub fn batch_size(mut self, messages: i32) -> Self {
        self.batch_size = messages;
        self
    }

    /// How long Lambda waits for a batch to fill, in whole seconds. ministack takes note of it and does not wait.
    #[must_use]
    pub fn window(mut self, window: Duration) -> Self {
        self.window = window;
        self
    }

    /// Reads `batchItemFailures` in the function's answer (ReportBatchItemFailures).
    #[must_use]
    pub fn partial(mut self) -> Self {
        self.partial = true;
        self
    }

    /// How many invocations the mapping runs at once; 5 in ministack where it is not set, and 1 for a FIFO queue.
    #[must_use]
    pub fn concurrency(mut self, invocations: i32) -> Self {
        self.concurrency = Some(invocations);
        self
    }

    /// Creates the mapping, which polls from now on.
    ///
    /// # Errors
    /// What Lambda answers.
    pub async fn create(self) -> Result<Mapping> {
        let lambda = &self.function.lambda;
        let window = i32::try_from(self.window.as_secs()).context("the batching window is too long")?;
        let partial = self.partial.then_some(FunctionResponseType::ReportBatchItemFailures);
        let scaling = self.concurrency.map(|most| ScalingConfig::builder().maximum_concurrency(most).build());
        let created = lambda
            .create_event_source_mapping()
            .function_name(self.function.name())
            .event_source_arn(self.source)
            .set_starting_position(self.start)
            .batch_size(self.batch_size)
            .maximum_batching_window_in_seconds(window)
            .set_function_response_types(partial.map(|kind| vec![kind]))
            .set_scaling_config(scaling)
            .send()
            .await
            .with_context(|| format!("cannot map {} to {}", self.source, self.function.name()))?;
        Ok(Mapping { lambda: lambda.clone(), id: created.uuid.context("the mapping has no id")? })
    }
}

impl Mapping {
    /// Switches polling on or off: a batch is collected first and delivered as one.
    ///
    /// # Errors
    /// What Lambda answers.
    pub async fn enable(&self, on: bool) -> Result<()> {
        let call = self.lambda.update_event_source_mapping().uuid(&self.id).enabled(on);
        call.send().await.context("cannot change the mapping")?;
        Ok(())
    }

    /// Ends it.
    ///
    /// # Errors
    /// What Lambda answers.
    pub async fn delete(self) -> Result<()> {
        self.lambda
            .delete_event_source_mapping()
            .uuid(&self.id)
            .send()
            .await
            .context("cannot delete the mapping")?;
        Ok(())
    }
}
