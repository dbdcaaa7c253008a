//! Handlers of every kind that `lambda_runtime::run` takes, each run without the guard and with it in both ways: that this
//! compiles is a test of its own.

use std::cell::Cell;
use std::convert::Infallible;
use std::sync::LazyLock;
use std::task::{Context as TaskContext, Poll};

use futures_util::stream;
use hopguard::core::Token;
use hopguard::{Guard, Scope};
use lambda_runtime::{
    Diagnostic, Error, FunctionResponse, LambdaEvent, MetadataPrelude, Service, StreamResponse, service_fn,
};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use tokio::sync::Barrier;

/// How a handler is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// `lambda_runtime`, without a guard.
    Itself,
    /// `lambda_runtime`, with the guard around the handler.
    Wrap,
    /// The guard.
    Run,
}

impl By {
    /// Both ways to guard a handler.
    pub const GUARDED: [Self; 2] = [Self::Wrap, Self::Run];
    const ALL: [Self; 3] = [Self::Itself, Self::Wrap, Self::Run];

    pub fn name(self) -> String {
        format!("{self:?}")
    }

    pub fn named(name: &str) -> Self {
        Self::ALL.into_iter().find(|by| by.name() == name).unwrap()
    }
}

/// Those whose answers are the same with and without the guard.
pub const ALIKE: &[&str] = &[
    "unit",
    "value",
    "struct",
    "raw",
    "context",
    "borrowed",
    "stateful",
    "error",
    "error text",
    "error string",
    "error own",
    "error infallible",
    "panic",
    "panic in call",
    "streaming",
    "stream response",
    "stream of a stream",
    "broken stream",
    "buffered or streaming",
];

/// Runs one handler for ever.
pub async fn run(name: &str, by: By) -> Result<(), Error> {
    let guard = Guard::default();
    macro_rules! run {
        ($handler:expr) => {
            match by {
                By::Itself => lambda_runtime::run($handler).await,
                By::Wrap => lambda_runtime::run(guard.wrap($handler)).await,
                By::Run => guard.run($handler).await,
            }
        };
    }
    macro_rules! answer {
        ($answer:expr) => {
            run!(service_fn(async |_: LambdaEvent<Value>| $answer))
        };
    }
    let seen = Cell::new(0);
    match name {
        "unit" => answer!(Ok::<_, Error>(())),
        "value" => run!(service_fn(async |event: LambdaEvent<Value>| Ok::<_, Error>(event.payload))),
        "struct" => run!(service_fn(async |event: LambdaEvent<Order>| Ok::<_, Error>(event.payload))),
        "raw" => run!(service_fn(async |event: LambdaEvent<Box<RawValue>>| Ok::<_, Error>(event.payload))),
        "context" => run!(service_fn(async |event: LambdaEvent<Value>| Ok::<_, Error>(event.context))),
        // Neither 'static nor Send.
        "borrowed" => run!(service_fn(async |_: LambdaEvent<Value>| {
            seen.set(seen.get() + 1);
            Ok::<_, Error>(seen.get())
        })),
        "stateful" => run!(Stateful::default()),
        "error" => answer!(Err::<(), Error>("no".into())),
        "error text" => answer!(Err::<(), &'static str>("no")),
        "error string" => answer!(Err::<(), String>("no".to_owned())),
        "error own" => answer!(Err::<(), Own>(Own)),
        "error infallible" => answer!(Ok::<_, Infallible>("yes")),
        "panic" => run!(service_fn(|event: LambdaEvent<Value>| async move {
            if event.payload.is_object() {
                panic!("a handler's own");
            }
            Ok::<_, Error>("still here")
        })),
        "panic in call" => run!(service_fn(|event: LambdaEvent<Value>| {
            if event.payload.is_object() {
                panic!("a handler's own");
            }
            async { Ok::<_, Error>("still here") }
        })),
        "streaming" => {
            answer!(Ok::<FunctionResponse<(), _>, Error>(FunctionResponse::StreamingResponse(streamed())))
        }
        "stream response" => answer!(Ok::<_, Error>(streamed())),
        "stream of a stream" => answer!(Ok::<_, Error>(StreamResponse::from(stream::iter(PARTS)))),
        "broken stream" => {
            let parts = || stream::iter([Ok("a"), Err(Error::from("broken"))]);
            answer!(Ok::<_, Error>(StreamResponse::from(parts())))
        }
        "buffered or streaming" => run!(service_fn(async |event: LambdaEvent<Value>| {
            let streams = event.payload.is_object();
            let response = if streams {
                FunctionResponse::StreamingResponse(streamed())
            } else {
                FunctionResponse::BufferedResponse(json!({"buffered": event.payload}))
            };
            Ok::<_, Error>(response)
        })),
        "two at once" => {
            static BOTH: LazyLock<Barrier> = LazyLock::new(|| Barrier::new(2));
            let handler = |_: LambdaEvent<Value>| async {
                BOTH.wait().await;
                let scope = Scope::current();
                BOTH.wait().await;
                Ok::<_, Error>(scope.map(|scope| Token::new(&scope.lineage(), None).to_string()))
            };
            match by {
                By::Itself => lambda_runtime::run_concurrent(service_fn(handler)).await,
                By::Wrap => lambda_runtime::run_concurrent(guard.wrap(service_fn(handler))).await,
                By::Run => guard.run_concurrent(service_fn(handler)).await,
            }
        }
        other => panic!("no scenario {other}"),
    }
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Order {
    order_id: u32,
    lines: Vec<Line>,
}

#[derive(Deserialize, Serialize)]
struct Line {
    sku: String,
}

#[derive(Debug)]
struct Own;

impl From<Own> for Diagnostic {
    fn from(_: Own) -> Self {
        Self { error_type: "orders::Own".to_owned(), error_message: "no".to_owned() }
    }
}

type Part = Result<&'static str, Error>;
const PARTS: [Result<&str, Infallible>; 2] = [Ok("a"), Ok("b")];

fn streamed() -> StreamResponse<stream::Iter<std::vec::IntoIter<Part>>> {
    let mut metadata_prelude =
        MetadataPrelude { cookies: vec!["a=1".to_owned()], ..MetadataPrelude::default() };
    metadata_prelude.headers.insert("x-a", "b".parse().unwrap());
    StreamResponse { metadata_prelude, stream: stream::iter(vec![Ok("part 1"), Ok("part 2")]) }
}

/// A service that must be ready before each call, and that is not `Clone`.
#[derive(Default)]
struct Stateful {
    ready: bool,
    calls: u32,
}

impl Service<LambdaEvent<Value>> for Stateful {
    type Response = u32;
    type Error = Error;
    type Future = std::future::Ready<Result<u32, Error>>;

    fn poll_ready(&mut self, _: &mut TaskContext<'_>) -> Poll<Result<(), Error>> {
        self.ready = true;
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: LambdaEvent<Value>) -> Self::Future {
        assert!(std::mem::take(&mut self.ready), "called before it was ready");
        self.calls += 1;
        std::future::ready(Ok(self.calls))
    }
}
