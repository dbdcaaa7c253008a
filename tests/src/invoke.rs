//! Direct invocations, and what becomes of asynchronous ones that fail.

use anyhow::{Context as _, Result};
use aws_sdk_lambda::{
    primitives::Blob,
    types::{DestinationConfig, InvocationType, OnFailure},
};
use serde_json::Value;

use crate::{function::Function, target::Target};

/// What a synchronous invocation came to.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// `Handled` or `Unhandled` where the function failed.
    pub error: Option<String>,
    /// What the function returned, or the description of its error.
    pub payload: Value,
}

impl Function {
    /// Invokes it and waits for the answer. ministack does not deliver a client context.
    ///
    /// # Errors
    /// What Lambda answers, for example 429 at reserved concurrency 0. A failure of the function is an [`Answer`].
    pub async fn invoke(&self, event: &Value) -> Result<Answer> {
        let call = self.lambda.invoke().function_name(self.name()).payload(Blob::new(event.to_string()));
        let answer = call.send().await.with_context(|| format!("cannot invoke {}", self.name()))?;
        let payload = answer.payload.map(Blob::into_inner).unwrap_or_default();
        Ok(Answer {
            error: answer.function_error,
            payload: if payload.is_empty() { Value::Null } else { serde_json::from_slice(&payload)? },
        })
    }

    /// Invokes it and waits for nothing.
    ///
    /// # Errors
    /// What Lambda answers.
    pub async fn invoke_async(&self, event: &Value) -> Result<()> {
        let call = self.lambda.invoke().function_name(self.name()).invocation_type(InvocationType::Event);
        call.payload(Blob::new(event.to_string()))
            .send()
            .await
            .with_context(|| format!("cannot invoke {}", self.name()))?;
        Ok(())
    }

    /// Says how often a failed asynchronous invocation is retried (0 to 2; Lambda's default is 2), and where the event
    /// goes after that.
    ///
    /// # Errors
    /// What Lambda answers.
    pub async fn on_async_failure(&self, retries: i32, destination: Option<Target>) -> Result<()> {
        let destination = destination.map(|target| {
            let failure = OnFailure::builder().destination(target.arn()).build();
            DestinationConfig::builder().on_failure(failure).build()
        });
        self.lambda
            .put_function_event_invoke_config()
            .function_name(self.name())
            .maximum_retry_attempts(retries)
            .set_destination_config(destination)
            .send()
            .await
            .with_context(|| format!("cannot configure asynchronous invocations of {}", self.name()))?;
        Ok(())
    }
}
