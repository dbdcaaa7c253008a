use std::collections::BTreeMap;

use aws_sdk_lambda::Client;
use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::InvocationType;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hopguard::Guard;
use hopguard::core::event::{Reader, field};
use hopguard::core::{Counter, Lineage};
use serde_json::value::RawValue;

use crate::event::{PARENT, STALE};
use crate::server::{Request, Server};
use crate::wire::{Attributes, Sent, assert_carried, aws, send_both};

const CONTEXT: &str = "x-amz-client-context";
/// The longest client context, as base64.
const MAX_CONTEXT: usize = 3583;

fn client(server: &Server, guard: Option<Guard>) -> Client {
    let config = aws_sdk_lambda::config::Builder::from(&server.sdk_config());
    let config = match guard {
        Some(guard) => config.interceptor(guard.propagator()),
        None => config,
    };
    Client::from_conf(config.build())
}

async fn invoke(server: &Server, kind: InvocationType, payload: Option<&str>, context: Option<&str>) -> Sent {
    send_both(server, |guard| {
        let invoke = client(server, guard).invoke().function_name("next").invocation_type(kind.clone());
        invoke.set_payload(payload.map(Blob::new)).set_client_context(context.map(str::to_owned)).send()
    })
    .await
}

fn without_body(request: &Request) -> Request {
    let mut request = Request { body: Vec::new(), ..request.clone() };
    request.headers.remove("content-length");
    request
}

/// The lineage that the receiver of a payload would find.
fn lineage_of(payload: &[u8]) -> Option<Lineage> {
    let reader = Reader::default();
    let event = reader.read(payload);
    event.records().first().and_then(|record| record.inbound.lineage)
}

/// A JSON object without its first member, which is an object of texts. All other bytes are kept.
fn without_first_member(json: &str) -> String {
    let (start, member) = json.split_once('{').unwrap();
    let (_, rest) = member.split_once('}').unwrap();
    format!("{start}{{{}", rest.strip_prefix(',').unwrap_or(rest))
}

#[tokio::test]
async fn an_asynchronous_payload_carries_a_field() {
    const KIB: usize = 1024;
    let server = Server::start(aws).await;
    let stale = format!(r#"{{"a":1,"hopguard":"{STALE}","z":[2]}}"#);
    let stale_pair =
        format!(r#"{{"hopguard":{{"traceparent":"{PARENT}","tracestate":"hopguard={STALE}"}}}}"#);
    let filled = |bytes: usize, start: &str| format!("{start}{}\"}}", "x".repeat(bytes - start.len() - 2));
    let short = r#"{"hopguard":"01-0af7651916cd43dd8448eb211c80319c-9-0-68fd508a:9","a":""#;
    let added = {
        let sent = invoke(&server, InvocationType::Event, Some("{}"), None).await;
        sent.guarded.body.len() - 2 + ",".len()
    };
    let at = |limit: usize, less: usize| filled(limit - less, r#"{"a":""#);
    let cases = [
        ("empty object", "{}".to_owned(), Counter::Written),
        (
            "members, order and numbers",
            r#" { "z" : 1.0e400, "a":123456789012345678901234567890 , "ü":"\u00e9" } "#.to_owned(),
            Counter::Written,
        ),
        (
            "a nested field of that name is the user's",
            format!(r#"{{"detail":{{"hopguard":"{STALE}"}}}}"#),
            Counter::Written,
        ),
        ("stale", stale, Counter::Replaced),
        ("stale pair", stale_pair, Counter::Replaced),
        ("array", "[1]".to_owned(), Counter::Unsupported),
        ("string", "\"{}\"".to_owned(), Counter::Unsupported),
        ("null", "null".to_owned(), Counter::Unsupported),
        ("nothing", String::new(), Counter::Unsupported),
        ("no JSON", "{broken".to_owned(), Counter::Unsupported),
        ("no UTF-8 of ours to judge", "{\"a\":\"\u{0}\"}".to_owned(), Counter::Written),
        ("room", at(256 * KIB, added), Counter::Written),
        ("no room", at(256 * KIB, added - 1), Counter::NoRoom),
        ("at the limit", at(256 * KIB, 0), Counter::NoRoom),
        ("room, 1 MiB", at(1024 * KIB, added), Counter::Written),
        ("no room, 1 MiB", at(1024 * KIB, added - 1), Counter::NoRoom),
        ("stale, no room", filled(256 * KIB, short), Counter::NoRoom),
    ];
    for (name, payload, outcome) in cases {
        let sent = invoke(&server, InvocationType::Event, Some(&payload), Some("Y29udGV4dA==")).await;
        assert_eq!(sent.counted, [(outcome, 1)], "{name}");
        assert_eq!(without_body(&sent.plain), without_body(&sent.guarded), "{name}");
        assert_eq!(sent.plain.body, payload.as_bytes(), "{name}");
        let own = field::remove(payload.as_bytes()).map_or(payload, |own| String::from_utf8(own).unwrap());
        match outcome {
            Counter::Written | Counter::Replaced => {
                assert_eq!(lineage_of(&sent.guarded.body), Some(sent.lineage), "{name}");
                assert_eq!(without_first_member(sent.guarded.text()), own, "{name}");
            }
            _ => assert_eq!(sent.guarded.text(), own, "{name}"),
        }
    }
    let none = invoke(&server, InvocationType::Event, None, None).await;
    assert_eq!((none.plain, none.counted), (none.guarded, vec![(Counter::Unsupported, 1)]), "no payload");
}

type Fields = BTreeMap<String, Box<RawValue>>;

/// The members of a client context, as they stand in its JSON: the user's, and the texts in `custom`.
fn members(context: Option<&str>) -> (BTreeMap<String, String>, Attributes) {
    let json = STANDARD.decode(context.unwrap_or("e30=")).unwrap();
    let mut fields: Fields = serde_json::from_slice(&json).unwrap();
    let custom: Fields =
        fields.remove("custom").map(|custom| serde_json::from_str(custom.get()).unwrap()).unwrap_or_default();
    let text = |value: &RawValue| {
        serde_json::from_str::<String>(value.get()).unwrap_or_else(|_| value.get().to_owned())
    };
    let custom = custom.into_iter().map(|(name, value)| (name, (String::new(), text(&value)))).collect();
    (fields.into_iter().map(|(name, value)| (name, value.get().to_owned())).collect(), custom)
}

/// A client context whose base64 has so many characters, of which three quarters are one text in `custom`.
fn filled(base64: usize, more: &str) -> String {
    let json = |own: usize| format!(r#"{{"custom":{{{more}"own":"{}"}}}}"#, "x".repeat(own));
    let own = base64 / 4 * 3 - json(0).len();
    STANDARD.encode(json(own))
}

#[tokio::test]
async fn a_synchronous_invocation_carries_a_client_context() {
    let server = Server::start(aws).await;
    let encode = |json: &str| Some(STANDARD.encode(json));
    let stale_state =
        format!(r#"{{"custom":{{"traceparent":"{PARENT}","tracestate":"a=1,hopguard={STALE},b=2"}}}}"#);
    // No token that the tests make is as short.
    let short = "01-0af7651916cd43dd8448eb211c80319c-9-0-68fd508a:9";
    let cases = [
        ("none", None, Counter::Written),
        ("empty", Some(String::new()), Counter::Written),
        (
            "without custom",
            encode(r#"{"client":{"installation_id":"i"},"env":{"locale":"de"}}"#),
            Counter::Written,
        ),
        (
            "custom of the user's",
            encode(r#"{"custom":{"tenant":"t-1","traceparent":"mine"}}"#),
            Counter::Written,
        ),
        (
            "other values",
            encode(
                r#"{"n":1.0e400,"custom":{"n":123456789012345678901234567890,"f":0.1e-7,"o":{"b":1,"a":2},"nil":null}}"#,
            ),
            Counter::Written,
        ),
        ("escapes", encode(r#"{"custom":{"a\"b":"\u00e9\n","tracestate":"q=\"x\""}}"#), Counter::Written),
        ("stale", encode(&format!(r#"{{"custom":{{"hopguard":"{STALE}"}}}}"#)), Counter::Replaced),
        ("stale member", encode(&stale_state), Counter::Replaced),
        ("near the limit", Some(filled(MAX_CONTEXT / 4 * 4 - 400, "")), Counter::Written),
        ("nearer", Some(filled(MAX_CONTEXT / 4 * 4 - 160, "")), Counter::Packed),
        ("at the limit", Some(filled(MAX_CONTEXT / 4 * 4, "")), Counter::NoRoom),
        (
            "stale at the limit",
            Some(filled(MAX_CONTEXT / 4 * 4, &format!(r#""hopguard":"{short}","#))),
            Counter::NoRoom,
        ),
        (
            "stale member at the limit",
            Some(filled(MAX_CONTEXT / 4 * 4, &format!(r#""tracestate":"a=1,hopguard={short}","#))),
            Counter::NoRoom,
        ),
    ];
    for (name, context, outcome) in cases {
        for kind in [Some(InvocationType::RequestResponse), None] {
            let sent = match kind {
                Some(kind) => invoke(&server, kind, Some("[1]"), context.as_deref()).await,
                None => {
                    send_both(&server, |guard| {
                        let invoke =
                            client(&server, guard).invoke_with_response_stream().function_name("next");
                        invoke.payload(Blob::new("[1]")).set_client_context(context.clone()).send()
                    })
                    .await
                }
            };
            assert_eq!(sent.counted, [(outcome, 1)], "{name}");
            let (mut plain, mut guarded) = (sent.plain, sent.guarded);
            let [own, carried] = [&mut plain, &mut guarded].map(|request| request.headers.remove(CONTEXT));
            assert_eq!(plain, guarded, "{name}: everything but the client context");
            assert!(carried.as_ref().is_none_or(|context| context.len() <= MAX_CONTEXT), "{name}");
            let own = members(own.as_deref().filter(|context| !context.is_empty()));
            let carried = members(carried.as_deref());
            assert_eq!(own.0, carried.0, "{name}: everything but custom");
            assert_carried(name, &own.1, &carried.1, outcome, &sent.lineage);
        }
    }
}

#[tokio::test]
async fn what_is_no_client_context_is_left_alone() {
    let server = Server::start(aws).await;
    let cases = [
        ("no base64", "{}".to_owned()),
        ("no JSON", STANDARD.encode("{")),
        ("no object", STANDARD.encode("[1]")),
        ("custom is no object", STANDARD.encode(r#"{"custom":"x"}"#)),
        ("custom is null", STANDARD.encode(r#"{"custom":null}"#)),
        ("a traceparent that is no text", STANDARD.encode(r#"{"custom":{"traceparent":1}}"#)),
    ];
    for (name, context) in cases {
        let sent = invoke(&server, InvocationType::RequestResponse, Some("{}"), Some(&context)).await;
        assert_eq!(sent.plain, sent.guarded, "{name}");
        assert_eq!(sent.counted, [(Counter::Unsupported, 1)], "{name}");
    }
    let full = filled(MAX_CONTEXT / 4 * 4, "");
    let sent = invoke(&server, InvocationType::RequestResponse, Some("{}"), Some(&full)).await;
    assert_eq!(sent.plain, sent.guarded, "no room");
}

#[tokio::test]
async fn a_dry_run_is_left_alone() {
    let server = Server::start(aws).await;
    let sent = invoke(&server, InvocationType::DryRun, Some("{}"), None).await;
    assert_eq!((sent.plain, sent.counted), (sent.guarded, vec![]));
}
