//! HeadObject here beside the SDK's client for S3: with one configuration, one time and one object, both must send the same.

mod answers;
mod requests;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_s3::config::interceptors::BeforeTransmitInterceptorContextMut;
use aws_sdk_s3::config::{ConfigBag, Credentials, Intercept, RuntimeComponents, SharedCredentialsProvider};
use aws_smithy_http_client::test_util::infallible_client_fn;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::retry::RetryConfig;
use aws_types::sdk_config::TimeSource;
use aws_types::service_config::{LoadServiceConfig, ServiceConfigKey};

use super::*;

/// What goes over the wire, without what names the client and its attempts.
#[derive(Debug, PartialEq)]
struct Sent {
    method: String,
    uri: String,
    headers: BTreeMap<String, String>,
}

/// Headers in which the SDK's client names itself and its attempts. The first of them it would sign, if `Anonymous` let it.
const OF_THE_CLIENT: [&str; 4] =
    ["x-amz-user-agent", "user-agent", "amz-sdk-request", "amz-sdk-invocation-id"];

#[derive(Debug)]
struct Anonymous;

#[aws_smithy_runtime_api::client::interceptors::dyn_dispatch_hint]
impl Intercept for Anonymous {
    fn name(&self) -> &'static str {
        "Anonymous"
    }

    fn modify_before_signing(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        context.request_mut().headers_mut().remove(OF_THE_CLIENT[0]);
        Ok(())
    }
}

#[derive(Debug)]
struct Fixed;

impl TimeSource for Fixed {
    fn now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000)
    }
}

/// `AWS_ENDPOINT_URL_S3`, or the profile's.
#[derive(Debug)]
struct ForS3(&'static str);

impl LoadServiceConfig for ForS3 {
    fn load_config(&self, key: ServiceConfigKey<'_>) -> Option<String> {
        (key.service_id() == "S3" && key.env() == "AWS_ENDPOINT_URL").then(|| self.0.to_owned())
    }
}

#[derive(Clone, Copy, Debug, Default)]
struct Place {
    region: &'static str,
    endpoint: Option<&'static str>,
    endpoint_for_s3: Option<&'static str>,
    fips: bool,
    dual_stack: bool,
    token: bool,
}

type Headers = &'static [(&'static str, &'static [u8])];

/// Both clients at one place.
struct Pair {
    own: Lookup,
    sdk: aws_sdk_s3::Client,
    sent: Arc<Mutex<Vec<Sent>>>,
}

impl Pair {
    fn at(place: Place) -> Self {
        Self::answered(place, 200, &[])
    }

    fn answered(place: Place, status: u16, headers: Headers) -> Self {
        let sent: Arc<Mutex<Vec<Sent>>> = Arc::default();
        let log = Arc::clone(&sent);
        let http = infallible_client_fn(move |request: http::Request<SdkBody>| {
            let text = |value: &http::HeaderValue| value.to_str().unwrap().to_owned();
            let sent = request.headers().iter().map(|(name, value)| (name.to_string(), text(value)));
            let (method, uri) = (request.method().to_string(), request.uri().to_string());
            log.lock().unwrap().push(Sent { method, uri, headers: sent.collect() });
            let answer = http::Response::builder().status(status);
            headers
                .iter()
                .fold(answer, |answer, (name, value)| answer.header(*name, *value))
                .body("")
                .unwrap()
        });
        let token = place.token.then(|| "a/session+token==".to_owned());
        let credentials = Credentials::new("AKIDEXAMPLE", "a/secret", token, None, "test");
        let mut config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::new(place.region))
            .use_fips(place.fips)
            .use_dual_stack(place.dual_stack)
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .time_source(Fixed)
            .http_client(http);
        config.set_endpoint_url(place.endpoint.map(str::to_owned));
        if let Some(endpoint) = place.endpoint_for_s3 {
            config = config.service_config(ForS3(endpoint));
        }
        let config = config.build();
        let has_own = place.endpoint.or(place.endpoint_for_s3).is_some();
        let sdk = aws_sdk_s3::config::Builder::from(&config)
            .response_checksum_validation(aws_sdk_s3::config::ResponseChecksumValidation::WhenRequired)
            .retry_config(RetryConfig::standard().with_max_attempts(2))
            .force_path_style(has_own);
        let sdk = aws_sdk_s3::Client::from_conf(sdk.build());
        Self { own: Lookup::new(Clients::from_config(config)), sdk, sent }
    }

    /// What each of them sends for an object, the SDK's client first: nothing where it refuses.
    async fn send(&self, object: &ObjectName) -> [Option<Sent>; 2] {
        let sdk = self.sdk.head_object().bucket(&object.bucket).key(&object.key);
        let sdk = sdk.set_version_id(object.version.clone()).customize().interceptor(Anonymous).send().await;
        let mut by_sdk = self.sent.lock().unwrap().pop();
        if let Some(sent) = &mut by_sdk {
            sent.headers.retain(|name, _| !OF_THE_CLIENT.contains(&name.as_str()));
        }
        assert_eq!(sdk.is_ok(), by_sdk.is_some(), "{sdk:?}");
        let own = self.own.head(object, Duration::from_secs(60)).await;
        let mut by_own = self.sent.lock().unwrap().pop();
        assert_eq!(own.is_ok(), by_own.is_some(), "{own:?}");
        assert!(self.sent.lock().unwrap().is_empty());
        if let Some(sent) = &mut by_own {
            let agent = sent.headers.remove("user-agent").unwrap();
            assert_eq!(agent, concat!("hopguard/", env!("CARGO_PKG_VERSION")));
        }
        [by_sdk, by_own]
    }
}

fn object(bucket: &str, key: &str, version: Option<&str>) -> ObjectName {
    ObjectName { bucket: bucket.into(), key: key.into(), version: version.map(str::to_owned) }
}
