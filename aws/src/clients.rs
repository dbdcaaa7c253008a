use std::sync::Arc;
use std::time::Duration;

use aws_config::{BehaviorVersion, SdkConfig};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use tokio::sync::OnceCell;

use crate::dead_letters::DeadLetters;
use crate::environment;
use crate::ledger::Ledger;
#[cfg(feature = "s3")]
use crate::lookup::HeadObject;
use crate::schedule::Schedules;

/// The SDK clients of the calls that hopguard itself makes. Cheap to make and to clone: configuration, HTTP client and service
/// clients are built at the first call that needs them, since Lambda bills the time of an initialisation and most
/// invocations never block.
///
/// No client carries an interceptor of hopguard, so what the guard sends is never part of a chain.
#[derive(Clone, Debug, Default)]
pub struct Clients(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    given: Option<SdkConfig>,
    http: Option<SharedHttpClient>,
    shared: OnceCell<SdkConfig>,
    lambda: OnceCell<aws_sdk_lambda::Client>,
    dead_letters: OnceCell<DeadLetters>,
    schedules: OnceCell<Schedules>,
    ledger: OnceCell<Ledger>,
    sqs: OnceCell<aws_sdk_sqs::Client>,
    #[cfg(feature = "cloudwatch")]
    cloudwatch: OnceCell<aws_sdk_cloudwatch::Client>,
    #[cfg(feature = "operator")]
    iam: OnceCell<aws_sdk_iam::Client>,
    #[cfg(feature = "s3")]
    head_object: OnceCell<HeadObject>,
}

impl Clients {
    /// Clients that read Region, credentials and endpoint from the environment at the first call: as the SDK's default chain does
    /// with the feature `default-chain`, else as [`environment::config`](crate::environment::config) does.
    pub fn new() -> Self {
        Self::default()
    }

    /// Clients as [`new`](Self::new) makes them, that speak by this HTTP client.
    pub fn over(http: SharedHttpClient) -> Self {
        Self(Arc::new(Inner { http: Some(http), ..Inner::default() }))
    }

    /// Clients with a configuration that is there already. Its retries and timeouts are replaced by hopguard's; where it has no
    /// HTTP client or no behaviour version, hopguard's is used.
    pub fn from_config(config: SdkConfig) -> Self {
        Self(Arc::new(Inner { given: Some(config), ..Inner::default() }))
    }

    /// Lambda's control plane, without the SDK's retries: its quota of 15 requests a second is shared by the whole account and
    /// Region, and only the breaker knows when another request is worth it.
    pub(crate) async fn lambda(&self) -> &aws_sdk_lambda::Client {
        let shared = self.shared().await;
        let build = || async {
            let config = aws_sdk_lambda::config::Builder::from(shared)
                .retry_config(RetryConfig::disabled())
                .timeout_config(timeouts(Duration::from_secs(2), Duration::from_secs(5)).build());
            aws_sdk_lambda::Client::from_conf(config.build())
        };
        self.0.lambda.get_or_init(build).await
    }

    /// Without retries, as [`lambda`](Self::lambda).
    pub(crate) async fn dead_letters(&self) -> &DeadLetters {
        let shared = self.shared().await;
        let build = || async {
            let timeouts = timeouts(Duration::from_secs(2), Duration::from_secs(5)).build();
            DeadLetters::new(shared, RetryConfig::disabled(), timeouts)
        };
        self.0.dead_letters.get_or_init(build).await
    }

    /// Without retries, as [`lambda`](Self::lambda).
    pub(crate) async fn schedules(&self) -> &Schedules {
        let shared = self.shared().await;
        let build = || async {
            let timeouts = timeouts(Duration::from_secs(2), Duration::from_secs(5)).build();
            Schedules::new(shared, RetryConfig::disabled(), timeouts)
        };
        self.0.schedules.get_or_init(build).await
    }

    pub(crate) async fn ledger(&self) -> &Ledger {
        let shared = self.shared().await;
        let build = || async {
            let timeouts = timeouts(Duration::from_secs(1), Duration::from_secs(1)).build();
            Ledger::new(shared, retries(2, Duration::from_millis(50)), timeouts)
        };
        self.0.ledger.get_or_init(build).await
    }

    pub(crate) async fn sqs(&self) -> &aws_sdk_sqs::Client {
        let shared = self.shared().await;
        let build = || async {
            let config = aws_sdk_sqs::config::Builder::from(shared)
                .retry_config(retries(3, Duration::from_millis(100)))
                .timeout_config(timeouts(Duration::from_secs(2), Duration::from_secs(5)).build());
            aws_sdk_sqs::Client::from_conf(config.build())
        };
        self.0.sqs.get_or_init(build).await
    }

    #[cfg(feature = "cloudwatch")]
    pub(crate) async fn cloudwatch(&self) -> &aws_sdk_cloudwatch::Client {
        let shared = self.shared().await;
        let build = || async {
            let config = aws_sdk_cloudwatch::config::Builder::from(shared)
                .retry_config(retries(2, Duration::from_millis(100)))
                .timeout_config(timeouts(Duration::from_secs(1), Duration::from_secs(2)).build());
            aws_sdk_cloudwatch::Client::from_conf(config.build())
        };
        self.0.cloudwatch.get_or_init(build).await
    }

    #[cfg(feature = "operator")]
    pub(crate) async fn iam(&self) -> &aws_sdk_iam::Client {
        let shared = self.shared().await;
        let build = || async {
            let config = aws_sdk_iam::config::Builder::from(shared)
                .retry_config(RetryConfig::disabled())
                .timeout_config(timeouts(Duration::from_secs(2), Duration::from_secs(5)).build());
            aws_sdk_iam::Client::from_conf(config.build())
        };
        self.0.iam.get_or_init(build).await
    }

    #[cfg(feature = "s3")]
    pub(crate) async fn head_object(&self) -> &HeadObject {
        let shared = self.shared().await;
        let build = || async {
            let timeouts = timeouts(Duration::from_secs(1), Duration::from_secs(3)).build();
            HeadObject::new(shared, retries(2, Duration::from_millis(50)), timeouts)
        };
        self.0.head_object.get_or_init(build).await
    }

    async fn shared(&self) -> &SdkConfig {
        self.0.shared.get_or_init(|| self.load()).await
    }

    async fn load(&self) -> SdkConfig {
        // Pinned, so that an update of the SDK changes nothing unseen.
        let behavior = BehaviorVersion::v2026_01_12();
        let http = || self.0.http.clone().or_else(http_client);
        #[cfg(feature = "default-chain")]
        if let (None, Some(http)) = (&self.0.given, http()) {
            return aws_config::defaults(behavior).http_client(http).load().await;
        }
        let given = self
            .0
            .given
            .clone()
            .unwrap_or_else(|| environment::config(http(), |name| std::env::var(name).ok()));
        let mut config = given.to_builder();
        if given.behavior_version().is_none() {
            config.set_behavior_version(Some(behavior));
        }
        if given.http_client().is_none() {
            config.set_http_client(http());
        }
        config.build()
    }
}

fn retries(attempts: u32, first_wait: Duration) -> RetryConfig {
    RetryConfig::standard().with_max_attempts(attempts).with_initial_backoff(first_wait)
}

fn timeouts(connect: Duration, attempt: Duration) -> aws_smithy_types::timeout::TimeoutConfigBuilder {
    TimeoutConfig::builder().connect_timeout(connect).read_timeout(attempt).operation_attempt_timeout(attempt)
}

/// The SDK's own, where this build has it.
#[cfg(feature = "rustls")]
pub(crate) fn http_client() -> Option<SharedHttpClient> {
    use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
    let client = aws_smithy_http_client::Builder::new();
    Some(client.tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https())
}

#[cfg(all(feature = "http-client", not(feature = "rustls")))]
pub(crate) fn http_client() -> Option<SharedHttpClient> {
    Some(aws_smithy_http_client::Builder::new().build_http())
}

#[cfg(not(feature = "http-client"))]
pub(crate) const fn http_client() -> Option<SharedHttpClient> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn nothing_is_built_before_it_is_needed_and_then_once() {
        let clients = Clients::from_config(SdkConfig::builder().build());
        assert!(clients.0.shared.get().is_none() && clients.0.lambda.get().is_none());
        let first = std::ptr::from_ref(clients.lambda().await);
        assert!(std::ptr::eq(first, clients.clone().lambda().await));
        assert!(clients.0.sqs.get().is_none());
        let shared = clients.shared().await;
        assert!(shared.http_client().is_some() && shared.behavior_version().is_some());
    }

    #[tokio::test]
    async fn the_breaker_retries_for_itself_and_the_others_a_little() {
        let own = RetryConfig::standard().with_max_attempts(9);
        let clients = Clients::from_config(SdkConfig::builder().retry_config(own).build());
        let attempts = |retries: Option<&RetryConfig>| retries.map(RetryConfig::max_attempts);
        assert_eq!(attempts(clients.lambda().await.config().retry_config()), Some(1));
        assert_eq!(attempts(clients.sqs().await.config().retry_config()), Some(3));
        let timeouts = clients.lambda().await.config().timeout_config().cloned().unwrap();
        assert_eq!(timeouts.connect_timeout(), Some(Duration::from_secs(2)));
        assert_eq!(timeouts.operation_attempt_timeout(), Some(Duration::from_secs(5)));
    }
}
