use std::collections::HashMap;
use std::str::FromStr;

use aws_smithy_runtime_api::http::Headers;
use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;

/// What HeadObject says of an object, as far as a copy with MetadataDirective `REPLACE` needs it to keep the object's metadata.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Head {
    /// User metadata. S3 gives the names in lower case and without `x-amz-meta-`.
    pub metadata: HashMap<String, String>,
    /// User metadata that S3 holds and cannot express in headers; more than 0 says that `metadata` is incomplete.
    pub missing_metadata: u32,
    /// The eTag, with its quotes.
    pub e_tag: Option<String>,
    /// The version that was read.
    pub version: Option<String>,
    /// `Content-Type`.
    pub content_type: Option<String>,
    /// `Cache-Control`.
    pub cache_control: Option<String>,
    /// `Content-Disposition`.
    pub content_disposition: Option<String>,
    /// `Content-Encoding`.
    pub content_encoding: Option<String>,
    /// `Content-Language`.
    pub content_language: Option<String>,
    /// `Expires`, where it is a date.
    pub expires: Option<DateTime>,
    /// `x-amz-website-redirect-location`.
    pub website_redirect: Option<String>,
}

/// A header that a copy of the object would lose or falsify.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the header {name} is there twice or unreadable")]
pub(super) struct HeaderError {
    name: String,
}

const USER_METADATA: &str = "x-amz-meta-";

impl Head {
    pub(super) fn of(headers: &Headers) -> Result<Self, HeaderError> {
        let mut metadata = HashMap::new();
        for (name, _) in headers.iter_bytes() {
            let Some(short) = name.strip_prefix(USER_METADATA) else { continue };
            if let Some(value) = one(headers, name)? {
                metadata.insert(short.to_owned(), value);
            }
        }
        let text = |name| one::<String>(headers, name);
        Ok(Self {
            metadata,
            missing_metadata: one(headers, "x-amz-missing-meta")?.unwrap_or(0),
            e_tag: text("etag")?,
            version: text("x-amz-version-id")?,
            content_type: text("content-type")?,
            cache_control: text("cache-control")?,
            content_disposition: text("content-disposition")?,
            content_encoding: text("content-encoding")?,
            content_language: text("content-language")?,
            expires: text("expires")?.and_then(|text| DateTime::from_str(&text, Format::HttpDate).ok()),
            website_redirect: text("x-amz-website-redirect-location")?,
        })
    }
}

fn one<T: FromStr>(headers: &Headers, name: &str) -> Result<Option<T>, HeaderError> {
    let mut values = headers.get_all_bytes(name);
    let (Some(first), more) = (values.next(), values.next()) else { return Ok(None) };
    let text = std::str::from_utf8(first).ok().filter(|_| more.is_none());
    let value = text.and_then(|text| text.trim().parse().ok());
    value.map(Some).ok_or_else(|| HeaderError { name: name.to_owned() })
}
