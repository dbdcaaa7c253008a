use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use http_body_util::Full;
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceResponse,
};
use prost::Message as _;
use serde_json::json;

use super::Answer;
use super::payload::{Form, Problem};
use crate::observe::signal::Signal;

/// `google.rpc.Status`, which OTLP wants in the body of every failure.
#[derive(Clone, PartialEq, prost::Message)]
struct Status {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
}

/// The answer to a request that was taken, but for so many items. A partial success is not sent again, which is right: there is no more
/// room a moment later either.
pub(super) fn taken(signal: Signal, form: Form, refused: usize) -> Answer {
    let partial = (refused > 0).then(|| ExportTracePartialSuccess {
        rejected_spans: i64::try_from(refused).unwrap_or(i64::MAX),
        error_message: "hopguard's buffer is full".to_owned(),
    });
    let body = match (form, partial) {
        // All three answers of OTLP have this form.
        (Form::Protobuf, partial) => ExportTraceServiceResponse { partial_success: partial }.encode_to_vec(),
        (Form::Json, None) => b"{}".to_vec(),
        (Form::Json, Some(ExportTracePartialSuccess { rejected_spans, error_message })) => {
            let rejected = match signal {
                Signal::Traces => "rejectedSpans",
                Signal::Metrics => "rejectedDataPoints",
                Signal::Logs => "rejectedLogRecords",
            };
            let partial = json!({ rejected: rejected_spans.to_string(), "errorMessage": error_message });
            json!({ "partialSuccess": partial }).to_string().into_bytes()
        }
    };
    answer(StatusCode::OK, form, body)
}

/// The answer to a request that was not taken.
pub(super) fn problem(form: Form, problem: &Problem) -> Answer {
    /// `google.rpc.Code`.
    const INVALID_ARGUMENT: i32 = 3;
    let Problem { status, message } = problem;
    let body = match form {
        Form::Protobuf => Status { code: INVALID_ARGUMENT, message: message.clone() }.encode_to_vec(),
        Form::Json => json!({ "code": INVALID_ARGUMENT, "message": message }).to_string().into_bytes(),
    };
    answer(*status, form, body)
}

fn answer(status: StatusCode, form: Form, body: Vec<u8>) -> Answer {
    let mut answer = Answer::new(Full::new(Bytes::from(body)));
    *answer.status_mut() = status;
    let kind = match form {
        Form::Protobuf => HeaderValue::from_static("application/x-protobuf"),
        Form::Json => HeaderValue::from_static("application/json"),
    };
    answer.headers_mut().insert(header::CONTENT_TYPE, kind);
    answer
}
