//! A runtime, the proxy, and a Runtime API that answers what a test says.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use hopguard_aws::Clients;
use hopguard_core::{Counters, Settings};
use hopguard_extension::{Guard, Observer, Proxy};
use tokio::net::{TcpListener, TcpStream};

use crate::wire::Message;

pub(crate) const ARN: &str = "arn:aws:lambda:us-east-1:123456789012:function:orders";

/// What the Runtime API answers, one after the other; with none left, it accepts whatever comes.
pub(crate) struct Bench {
    pub(crate) proxy: std::net::SocketAddr,
    pub(crate) counters: Arc<Counters>,
    answers: Arc<Mutex<VecDeque<Message>>>,
    seen: Arc<Mutex<Vec<Message>>>,
}

impl Bench {
    pub(crate) async fn new(variables: &[(&str, &str)]) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let runtime_api = listener.local_addr().unwrap();
        let bench = Self::to(&runtime_api.to_string(), variables).await;
        let (answers, seen) = (Arc::clone(&bench.answers), Arc::clone(&bench.seen));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&answers), Arc::clone(&seen)));
            }
        });
        bench
    }

    /// In front of a Runtime API at this address.
    pub(crate) async fn to(runtime_api: &str, variables: &[(&str, &str)]) -> Self {
        let (settings, wrong) = Settings::read(variables.iter().copied());
        assert!(wrong.is_empty(), "{wrong:?}");
        let proxy = Proxy::bind().await.unwrap();
        let address = proxy.address();
        let counters = Arc::<Counters>::default();
        let guard = Guard::new(settings, nowhere(), Arc::clone(&counters), Observer::default());
        tokio::spawn(proxy.serve(Arc::new(guard), runtime_api.into(), true));
        Self { proxy: address, counters, answers: Arc::default(), seen: Arc::default() }
    }

    pub(crate) fn answer(&self, answer: Message) {
        self.answers.lock().unwrap().push_back(answer);
    }

    /// An event for the next `/next`, with these headers besides Lambda's own.
    pub(crate) fn event(&self, id: &str, event: &[u8], more: &[&str]) {
        self.answer(event_message(id, event, more));
    }

    pub(crate) fn seen(&self) -> Vec<Message> {
        self.seen.lock().unwrap().clone()
    }

    pub(crate) async fn runtime(&self) -> Runtime {
        Runtime(TcpStream::connect(self.proxy).await.unwrap())
    }
}

/// What Lambda answers to `/next`.
pub(crate) fn event_message(id: &str, event: &[u8], more: &[&str]) -> Message {
    let deadline = std::time::SystemTime::now() + std::time::Duration::from_secs(5);
    let deadline = deadline.duration_since(std::time::UNIX_EPOCH).unwrap().as_millis();
    let (id, arn) = (
        format!("Lambda-Runtime-Aws-Request-Id: {id}"),
        format!("Lambda-Runtime-Invoked-Function-Arn: {ARN}"),
    );
    let deadline = format!("Lambda-Runtime-Deadline-Ms: {deadline}");
    let mut lines = vec!["HTTP/1.1 200 OK", "Content-Type: application/json", &id, &deadline, &arn];
    lines.extend_from_slice(more);
    Message::new(&lines, event)
}

async fn serve(
    mut stream: TcpStream,
    answers: Arc<Mutex<VecDeque<Message>>>,
    seen: Arc<Mutex<Vec<Message>>>,
) {
    while let Some(request) = Message::read(&mut stream).await {
        seen.lock().unwrap().push(request);
        let answer = answers.lock().unwrap().pop_front();
        let answer =
            answer.unwrap_or_else(|| Message::new(&["HTTP/1.1 202 Accepted"], "{\"status\":\"OK\"}"));
        answer.write(&mut stream).await;
        if answer.header("Connection") == Some("close") {
            return;
        }
    }
}

/// The runtime's side of one connection.
pub(crate) struct Runtime(TcpStream);

impl Runtime {
    pub(crate) async fn send(&mut self, request: &Message) -> Message {
        request.write(&mut self.0).await;
        Message::read(&mut self.0).await.expect("an answer")
    }

    pub(crate) async fn next(&mut self) -> Message {
        let request = "GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: 127.0.0.1:9001\r\nUser-Agent: AWS_Lambda_Cpp/0.2.6";
        self.send(&Message { head: request.to_owned(), body: Vec::new() }).await
    }

    pub(crate) async fn respond(&mut self, id: &str, answer: &[u8]) -> Message {
        let line = format!("POST /2018-06-01/runtime/invocation/{id}/response HTTP/1.1");
        self.send(&Message::new(&[&line, "Host: 127.0.0.1:9001", "Content-Type: application/json"], answer))
            .await
    }

    pub(crate) async fn ask(&mut self, question: &str) -> Message {
        let lines = ["POST /hopguard/v1/sends HTTP/1.1", "Host: x", "Content-Type: application/json"];
        self.send(&Message::new(&lines, question)).await
    }
}

/// Clients of an AWS that is not there: whatever is asked fails at once.
fn nowhere() -> Clients {
    let credentials = aws_credential_types::Credentials::for_tests();
    let config = aws_config::SdkConfig::builder()
        .region(aws_config::Region::new("us-east-1"))
        .endpoint_url("http://127.0.0.1:9")
        .credentials_provider(aws_credential_types::provider::SharedCredentialsProvider::new(credentials))
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .build();
    Clients::from_config(config)
}
