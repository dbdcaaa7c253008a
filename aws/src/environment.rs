//! The configuration of clients inside a Lambda execution environment.

use std::borrow::Cow;
use std::sync::Arc;

use aws_config::ecs::EcsCredentialsProvider;
use aws_config::environment::EnvironmentVariableCredentialsProvider;
use aws_config::meta::credentials::CredentialsProviderChain;
use aws_config::provider_config::ProviderConfig;
use aws_config::{Region, SdkConfig};
use aws_sdk_lambda::config::SharedCredentialsProvider;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_types::service_config::{LoadServiceConfig, ServiceConfigKey};

/// Reads Region, endpoints and credentials where Lambda puts them, and nowhere else: the variables that it sets in every
/// environment, and for credentials the local endpoint that an environment with SnapStart has instead, asked by `http`.
///
/// The SDK's default chain looks at profiles, at EC2 and at identity providers too, which a function has none of; what it is
/// made of is a fifth of the layer's binary.
pub fn config(
    http: Option<SharedHttpClient>,
    variable: impl Fn(&str) -> Option<String> + Send + Sync + 'static,
) -> SdkConfig {
    let set = |name: &str| variable(name).filter(|value| !value.is_empty());
    let region = set("AWS_REGION").or_else(|| set("AWS_DEFAULT_REGION")).map(Region::new);
    let mut provider = ProviderConfig::without_region();
    if let Some(http) = &http {
        provider = provider.with_http_client(http.clone());
    }
    let credentials =
        CredentialsProviderChain::first_try("Environment", EnvironmentVariableCredentialsProvider::new())
            .or_else("Container", EcsCredentialsProvider::builder().configure(&provider).build());
    let mut config =
        SdkConfig::builder().region(region).credentials_provider(SharedCredentialsProvider::new(credentials));
    config.set_endpoint_url(set("AWS_ENDPOINT_URL"));
    config.set_http_client(http);
    config.service_config(Variables(Arc::new(variable))).build()
}

type Read = dyn Fn(&str) -> Option<String> + Send + Sync;

/// `AWS_ENDPOINT_URL_LAMBDA` and its like.
struct Variables(Arc<Read>);

impl LoadServiceConfig for Variables {
    fn load_config(&self, key: ServiceConfigKey<'_>) -> Option<String> {
        let service: Cow<'_, str> = key.service_id().to_ascii_uppercase().replace(' ', "_").into();
        (self.0)(&format!("{}_{service}", key.env())).filter(|value| !value.is_empty())
    }
}

impl std::fmt::Debug for Variables {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Variables")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lambda_sets_is_read() {
        let variable = |name: &str| match name {
            "AWS_REGION" => Some("eu-central-1".to_owned()),
            "AWS_DEFAULT_REGION" => Some("us-east-1".to_owned()),
            "AWS_ENDPOINT_URL_LAMBDA" => Some("http://127.0.0.1:1".to_owned()),
            _ => None,
        };
        let config = config(None, variable);
        assert_eq!(config.region().map(AsRef::as_ref), Some("eu-central-1"));
        assert_eq!(config.endpoint_url(), None);
        let key = |service| {
            ServiceConfigKey::builder()
                .service_id(service)
                .env("AWS_ENDPOINT_URL")
                .profile("endpoint_url")
                .build()
                .unwrap()
        };
        let service = config.service_config().unwrap();
        assert_eq!(service.load_config(key("Lambda")).as_deref(), Some("http://127.0.0.1:1"));
        assert_eq!(service.load_config(key("SQS")), None);
        assert!(config.credentials_provider().is_some());
    }

    /// In a process of its own: the SDK's providers read its environment, which a test must not change.
    #[tokio::test]
    async fn credentials_come_from_the_container_endpoint_where_lambda_names_one() {
        use aws_config::BehaviorVersion;
        use aws_sdk_lambda::config::ProvideCredentials as _;
        use aws_smithy_http_client::test_util::infallible_client_fn;

        const NAME: &str =
            "environment::tests::credentials_come_from_the_container_endpoint_where_lambda_names_one";
        const URI: &str = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
        if std::env::var_os(URI).is_none() {
            let mut own = std::process::Command::new(std::env::current_exe().unwrap());
            own.args(["--exact", NAME]).env(URI, "http://127.0.0.1:9001/credentials");
            own.env_remove("AWS_ACCESS_KEY_ID").env("AWS_CONTAINER_AUTHORIZATION_TOKEN", "token");
            assert!(own.status().unwrap().success());
            return;
        }
        let http = infallible_client_fn(|request: http::Request<aws_smithy_types::body::SdkBody>| {
            assert_eq!(request.uri(), "http://127.0.0.1:9001/credentials");
            assert_eq!(request.headers()["authorization"], "token");
            http::Response::new(
                r#"{"AccessKeyId":"AKID","SecretAccessKey":"secret","Token":"t","Expiration":"2099-01-01T00:00:00Z"}"#,
            )
        });
        let config = config(Some(http), |_| None).to_builder().behavior_version(BehaviorVersion::latest());
        let found = config.build().credentials_provider().unwrap().provide_credentials().await.unwrap();
        assert_eq!(found.access_key_id(), "AKID");
    }
}
