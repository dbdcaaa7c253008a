use std::io::Read as _;

use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use opentelemetry_proto::tonic::resource::v1::Resource;

use super::MAX_BODY;
use crate::observe::buffer::Chunk;
use crate::observe::resource;
use crate::observe::signal::Request;

/// How a request is written, and its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Protobuf,
    Json,
}

/// Why a request is not taken.
#[derive(Debug)]
pub(super) struct Problem {
    pub(super) status: StatusCode,
    pub(super) message: String,
}

impl Problem {
    pub(super) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into() }
    }
}

impl Form {
    /// What the content type says; protobuf where it says nothing that is known.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        if media_type(headers).eq_ignore_ascii_case("application/json") { Self::Json } else { Self::Protobuf }
    }
}

/// Refuses what cannot be read anyway.
pub(super) fn check(headers: &HeaderMap) -> Result<(), Problem> {
    let unsupported = |message: &str| Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, message));
    let media_type = media_type(headers);
    if !["application/x-protobuf", "application/json"]
        .iter()
        .any(|known| media_type.eq_ignore_ascii_case(known))
    {
        return unsupported("the content type is to be application/x-protobuf or application/json");
    }
    match headers.get(header::CONTENT_ENCODING).map(HeaderValue::as_bytes) {
        None | Some(b"gzip" | b"identity" | b"") => Ok(()),
        Some(_) => unsupported("the content encoding is to be gzip or none"),
    }
}

fn media_type(headers: &HeaderMap) -> &str {
    let whole = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    whole.split(';').next().unwrap_or_default().trim()
}

/// A body without its compression: as much as is allowed, and not what a few bytes can claim to be.
pub(super) fn unzip(body: &[u8]) -> Result<Bytes, Problem> {
    let mut plain = Vec::with_capacity(body.len().saturating_mul(4).min(MAX_BODY));
    let mut decoder = MultiGzDecoder::new(body).take(MAX_BODY as u64 + 1);
    decoder
        .read_to_end(&mut plain)
        .map_err(|_| Problem::new(StatusCode::BAD_REQUEST, "the body is no gzip"))?;
    if plain.len() > MAX_BODY {
        return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "a request has at most 4 MiB, unpacked"));
    }
    Ok(Bytes::from(plain))
}

/// Reads a request, adds what its resources do not say, and writes it as it will be sent.
pub(super) fn decode<R: Request>(form: Form, body: &[u8], own: &Resource) -> Result<Chunk, Problem> {
    let wrong =
        |error: String| Problem::new(StatusCode::BAD_REQUEST, format!("the request cannot be read: {error}"));
    let mut request = match form {
        Form::Protobuf => R::decode(body).map_err(|error| wrong(error.to_string()))?,
        Form::Json => serde_json::from_slice::<R>(body).map_err(|error| wrong(error.to_string()))?,
    };
    request.resources().for_each(|resource| resource::complete(resource, own));
    Ok(Chunk::new(request.encode_to_vec(), request.items()))
}
