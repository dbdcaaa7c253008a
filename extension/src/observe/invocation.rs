use std::time::SystemTime;

use hopguard_core::Lineage;
use hopguard_core::event::Source;
use hopguard_core::propagator::TraceParent;

/// The start of an invocation.
#[derive(Clone, Debug)]
pub(crate) struct Started {
    /// Lambda's request id.
    pub(crate) request_id: String,
    /// The ARN that was invoked, with its qualifier.
    pub(crate) arn: String,
    /// What delivered the event.
    pub(crate) source: Source,
    /// Where it stands in its chain.
    pub(crate) lineage: Lineage,
    /// The span of whoever sent the event.
    pub(crate) sender: Option<TraceParent>,
    /// Its own span.
    pub(crate) span: TraceParent,
    /// When the runtime got the event.
    pub(crate) at: SystemTime,
}

/// The end of an invocation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ended<'a> {
    /// Lambda's request id.
    pub(crate) request_id: &'a str,
    /// How it ended.
    pub(crate) outcome: Outcome,
    /// When its answer was out.
    pub(crate) at: SystemTime,
}

/// How an invocation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The handler answered.
    Answered,
    /// The handler failed.
    Failed,
    /// No record was left for the handler, or the invocation failed because of blocked records.
    Blocked,
}
