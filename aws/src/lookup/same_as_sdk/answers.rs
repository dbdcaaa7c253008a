use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;

use super::*;

#[tokio::test(start_paused = true)]
async fn whatever_the_answer_is() {
    let object = object("orders", "a", None);
    let deadline = || Instant::now() + Duration::from_secs(60);
    for status in [200, 204, 206, 301, 304, 307, 400, 403, 404, 405, 412, 429, 500, 501, 502, 503, 504] {
        let pair = Pair::answered(Place { region: "us-east-1", ..Place::default() }, status, &[]);
        let mut results = Vec::new();
        let by_sdk = pair.sdk.head_object().bucket("orders").key("a").send();
        results.push((within(deadline(), by_sdk).await.err(), pair.wire.sent().len()));
        let by_own = async { pair.own.clients.head_object().await.send(&object).await };
        results.push((within(deadline(), by_own).await.err(), pair.wire.sent().len()));
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
