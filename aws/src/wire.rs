//! Requests of hopguard's own beside those of the SDK's clients, for tests.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use aws_smithy_http_client::test_util::infallible_client_fn;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_runtime_api::client::interceptors::context::BeforeTransmitInterceptorContextMut;
use aws_smithy_runtime_api::client::interceptors::{Intercept, dyn_dispatch_hint};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::config_bag::ConfigBag;
use aws_types::sdk_config::TimeSource;

/// What goes over the wire, without what names the client and its attempts.
#[derive(Debug, PartialEq)]
pub(crate) struct Sent {
    method: String,
    uri: String,
    headers: BTreeMap<String, String>,
}

/// Headers in which the SDK's client names itself and its attempts. The first of them it would sign, if `Anonymous` let it.
const OF_THE_CLIENT: [&str; 4] =
    ["x-amz-user-agent", "user-agent", "amz-sdk-request", "amz-sdk-invocation-id"];

#[derive(Debug)]
pub(crate) struct Anonymous;

#[dyn_dispatch_hint]
impl Intercept for Anonymous {
    fn name(&self) -> &'static str {
        "Anonymous"
    }

    fn modify_before_signing(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        context.request_mut().headers_mut().remove(OF_THE_CLIENT[0]);
        Ok(())
    }
}

#[derive(Debug)]
pub(crate) struct Fixed;

impl TimeSource for Fixed {
    fn now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000)
    }
}

pub(crate) type Headers = &'static [(&'static str, &'static [u8])];

/// An HTTP client that keeps what it sent, and answers all of it the same.
pub(crate) struct Wire {
    pub(crate) client: SharedHttpClient,
    sent: Arc<Mutex<Vec<Sent>>>,
}

impl Wire {
    pub(crate) fn answered(status: u16, headers: Headers, body: &'static str) -> Self {
        let sent: Arc<Mutex<Vec<Sent>>> = Arc::default();
        let log = Arc::clone(&sent);
        let client = infallible_client_fn(move |request: http::Request<SdkBody>| {
            let text = |value: &http::HeaderValue| value.to_str().unwrap().to_owned();
            let agent = text(&request.headers()["user-agent"]);
            assert!(
                agent.starts_with("aws-sdk-rust/")
                    || agent == concat!("hopguard/", env!("CARGO_PKG_VERSION"))
            );
            let kept = request.headers().iter().filter(|(name, _)| !OF_THE_CLIENT.contains(&name.as_str()));
            let (method, uri) = (request.method().to_string(), request.uri().to_string());
            let headers_sent = kept.map(|(name, value)| (name.to_string(), text(value))).collect();
            log.lock().unwrap().push(Sent { method, uri, headers: headers_sent });
            let answer = http::Response::builder().status(status);
            headers
                .iter()
                .fold(answer, |answer, (name, value)| answer.header(*name, *value))
                .body(body)
                .unwrap()
        });
        Self { client, sent }
    }

    /// What was sent since it was asked last.
    pub(crate) fn sent(&self) -> Vec<Sent> {
        std::mem::take(&mut self.sent.lock().unwrap())
    }
}
