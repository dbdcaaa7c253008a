//! What the person on call asks of AWS and changes by hand. Nothing here runs inside a function.

mod concurrency;
mod error;
mod function;
mod layer;
mod metric;
mod needs;
mod queue;
mod recursion;
mod role;
mod source;

use std::future::Future;
use std::time::Duration;

use aws_config::{BehaviorVersion, Region};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use hopguard_core::Backoff;
use tokio::time::Instant;

use crate::attempts::Attempts;
use crate::clients::{Clients, http_client};
use crate::failure::within;
pub use concurrency::{Reserved, Tags};
pub use error::OperatorError;
pub use function::{Change, Function};
pub use layer::LayerVersion;
pub use needs::{buckets_of, needs, policy};
pub use queue::Queue;
pub use role::{Need, Permission};
pub use source::{Mapping, Trigger};

/// How long one question may take, with its retries.
const LIMIT: Duration = Duration::from_secs(20);

/// Calls to AWS on behalf of a person, with that person's credentials. Each has at most 20 seconds, and is repeated where it was
/// throttled or not answered.
#[derive(Clone, Debug)]
pub struct Operator {
    clients: Clients,
}

impl Operator {
    /// Finds Region and credentials as the SDK's default chain does: environment, profiles with single sign-on, containers, EC2.
    /// `region` and `profile` go before what is found there.
    pub async fn connect(region: Option<String>, profile: Option<String>) -> Self {
        let mut config = aws_config::defaults(BehaviorVersion::v2026_01_12());
        if let Some(http) = http_client() {
            config = config.http_client(http);
        }
        if let Some(region) = region {
            config = config.region(Region::new(region));
        }
        if let Some(profile) = profile {
            config = config.profile_name(profile);
        }
        Self::new(Clients::from_config(config.load().await))
    }

    /// Asks by these clients.
    pub fn new(clients: Clients) -> Self {
        Self { clients }
    }

    /// The clients, for what the guard itself does too: to trip.
    pub fn clients(&self) -> &Clients {
        &self.clients
    }

    /// The Region that is asked, where one was found.
    pub async fn region(&self) -> Option<String> {
        let config = self.clients.lambda().await.config();
        config.region().map(ToString::to_string)
    }

    /// One question, repeated while another attempt may help.
    async fn ask<T, E, F>(
        &self,
        action: &'static str,
        subject: &str,
        call: impl Fn() -> F,
    ) -> Result<T, OperatorError>
    where
        F: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        let mut attempts = Attempts::new(Backoff::default(), Instant::now() + LIMIT);
        loop {
            match within(attempts.deadline(), call()).await {
                Ok(answer) => return Ok(answer),
                Err(failure) if failure.kind.is_passing() && attempts.wait().await => {}
                Err(failure) => return Err(OperatorError::of(action, subject, failure)),
            }
        }
    }
}

#[cfg(test)]
mod tests;
