//! What passes through as it came.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::bench::{Bench, event_message};
use crate::wire::Message;

const EVENT: &[u8] = br#"{ "order" : 1,"text":"\u00fc \/" }"#;

#[tokio::test]
async fn an_event_without_lineage_reaches_the_runtime_as_it_was() {
    let bench = Bench::new(&[]).await;
    let more = [
        "Lambda-Runtime-Trace-Id: Root=1-5759e988-bd862e3fe1be46a994272793;Lineage=1:bd4cecd5:0",
        "X-odd-CASE: kept",
    ];
    let sent = event_message("r-1", EVENT, &more);
    bench.answer(sent.clone());
    let mut runtime = bench.runtime().await;
    let got = runtime.next().await;
    assert_eq!((got.request_line(), got.headers()), (sent.request_line(), sent.headers()));
    assert_eq!(got.body, EVENT);
    let request = &bench.seen()[0];
    assert_eq!(request.request_line(), "GET /2018-06-01/runtime/invocation/next HTTP/1.1");
    assert_eq!(request.headers(), ["Host: 127.0.0.1:9001", "User-Agent: AWS_Lambda_Cpp/0.2.6"]);
}

#[tokio::test]
async fn answers_of_every_size_arrive_as_they_were_sent() {
    let bench = Bench::new(&[]).await;
    let mut runtime = bench.runtime().await;
    for size in [1, 1_000, 1_000_000, 6 * 1024 * 1024] {
        bench.event("r", EVENT, &[]);
        runtime.next().await;
        let answer: Vec<u8> = (0..size).map(|n| b"0123456789abcdef"[n % 16]).collect();
        let accepted = runtime.respond("r", &answer).await;
        assert_eq!(accepted.request_line(), "HTTP/1.1 202 Accepted");
        let arrived = bench.seen().pop().unwrap();
        assert!(arrived.body == answer, "{size} bytes");
        assert_eq!(arrived.header("Content-Type"), Some("application/json"));
    }
}

#[tokio::test]
async fn a_streamed_answer_keeps_its_chunks_and_trailers() {
    let bench = Bench::new(&[]).await;
    bench.event("r", EVENT, &[]);
    let mut runtime = bench.runtime().await;
    runtime.next().await;
    let streamed = Message::new(
        &[
            "POST /2018-06-01/runtime/invocation/r/response HTTP/1.1",
            "Host: 127.0.0.1:9001",
            "Lambda-Runtime-Function-Response-Mode: streaming",
            "Transfer-Encoding: chunked",
            "Trailer: Lambda-Runtime-Function-Error-Type",
        ],
        "5\r\nhello\r\n6\r\n world\r\n0\r\nLambda-Runtime-Function-Error-Type: Late\r\n\r\n",
    );
    runtime.send(&streamed).await;
    let arrived = bench.seen().pop().unwrap();
    assert_eq!(arrived.text(), b"hello world");
    assert_eq!(arrived.header("Lambda-Runtime-Function-Response-Mode"), Some("streaming"));
    let wire = String::from_utf8(arrived.body).unwrap().to_ascii_lowercase();
    assert!(wire.contains("lambda-runtime-function-error-type: late"), "{wire}");
}

#[tokio::test]
async fn whatever_is_not_known_passes_through() {
    let bench = Bench::new(&[]).await;
    let mut runtime = bench.runtime().await;
    let cases = [
        ("POST /2018-06-01/runtime/init/error HTTP/1.1", "{\"errorType\":\"x\"}"),
        ("GET /2018-06-01/runtime/restore/next HTTP/1.1", ""),
        ("POST /2018-06-01/runtime/restore/error HTTP/1.1", "{}"),
        ("POST /2018-06-01/runtime/invocation/r/error HTTP/1.1", "{\"errorType\":\"y\"}"),
        ("PUT /2031-01-01/something/new?a=b HTTP/1.1", "anything"),
    ];
    for (line, body) in cases {
        bench.answer(Message::new(&["HTTP/1.1 418 I'm a teapot", "X-New: 1"], "short and stout"));
        let got = runtime.send(&Message::new(&[line, "Host: x"], body)).await;
        assert_eq!(
            (got.header("X-New"), got.body.as_slice()),
            (Some("1"), &b"short and stout"[..]),
            "{line}"
        );
        assert!(got.request_line().starts_with("HTTP/1.1 418"), "{line}");
        let arrived = bench.seen().pop().unwrap();
        assert_eq!((arrived.request_line(), arrived.body.as_slice()), (line, body.as_bytes()));
    }
}

#[tokio::test]
async fn a_connection_that_lambda_closed_is_made_anew() {
    let bench = Bench::new(&[]).await;
    let mut runtime = bench.runtime().await;
    for nth in 0..3 {
        bench.event("r", EVENT, &[]);
        assert_eq!(runtime.next().await.body, EVENT, "{nth}");
        bench.answer(Message::new(&["HTTP/1.1 202 Accepted", "Connection: close"], "{}"));
        runtime.respond("r", b"1").await;
        runtime = bench.runtime().await;
    }
}

#[tokio::test]
async fn without_a_runtime_api_the_proxy_says_so_and_lives() {
    let bench = Bench::to("127.0.0.1:9", &[]).await;
    for _ in 0..2 {
        let answer = bench.runtime().await.next().await;
        assert_eq!(answer.request_line(), "HTTP/1.1 502 Bad Gateway");
        assert!(String::from_utf8(answer.body).unwrap().contains("no connection to the Runtime API"));
    }
}

fn fixtures(folder: &Path) -> Vec<PathBuf> {
    let paths = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let (folders, files): (Vec<_>, Vec<_>) = paths.partition(|path| path.is_dir());
    let files = files.into_iter().filter(|path| path.extension().is_some_and(|kind| kind == "json"));
    files.chain(folders.iter().flat_map(|folder| fixtures(folder))).collect()
}

/// The text between the tokens of the fixtures' chain, with the data of Kinesis decoded that holds one.
fn without_tokens(event: &[u8]) -> Vec<String> {
    const CHAIN: &str = "01-4bf92f3577b34da6a3ce929d0e0e4736-";
    let text = String::from_utf8(event.to_vec()).unwrap();
    let decoded = |text: &str| {
        let data = STANDARD.decode(text).ok().and_then(|data| String::from_utf8(data).ok());
        data.filter(|data| data.contains(CHAIN)).unwrap_or_else(|| text.to_owned())
    };
    let text = text.split('"').map(decoded).collect::<Vec<_>>().join("\"");
    let of_token = |char: char| char.is_ascii_hexdigit() || "-:.".contains(char);
    let parts = text.split(CHAIN);
    parts.map(|part| part.trim_start_matches(of_token).to_owned()).collect()
}

#[tokio::test]
async fn of_captured_events_only_tokens_change() {
    let bench = Bench::new(&[("HOPGUARD_LOOKUP_TIMEOUT", "10ms")]).await;
    let mut runtime = bench.runtime().await;
    let files = fixtures(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures"));
    let files: Vec<_> = files.into_iter().filter(|file| !file.to_string_lossy().contains("golden")).collect();
    assert!(files.len() > 20);
    let mut advanced = 0;
    for file in files {
        let event = std::fs::read(&file).unwrap();
        bench.event("r", &event, &[]);
        let got = runtime.next().await.body;
        runtime.respond("r", b"null").await;
        if got == event {
            continue;
        }
        assert_eq!(without_tokens(&got), without_tokens(&event), "{}", file.display());
        advanced += 1;
    }
    assert!(advanced >= 5, "{advanced} events with lineage were advanced");
}

/// A payload of this size, with a member in front and one behind.
fn large(first: &str, last: &str) -> Vec<u8> {
    let pad = "Wing nut, stainless. ".repeat(300_000);
    format!(r#"{{{first}"text":"{pad}"{last}}}"#).into_bytes()
}

#[tokio::test]
async fn of_a_large_payload_its_beginning_is_judged() {
    const FIELD: &str = r#""hopguard":"01-0af7651916cd43dd8448eb211c80319c-3-256-00000001:1""#;
    let bench = Bench::new(&[]).await;
    let mut runtime = bench.runtime().await;
    let cases = [
        ("no field", String::new(), String::new(), true),
        ("the field where it is written", format!("{FIELD},"), String::new(), false),
        // The blind spot that docs/layer.md names.
        ("the field behind it all", String::new(), format!(",{FIELD}"), true),
    ];
    for (name, first, last, passes) in cases {
        let event = large(&first, &last);
        let sent = event_message(
            "r",
            &event,
            &["Lambda-Runtime-Trace-Id: Root=1-5759e988-bd862e3fe1be46a994272793"],
        );
        bench.answer(sent.clone());
        let got = runtime.next().await;
        assert_eq!(got.body == event, passes, "{name}");
        assert_eq!(got.body.first_chunk::<11>(), event.first_chunk::<11>(), "{name}");
        assert!(got.body.ends_with(&event[event.len() - 100..]), "{name}");
        if passes {
            assert_eq!(got.headers(), sent.headers(), "{name}");
        }
        let told = bench.runtime().await.ask(r#"{"sends":1}"#).await.json();
        let hop = told["tokens"][0].as_str().unwrap().split('-').nth(2).unwrap().to_owned();
        assert_eq!(hop, if passes { "0" } else { "4" }, "{name}");
        runtime.respond("r", b"1").await;
    }
}

#[tokio::test]
async fn a_large_payload_in_chunks_passes_too() {
    let bench = Bench::new(&[]).await;
    let event = large("", "");
    let mut chunks = Vec::new();
    for chunk in event.chunks(100_000) {
        chunks.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        chunks.extend_from_slice(chunk);
        chunks.extend_from_slice(b"\r\n");
    }
    chunks.extend_from_slice(b"0\r\n\r\n");
    let lines = ["HTTP/1.1 200 OK", "Lambda-Runtime-Aws-Request-Id: r", "Transfer-Encoding: chunked"];
    bench.answer(Message::new(&lines, chunks));
    let got = bench.runtime().await.next().await;
    assert!(got.text() == event, "{} bytes", got.body.len());
}

#[tokio::test]
async fn a_large_payload_with_a_client_context_is_read_whole() {
    let bench = Bench::new(&[]).await;
    let event = large("", "");
    bench.event("r", &event, &["Lambda-Runtime-Client-Context: e30="]);
    assert!(bench.runtime().await.next().await.body == event);
}
