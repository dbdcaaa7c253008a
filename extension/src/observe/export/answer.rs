use std::io::Write as _;
use std::time::Duration;

use anyhow::{Context as _, Result};
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::{HeaderMap, HeaderValue, Request, StatusCode, header};
use http_body_util::{BodyExt as _, Collected, Limited};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use prost::Message as _;

use crate::observe::environment::Collector;
use crate::outbound::Connections;

/// An answer is some dozen bytes.
const MAX_ANSWER: usize = 64 * 1024;
/// Less is not worth a compressor's memory.
const COMPRESSED_FROM: usize = 1024;
const PROTOBUF: HeaderValue = HeaderValue::from_static("application/x-protobuf");

/// What became of one request.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// The collector has it, but for so many items that it refused.
    Taken { refused: u64, why: String },
    /// It may be sent again, after this time where the collector names one.
    Again { after: Option<Duration>, why: String },
    /// It is not to be sent again.
    Refused { why: String },
}

/// Sends one batch, and reads the answer.
pub(crate) async fn post(connections: &Connections, collector: &Collector, body: Bytes) -> Answer {
    let again = |error: anyhow::Error| Answer::Again { after: None, why: format!("{error:#}") };
    let request = match request(collector, body) {
        Ok(request) => request,
        Err(error) => return Answer::Refused { why: format!("{error:#}") },
    };
    let response = match connections.send(&collector.place, request, None).await {
        Ok(response) => response,
        Err(error) => return again(error),
    };
    let (head, body) = response.into_parts();
    let body = Limited::new(body, MAX_ANSWER).collect().await.map(Collected::to_bytes);
    // A collector that has said 200 has the batch, whatever became of the rest of its answer.
    judge(head.status, &head.headers, &body.unwrap_or_default())
}

fn judge(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Answer {
    if status.is_success() {
        // All three answers of OTLP have this form.
        let partial = ExportTraceServiceResponse::decode(body).ok().and_then(|answer| answer.partial_success);
        let (refused, why) =
            partial.map(|partial| (partial.rejected_spans, partial.error_message)).unwrap_or_default();
        return Answer::Taken { refused: u64::try_from(refused).unwrap_or(0), why };
    }
    let why = format!("the collector answers {status}");
    // The only ones that OTLP wants to be sent again.
    if !matches!(status.as_u16(), 429 | 502 | 503 | 504) {
        return Answer::Refused { why };
    }
    let seconds = headers.get(header::RETRY_AFTER).and_then(|after| after.to_str().ok()?.trim().parse().ok());
    Answer::Again { after: seconds.map(Duration::from_secs), why }
}

fn request(collector: &Collector, body: Bytes) -> Result<Request<SdkBody>> {
    let compressed = collector.gzip && body.len() >= COMPRESSED_FROM;
    let body = if compressed { gzip(&body).context("gzip")? } else { body };
    let mut request =
        Request::post(&collector.path).body(SdkBody::from(body)).context("the endpoint's path")?;
    let headers = request.headers_mut();
    headers.extend(collector.headers.clone());
    let host = collector.place.header().context("the endpoint's host")?;
    headers.insert(header::HOST, host);
    headers.insert(header::CONTENT_TYPE, PROTOBUF);
    headers.insert(
        header::USER_AGENT,
        HeaderValue::from_static(concat!("hopguard/", env!("CARGO_PKG_VERSION"))),
    );
    if compressed {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    Ok(request)
}

fn gzip(body: &[u8]) -> std::io::Result<Bytes> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(body.len() / 2), Compression::fast());
    encoder.write_all(body)?;
    encoder.finish().map(Bytes::from)
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::collector::trace::v1::ExportTracePartialSuccess;

    use super::*;

    #[test]
    fn only_what_otlp_says_is_sent_again() {
        let mut headers = HeaderMap::new();
        for (status, after, expected) in [
            (429, Some("2"), Some(Some(2))),
            (502, None, Some(None)),
            (503, Some("Wed, 21 Oct 2026 07:28:00 GMT"), Some(None)),
            (504, Some("0"), Some(Some(0))),
            (500, Some("1"), None),
            (400, None, None),
            (404, None, None),
            (413, None, None),
            (301, None, None),
        ] {
            headers.clear();
            if let Some(after) = after {
                headers.insert(header::RETRY_AFTER, after.parse().unwrap());
            }
            let again = match judge(StatusCode::from_u16(status).unwrap(), &headers, b"") {
                Answer::Again { after, .. } => Some(after.map(|after| after.as_secs())),
                Answer::Refused { .. } => None,
                Answer::Taken { .. } => panic!("{status}"),
            };
            assert_eq!(again, expected, "{status}");
        }
    }

    #[test]
    fn what_a_collector_refuses_of_a_batch_is_read_where_it_can_be() {
        let partial = ExportTracePartialSuccess { rejected_spans: 3, error_message: "too old".to_owned() };
        let answer = ExportTraceServiceResponse { partial_success: Some(partial) }.encode_to_vec();
        let taken = |body: &[u8]| judge(StatusCode::OK, &HeaderMap::new(), body);
        assert_eq!(taken(&answer), Answer::Taken { refused: 3, why: "too old".to_owned() });
        for body in [&b""[..], b"{}", b"\xff\xff", b"<html>"] {
            assert_eq!(taken(body), Answer::Taken { refused: 0, why: String::new() });
        }
    }
}
