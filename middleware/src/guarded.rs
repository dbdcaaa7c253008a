use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context as TaskContext, Poll, ready};
use std::time::{Duration, SystemTime};

use futures_util::future::join;
use hopguard_core::Flush;
use hopguard_core::admission::Withheld;
use hopguard_core::answer::with_failures;
use lambda_runtime::{Context, Diagnostic, FunctionResponse, IntoFunctionResponse, LambdaEvent};
use pin_project_lite::pin_project;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_json::value::RawValue;
use tokio::task::futures::TaskLocalFuture;
use tower::Service;
use tracing::Instrument as _;
use tracing::instrument::Instrumented;

use crate::admission::{Admission, Admitted, BoxFuture, admit};
use crate::answer::Answer;
use crate::error;
use crate::observed::Ending;
use crate::otlp::Exporting;
use crate::scope::Scope;
use crate::shared::Shared;

/// What is left of an invocation's time when its answer stops waiting for an export.
const MARGIN: Duration = Duration::from_millis(50);

/// The types of a handler that stand in no field.
type Types<T, R, B, S> = PhantomData<fn() -> (T, R, B, S)>;

/// A handler with a guard around it, made by [`Guard::wrap`](crate::Guard::wrap) and run like any handler.
pub struct Guarded<H, T, R, B, S> {
    shared: Arc<Shared>,
    // The handler is called when its event has been admitted, which may take a lookup; the lock is held for the call alone, never
    // while its future runs.
    handler: Arc<Mutex<H>>,
    types: Types<T, R, B, S>,
}

impl<H, T, R, B, S> Guarded<H, T, R, B, S> {
    pub(crate) fn new(shared: Arc<Shared>, handler: H) -> Self {
        Self { shared, handler: Arc::new(Mutex::new(handler)), types: PhantomData }
    }
}

impl<H: Clone, T, R, B, S> Clone for Guarded<H, T, R, B, S> {
    /// A handler of its own for each worker of `run_concurrent`, with the same guard.
    fn clone(&self) -> Self {
        let handler = self.handler.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Self::new(Arc::clone(&self.shared), handler)
    }
}

impl<H, T, R, B, S> fmt::Debug for Guarded<H, T, R, B, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guarded").finish_non_exhaustive()
    }
}

impl<H, T, R, B, S> Service<LambdaEvent<Box<RawValue>>> for Guarded<H, T, R, B, S>
where
    H: Service<LambdaEvent<T>, Response = R>,
    H::Error: Into<Diagnostic>,
    T: DeserializeOwned,
    R: IntoFunctionResponse<B, S>,
    B: Serialize,
{
    type Response = FunctionResponse<Answer<B>, S>;
    type Error = Diagnostic;
    type Future = GuardedFuture<H, T, H::Future, B, S>;

    fn poll_ready(&mut self, cx: &mut TaskContext<'_>) -> Poll<Result<(), Self::Error>> {
        self.handler.lock().unwrap_or_else(PoisonError::into_inner).poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, event: LambdaEvent<Box<RawValue>>) -> Self::Future {
        let LambdaEvent { payload, context, .. } = event;
        let payload = self.shared.handover.claim(payload);
        let state = match admit(&self.shared, payload, &context) {
            Admission::Ready(admitted) => State::Admitted { admitted: Some(admitted) },
            Admission::Waiting(admission) => State::Waiting { admission },
        };
        GuardedFuture {
            handler: Arc::clone(&self.handler),
            context: Some(context),
            state,
            types: PhantomData,
        }
    }
}

type Answered<B, S> = Result<FunctionResponse<Answer<B>, S>, Diagnostic>;

pin_project! {
    /// The future of a guarded invocation. It is `Send` where the handler and its future are.
    pub struct GuardedFuture<H, T, F, B, S> {
        handler: Arc<Mutex<H>>,
        context: Option<Context>,
        #[pin]
        state: State<F, B, S>,
        types: PhantomData<fn() -> T>,
    }
}

pin_project! {
    #[project = StateProjection]
    enum State<F, B, S> {
        /// AWS is asked for something before the handler may run.
        Waiting { admission: BoxFuture<Admitted> },
        Admitted { admitted: Option<Admitted> },
        Handling {
            #[pin]
            handling: TaskLocalFuture<Scope, Instrumented<F>>,
            withheld: Withheld,
            trip: Option<BoxFuture<()>>,
            ending: Ending,
            export: Export,
        },
        /// The answer is known, and a trip is still under way: once the answer is out, this environment may be frozen.
        Tripping { answer: Option<Answered<B, S>>, trip: BoxFuture<()> },
        Done,
    }
}

impl<H, T, R, B, S> Future for GuardedFuture<H, T, H::Future, B, S>
where
    H: Service<LambdaEvent<T>, Response = R>,
    H::Error: Into<Diagnostic>,
    T: DeserializeOwned,
    R: IntoFunctionResponse<B, S>,
    B: Serialize,
{
    type Output = Answered<B, S>;

    fn poll(self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            let next = match this.state.as_mut().project() {
                StateProjection::Waiting { admission } => {
                    State::Admitted { admitted: Some(ready!(admission.as_mut().poll(cx))) }
                }
                StateProjection::Admitted { admitted } => {
                    let (Some(admitted), Some(context)) = (admitted.take(), this.context.take()) else {
                        return Poll::Pending;
                    };
                    start(this.handler, admitted, context)
                }
                StateProjection::Handling { handling, withheld, trip, ending, export } => {
                    let tripped = trip.as_mut().is_some_and(|trip| trip.as_mut().poll(cx).is_ready());
                    if tripped {
                        *trip = None;
                    }
                    let answer = ready!(ending.poll(|| handling.poll(cx))).map_err(Into::into);
                    let answer = answer.and_then(|answer| complete(answer.into_response(), withheld));
                    ending.end(answer.as_ref().err().map(|error| error.error_type.as_str()));
                    answered(answer, export.with(trip.take()))
                }
                StateProjection::Tripping { answer, trip } => {
                    ready!(trip.as_mut().poll(cx));
                    let answer = answer.take();
                    this.state.set(State::Done);
                    return answer.map_or(Poll::Pending, Poll::Ready);
                }
                // Polled again after it was ready, which no caller does.
                StateProjection::Done => return Poll::Pending,
            };
            this.state.set(next);
        }
    }
}

/// The export at the end of an invocation.
struct Export {
    exporting: Option<(Arc<Exporting>, Flush)>,
    /// When the answer has to be out, whatever else waits.
    until: SystemTime,
}

impl Export {
    fn due(shared: &Shared, context: &Context) -> Self {
        let exporting = shared.exporting.get();
        let exporting = exporting.map(|exporting| (Arc::clone(exporting), exporting.due()));
        Self { exporting, until: context.deadline() }
    }

    /// What the answer waits for, beside a trip.
    fn with(&mut self, trip: Option<BoxFuture<()>>) -> Option<BoxFuture<()>> {
        let left = self.until.duration_since(SystemTime::now()).unwrap_or_default();
        let left = left.saturating_sub(MARGIN);
        let export = self.exporting.take();
        let export = export.and_then(|(exporting, flush)| Exporting::at_end(&exporting, flush, left));
        match (trip, export) {
            (Some(trip), Some(export)) => Some(Box::pin(async move {
                join(trip, export).await;
            })),
            (trip, export) => trip.or(export),
        }
    }
}

/// Calls the handler with what it may have of the event.
fn start<H, T, B, S>(handler: &Mutex<H>, admitted: Admitted, context: Context) -> State<H::Future, B, S>
where
    H: Service<LambdaEvent<T>>,
    T: DeserializeOwned,
{
    let Admitted { payload, scope, span, withheld, trip } = admitted;
    let mut ending = Ending::new(scope.observed().cloned());
    let Some(payload) = payload else {
        ending.end(Some(error::BLOCKED));
        return answered(nothing_left(&withheld), trip);
    };
    let parsed = match payload.parse() {
        Ok(parsed) => parsed,
        Err(error) => {
            ending.end(Some(&error.error_type));
            return answered(Err(error), trip);
        }
    };
    scope.keep(payload);
    let export = Export::due(scope.shared(), &context);
    let event = LambdaEvent::new(parsed, context);
    let call = || handler.lock().unwrap_or_else(PoisonError::into_inner).call(event);
    let future = span.in_scope(|| scope.clone().run_sync(call));
    State::Handling { handling: scope.run(future.instrument(span)), withheld, trip, ending, export }
}

fn answered<F, B, S>(answer: Answered<B, S>, trip: Option<BoxFuture<()>>) -> State<F, B, S> {
    let trip = trip.unwrap_or_else(|| Box::pin(std::future::ready(())));
    State::Tripping { answer: Some(answer), trip }
}

/// Adds what was withheld from the handler to its answer.
fn complete<B: Serialize, S>(answer: FunctionResponse<B, S>, withheld: &Withheld) -> Answered<B, S> {
    if let Some((records, reason)) = withheld.fail_invocation {
        return Err(error::blocked(records, reason));
    }
    let answer = match answer {
        FunctionResponse::BufferedResponse(answer) if withheld.failed.is_empty() => Answer::Handler(answer),
        FunctionResponse::StreamingResponse(stream) if withheld.failed.is_empty() => {
            return Ok(FunctionResponse::StreamingResponse(stream));
        }
        FunctionResponse::BufferedResponse(answer) => {
            let answer = serde_json::to_value(answer).map_err(|error| Diagnostic {
                error_type: error::BLOCKED.to_owned(),
                error_message: format!(
                    "the handler's answer cannot be completed with the blocked records: {error}"
                ),
            })?;
            Answer::Guard(with_failures(answer, withheld.failed.iter().map(String::as_str)))
        }
        // A stream has no list of failures; Lambda would not have read one in it either.
        FunctionResponse::StreamingResponse(_) => {
            Answer::Guard(with_failures(Value::Null, withheld.failed.iter().map(String::as_str)))
        }
    };
    Ok(FunctionResponse::BufferedResponse(answer))
}

/// The answer of an invocation whose records were all blocked.
fn nothing_left<B, S>(withheld: &Withheld) -> Answered<B, S> {
    if let Some((records, reason)) = withheld.fail_invocation {
        return Err(error::blocked(records, reason));
    }
    let answer = match withheld.batch {
        true => with_failures(Value::Null, withheld.failed.iter().map(String::as_str)),
        false => Value::Null,
    };
    Ok(FunctionResponse::BufferedResponse(Answer::Guard(answer)))
}
