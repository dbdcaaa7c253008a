use aws_config::{BehaviorVersion, SdkConfig};
use aws_runtime::auth::sigv4::{SCHEME_ID, SigV4AuthScheme};
use aws_runtime::auth::{SigV4OperationSigningConfig, SigningOptions};
use aws_smithy_runtime::client::identity::IdentityCache;
use aws_smithy_runtime::client::orchestrator::operation::Operation;
use aws_smithy_runtime::client::retries::classifiers::{HttpStatusCodeClassifier, TransientErrorClassifier};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::auth::static_resolver::StaticAuthSchemeOptionResolver;
use aws_smithy_runtime_api::client::auth::{AuthSchemeOptionResolverParams, SharedAuthSchemeOptionResolver};
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
/// itself would be 0.3 MiB of the layer.
#[derive(Debug)]
pub(crate) struct HeadObject {
    endpoint: Endpoint,
    plugin: SharedRuntimePlugin,
    behavior: Option<BehaviorVersion>,
    retries: RetryConfig,
    timeouts: TimeoutConfig,
    user_agent: String,
    has_http_client: bool,
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
            .with_http_client(config.http_client())
            .with_auth_scheme(SigV4AuthScheme::new())
            .with_auth_scheme_option_resolver(Some(sigv4))
            .with_identity_cache(Some(credentials));
        if let Some(provider) = config.credentials_provider() {
            components.set_identity_resolver(SCHEME_ID, provider);
        }
        if let Some(sleep) = config.sleep_impl() {
            components.set_sleep_impl(Some(sleep));
        }
        if let Some(time) = config.time_source() {
            components.set_time_source(Some(time));
        }

        let application = config.app_name().map(|name| format!(" app/{name}")).unwrap_or_default();
        Self {
            endpoint: Endpoint::of(config),
            plugin: StaticRuntimePlugin::new()
                .with_config(layer.freeze())
                .with_runtime_components(components)
                .into_shared(),
            behavior: config.behavior_version(),
            retries,
            timeouts,
            user_agent: format!("hopguard/{}{application}", env!("CARGO_PKG_VERSION")),
            has_http_client: config.http_client().is_some(),
        }
    }

    pub(super) async fn send(
        &self,
        object: &ObjectName,
    ) -> Result<Head, SdkError<ErrorMetadata, HttpResponse>> {
        let url = self.endpoint.url(&object.bucket).map_err(SdkError::construction_failure)?;
        let path = path(object).map_err(SdkError::construction_failure)?;
        if !self.has_http_client {
            return Err(SdkError::construction_failure(RequestError::NoHttpClient));
        }
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
            .runtime_plugin(self.plugin.clone());
        if let Some(behavior) = self.behavior {
            operation = operation.behavior_version(behavior);
        }
        let operation = operation.serializer(move |()| request(&path, &user_agent)).deserializer(answer);
        operation.build().invoke(()).await
    }
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
