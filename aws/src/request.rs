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
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::config_bag::Layer;
use aws_smithy_types::error::ErrorMetadata;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use aws_types::SigningName;
use aws_types::region::SigningRegion;
use aws_types::service_config::ServiceConfigKey;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// A service that is asked without the SDK's client for it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Service {
    /// As configurations name it.
    pub(crate) id: &'static str,
    pub(crate) signing_name: &'static str,
    /// S3 signs a path as it is sent, encoded once and with its empty and its dotted segments, and has the hash of the body in a
    /// header.
    pub(crate) is_s3: bool,
}

/// Requests by the parts that the SDK's clients are made of: its signer, identity cache, timeouts and retries. What an
/// SDK client adds for one operation can be more of the layer than anything of hopguard (docs/adr/0015-head-object.md).
#[derive(Debug)]
pub(crate) struct Requests {
    service: Service,
    /// None where there is no HTTP client.
    signing: Option<SharedRuntimePlugin>,
    behavior: Option<BehaviorVersion>,
    retries: RetryConfig,
    timeouts: TimeoutConfig,
    user_agent: String,
}

/// One of them.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) operation: &'static str,
    pub(crate) method: &'static str,
    /// A URL, whose path is put before the request's.
    pub(crate) endpoint: String,
    /// The encoded path, and the query.
    pub(crate) path: String,
    pub(crate) body: Option<Body>,
}

/// JSON, and what the service's protocol says of it.
#[derive(Clone, Debug)]
pub(crate) struct Body {
    pub(crate) content_type: &'static str,
    /// The operation, where the protocol names it in a header.
    pub(crate) target: Option<&'static str>,
    pub(crate) json: String,
}

pub(crate) type Outcome<T> = Result<T, SdkError<ErrorMetadata, HttpResponse>>;

#[derive(Debug, thiserror::Error)]
#[error("this build has no HTTP client and was given none")]
struct NoHttpClient;

/// What is unreserved stays, as the signature demands.
pub(crate) const VALUE: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A query's value or one segment of a path.
pub(crate) fn encode(value: &str) -> impl std::fmt::Display {
    utf8_percent_encode(value, &VALUE)
}

impl Requests {
    pub(crate) fn new(
        config: &SdkConfig,
        service: Service,
        retries: RetryConfig,
        timeouts: TimeoutConfig,
    ) -> Self {
        let application = config.app_name().map(|name| format!(" app/{name}")).unwrap_or_default();
        Self {
            service,
            signing: config.http_client().map(|http| signing(config, service, http)),
            behavior: config.behavior_version(),
            retries,
            timeouts,
            user_agent: format!("hopguard/{}{application}", env!("CARGO_PKG_VERSION")),
        }
    }

    /// Sends a request, and reads its answer, body included: an error of `read` is the service's.
    pub(crate) async fn send<T>(
        &self,
        request: Request,
        read: fn(&HttpResponse) -> Result<T, ErrorMetadata>,
    ) -> Outcome<T>
    where
        T: std::fmt::Debug + Send + Sync + 'static,
    {
        // The builder takes it for a mistake of ours if there is none.
        let no_client = || SdkError::construction_failure(NoHttpClient);
        let signing = self.signing.clone().ok_or_else(no_client)?;
        let Request { operation, method, endpoint, path, body } = request;
        let user_agent = self.user_agent.clone();
        let mut builder = Operation::builder()
            .service_name(self.service.id)
            .operation_name(operation)
            .endpoint_url(&endpoint)
            .standard_retry(&self.retries)
            .retry_classifier(TransientErrorClassifier::<ErrorMetadata>::new())
            .retry_classifier(HttpStatusCodeClassifier::default())
            .timeout_config(self.timeouts.clone())
            .with_connection_poisoning()
            .runtime_plugin(signing);
        if let Some(behavior) = self.behavior {
            builder = builder.behavior_version(behavior);
        }
        let operation = builder
            .serializer(move |()| unsigned(method, &path, body.as_ref(), &user_agent))
            .deserializer(move |answer| read(answer).map_err(OrchestratorError::operation));
        operation.build().invoke(()).await
    }
}

fn unsigned(
    method: &str,
    path: &str,
    body: Option<&Body>,
    user_agent: &str,
) -> Result<HttpRequest, BoxError> {
    let mut request = HttpRequest::empty();
    if let Some(Body { content_type, target, json }) = body {
        request = HttpRequest::new(SdkBody::from(json.as_str()));
        request.headers_mut().try_insert("content-type", *content_type)?;
        if let Some(target) = target {
            request.headers_mut().try_insert("x-amz-target", *target)?;
        }
    }
    request.set_method(method)?;
    request.set_uri(path)?;
    // Not signed, as the SDK does not sign it either.
    request.headers_mut().try_insert("user-agent", user_agent.to_owned())?;
    Ok(request)
}

/// What all requests share: who signs them and how, and over which client they go.
fn signing(config: &SdkConfig, service: Service, http: SharedHttpClient) -> SharedRuntimePlugin {
    let mut signing_options = SigningOptions::default();
    signing_options.double_uri_encode = !service.is_s3;
    signing_options.normalize_uri_path = !service.is_s3;
    signing_options.content_sha256_header = service.is_s3;
    let mut layer = Layer::new("hopguard");
    layer.store_put(AuthSchemeOptionResolverParams::new(()));
    layer.store_put(SigV4OperationSigningConfig {
        region: config.region().cloned().map(SigningRegion::from),
        name: Some(SigningName::from_static(service.signing_name)),
        signing_options,
        ..SigV4OperationSigningConfig::default()
    });

    let sigv4 = SharedAuthSchemeOptionResolver::new(StaticAuthSchemeOptionResolver::new(vec![SCHEME_ID]));
    let credentials = config.identity_cache().unwrap_or_else(|| IdentityCache::lazy().build());
    let mut components = RuntimeComponentsBuilder::new("hopguard")
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

/// The endpoint that was set for a service or for all of them. As the SDK has it: one set in code comes first, then the service's
/// own of the environment or the profile.
pub(crate) fn own_endpoint(config: &SdkConfig, service: &str) -> Option<String> {
    let for_all = || config.endpoint_url().map(str::to_owned);
    if config.get_origin("endpoint_url").is_client_config() {
        return for_all();
    }
    let key = ServiceConfigKey::builder().service_id(service).env("AWS_ENDPOINT_URL").profile("endpoint_url");
    let for_service = || config.service_config()?.load_config(key.build().ok()?);
    for_service().or_else(for_all)
}
