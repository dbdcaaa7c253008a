//! The SDK interceptor that writes the current lineage into outgoing calls, one file per service.

#[cfg(any(feature = "sqs", feature = "sns"))]
mod attributes;
#[cfg(feature = "lambda")]
mod lambda;
#[cfg(feature = "s3")]
mod s3;
#[cfg(feature = "sns")]
mod sns;
#[cfg(feature = "sqs")]
mod sqs;

use std::fmt;
use std::sync::Arc;

use aws_runtime::invocation_id::InvocationIdInterceptor;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::{
    BeforeSerializationInterceptorContextMut, FinalizerInterceptorContextRef, Input,
};
use aws_smithy_runtime_api::client::interceptors::{DisableInterceptor, Intercept, dyn_dispatch_hint};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;
use hopguard_core::Counter;
use hopguard_core::propagator::Injected;

use crate::scope::Scope;
use crate::shared::Shared;

/// Writes the lineage of the current [`Scope`] into the calls of an SDK client. Made by
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
#[derive(Clone)]
pub struct Propagator(Arc<Shared>);

impl Propagator {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self(shared)
    }

    fn inject(&self, input: &mut Input, cfg: &mut ConfigBag) {
        if !is_carrier(input) {
            return;
        }
        if is_presigned(cfg) {
            // Whoever sends a presigned request would have to send our headers too, or its signature fails.
            return self.0.count(Counter::Unsupported);
        }
        let Some(scope) = Scope::current() else {
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
        let _ = (&scope, count);
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
        self.inject(context.input_mut(), cfg);
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
        let _ = (context, cfg);
        Ok(())
    }
}

impl fmt::Debug for Propagator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Propagator").finish_non_exhaustive()
    }
}
