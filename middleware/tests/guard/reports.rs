//! What a layer's extension is told, where no tracing SDK is in the function and where one is.

use std::time::Duration;

use hopguard::Guard;
use hopguard::core::Token;
use hopguard::core::propagator::TraceParent;
use serde_json::Value;
use tokio::net::UdpSocket;

use crate::event::{ARN, attributes, looping, message, parent, sqs};
use crate::invocation::within;
use crate::server::Server;
use crate::traced::Traced;
use crate::wire::aws;
use crate::wire::sqs::{attributes_of, client};

/// The reports of an invocation with one message, that sends one; and what was sent.
async fn reports() -> (Vec<Value>, TraceParent) {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let server = Server::start(aws).await;
    let guard = Guard::builder().reports_to(socket.local_addr().unwrap()).build();
    let client = client(&server, Some(guard.clone()));
    let event = sqs([message("m", "", attributes(&looping(5, 1), parent(0xa1, 0xb1)))]);
    within(&guard, &event, || async {
        client.send_message().queue_url("http://q/1/orders").message_body("m").send().await.unwrap();
    })
    .await;
    let mut reports = Vec::new();
    let mut datagram = [0; 8_192];
    while let Ok(received) =
        tokio::time::timeout(Duration::from_millis(100), socket.recv(&mut datagram)).await
    {
        reports.push(serde_json::from_slice(&datagram[..received.unwrap()]).unwrap());
    }
    let sent = attributes_of(&server.take()[0]);
    (reports, TraceParent::parse(&sent["traceparent"].1).unwrap())
}

#[tokio::test]
async fn the_layer_is_told_of_calls_and_of_the_whole() {
    let (reports, sent) = reports().await;
    let [Value::Object(begun), Value::Object(call), Value::Object(whole)] = &reports[..] else {
        panic!("{reports:#?}")
    };
    let (begun, call, invocation) = (&begun["begun"], &call["call"], &whole["invocation"]);
    // What it began with is what it ends with.
    for (name, value) in begun.as_object().unwrap() {
        assert_eq!(&invocation[name], value, "{name}");
    }
    assert!(begun.get("id").is_some() && begun.get("end_ns").is_none(), "{begun}");
    for (name, expected) in [
        ("invocation", "8476a536-e9f4-11e8-9739-2dfe598c3fcd"),
        ("service", "SQS"),
        ("operation", "SendMessage"),
        ("target", "orders"),
        ("trace", "000000000000000000000000000000a1"),
    ] {
        assert_eq!(call[name], expected, "{name}");
    }
    assert_eq!(
        (&call["status"], &call["attempts"], &call["traced"]),
        (&200.into(), &1.into(), &false.into())
    );
    assert_eq!(call["tries"][0]["status"], 200);
    // What was sent names the call's span, which the layer makes.
    assert_eq!(
        (sent.trace.bits(), format!("{:016x}", sent.span)),
        (0xa1, call["span"].as_str().unwrap().to_owned())
    );
    let own = TraceParent::parse(invocation["own"].as_str().unwrap()).unwrap();
    assert_eq!(
        (own.trace.bits(), format!("{:016x}", own.span)),
        (0xa1, call["parent"].as_str().unwrap().to_owned())
    );
    assert_eq!(
        (&invocation["arn"], &invocation["source"], &invocation["records"]),
        (&ARN.into(), &"sqs".into(), &1.into())
    );
    assert_eq!(invocation["sender"], parent(0xa1, 0xb1).to_string());
    assert_eq!(invocation["senders"][0], invocation["sender"]);
    let lineage = Token::decode(invocation["token"].as_str().unwrap().as_bytes(), None).unwrap();
    assert_eq!((lineage.chain.bits(), lineage.hop), (5, 1));
    assert!(invocation.get("error").is_none());
    assert_eq!(whole["counts"]["hopguard.records.allow"], 1);
    assert_eq!(whole["counts"]["hopguard.lineage.injected.written"], 1);
}

#[tokio::test]
async fn with_a_tracing_sdk_its_spans_are_not_the_layers_to_make() {
    let traced = Traced::start();
    let (reports, sent) = reports().await;
    assert_eq!(
        (&reports[1]["call"]["traced"], &reports[2]["invocation"]["traced"]),
        (&true.into(), &true.into())
    );
    assert_eq!(reports[1]["call"]["span"], format!("{:016x}", sent.span));
    assert!(traced.spans().iter().any(|span| span.name == "SQS.SendMessage"));
}
