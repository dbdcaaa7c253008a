//! The SDK interceptor that writes the current lineage into outgoing calls, one file per service, and makes a span of each call.

#[cfg(any(feature = "sqs", feature = "sns"))]
mod attributes;
mod call;
mod failure;
#[cfg(feature = "lambda")]
mod lambda;
#[cfg(feature = "s3")]
mod s3;
#[cfg(feature = "sns")]
mod sns;
#[cfg(feature = "sqs")]
mod sqs;
mod target;

use std::fmt;
use std::sync::Arc;

use aws_runtime::invocation_id::InvocationIdInterceptor;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::{
    BeforeSerializationInterceptorContextMut, BeforeTransmitInterceptorContextRef,
    FinalizerInterceptorContextRef, Input,
};
use aws_smithy_runtime_api::client::interceptors::{DisableInterceptor, Intercept, dyn_dispatch_hint};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;
use hopguard_core::Counter;
use hopguard_core::propagator::Injected;

use crate::scope::Scope;
use crate::sdk::call::Calling;
use crate::shared::Shared;

/// Writes the lineage of the current [`Scope`] into the calls of an SDK client, and makes a span of each. Made by
/// [`Guard::propagator`](crate::Guard::propagator), and given to the client's configuration as an interceptor:
///
/// ```
/// # #[cfg(feature = "sqs")] {
/// # let guard = hopguard::Guard::default();
/// # let config = aws_sdk_sqs::Config::builder().behavior_version_latest().build();
/// let config = config.to_builder().interceptor(guard.propagator()).build();
/// let client = aws_sdk_sqs::Client::from_conf(config);
/// # }
/// ```
///
/// One propagator serves the clients of all services whose feature is on: `sqs` (SendMessage, SendMessageBatch), `sns` (Publish,
/// PublishBatch), `s3` (PutObject, CopyObject, CreateMultipartUpload), `lambda` (Invoke). All other calls pass unchanged, and so
/// do presigned requests, which somebody else will send. A call never fails because of it: where there is no room, nothing is
/// written, and each outcome is counted.
///
/// Every call of a client of any service, whether it carries lineage or not, has a span (target `hopguard`, level `info`) with its
/// attempts and with how it ended; one whose future is dropped ends then, as `cancelled`. Where no subscriber wants the span,
/// nothing of that is done.
#[derive(Clone)]
pub struct Propagator(Arc<Shared>);

impl Propagator {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self(shared)
    }

    fn begin(&self, input: &mut Input, cfg: &mut ConfigBag) {
        if is_presigned(cfg) {
            // Whoever sends a presigned request would have to send our headers too, or its signature fails.
            if is_carrier(input) {
                self.0.count(Counter::Unsupported);
            }
            return;
        }
        let scope = Scope::current();
        let Some(calling) = Calling::begin(&self.0, scope.as_ref(), cfg) else {
            return self.inject(scope, input, cfg);
        };
        // The call's own span is the parent of what it sends.
        calling.span().in_scope(|| Scope::called_by(calling.own(), || self.inject(scope, input, cfg)));
        cfg.interceptor_state().store_put(calling);
    }

    fn inject(&self, scope: Option<Scope>, input: &mut Input, cfg: &mut ConfigBag) {
        if !is_carrier(input) {
            return;
        }
        let Some(scope) = scope else {
            return self.0.count_no_scope();
        };
        let count = |injected: Injected| self.0.count(injected.into());
        #[cfg(feature = "sqs")]
        sqs::inject(input, &scope, count);
        #[cfg(feature = "sns")]
        sns::inject(input, &scope, count);
        #[cfg(feature = "lambda")]
        lambda::inject(input, &scope, count);
        #[cfg(feature = "s3")]
        if let Some(write) = s3::inject(input, &scope, self.0.edge.objects(), count) {
            cfg.interceptor_state().store_put(write);
        }
        let _ = (&scope, count, cfg);
    }
}

fn is_carrier(input: &Input) -> bool {
    #[cfg(feature = "sqs")]
    if sqs::is_carrier(input) {
        return true;
    }
    #[cfg(feature = "sns")]
    if sns::is_carrier(input) {
        return true;
    }
    #[cfg(feature = "lambda")]
    if lambda::is_carrier(input) {
        return true;
    }
    #[cfg(feature = "s3")]
    if s3::is_carrier(input) {
        return true;
    }
    let _ = input;
    false
}

/// The SDK's presigning switches its own invocation id off; nothing else does, and it shows before any interceptor runs.
fn is_presigned(cfg: &ConfigBag) -> bool {
    cfg.load::<DisableInterceptor<InvocationIdInterceptor>>().is_some()
}

/// The bucket that a call of S3's client is about: it is in the host or in the path of the request, and here in any case.
fn bucket_of(cfg: &ConfigBag) -> Option<String> {
    #[cfg(feature = "s3")]
    {
        use aws_sdk_s3::config::endpoint::Params;
        use aws_smithy_runtime_api::client::endpoint::EndpointResolverParams;
        Some(cfg.load::<EndpointResolverParams>()?.get::<Params>()?.bucket()?.to_owned())
    }
    #[cfg(not(feature = "s3"))]
    {
        let _ = cfg;
        None
    }
}

#[dyn_dispatch_hint]
impl Intercept for Propagator {
    fn name(&self) -> &'static str {
        "HopguardPropagator"
    }

    fn modify_before_serialization(
        &self,
        context: &mut BeforeSerializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        self.begin(context.input_mut(), cfg);
        Ok(())
    }

    fn read_after_serialization(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if Calling::of(cfg).is_some() {
            let bucket = bucket_of(cfg);
            if let Some(calling) = Calling::of(cfg) {
                calling.requested(context.request(), bucket);
            }
        }
        Ok(())
    }

    fn read_before_attempt(
        &self,
        _: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let Some(calling) = Calling::of(cfg) {
            calling.attempting();
        }
        Ok(())
    }

    fn read_after_attempt(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let Some(calling) = Calling::of(cfg) {
            calling.attempted(context);
        }
        Ok(())
    }

    fn read_after_execution(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        #[cfg(feature = "s3")]
        if let (Some(write), Some(Ok(output))) = (cfg.load::<s3::Write>(), context.output_or_error()) {
            s3::remember(write, output, context.response(), self.0.edge.objects());
        }
        if let Some(calling) = Calling::of(cfg) {
            calling.ended(context);
        }
        Ok(())
    }
}

impl fmt::Debug for Propagator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Propagator").finish_non_exhaustive()
    }
}
