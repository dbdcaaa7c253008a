use std::fmt::Debug;

use bytes::Bytes;
use futures_util::Stream;
use lambda_runtime::layers::TracingLayer;
use lambda_runtime::{Diagnostic, Error, IntoFunctionResponse, LambdaEvent, Runtime};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tower::Service;

use crate::Guard;
use crate::handover::EventLayer;

impl Guard {
    /// Runs a handler under the guard, for ever: what [`lambda_runtime::run`] is to a handler without one.
    ///
    /// It takes the same handlers, with any event and response type, buffered or streaming. It guards as [`Guard::wrap`] does, and is
    /// faster than `lambda_runtime::run(guard.wrap(handler))`: the event comes to the guard as the bytes that Lambda sent, where that
    /// has to scan and copy it first.
    ///
    /// ```no_run
    /// use lambda_runtime::{Error, LambdaEvent, service_fn};
    /// use serde_json::Value;
    ///
    /// #[tokio::main]
    /// async fn main() -> Result<(), Error> {
    ///     hopguard::Guard::from_env().run(service_fn(handler)).await
    /// }
    ///
    /// async fn handler(event: LambdaEvent<Value>) -> Result<(), Error> {
    ///     Ok(())
    /// }
    /// ```
    ///
    /// # Errors
    /// As of [`lambda_runtime::run`]: where the Runtime API cannot be reached. A block is no error of it.
    ///
    /// # Panics
    /// As [`lambda_runtime::run`] does: where the variables are missing that Lambda sets.
    pub async fn run<H, T, R, B, S, D, E>(&self, handler: H) -> Result<(), Error>
    where
        H: Service<LambdaEvent<T>, Response = R>,
        H::Error: Into<Diagnostic>,
        T: DeserializeOwned,
        R: IntoFunctionResponse<B, S>,
        B: Serialize,
        S: Stream<Item = Result<D, E>> + Unpin + Send + 'static,
        D: Into<Bytes> + Send,
        E: Into<Error> + Send + Debug,
    {
        Runtime::new(self.wrap(handler)).layer(self.layer()).layer(TracingLayer::new()).run().await
    }

    /// A layer for the runtime of a handler of this guard's [`Guard::wrap`], which [`Guard::run`] adds by itself: it hands each event
    /// to the guard as the bytes that Lambda sent. For a `Runtime` with layers and SnapStart resources of your own.
    ///
    /// Add it first, so that your own layers see the event: those that are added after it are around it. The runtime's handler has to
    /// be the wrapped one, or pass its events on to it as they are.
    ///
    /// ```no_run
    /// # use lambda_runtime::{Error, LambdaEvent, Runtime, layers::TracingLayer, service_fn};
    /// # async fn handler(event: LambdaEvent<serde_json::Value>) -> Result<(), Error> { Ok(()) }
    /// # async fn run() -> Result<(), Error> {
    /// let guard = hopguard::Guard::from_env();
    /// let runtime = Runtime::new(guard.wrap(service_fn(handler))).layer(guard.layer());
    /// runtime.layer(TracingLayer::new()).run().await
    /// # }
    /// ```
    pub fn layer(&self) -> EventLayer {
        EventLayer::new(self.handover())
    }

    /// The same for an environment that may run several invocations at once (Lambda Managed Instances): what
    /// [`lambda_runtime::run_concurrent`] is to a handler without a guard. Elsewhere it runs them one after the other.
    ///
    /// # Errors
    /// As of [`lambda_runtime::run_concurrent`].
    ///
    /// # Panics
    /// As [`lambda_runtime::run_concurrent`] does: outside of a Tokio runtime, and where the variables are missing that Lambda sets.
    #[cfg(feature = "concurrency-tokio")]
    #[cfg_attr(docsrs, doc(cfg(feature = "concurrency-tokio")))]
    pub async fn run_concurrent<H, T, R, B, S, D, E>(&self, handler: H) -> Result<(), Error>
    where
        H: Service<LambdaEvent<T>, Response = R> + Clone + Send + 'static,
        H::Error: Into<Diagnostic>,
        H::Future: Send + 'static,
        T: DeserializeOwned + Send + 'static,
        R: IntoFunctionResponse<B, S> + Send + 'static,
        B: Serialize + Send + 'static,
        S: Stream<Item = Result<D, E>> + Unpin + Send + 'static,
        D: Into<Bytes> + Send + 'static,
        E: Into<Error> + Send + Debug + 'static,
    {
        let runtime = Runtime::new(self.wrap(handler)).layer(self.layer()).layer(TracingLayer::new());
        runtime.run_concurrent().await
    }
}
