//! Invocations of a guarded handler, as `lambda_runtime` makes them.

use std::convert::Infallible;
use std::future::Future;
use std::sync::Mutex;
use std::time::{Duration, SystemTime};

use hopguard::Guard;
use lambda_runtime::tower::ServiceExt as _;
use lambda_runtime::{Context, Diagnostic, LambdaEvent, Service, service_fn};
use serde_json::value::RawValue;

use crate::event::ARN;

/// An invocation that has a minute left.
pub fn context() -> Context {
    let deadline =
        SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap() + Duration::from_secs(60);
    let mut context = Context::default();
    context.request_id = "8476a536-e9f4-11e8-9739-2dfe598c3fcd".to_owned();
    context.deadline = deadline.as_millis().try_into().unwrap();
    context.invoked_function_arn = ARN.to_owned();
    context
}

pub fn raw(event: &str) -> Box<RawValue> {
    RawValue::from_string(event.to_owned()).unwrap()
}

/// Invokes a guarded handler.
pub async fn invoke<G>(guarded: G, event: &str) -> Result<G::Response, Diagnostic>
where
    G: Service<LambdaEvent<Box<RawValue>>, Error = Diagnostic>,
{
    invoke_with(guarded, event, context()).await
}

/// The same with a context of its own.
pub async fn invoke_with<G>(guarded: G, event: &str, context: Context) -> Result<G::Response, Diagnostic>
where
    G: Service<LambdaEvent<Box<RawValue>>, Error = Diagnostic>,
{
    guarded.oneshot(LambdaEvent::new(raw(event), context)).await
}

/// Runs `work` as the handler of a guarded invocation.
pub async fn within<F: Future>(guard: &Guard, event: &str, work: impl FnOnce() -> F) -> F::Output {
    let (mut work, output) = (Some(work), Mutex::new(None));
    let handler = service_fn(|_: LambdaEvent<Box<RawValue>>| {
        let (work, output) = (work.take().unwrap(), &output);
        async move {
            *output.lock().unwrap() = Some(work().await);
            Ok::<(), Infallible>(())
        }
    });
    invoke(guard.wrap(handler), event).await.unwrap();
    output.into_inner().unwrap().unwrap()
}
