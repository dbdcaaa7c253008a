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
use std::hint::black_box;
use std::sync::{Arc, OnceLock};

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
use events::Carrier;
use futures_util::FutureExt as _;
use hopguard::Guard;
use lambda_runtime::{Context, FunctionResponse, IntoFunctionResponse, LambdaEvent, Service, service_fn};
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
        async { Ok::<_, Infallible>(()) }
    });
    invoke(&mut guard.wrap(measure), b"{}");
}

fn cases(guard: &Guard) -> Vec<Case> {
    vec![
        invocation("invocation, sqs 10 x 1 KB, no lineage", Target::Times(1.2), guard, Carrier::None),
        invocation(
            "invocation, sqs 10 x 1 KB, lineage in each",
            Target::Times(1.2),
            guard,
            Carrier::W3c(None),
        ),
        send(guard),
    ]
}

/// What `lambda_runtime`'s own service does with one invocation, from the bytes of the event to the bytes of the answer.
fn invoke<H, T, R, B, S>(handler: &mut H, event: &[u8]) -> Vec<u8>
where
    H: Service<LambdaEvent<T>, Response = R>,
    H::Error: std::fmt::Debug,
    T: DeserializeOwned,
    R: IntoFunctionResponse<B, S>,
    B: Serialize,
{
    let payload =
        serde_path_to_error::deserialize(&mut serde_json::Deserializer::from_slice(event)).expect("an event");
    let mut context = Context::default();
    context.request_id = "8476a536-e9f4-11e8-9739-2dfe598c3fcd".to_owned();
    context.invoked_function_arn = "arn:aws:lambda:eu-central-1:123456789012:function:orders".to_owned();
    // Lambda sends it with every invocation.
    context.xray_trace_id =
        Some("Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=0".to_owned());
    let response = handler.call(LambdaEvent::new(payload, context)).now_or_never().expect("no wait");
    match response.expect("an answer").into_response() {
        FunctionResponse::BufferedResponse(answer) => serde_json::to_vec(&answer).expect("JSON"),
        FunctionResponse::StreamingResponse(_) => Vec::new(),
    }
}

fn invocation(name: &'static str, target: Target, guard: &Guard, carrier: Carrier<'_>) -> Case {
    let handler = || {
        service_fn(|event: LambdaEvent<SqsEvent>| {
            black_box(event);
            std::future::ready(Ok::<_, Infallible>(()))
        })
    };
    let event = events::sqs(10, 1000, carrier);
    let bytes = event.clone();
    let (mut guarded, mut plain) = (guard.wrap(handler()), handler());
    Case {
        name,
        target,
        subject: Box::new(move || {
            black_box(invoke(&mut guarded, black_box(&bytes)));
        }),
        reference: Box::new(move || {
            black_box(invoke(&mut plain, black_box(&event)));
        }),
    }
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
