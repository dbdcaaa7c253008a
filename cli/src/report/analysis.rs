//! What `core::wait` and `core::findings` say of the model.

use std::borrow::Cow;

use hopguard_core::findings::{Observation, Seen, Thresholds, Window};
use hopguard_core::wait::{self, Analysis, Calls, Kind, Price};

use super::model::{self, Model};

/// What time is paid with, and what counts as a finding.
#[derive(Clone, Debug, Default)]
pub(crate) struct Terms {
    pub(crate) price: Price,
    /// The memory of functions whose spans do not say it, in MB.
    pub(crate) memory_mb: u32,
    /// From where on something is a finding.
    pub(crate) thresholds: Thresholds,
}

impl Terms {
    /// What a function is given; 0 where nobody says.
    pub(crate) const fn memory_mb(&self, invocation: &model::Invocation) -> u32 {
        if invocation.memory_mb == 0 { self.memory_mb } else { invocation.memory_mb }
    }

    fn times(&self, invocation: &model::Invocation) -> wait::Invocation {
        wait::Invocation {
            start_ns: invocation.start_ns,
            end_ns: invocation.end_ns,
            memory_mb: self.memory_mb(invocation),
            busy_ns: invocation.busy_ns,
            init_ns: invocation.init_ns,
            billed_ns: None,
        }
    }

    fn call(&self, model: &Model, call: &model::Call) -> wait::Call {
        let callee = call.callee.and_then(|place| model.invocations.get(place)).map(|callee| {
            let times = self.times(callee);
            wait::Callee { paid_ns: times.paid_ns(), memory_mb: times.memory_mb }
        });
        let error = call.error.as_deref();
        wait::Call {
            start_ns: call.start_ns,
            end_ns: call.end_ns,
            service: Cow::Owned((*call.service).to_owned()),
            operation: Cow::Owned((*call.operation).to_owned()),
            target: call.target.as_deref().map(Into::into),
            kind: if call.sync_invoke { Kind::SyncInvoke { callee } } else { Kind::Other },
            attempts: call
                .attempts
                .iter()
                .map(|one| wait::Attempt { start_ns: one.start_ns, end_ns: one.end_ns, failed: one.failed })
                .collect(),
            resends: call.resends,
            status: call.status,
            error: error.map(Into::into),
            timed_out: call.timed_out(),
            depends_on: call.depends_on.iter().filter_map(|place| u32::try_from(*place).ok()).collect(),
        }
    }

    /// An empty window of findings.
    pub(crate) fn window(&self) -> Window {
        Window::new(self.thresholds)
    }

    /// One invocation, analysed.
    pub(crate) fn analyse(&self, model: &Model, invocation: &model::Invocation) -> (Calls, Analysis) {
        let mut calls: Calls = invocation.calls.iter().map(|call| self.call(model, call)).collect();
        calls.add_dropped(invocation.dropped_calls);
        let analysis = wait::analyse(&self.times(invocation), &calls, &self.price);
        (calls, analysis)
    }
}

/// Shows an invocation to the window of findings.
pub(crate) fn observe(
    window: &mut Window,
    invocation: &model::Invocation,
    calls: &Calls,
    analysis: &Analysis,
) {
    let trace = format!("{:032x}", invocation.trace);
    let source =
        invocation.origin.as_deref().or(Some(&*invocation.source)).filter(|source| !source.is_empty());
    window.observe(&Observation {
        function: &invocation.function,
        invocation: &invocation.id,
        trace: &trace,
        source,
        route: invocation.route.as_deref(),
        calls,
        analysis,
        lineage: Seen {
            hop: invocation.hop.unwrap_or_default(),
            visits: invocation.visits.unwrap_or_default(),
            blocked: invocation.blocked,
            tripped: false,
        },
        package_bytes: invocation.package_bytes,
        init_ns: invocation.init_ns,
    });
}
