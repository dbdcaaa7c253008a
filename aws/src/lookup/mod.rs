mod endpoint;
mod head;
mod head_object;
#[cfg(test)]
mod same_as_sdk;

use std::time::Duration;

use tokio::time::Instant;

use crate::clients::Clients;
use crate::failure::{Failure, Kind, within};

pub use head::Head;
pub(crate) use head_object::HeadObject;

/// Asks S3 for the metadata of objects: a notification carries none. Remembers nothing.
#[derive(Clone, Debug)]
pub struct Lookup {
    clients: Clients,
}

/// One object.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ObjectName {
    /// Its bucket.
    pub bucket: String,
    /// Its key, decoded: in a notification it is URL-encoded.
    pub key: String,
    /// Its version, in a bucket that has versions; the newest one otherwise.
    pub version: Option<String>,
}

/// An object's metadata could not be looked up. Its record then starts a new chain.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LookupError {
    /// The object or this version of it is gone.
    #[error("the object is gone")]
    NotFound,
    /// A permission is missing. Without `s3:ListBucket`, S3 answers so for an object that is gone, too.
    #[error(
        "HeadObject was denied: allow s3:GetObject (with a version s3:GetObjectVersion) on the object, and s3:ListBucket on the bucket ({detail})"
    )]
    Denied {
        /// What S3 answered.
        detail: String,
    },
    /// No answer within the time given.
    #[error("HeadObject was not answered within {limit:?}")]
    Timeout {
        /// The time given.
        limit: Duration,
    },
    /// Another error.
    #[error("HeadObject failed: {detail}")]
    Other {
        /// What the SDK says.
        detail: String,
    },
}

impl Lookup {
    /// A lookup by these clients.
    pub fn new(clients: Clients) -> Self {
        Self { clients }
    }

    /// Reads an object's metadata by one HeadObject, of which the first failure is repeated within the time given.
    ///
    /// # Errors
    /// [`LookupError::NotFound`], [`LookupError::Denied`], [`LookupError::Timeout`] after `timeout`, and
    /// [`LookupError::Other`] for everything else.
    pub async fn head(&self, object: &ObjectName, timeout: Duration) -> Result<Head, LookupError> {
        let answer =
            within(Instant::now() + timeout, async { self.clients.head_object().await.send(object).await });
        answer.await.map_err(|failure| LookupError::of(failure, timeout))
    }
}

impl LookupError {
    fn of(failure: Failure, limit: Duration) -> Self {
        match failure.kind {
            Kind::NotFound => Self::NotFound,
            // 405: this version is a delete marker. A HEAD has no body that would name its error.
            _ if failure.status == Some(405) => Self::NotFound,
            Kind::Denied => Self::Denied { detail: failure.detail },
            Kind::OutOfTime => Self::Timeout { limit },
            _ => Self::Other { detail: failure.detail },
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use aws_smithy_types::DateTime;

    use super::*;
    use crate::testing::{Answer, Fake, ok, silent};

    fn object(version: Option<&str>) -> ObjectName {
        ObjectName { bucket: "in".into(), key: "a b/ü.txt".into(), version: version.map(str::to_owned) }
    }

    async fn head(answer: Answer) -> (Result<Head, LookupError>, Vec<String>) {
        let fake = Fake::new(move |_| answer.clone());
        let result =
            Lookup::new(fake.clients.clone()).head(&object(Some("v1")), Duration::from_secs(1)).await;
        (result, fake.calls().into_iter().map(|call| format!("{} {}", call.method, call.path)).collect())
    }

    #[tokio::test]
    async fn everything_that_a_copy_needs_is_read() {
        let headers = [
            ("x-amz-meta-hopguard", "01-…".replace('…', "x")),
            ("x-amz-meta-Team", "a".into()),
            ("x-amz-missing-meta", "2".into()),
            ("etag", "\"abc\"".into()),
            ("x-amz-version-id", "v1".into()),
            ("content-type", "text/plain".into()),
            ("cache-control", "no-store".into()),
            ("content-disposition", "inline".into()),
            ("content-encoding", "gzip".into()),
            ("content-language", "de".into()),
            ("expires", "Tue, 14 Nov 2023 22:13:20 GMT".into()),
            ("x-amz-website-redirect-location", "/b".into()),
        ];
        let (result, calls) = head(Answer { headers: headers.into(), ..ok("") }).await;
        let head = result.unwrap();
        assert_eq!(
            head.metadata,
            HashMap::from([("hopguard".into(), "01-x".into()), ("team".into(), "a".into())])
        );
        assert_eq!((head.missing_metadata, head.e_tag.as_deref()), (2, Some("\"abc\"")));
        assert_eq!(head.expires, Some(DateTime::from_secs(1_700_000_000)));
        let rest = [head.version, head.content_type, head.cache_control, head.content_disposition];
        assert_eq!(rest.map(Option::unwrap), ["v1", "text/plain", "no-store", "inline"]);
        let rest = [head.content_encoding, head.content_language, head.website_redirect];
        assert_eq!(rest.map(Option::unwrap), ["gzip", "de", "/b"]);
        assert_eq!(calls, ["HEAD /in/a%20b/%C3%BC.txt?versionId=v1"], "the bucket is in the path");
    }

    #[tokio::test(start_paused = true)]
    async fn errors_are_told_apart() {
        let answer = |status| Answer { status, ..ok("") };
        let error = |result: Result<Head, LookupError>| result.unwrap_err();
        assert_eq!(error(head(answer(404)).await.0), LookupError::NotFound);
        assert_eq!(error(head(answer(405)).await.0), LookupError::NotFound);
        let denied = error(head(answer(403)).await.0);
        assert!(matches!(denied, LookupError::Denied { .. }) && denied.to_string().contains("s3:GetObject"));
        assert!(matches!(error(head(answer(400)).await.0), LookupError::Other { .. }));
        let (unavailable, calls) = head(answer(503)).await;
        assert!(matches!(unavailable, Err(LookupError::Other { .. })));
        assert_eq!(calls.len(), 2, "the SDK repeats it once");
    }

    #[tokio::test(start_paused = true)]
    async fn no_answer_ends_after_the_timeout() {
        let start = Instant::now();
        let limit = Duration::from_millis(300);
        let result = Lookup::new(silent()).head(&object(None), limit).await;
        assert_eq!((result, start.elapsed()), (Err(LookupError::Timeout { limit }), limit));
    }
}
