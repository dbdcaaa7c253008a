use std::time::{Duration, SystemTime};

use hopguard_core::Xray;
use hopguard_core::admission::Arrival;
use hopguard_core::event::Source;
use hopguard_core::propagator::TraceParent;

use crate::observe::{Batch, Started};
use crate::wire::Head;

/// The header that holds the client context.
pub(crate) const CLIENT_CONTEXT: &str = "Lambda-Runtime-Client-Context";

/// What the Runtime API's headers say of an invocation.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) request_id: String,
    pub(crate) arn: String,
    pub(crate) deadline: SystemTime,
    pub(crate) xray: Xray,
    pub(crate) client_context: Option<String>,
}

impl Call {
    /// Reads them; `None` where not even a request id is there: this is no invocation, and passes through.
    pub(crate) fn read(head: &Head) -> Option<Self> {
        // As Lambda writes them, which finds them sooner.
        let text = |name: &str| head.text(name);
        let deadline = text("Lambda-Runtime-Deadline-Ms").and_then(|ms| ms.parse().ok()).unwrap_or_default();
        Some(Self {
            request_id: text("Lambda-Runtime-Aws-Request-Id")?.to_owned(),
            arn: text("Lambda-Runtime-Invoked-Function-Arn").unwrap_or_default().to_owned(),
            deadline: SystemTime::UNIX_EPOCH + Duration::from_millis(deadline),
            xray: Xray::parse(text("Lambda-Runtime-Trace-Id").unwrap_or_default()),
            client_context: text(CLIENT_CONTEXT).filter(|context| !context.is_empty()).map(str::to_owned),
        })
    }

    /// What is observed of its start.
    pub(crate) fn started(
        &self,
        source: Source,
        arrival: &Arrival,
        batch: Batch,
        sender: Option<TraceParent>,
        span: TraceParent,
    ) -> Started {
        Started {
            request_id: self.request_id.clone(),
            arn: self.arn.clone(),
            source,
            lineage: arrival.lineage,
            sender,
            batch,
            span,
            at: SystemTime::now(),
        }
    }
}
