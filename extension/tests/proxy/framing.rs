//! How messages come: in pieces, in chunks, too long, ambiguous, cut.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::bench::{Bench, event_message};
use crate::wire::Message;

const RESPONSE: &str = "POST /2018-06-01/runtime/invocation/r/response HTTP/1.1\r\nHost: x\r\n";
const NEXT: &str = "GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: x\r\n\r\n";

/// A proxy, and the listener of the Runtime API that a test plays itself.
async fn between() -> (Bench, TcpListener) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let bench = Bench::to(&listener.local_addr().unwrap().to_string(), &[]).await;
    (bench, listener)
}

async fn runtime(bench: &Bench) -> TcpStream {
    TcpStream::connect(bench.proxy).await.unwrap()
}

/// Everything until the other side ends.
async fn rest(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    // A reset is an end too.
    let _ = stream.read_to_end(&mut bytes).await;
    String::from_utf8(bytes).unwrap()
}

async fn expect(stream: &mut TcpStream, text: &str) {
    let mut bytes = vec![0; text.len()];
    stream.read_exact(&mut bytes).await.unwrap();
    assert_eq!(String::from_utf8(bytes).unwrap(), text);
}

#[tokio::test]
async fn heads_reach_the_other_side_byte_for_byte() {
    let (bench, lambda) = between().await;
    let mut runtime = runtime(&bench).await;
    let request =
        "PUT /new?a=b HTTP/1.1\r\nhost:x\r\nX-b:  2 \r\nx-A: 1\r\nX-b: 3\r\ncontent-length: 2\r\n\r\nhi";
    let answer = "HTTP/1.1 299 Quite Fine\r\nZ: 1\r\na:2\r\nCONTENT-length: 3\r\n\r\nyes";
    runtime.write_all(request.as_bytes()).await.unwrap();
    let (mut lambda, _) = lambda.accept().await.unwrap();
    expect(&mut lambda, request).await;
    lambda.write_all(answer.as_bytes()).await.unwrap();
    expect(&mut runtime, answer).await;
}

#[tokio::test]
async fn wherever_a_message_is_cut_it_is_the_same() {
    let bench = Bench::new(&[]).await;
    let mut runtime = runtime(&bench).await;
    runtime.set_nodelay(true).unwrap();
    let chunked = format!("{RESPONSE}Transfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\nA: b\r\n\r\n");
    let plain = format!("{RESPONSE}Content-Length: 4\r\n\r\nbody");
    for message in [chunked, plain] {
        for cut in 1..message.len() {
            let (first, second) = message.as_bytes().split_at(cut);
            runtime.write_all(first).await.unwrap();
            // Lets the proxy have the first piece alone.
            for _ in 0..4 {
                tokio::task::yield_now().await;
            }
            runtime.write_all(second).await.unwrap();
            let answer = Message::read(&mut runtime).await.unwrap();
            assert_eq!(answer.request_line(), "HTTP/1.1 202 Accepted", "cut at {cut}");
            assert_eq!(bench.seen().pop().unwrap().text(), b"body", "cut at {cut}");
        }
    }
}

#[tokio::test]
async fn requests_at_once_are_answered_in_turn() {
    let bench = Bench::new(&[]).await;
    let mut runtime = runtime(&bench).await;
    for id in ["1", "2"] {
        bench.answer(event_message(id, b"{}", &[]));
    }
    runtime.write_all(format!("{NEXT}\r\n{NEXT}").as_bytes()).await.unwrap();
    for id in ["1", "2"] {
        let event = Message::read(&mut runtime).await.unwrap();
        assert_eq!(event.header("Lambda-Runtime-Aws-Request-Id"), Some(id));
        // The second may have come with the first, in this test's one read.
        assert!(event.body.starts_with(b"{}"));
        if event.body.len() > 2 {
            assert!(String::from_utf8(event.body).unwrap().contains("Lambda-Runtime-Aws-Request-Id: 2\r\n"));
            return;
        }
    }
}

#[tokio::test]
async fn what_is_ambiguous_or_too_long_never_reaches_lambda() {
    let long = format!("{RESPONSE}X: {}\r\n\r\n", "x".repeat(70_000));
    let cases = [
        (format!("{RESPONSE}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), "400"),
        (format!("{RESPONSE}Content-Length: 2\r\nContent-Length: 3\r\n\r\nhi!"), "400"),
        (format!("{RESPONSE}X : y\r\n\r\n"), "400"),
        (format!("{RESPONSE}X: y\n\r\n"), "400"),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(), "400"),
        (long, "431"),
    ];
    let bench = Bench::new(&[]).await;
    for (request, status) in cases {
        let mut runtime = runtime(&bench).await;
        runtime.write_all(request.as_bytes()).await.unwrap();
        let answer = rest(&mut runtime).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
    }
    assert!(bench.seen().is_empty());
}

#[tokio::test]
async fn an_answer_that_is_ambiguous_is_none() {
    let bench = Bench::new(&[]).await;
    let lines =
        ["HTTP/1.1 200 OK", "Lambda-Runtime-Aws-Request-Id: r", "Content-Length: 5", "Content-Length: 6"];
    bench.answer(Message::new(&lines, "hello"));
    let mut runtime = runtime(&bench).await;
    runtime.write_all(NEXT.as_bytes()).await.unwrap();
    assert!(rest(&mut runtime).await.starts_with("HTTP/1.1 502 "));
}

#[tokio::test]
async fn a_request_that_breaks_off_breaks_off_for_lambda() {
    for framing in ["Content-Length: 10\r\n\r\nhello", "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"] {
        let (bench, lambda) = between().await;
        let mut runtime = runtime(&bench).await;
        let request = format!("{RESPONSE}{framing}");
        runtime.write_all(request.as_bytes()).await.unwrap();
        let (mut lambda, _) = lambda.accept().await.unwrap();
        expect(&mut lambda, &request).await;
        drop(runtime);
        assert_eq!(rest(&mut lambda).await, "", "{framing}");
    }
}

#[tokio::test]
async fn an_answer_that_breaks_off_breaks_off_for_the_runtime() {
    for framing in ["Content-Length: 10\r\n\r\nhello", "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"] {
        let (bench, lambda) = between().await;
        let mut runtime = runtime(&bench).await;
        let request = "GET /2018-06-01/runtime/restore/next HTTP/1.1\r\n\r\n";
        runtime.write_all(request.as_bytes()).await.unwrap();
        let (mut lambda, _) = lambda.accept().await.unwrap();
        expect(&mut lambda, request).await;
        let answer = format!("HTTP/1.1 200 OK\r\n{framing}");
        lambda.write_all(answer.as_bytes()).await.unwrap();
        drop(lambda);
        assert_eq!(rest(&mut runtime).await, answer);
    }
}

#[tokio::test]
async fn an_event_that_breaks_off_is_none() {
    let (bench, lambda) = between().await;
    let mut runtime = runtime(&bench).await;
    runtime.write_all(NEXT.as_bytes()).await.unwrap();
    let (mut lambda, _) = lambda.accept().await.unwrap();
    expect(&mut lambda, NEXT).await;
    let answer = "HTTP/1.1 200 OK\r\nLambda-Runtime-Aws-Request-Id: r\r\nContent-Length: 10\r\n\r\nhello";
    lambda.write_all(answer.as_bytes()).await.unwrap();
    drop(lambda);
    let answer = rest(&mut runtime).await;
    assert!(answer.starts_with("HTTP/1.1 502 ") && answer.contains("the event broke off"), "{answer}");
}

#[tokio::test]
async fn who_waits_to_be_invited_is_invited_by_lambda() {
    let (bench, lambda) = between().await;
    let mut runtime = runtime(&bench).await;
    let head = format!("{RESPONSE}Expect: 100-continue\r\nContent-Length: 4\r\n\r\n");
    runtime.write_all(head.as_bytes()).await.unwrap();
    let (mut lambda, _) = lambda.accept().await.unwrap();
    expect(&mut lambda, &head).await;
    lambda.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await.unwrap();
    expect(&mut runtime, "HTTP/1.1 100 Continue\r\n\r\n").await;
    runtime.write_all(b"body").await.unwrap();
    expect(&mut lambda, "body").await;
    lambda.write_all(b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n").await.unwrap();
    expect(&mut runtime, "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n").await;
}

#[tokio::test]
async fn who_asks_the_proxy_is_invited_by_the_proxy() {
    let bench = Bench::new(&[]).await;
    let mut runtime = runtime(&bench).await;
    let head = "POST /hopguard/v1/sends HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 11\r\n\r\n";
    runtime.write_all(head.as_bytes()).await.unwrap();
    expect(&mut runtime, "HTTP/1.1 100 Continue\r\n\r\n").await;
    runtime.write_all(br#"{"sends":1}"#).await.unwrap();
    expect(&mut runtime, "HTTP/1.1 404 Not Found\r\n").await;
}

#[tokio::test]
async fn a_refusal_arrives_before_the_request_is_over() {
    let (bench, lambda) = between().await;
    let mut runtime = runtime(&bench).await;
    let head = format!("{RESPONSE}Content-Length: 10000000\r\n\r\nbegun");
    runtime.write_all(head.as_bytes()).await.unwrap();
    let (mut lambda, _) = lambda.accept().await.unwrap();
    expect(&mut lambda, &head).await;
    let refusal = "HTTP/1.1 413 Payload Too Large\r\nConnection: close\r\nContent-Length: 2\r\n\r\nno";
    lambda.write_all(refusal.as_bytes()).await.unwrap();
    assert_eq!(rest(&mut runtime).await, refusal);
}

#[tokio::test]
async fn a_client_of_http_1_0_gets_its_event_and_the_end() {
    let (bench, lambda) = between().await;
    let mut runtime = runtime(&bench).await;
    let request = "GET /2018-06-01/runtime/invocation/next HTTP/1.0\r\n\r\n";
    runtime.write_all(request.as_bytes()).await.unwrap();
    let (mut lambda, _) = lambda.accept().await.unwrap();
    expect(&mut lambda, request).await;
    // Its end is the end of the connection.
    lambda
        .write_all(b"HTTP/1.0 200 OK\r\nLambda-Runtime-Aws-Request-Id: r\r\n\r\n{\"order\":1}")
        .await
        .unwrap();
    drop(lambda);
    let event = rest(&mut runtime).await;
    assert!(event.starts_with("HTTP/1.0 200 OK\r\n") && event.ends_with("\r\n\r\n{\"order\":1}"), "{event}");
}

#[tokio::test]
async fn what_nobody_asked_for_is_no_answer() {
    let (bench, lambda) = between().await;
    let mut runtime = runtime(&bench).await;
    let request = "GET /x HTTP/1.1\r\n\r\n";
    let answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    runtime.write_all(request.as_bytes()).await.unwrap();
    let (mut first, _) = lambda.accept().await.unwrap();
    expect(&mut first, request).await;
    first
        .write_all(format!("{answer}HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil").as_bytes())
        .await
        .unwrap();
    expect(&mut runtime, answer).await;
    // The next request goes over a connection of its own.
    runtime.write_all(request.as_bytes()).await.unwrap();
    let (mut second, _) = lambda.accept().await.unwrap();
    expect(&mut second, request).await;
    second.write_all(answer.as_bytes()).await.unwrap();
    expect(&mut runtime, answer).await;
}
