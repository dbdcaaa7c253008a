//! HeadObject here beside the SDK's client for S3: with one configuration, one time and one object, both must send the same.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_s3::config::interceptors::BeforeTransmitInterceptorContextMut;
use aws_sdk_s3::config::{ConfigBag, Credentials, Intercept, RuntimeComponents, SharedCredentialsProvider};
use aws_smithy_http_client::test_util::infallible_client_fn;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_types::DateTime;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::date_time::Format;
use aws_smithy_types::retry::RetryConfig;
use aws_types::sdk_config::TimeSource;
use aws_types::service_config::{LoadServiceConfig, ServiceConfigKey};
use proptest::prelude::*;

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

const BUCKETS: [&str; 15] = [
    "orders",
    "in",
    "a1-",
    "-a1",
    "a.b.c",
    "a..b",
    "192.168.1.1",
    "with_underscore",
    "Capitals",
    "xn--orders",
    "orders-123456789012-s3alias",
    "0123456789",
    "sixty-three-0123456789012345678901234567890123456789012345678-z",
    "sixty-four-01234567890123456789012345678901234567890123456789--z",
    "odd name%/?",
];

#[tokio::test]
async fn wherever_the_bucket_is() {
    let regions = [
        "us-east-1",
        "eu-central-1",
        "il-central-1",
        "us-gov-west-1",
        "cn-north-1",
        "eusc-de-east-1",
        "us-iso-east-1",
        "us-isob-east-1",
        "eu-isoe-west-1",
        "us-isof-south-1",
        "zz-future-7",
    ];
    let variants = [(false, false), (true, false), (false, true), (true, true)];
    let (mut sent, mut refused) = (0, 0);
    for region in regions {
        for (fips, dual_stack) in variants {
            let place = Place { region, fips, dual_stack, ..Place::default() };
            let pair = Pair::at(place);
            for bucket in BUCKETS {
                let [by_sdk, by_own] = pair.send(&object(bucket, "key", None)).await;
                *if by_sdk.is_some() { &mut sent } else { &mut refused } += 1;
                assert_eq!(by_own, by_sdk, "{place:?} {bucket}");
            }
        }
    }
    assert_eq!((sent, refused), ((11 * 4 - 2) * BUCKETS.len(), 2 * BUCKETS.len()), "FIPS in China");
}

#[tokio::test]
async fn at_an_endpoint_of_the_users() {
    const ONE: &str = "http://127.0.0.1:9";
    const TWO: &str = "https://bucket.vpce-1a2b3c4d-5e6f.s3.us-east-1.vpce.amazonaws.com/";
    let endpoints = [(Some(ONE), None), (None, Some(ONE)), (Some(TWO), None), (Some(ONE), Some(TWO))];
    for (endpoint, endpoint_for_s3) in endpoints {
        for (fips, dual_stack) in [(false, false), (true, false), (false, true)] {
            let place =
                Place { region: "us-east-1", endpoint, endpoint_for_s3, fips, dual_stack, token: true };
            let pair = Pair::at(place);
            for bucket in BUCKETS {
                let [by_sdk, by_own] = pair.send(&object(bucket, "a/b", Some("v1"))).await;
                assert_eq!(by_sdk.is_some(), !fips && !dual_stack, "{place:?}");
                assert_eq!(by_own, by_sdk, "{place:?} {bucket}");
            }
        }
    }
}

#[tokio::test]
async fn whatever_the_key_and_the_version_are() {
    let keys = [
        "key",
        "a b/ü.txt",
        "/leading//and/trailing/",
        "./a/../b/.",
        "a+b=c&d?e#f%20%zz",
        "~-._!$'()*,;:@[]",
        "\"<>\\^`{|}",
        "\u{1}\t\n\u{7f}",
        "🐱/𝔸",
        "-",
    ];
    let versions = [None, Some("v1"), Some("null"), Some("3/L4kqtJ+lc=&x"), Some("")];
    for (token, bucket) in [(false, "orders"), (true, "orders"), (true, "a.b.c")] {
        let pair = Pair::at(Place { region: "eu-west-1", token, ..Place::default() });
        for key in keys {
            for version in versions {
                let [by_sdk, by_own] = pair.send(&object(bucket, key, version)).await;
                assert!(by_sdk.is_some());
                assert_eq!(by_own, by_sdk, "{bucket} {key:?} {version:?}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn whatever_the_answer_is() {
    let object = object("orders", "a", None);
    let deadline = || Instant::now() + Duration::from_secs(60);
    for status in [200, 204, 206, 301, 304, 307, 400, 403, 404, 405, 412, 429, 500, 501, 502, 503, 504] {
        let pair = Pair::answered(Place { region: "us-east-1", ..Place::default() }, status, &[]);
        let mut results = Vec::new();
        let by_sdk = pair.sdk.head_object().bucket("orders").key("a").send();
        results.push((within(deadline(), by_sdk).await.err(), pair.sent.lock().unwrap().drain(..).count()));
        let by_own = async { pair.own.clients.head_object().await.send(&object).await };
        results.push((within(deadline(), by_own).await.err(), pair.sent.lock().unwrap().drain(..).count()));
        // Of a HEAD's errors the SDK names this one alone.
        if let (404, Some(failure)) = (status, &mut results[0].0) {
            assert_eq!(failure.code.take().as_deref(), Some("NotFound"));
            failure.detail = "error (404)".into();
        }
        assert_eq!(results[1], results[0], "{status}");
        assert_eq!(results[1].0.is_none(), status < 300, "{status}");
    }
}

#[tokio::test]
async fn whatever_the_headers_are() {
    let cases: [Headers; 9] = [
        &[],
        &[("x-amz-meta-a", b" b "), ("x-amz-meta-", b""), ("X-Amz-Meta-Team", b"\xc3\xbc")],
        &[("x-amz-missing-meta", b"3"), ("etag", b"\"x\""), ("x-amz-version-id", b"null")],
        &[("expires", b"tomorrow"), ("content-type", b"text/plain; charset=utf-8"), ("cache-control", b"")],
        &[("x-amz-meta-a", b"\xff")],
        &[("x-amz-meta-a", b"1"), ("x-amz-meta-a", b"2")],
        &[("content-type", b"\xff")],
        &[("etag", b"1"), ("etag", b"2")],
        &[("x-amz-missing-meta", b"many")],
    ];
    for (nth, headers) in cases.into_iter().enumerate() {
        let pair = Pair::answered(Place { region: "us-east-1", ..Place::default() }, 200, headers);
        let by_sdk = pair.sdk.head_object().bucket("orders").key("a").send().await;
        let by_own = pair.own.head(&object("orders", "a", None), Duration::from_secs(60)).await;
        assert_eq!(by_own.is_ok(), nth < 4, "{nth}: {by_own:?}");
        assert_eq!(by_own.ok(), by_sdk.ok().map(head), "{nth}");
    }
}

fn head(sdk: aws_sdk_s3::operation::head_object::HeadObjectOutput) -> Head {
    let expires = sdk.expires_string.as_deref();
    Head {
        metadata: sdk.metadata.unwrap_or_default(),
        missing_metadata: sdk.missing_meta.unwrap_or_default().try_into().unwrap(),
        e_tag: sdk.e_tag,
        version: sdk.version_id,
        content_type: sdk.content_type,
        cache_control: sdk.cache_control,
        content_disposition: sdk.content_disposition,
        content_encoding: sdk.content_encoding,
        content_language: sdk.content_language,
        expires: expires.and_then(|text| DateTime::from_str(text, Format::HttpDate).ok()),
        website_redirect: sdk.website_redirect_location,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn for_any_name(bucket in "[a-z0-9.-]{1,66}|\\PC{1,20}", key in "[ -~]{1,40}|.{1,40}", version in proptest::option::of(".{0,20}")) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        for endpoint in [None, Some("http://127.0.0.1:9")] {
            let pair = Pair::at(Place { region: "us-east-2", endpoint, token: true, ..Place::default() });
            let [by_sdk, by_own] = runtime.block_on(pair.send(&object(&bucket, &key, version.as_deref())));
            prop_assert_eq!(by_own, by_sdk);
        }
    }
}
