//! What the guard adds to an invocation and to a send, as ratios to a reference that is measured in the same run.
//!
//! `cargo bench -p hopguard --all-features` prints the table, with instruction counts where `valgrind` is on the `PATH`.
#![allow(clippy::disallowed_methods, reason = "a benchmark reads the clock and runs valgrind")]
#![allow(clippy::print_stdout, clippy::expect_used, reason = "it prints, and may stop")]
#![allow(
    missing_docs,
    unreachable_pub,
    dead_code,
    reason = "nobody links a benchmark, and not all of the table is used"
)]

#[path = "../../core/benches/handler/events.rs"]
mod events;
#[path = "../../core/benches/handler/instructions.rs"]
mod instructions;
#[path = "../../core/benches/handler/measure.rs"]
mod measure;
#[path = "../../core/benches/handler/table.rs"]
mod table;

use std::collections::HashMap;
use std::convert::Infallible;
use std::fmt::Debug;
use std::hint::black_box;
use std::marker::PhantomData;
use std::sync::{Arc, OnceLock};
use std::task::{self, Poll};

use aws_lambda_events::sqs::SqsEvent;
use aws_sdk_sqs::config::Region;
use aws_sdk_sqs::operation::send_message::SendMessageInput;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::{
    BeforeSerializationInterceptorContextMut, Input, InterceptorContext,
};
use aws_smithy_runtime_api::client::interceptors::{Intercept, dyn_dispatch_hint};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;
use bytes::Bytes;
use events::Carrier;
use futures_util::FutureExt as _;
use hopguard::Guard;
use http::response::Parts;
use lambda_runtime::tower::Layer as _;
use lambda_runtime::{Context, FunctionResponse, LambdaEvent, LambdaInvocation, Service, service_fn};
use measure::Work;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use table::{Case, Target};

fn main() {
    // All of it runs in the scope of one invocation, which the sends need.
    let guard = Guard::default();
    let measure = service_fn(|_: LambdaEvent<Box<RawValue>>| {
        table::run(cases(&guard));
        async { Ok::<_, Infallible>(FunctionResponse::<(), ()>::BufferedResponse(())) }
    });
    let parts = http::Response::new(()).into_parts().0;
    invoke(&mut Runtime::new(guard.wrap(measure)), &parts, &Bytes::from_static(b"{}"));
}

fn cases(guard: &Guard) -> Vec<Case> {
    vec![
        invocation("invocation, sqs 10 x 1 KB, no lineage", Target::Times(1.2), guard, Carrier::None, true),
        invocation(
            "invocation, sqs 10 x 1 KB, lineage in each",
            Target::Times(1.2),
            guard,
            Carrier::W3c(None),
            true,
        ),
        invocation("invocation, no lineage, wrapped alone", Target::None, guard, Carrier::None, false),
        send(guard),
    ]
}

/// What `lambda_runtime`'s own service does with one invocation, from the bytes of the event to the bytes of the answer.
struct Runtime<H, T> {
    handler: H,
    event: PhantomData<fn() -> T>,
}

impl<H, T> Runtime<H, T> {
    const fn new(handler: H) -> Self {
        Self { handler, event: PhantomData }
    }
}

impl<H, T, B, S> Service<LambdaInvocation> for Runtime<H, T>
where
    H: Service<LambdaEvent<T>, Response = FunctionResponse<B, S>>,
    H::Error: Debug,
    T: DeserializeOwned,
    B: Serialize,
{
    type Response = Vec<u8>;
    type Error = Infallible;
    type Future = std::future::Ready<Result<Vec<u8>, Infallible>>;

    fn poll_ready(&mut self, _: &mut task::Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, invocation: LambdaInvocation) -> Self::Future {
        let payload =
            serde_path_to_error::deserialize(&mut serde_json::Deserializer::from_slice(&invocation.body))
                .expect("an event");
        let response = self.handler.call(LambdaEvent::new(payload, invocation.context)).now_or_never();
        let answer = match response.expect("no wait").expect("an answer") {
            FunctionResponse::BufferedResponse(answer) => serde_json::to_vec(&answer).expect("JSON"),
            FunctionResponse::StreamingResponse(_) => Vec::new(),
        };
        std::future::ready(Ok(answer))
    }
}

fn invoke<R>(runtime: &mut R, parts: &Parts, event: &Bytes) -> Vec<u8>
where
    R: Service<LambdaInvocation, Response = Vec<u8>, Error = Infallible>,
{
    let mut context = Context::default();
    context.request_id = "8476a536-e9f4-11e8-9739-2dfe598c3fcd".to_owned();
    context.invoked_function_arn = "arn:aws:lambda:eu-central-1:123456789012:function:orders".to_owned();
    // Lambda sends it with every invocation.
    context.xray_trace_id =
        Some("Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=0".to_owned());
    let invocation = LambdaInvocation { parts: parts.clone(), body: event.clone(), context };
    let Ok(answer) = runtime.call(invocation).now_or_never().expect("no wait");
    answer
}

/// An invocation of a handler that does nothing, which the guard runs (with its layer) or something else does, against the same
/// without a guard.
fn invocation(name: &'static str, target: Target, guard: &Guard, carrier: Carrier<'_>, layer: bool) -> Case {
    let handler = || {
        service_fn(|event: LambdaEvent<SqsEvent>| {
            black_box(event);
            std::future::ready(Ok::<_, Infallible>(FunctionResponse::<(), ()>::BufferedResponse(())))
        })
    };
    let event = Bytes::from(events::sqs(10, 1000, carrier));
    let (bytes, parts) = (event.clone(), http::Response::new(()).into_parts().0);
    let reference = {
        let (mut plain, event, parts) = (Runtime::new(handler()), event.clone(), parts.clone());
        Box::new(move || {
            black_box(invoke(&mut plain, &parts, black_box(&event)));
        })
    };
    let mut wrapped = Runtime::new(guard.wrap(handler()));
    let subject: Work = if layer {
        let mut own = guard.layer().layer(wrapped);
        Box::new(move || {
            black_box(invoke(&mut own, &parts, black_box(&bytes)));
        })
    } else {
        Box::new(move || {
            black_box(invoke(&mut wrapped, &parts, black_box(&bytes)));
        })
    };
    Case { name, target, subject, reference }
}

/// The components of a client, which only its interceptors get to see.
fn components() -> RuntimeComponents {
    #[derive(Clone, Debug, Default)]
    struct Seen(Arc<OnceLock<RuntimeComponents>>);

    #[dyn_dispatch_hint]
    impl Intercept for Seen {
        fn name(&self) -> &'static str {
            "Seen"
        }

        fn modify_before_serialization(
            &self,
            _: &mut BeforeSerializationInterceptorContextMut<'_>,
            components: &RuntimeComponents,
            _: &mut ConfigBag,
        ) -> Result<(), BoxError> {
            self.0.get_or_init(|| components.clone());
            Err("seen".into())
        }
    }

    let seen = Seen::default();
    let config = aws_sdk_sqs::Config::builder()
        .behavior_version_latest()
        .region(Region::new("us-east-1"))
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .interceptor(seen.clone());
    let send = aws_sdk_sqs::Client::from_conf(config.build()).send_message().send();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(send).expect_err("it goes no further");
    seen.0.get().cloned().expect("components")
}

/// The interceptor on a SendMessage, against formatting a header and putting it into a map.
fn send(guard: &Guard) -> Case {
    let propagator = guard.propagator();
    let input = SendMessageInput::builder()
        .queue_url("https://q")
        .message_body("x".repeat(1000))
        .build()
        .expect("an input");
    let mut context = InterceptorContext::new(Input::erase(input));
    let components = components();
    let mut config = ConfigBag::base();
    let subject = move || {
        let mut before = (&mut context).into();
        propagator
            .modify_before_serialization(&mut before, &components, &mut config)
            .expect("never an error");
        let input = context.input_mut().and_then(|input| input.downcast_mut::<SendMessageInput>());
        // The next one starts afresh.
        let attributes = input.and_then(|input| input.message_attributes.take());
        assert_eq!(black_box(attributes).map(|attributes| attributes.len()), Some(2));
    };
    let parent = events::parent();
    let reference: Work = Box::new(move || {
        let mut map = HashMap::new();
        map.insert("traceparent".to_owned(), events::formatted(black_box(&parent)));
        black_box(map);
    });
    Case {
        name: "inject into a SendMessage",
        target: Target::Times(2.0),
        subject: Box::new(subject),
        reference,
    }
}
