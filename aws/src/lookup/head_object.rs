use aws_config::SdkConfig;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::ErrorMetadata;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use percent_encoding::{AsciiSet, utf8_percent_encode};

use super::ObjectName;
use super::endpoint::Endpoint;
use super::head::Head;
use crate::request::{Outcome, Request, Requests, Service, VALUE, encode};

/// HeadObject, without the SDK's client for S3: that would be 0.6 MiB of the layer.
#[derive(Debug)]
pub(crate) struct HeadObject {
    endpoint: Endpoint,
    requests: Requests,
}

#[derive(Debug, thiserror::Error)]
#[error("the object has no key")]
struct NoKey;

pub(super) const S3: Service = Service { id: "S3", signing_name: "s3", is_s3: true };

/// Slashes stay in a key.
const KEY: AsciiSet = VALUE.remove(b'/');

impl HeadObject {
    pub(crate) fn new(config: &SdkConfig, retries: RetryConfig, timeouts: TimeoutConfig) -> Self {
        Self { endpoint: Endpoint::of(config), requests: Requests::new(config, S3, retries, timeouts) }
    }

    pub(super) async fn send(&self, object: &ObjectName) -> Outcome<Head> {
        let endpoint = self.endpoint.url(&object.bucket).map_err(SdkError::construction_failure)?;
        let path = path(object).map_err(SdkError::construction_failure)?;
        let request = Request { operation: "HeadObject", method: "HEAD", endpoint, path, body: None };
        self.requests.send(request, answer).await
    }
}

fn path(object: &ObjectName) -> Result<String, NoKey> {
    if object.key.is_empty() {
        // Without a key it would be HeadBucket.
        return Err(NoKey);
    }
    let key = utf8_percent_encode(&object.key, &KEY);
    Ok(match &object.version {
        Some(version) => format!("/{key}?versionId={}", encode(version)),
        None => format!("/{key}"),
    })
}

/// An error has its status alone: a HEAD has no body that would name it.
fn answer(response: &HttpResponse) -> Result<Head, ErrorMetadata> {
    let error = ErrorMetadata::builder();
    if !response.status().is_success() {
        return Err(error.build());
    }
    Head::of(response.headers()).map_err(|header| error.message(header.to_string()).build())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use aws_config::{AppName, Region};
    use aws_credential_types::credential_fn::provide_credentials_fn;
    use aws_sdk_lambda::config::{Credentials, SharedCredentialsProvider};
    use aws_smithy_http_client::test_util::{NeverClient, infallible_client_fn};
    use aws_smithy_runtime_api::client::http::{
        HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector, http_client_fn,
    };
    use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
    use aws_smithy_runtime_api::client::result::ConnectorError;
    use tokio::time::Instant;

    use super::*;
    use crate::clients::Clients;

    fn object(bucket: &str, key: &str) -> ObjectName {
        ObjectName { bucket: bucket.into(), key: key.into(), version: None }
    }

    fn config() -> aws_types::sdk_config::Builder {
        let credentials = Credentials::new("AKID", "secret", None, None, "test");
        SdkConfig::builder()
            .region(Region::new("eu-central-1"))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
    }

    async fn send(
        config: SdkConfig,
        object: &ObjectName,
    ) -> Result<Head, SdkError<ErrorMetadata, HttpResponse>> {
        Clients::from_config(config).head_object().await.send(object).await
    }

    #[tokio::test(start_paused = true)]
    async fn an_attempt_without_an_answer_ends_after_3_s_and_is_repeated_once() {
        let start = Instant::now();
        let error = send(config().http_client(NeverClient::new()).build(), &object("orders", "a")).await;
        assert!(matches!(error, Err(SdkError::TimeoutError(_))), "{error:?}");
        let waited = start.elapsed().checked_sub(2 * Duration::from_secs(3)).unwrap();
        assert!(waited <= Duration::from_millis(50), "{waited:?} between the attempts");
    }

    /// Counts its calls, and fails all of them.
    #[derive(Clone, Debug, Default)]
    struct Broken(Arc<AtomicUsize>);

    impl HttpConnector for Broken {
        fn call(&self, _: HttpRequest) -> HttpConnectorFuture {
            self.0.fetch_add(1, Ordering::Relaxed);
            HttpConnectorFuture::ready(Err(ConnectorError::io("connection refused".into())))
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_fails_is_repeated_once() {
        let broken = Broken::default();
        let connector = broken.clone();
        let limits: Arc<std::sync::Mutex<Option<HttpConnectorSettings>>> = Arc::default();
        let seen = Arc::clone(&limits);
        let http = http_client_fn(move |settings, _| {
            *seen.lock().unwrap() = Some(settings.clone());
            SharedHttpConnector::new(connector.clone())
        });
        let error = send(config().http_client(http).build(), &object("orders", "a")).await;
        assert!(matches!(error, Err(SdkError::DispatchFailure(_))), "{error:?}");
        assert_eq!(broken.0.load(Ordering::Relaxed), 2);
        let limits = limits.lock().unwrap().clone().unwrap();
        assert_eq!(limits.connect_timeout(), Some(Duration::from_secs(1)));
    }

    #[tokio::test]
    async fn credentials_are_asked_for_once() {
        let asked: Arc<AtomicUsize> = Arc::default();
        let count = Arc::clone(&asked);
        let provider = SharedCredentialsProvider::new(provide_credentials_fn(move || {
            count.fetch_add(1, Ordering::Relaxed);
            async { Ok(Credentials::new("AKID", "secret", None, None, "test")) }
        }));
        let http = infallible_client_fn(|_| http::Response::new(""));
        let clients = Clients::from_config(config().credentials_provider(provider).http_client(http).build());
        for key in ["a", "b", "c"] {
            clients.head_object().await.send(&object("orders", key)).await.unwrap();
        }
        assert_eq!(asked.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn the_application_is_named() {
        let http = infallible_client_fn(|request| {
            let agent = request.headers()["user-agent"].to_str().unwrap();
            assert_eq!(agent, concat!("hopguard/", env!("CARGO_PKG_VERSION"), " app/orders-v2"));
            http::Response::new("")
        });
        let config = config().app_name(AppName::new("orders-v2").unwrap()).http_client(http);
        send(config.build(), &object("orders", "a")).await.unwrap();
    }

    #[tokio::test]
    async fn what_cannot_be_asked_is_an_error_that_says_why() {
        let no_request =
            || infallible_client_fn(|_| -> http::Response<&str> { panic!("nothing is to be sent") });
        let complete = || config().http_client(no_request()).build();
        let without_client =
            HeadObject::new(&config().build(), RetryConfig::disabled(), TimeoutConfig::disabled());
        let no_region = SdkConfig::builder().http_client(no_request()).build();
        let fips = config().endpoint_url("http://127.0.0.1:9").use_fips(true).http_client(no_request());
        let cases = [
            (send(complete(), &object("orders", "")).await, "no key"),
            (send(complete(), &object("", "a")).await, "no name"),
            (send(complete(), &object("orders--use1-az4--x-s3", "a")).await, "not a general purpose bucket"),
            (
                send(complete(), &object("arn:aws:s3:eu-central-1:123456789012:accesspoint/a", "a")).await,
                "purpose",
            ),
            (send(no_region, &object("orders", "a")).await, "AWS_REGION"),
            (send(fips.build(), &object("orders", "a")).await, "FIPS"),
            (without_client.send(&object("orders", "a")).await, "HTTP client"),
        ];
        for (result, says) in cases {
            let error = result.unwrap_err();
            let cause = std::error::Error::source(&error).unwrap().to_string();
            assert!(matches!(error, SdkError::ConstructionFailure(_)) && cause.contains(says), "{cause}");
        }
    }
}
