//! Reports of injectors.

use std::time::{Duration, SystemTime};

use hopguard_core::Counter;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;

use super::rig::{ARN, Rig};
use super::sink::Sink;

fn call(invocation: &str) -> String {
    format!(
        r#"{{"call":{{"invocation":"{invocation}","span":"00f067aa0ba902b7","service":"SQS","operation":"SendMessage",
        "start_ns":"1795474347592000000","end_ns":"1795474347599000000","attempts":1,"status":200,"target":"orders"}},"outcomes":{{"written":3,"no_room":1}}}}"#
    )
}

#[tokio::test]
async fn calls_are_children_of_their_invocation_and_outcomes_are_counted() {
    let sink = Sink::start([]).await;
    let rig = Rig::start(Some(&sink.url())).await;
    let own = rig.start_invocation("r-1");
    rig.report(call("r-1").as_bytes()).await;
    rig.wait_for(Counter::Written, 3).await;
    rig.end("r-1", crate::observe::Outcome::Answered);
    rig.report(call("r-1").as_bytes()).await;
    // Not waited for: an export reads what has arrived before it begins.
    rig.shut_down().await;
    let spans = sink.spans();
    assert_eq!(spans.len(), 3, "{spans:?}");
    let calls: Vec<_> = spans.iter().filter(|span| span.kind() == SpanKind::Client).collect();
    for call in &calls {
        assert_eq!(
            (call.trace_id.as_slice(), call.parent_span_id.as_slice()),
            (&own.trace.bits().to_be_bytes()[..], &own.span.to_be_bytes()[..])
        );
        assert_eq!(
            (call.name.as_str(), call.span_id.as_slice()),
            ("SQS.SendMessage", &0xf0_67aa_0ba9_02b7_u64.to_be_bytes()[..])
        );
    }
    assert_eq!((calls.len(), rig.count(Counter::Written), rig.count(Counter::NoRoom)), (2, 6, 2));
}

#[tokio::test]
async fn an_invocation_says_what_it_waited_for_even_if_reports_are_late() {
    let sink = Sink::start([]).await;
    let rig = Rig::start(Some(&sink.url())).await;
    rig.start_invocation("r-1");
    let started = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    tokio::time::sleep(Duration::from_millis(30)).await;
    rig.end("r-1", crate::observe::Outcome::Answered);
    let call = |span: u32, from: u64, to: u64, more: &str| {
        let at = |ms: u64| (started + Duration::from_millis(ms)).as_nanos();
        format!(
            r#"{{"call":{{"invocation":null,"span":"{span:016x}","service":"Lambda","operation":"Invoke","start_ns":"{}","end_ns":"{}"{more}}}}}"#,
            at(from),
            at(to),
        )
    };
    // In the order of their ends, which is that of datagrams.
    for report in [
        call(1, 0, 10, ""),
        call(2, 10, 20, r#","attempts":2"#),
        call(3, 20, 25, r#","after":["0000000000000001"]"#),
    ] {
        rig.report(report.as_bytes()).await;
    }
    rig.shut_down().await;
    let spans = sink.spans();
    let number = |span: &Span, key: &str| {
        let found = span.attributes.iter().find(|attribute| attribute.key == key);
        match found.and_then(|attribute| attribute.value.as_ref()?.value.as_ref()) {
            Some(Value::IntValue(number)) => Some(*number),
            _ => None,
        }
    };
    let [invocation] = spans.iter().filter(|span| span.kind() == SpanKind::Consumer).collect::<Vec<_>>()[..]
    else {
        panic!("{spans:?}")
    };
    for (key, expected) in [
        ("hopguard.calls", 3),
        ("hopguard.wait_ns", 25_000_000),
        ("hopguard.sync_invoke_ns", 25_000_000),
        // The third needs the first, and not the second: 25 ms in all, 15 ms on the longest way.
        ("hopguard.saving_ns", 10_000_000),
        ("hopguard.retries", 1),
    ] {
        assert_eq!(number(invocation, key), Some(expected), "{key}");
    }
    assert_eq!((rig.count(Counter::CallRetries), spans.len()), (1, 4));
    let metrics: Vec<String> = sink.metrics().into_iter().map(|metric| metric.name).collect();
    for name in ["hopguard.wait", "hopguard.sync_invoke", "hopguard.saving", "hopguard.call.duration"] {
        assert!(metrics.iter().any(|known| known == name), "{name} in {metrics:?}");
    }
}

/// What the crate tells of an invocation that began at 1 s and took 100 ms.
pub(super) fn told(id: &str, more: &str) -> String {
    let chain = "0".repeat(29) + "abc";
    format!(
        r#"{{"invocation":{{"id":"{id}","arn":"{ARN}","source":"sqs","token":"01-{chain}-4-256-68fd508a:3","own":"00-{chain}-00000000000000aa-01",
        "sender":"00-{chain}-00000000000000bb-01","senders":["00-{chain}-00000000000000bb-01","nonsense"],"records":2,"route":"r",
        "start_ns":"1000000000","end_ns":"1100000000","busy_ns":95000000,"init_ns":7{more}}},
        "counts":{{"hopguard.records.allow":2,"faas.invocations":1,"nonsense":1}}}}"#
    )
}

/// What it tells when that begins.
pub(super) fn begun(id: &str, more: &str) -> String {
    told(id, more).replace("\"invocation\":", "\"begun\":").replace(r#""end_ns":"1100000000","#, "")
}

#[tokio::test]
async fn an_invocation_that_only_the_crate_saw_is_like_one_that_the_proxy_saw() {
    let sink = Sink::start([]).await;
    let rig = Rig::start(Some(&sink.url())).await;
    let call = r#"{"call":{"invocation":"r-1","trace":"00000000000000000000000000000abc","parent":"00000000000000aa","span":"00000000000000cc",
        "service":"SQS","operation":"SendMessage","start_ns":"1010000000","end_ns":"1030000000"}}"#;
    rig.report(call.as_bytes()).await;
    rig.report(told("r-1", "").as_bytes()).await;
    rig.report(told("r-2", r#","error":"orders::Own","traced":true"#).as_bytes()).await;
    rig.report(br#"{"invocation":{"id":"r-3"}}"#).await;
    rig.report(told("r-4", "").replace("01-0", "02-0").as_bytes()).await;
    rig.wait_for(Counter::Allowed, 6).await;
    rig.shut_down().await;
    let spans = sink.spans();
    let [call] = spans.iter().filter(|span| span.kind() == SpanKind::Client).collect::<Vec<_>>()[..] else {
        panic!("{spans:?}")
    };
    let [invocation] = spans.iter().filter(|span| span.kind() == SpanKind::Consumer).collect::<Vec<_>>()[..]
    else {
        panic!("{spans:?}")
    };
    assert_eq!((&call.parent_span_id, &call.trace_id), (&invocation.span_id, &invocation.trace_id));
    assert_eq!(invocation.parent_span_id, 0xbb_u64.to_be_bytes());
    assert_eq!((invocation.name.as_str(), invocation.links.len()), ("sqs process", 1));
    assert_eq!(
        (invocation.start_time_unix_nano, invocation.end_time_unix_nano),
        (1_000_000_000, 1_100_000_000)
    );
    let number = |key: &str| {
        let found = invocation.attributes.iter().find(|attribute| attribute.key == key);
        match found.and_then(|attribute| attribute.value.as_ref()?.value.as_ref()) {
            Some(Value::IntValue(number)) => Some(*number),
            _ => None,
        }
    };
    for (key, expected) in [
        ("hopguard.hop", 4),
        ("messaging.batch.message_count", 2),
        ("hopguard.calls", 1),
        // It was idle for 5 ms of the 20.
        ("hopguard.wait_ns", 5_000_000),
        ("hopguard.init_ns", 7),
    ] {
        assert_eq!(number(key), Some(expected), "{key}");
    }
    let counted =
        [Counter::Invocations, Counter::Errors, Counter::RejectedReports].map(|counter| rig.count(counter));
    // Each report names two counters that are none of a guard's; two invocations cannot be read.
    assert_eq!(counted, [2, 1, 3 * 2 + 2]);
}

#[tokio::test]
async fn an_invocation_that_the_proxy_saw_is_not_told_twice() {
    let sink = Sink::start([]).await;
    let rig = Rig::start(Some(&sink.url())).await;
    rig.start_invocation("r-1");
    rig.report(told("r-1", "").as_bytes()).await;
    rig.end("r-1", crate::observe::Outcome::Answered);
    rig.report(told("r-1", "").as_bytes()).await;
    rig.wait_for(Counter::Allowed, 4).await;
    rig.shut_down().await;
    assert_eq!((sink.spans().len(), rig.count(Counter::Invocations)), (1, 1));
}

#[tokio::test]
async fn what_cannot_be_read_is_counted_and_the_socket_lives() {
    let rig = Rig::start(None).await;
    let large = format!(r#"{{"outcomes":{{"packed":1}},"pad":"{}"}}"#, "x".repeat(20_000));
    for datagram in [&b""[..], b"\xff\x00", b"[]", b"{\"outcomes\":7}", large.as_bytes()] {
        rig.report(datagram).await;
    }
    rig.wait_for(Counter::RejectedReports, 5).await;
    rig.report(br#"{"outcomes":{"packed":1},"fault":{"injector":"node","where":"S3.PutObject","error":"TypeError"}}"#).await;
    rig.wait_for(Counter::InjectorFaults, 1).await;
    assert_eq!(rig.count(Counter::Packed), 1);
}

#[tokio::test]
async fn a_flood_of_calls_is_bounded() {
    let sink = Sink::start([]).await;
    let rig = Rig::start(Some(&sink.url())).await;
    rig.start_invocation("r-1");
    let mut sent = 0;
    while rig.count(Counter::DroppedSpans) == 0 && sent < 20_000 {
        for _ in 0..50 {
            rig.report(call("r-1").as_bytes()).await;
        }
        sent += 50;
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert!(rig.count(Counter::DroppedSpans) > 0);
    rig.shut_down().await;
    let spans = sink.spans().len();
    assert!((2_000..=2_049).contains(&spans), "{spans}");
}
