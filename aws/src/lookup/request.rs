use aws_config::{BehaviorVersion, SdkConfig};
use aws_runtime::auth::sigv4::{SCHEME_ID, SigV4AuthScheme};
use aws_runtime::auth::{SigV4OperationSigningConfig, SigningOptions};
use aws_smithy_runtime::client::identity::IdentityCache;
use aws_smithy_runtime::client::orchestrator::operation::Operation;
use aws_smithy_runtime::client::retries::classifiers::{HttpStatusCodeClassifier, TransientErrorClassifier};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::auth::static_resolver::StaticAuthSchemeOptionResolver;
use aws_smithy_runtime_api::client::auth::{AuthSchemeOptionResolverParams, SharedAuthSchemeOptionResolver};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse, OrchestratorError};
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponentsBuilder;
use aws_smithy_runtime_api::client::runtime_plugin::{SharedRuntimePlugin, StaticRuntimePlugin};
use aws_smithy_runtime_api::shared::IntoShared as _;
use aws_smithy_types::config_bag::Layer;
use aws_smithy_types::error::ErrorMetadata;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use aws_types::SigningName;
use aws_types::region::SigningRegion;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::ObjectName;
use super::endpoint::Endpoint;
use super::head::{Head, HeaderError};

/// HeadObject by the parts that the SDK's clients are made of: its signer, identity cache, timeouts and retries. The client for S3
/// itself would be 0.6 MiB of the layer (docs/adr/0015-head-object.md).
#[derive(Debug)]
pub(crate) struct HeadObject {
    endpoint: Endpoint,
    /// None where there is no HTTP client.
    signing: Option<SharedRuntimePlugin>,
    behavior: Option<BehaviorVersion>,
    retries: RetryConfig,
    timeouts: TimeoutConfig,
    user_agent: String,
}

#[derive(Debug, thiserror::Error)]
enum RequestError {
    #[error("the object has no key")]
    NoKey,
    #[error("this build has no HTTP client and was given none")]
    NoHttpClient,
}

/// What is unreserved stays, as the signature demands, and so do the slashes of a key.
const KEY: AsciiSet = VALUE.remove(b'/');
const VALUE: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

impl HeadObject {
    pub(crate) fn new(config: &SdkConfig, retries: RetryConfig, timeouts: TimeoutConfig) -> Self {
        let application = config.app_name().map(|name| format!(" app/{name}")).unwrap_or_default();
        Self {
            endpoint: Endpoint::of(config),
            signing: config.http_client().map(|http| signing(config, http)),
            behavior: config.behavior_version(),
            retries,
            timeouts,
            user_agent: format!("hopguard/{}{application}", env!("CARGO_PKG_VERSION")),
        }
    }

    pub(super) async fn send(
        &self,
        object: &ObjectName,
    ) -> Result<Head, SdkError<ErrorMetadata, HttpResponse>> {
        let url = self.endpoint.url(&object.bucket).map_err(SdkError::construction_failure)?;
        let path = path(object).map_err(SdkError::construction_failure)?;
        // The builder takes it for a mistake of ours if there is none.
        let no_client = || SdkError::construction_failure(RequestError::NoHttpClient);
        let signing = self.signing.clone().ok_or_else(no_client)?;
        let user_agent = self.user_agent.clone();
        let mut operation = Operation::builder()
            .service_name("S3")
            .operation_name("HeadObject")
            .endpoint_url(&url)
            .standard_retry(&self.retries)
            .retry_classifier(TransientErrorClassifier::<ErrorMetadata>::new())
            .retry_classifier(HttpStatusCodeClassifier::default())
            .timeout_config(self.timeouts.clone())
            .with_connection_poisoning()
            .runtime_plugin(signing);
        if let Some(behavior) = self.behavior {
            operation = operation.behavior_version(behavior);
        }
        let operation = operation.serializer(move |()| request(&path, &user_agent)).deserializer(answer);
        operation.build().invoke(()).await
    }
}

/// What all requests share: who signs them and how, and over which client they go.
fn signing(config: &SdkConfig, http: SharedHttpClient) -> SharedRuntimePlugin {
    let mut signing_options = SigningOptions::default();
    // S3 signs a path as it is sent: encoded once, with its empty and its dotted segments.
    signing_options.double_uri_encode = false;
    signing_options.normalize_uri_path = false;
    signing_options.content_sha256_header = true;
    let mut layer = Layer::new("HeadObject");
    layer.store_put(AuthSchemeOptionResolverParams::new(()));
    layer.store_put(SigV4OperationSigningConfig {
        region: config.region().cloned().map(SigningRegion::from),
        name: Some(SigningName::from_static("s3")),
        signing_options,
        ..SigV4OperationSigningConfig::default()
    });

    let sigv4 = SharedAuthSchemeOptionResolver::new(StaticAuthSchemeOptionResolver::new(vec![SCHEME_ID]));
    let credentials = config.identity_cache().unwrap_or_else(|| IdentityCache::lazy().build());
    let mut components = RuntimeComponentsBuilder::new("HeadObject")
        .with_http_client(Some(http))
        .with_auth_scheme(SigV4AuthScheme::new())
        .with_auth_scheme_option_resolver(Some(sigv4))
        .with_identity_cache(Some(credentials));
    if let Some(provider) = config.credentials_provider() {
        components.set_identity_resolver(SCHEME_ID, provider);
    }
    // Without them, the SDK's own serve.
    if let Some(sleep) = config.sleep_impl() {
        components.set_sleep_impl(Some(sleep));
    }
    if let Some(time) = config.time_source() {
        components.set_time_source(Some(time));
    }
    StaticRuntimePlugin::new().with_config(layer.freeze()).with_runtime_components(components).into_shared()
}

fn path(object: &ObjectName) -> Result<String, RequestError> {
    if object.key.is_empty() {
        // Without a key it would be HeadBucket.
        return Err(RequestError::NoKey);
    }
    let key = utf8_percent_encode(&object.key, &KEY);
    Ok(match &object.version {
        Some(version) => format!("/{key}?versionId={}", encode(version)),
        None => format!("/{key}"),
    })
}

pub(super) fn encode(value: &str) -> impl std::fmt::Display {
    utf8_percent_encode(value, &VALUE)
}

fn request(path: &str, user_agent: &str) -> Result<HttpRequest, BoxError> {
    let mut request = HttpRequest::empty();
    request.set_method("HEAD")?;
    request.set_uri(path)?;
    // Not signed, as the SDK does not sign it either.
    request.headers_mut().try_insert("user-agent", user_agent.to_owned())?;
    Ok(request)
}

/// An error has its status alone: a HEAD has no body that would name it.
fn answer(response: &HttpResponse) -> Result<Head, OrchestratorError<ErrorMetadata>> {
    let error = ErrorMetadata::builder();
    if !response.status().is_success() {
        return Err(OrchestratorError::operation(error.build()));
    }
    let unreadable =
        |header: HeaderError| OrchestratorError::operation(error.message(header.to_string()).build());
    Head::of(response.headers()).map_err(unreadable)
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
