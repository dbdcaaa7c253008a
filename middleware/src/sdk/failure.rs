//! What a call failed with, in one word that says the same for every service.

use std::borrow::Cow;

use aws_smithy_runtime_api::client::interceptors::context::FinalizerInterceptorContextRef;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::ConnectorError;
use serde::Deserialize;

/// A call or an attempt ran into a time limit.
pub(super) const TIMEOUT: &str = "timeout";
/// The longest answer that an error code is looked for in.
const MAX_BODY: usize = 64 * 1024;
/// The longest code.
const MAX_CODE: usize = 64;

/// The service's error code, or what kept it from answering; `None` where nothing failed.
pub(super) fn of(context: &FinalizerInterceptorContextRef<'_>) -> Option<Cow<'static, str>> {
    let error = context.output_or_error()?.err()?;
    if error.is_timeout_error() || error.as_connector_error().is_some_and(ConnectorError::is_timeout) {
        return Some(TIMEOUT.into());
    }
    if error.is_connector_error() {
        return Some("connection".into());
    }
    if let Some(response) = context.response() {
        let status = || Cow::Owned(response.status().as_u16().to_string());
        return Some(code_of(response).map_or_else(status, Cow::Owned));
    }
    Some(if error.is_interceptor_error() { "interceptor" } else { "other" }.into())
}

/// The error code in an answer, wherever the service's protocol has it.
fn code_of(response: &HttpResponse) -> Option<String> {
    let header = |name| response.headers().get(name);
    if let Some(code) = header("x-amzn-query-error").or_else(|| header("x-amzn-errortype")) {
        return plain(code);
    }
    let body = response.body().bytes().filter(|body| body.len() <= MAX_BODY)?;
    match body.trim_ascii_start().first()? {
        b'{' => {
            let Failure { kind, code } = serde_json::from_slice(body).ok()?;
            plain(&kind.or(code)?)
        }
        b'<' => {
            let text = std::str::from_utf8(body).ok()?;
            plain(text.split_once("<Code>")?.1.split_once("</Code>")?.0)
        }
        _ => None,
    }
}

#[derive(Deserialize)]
struct Failure<'b> {
    #[serde(rename = "__type", borrow, default)]
    kind: Option<Cow<'b, str>>,
    #[serde(borrow, default)]
    code: Option<Cow<'b, str>>,
}

/// A code without its name space (`com.amazonaws.sqs#…`), its URL (`…:http://…`) or who is to blame (`…;Sender`).
fn plain(code: &str) -> Option<String> {
    let code = code.rsplit_once('#').map_or(code, |(_, code)| code);
    let code = code.split([':', ';']).next()?.trim();
    let is_plain = code.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
    (is_plain && !code.is_empty() && code.len() <= MAX_CODE).then(|| code.to_owned())
}

#[cfg(test)]
mod tests {
    use aws_smithy_types::body::SdkBody;

    use super::*;

    #[test]
    fn every_protocol_has_its_place_for_the_code() {
        let cases = [
            (
                Some(("x-amzn-query-error", "AWS.SimpleQueueService.NonExistentQueue;Sender")),
                r#"{"__type":"com.amazonaws.sqs#QueueDoesNotExist"}"#,
                Some("AWS.SimpleQueueService.NonExistentQueue"),
            ),
            (
                Some(("x-amzn-errortype", "ResourceNotFoundException:http://internal.amazon.com/")),
                "",
                Some("ResourceNotFoundException"),
            ),
            (
                None,
                r#"{"__type":"com.amazonaws.sqs#QueueDoesNotExist","message":"m"}"#,
                Some("QueueDoesNotExist"),
            ),
            (None, r#"{"code":"Throttled"}"#, Some("Throttled")),
            (None, "<Error><Code>NoSuchKey</Code><Message>m</Message></Error>", Some("NoSuchKey")),
            (None, "<Error><Code>a secret, with spaces</Code></Error>", None),
            (None, "{", None),
            (None, "busy", None),
            (None, "", None),
        ];
        for (header, body, expected) in cases {
            let mut response = HttpResponse::new(400.try_into().unwrap(), SdkBody::from(body));
            if let Some((name, value)) = header {
                response.headers_mut().insert(name, value);
            }
            assert_eq!(code_of(&response).as_deref(), expected, "{body}");
        }
    }
}
