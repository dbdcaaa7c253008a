use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, UNIX_EPOCH};

use aws_sdk_s3::Client;
use aws_sdk_s3::presigning::PresigningConfig;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::MetadataDirective;
use hopguard::core::{Counter, Credit, Lineage};
use hopguard::{Guard, Scope};

use crate::event::{PARENT, STALE, chain, looping, s3_put};
use crate::invocation::within;
use crate::server::{Request, Response, Server};
use crate::wire::{Attributes, Sent, assert_carried, aws, lineage_in, send_both};

const PREFIX: &str = "x-amz-meta-";
/// What S3 takes of user metadata.
const LIMIT: usize = 2048;

fn client(server: &Server, guard: Option<Guard>) -> Client {
    let config = aws_sdk_s3::config::Builder::from(&server.sdk_config()).force_path_style(true);
    let config = match guard {
        Some(guard) => config.interceptor(guard.propagator()),
        None => config,
    };
    Client::from_conf(config.build())
}

type Metadata = Option<HashMap<String, String>>;

fn metadata(fields: &[(&str, &str)]) -> Metadata {
    let fields: HashMap<_, _> =
        fields.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
    Some(fields).filter(|fields| !fields.is_empty())
}

/// The metadata in a request, and the request without it.
fn split(request: &Request) -> (Attributes, Request) {
    let (metadata, headers): (BTreeMap<_, _>, BTreeMap<_, _>) =
        request.headers.clone().into_iter().partition(|(name, _)| name.starts_with(PREFIX));
    let metadata =
        metadata.into_iter().map(|(name, text)| (name.replacen(PREFIX, "", 1), (String::new(), text)));
    (metadata.collect(), Request { headers, ..request.clone() })
}

fn size(metadata: &Attributes) -> usize {
    metadata.iter().map(|(name, (_, text))| PREFIX.len() + name.len() + text.len()).sum()
}

fn check(name: &str, sent: &Sent, outcome: Counter) -> usize {
    assert_eq!(sent.counted, [(outcome, 1)], "{name}");
    let ((own, plain), (guarded, rest)) = (split(&sent.plain), split(&sent.guarded));
    assert_eq!(plain, rest, "{name}: everything but the metadata");
    assert_carried(name, &own, &guarded, outcome, &sent.lineage);
    assert!(size(&guarded) <= size(&own).max(LIMIT), "{name}");
    size(&guarded).saturating_sub(size(&own))
}

async fn put(server: &Server, metadata: Metadata) -> Sent {
    send_both(server, |guard| {
        let put = client(server, guard).put_object().bucket("out").key("a b.txt").content_type("text/plain");
        put.set_metadata(metadata.clone()).body(ByteStream::from_static(b"body")).send()
    })
    .await
}

async fn create(server: &Server, metadata: Metadata) -> Sent {
    send_both(server, |guard| {
        let create =
            client(server, guard).create_multipart_upload().bucket("out").key("k").cache_control("no-store");
        create.set_metadata(metadata.clone()).send()
    })
    .await
}

async fn replace(server: &Server, metadata: Metadata) -> Sent {
    send_both(server, |guard| {
        let copy = client(server, guard).copy_object().bucket("out").key("k").copy_source("in/k");
        copy.metadata_directive(MetadataDirective::Replace).set_metadata(metadata.clone()).send()
    })
    .await
}

#[tokio::test]
async fn every_write_carries_what_its_metadata_has_room_for() {
    let server = Server::start(aws).await;
    let stale_state = format!("a=1,hopguard={STALE}");
    let written = check("free", &put(&server, None).await, Counter::Written);
    let long = |bytes: usize| "x".repeat(bytes - PREFIX.len() - "own".len());
    let (fits, packed, none) = (long(LIMIT - written), long(LIMIT - written + 1), long(LIMIT - 9));
    type Case<'c> = (&'c str, &'c [(&'c str, &'c str)], Counter);
    let cases: [Case<'_>; 11] = [
        ("nothing", &[], Counter::Written),
        ("some", &[("team", "a"), ("id", "7")], Counter::Written),
        ("own traceparent", &[("traceparent", PARENT), ("tracestate", "a=1,b=2")], Counter::Written),
        ("own, in upper case", &[("Traceparent", PARENT), ("Tracestate", "a=1,b=2")], Counter::Written),
        ("stale", &[("hopguard", STALE), ("team", "a")], Counter::Replaced),
        ("stale, in upper case", &[("Hopguard", STALE)], Counter::Replaced),
        ("stale member", &[("traceparent", PARENT), ("tracestate", &stale_state)], Counter::Replaced),
        ("just room enough", &[("own", &fits)], Counter::Written),
        ("one byte less", &[("own", &packed)], Counter::Packed),
        ("full", &[("own", &none)], Counter::NoRoom),
        ("beyond the limit and stale", &[("own", &none), ("hopguard", STALE)], Counter::Packed),
    ];
    for (name, fields, outcome) in cases {
        check(&format!("put: {name}"), &put(&server, metadata(fields)).await, outcome);
        check(&format!("create: {name}"), &create(&server, metadata(fields)).await, outcome);
        check(&format!("replace: {name}"), &replace(&server, metadata(fields)).await, outcome);
    }
}

#[tokio::test]
async fn a_write_of_this_environment_is_known_without_a_lookup() {
    let server = Server::start(aws).await;
    let guard = Guard::builder().sdk_config(server.sdk_config()).build();
    let s3 = client(&server, Some(guard.clone()));
    let lineage = || async { Scope::current().unwrap().lineage() };

    let putting = || async { s3.put_object().bucket("out").key("a b.txt").send().await.unwrap() };
    within(&guard, "{}", putting).await;
    let arrived = within(&guard, &s3_put("out", "a+b.txt", "REQUEST1"), lineage).await;
    assert_eq!(arrived.hop, 1);

    let uploading = || async {
        let created = s3.create_multipart_upload().bucket("out").key("big").send().await.unwrap();
        let upload = created.upload_id().unwrap();
        s3.complete_multipart_upload().bucket("out").key("big").upload_id(upload).send().await.unwrap();
        Scope::current().unwrap().sent()
    };
    assert_eq!(within(&guard, "{}", uploading).await, 1, "completing an upload sends nothing more");
    let requests = server.take();
    let [_, created, completed] = &requests[..] else { panic!("{requests:?}") };
    assert!(lineage_in(&split(created).0).is_some() && split(completed).0.is_empty());
    let arrived = within(&guard, &s3_put("out", "big", "REQUEST1"), lineage).await;
    assert_eq!(arrived.hop, 1);
    assert!(server.take().is_empty(), "no HeadObject");
    assert_eq!(
        (guard.counters().value(Counter::IndexHits), guard.counters().value(Counter::Written)),
        (2, 2)
    );
}

/// What HeadObject says of the object that the event names.
fn source(
    lineage: &Lineage,
    more: Option<(&'static str, &str)>,
) -> impl Fn(&Request) -> Option<Response> + use<> {
    let token = hopguard::core::Token::new(lineage, None);
    let headers = [
        ("x-amz-meta-traceparent", PARENT),
        ("x-amz-meta-tracestate", &format!("a=1,hopguard={token},b=2")),
        ("x-amz-meta-team", "blue"),
        ("content-type", "text/plain"),
        ("cache-control", "no-store"),
        ("content-disposition", "inline"),
        ("content-encoding", "gzip"),
        ("content-language", "de"),
        ("expires", "Tue, 14 Nov 2023 22:13:20 GMT"),
    ];
    let headers: Vec<_> =
        headers.into_iter().chain(more).map(|(name, text)| (name, text.to_owned())).collect();
    move |request| match request.method.as_str() {
        "HEAD" => Some(Response { headers: headers.clone(), ..Response::new(200, "") }),
        _ => aws(request),
    }
}

/// Copies what the event names, and returns the copy without and with the guard, and the lineage that copies take along.
async fn copy(server: &Server, guard: &Guard, source: &str) -> (Request, Request, Lineage) {
    let copy = |guard| {
        client(server, guard)
            .copy_object()
            .bucket("out")
            .key("k2")
            .copy_source(source)
            .content_type("ignored/by-copy")
    };
    copy(None).send().await.unwrap();
    let copying = || async {
        copy(Some(guard.clone())).send().await.unwrap();
        Scope::current().unwrap().lineage()
    };
    let lineage = within(guard, &s3_put("in", "a+b%2B%C3%BC.txt", "REQUEST9"), copying).await;
    let mut requests: Vec<Request> = server.take().into_iter().map(Request::stable).collect();
    requests.retain(|request| request.method == "PUT");
    let [plain, guarded] = <[Request; 2]>::try_from(requests).unwrap();
    (plain, guarded, lineage)
}

#[tokio::test]
async fn a_copy_of_the_events_object_keeps_all_but_the_inherited_token() {
    let inherited = looping(3, 2);
    let server = Server::start(source(&inherited, None)).await;
    let guard = Guard::builder().sdk_config(server.sdk_config()).build();
    let (plain, guarded, lineage) = copy(&server, &guard, "in/a%20b%2B%C3%BC.txt").await;
    assert_eq!((lineage.hop, lineage.chain), (inherited.hop + 1, chain(3)), "from the object's metadata");

    let (metadata, mut rest) = split(&guarded);
    let carried = lineage_in(&metadata).unwrap();
    assert_eq!(carried, Lineage { credit: Credit::Left(224), ..lineage });
    assert_eq!(metadata["traceparent"].1, PARENT);
    assert!(
        metadata["tracestate"].1.starts_with("hopguard=01-")
            && metadata["tracestate"].1.ends_with(",a=1,b=2")
    );
    assert_eq!((metadata["team"].1.as_str(), metadata.len()), ("blue", 3));
    let kept = [
        ("x-amz-metadata-directive", "REPLACE"),
        ("content-type", "text/plain"),
        ("cache-control", "no-store"),
        ("content-disposition", "inline"),
        ("content-encoding", "gzip"),
        ("content-language", "de"),
        ("expires", "Tue, 14 Nov 2023 22:13:20 GMT"),
    ];
    for (name, text) in kept {
        assert_eq!(rest.headers.remove(name).as_deref(), Some(text), "{name}");
    }
    let mut plain = plain;
    plain.headers.remove("content-type");
    assert_eq!(plain, rest);
    assert_eq!(guard.counters().value(Counter::Replaced), 1);
}

#[tokio::test]
async fn a_copy_whose_metadata_is_not_known_is_left_alone() {
    let cases = [
        ("another object", "in/other.txt", None),
        ("another version", "in/a%20b%2B%C3%BC.txt?versionId=v0", None),
        ("an access point", "arn:aws:s3:us-east-1:123456789012:accesspoint/ap/object/a", None),
        ("metadata that no header can hold", "in/a%20b%2B%C3%BC.txt", Some(("x-amz-missing-meta", "1"))),
    ];
    for (name, copy_source, more) in cases {
        let server = Server::start(source(&looping(3, 2), more)).await;
        let guard = Guard::builder().sdk_config(server.sdk_config()).build();
        let (plain, guarded, _) = copy(&server, &guard, copy_source).await;
        assert_eq!(plain, guarded, "{name}");
        assert_eq!(guard.counters().value(Counter::Unsupported), 1, "{name}");
    }
}

#[tokio::test]
async fn a_presigned_write_is_left_alone_and_counted() {
    let server = Server::start(aws).await;
    let guard = Guard::default();
    let expiring = Duration::from_secs(300);
    let config = PresigningConfig::builder()
        .start_time(UNIX_EPOCH + Duration::from_secs(1_795_474_347))
        .expires_in(expiring)
        .build()
        .unwrap();
    let presign = async |guard: Option<Guard>| {
        let put = client(&server, guard)
            .put_object()
            .bucket("out")
            .key("k")
            .set_metadata(metadata(&[("hopguard", STALE)]));
        let request = put.presigned(config.clone()).await.unwrap();
        let headers: BTreeMap<_, _> =
            request.headers().map(|(name, text)| (name.to_owned(), text.to_owned())).collect();
        (request.method().to_owned(), request.uri().to_owned(), headers)
    };
    let plain = presign(None).await;
    let guarded = within(&guard, "{}", || presign(Some(guard.clone()))).await;
    assert_eq!(plain, guarded);
    assert_eq!(guard.counters().snapshot(), [(Counter::Unsupported, 1)]);
}
