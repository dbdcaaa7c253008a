use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

use crate::wire::Wire;

const ARN: &str = "arn:aws:lambda:us-east-1:123456789012:function:orders";
/// A private folder for the addresses, since other tests of this machine have theirs.
const SCRIPT: &str =
    "mkdir -p /tmp/hopguard && mount -t tmpfs tmpfs /tmp/hopguard && exec setpriv --pdeathsig KILL \"$0\"";

/// An execution environment with the extension, seen from all sides: Lambda, the runtime and an injector.
pub(crate) struct Environment {
    extension: Child,
    /// The extension's connection to Lambda, on which it waits for events.
    events: Wire,
    /// The proxy's connection to Lambda.
    lambda: Wire,
    runtime: Wire,
    injector: Wire,
    reports: UdpSocket,
}

impl Environment {
    /// Starts the extension, and sees it through its initialisation.
    pub(crate) fn start() -> Self {
        let lambda = TcpListener::bind("127.0.0.1:0").unwrap();
        let extension = extension(lambda.local_addr().unwrap());
        let events = initialised(&lambda);
        let addresses = format!("/proc/{}/root/tmp/hopguard/addresses", extension.id());
        let addresses = std::fs::read_to_string(addresses).unwrap();
        let address = |part: &str| -> SocketAddr {
            let of_part = |line: &str| line.strip_prefix(part).map(|address| address.trim().parse().unwrap());
            addresses.lines().find_map(of_part).unwrap()
        };
        let mut runtime = Wire::new(TcpStream::connect(address("proxy")).unwrap());
        let injector = Wire::new(TcpStream::connect(address("proxy")).unwrap());
        let reports = UdpSocket::bind("127.0.0.1:0").unwrap();
        reports.connect(address("reports")).unwrap();
        runtime.write("GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: x", "");
        let lambda = Wire::new(lambda.accept().unwrap().0);
        Self { extension, events, lambda, runtime, injector, reports }
    }

    /// One invocation from its event to its answer: a message with lineage comes, another is sent on.
    pub(crate) fn invoke(&mut self, nth: u64) {
        let id = format!("{nth:08x}-0000-4000-8000-000000000000");
        assert!(self.lambda.read().starts_with("GET /2018-06-01/runtime/invocation/next"));
        let invoked =
            format!(r#"{{"eventType":"INVOKE","deadlineMs":{},"requestId":"{id}"}}"#, deadline_ms());
        self.events.write("HTTP/1.1 200 OK", &invoked);
        let head = format!(
            "HTTP/1.1 200 OK\r\nLambda-Runtime-Aws-Request-Id: {id}\r\nLambda-Runtime-Deadline-Ms: {}\r\nLambda-Runtime-Invoked-Function-Arn: {ARN}",
            deadline_ms()
        );
        let event = message(nth);
        self.lambda.write(&head, &event);
        assert!(self.runtime.read().contains("200"));
        assert!(self.runtime.body != event.as_bytes(), "its token is not advanced");

        let question = format!(r#"{{"invocation":"{id}","sends":1}}"#);
        self.injector.write("POST /hopguard/v1/sends HTTP/1.1\r\nHost: x", &question);
        self.reports.send(report(&id, nth).as_bytes()).unwrap();
        assert!(self.injector.read().contains("200"));

        let path = format!("POST /2018-06-01/runtime/invocation/{id}/response HTTP/1.1\r\nHost: x");
        self.runtime.write(&path, "{}");
        assert!(self.lambda.read().contains(&id));
        self.lambda.write("HTTP/1.1 202 Accepted", "{}");
        assert!(self.runtime.read().contains("202"));
        self.runtime.write("GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: x", "");
        assert!(self.events.read().contains("/extension/event/next"));
    }

    /// How much memory the extension is resident with, in bytes.
    pub(crate) fn resident(&self) -> u64 {
        let statm = std::fs::read_to_string(format!("/proc/{}/statm", self.extension.id())).unwrap();
        statm.split(' ').nth(1).unwrap().parse::<u64>().unwrap() * 4_096
    }

    /// Ends the environment, and sees the extension end in Lambda's 2 seconds.
    pub(crate) fn end(mut self) {
        let told = Instant::now();
        let event = format!(r#"{{"eventType":"SHUTDOWN","deadlineMs":{}}}"#, deadline_ms());
        self.events.write("HTTP/1.1 200 OK", &event);
        while self.extension.try_wait().unwrap().is_none() {
            assert!(told.elapsed() < Duration::from_secs(2), "it has not ended");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Environment {
    fn drop(&mut self) {
        let _ = self.extension.kill();
        let _ = self.extension.wait();
    }
}

fn extension(lambda: SocketAddr) -> Child {
    let mut command = Command::new("unshare");
    command
        .args(["--mount", "--map-root-user", "sh", "-c", SCRIPT])
        .arg(env!("CARGO_BIN_EXE_hopguard-extension"));
    command.env("AWS_LAMBDA_RUNTIME_API", lambda.to_string()).env("HOPGUARD_OTLP_PORT", "0");
    command.stdin(Stdio::null()).stdout(Stdio::null()).spawn().expect("unshare, of util-linux")
}

/// Answers until the extension waits for its first event, and returns the connection on which it does.
fn initialised(lambda: &TcpListener) -> Wire {
    let began = Instant::now();
    lambda.set_nonblocking(true).unwrap();
    loop {
        let stream = loop {
            match lambda.accept() {
                Ok((stream, _)) => break stream,
                Err(_) => assert!(began.elapsed() < Duration::from_secs(20), "the extension does not start"),
            }
            std::thread::sleep(Duration::from_millis(1));
        };
        stream.set_nonblocking(false).unwrap();
        let mut wire = Wire::new(stream);
        let line = wire.read();
        if line.contains("/event/next") {
            lambda.set_nonblocking(false).unwrap();
            return wire;
        }
        wire.write(
            "HTTP/1.1 200 OK\r\nConnection: close\r\nLambda-Extension-Identifier: 0e5d1a5e-0000-4000-8000-000000000000",
            r#"{"functionName":"orders","functionVersion":"1","handler":"x"}"#,
        );
    }
}

/// An SQS event of one message, with the lineage of a path over two functions.
fn message(nth: u64) -> String {
    let attribute = |name: &str, text: &str| {
        format!(
            r#""{name}":{{"stringValue":"{text}","stringListValues":[],"binaryListValues":[],"dataType":"String"}}"#
        )
    };
    let parent = attribute("traceparent", &format!("00-{nth:032x}-00f067aa0ba902b7-01"));
    let state = attribute("tracestate", &format!("hopguard=01-{nth:032x}-2-256-00000001:1.00000002:1"));
    let body = "Wing nut, stainless. ".repeat(20);
    format!(
        r#"{{"Records":[{{"messageId":"059f36b4-87a3-44ab-83d2-661975830a7d","receiptHandle":"AQEBzWwaftRI0KuVm4tP","body":"{body}","attributes":{{"ApproximateReceiveCount":"1"}},"messageAttributes":{{{parent},{state}}},"eventSource":"aws:sqs","eventSourceARN":"arn:aws:sqs:us-east-1:123456789012:orders","awsRegion":"us-east-1"}}]}}"#
    )
}

fn report(id: &str, nth: u64) -> String {
    format!(
        r#"{{"call":{{"invocation":"{id}","trace":"{nth:032x}","parent":"00f067aa0ba902b7","span":"{nth:016x}","service":"SQS","operation":"SendMessage","start_ns":"1795474347592000000","end_ns":"1795474347599000000","attempts":1,"status":200,"target":"orders"}},"outcomes":{{"written":1}}}}"#
    )
}

fn deadline_ms() -> u128 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    now.as_millis() + 2_000
}
