use std::error::Error;
use std::fmt::Write as _;
use std::future::Future;

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use tokio::time::Instant;

/// A detail goes into logs and is cut here.
const DETAIL_CHARS: usize = 400;

/// Why one call to AWS failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) kind: Kind,
    /// The service's error code.
    pub(crate) code: Option<String>,
    pub(crate) status: Option<u16>,
    pub(crate) detail: String,
}

/// The kinds of failures that lead to different actions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// 429, or a code that says so.
    Throttled,
    /// A permission is missing.
    Denied,
    /// 404.
    NotFound,
    /// No answer, an unreadable one or a 5xx, or another operation is in progress: the same call may succeed soon.
    Transient,
    /// The caller's deadline came first. The request may have been carried out.
    OutOfTime,
    /// The same call would fail again.
    Refused,
}

impl Kind {
    /// Whether another attempt may help.
    pub(crate) const fn is_passing(self) -> bool {
        matches!(self, Self::Throttled | Self::Transient)
    }
}

/// Makes one call, up to a deadline. The call's future is boxed: those of the SDK take kilobytes on the stack.
pub(crate) async fn within<T, E, F>(deadline: Instant, call: F) -> Result<T, Failure>
where
    F: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
    E: ProvideErrorMetadata + Error + 'static,
{
    match tokio::time::timeout_at(deadline, Box::pin(call)).await {
        Ok(answer) => answer.map_err(|error| Failure::of(&error)),
        Err(_) => Err(Failure {
            kind: Kind::OutOfTime,
            code: None,
            status: None,
            detail: "no answer in time".to_owned(),
        }),
    }
}

impl Failure {
    fn of<E>(error: &SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata + Error + 'static,
    {
        let code = error.as_service_error().and_then(ProvideErrorMetadata::code).map(str::to_owned);
        let status = error.raw_response().map(|response| response.status().as_u16());
        let kind = match error {
            SdkError::ServiceError(_) => {
                service_kind(code.as_deref().unwrap_or_default(), status.unwrap_or_default())
            }
            SdkError::TimeoutError(_) | SdkError::ResponseError(_) => Kind::Transient,
            SdkError::DispatchFailure(failure) if failure.is_io() || failure.is_timeout() => Kind::Transient,
            _ => Kind::Refused,
        };
        Self { kind, detail: detail(error, code.as_deref(), status), code, status }
    }

    /// The failure of one entry of a batch.
    pub(crate) fn of_entry(code: &str, message: Option<&str>) -> Self {
        let detail = cut(format!("{code}: {}", message.unwrap_or_default()));
        Self { kind: service_kind(code, 0), code: Some(code.to_owned()), status: None, detail }
    }

    /// Whether the service's error code is one of these.
    pub(crate) fn is_code(&self, codes: &[&str]) -> bool {
        self.code.as_deref().is_some_and(|code| codes.contains(&code))
    }
}

fn service_kind(code: &str, status: u16) -> Kind {
    let throttled = ["Throttl", "TooManyRequests", "SlowDown", "RequestLimitExceeded"];
    // An expired token and a wrong signature are 403 too, and no permission would help; a HEAD has no code at all.
    let denied = code.contains("AccessDenied") || (status == 403 && matches!(code, "" | "Forbidden"));
    match status {
        429 => Kind::Throttled,
        _ if throttled.iter().any(|part| code.contains(part)) => Kind::Throttled,
        _ if denied => Kind::Denied,
        404 => Kind::NotFound,
        408 | 409 | 500.. => Kind::Transient,
        _ => Kind::Refused,
    }
}

fn detail<E>(error: &SdkError<E, HttpResponse>, code: Option<&str>, status: Option<u16>) -> String
where
    E: ProvideErrorMetadata + Error + 'static,
{
    let mut text = String::new();
    match error.as_service_error() {
        Some(service) => {
            let _ = write!(text, "{}", code.unwrap_or("error"));
            if let Some(status) = status {
                let _ = write!(text, " ({status})");
            }
            if let Some(message) = service.message() {
                let _ = write!(text, ": {message}");
            }
        }
        None => {
            let _ = write!(text, "{error}");
            let mut source = error.source();
            while let Some(cause) = source {
                let _ = write!(text, ": {cause}");
                source = cause.source();
            }
        }
    }
    cut(text)
}

fn cut(text: String) -> String {
    match text.char_indices().nth(DETAIL_CHARS) {
        Some((end, _)) => text.get(..end).map(|start| format!("{start}…")).unwrap_or_default(),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_by_code_and_status() {
        let cases = [
            ("TooManyRequestsException", 429, Kind::Throttled),
            ("", 429, Kind::Throttled),
            ("ThrottlingException", 400, Kind::Throttled),
            ("SlowDown", 503, Kind::Throttled),
            ("KmsThrottled", 400, Kind::Throttled),
            ("AccessDeniedException", 403, Kind::Denied),
            ("AccessDenied", 400, Kind::Denied),
            ("KMS.AccessDeniedException", 400, Kind::Denied),
            ("", 403, Kind::Denied),
            ("ExpiredTokenException", 403, Kind::Refused),
            ("SignatureDoesNotMatch", 403, Kind::Refused),
            ("ResourceNotFoundException", 404, Kind::NotFound),
            ("ResourceConflictException", 409, Kind::Transient),
            ("ServiceException", 500, Kind::Transient),
            ("InvalidParameterValueException", 400, Kind::Refused),
        ];
        for (code, status, kind) in cases {
            assert_eq!(service_kind(code, status), kind, "{code} {status}");
        }
    }
}
