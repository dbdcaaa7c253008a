use aws_config::{Region, SdkConfig};

use super::head_object::S3;
use crate::request::{encode, own_endpoint};

/// Where S3 is, by an SDK configuration: what the SDK's rules for S3's endpoints say of a general purpose bucket.
#[derive(Clone, Debug)]
pub(super) struct Endpoint {
    /// An endpoint of the user's: an emulator, another store, or an interface endpoint.
    own: Option<String>,
    region: Option<Region>,
    fips: bool,
    dual_stack: bool,
}

/// A bucket that no request can be sent to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum EndpointError {
    #[error("a Region must be set: AWS_REGION")]
    NoRegion,
    #[error("the bucket has no name")]
    NoBucket,
    #[error("{bucket:?} is not a general purpose bucket, and hopguard asks for objects of no other")]
    OtherKind { bucket: String },
    #[error("an endpoint of your own cannot be used with FIPS or dual-stack endpoints")]
    OwnVariant,
    #[error("{region} has no FIPS endpoint of S3")]
    NoFips { region: Region },
}

/// The domains of AWS's partitions, by how the names of their Regions begin. All others, GovCloud's too, are below
/// `amazonaws.com`.
const DOMAINS: [(&str, &str); 6] = [
    (CHINA, "amazonaws.com.cn"),
    ("eusc-", "amazonaws.eu"),
    ("us-iso-", "c2s.ic.gov"),
    ("us-isob-", "sc2s.sgov.gov"),
    ("eu-isoe-", "cloud.adc-e.uk"),
    ("us-isof-", "csp.hci.ic.gov"),
];

const CHINA: &str = "cn-";

impl Endpoint {
    pub(super) fn of(config: &SdkConfig) -> Self {
        Self {
            own: own_endpoint(config, S3.id),
            region: config.region().cloned(),
            fips: config.use_fips().unwrap_or(false),
            dual_stack: config.use_dual_stack().unwrap_or(false),
        }
    }

    /// The URL that a bucket's keys come below, without a slash at its end.
    ///
    /// The bucket is part of the host's name where it can be one label of it. It is in the path where its name has dots, which
    /// no certificate of S3's covers, and at an endpoint of the user's: a bucket's name before such a host rarely resolves,
    /// while all of them take it in the path.
    pub(super) fn url(&self, bucket: &str) -> Result<String, EndpointError> {
        let region = self.region.as_ref().ok_or(EndpointError::NoRegion)?;
        if bucket.is_empty() {
            return Err(EndpointError::NoBucket);
        }
        if is_other_kind(bucket) {
            return Err(EndpointError::OtherKind { bucket: bucket.to_owned() });
        }
        if let Some(own) = &self.own {
            if self.fips || self.dual_stack {
                return Err(EndpointError::OwnVariant);
            }
            return Ok(format!("{}/{}", own.trim_end_matches('/'), encode(bucket)));
        }
        if self.fips && region.as_ref().starts_with(CHINA) {
            return Err(EndpointError::NoFips { region: region.clone() });
        }
        let fips = if self.fips { "-fips" } else { "" };
        let dual_stack = if self.dual_stack { ".dualstack" } else { "" };
        let host = format!("s3{fips}{dual_stack}.{region}.{}", domain(region));
        Ok(if is_label(bucket) {
            format!("https://{bucket}.{host}")
        } else {
            format!("https://{host}/{}", encode(bucket))
        })
    }
}

fn domain(region: &Region) -> &'static str {
    let of = |(prefix, _): &&(&str, &str)| region.as_ref().starts_with(prefix);
    DOMAINS.iter().find(of).map_or("amazonaws.com", |(_, domain)| domain)
}

/// An access point by its ARN, a directory bucket or an access point of one, or the alias of an access point on Outposts. They
/// have other hosts, and directory buckets have sessions of their own.
fn is_other_kind(bucket: &str) -> bool {
    bucket.starts_with("arn:") || ["--x-s3", "--xa-s3", "--op-s3"].iter().any(|end| bucket.ends_with(end))
}

/// Whether the bucket's name can be one label of a host's name. Old buckets of us-east-1 may have capitals and underscores.
fn is_label(bucket: &str) -> bool {
    let is_inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let ends = [bucket.as_bytes().first(), bucket.as_bytes().last()];
    (3..=63).contains(&bucket.len())
        && bucket.bytes().all(is_inner)
        && ends.iter().all(|end| end.is_some_and(|byte| *byte != b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All else is in `same_as_sdk`: the SDK's client puts such a path and the bucket together without a slash.
    #[test]
    fn an_endpoint_may_have_a_path() {
        for own in ["http://127.0.0.1:9/s3", "http://127.0.0.1:9/s3/"] {
            let config = SdkConfig::builder().region(Region::new("us-east-1")).endpoint_url(own).build();
            assert_eq!(Endpoint::of(&config).url("a.b").as_deref(), Ok("http://127.0.0.1:9/s3/a.b"));
        }
    }
}
