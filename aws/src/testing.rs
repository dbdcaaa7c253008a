//! A control plane for tests: answers by a function, and keeps what it was asked.

use std::sync::{Arc, Mutex};

use aws_config::SdkConfig;
use aws_sdk_lambda::config::{Credentials, Region, SharedCredentialsProvider};
use aws_smithy_http_client::test_util::{NeverClient, infallible_client_fn};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_types::body::SdkBody;

use crate::clients::Clients;

pub(crate) const ARN: &str = "arn:aws:lambda:us-east-1:123456789012:function:orders";

/// One request as it was sent.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) method: String,
    /// The path and the query.
    pub(crate) path: String,
    pub(crate) body: String,
}

impl Call {
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap()
    }

    /// `GET concurrency`, `POST tags` and so on.
    pub(crate) fn name(&self) -> String {
        let path = self.path.split('?').next().unwrap_or_default();
        let part = if path.contains("/tags/") { "tags" } else { path.rsplit('/').next().unwrap_or_default() };
        format!("{} {part}", self.method)
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: String,
}

impl Answer {
    /// An error in the form of Lambda's REST and SQS's JSON protocol.
    pub(crate) fn error(status: u16, code: &str, message: &str) -> Self {
        let body = serde_json::json!({ "__type": code, "message": message }).to_string();
        Self { status, headers: vec![("x-amzn-errortype", code.to_owned())], body }
    }
}

pub(crate) fn ok(body: &str) -> Answer {
    Answer { status: 200, headers: Vec::new(), body: body.to_owned() }
}

pub(crate) fn throttled() -> Answer {
    Answer::error(429, "TooManyRequestsException", "Rate exceeded")
}

pub(crate) fn denied(action: &str) -> Answer {
    let message = format!(
        "User: arn:aws:sts::123456789012:assumed-role/r/orders is not authorized to perform: {action}"
    );
    Answer::error(403, "AccessDeniedException", &message)
}

pub(crate) struct Fake {
    pub(crate) clients: Clients,
    calls: Arc<Mutex<Vec<Call>>>,
}

impl Fake {
    pub(crate) fn new(answer: impl FnMut(&Call) -> Answer + Send + 'static) -> Self {
        let calls: Arc<Mutex<Vec<Call>>> = Arc::default();
        let log = Arc::clone(&calls);
        let answer = Mutex::new(answer);
        let http = infallible_client_fn(move |request: http::Request<SdkBody>| {
            // CloudWatch's is CBOR.
            let body = String::from_utf8_lossy(request.body().bytes().unwrap_or_default()).into_owned();
            let path = request.uri().path_and_query().map(ToString::to_string).unwrap_or_default();
            let call = Call { method: request.method().to_string(), path, body };
            let Answer { status, headers, body } = (answer.lock().unwrap())(&call);
            log.lock().unwrap().push(call);
            let response =
                headers.iter().fold(http::Response::builder().status(status), |response, (name, value)| {
                    response.header(*name, value)
                });
            response.body(body).unwrap()
        });
        Self { clients: Clients::from_config(config(http)), calls }
    }

    pub(crate) fn calls(&self) -> Vec<Call> {
        self.calls.lock().unwrap().clone()
    }

    pub(crate) fn names(&self) -> Vec<String> {
        self.calls().iter().map(Call::name).collect()
    }
}

/// Clients whose requests are never answered.
pub(crate) fn silent() -> Clients {
    use aws_smithy_runtime_api::shared::IntoShared as _;
    Clients::from_config(config(NeverClient::new().into_shared()))
}

fn config(http: SharedHttpClient) -> SdkConfig {
    SdkConfig::builder()
        .region(Region::new("us-east-1"))
        .endpoint_url("http://127.0.0.1:9")
        .credentials_provider(SharedCredentialsProvider::new(Credentials::new(
            "test", "test", None, None, "test",
        )))
        .http_client(http)
        .build()
}
