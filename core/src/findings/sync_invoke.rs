use super::names::Names;
use super::tally::Tally;
use super::{Evidence, Observation, Thresholds};
use crate::function_name;
use crate::wait::{Amount, Call};

/// A function that calls functions and waits for them.
#[derive(Clone, Debug, Default)]
pub(super) struct SyncInvoke {
    pub(super) tally: Tally,
    invokes: u64,
    callees: Names,
    callees_paid: Amount,
    estimated: u64,
}

impl SyncInvoke {
    pub(super) fn observe(&mut self, observation: &Observation<'_>) {
        let invokes = &observation.analysis.sync_invokes;
        if invokes.count == 0 {
            return;
        }
        self.invokes += u64::from(invokes.count);
        self.estimated += u64::from(invokes.estimated);
        self.callees_paid += invokes.callees;
        for call in observation.calls.as_slice().iter().filter(|call| Call::is_sync_invoke(call)) {
            if let Some(callee) = &call.target {
                self.callees.note(function_name(callee));
            }
        }
        self.tally.note(observation, invokes.caller);
    }

    pub(super) fn evidence(&self, thresholds: &Thresholds, paid: Amount) -> Option<Vec<Evidence>> {
        (self.invokes >= u64::from(thresholds.sync_invoke_invokes)).then(|| {
            vec![
                Evidence::count("synchronous invokes", self.invokes as f64)
                    .against(thresholds.sync_invoke_invokes)
                    .named(&self.callees),
                Evidence::share("time waited for them, of what is paid", self.tally.cost(), paid),
                Evidence::gb_seconds("what the callees are paid with", self.callees_paid),
                Evidence::count("invokes whose own price is estimated", self.estimated as f64),
            ]
        })
    }
}
