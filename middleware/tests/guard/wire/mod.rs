//! The interceptors, asserted on what a local server received: a guarded send is the same as an unguarded one but for our fields,
//! within every limit, and its outcome is counted.

mod invoke;
mod message;
mod retry;
mod s3;
mod sns;
pub mod sqs;

use std::collections::BTreeMap;
use std::future::Future;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hopguard::core::propagator::{Fields, HOPGUARD, TRACEPARENT, TRACESTATE, TraceState};
use hopguard::core::{Counter, Lineage};
use hopguard::{Guard, Scope};

use crate::invocation::within;
use crate::server::{Request, Response, Server};

/// One input, sent without and with the guard.
struct Sent {
    plain: Request,
    guarded: Request,
    /// What the guard counted.
    counted: Vec<(Counter, u64)>,
    /// The lineage of the sending scope.
    lineage: Lineage,
}

/// Sends the same input by a plain and by a guarded client; `send` must make it anew each time.
async fn send_both<F, T, E>(server: &Server, send: impl Fn(Option<Guard>) -> F) -> Sent
where
    F: Future<Output = Result<T, E>>,
    E: std::fmt::Debug,
{
    send(None).await.expect("the plain send succeeds");
    let guard = Guard::builder().sdk_config(server.sdk_config()).build();
    let sending = || async {
        let lineage = Scope::current().unwrap().lineage();
        send(Some(guard.clone())).await.expect("the guarded send succeeds");
        lineage
    };
    let lineage = within(&guard, "{}", sending).await;
    let [plain, guarded] = <[Request; 2]>::try_from(server.take()).unwrap().map(Request::stable);
    Sent { plain, guarded, counted: guard.counters().snapshot(), lineage }
}

/// Answers every call of the SDKs as their services do.
pub fn aws(request: &Request) -> Option<Response> {
    let text = String::from_utf8_lossy(&request.body);
    let has = |part: &str| request.target.contains(part);
    let response = match request.method.as_str() {
        _ if request.header("x-amz-target").is_some_and(|target| target.ends_with("Batch")) => {
            Response::new(200, r#"{"Successful":[],"Failed":[]}"#)
        }
        _ if request.header("x-amz-target").is_some() => Response::new(200, r#"{"MessageId":"m"}"#),
        "POST" if text.contains("Action=PublishBatch") => {
            Response::new(200, "<PublishBatchResponse><PublishBatchResult/></PublishBatchResponse>")
        }
        "POST" if text.contains("Action=Publish") => {
            Response::new(200, "<PublishResponse><PublishResult/></PublishResponse>")
        }
        "POST" if has("/functions/") => Response::new(200, "{}"),
        "POST" if has("uploads") => Response::new(
            200,
            "<InitiateMultipartUploadResult><UploadId>upload-1</UploadId></InitiateMultipartUploadResult>",
        ),
        "POST" if has("uploadId") => Response::new(
            200,
            "<CompleteMultipartUploadResult><ETag>\"e\"</ETag></CompleteMultipartUploadResult>",
        ),
        "PUT" if request.header("x-amz-copy-source").is_some() => {
            Response::new(200, "<CopyObjectResult><ETag>\"e\"</ETag></CopyObjectResult>")
        }
        "PUT" => Response::new(200, "").header("etag", "\"e\""),
        _ => Response::new(404, ""),
    };
    Some(response.header("x-amz-request-id", "REQUEST1"))
}

/// Named texts as a service stores them, each with its data type where it has one.
pub type Attributes = BTreeMap<String, (String, String)>;

/// A binary value in a request, which is a text in the tests.
fn binary(base64: &str) -> String {
    String::from_utf8(STANDARD.decode(base64).unwrap()).unwrap()
}

fn text<'a>(attributes: &'a Attributes, name: &str) -> Option<&'a str> {
    attributes.get(name).map(|(_, text)| text.as_str())
}

/// The lineage that a receiver would find.
pub fn lineage_in(attributes: &Attributes) -> Option<Lineage> {
    let text = |name| text(attributes, name);
    Fields { traceparent: text(TRACEPARENT), tracestate: text(TRACESTATE), packed: text(HOPGUARD) }
        .extract(None)
        .lineage
}

/// Bytes as SQS and SNS count them.
fn size(attributes: &Attributes) -> usize {
    attributes.iter().map(|(name, (kind, value))| name.len() + kind.len() + value.len()).sum()
}

/// Asserts that attributes are the user's own, untouched, and ours as `outcome` says.
fn assert_carried(name: &str, plain: &Attributes, guarded: &Attributes, outcome: Counter, lineage: &Lineage) {
    let carried = matches!(outcome, Counter::Written | Counter::Replaced | Counter::Packed);
    assert_eq!(lineage_in(guarded), carried.then_some(*lineage), "{name}: {guarded:?}");

    let others = |attributes| -> Vec<String> {
        let state = text(attributes, TRACESTATE).map(TraceState::parse).unwrap_or_default();
        state.others().map(str::to_owned).collect()
    };
    assert_eq!(others(guarded), others(plain), "{name}: members of others keep their order");
    if let Some(state) = text(guarded, TRACESTATE)
        && state.contains("hopguard=")
    {
        assert!(state.starts_with("hopguard="), "{name}: ours comes first: {state}");
    }
    match outcome {
        Counter::Packed => assert!(guarded.contains_key(HOPGUARD), "{name}"),
        _ => assert!(!guarded.contains_key(HOPGUARD), "{name}"),
    }

    let mut rest = guarded.clone();
    rest.remove(HOPGUARD);
    rest.remove(TRACESTATE);
    if !plain.contains_key(TRACEPARENT) {
        rest.remove(TRACEPARENT);
    }
    let mut own = plain.clone();
    own.remove(HOPGUARD);
    own.remove(TRACESTATE);
    assert_eq!(rest, own, "{name}: the user's own attributes");
}
