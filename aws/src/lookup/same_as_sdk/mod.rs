//! HeadObject here beside the SDK's client for S3: with one configuration, one time and one object, both must send the same.

mod answers;
mod requests;

use std::time::Duration;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_s3::config::{Credentials, SharedCredentialsProvider};
use aws_smithy_types::retry::RetryConfig;
use aws_types::service_config::{LoadServiceConfig, ServiceConfigKey};

use super::*;
use crate::wire::{Anonymous, Fixed, Headers, Sent, Wire};

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

/// Both clients at one place.
struct Pair {
    own: Lookup,
    sdk: aws_sdk_s3::Client,
    wire: Wire,
}

impl Pair {
    fn at(place: Place) -> Self {
        Self::answered(place, 200, &[])
    }

    fn answered(place: Place, status: u16, headers: Headers) -> Self {
        let wire = Wire::answered(status, headers, "");
        let token = place.token.then(|| "a/session+token==".to_owned());
        let credentials = Credentials::new("AKIDEXAMPLE", "a/secret", token, None, "test");
        let mut config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::new(place.region))
            .use_fips(place.fips)
            .use_dual_stack(place.dual_stack)
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .time_source(Fixed)
            .http_client(wire.client.clone());
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
        Self { own: Lookup::new(Clients::from_config(config)), sdk, wire }
    }

    /// What each of them sends for an object, the SDK's client first: nothing where it refuses.
    async fn send(&self, object: &ObjectName) -> [Option<Sent>; 2] {
        let sdk = self.sdk.head_object().bucket(&object.bucket).key(&object.key);
        let sdk = sdk.set_version_id(object.version.clone()).customize().interceptor(Anonymous).send().await;
        let one = |sent: Vec<Sent>| {
            assert!(sent.len() <= 1, "{sent:?}");
            sent.into_iter().next()
        };
        let by_sdk = one(self.wire.sent());
        assert_eq!(sdk.is_ok(), by_sdk.is_some(), "{sdk:?}");
        let own = self.own.head(object, Duration::from_secs(60)).await;
        let by_own = one(self.wire.sent());
        assert_eq!(own.is_ok(), by_own.is_some(), "{own:?}");
        [by_sdk, by_own]
    }
}

fn object(bucket: &str, key: &str, version: Option<&str>) -> ObjectName {
    ObjectName { bucket: bucket.into(), key: key.into(), version: version.map(str::to_owned) }
}
